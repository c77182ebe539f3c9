/** YA-29: whom the host page names; a token that is not taken ends quietly, and nothing of another stays in sight. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Device, KEY } from "../../bot_runtime/channels/widget/static/js/models/device.js";
import { identify } from "../../bot_runtime/channels/widget/static/js/models/identity.js";
import { Visit } from "../../bot_runtime/channels/widget/static/js/models/visit.js";
import { Line, Outbox, Typing } from "../../foundation/web/static/js/line.js";
import { counter, Exchange, ManualClock, MemoryStorage, settled } from "./hands.js";

const BOT = "b".repeat(22);
const [OLD, NEW] = ["s".repeat(43), "n".repeat(43)];
const NOTICE = { version: "en-1", text: "What we collect …", hash: "h", locale: "en" };

class Scene {
  clock = new ManualClock();
  exchange = new Exchange();
  storage = new MemoryStorage();
  happened = [];

  constructor({ token = "" } = {}) {
    this.storage.setItem(KEY, JSON.stringify({ device: OLD, bots: [BOT] }));
    this.visit = new Visit({
      bot: BOT,
      locale: "en",
      Line,
      Outbox,
      Typing,
      connect: this.exchange.connect,
      device: new Device({ storage: this.storage, bot: BOT, draw: () => NEW }),
      clock: this.clock,
      uuid: counter(),
      random: () => 0.5,
    });
    this.visit.addEventListener("happened", ({ detail }) => this.happened.push(detail.name));
    if (token) identify(this.visit, token);
    this.visit.line.start();
    this.wire.open();
  }

  get wire() {
    return this.exchange.wire;
  }

  get hello() {
    return this.wire.of("hello")[0];
  }

  get kept() {
    return this.storage.getItem(KEY) && JSON.parse(this.storage.getItem(KEY));
  }

  welcome(members = {}) {
    const usual = { bot: { id: BOT }, notice: NOTICE, consented: false, conversation: null, seq: 0, control: "bot" };
    this.wire.say({ type: "welcome", ...usual, ...members });
  }

  talking(conversation = "c1") {
    this.welcome({ consented: true, conversation, seq: 1 });
    this.wire.say({ type: "events", events: [{ seq: 1, at: 0, kind: "message", by: "visitor", text: conversation }] });
  }

  words() {
    return this.visit.items(() => "day").filter((item) => item.type === "message").map((item) => item.text);
  }
}

test("YA-29: with a token the device stays at home, and comes back with the token after a broken line", () => {
  const scene = new Scene({ token: "t1" });
  const { identity, use, device } = scene.hello;
  assert.deepEqual([identity, device], ["t1", null]);
  assert.match(use, /^[\w-]{43}$/);
  scene.talking();
  const before = scene.exchange.wires.length;
  scene.wire.cut(1006);
  while (scene.exchange.wires.length === before) scene.clock.pass(100);
  scene.wire.open();
  assert.deepEqual([scene.hello.identity, scene.hello.use], ["t1", use]);
});

test("YA-29: a named visitor leaves nothing in the browser", async () => {
  const scene = new Scene({ token: "t1" });
  scene.welcome();
  scene.visit.consent();
  await settled();
  assert.equal(scene.wire.of("consent")[0].device, scene.hello.use);
  scene.talking();
  assert.equal(scene.kept.device, OLD);
});

test("YA-29: another token shows another visitor, and the same one again changes nothing", () => {
  const scene = new Scene({ token: "t1" });
  scene.talking("c1");
  const lines = scene.exchange.wires.length;
  identify(scene.visit, "t1");
  assert.equal(scene.exchange.wires.length, lines);
  identify(scene.visit, "t2");
  assert.deepEqual(scene.words(), [], "the words of the one are gone before the other is there");
  scene.wire.open();
  assert.equal(scene.hello.identity, "t2");
  assert.equal(scene.hello.since, 0);
});

test("YA-29: a token that is not taken begins afresh, with a new device and nothing alarming", () => {
  const scene = new Scene({ token: "bad" });
  scene.wire.say({ type: "error", code: "not_identified", detail: "It has expired." });
  scene.welcome({ other_browser: true });
  assert.equal(scene.visit.phase, "notice");
  assert.equal(scene.visit.problem, "");
  assert.deepEqual(scene.happened, ["error"], "the host page hears of it");
  scene.visit.consent();
  return settled().then(() => {
    assert.equal(scene.wire.of("consent")[0].device, NEW);
    scene.talking();
    assert.equal(scene.kept.device, NEW);
    identify(scene.visit, "bad");
    assert.deepEqual(scene.words(), ["c1"], "the same bad token does not end the new chat");
  });
});

test("YA-29: forget ends it, and this browser is nobody's", () => {
  const scene = new Scene({ token: "t1" });
  scene.talking();
  identify(scene.visit, "");
  assert.deepEqual(scene.words(), []);
  assert.equal(scene.kept, null);
  scene.wire.open();
  assert.equal(scene.hello.identity, undefined);
  assert.equal(scene.hello.device, null);
});
