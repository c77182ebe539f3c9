import assert from "node:assert/strict";
import { test } from "node:test";

import { understood } from "../../bot_runtime/channels/widget/static/js/models/bridge.js";
import { Device, KEY } from "../../bot_runtime/channels/widget/static/js/models/device.js";
import { WORDS as GERMAN } from "../../bot_runtime/channels/widget/static/js/words/de.js";
import { WORDS as ENGLISH } from "../../bot_runtime/channels/widget/static/js/words/en.js";
import { speaker } from "../../bot_runtime/channels/widget/static/js/models/words.js";
import { Thread } from "../../bot_runtime/channels/widget/static/js/models/thread.js";
import { MemoryStorage } from "./hands.js";

const HELLO = {
  frontdesk: 1,
  kind: "hello",
  locale: "en",
  url: "https://shop.example/",
  title: "Shop",
  referrer: "",
  open: true,
};

test("C-12: what the host page says is understood when it is one of ours, whole and plain", () => {
  assert.deepEqual(understood(HELLO), {
    kind: "hello",
    locale: "en",
    url: HELLO.url,
    title: "Shop",
    referrer: "",
    open: true,
  });
  assert.deepEqual(understood({ frontdesk: 1, kind: "privacy" }), { kind: "privacy" });
});

test("C-12: everything else is ignored", () => {
  const { locale, ...short } = HELLO;
  for (const data of [
    null,
    undefined,
    7,
    "hello",
    [],
    [HELLO],
    new Date(),
    new Map(),
    {},
    { frontdesk: 1 },
    { frontdesk: "1", kind: "privacy" },
    { kind: "privacy" },
    { type: "config", baseUrl: "https://evil.example" },
    { ...HELLO, baseUrl: "https://evil.example" },
    short,
    { ...HELLO, url: {} },
    { ...HELLO, open: "yes" },
    { ...HELLO, locale: {} },
    { ...HELLO, title: "x".repeat(100_001) },
    { frontdesk: 1, kind: "constructor" },
    { frontdesk: 1, kind: "__proto__" },
    { frontdesk: 1, kind: "write", text: ["x"] },
    { frontdesk: 1, kind: "write", text: "x".repeat(100_001) },
    { frontdesk: 1, kind: "privacy", more: 1 },
    Object.assign(Object.create({ frontdesk: 1 }), { kind: "privacy" }),
  ])
    assert.equal(understood(data), null, JSON.stringify(data)?.slice(0, 200));
});

test("a storage that was tampered with is as good as an empty one", () => {
  for (const kept of [
    "",
    "{",
    "null",
    "[]",
    "7",
    '{"device":7,"bots":[]}',
    '{"device":"short","bots":["b"]}',
    `{"device":"${"s".repeat(43)}"}`,
    `{"device":"${"s".repeat(43)}","bots":"b"}`,
  ]) {
    const storage = new MemoryStorage();
    storage.setItem(KEY, kept);
    const device = new Device({ storage, bot: "b", draw: () => "n".repeat(43) });
    assert.equal(device.secret, null, kept);
    device.secretForConsent();
    device.keep();
    assert.equal(device.secret, "n".repeat(43));
  }
});

test("a storage that refuses leaves a chat that lasts as long as the page", () => {
  const refuse = () => {
    throw new Error("denied");
  };
  for (const storage of [null, { getItem: refuse, setItem: refuse, removeItem: refuse }]) {
    const device = new Device({ storage, bot: "b", draw: () => "n".repeat(43) });
    device.secretForConsent();
    device.keep();
    assert.equal(device.secret, "n".repeat(43));
    assert.equal(device.isKept, false);
    device.forget();
    assert.equal(device.secret, null);
  }
});

test("one browser, two bots: one secret, forgotten bot by bot", () => {
  const storage = new MemoryStorage();
  const draws = ["1".repeat(43), "2".repeat(43)];
  const devices = ["a", "b"].map((bot) => new Device({ storage, bot, draw: () => draws.shift() }));
  for (const device of devices) {
    device.secretForConsent();
    device.keep();
  }
  assert.deepEqual(JSON.parse(storage.getItem(KEY)), { device: "1".repeat(43), bots: ["a", "b"] });
  devices[0].forget();
  assert.deepEqual(JSON.parse(storage.getItem(KEY)).bots, ["b"]);
  devices[1].forget();
  assert.equal(storage.items.size, 0);
});

test("DD-7: with the secret it is kept whether the browser signs, until the last bot is forgotten", () => {
  const storage = new MemoryStorage();
  const draws = ["1".repeat(43), "2".repeat(43)];
  const [a, b] = ["a", "b"].map((bot) => new Device({ storage, bot, draw: () => draws.shift() }));
  a.signed();
  a.secretForConsent();
  a.keep();
  assert.deepEqual(JSON.parse(storage.getItem(KEY)), { device: "1".repeat(43), bots: ["a"], key: true });
  assert.deepEqual([a.signs, b.signs], [true, false]);
  b.secretForConsent();
  b.keep();
  assert.deepEqual([a.forget(), b.signs, b.forget()], [false, true, true]);
  assert.equal(storage.items.size, 0);
});

test("DD-7: a secret that is another browser's is forgotten, and a new one drawn", () => {
  const storage = new MemoryStorage();
  storage.setItem(KEY, JSON.stringify({ device: "1".repeat(43), bots: ["a", "b"], key: true }));
  const device = new Device({ storage, bot: "a", draw: () => "2".repeat(43) });
  device.renew();
  assert.equal(storage.items.size, 0);
  assert.equal(device.signs, false);
  assert.equal(device.secretForConsent(), "2".repeat(43));
});

test("both languages have every word with the same values", () => {
  const values = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]).sort();
  assert.deepEqual(Object.keys(GERMAN), Object.keys(ENGLISH));
  for (const [word, text] of Object.entries(ENGLISH)) assert.deepEqual(values(GERMAN[word]), values(text), word);
});

test("X-13: what stands in a name is shown as it is", async () => {
  const say = await speaker("en");
  for (const name of ["{{7*7}}", "${7*7}", "{0.__class__}", "%s%n", "$& $1 $`", "{name}"]) {
    assert.equal(say("line_agent", { name }), `You are now talking to ${name} (person).`);
  }
});

test("German is spoken to German browsers, English to all others", async () => {
  assert.equal((await speaker("de-AT"))("send"), "Senden");
  for (const locale of ["en", "fr-FR", "", "x", "constructor"]) assert.equal((await speaker(locale))("send"), "Send");
});

test("who speaks and when is said once for messages that stand together", () => {
  const thread = new Thread();
  const at = 1_700_000_000_000;
  const say = (seq, by, minutes, author_name = "") => ({
    seq,
    kind: "message",
    by,
    at: at + minutes * 60_000,
    text: "x",
    author_name,
    buttons: [],
  });
  thread.apply([
    say(1, "bot", 0),
    say(2, "bot", 1),
    say(3, "bot", 10),
    say(4, "agent", 10, "Anna"),
    say(5, "agent", 10, "Ben"),
    say(6, "visitor", 11),
  ]);
  const messages = thread.items({ pending: [], dayOf: () => "day" }).filter((item) => item.type === "message");
  assert.deepEqual(
    messages.map((item) => item.head),
    [true, false, true, true, true, true],
  );
  assert.deepEqual(
    messages.map((item) => item.tail),
    [false, true, true, true, true, true],
  );
});

test("a new day is said before its first message, under a key of its own", () => {
  const thread = new Thread();
  thread.apply([1, 2, 3].map((seq) => ({ seq, kind: "message", by: "bot", at: seq, text: "x", buttons: [] })));
  const items = thread.items({ pending: [], dayOf: (at) => (at === 2 ? "b" : "a") });
  assert.deepEqual(
    items.map((item) => item.type),
    ["day", "message", "day", "message", "day", "message"],
  );
  assert.equal(new Set(items.map((item) => item.key)).size, items.length);
});

test("kinds of events that are not known yet are skipped", () => {
  const thread = new Thread();
  thread.apply([
    { seq: 1, kind: "hologram", at: 1 },
    { kind: "message" },
    null,
    { seq: "2", kind: "message", text: "x" },
  ]);
  assert.deepEqual(thread.items({ pending: [] }), []);
  assert.equal(thread.since, 1);
});
