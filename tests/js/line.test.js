import assert from "node:assert/strict";
import { test } from "node:test";

import { Line } from "../../foundation/web/static/js/line.js";
import { Exchange, ManualClock } from "./hands.js";

const CODE = {
  NORMAL: 1000,
  GOING_AWAY: 1001,
  MALFORMED: 4400,
  UNAUTHENTICATED: 4401,
  FORBIDDEN: 4403,
  NOT_FOUND: 4404,
  TOO_SLOW: 4408,
  TOO_MANY: 4429,
};

function setUp(options = {}) {
  const clock = new ManualClock();
  const exchange = new Exchange();
  const frames = [];
  const states = [];
  const line = new Line({
    connect: exchange.connect,
    hello: () => ({ type: "hello" }),
    onFrame: (frame) => frames.push(frame),
    onState: () => states.push(line.state),
    clock,
    random: () => 0.5,
    ...options,
  });
  const welcome = () => {
    exchange.wire.open();
    exchange.wire.say({ type: "welcome" });
  };
  return { clock, exchange, line, frames, states, welcome };
}

test("it says hello first, and is open from the welcome on", () => {
  const { exchange, line, welcome } = setUp();
  line.start();
  exchange.wire.open();
  assert.deepEqual(exchange.wire.sent, [{ type: "hello" }]);
  assert.equal(line.send({ type: "message" }), false, "nothing is sent before the welcome");
  welcome();
  assert.equal(line.state, "open");
  assert.equal(line.send({ type: "message" }), true);
});

test("each broken attempt waits longer, up to half a minute, and a settled line begins anew", () => {
  const { clock, exchange, line, welcome } = setUp();
  line.start();
  const waits = [];
  for (let attempt = 0; attempt < 9; attempt += 1) {
    const before = exchange.wires.length;
    exchange.wire.cut();
    const from = clock.time;
    while (exchange.wires.length === before) clock.pass(25);
    waits.push(clock.time - from);
  }
  assert.ok(
    waits.every((wait, index) => index === 0 || wait >= waits[index - 1]),
    `${waits}`,
  );
  assert.ok(waits[0] <= 500 && waits.at(-1) >= 15_000 && waits.at(-1) <= 30_000, `${waits}`);
  welcome();
  clock.pass(6_000);
  exchange.wire.cut();
  const from = exchange.wires.length;
  clock.pass(600);
  assert.equal(exchange.wires.length, from + 1);
});

test("chance spreads the attempts, so that not all come back in one moment", () => {
  const times = [0, 1].map((chance) => {
    const { clock, exchange, line } = setUp({ random: () => chance });
    line.start();
    exchange.wire.cut(CODE.GOING_AWAY);
    const from = clock.time;
    while (exchange.wires.length < 2) clock.pass(25);
    return clock.time - from;
  });
  assert.ok(times[1] - times[0] >= 1_500, `${times}`);
});

for (const code of [CODE.NORMAL, CODE.MALFORMED, CODE.FORBIDDEN, CODE.NOT_FOUND]) {
  test(`after ${code} it does not try again`, () => {
    const { clock, exchange, line } = setUp();
    line.start();
    exchange.wire.cut(code);
    clock.pass(120_000);
    assert.equal(exchange.wires.length, 1);
    assert.equal(line.state, "ended");
    assert.equal(line.code, code);
    assert.equal(line.lost, false, "the end is said as what it is, not as a lost connection");
  });
}

for (const code of [1006, CODE.GOING_AWAY, CODE.UNAUTHENTICATED, CODE.TOO_SLOW]) {
  test(`after ${code} it comes back within seconds`, () => {
    const { clock, exchange, line } = setUp();
    line.start();
    exchange.wire.cut(code);
    clock.pass(3_000);
    assert.equal(exchange.wires.length, 2);
    assert.equal(line.state, "connecting");
  });
}

test("after 4429 it leaves the server alone for a quarter of a minute", () => {
  const { clock, exchange, line } = setUp();
  line.start();
  exchange.wire.cut(CODE.TOO_MANY);
  clock.pass(14_900);
  assert.equal(exchange.wires.length, 1);
  clock.pass(2_000);
  assert.equal(exchange.wires.length, 2);
});

test("the codes that end it are an argument: for staff 4401 means to log in", () => {
  const { clock, exchange, line } = setUp({ final: [CODE.UNAUTHENTICATED] });
  line.start();
  exchange.wire.cut(CODE.UNAUTHENTICATED);
  clock.pass(60_000);
  assert.equal(exchange.wires.length, 1);
});

test("a hiccup shows nothing; five seconds without a line do", () => {
  const { clock, exchange, line, welcome } = setUp();
  line.start();
  welcome();
  exchange.wire.cut();
  clock.pass(600);
  welcome();
  clock.pass(10_000);
  assert.equal(line.lost, false);
  exchange.wire.cut();
  clock.pass(4_900);
  assert.equal(line.lost, false);
  clock.pass(200);
  assert.equal(line.lost, true);
  line.nudge();
  welcome();
  assert.equal(line.lost, false);
});

test("no welcome within ten seconds counts as a broken line", () => {
  const { clock, exchange, line } = setUp();
  line.start();
  exchange.wire.open();
  clock.pass(10_600);
  assert.equal(exchange.wires.length, 2);
  assert.ok(exchange.wires[0].isClosed);
});

test("what an old socket still says is not heard", () => {
  const { exchange, line, frames, welcome } = setUp();
  line.start();
  welcome();
  const old = exchange.wire;
  line.restart();
  old.say({ type: "events" });
  old.cut();
  assert.equal(exchange.wires.length, 2);
  assert.deepEqual(frames, [{ type: "welcome" }]);
});

test("what is no frame is not heard", () => {
  const { exchange, line, frames } = setUp();
  line.start();
  for (const data of ["", "{", "null", "7", '"text"', "{}", '{"type":7}', new ArrayBuffer(2)])
    exchange.wire.onmessage({ data });
  assert.deepEqual(frames, []);
});

test("stop ends it from our side and leaves no timer behind", () => {
  const { clock, exchange, line, welcome } = setUp();
  line.start();
  welcome();
  line.stop();
  assert.ok(exchange.wire.isClosed);
  assert.equal(clock.waiting, 0);
  assert.equal(line.state, "idle");
});

test("a transport that cannot even be made is a broken line", () => {
  let tries = 0;
  const { clock, line } = setUp({
    connect: () => {
      tries += 1;
      throw new Error("refused");
    },
  });
  line.start();
  clock.pass(5_000);
  assert.ok(tries > 2);
});

test("twenty silent seconds: it asks whether anybody is there, and an answer is all it wants", () => {
  const { clock, exchange, line, frames, welcome } = setUp();
  line.start();
  welcome();
  clock.pass(19_900);
  assert.deepEqual(exchange.wire.of("ping"), []);
  for (let minute = 0; minute < 3; minute += 1) {
    clock.pass(200);
    assert.deepEqual(exchange.wire.of("ping").length, minute + 1);
    exchange.wire.say({ type: "pong" });
    clock.pass(19_800);
  }
  assert.equal(line.lost, false);
  assert.equal(exchange.wires.length, 1);
  assert.deepEqual(frames, [{ type: "welcome" }], "the answer is nobody else's business");
});

test("what is heard proves the line: it is asked only after silence", () => {
  const { clock, exchange, line, welcome } = setUp();
  line.start();
  welcome();
  for (let second = 0; second < 60; second += 10) {
    clock.pass(10_000);
    exchange.wire.say({ type: "typing" });
  }
  assert.deepEqual(exchange.wire.of("ping"), []);
});

test("one-way outage: who asks in vain says so after five seconds, and tries a new line after twelve", () => {
  const { clock, exchange, line, states, welcome } = setUp();
  line.start();
  welcome();
  clock.pass(20_000);
  clock.pass(4_900);
  assert.equal(line.lost, false);
  states.length = 0;
  clock.pass(100);
  assert.equal(line.lost, true);
  assert.deepEqual(states, ["open"], "it is said at once");
  clock.pass(7_000);
  assert.ok(exchange.wires[0].isClosed);
  clock.pass(500);
  assert.equal(exchange.wires.length, 2);
  assert.equal(line.lost, true, "until there is a welcome");
  welcome();
  assert.equal(line.lost, false);
  clock.pass(15_000);
  assert.equal(exchange.wires.length, 2, "the old doubts ended with the old line");
});

test("whatever comes late takes the notice away again, and the line stays", () => {
  const { clock, exchange, line, welcome } = setUp();
  line.start();
  welcome();
  clock.pass(27_000);
  assert.equal(line.lost, true);
  exchange.wire.say({ type: "pong" });
  assert.equal(line.lost, false);
  clock.pass(15_000);
  assert.equal(exchange.wires.length, 1);
});

test("one-way outage: what still comes in is no answer to what goes out", () => {
  const { clock, exchange, line, welcome } = setUp();
  line.start();
  welcome();
  line.doubt("answer", true);
  assert.equal(line.lost, true);
  for (let second = 0; second < 7; second += 1) {
    exchange.wire.say({ type: "typing" });
    assert.equal(line.lost, true);
    clock.pass(1_000);
  }
  assert.ok(exchange.wires[0].isClosed, "and does not keep a dead line");
});

test("an answer in time ends the doubt, and the line is looked after as before", () => {
  const { clock, exchange, line, welcome } = setUp();
  line.start();
  welcome();
  line.doubt("answer", true);
  clock.pass(6_000);
  line.doubt("answer", false);
  assert.equal(line.lost, false);
  clock.pass(10_000);
  assert.equal(exchange.wires.length, 1);
  clock.pass(10_000);
  assert.equal(exchange.wire.of("ping").length, 1);
});

test("a nudge asks on an open line, and leaves one that does not answer", () => {
  const { clock, exchange, line, welcome } = setUp();
  line.start();
  welcome();
  line.nudge();
  assert.equal(exchange.wire.of("ping").length, 1);
  clock.pass(5_000);
  assert.equal(line.lost, true);
  line.nudge();
  assert.ok(exchange.wires[0].isClosed);
  assert.equal(exchange.wires.length, 2);
  welcome();
  assert.equal(line.lost, false);
  line.stop();
  assert.equal(clock.waiting, 0);
});
