import assert from "node:assert/strict";
import { test } from "node:test";

import { Outbox } from "../../foundation/web/static/js/line.js";
import { counter, ManualClock } from "./hands.js";

function setUp() {
  const clock = new ManualClock();
  const sent = [];
  const late = [];
  const outbox = new Outbox({
    send: (frame) => Boolean(sent.push(frame)),
    uuid: counter(),
    clock,
    onChange: () => {},
    onLate: (is) => late.push(is),
  });
  return { clock, outbox, sent, late };
}

const say = (text) => ({ type: "message", text });
const texts = (frames) => frames.map((frame) => frame.text);

test("without a line things wait; with one they go, in order, and are gone when acknowledged", () => {
  const { outbox, sent } = setUp();
  const first = outbox.put(say("a"));
  outbox.put(say("b"));
  assert.deepEqual(sent, []);
  outbox.connected();
  assert.deepEqual(texts(sent), ["a", "b"]);
  outbox.settle(first.id, { kind: "ack", seq: 3 });
  assert.deepEqual(
    outbox.entries.map((entry) => entry.frame.text),
    ["b"],
  );
});

test("a lost ack: the same frame goes out again under the same client_id", () => {
  const { outbox, sent } = setUp();
  outbox.connected();
  outbox.put(say("a"));
  outbox.disconnected();
  outbox.connected();
  assert.equal(sent.length, 2);
  assert.deepEqual(sent[0], sent[1]);
});

test("no more than eight are on their way, so that a long outbox is not refused for its rate", () => {
  const { outbox, sent } = setUp();
  outbox.connected();
  const entries = Array.from({ length: 20 }, (_, index) => outbox.put(say(String(index))));
  assert.equal(sent.length, 8);
  for (const entry of entries) outbox.settle(entry.id, { kind: "ack" });
  assert.deepEqual(
    texts(sent),
    entries.map((entry) => entry.frame.text),
  );
});

test("an error keeps the words and says why; trying again sends them under the same id", async () => {
  const { outbox, sent } = setUp();
  outbox.connected();
  const entry = outbox.put(say("a"));
  outbox.settle(entry.id, { kind: "error", code: "too_many", detail: "Too many." });
  assert.equal(entry.state, "failed");
  assert.equal((await entry.answer).detail, "Too many.");
  assert.equal(outbox.unsent, 0);
  outbox.retry(entry.id);
  assert.equal(sent.length, 2);
  assert.equal(sent[1].client_id, entry.id);
});

test("what must not be done twice fails when the line breaks", async () => {
  const { outbox, sent } = setUp();
  outbox.connected();
  const entry = outbox.put({ type: "code", code: "123456" }, { once: true });
  outbox.disconnected();
  assert.equal((await entry.answer).kind, "lost");
  outbox.connected();
  assert.equal(sent.length, 1);
});

test("what was put while there is no line is sent once even when it must not be done twice", () => {
  const { outbox, sent } = setUp();
  outbox.put({ type: "code", code: "123456" }, { once: true });
  outbox.disconnected();
  outbox.connected();
  assert.equal(sent.length, 1);
});

test("five seconds without an answer are said, and so is the answer", () => {
  const { clock, outbox, late } = setUp();
  outbox.connected();
  const entry = outbox.put(say("a"));
  clock.pass(4_000);
  const newer = outbox.put(say("b"));
  assert.deepEqual(late, []);
  clock.pass(1_000);
  assert.deepEqual(late, [true], "a newer frame does not buy the older one time");
  outbox.settle(entry.id, { kind: "ack" });
  assert.deepEqual(late, [true, false]);
  clock.pass(5_000);
  assert.deepEqual(late, [true, false, true], "the newer one waits as well");
  outbox.settle(newer.id, { kind: "error", detail: "no" });
  clock.pass(60_000);
  assert.deepEqual(late, [true, false, true, false], "a refusal is an answer, and nobody waits any more");
});

test("what is lost with the line is no answer", () => {
  const { clock, outbox, late } = setUp();
  outbox.connected();
  outbox.put({ type: "code", code: "123456" }, { once: true });
  clock.pass(5_000);
  outbox.disconnected();
  assert.deepEqual(late, [true]);
  clock.pass(60_000);
  assert.deepEqual(late, [true], "without a line nobody expects an answer");
});

test("an answer that comes twice, or to nobody, changes nothing", () => {
  const { outbox } = setUp();
  outbox.connected();
  const entry = outbox.put(say("a"));
  assert.ok(outbox.settle(entry.id, { kind: "ack" }));
  assert.equal(outbox.settle(entry.id, { kind: "ack" }), null);
  assert.equal(outbox.settle("nobody", { kind: "ack" }), null);
});
