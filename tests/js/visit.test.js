import assert from "node:assert/strict";
import { test } from "node:test";

import { Device, KEY } from "../../bot_runtime/channels/widget/static/js/models/device.js";
import { Visit } from "../../bot_runtime/channels/widget/static/js/models/visit.js";
import { Line, Outbox, Typing } from "../../foundation/web/static/js/line.js";
import { counter, Exchange, ManualClock, MemoryStorage, settled } from "./hands.js";

const BOT = "b".repeat(22);
const SECRET = "s".repeat(43);
const NOTICE = { version: "en-1", text: "What we collect …", hash: "h", locale: "en" };
const CARD = { id: BOT, name: "Harbour Bikes", language: "en", accent: "#0a6e5c", greeting: "Ahoy" };

class Scene {
  clock = new ManualClock();
  exchange = new Exchange();
  storage = new MemoryStorage();
  happened = [];

  constructor({ stored, keys, locale = "en" } = {}) {
    if (stored) this.storage.setItem(KEY, JSON.stringify(stored));
    this.visit = new Visit({
      bot: BOT,
      locale,
      keys,
      Line,
      Outbox,
      Typing,
      connect: this.exchange.connect,
      device: new Device({ storage: this.storage, bot: BOT, draw: () => SECRET }),
      clock: this.clock,
      uuid: counter(),
      random: () => 0.5,
    });
    this.visit.addEventListener("happened", ({ detail }) => this.happened.push(detail.name));
    this.visit.line.start();
    this.wire.open();
  }

  get wire() {
    return this.exchange.wire;
  }

  welcome(members = {}) {
    const usual = {
      bot: CARD,
      notice: NOTICE,
      consented: false,
      conversation: null,
      seq: 0,
      control: "bot",
      holder: null,
      secure: true,
    };
    this.wire.say({ type: "welcome", ...usual, ...members });
  }

  talking(members = {}) {
    this.welcome({ consented: true, conversation: "c1", seq: 2, ...members });
  }

  events(...events) {
    this.wire.say({ type: "events", events: events.map((event) => ({ at: this.clock.time, ...event })) });
  }

  /** The line breaks and comes back; returns the new hello. */
  comeBack(code = 1006, members = {}) {
    const before = this.exchange.wires.length;
    this.wire.cut(code);
    while (this.exchange.wires.length === before) this.clock.pass(100);
    this.wire.open();
    const [hello] = this.wire.of("hello");
    if (members) this.talking(members);
    return hello;
  }

  messages() {
    return this.visit
      .items(dayOf)
      .filter((item) => item.type === "message")
      .map((item) => [item.by, item.text, item.state]);
  }

  lines() {
    return this.visit
      .items(dayOf)
      .filter((item) => item.type === "line")
      .map((item) => item.words ?? item.text);
  }
}

const dayOf = (at) => new Date(at).toDateString();

const consenting = () => {
  const scene = new Scene();
  scene.welcome();
  scene.visit.consent();
  scene.talking();
  return scene;
};

const message = (seq, by, text, more = {}) => ({
  seq,
  kind: "message",
  by,
  text,
  buttons: [],
  image: "",
  card: "",
  author_name: "",
  client_id: "",
  ...more,
});

test("MS-1, P-1: before the consent nothing is stored and no secret is said", () => {
  const scene = new Scene();
  assert.equal(scene.wire.of("hello")[0].device, null);
  scene.welcome();
  assert.equal(scene.visit.phase, "notice");
  scene.visit.show("declined");
  assert.equal(scene.visit.phase, "declined");
  assert.equal(scene.storage.items.size, 0);
  assert.deepEqual(
    scene.wire.sent.map((frame) => frame.type),
    ["hello"],
  );
  scene.visit.show("notice");
  assert.equal(scene.visit.phase, "notice");
});

test("MS-2: consent names the notice that was shown, and is stored when the server confirmed it", () => {
  const scene = new Scene();
  scene.welcome();
  scene.visit.consent();
  assert.deepEqual(scene.wire.of("consent"), [{ type: "consent", notice: "en-1", device: SECRET }]);
  assert.equal(scene.storage.items.size, 0, "not before the answer");
  scene.talking();
  assert.deepEqual(JSON.parse(scene.storage.getItem(KEY)), { device: SECRET, bots: [BOT] });
  assert.equal(scene.visit.phase, "thread");
  assert.deepEqual(scene.happened, ["conversation:started", "consent:given"]);
});

test("a consent whose answer was lost is sent again with the same secret", () => {
  const scene = new Scene();
  scene.welcome();
  scene.visit.consent();
  const hello = scene.comeBack(1006, null);
  assert.equal(hello.device, SECRET, "the server may have stored it");
  scene.welcome();
  assert.deepEqual(scene.wire.of("consent"), [{ type: "consent", notice: "en-1", device: SECRET }]);
  scene.talking();
  assert.equal(scene.visit.phase, "thread");
  assert.ok(scene.happened.includes("consent:given"));
});

test("a notice that changed meanwhile is shown again, not agreed to", () => {
  const scene = new Scene();
  scene.welcome();
  scene.visit.consent();
  scene.welcome({ notice: { ...NOTICE, version: "en-2", text: "Other words" } });
  scene.wire.say({ type: "error", code: "conflict", title: "Conflict", detail: "The notice has changed." });
  assert.equal(scene.visit.phase, "notice");
  assert.equal(scene.visit.noticeChanged, true);
  assert.equal(scene.visit.busy, "");
  assert.equal(scene.wire.of("consent").length, 1);
  assert.equal(scene.storage.items.size, 0);
});

test("a browser that is known goes on where it was, and asks for all it lacks", () => {
  const scene = new Scene({ stored: { device: SECRET, bots: [BOT] } });
  assert.deepEqual([scene.wire.of("hello")[0].device, scene.wire.of("hello")[0].since], [SECRET, 0]);
  scene.talking({ seq: 4 });
  scene.events(message(3, "bot", "Ahoy"), message(4, "visitor", "Hello", { client_id: "x" }));
  assert.deepEqual(scene.messages(), [
    ["bot", "Ahoy", ""],
    ["visitor", "Hello", "sent"],
  ]);
  assert.deepEqual(scene.happened, [], "what is only shown again has not happened now");
  assert.equal(scene.visit.unread, 0);
});

test("the secret of another bot is not said to this one before it has consent", () => {
  const scene = new Scene({ stored: { device: SECRET, bots: ["another"] } });
  assert.equal(scene.wire.of("hello")[0].device, null);
});

test("a message is there at once, sent when it is acknowledged, and once when its event comes", () => {
  const scene = consenting();
  scene.visit.say("  Hello\u0000 \n");
  const [sent] = scene.wire.of("message");
  assert.deepEqual(scene.messages(), [["visitor", "Hello", "sending"]]);
  scene.wire.say({ type: "ack", client_id: sent.client_id, seq: 3 });
  assert.deepEqual(scene.messages(), [["visitor", "Hello", "sent"]]);
  scene.events(message(3, "visitor", "Hello", { client_id: sent.client_id }));
  scene.wire.say({ type: "ack", client_id: sent.client_id, seq: 3 });
  assert.deepEqual(scene.messages(), [["visitor", "Hello", "sent"]]);
});

test("the event may come before its ack", () => {
  const scene = consenting();
  scene.visit.say("Hello");
  const [sent] = scene.wire.of("message");
  scene.events(message(3, "visitor", "Hello", { client_id: sent.client_id }));
  scene.wire.say({ type: "ack", client_id: sent.client_id, seq: 3 });
  scene.comeBack();
  assert.deepEqual(scene.wire.of("message"), [], "what was stored is not sent again");
  assert.deepEqual(scene.messages(), [["visitor", "Hello", "sent"]]);
});

test("a lost ack: after the reconnect the message goes out under the same client_id and is there once", () => {
  const scene = consenting();
  scene.visit.say("Hello");
  const [sent] = scene.wire.of("message");
  scene.comeBack();
  assert.deepEqual(scene.wire.of("message"), [sent]);
  scene.events(message(3, "visitor", "Hello", { client_id: sent.client_id }), message(4, "bot", "Ahoy"));
  scene.wire.say({ type: "ack", client_id: sent.client_id, seq: 3 });
  assert.deepEqual(scene.messages(), [
    ["visitor", "Hello", "sent"],
    ["bot", "Ahoy", ""],
  ]);
});

test("an ack does not move since: what others said before is still asked for", () => {
  const scene = consenting();
  scene.events(message(3, "bot", "One"));
  scene.visit.say("Two");
  scene.wire.say({ type: "ack", client_id: scene.wire.of("message")[0].client_id, seq: 5 });
  const hello = scene.comeBack();
  assert.equal(hello.since, 3);
});

test("events that come twice or out of order are there once and in order", () => {
  const scene = consenting();
  scene.events(message(5, "bot", "C"), message(4, "bot", "B"));
  scene.events(message(3, "bot", "A"), message(4, "bot", "B"));
  assert.deepEqual(
    scene.messages().map(([, text]) => text),
    ["A", "B", "C"],
  );
});

test("what is written without a line is kept and sent in order when it is back", () => {
  const scene = consenting();
  scene.wire.cut();
  scene.visit.say("One");
  scene.visit.say("Two");
  assert.deepEqual(
    scene.messages().map(([, , state]) => state),
    ["sending", "sending"],
  );
  scene.clock.pass(600);
  scene.wire.open();
  scene.talking();
  assert.deepEqual(
    scene.wire.of("message").map((frame) => frame.text),
    ["One", "Two"],
  );
});

test("a refused message says why and can be tried again or discarded", () => {
  const scene = consenting();
  scene.visit.say("Hello");
  const { client_id } = scene.wire.of("message")[0];
  scene.wire.say({ type: "error", client_id, code: "too_many", title: "Too many", detail: "Wait a little." });
  const [item] = scene.visit.items(dayOf).filter((one) => one.type === "message");
  assert.deepEqual([item.state, item.error], ["failed", "Wait a little."]);
  scene.visit.outbox.retry(client_id);
  assert.equal(scene.wire.of("message").length, 2);
  scene.wire.say({ type: "error", client_id, code: "too_many", title: "Too many", detail: "Wait." });
  scene.visit.outbox.drop(client_id);
  assert.deepEqual(scene.messages(), []);
});

test("another conversation than the one since was counted in: everything is asked for from its beginning", () => {
  const scene = consenting();
  scene.events(message(9, "bot", "old"));
  scene.comeBack(1006, { conversation: "c2", seq: 12 });
  const hello = scene.wire.of("hello")[0];
  scene.wire.open();
  assert.equal(scene.wire.of("hello")[0].since, 0, JSON.stringify(hello));
  scene.talking({ conversation: "c2", seq: 12 });
  scene.events(message(3, "bot", "new"));
  assert.deepEqual(
    scene.messages().map(([, text]) => text),
    ["new"],
  );
});

test("one-way outage: a message without an answer is said after five seconds, and an answer takes it back", () => {
  const scene = consenting();
  scene.visit.say("Hello");
  const [sent] = scene.wire.of("message");
  scene.clock.pass(4_900);
  assert.equal(scene.visit.lost, false);
  scene.wire.say({ type: "typing", by: "bot", name: "", on: true });
  scene.clock.pass(100);
  assert.equal(scene.visit.lost, true, "what still comes in is no answer");
  assert.deepEqual(scene.messages(), [["visitor", "Hello", "sending"]]);
  scene.wire.say({ type: "ack", client_id: sent.client_id, seq: 3 });
  assert.deepEqual([scene.visit.lost, scene.visit.restored], [false, true]);
  assert.deepEqual(scene.messages(), [["visitor", "Hello", "sent"]]);
  assert.equal(scene.exchange.wires.length, 1);
  assert.deepEqual(scene.happened.slice(-2), ["status", "status"]);
});

test("one-way outage: the line is tried anew after twelve seconds and the message is there once", () => {
  const scene = consenting();
  scene.visit.say("Hello");
  const [sent] = scene.wire.of("message");
  scene.clock.pass(12_000);
  assert.ok(scene.exchange.wires[0].isClosed);
  assert.equal(scene.visit.lost, true, "the notice stays until there is a line");
  scene.clock.pass(500);
  assert.equal(scene.exchange.wires.length, 2);
  scene.wire.open();
  scene.talking();
  assert.equal(scene.visit.lost, false);
  assert.deepEqual(scene.wire.of("message"), [sent], "under the same id");
  scene.wire.say({ type: "ack", client_id: sent.client_id, seq: 3 });
  scene.clock.pass(15_000);
  assert.deepEqual(scene.messages(), [["visitor", "Hello", "sent"]]);
  assert.equal(scene.exchange.wires.length, 2);
});

test("lost after five seconds, restored when it is back, and both are said", () => {
  const scene = consenting();
  scene.wire.cut();
  scene.clock.pass(300);
  scene.wire.cut();
  scene.clock.pass(4_800);
  assert.equal(scene.visit.lost, true);
  scene.visit.line.nudge();
  scene.wire.open();
  scene.talking();
  assert.deepEqual([scene.visit.lost, scene.visit.restored], [false, true]);
  scene.clock.pass(3_100);
  assert.equal(scene.visit.restored, false);
  assert.equal(scene.happened.filter((name) => name === "status").length, 2);
});

for (const [code, reason] of [
  [4403, "blocked"],
  [4404, "no_bot"],
  [4400, "broken"],
]) {
  test(`closed with ${code} before a chat: it says ${reason} and does not try again`, () => {
    const scene = new Scene();
    scene.wire.cut(code);
    scene.clock.pass(60_000);
    assert.deepEqual([scene.visit.phase, scene.visit.reason], ["failed", reason]);
    assert.equal(scene.exchange.wires.length, 1);
  });
}

test("4403 in the middle of a chat: what was not sent is shown as not sent", () => {
  const scene = consenting();
  scene.visit.say("Hello");
  scene.wire.cut(4403);
  assert.deepEqual(scene.messages(), [["visitor", "Hello", "failed"]]);
  assert.equal(scene.visit.reason, "blocked");
});

for (const code of [1001, 4401, 4408, 4429]) {
  test(`closed with ${code}: it comes back with since and without asking for consent again`, () => {
    const scene = consenting();
    scene.events(message(7, "bot", "Ahoy"));
    const hello = scene.comeBack(code);
    assert.deepEqual([hello.device, hello.since], [SECRET, 7]);
    assert.equal(scene.visit.phase, "thread");
    assert.deepEqual(
      scene.happened.filter((name) => name.startsWith("con")),
      ["conversation:started", "consent:given"],
    );
  });
}

test("MS-4: what is said of an erasure stands there whichever comes first, the answer or the end of the line", () => {
  for (const first of ["answer", "line"]) {
    const scene = consenting();
    if (first === "line") scene.wire.cut(4404);
    scene.visit.leave("erased", "Certificate: 7");
    if (first === "answer") scene.wire.cut(4404);
    assert.deepEqual([scene.visit.phase, scene.visit.reason, scene.visit.note], ["gone", "erased", "Certificate: 7"]);
    scene.visit.startAgain();
    assert.equal(scene.visit.note, "");
  }
});

test("4404 in a chat: it was erased, and this browser forgets it", () => {
  const scene = consenting();
  scene.wire.cut(4404);
  assert.deepEqual([scene.visit.phase, scene.visit.reason], ["gone", "erased"]);
  assert.equal(scene.storage.items.size, 0);
});

test("P-6, D-18: withdrawing ends the chat, deletes the key and leaves nothing on the screen", async () => {
  const scene = consenting();
  scene.events(message(3, "bot", "Ahoy"));
  const withdrawing = scene.visit.withdraw();
  scene.wire.say({ type: "done", client_id: scene.wire.of("withdraw")[0].client_id, outcome: "withdrawn" });
  await withdrawing;
  scene.wire.cut(1000);
  assert.deepEqual([scene.visit.phase, scene.visit.reason], ["gone", "withdrawn"]);
  assert.equal(scene.storage.items.size, 0);
  assert.equal(scene.visit.items(dayOf).length, 0);
  assert.ok(scene.happened.includes("consent:withdrawn"));
  scene.clock.pass(60_000);
  assert.equal(scene.exchange.wires.length, 1);
  scene.visit.startAgain();
  scene.wire.open();
  assert.equal(scene.wire.of("hello")[0].device, null);
});

test("a withdrawal whose answer was lost is repeated until the server has it", async () => {
  const scene = consenting();
  const withdrawing = scene.visit.withdraw();
  scene.comeBack();
  assert.equal(scene.wire.of("withdraw").length, 1);
  scene.wire.cut(1000);
  await withdrawing;
  assert.equal(scene.visit.reason, "withdrawn");
});

test("forgetting in this browser sends nothing and keeps the other bots' entry", () => {
  const scene = new Scene({ stored: { device: SECRET, bots: ["another", BOT] } });
  scene.talking();
  scene.visit.forget();
  assert.deepEqual(JSON.parse(scene.storage.getItem(KEY)), { device: SECRET, bots: ["another"] });
  assert.deepEqual(
    scene.wire.sent.map((frame) => frame.type),
    ["hello"],
  );
});

test("BR-5: who answers now is always said, and by whom", () => {
  const scene = consenting();
  scene.events(
    { seq: 3, kind: "control", now: "queue", reason: "handoff_requested", holder_name: "" },
    { seq: 4, kind: "control", now: "agent", reason: "taken", holder_name: "Anna" },
  );
  assert.deepEqual([scene.visit.control, scene.visit.holder], ["agent", "Anna"]);
  scene.events({ seq: 5, kind: "control", now: "bot", reason: "handed_back", holder_name: "" });
  assert.deepEqual(scene.lines(), ["line_queue", "line_agent", "line_bot_back"]);
  assert.deepEqual(scene.visit.items(dayOf).find((item) => item.text === "line_agent").name, "Anna");
  assert.deepEqual(scene.happened.slice(2), ["handoff:requested", "handoff:assigned", "handoff:ended"]);
});

test("asking for a person twice asks once", async () => {
  const scene = consenting();
  scene.visit.deed("handoff");
  scene.visit.deed("handoff");
  assert.equal(scene.wire.of("handoff").length, 1);
  scene.wire.say({ type: "done", client_id: scene.wire.of("handoff")[0].client_id, outcome: "queued" });
  scene.events({ seq: 3, kind: "control", now: "queue", reason: "handoff_requested" });
  await settled();
  assert.deepEqual([scene.visit.busy, scene.visit.control], ["", "queue"]);
});

test("a closed chat says so, and starting again under the same notice asks nothing twice", () => {
  const scene = consenting();
  scene.events(
    { seq: 3, kind: "control", now: "closed", reason: "resolved" },
    { seq: 4, kind: "closed", by: "agent", reason: "resolved" },
  );
  assert.equal(scene.visit.isClosed, true);
  assert.deepEqual(scene.lines(), ["line_closed"]);
  scene.visit.startAgain();
  assert.equal(scene.wire.of("consent").length, 2);
  scene.talking({ conversation: "c2" });
  assert.deepEqual([scene.visit.isClosed, scene.visit.conversation, scene.messages().length], [false, "c2", 0]);
});

test("a closed chat whose notice is not the current one leads to the notice", () => {
  const scene = new Scene({ stored: { device: SECRET, bots: [BOT] } });
  scene.welcome({ conversation: "c1", seq: 5, control: "closed", consented: false });
  assert.equal(scene.visit.phase, "thread");
  scene.visit.startAgain();
  assert.equal(scene.visit.phase, "notice");
});

test("DD-6, DD-7: the e-mail card follows the events, whatever was done here", async () => {
  const scene = consenting();
  scene.events(message(3, "bot", "Where may we write to?", { card: "email" }));
  assert.equal(scene.visit.email.step, "ask");
  const giving = scene.visit.prove("email", { address: "jane@x.example" });
  scene.wire.say({ type: "done", client_id: scene.wire.of("email")[0].client_id, outcome: "sent" });
  await giving;
  scene.events({ seq: 4, kind: "email", address: "j***@x.example", state: "sent" });
  assert.deepEqual([scene.visit.email.step, scene.visit.email.address], ["code", "j***@x.example"]);
  for (const [outcome, words] of [
    ["wrong", "code_wrong"],
    ["expired", "code_expired"],
    ["too_many", "code_too_many"],
  ]) {
    const trying = scene.visit.prove("code", { code: "000000" });
    scene.wire.say({ type: "done", client_id: scene.wire.of("code").at(-1).client_id, outcome });
    await trying;
    assert.deepEqual([scene.visit.email.step, scene.visit.email.problem, scene.visit.email.busy], ["code", words, ""]);
  }
  scene.visit.email.open();
  assert.equal(scene.visit.email.step, "ask");
  scene.visit.email.keepAddress();
  assert.equal(scene.visit.email.step, "code");
  scene.events({ seq: 5, kind: "email", address: "", state: "verified" });
  assert.deepEqual([scene.visit.email.step, scene.visit.email.address], ["verified", "j***@x.example"]);
  scene.events({ seq: 6, kind: "email", address: "", state: "lost" });
  assert.equal(scene.visit.email.step, "ask");
  assert.deepEqual(
    scene.happened.filter((name) => name.startsWith("email")),
    ["email:supplied", "email:verified"],
  );
});

test("a code whose answer was lost is not tried a second time by itself", async () => {
  const scene = consenting();
  scene.events(message(3, "bot", "Code?", { card: "code" }));
  const trying = scene.visit.prove("code", { code: "123456" });
  scene.comeBack();
  await trying;
  assert.equal(scene.wire.of("code").length, 0);
  assert.equal(scene.visit.email.problem, "lost_try_again");
  scene.events({ seq: 4, kind: "email", address: "", state: "verified" });
  assert.equal(scene.visit.email.step, "verified", "the events say that it was right after all");
});

test("what the system says with a card is said by the card", () => {
  const scene = consenting();
  scene.events(
    message(3, "system", "If j***@x.example can receive mail …", { card: "code" }),
    message(4, "system", "Nobody was free."),
  );
  assert.deepEqual(scene.lines(), ["Nobody was free."]);
  assert.equal(scene.visit.email.step, "code");
});

test("quick replies stand until the visitor says something", () => {
  const scene = consenting();
  const buttons = [{ title: "Prices", payload: "/ask_price" }];
  scene.events(message(3, "bot", "Ahoy", { buttons }));
  assert.deepEqual(scene.visit.items(dayOf).at(-1).buttons, buttons);
  scene.visit.say("Prices", "/ask_price");
  assert.deepEqual(
    scene.visit.items(dayOf).flatMap((item) => item.buttons ?? []),
    [],
  );
  assert.deepEqual([scene.wire.of("message")[0].text, scene.wire.of("message")[0].payload], ["Prices", "/ask_price"]);
});

test("unread counts what came while nobody looked, with a divider before it", () => {
  const scene = consenting();
  scene.events(message(3, "bot", "seen"));
  scene.visit.setVisible(false);
  scene.events(message(4, "agent", "one"), message(5, "agent", "two"), {
    seq: 6,
    kind: "control",
    now: "bot",
    reason: "handed_back",
  });
  assert.equal(scene.visit.unread, 2);
  scene.visit.setVisible(true);
  assert.equal(scene.visit.unread, 0);
  const types = scene.visit.items(dayOf).map((item) => item.type);
  assert.equal(types.filter((type) => type === "divider").length, 1);
  assert.equal(types.indexOf("divider"), types.indexOf("message") + 1);
  scene.visit.say("ok");
  assert.ok(!scene.visit.items(dayOf).some((item) => item.type === "divider"));
});

test("typing: told sparingly, heard until it fades or the message comes", () => {
  const scene = consenting();
  for (let key = 0; key < 20; key += 1) {
    scene.visit.typing.typed();
    scene.clock.pass(200);
  }
  assert.deepEqual(
    scene.wire.of("typing").map((frame) => frame.on),
    [true, true],
  );
  scene.clock.pass(4_000);
  assert.equal(scene.wire.of("typing").at(-1).on, false);
  scene.wire.say({ type: "typing", by: "agent", name: "Anna", on: true });
  assert.deepEqual(scene.visit.typing.heard, { by: "agent", name: "Anna" });
  scene.clock.pass(8_100);
  assert.equal(scene.visit.typing.heard, null);
  scene.wire.say({ type: "typing", by: "bot", name: "", on: true });
  scene.events(message(3, "bot", "Ahoy"));
  assert.equal(scene.visit.typing.heard, null);
});

test("the host page learns that something happened, never what was said", () => {
  const scene = consenting();
  const details = [];
  scene.visit.addEventListener("happened", ({ detail }) => details.push(detail));
  scene.visit.say("my secret");
  scene.events(
    message(3, "visitor", "my secret", { client_id: scene.wire.of("message")[0].client_id }),
    message(4, "bot", "your secret"),
  );
  scene.events({ seq: 5, kind: "email", address: "j***@x.example", state: "sent" });
  assert.equal(details.length, 3);
  assert.doesNotMatch(JSON.stringify(details), /secret|example/);
});

test("a page's address is said short and without its query", () => {
  const scene = new Scene();
  scene.visit.setPage({
    url: `https://shop.example/${"x".repeat(1_500)}?token=1#2`,
    title: "ä".repeat(300),
    referrer: "https://ref.example/?q=1",
  });
  scene.comeBack(1006, null);
  const [hello] = scene.wire.of("hello");
  assert.equal(hello.page.referrer, "https://ref.example/");
  assert.doesNotMatch(hello.page.url, /token/);
  assert.ok(new TextEncoder().encode(JSON.stringify(hello)).length < 4_096);
});

const KEYS = {
  make: async () => "public",
  sign: async (words) => `signed ${words}`,
  drop: async () => (KEYS.dropped = true),
};

test("P-1, DD-7: the browser's key is made with the consent, and asked to sign when the socket comes back", async () => {
  let loaded = 0;
  const scene = new Scene({ keys: async () => ((loaded += 1), KEYS) });
  scene.welcome();
  await settled();
  assert.equal(loaded, 0);
  assert.equal("key" in scene.wire.of("hello")[0], false);
  scene.visit.consent();
  await settled();
  assert.equal(scene.wire.of("consent")[0].key, "public");
  scene.talking({ ticket: "t1" });
  assert.equal(scene.visit.who.ticket, "t1");
  assert.equal(scene.comeBack(1006, null).key, true);
  scene.wire.say({ type: "challenge", nonce: "n1" });
  await settled();
  assert.deepEqual(scene.wire.of("signed"), [{ type: "signed", signature: `signed frontdesk browser 1\n${BOT}\nn1` }]);
  scene.talking();
  assert.equal(scene.visit.phase, "thread");
  scene.visit.forget();
  await settled();
  assert.equal(KEYS.dropped, true);
});

test("DD-7: a browser that is told that it is another one reads the notice again, and draws a secret of its own", () => {
  const other = "9".repeat(43);
  const scene = new Scene({ stored: { device: other, bots: [BOT], key: true } });
  assert.deepEqual([scene.wire.of("hello")[0].device, scene.wire.of("hello")[0].key], [other, true]);
  scene.welcome({ other_browser: true });
  assert.equal(scene.visit.phase, "notice");
  scene.visit.consent();
  assert.equal(scene.wire.of("consent")[0].device, SECRET);
});

test("DD-7: without its module the browser answers that it cannot sign, and consents without a key", async () => {
  const scene = new Scene({ keys: async () => Promise.reject(new Error("offline")) });
  scene.welcome();
  scene.visit.consent();
  await settled();
  assert.equal("key" in scene.wire.of("consent")[0], false);
  scene.wire.say({ type: "challenge", nonce: "n1" });
  await settled();
  assert.equal(scene.wire.of("signed")[0].signature, "");
});
