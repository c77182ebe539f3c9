/** The privacy page's model: what is asked, with which secret, and what stands there after each answer (MS-3, MS-11). */

import assert from "node:assert/strict";
import { test } from "node:test";
import { WORDS as GERMAN } from "../../bot_runtime/channels/widget/static/js/words/privacy-de.js";
import { WORDS as ENGLISH } from "../../bot_runtime/channels/widget/static/js/words/privacy-en.js";
import { Holdings, poster } from "../../bot_runtime/channels/widget/static/js/models/holdings.js";

const DATA = { chats: [], choices: [] };

function scene(answers, device = "secret") {
  const asked = [];
  const post = async (path, body) => {
    asked.push([path, body]);
    return answers.shift();
  };
  return { asked, held: new Holdings({ post, who: () => ({ device, locale: "en" }) }) };
}

test("M-2: a browser without a secret asks nobody", async () => {
  const { held, asked } = scene([], null);
  await held.load();
  assert.deepEqual([held.state, asked], ["none", []]);
});

test("MS-11: what is held is shown; nothing held is no error; a refusal is said in its own words", async () => {
  const { held, asked } = scene([{ ok: true, value: DATA }]);
  await held.load();
  assert.deepEqual([held.state, held.data], ["ready", DATA]);
  assert.deepEqual(asked, [["", { device: "secret", locale: "en" }]]);

  const none = scene([{ ok: false, status: 404, detail: "Nothing." }]).held;
  await none.load();
  assert.equal(none.state, "none");

  const many = scene([{ ok: false, status: 429, detail: "Please wait." }]).held;
  await many.load();
  assert.deepEqual([many.state, many.problem], ["failed", "Please wait."]);
});

test("MS-3: giving names the version that was read, taking back names none", async () => {
  const { held, asked } = scene([
    { ok: true, value: DATA },
    { ok: true, value: DATA },
  ]);
  await held.choose({ use: "transcript_mail", version: "en-1" }, true);
  await held.choose({ use: "transcript_mail", version: "en-1" }, false);
  assert.deepEqual(
    asked.map(([path, { given, version }]) => [path, given, version]),
    [
      ["/consent", true, "en-1"],
      ["/consent", false, ""],
    ],
  );
  assert.equal(held.done, "chosen");
});

test("a refused erasure leaves what is shown as it is, and says which part it belongs to", async () => {
  const { held } = scene([
    { ok: true, value: DATA },
    { ok: false, status: 422, detail: "Type the word to confirm." },
  ]);
  await held.load();
  await held.erase("no");
  assert.deepEqual([held.state, held.last, held.problem, held.done], ["ready", "erase", "Type the word to confirm.", ""]);
});

test("MS-4: an erasure that was carried out is handed on, one that waits for people is shown", async () => {
  const erased = { certificate: "c", final_at: 7 };
  const { held, asked } = scene([
    { ok: true, value: DATA },
    { ok: true, value: { ...DATA, requests: [{ what: "erase", state: "open", why: "held" }] } },
    { ok: true, value: { erased } },
  ]);
  await held.load();
  assert.equal(await held.erase("ERASE"), null);
  assert.deepEqual([held.done, held.data.requests[0].why], ["kept_erase", "held"]);
  assert.deepEqual(await held.erase("ERASE"), erased);
  assert.deepEqual(asked[2][1], { device: "secret", locale: "en", what: "erase", confirm: "ERASE" });
});

test("a line that is cut is no answer, and a copy is a file", async () => {
  const cut = await poster("bot", () => Promise.reject(new TypeError("cut")))("", {});
  assert.deepEqual(cut, { ok: false, status: 0, detail: "" });
  const sent = [];
  const send = async (...call) => {
    sent.push(call);
    return new Response(new Blob(["zip"]), { headers: { "Content-Type": "application/zip" } });
  };
  const { held } = { held: new Holdings({ post: poster("bot", send), who: () => ({ device: "s", locale: "de" }) }) };
  const copy = await held.copy();
  assert.ok(copy instanceof Blob);
  assert.equal(sent[0][0], "/w/bot/privacy/copy");
  assert.ok(!sent[0][0].includes("s="), "no secret stands in an address");
  assert.deepEqual(JSON.parse(sent[0][1].body), { device: "s", locale: "de" });
});

test("both languages have every word of the page with the same values", () => {
  const values = (words) => words.match(/\{\w+\}/g)?.sort() ?? [];
  assert.deepEqual(Object.keys(GERMAN).sort(), Object.keys(ENGLISH).sort());
  for (const [word, text] of Object.entries(ENGLISH)) assert.deepEqual(values(GERMAN[word]), values(text), word);
});
