import assert from "node:assert/strict";
import { test } from "node:test";

import { DOUBT_AFTER, EVERY, STALE_AFTER, Watch } from "../../transcripts/static/js/models/watch.js";

function scene(...answers) {
  const told = [];
  const asked = [];
  const clock = {
    at: 0,
    work: null,
    now: () => clock.at,
    after: (ms, work) => ((clock.work = { at: clock.at + ms, work }), 1),
    cancel: () => (clock.work = null),
  };
  const fetch = async (path) => {
    asked.push(path);
    const [status, body] = answers.shift() ?? [0];
    if (status === 0) throw new TypeError("offline");
    return { status, json: async () => body };
  };
  const tell = (name) => (detail) => told.push(detail === undefined ? name : [name, detail]);
  const watch = new Watch({
    path: "/t/x",
    seq: 5,
    fetch,
    clock,
    onNews: tell("news"),
    onReload: tell("reload"),
    onEnd: tell("end"),
    onDoubt: tell("doubt"),
  });
  const pass = async (ms = EVERY) => {
    clock.at += ms;
    const { work } = clock;
    clock.work = null;
    work?.work();
    for (let turn = 0; turn < 20; turn++) await null;
  };
  watch.start();
  return { watch, told, asked, clock, pass };
}

test("L-16: a no ends what is on the screen within two seconds, and nothing is asked any more", async () => {
  for (const status of [401, 403, 410]) {
    const { told, asked, pass, clock } = scene([200, { seq: 5, lines: [] }], [status]);
    await pass();
    await pass();
    assert.deepEqual(told, [["doubt", false], "end"]);
    assert.equal(clock.work, null);
    assert.equal(asked.length, 2);
  }
  assert.ok(EVERY <= 2_000);
});

test("news are told once, and asked for from where they ended", async () => {
  const news = { seq: 7, count: "2 messages", lines: [{ text: "hi" }] };
  const { told, asked, pass } = scene([200, news], [200, { seq: 7, lines: [] }]);
  await pass();
  await pass();
  assert.deepEqual(asked, ["/t/x/since/5", "/t/x/since/7"]);
  assert.deepEqual(
    told.filter(([name]) => name === "news"),
    [["news", news]],
  );
});

test("what is shown wrongly is loaded anew", async () => {
  const { told, pass, clock } = scene([200, { seq: 9, reload: true }]);
  await pass();
  assert.deepEqual(told, ["reload"]);
  assert.equal(clock.work, null);
});

test("while nobody can say, the page is veiled; the answer lifts the veil", async () => {
  const { told, pass } = scene([0], [503], [429], [0], [200, { seq: 5, lines: [] }]);
  for (let time = 0; time < DOUBT_AFTER; time += EVERY) await pass();
  assert.deepEqual(told, [["doubt", true]]);
  await pass();
  assert.deepEqual(told.at(-1), ["doubt", false]);
});

test("a page that comes back from the background shows nothing before it has asked", async () => {
  const { watch, told, pass, clock } = scene([200, { seq: 5, lines: [] }], [403]);
  watch.shown();
  assert.deepEqual(told, []);
  clock.at += STALE_AFTER + 1;
  watch.shown();
  assert.deepEqual(told, [["doubt", true]]);
  await pass(0);
  await pass();
  assert.deepEqual(told.slice(1), [["doubt", false], "end"]);
});
