import assert from "node:assert/strict";
import { test } from "node:test";

import { Line, Outbox, Typing } from "../../foundation/web/static/js/line.js";
import { Desk } from "../../handoff/static/js/models/desk.js";
import { counter, Exchange, ManualClock } from "./hands.js";

const ME = { person: "anna", name: "Anna", role: "agent" };
const dayOf = () => "day";

const row = (id, more = {}) => ({
  id,
  bot: "b1",
  control: "queue",
  holder: null,
  holder_name: "",
  name: "",
  address: "",
  verification: { state: "none", method: "", why: "" },
  last_text: "",
  last_by: "",
  opened_at: 1,
  updated_at: 1,
  waiting_since: 1,
  seq: 3,
  unread: 1,
  ...more,
});

class Scene {
  clock = new ManualClock();
  exchange = new Exchange();
  alerts = [];
  refused = [];

  constructor(...rows) {
    this.desk = new Desk({
      connect: this.exchange.connect,
      clock: this.clock,
      uuid: counter(),
      random: () => 0.5,
      Line,
      Outbox,
      Typing,
    });
    this.desk.addEventListener("alert", ({ detail }) => this.alerts.push(`${detail.kind} ${detail.row.id}`));
    this.desk.addEventListener("refused", ({ detail }) => this.refused.push(detail.text));
    this.desk.line.start();
    this.wire.open();
    this.welcome(...rows);
  }

  get wire() {
    return this.exchange.wire;
  }

  welcome(...rows) {
    this.wire.say({ type: "welcome", me: ME, bots: [{ id: "b1", name: "Harbour Bikes" }], rows });
  }

  comeBack(code, ...rows) {
    const before = this.exchange.wires.length;
    this.wire.cut(code);
    while (this.exchange.wires.length === before) this.clock.pass(100);
    this.wire.open();
    this.welcome(...rows);
  }

  events(conversation, ...events) {
    this.wire.say({ type: "events", conversation, events: events.map((event) => ({ at: this.clock.time, ...event })) });
  }

  words() {
    return this.desk
      .items(dayOf)
      .filter((item) => item.type === "message" || item.type === "note")
      .map((item) => [item.type, item.text, item.state]);
  }
}

const said = (seq, by, text, more = {}) => ({
  seq,
  kind: "message",
  by,
  text,
  buttons: [],
  author: "",
  author_name: "",
  client_id: "",
  ...more,
});

test("hello carries nothing: the session cookie says who I am", () => {
  const scene = new Scene();
  assert.deepEqual(scene.wire.sent, [{ type: "hello" }]);
  assert.deepEqual(scene.desk.me, ME);
});

test("opening a chat watches it from what is known, and unwatches the one before", () => {
  const scene = new Scene(row("c1"), row("c2"));
  scene.desk.select("c1");
  scene.events("c1", said(1, "visitor", "Hello"), said(4, "bot", "Ahoy"));
  scene.desk.select("c2");
  scene.desk.select("c1");
  assert.deepEqual(scene.wire.sent.slice(1), [
    { type: "watch", conversation: "c1", since: 0 },
    { type: "unwatch", conversation: "c1" },
    { type: "watch", conversation: "c2", since: 0 },
    { type: "unwatch", conversation: "c2" },
    { type: "watch", conversation: "c1", since: 4 },
  ]);
  assert.equal(scene.words().length, 2, "what was read is still there");
});

test("after a reconnect the list is the server's and the open chat goes on without gap or double", () => {
  const scene = new Scene(row("c1"), row("c2"));
  scene.desk.select("c1");
  scene.events("c1", said(4, "visitor", "A"));
  scene.comeBack(1001, row("c1"), row("c3", { control: "agent", holder: "ben" }));
  assert.deepEqual([...scene.desk.rows.keys()], ["c1", "c3"]);
  assert.deepEqual(scene.wire.of("watch"), [{ type: "watch", conversation: "c1", since: 4 }]);
  scene.events("c1", said(4, "visitor", "A"), said(5, "visitor", "B"));
  assert.deepEqual(
    scene.words().map(([, text]) => text),
    ["A", "B"],
  );
});

test("a message is there at once, stored once, whichever of ack and event comes first, and a lost ack repeats it", () => {
  for (const order of ["ack first", "event first", "ack lost"]) {
    const scene = new Scene(row("c1", { control: "agent", holder: "anna" }));
    scene.desk.select("c1");
    scene.desk.write("message", "Hello");
    assert.deepEqual(scene.words(), [["message", "Hello", "sending"]]);
    const { client_id } = scene.wire.of("message")[0];
    const ack = () => scene.wire.say({ type: "ack", conversation: "c1", client_id, seq: 5 });
    const event = () =>
      scene.events("c1", said(5, "agent", "Hello", { client_id, author: "anna", author_name: "Anna" }));
    if (order === "ack lost") {
      scene.comeBack(1006, row("c1", { control: "agent", holder: "anna" }));
      assert.deepEqual(
        scene.wire.of("message").map((frame) => frame.client_id),
        [client_id],
      );
    }
    if (order === "event first") event();
    ack();
    assert.deepEqual(scene.words(), [["message", "Hello", ""]], order);
    event();
    assert.deepEqual(scene.words(), [["message", "Hello", ""]], order);
    assert.equal(scene.desk.unsent.length, 0);
  }
});

test("one-way outage: five seconds without an answer are said, twelve end the line, and the message is there once", () => {
  const mine = row("c1", { control: "agent", holder: "anna" });
  const scene = new Scene(mine);
  scene.desk.select("c1");
  scene.desk.write("message", "Hello");
  const [sent] = scene.wire.of("message");
  scene.clock.pass(5_000);
  assert.equal(scene.desk.line.lost, true);
  scene.wire.say({ type: "row", row: mine });
  assert.equal(scene.desk.line.lost, true, "what still comes in is no answer");
  scene.clock.pass(7_500);
  assert.equal(scene.exchange.wires.length, 2);
  scene.wire.open();
  scene.welcome(mine);
  assert.equal(scene.desk.line.lost, false);
  assert.deepEqual(scene.wire.of("message"), [sent]);
  scene.wire.say({ type: "ack", conversation: "c1", client_id: sent.client_id, seq: 5 });
  assert.deepEqual(scene.words(), [["message", "Hello", ""]]);
});

test("an ack does not move since", () => {
  const scene = new Scene(row("c1"));
  scene.desk.select("c1");
  scene.desk.write("note", "careful");
  scene.wire.say({ type: "ack", conversation: "c1", client_id: scene.wire.of("note")[0].client_id, seq: 9 });
  scene.comeBack(1006, row("c1"));
  assert.equal(scene.wire.of("watch")[0].since, 0);
  assert.deepEqual(scene.words(), [["note", "careful", ""]]);
});

test("a refused message is kept with the reason, counted as unsent, and can be tried again or discarded", () => {
  const scene = new Scene(row("c1"));
  scene.desk.select("c1");
  scene.desk.write("message", "Hello");
  const { client_id } = scene.wire.of("message")[0];
  scene.wire.say({
    type: "error",
    conversation: "c1",
    client_id,
    code: "conflict",
    title: "Conflict",
    detail: "Take the chat over first.",
  });
  const item = scene.desk.items(dayOf).find((one) => one.type === "message");
  assert.deepEqual([item.state, item.error, scene.desk.unsent.length], ["failed", "Take the chat over first.", 1]);
  scene.desk.outbox.retry(client_id);
  assert.equal(scene.wire.of("message").length, 2);
  scene.desk.outbox.drop(client_id);
  assert.equal(scene.desk.unsent.length, 0);
});

test("what is written in one chat is not shown in another", () => {
  const scene = new Scene(row("c1"), row("c2"));
  scene.wire.cut();
  scene.desk.select("c1");
  scene.desk.write("note", "for the first");
  scene.desk.select("c2");
  assert.deepEqual(scene.words(), []);
  assert.equal(scene.desk.unsent.length, 1);
});

test("a deed is done once, and not repeated by itself after a broken line", async () => {
  const scene = new Scene(row("c1"));
  scene.desk.select("c1");
  const taking = scene.desk.deed("take_over");
  assert.equal(await scene.desk.deed("take_over"), false, "a second press while it is on its way");
  assert.equal(scene.desk.isBusy("c1"), true);
  scene.comeBack(1006, row("c1", { control: "agent", holder: "ben" }));
  assert.equal(await taking, false);
  assert.deepEqual(scene.wire.of("take_over"), []);
  assert.match(scene.refused[0], /connection broke/);
});

test("of two who take over at the same moment one is told", async () => {
  const scene = new Scene(row("c1"));
  scene.desk.select("c1");
  const taking = scene.desk.deed("take_over");
  scene.wire.say({
    type: "error",
    conversation: "c1",
    client_id: scene.wire.of("take_over")[0].client_id,
    code: "conflict",
    title: "Conflict",
    detail: "Somebody else holds this chat.",
  });
  assert.equal(await taking, false);
  assert.deepEqual(scene.refused, ["Somebody else holds this chat."]);
  assert.equal(scene.desk.isBusy("c1"), false);
});

test("vouching carries method and reason", async () => {
  const scene = new Scene(row("c1"));
  scene.desk.select("c1");
  const vouching = scene.desk.deed("verify", { method: "manual", reason: "Known by voice" });
  const [frame] = scene.wire.of("verify");
  assert.deepEqual([frame.conversation, frame.method, frame.reason], ["c1", "manual", "Known by voice"]);
  scene.wire.say({ type: "ack", conversation: "c1", client_id: frame.client_id, seq: 7 });
  assert.equal(await vouching, true);
});

test("what is gone is gone from the list, the thread and the memory", () => {
  const scene = new Scene(row("c1"));
  scene.desk.select("c1");
  scene.events("c1", said(1, "visitor", "secret"));
  scene.wire.say({ type: "gone", conversation: "c1" });
  assert.deepEqual([scene.desk.rows.size, scene.desk.selected, scene.desk.log], [0, null, null]);
  scene.desk.select("c1");
  assert.deepEqual(scene.words(), []);
});

test("a chat that may not be watched is closed", () => {
  const scene = new Scene();
  scene.desk.select("foreign");
  scene.wire.say({
    type: "error",
    conversation: "foreign",
    client_id: "",
    code: "not_found",
    title: "Not found",
    detail: "There is no such conversation.",
  });
  assert.equal(scene.desk.selected, null);
});

test("it calls when somebody begins to wait, and when my visitor writes; never for what was there at the start", () => {
  const scene = new Scene(row("c1"), row("mine", { control: "agent", holder: "anna", last_by: "agent", unread: 0 }));
  assert.deepEqual(scene.alerts, []);
  const tell = (updated) => scene.wire.say({ type: "row", row: updated });
  tell(row("c1", { seq: 4 }));
  tell(row("c2"));
  tell(row("mine", { control: "agent", holder: "anna", last_by: "visitor", unread: 1 }));
  tell(row("mine", { control: "agent", holder: "anna", last_by: "visitor", unread: 1, seq: 9 }));
  tell(row("bens", { control: "agent", holder: "ben", last_by: "visitor", unread: 1 }));
  scene.comeBack(1006, row("c1"), row("c2"), row("c4"));
  assert.deepEqual(scene.alerts, ["new c2", "message mine", "new c4"]);
});

for (const code of [4400, 4401, 4403]) {
  test(`closed with ${code} it does not try again, and says what was not sent`, () => {
    const scene = new Scene(row("c1"));
    scene.desk.select("c1");
    scene.desk.write("note", "unsent");
    scene.wire.cut(code);
    scene.clock.pass(60_000);
    assert.deepEqual([scene.exchange.wires.length, scene.desk.line.state, scene.desk.line.code], [1, "ended", code]);
    assert.deepEqual(scene.words(), [["note", "unsent", "failed"]]);
  });
}

for (const code of [1001, 1006, 4408, 4429]) {
  test(`closed with ${code} it comes back`, () => {
    const scene = new Scene(row("c1"));
    scene.comeBack(code, row("c1"));
    assert.equal(scene.desk.line.state, "open");
  });
}

test("typing is told for the open chat and forgotten with it", () => {
  const scene = new Scene(row("c1"), row("c2"));
  scene.desk.select("c1");
  scene.desk.typing.typed();
  scene.wire.say({ type: "typing", conversation: "c2", by: "visitor", name: "", on: true });
  assert.equal(scene.desk.typing.heard, null);
  scene.wire.say({ type: "typing", conversation: "c1", by: "visitor", name: "", on: true });
  assert.equal(scene.desk.typing.heard.by, "visitor");
  scene.desk.select("c2");
  assert.equal(scene.desk.typing.heard, null);
  assert.deepEqual(scene.wire.of("typing"), [
    { type: "typing", conversation: "c1", on: true },
    { type: "typing", conversation: "c1", on: false },
  ]);
});

test("YA-13: what I may do changes while the console is open", () => {
  const scene = new Scene();
  scene.wire.say({ type: "me", me: { ...ME, may: { share: false, download: true } } });
  assert.deepEqual(scene.desk.me.may, { share: false, download: true });
});

test("YA-25: a chat that the house offers me rings, counts down by my own clock, and is taken or given back", async () => {
  const scene = new Scene();
  const offer = { to: "anna", name: "Anna", left: 30_000 };
  scene.wire.say({ type: "me", me: { ...ME, status: "available", automatic: true } });
  scene.wire.say({ type: "row", row: row("c1") });
  assert.deepEqual(scene.alerts, [], "where the house gives out chats, a new one rings for whom it is offered to");
  scene.wire.say({ type: "row", row: row("c1", { offer }) });
  scene.wire.say({ type: "row", row: row("c2", { offer: { to: "bert", name: "Bert", left: 9_000 } }) });
  assert.deepEqual(scene.alerts, ["offer c1"]);
  assert.deepEqual(scene.desk.offers.map(({ id }) => id), ["c1"]);
  scene.clock.pass(10_000);
  assert.equal(scene.desk.secondsLeft(scene.desk.rows.get("c1")), 20);
  const given = scene.desk.deed("decline", { conversation: "c1" });
  const { client_id: id, ...frame } = scene.wire.sent.at(-1);
  assert.deepEqual(frame, { type: "decline", conversation: "c1" });
  scene.wire.say({ type: "ack", conversation: "c1", client_id: id, seq: 4 });
  assert.equal(await given, true);
  scene.wire.say({ type: "row", row: row("c1", { offer: null }) });
  assert.deepEqual(scene.desk.offers, []);
});

test("YA-25: the status is what the server says", () => {
  const scene = new Scene();
  scene.desk.choose("busy");
  assert.deepEqual(scene.wire.sent.at(-1), { type: "status", status: "busy" });
  scene.wire.say({ type: "error", code: "unavailable", detail: "Not now.", conversation: "", client_id: "" });
  assert.deepEqual(scene.refused, ["Not now."]);
});
