import assert from "node:assert/strict";
import { test } from "node:test";

import { Refused, search, statusWords } from "../../transcripts/static/js/search-stream.js";

/** A server that answers with these pieces of bytes. */
function answering(pieces, init = {}) {
  const asked = [];
  const fetch = async (path, options) => {
    asked.push({ path, body: JSON.parse(options.body), method: options.method });
    const bytes = pieces.map((piece) => (typeof piece === "string" ? new TextEncoder().encode(piece) : piece));
    return new Response(new Blob(bytes).stream(), init);
  };
  return { fetch, asked };
}

async function all(lines) {
  const read = [];
  for await (const line of lines) read.push(line);
  return read;
}

test("lines are handed out whole, however the bytes are cut", async () => {
  const umlaut = new TextEncoder().encode("ü");
  const { fetch, asked } = answering(['{"a":', '1}\n{"b":"', umlaut.slice(0, 1), umlaut.slice(1), '"}\n']);
  assert.deepEqual(await all(search({ query: "q", after: null, fetch })), [{ a: 1 }, { b: "ü" }]);
  assert.deepEqual(asked, [{ path: "/api/search", method: "POST", body: { query: "q", after: null } }]);
});

test("a refusal says why, and so does an answer that breaks off", async () => {
  const refused = answering(['{"detail":"Write what to look for."}'], { status: 422 });
  await assert.rejects(all(search({ query: "", after: null, fetch: refused.fetch })), {
    constructor: Refused,
    message: "Write what to look for.",
  });
  const cut = answering(['{"type":"found"}\n{"type":"en']);
  await assert.rejects(all(search({ query: "q", after: null, fetch: cut.fetch })), /broke off/);
});

test("the status says what was found, what was looked through, and what is left", () => {
  assert.equal(
    statusWords({ found: 1, scanned: 1200, state: "done", unreadable: 0 }),
    "1 conversation found, 1,200 looked through.",
  );
  assert.match(statusWords({ found: 2, scanned: 5, state: "more", unreadable: 0 }), /more to look through/);
  assert.match(statusWords({ found: 0, scanned: 5, state: "busy", unreadable: 1 }), /^Searching.*1 could not be read/);
});
