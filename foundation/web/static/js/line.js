/**
 * One socket that comes back: says hello, hears frames, and when it breaks waits a little longer each time and tries again,
 * unless the server said that there is no point. Transport, clock and chance are arguments.
 *
 * `state` is idle, connecting, open (from `welcome` on), waiting or ended; `lost` is true after five seconds without a line,
 * so that a hiccup shows nothing. Only the newest socket is heard.
 */

export const browserClock = {
  now: () => Date.now(),
  after: (work, ms) => setTimeout(work, ms),
  cancel: (timer) => clearTimeout(timer),
};

/** Close codes of docs/http.md after which a visitor need not try again: done, malformed, forbidden, not there. */
const FINAL = [1000, 4400, 4403, 4404];
const GOING_AWAY = 1001;
const TOO_MANY = 4429;

const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;
const WAIT_WHEN_TOO_MANY = 15_000;
/** After a restart of the server everybody comes back, but not in one moment. */
const SPREAD = 2_000;
const SETTLED_AFTER = 5_000;
const WELCOME_WITHIN = 10_000;
const LOST_AFTER = 5_000;

export class Line {
  state = "idle";
  lost = false;
  code = 0;

  #is;
  #final;
  #socket = null;
  #attempt = 0;
  #openSince = 0;
  #retry = null;
  #greeting = null;
  #losing = null;

  constructor({ connect, hello, onFrame, onState, clock, random = Math.random, final = FINAL }) {
    this.#is = { connect, hello, onFrame, onState, clock, random };
    this.#final = final;
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

  /** Say hello anew at once, because what it says has changed. */
  restart() {
    this.#leave();
    this.state = "idle";
    this.start();
  }

  /** The way may be free again: try now instead of later. */
  nudge() {
    if (this.state !== "waiting") return;
    this.#is.clock.cancel(this.#retry);
    this.#open();
  }

  /** It looks open but nothing comes back: treat it as broken. */
  drop() {
    if (this.state !== "open" && this.state !== "connecting") return;
    this.#leave();
    this.#wait();
  }

  /** Whether it went into an open socket. */
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
    this.#greeting = clock.after(mine(() => this.drop()), WELCOME_WITHIN);
    this.#set("connecting");
  }

  #hear(data) {
    const frame = parse(data);
    if (!frame) return;
    if (frame.type === "welcome" && this.state === "connecting") {
      this.#is.clock.cancel(this.#greeting);
      this.#openSince = this.#is.clock.now();
      this.#expectNoLoss();
      this.#set("open");
    }
    this.#is.onFrame(frame);
  }

  #closed(code) {
    this.#leave();
    if (!this.#final.includes(code)) return this.#wait(code);
    this.code = code;
    this.#expectNoLoss();
    this.#set("ended");
  }

  #wait(code) {
    const { clock } = this.#is;
    if (this.#openSince && clock.now() - this.#openSince >= SETTLED_AFTER) this.#attempt = 0;
    this.#openSince = 0;
    this.#retry = clock.after(() => this.#open(), this.#pause(code));
    this.#attempt += 1;
    this.#expectLoss();
    this.#set("waiting");
  }

  #pause(code) {
    const { random } = this.#is;
    const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#attempt);
    const pause = (longest * (1 + random())) / 2;
    if (code === TOO_MANY) return pause + WAIT_WHEN_TOO_MANY;
    return code === GOING_AWAY ? pause + random() * SPREAD : pause;
  }

  #leave() {
    const socket = this.#socket;
    this.#socket = null;
    this.#is.clock.cancel(this.#retry);
    this.#is.clock.cancel(this.#greeting);
    socket?.close();
  }

  #expectLoss() {
    if (this.#losing !== null || this.lost) return;
    this.#losing = this.#is.clock.after(() => {
      this.#losing = null;
      this.lost = true;
      this.#is.onState();
    }, LOST_AFTER);
  }

  #expectNoLoss() {
    this.#is.clock.cancel(this.#losing);
    this.#losing = null;
    this.lost = false;
  }

  #set(state) {
    this.state = state;
    this.#is.onState();
  }
}

function parse(data) {
  try {
    const frame = JSON.parse(data);
    return typeof frame?.type === "string" ? frame : null;
  } catch {
    return null;
  }
}
