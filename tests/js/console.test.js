import assert from "node:assert/strict";
import { test } from "node:test";

import { Drafts } from "../../handoff/static/js/models/drafts.js";
import { deedOf, SHORTCUTS } from "../../handoff/static/js/models/keys.js";
import { Links, stateOfLink, viewsOf } from "../../handoff/static/js/models/links.js";
import { counts, neighbour, shown, waiting } from "../../handoff/static/js/models/list.js";
import { Log } from "../../handoff/static/js/models/log.js";
import { duration, lineWords, markOf, nameOf, stateOf } from "../../handoff/static/js/models/words.js";

const MINUTE = 60_000;
const row = (id, more = {}) => ({
  id,
  control: "queue",
  holder: null,
  holder_name: "",
  name: "",
  address: "",
  verification: { state: "none", why: "" },
  last_text: "",
  last_by: "",
  updated_at: 0,
  waiting_since: 1,
  unread: 0,
  ...more,
});
const lines = (...events) => {
  const log = new Log();
  log.apply(events.map((event, index) => ({ seq: index + 1, at: 0, ...event })));
  return log
    .items({ pending: [], dayOf: () => "" })
    .filter((item) => item.type === "line")
    .map((item) => item.text);
};

test("the three tabs, and who waits longest first", () => {
  const rows = [
    row("a", { waiting_since: 30 }),
    row("b", { waiting_since: 10 }),
    row("mine", { control: "agent", holder: "me", waiting_since: 20, updated_at: 5 }),
    row("bens", { control: "agent", holder: "ben", waiting_since: null, updated_at: 9 }),
    row("bot", { control: "bot", waiting_since: 1, updated_at: 7 }),
    row("ended", { control: "closed", waiting_since: null }),
  ];
  const ids = (options) => shown(rows, { me: "me", ...options }).map((one) => one.id);
  assert.deepEqual(counts(rows, "me"), { mine: 1, unassigned: 2, all: 5 });
  assert.deepEqual(ids({ tab: "unassigned" }), ["b", "a"]);
  assert.deepEqual(ids({ tab: "mine" }), ["mine"]);
  assert.deepEqual(ids({ tab: "all" }), ["b", "mine", "a", "bens", "bot"]);
  assert.deepEqual(ids({ tab: "all", ended: true }), ["ended"]);
});

test("searching looks at name, address and last words", () => {
  const rows = [row("a", { name: "Jane" }), row("b", { address: "max@x.example" }), row("c", { last_text: "my JANE" })];
  assert.deepEqual(
    shown(rows, { tab: "all", me: "", words: " jane " }).map((one) => one.id),
    ["a", "c"],
  );
});

test("waiting is for people: nobody waits with the bot, or once he was answered", () => {
  const now = 20 * MINUTE;
  const since = (minutes, more) => waiting(row("a", { waiting_since: now - minutes * MINUTE, ...more }), now);
  assert.deepEqual(
    [since(1), since(3), since(10)],
    [
      { minutes: 1, level: "calm" },
      { minutes: 3, level: "soon" },
      { minutes: 10, level: "late" },
    ],
  );
  assert.equal(since(5, { control: "bot" }).level, "");
  assert.equal(since(5, { control: "agent", unread: 0 }).level, "");
  assert.equal(since(5, { control: "agent", unread: 2 }).level, "soon");
  assert.equal(since(-1).minutes, 0, "this browser's clock may be behind");
});

test("next and previous go round", () => {
  const rows = ["a", "b", "c"].map((id) => row(id));
  assert.deepEqual(
    [
      neighbour(rows, "c", 1),
      neighbour(rows, "a", -1),
      neighbour(rows, null, 1),
      neighbour(rows, null, -1),
      neighbour([], "a", 1),
    ],
    ["a", "c", "a", "c", null],
  );
});

test("DD-4, DD-6: the green check is for verified only, and every mark says why", () => {
  const mark = (state, why = "Because.") => markOf(row("a", { verification: { state, why } }));
  assert.equal(mark("verified").kind, "ok");
  for (const state of ["preliminary", "confirmed_elsewhere", "constructor", undefined, "Verified"])
    assert.equal(mark(state).kind, "warn", state);
  assert.equal(mark("none").kind, "");
  assert.equal(mark("confirmed_elsewhere").why, "Confirmed elsewhere, not verified here. Because.");
  assert.equal(markOf({}).kind, "warn");
});

test("a visitor without name and address has one to be told apart by", () => {
  assert.deepEqual(
    [nameOf(row("abcdef")), nameOf(row("a", { address: "x@y" })), nameOf(row("a", { address: "x@y", name: "Jane" }))],
    ["Visitor abcd", "x@y", "Jane"],
  );
});

test("who has the chat, in words", () => {
  const word = (more) => stateOf(row("a", more), "me").word;
  assert.deepEqual(
    [
      word({}),
      word({ control: "agent", holder: "me" }),
      word({ control: "agent", holder: "b", holder_name: "Ben" }),
      word({ control: "bot" }),
      word({ control: "closed" }),
    ],
    ["Waiting", "With you", "With Ben", "With the bot", "Ended"],
  );
});

test("durations", () => {
  assert.deepEqual([0, 5, 61, 60 * 50].map(duration), ["now", "5 min", "1 h 1 min", "2 d"]);
});

test("the bar always says how the line is, and what is unsent", () => {
  const words = (line, unsent = 0) => lineWords(line, unsent).words;
  assert.equal(words({ state: "open" }), "Connected");
  assert.equal(words({ state: "open" }, 3), "Connected. 3 messages unsent.");
  assert.match(words({ state: "open", lost: true }, 1), /No connection.*1 message unsent/);
  assert.match(words({ state: "waiting", lost: true }, 1), /No connection.*1 message unsent/);
  assert.match(words({ state: "ended", code: 4401 }), /session has ended/);
  assert.match(words({ state: "ended", code: 4403 }), /may not be here/);
});

test("drafts are kept for each chat, and for reply and note apart", () => {
  const drafts = new Drafts();
  drafts.set("a", "message", "to you");
  drafts.set("a", "note", "to us");
  drafts.set("b", "message", " ");
  assert.deepEqual(
    [drafts.get("a", "message"), drafts.get("a", "note"), drafts.get("b", "note")],
    ["to you", "to us", ""],
  );
  assert.deepEqual([drafts.has("a"), drafts.has("b"), drafts.any], [true, false, true]);
  drafts.set("a", "message", "");
  drafts.set("a", "note", "");
  assert.equal(drafts.any, false);
});

test("UX: no shortcut while somebody types, except with a modifier; and none when they are switched off, except Escape", () => {
  const press = (event, where = {}) =>
    deedOf(
      { code: "", key: "", altKey: false, ctrlKey: false, metaKey: false, shiftKey: false, ...event },
      { typing: false, enabled: true, ...where },
    );
  assert.equal(press({ key: "?", code: "Minus", shiftKey: true }), "help");
  assert.equal(press({ key: "?", shiftKey: true }, { typing: true }), null);
  assert.equal(press({ key: "∆", code: "KeyJ", altKey: true }, { typing: true }), "next");
  assert.equal(press({ key: "k", code: "KeyK", metaKey: true }, { typing: true }), "commands");
  assert.equal(press({ key: "k", code: "KeyK", altKey: true }), "previous");
  assert.equal(press({ key: "j", code: "KeyJ" }), null);
  assert.equal(press({ code: "KeyE", key: "€", altKey: true, ctrlKey: true }), null, "AltGr writes a sign");
  assert.equal(press({ code: "KeyK", ctrlKey: true, shiftKey: true }), null, "a key of the browser");
  assert.equal(press({ code: "KeyJ", altKey: true, isComposing: true }), null);
  assert.equal(press({ code: "KeyJ", altKey: true }, { enabled: false }), null);
  assert.equal(press({ key: "Escape" }, { enabled: false, typing: true }), "escape");
});

test("every shortcut has words and is there once", () => {
  assert.equal(new Set(SHORTCUTS.map((one) => one.keys)).size, SHORTCUTS.length);
  assert.ok(SHORTCUTS.every((one) => one.words && one.keys));
});

test("what happened is said in words, with names", () => {
  assert.deepEqual(
    lines(
      { kind: "opened" },
      { kind: "consent", given: true },
      { kind: "turn", intent: "ask_price", confidence: 0.981 },
      { kind: "control", now: "queue", reason: "handoff_requested", actor: "visitor" },
      {
        kind: "control",
        now: "agent",
        reason: "taken",
        actor: "agent",
        author: "p1",
        holder: "p1",
        holder_name: "Anna",
      },
      { kind: "email", state: "supplied", by: "agent", author: "p1", address: "x@y.example", outcome: "suppressed" },
      { kind: "email", state: "confirmed_elsewhere" },
      { kind: "email", state: "verified", method: "questions", author: "p2", reason: "Knew the order." },
      { kind: "email", state: "lost", reason: "expired" },
      { kind: "control", now: "bot", reason: "handed_back", actor: "agent", author: "p1" },
      { kind: "control", now: "closed", reason: "resolved", actor: "agent", author: "p1" },
      { kind: "closed", by: "agent", reason: "resolved", author: "p1" },
    ),
    [
      "The chat was opened.",
      "The visitor agreed to the notice.",
      "Understood as ask_price (98 %)",
      "The visitor asked for a person.",
      "Anna took over.",
      "Anna entered the address x@y.example. It is suppressed: it gets no mail and is not added.",
      "The opt-in was confirmed in another browser. That does not verify this chat.",
      "Verified by A colleague, who asked the verification questions. Knew the order.",
      "No longer verified: the proof has expired.",
      "Anna handed back to the bot.",
      "Anna resolved the chat.",
    ],
  );
});

test("X-13: what stands in an address or reason is no pattern", () => {
  const [line] = lines({
    kind: "email",
    state: "supplied",
    by: "visitor",
    address: "$&{who}@x.example",
    outcome: "new",
  });
  assert.equal(line, "The visitor gave the address $&{who}@x.example.");
});

test("reasons and kinds that are not known yet break nothing", () => {
  assert.deepEqual(
    lines(
      { kind: "hologram" },
      { kind: "control", now: "bot", reason: "constructor", actor: "system" },
      { kind: "email", state: "lost", reason: "Some sentence." },
    ),
    ["The chat changed hands.", "No longer verified: Some sentence."],
  );
});

test("the pane's facts follow the newest word", () => {
  const log = new Log();
  const put = (seq, event) => log.apply([{ seq, at: seq, ...event }]);
  put(1, { kind: "opened", locale: "en", page: { url: "https://shop.example/" } });
  put(2, { kind: "consent", given: true, notice: "en-1" });
  put(3, { kind: "email", state: "sent" });
  put(4, { kind: "email", state: "verified", method: "code", author: "" });
  const facts = log.facts();
  assert.deepEqual(
    [facts.opened.locale, facts.consent.notice, facts.mailSentAt, facts.proof.method],
    ["en", "en-1", 3, "code"],
  );
  put(5, { kind: "email", state: "lost", reason: "expired" });
  put(6, { kind: "consent", given: false });
  assert.deepEqual([log.facts().proof, log.facts().withdrawnAt], [null, 6]);
});

function api(...answers) {
  const calls = [];
  const fetch = async (path, options) => {
    calls.push([options.method, path, options.body, options.headers?.["Content-Type"]]);
    const [status, body] = answers.shift();
    if (status === 0) throw new TypeError("offline");
    return { ok: status < 300, status, json: async () => (body === undefined ? JSON.parse("") : body) };
  };
  return { calls, links: new Links({ conversation: "c1", fetch, onChange: () => {} }) };
}

test("YA-11: a link is made, listed and revoked; its URL is said once", async () => {
  const link = { id: "l1", views: 0, revoked_at: null, expires_at: 10 };
  const { calls, links } = api(
    [201, { id: "l1", url: "https://x.example/t/abc", expires_at: 10 }],
    [200, { links: [link] }],
    [204],
    [200, { links: [{ ...link, revoked_at: 5 }] }],
  );
  await links.make();
  assert.deepEqual(calls[0], ["POST", "/api/conversations/c1/links", "{}", "application/json"]);
  assert.equal(links.fresh, "https://x.example/t/abc");
  await links.revoke("l1");
  assert.deepEqual(calls[2].slice(0, 2), ["POST", "/api/links/l1/revoke"]);
  assert.deepEqual([links.fresh, stateOfLink(links.list[0], 0)], ["", "revoked"]);
});

test("a refusal is said in the server's words, no answer in ours, and nothing is shown that is not so", async () => {
  const { links } = api([403, { detail: "Your role does not share transcripts." }], [0], [502]);
  await links.make();
  assert.equal(links.problem, "Your role does not share transcripts.");
  await links.read();
  assert.match(links.problem, /could not be reached/);
  await links.read();
  assert.match(links.problem, /refused \(502\)/);
  assert.deepEqual([links.list, links.fresh, links.busy], [null, "", false]);
});

test("YA-11: a link gets the days that were asked for, all end together, and views are told with their reasons", async () => {
  const { calls, links } = api(
    [201, { url: "https://x.example/t/abc" }],
    [200, { links: [], days: 30, most_days: 90 }],
    [200, { revoked: 2 }],
    [200, { links: [] }],
  );
  await links.make(7);
  assert.equal(calls[0][2], '{"days":7}');
  assert.deepEqual([links.days, links.mostDays], [30, 90]);
  await links.revokeAll();
  assert.deepEqual([calls[2][1], links.fresh, links.mostDays], ["/api/conversations/c1/links/revoke", "", 90]);
  assert.equal(links.file("pdf"), "/api/conversations/c1/transcript.pdf");
  assert.equal(
    viewsOf({ views: 3, by_rule: { bot_access: 2, bot_range: 1 } }),
    "3 views: 2 by members, 1 by a range of the bot",
  );
  assert.deepEqual([viewsOf({ views: 1 }), viewsOf({ views: 0, by_rule: {} })], ["1 view", "0 views"]);
});

test("links that have run out are not open", () => {
  assert.deepEqual([stateOfLink({ expires_at: 5 }, 5), stateOfLink({ expires_at: 5 }, 4)], ["expired", "open"]);
});

test("PS-5: the thread says to whom the transcript went and over which TLS, or why it did not go", () => {
  const mailed = { kind: "transcript", sent: true, address: "jane@x.org", tls: "TLSv1.3 AES", reply: "250 ok", why: "closed" };
  assert.deepEqual(
    lines(
      mailed,
      { ...mailed, tls: null, why: "asked" },
      { ...mailed, sent: false, reply: "550 no such user" },
    ),
    [
      "The transcript was mailed to jane@x.org, over TLSv1.3 AES.",
      "The transcript was mailed to jane@x.org, as the visitor asked, without TLS.",
      "The transcript could not be mailed to jane@x.org: 550 no such user",
    ],
  );
});
