// See README.md. Knows no DOM.

export const browserClock = {
  now: () => Date.now(),
  after: (work, ms) => setTimeout(work, ms),
  cancel: (timer) => clearTimeout(timer),
};

const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;
const WAIT_WHEN_TOO_MANY = 15_000;
const SPREAD = 2_000;
const SETTLED_AFTER = 5_000;
const WELCOME_WITHIN = 10_000;
const LOST_AFTER = 5_000;
const DEAD_AFTER = 7_000;
const QUIET = 20_000;

export class Line {
  state = "idle";
  code = 0;

  #is;
  #doubts = new Set();
  #socket = null;
  #attempt = 0;
  #openSince = 0;
  #retry = null;
  #greeting = null;
  #losing = null;
  #quiet = null;

  constructor({ connect, hello, sign, onFrame, onState, clock, random = Math.random, final = [1000, 4400, 4403, 4404] }) {
    this.#is = { connect, hello, sign, onFrame, onState, clock, random, final };
  }

  get lost() {
    return this.#doubts.size > 0;
  }

  doubt(why, on) {
    const before = this.lost;
    this.#doubts[on ? "add" : "delete"](why);
    if (this.lost === before) return;
    this.#watch();
    this.#is.onState();
  }

  start() {
    if (this.state !== "idle" && this.state !== "ended") return;
    this.#attempt = this.code = 0;
    this.#expectLoss();
    this.#open();
  }

  stop() {
    this.#leave();
    this.#expectNoLoss();
    this.#set("idle");
  }

  restart() {
    this.#leave();
    this.state = "idle";
    this.start();
  }

  nudge() {
    if (this.state === "open" && !this.lost) this.#probe();
    else if (this.state === "open" || this.state === "waiting") {
      this.#leave();
      this.#open();
    }
  }

  drop() {
    if (this.state !== "open" && this.state !== "connecting") return;
    this.#leave();
    this.#wait();
  }

  send(frame) {
    if (this.state !== "open") return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  #open() {
    const { connect, hello, clock } = this.#is;
    let socket;
    try {
      socket = connect();
    } catch {
      this.#wait();
      return;
    }
    this.#socket = socket;
    const mine = (work) => (event) => socket === this.#socket && work(event);
    socket.onopen = mine(() => socket.send(JSON.stringify(hello())));
    socket.onmessage = mine((event) => this.#hear(event.data));
    socket.onclose = mine((event) => this.#closed(event.code));
    this.#greeting = clock.after(
      mine(() => this.drop()),
      WELCOME_WITHIN,
    );
    this.#set("connecting");
  }

  #hear(data) {
    const frame = parsed(data);
    if (!frame) return;
    if (frame.type === "challenge") {
      this.#sign(frame.nonce);
      return;
    }
    if (frame.type === "welcome" && this.state === "connecting") {
      this.#is.clock.cancel(this.#greeting);
      this.#openSince = this.#is.clock.now();
      this.#expectNoLoss();
      this.#set("open");
    }
    this.doubt("silence", false);
    if (!this.lost) this.#watch();
    if (frame.type !== "pong") this.#is.onFrame(frame);
  }

  #watch() {
    if (this.state !== "open") return;
    if (this.lost) this.#next(() => this.drop(), DEAD_AFTER);
    else this.#next(() => this.#probe(), QUIET);
  }

  #probe() {
    this.send({ type: "ping" });
    this.#next(() => this.doubt("silence", true), LOST_AFTER);
  }

  #next(work, ms) {
    this.#is.clock.cancel(this.#quiet);
    this.#quiet = this.#is.clock.after(work, ms);
  }

  async #sign(nonce) {
    const socket = this.#socket;
    const signature = await this.#is.sign(nonce);
    if (socket === this.#socket) socket.send(JSON.stringify({ type: "signed", signature }));
  }

  #closed(code) {
    this.#leave();
    if (!this.#is.final.includes(code)) return this.#wait(code);
    this.code = code;
    this.#expectNoLoss();
    this.#set("ended");
  }

  #wait(code) {
    const { clock, random } = this.#is;
    if (this.#openSince && clock.now() - this.#openSince >= SETTLED_AFTER) this.#attempt = 0;
    this.#openSince = 0;
    const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#attempt);
    const more = { 4429: WAIT_WHEN_TOO_MANY, 1001: random() * SPREAD }[code] ?? 0;
    this.#retry = clock.after(() => this.#open(), more + (longest * (1 + random())) / 2);
    this.#attempt += 1;
    this.#expectLoss();
    this.#set("waiting");
  }

  #leave() {
    const socket = this.#socket;
    this.#socket = null;
    this.#is.clock.cancel(this.#retry);
    this.#is.clock.cancel(this.#greeting);
    this.#is.clock.cancel(this.#quiet);
    socket?.close();
  }

  #expectLoss() {
    if (!this.lost) this.#losing ??= this.#is.clock.after(() => this.doubt("line", true), LOST_AFTER);
  }

  #expectNoLoss() {
    this.#is.clock.cancel(this.#losing);
    this.#losing = null;
    this.#doubts.clear();
  }

  #set(state) {
    this.state = state;
    this.#is.onState();
  }
}

function parsed(data) {
  try {
    const frame = JSON.parse(data);
    return typeof frame?.type === "string" ? frame : null;
  } catch {
    return null;
  }
}

const WINDOW = 8;

export class Outbox {
  #entries = new Map();
  #is;
  #watch = null;
  #connected = false;

  constructor({ send, uuid, clock, onChange, onLate }) {
    this.#is = { send, uuid, clock, onChange, onLate };
  }

  get entries() {
    return [...this.#entries.values()];
  }

  get unsent() {
    return this.entries.filter((entry) => entry.state !== "failed").length;
  }

  put(frame, { once = false } = {}) {
    const id = this.#is.uuid();
    const entry = {
      id,
      frame: { ...frame, client_id: id },
      at: this.#is.clock.now(),
      state: "waiting",
      once,
      error: null,
    };
    entry.answer = new Promise((resolve) => (entry.resolve = resolve));
    this.#entries.set(id, entry);
    this.#pump();
    return entry;
  }

  settle(id, answer) {
    const entry = this.#entries.get(id);
    if (!entry || entry.state === "failed") return null;
    if (answer.kind === "error" || answer.kind === "lost") {
      entry.state = "failed";
      entry.error = answer;
    } else this.#entries.delete(id);
    entry.resolve(answer);
    this.#rest();
    if (answer.kind !== "lost") this.#is.onLate(false);
    this.#pump();
    return entry;
  }

  retry(id) {
    const entry = this.#entries.get(id);
    if (entry?.state === "failed") entry.state = "waiting";
    this.#pump();
  }

  drop(id) {
    this.#entries.delete(id);
    this.#is.onChange();
  }

  clear() {
    this.#entries.clear();
    this.#rest();
  }

  connected() {
    this.#connected = true;
    for (const entry of this.entries) if (entry.state === "sent") entry.state = "waiting";
    this.#pump();
  }

  disconnected() {
    this.#connected = false;
    this.#rest();
    for (const { id, once, state } of this.entries) if (once && state === "sent") this.settle(id, { kind: "lost" });
  }

  giveUp() {
    this.#connected = false;
    for (const { id } of this.entries) this.settle(id, { kind: "lost" });
  }

  #pump() {
    let away = this.entries.filter((entry) => entry.state === "sent").length;
    for (const entry of this.#connected ? this.entries : []) {
      if (entry.state !== "waiting") continue;
      if (away >= WINDOW || !this.#is.send(entry.frame)) break;
      entry.state = "sent";
      away += 1;
    }
    if (away && this.#watch === null) this.#watch = this.#is.clock.after(() => this.#is.onLate(true), LOST_AFTER);
    this.#is.onChange();
  }

  #rest() {
    this.#is.clock.cancel(this.#watch);
    this.#watch = null;
  }
}

const TELL_EVERY = 3_000;
const STOPPED_AFTER = 4_000;
const FADES_AFTER = 8_000;

export class Typing {
  heard = null;
  #is;
  #toldAt = 0;
  #stop = null;
  #fade = null;

  constructor({ tell, onChange, clock }) {
    this.#is = { tell, onChange, clock };
  }

  typed() {
    const { tell, clock } = this.#is;
    if (Math.abs(clock.now() - this.#toldAt) >= TELL_EVERY) {
      this.#toldAt = clock.now();
      tell(true);
    }
    clock.cancel(this.#stop);
    this.#stop = clock.after(() => this.stopped(), STOPPED_AFTER);
  }

  stopped() {
    this.#is.clock.cancel(this.#stop);
    if (this.#toldAt) this.#is.tell(false);
    this.#toldAt = 0;
  }

  hear({ by, name, on }) {
    if (!on) return this.forget(by);
    this.#is.clock.cancel(this.#fade);
    this.#fade = this.#is.clock.after(() => this.forget(by), FADES_AFTER);
    this.heard = { by, name };
    this.#is.onChange();
  }

  forget(by = this.heard?.by) {
    if (this.heard?.by !== by) return;
    this.heard = null;
    this.#is.onChange();
  }
}
