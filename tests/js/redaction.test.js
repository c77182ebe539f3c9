/** YA-21, MS-12: what the console and the widget show of a message whose words were taken out, or put right. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Thread } from "../../bot_runtime/channels/widget/static/js/models/thread.js";
import { Log, REMOVED } from "../../handoff/static/js/models/log.js";

const dayOf = () => "today";
const said = (seq, text, more = {}) => ({ seq, at: seq, kind: "message", by: "visitor", text, buttons: [], ...more });
const inConsole = (log) => log.items({ pending: [], dayOf }).filter((item) => item.type === "message");
const inWidget = (thread) =>
  thread.items({ pending: [], unreadFrom: 0, dayOf, quick: true }).filter((item) => item.type === "message");

test("an open console takes the words out of what it shows", () => {
  const log = new Log();
  log.apply([said(1, "secret", { payload: "/secret" })]);
  assert.equal(inConsole(log)[0].text, "secret");
  log.apply([{ seq: 2, at: 2, kind: "redacted", message: 1, author: "p", author_name: "Ann", reason: "" }]);
  const [message] = inConsole(log);
  assert.deepEqual([message.text, message.payload, message.gone], [REMOVED, "", true]);
  assert.ok(!JSON.stringify(log.items({ pending: [], dayOf })).includes("secret"));
  assert.ok(log.items({ pending: [], dayOf }).some((item) => item.text === "Ann removed a message."));
});

test("a console that opens later is told without the words, and a correction after it changes nothing", () => {
  const log = new Log();
  log.apply([said(1, "", { redacted: true }), { seq: 2, at: 2, kind: "redacted", message: 1, author: "" }]);
  log.apply([{ seq: 3, at: 3, kind: "corrected", what: "message", message: 1, value: "again" }]);
  assert.equal(inConsole(log)[0].text, REMOVED);
});

test("a corrected message reads right at once, in console and widget", () => {
  const event = { seq: 2, at: 2, kind: "corrected", what: "message", message: 1, value: "Hamburg" };
  const log = new Log();
  const thread = new Thread();
  for (const one of [log, thread]) one.apply([said(1, "Hamburk"), event]);
  assert.equal(inConsole(log)[0].text, "Hamburg");
  assert.equal(inWidget(thread)[0].text, "Hamburg");
});

test("a note that was redacted says so", () => {
  const log = new Log();
  log.apply([{ seq: 1, at: 1, kind: "note", author: "p", author_name: "Ann", text: "secret", client_id: "n" }]);
  log.apply([{ seq: 2, at: 2, kind: "redacted", message: 1, author: "p", author_name: "Ann" }]);
  assert.equal(log.items({ pending: [], dayOf }).find((item) => item.type === "note").text, REMOVED);
});

test("the widget takes the words and buttons away and keeps the message's place", () => {
  const thread = new Thread();
  thread.apply([said(1, "secret", { by: "bot", buttons: [{ title: "secret", payload: "x" }], image: "https://x/y" })]);
  thread.apply([{ seq: 2, at: 2, kind: "redacted", message: 1 }]);
  const [message] = inWidget(thread);
  assert.deepEqual([message.redacted, message.text, message.image, message.buttons], [true, "", "", []]);
});
