/** Files in the widget's and the console's models: what an event becomes, how one is sent and fetched. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { load, send, sizeOf } from "../../bot_runtime/channels/widget/static/js/models/files.js";
import { Thread } from "../../bot_runtime/channels/widget/static/js/models/thread.js";
import { Files } from "../../handoff/static/js/models/files.js";
import { Log } from "../../handoff/static/js/models/log.js";

const SHARED = { seq: 3, at: 1, kind: "file", file: "F", by: "visitor", name: "a.png", media: "image/png", size: 5, shows: true };
const dayOf = () => "day";

test("a file stands in the visitor's thread, and loses name and picture when it is hidden (YA-22)", () => {
  const thread = new Thread();
  const shown = () => thread.items({ pending: [], dayOf }).find(({ type }) => type === "file");
  thread.apply([SHARED]);
  assert.deepEqual([shown().called, shown().shows, shown().redacted], ["a.png", true, undefined]);
  thread.apply([{ seq: 4, at: 2, kind: "file_hidden", file: "F" }]);
  assert.deepEqual([shown().called, shown().redacted], ["", true]);
});

test("a file stands in the agent's thread, and what became of it (YA-22)", () => {
  const log = new Log();
  const items = () => log.items({ pending: [], dayOf });
  const shown = () => items().find(({ type }) => type === "file");
  log.apply([SHARED]);
  assert.deepEqual([shown().called, shown().gone], ["a.png", false]);
  log.apply([{ seq: 4, at: 2, kind: "file_hidden", file: "F", author: "P", author_name: "Anna" }]);
  assert.deepEqual([shown().called, shown().shows, shown().gone, shown().destroyed], ["", false, true, false]);
  assert.match(items().at(-1).text, /^Anna marked a file as sensitive/);
  log.apply([{ seq: 5, at: 3, kind: "file_destroyed", file: "F" }]);
  assert.equal(shown().destroyed, true);
});

class Request {
  headers = {};
  upload = {};
  setRequestHeader(name, value) {
    this.headers[name] = value;
  }
  open(method, url) {
    Object.assign(this, { method, url });
  }
  send() {
    this.upload.onprogress({ loaded: 1, total: 4 });
    this.status = this.answers;
    this.answers ? this.onload() : this.onerror();
  }
}

const sent = async (answers, name = "Tür.png") => {
  const request = Object.assign(new Request(), { answers });
  const seen = [];
  const file = { name, type: "image/png" };
  const wrong = await send({ bot: "B", device: "D", file, id: "I", progress: (percent) => seen.push(percent), request });
  return { request, seen, wrong };
};

test("a file is sent with its name, its type and the browser's secret in headers, never in the address", async () => {
  const { request, seen, wrong } = await sent(201);
  assert.equal(wrong, "");
  assert.deepEqual(seen, [25]);
  assert.equal(request.url, "/w/B/files");
  assert.deepEqual(request.headers, {
    "Content-Type": "image/png",
    "X-Device": "D",
    "X-File-Name": "T%C3%BCr.png",
    "X-Client-Id": "I",
  });
});

test("what went wrong is a word of the widget; a lone surrogate in a name breaks nothing", async () => {
  for (const [status, word] of [[415, "file_kind"], [413, "file_large"], [429, "file_many"], [500, "file_failed"], [0, "file_failed"]])
    assert.equal((await sent(status)).wrong, word);
  assert.equal((await sent(201, "a\ud800.png")).request.headers["X-File-Name"], "a.png");
});

test("what is fetched to be kept has no type that a browser would open; a picture has its own", async () => {
  const calls = [];
  const fetch = async (url) => {
    calls.push(url);
    return new Response("<script>", { headers: { "Content-Type": "text/html" } });
  };
  assert.equal((await load({ bot: "B", device: "D", file: "F", picture: false, fetch })).type, "application/octet-stream");
  await load({ bot: "B", device: "D", file: "F", picture: true, fetch });
  assert.deepEqual(calls, ["/w/B/files/F", "/w/B/files/F?show=1"]);
  await assert.rejects(load({ bot: "B", device: "D", file: "F", fetch: async () => new Response("", { status: 404 }) }));
});

test("sizes are said in the reader's language and never as nothing", () => {
  assert.equal(sizeOf(12, "en"), "1 kB");
  assert.equal(sizeOf(2_540_000, "de"), "2,5 MB");
});

test("the console says the server's sentence, or that the connection ended", async () => {
  const answers = (answer) => new Files("C", async () => answer());
  assert.equal(await answers(() => new Response("{}", { status: 200 })).hide("F"), "");
  assert.equal(await answers(() => Response.json({ detail: "No." }, { status: 409 })).hide("F"), "No.");
  assert.match(await answers(() => Promise.reject(new Error("offline"))).hide("F"), /connection ended/);
});
