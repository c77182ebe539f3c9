/**
 * One socket that comes back: it says hello, hears frames, and when it breaks it waits a little longer each time and tries
 * again, unless the server said that there is no point. DOM-free: transport, clock and chance are arguments.
 *
 * What it promises: `onFrame` gets frames of the newest socket only; `state` is `open` from the server's `welcome` on and
 * not before; `lost` becomes true when there was no line for five seconds, so that a hiccup shows nothing.
 *
 * @typedef {"idle" | "connecting" | "open" | "waiting" | "ended"} LineState
 * @typedef {{send(text: string): void, close(code?: number): void, onopen: any, onmessage: any, onclose: any}} Transport
 */

/** The server's close codes (`docs/http.md`). */
export const CODE = Object.freeze({
  NORMAL: 1000,
  GOING_AWAY: 1001,
  MALFORMED: 4400,
  UNAUTHENTICATED: 4401,
  FORBIDDEN: 4403,
  NOT_FOUND: 4404,
  TOO_SLOW: 4408,
  TOO_MANY: 4429,
});

const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;
const WAIT_WHEN_TOO_MANY = 15_000;
/** The server restarts: everybody comes back, but not in the same moment. */
const SPREAD = 2_000;
const SETTLED_AFTER = 5_000;
const WELCOME_WITHIN = 10_000;
const LOST_AFTER = 5_000;

export class Line {
  /** @type {LineState} */
  state = "idle";
  lost = false;
  /** The code that ended it, when `state` is `ended`. */
  code = 0;

  #connect;
  #hello;
  #onFrame;
  #onState;
  #clock;
  #random;
  #final;
  /** @type {Transport | null} */
  #socket = null;
  #attempt = 0;
  #openSince = 0;
  /** @type {unknown} */ #retry = null;
  /** @type {unknown} */ #greeting = null;
  /** @type {unknown} */ #losing = null;

  /**
   * @param {object} options
   * @param {() => Transport} options.connect opens a socket
   * @param {() => object} options.hello the first frame, made anew for every socket
   * @param {(frame: any) => void} options.onFrame
   * @param {() => void} options.onState called after every change of `state` or `lost`
   * @param {import("./clock.js").Clock} options.clock
   * @param {() => number} [options.random] from 0 to 1
   * @param {number[]} [options.final] codes after which it does not try again
   */
  constructor({ connect, hello, onFrame, onState, clock, random = Math.random, final }) {
    this.#connect = connect;
    this.#hello = hello;
    this.#onFrame = onFrame;
    this.#onState = onState;
    this.#clock = clock;
    this.#random = random;
    this.#final = new Set(final ?? [CODE.NORMAL, CODE.MALFORMED, CODE.FORBIDDEN, CODE.NOT_FOUND]);
  }

  /** Begin, or begin again after the end. Does nothing while it runs. */
  start() {
    if (this.state !== "idle" && this.state !== "ended") return;
    this.#attempt = 0;
    this.code = 0;
    this.#expectLoss();
    this.#open();
  }

  /** End it from our side. */
  stop() {
    this.#leave();
    this.#expectNoLoss();
    this.#set("idle");
  }

  /** Drop this socket and say hello anew at once, because what hello says has changed. */
  restart() {
    this.#leave();
    this.state = "idle";
    this.start();
  }

  /** Something says that the way may be free again (a click, the browser is online): try now instead of later. */
  nudge() {
    if (this.state !== "waiting") return;
    this.#clock.cancel(this.#retry);
    this.#open();
  }

  /** The socket looks open but nothing comes back: treat it as broken. */
  drop() {
    if (this.state !== "open" && this.state !== "connecting") return;
    this.#leave();
    this.#wait(0);
  }

  /**
   * @param {object} frame
   * @returns {boolean} whether it went into an open socket; false means that nothing was sent
   */
  send(frame) {
    if (this.state !== "open" || !this.#socket) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  #open() {
    let socket;
    try {
      socket = this.#connect();
    } catch {
      this.#wait(0);
      return;
    }
    this.#socket = socket;
    const mine = (/** @type {(event: any) => void} */ work) => (/** @type {any} */ event) => {
      if (this.#socket === socket) work(event);
    };
    socket.onopen = mine(() => socket.send(JSON.stringify(this.#hello())));
    socket.onmessage = mine((event) => this.#hear(event.data));
    socket.onclose = mine((event) => this.#closed(event?.code ?? 1006));
    this.#greeting = this.#clock.after(mine(() => this.drop()), WELCOME_WITHIN);
    this.#set("connecting");
  }

  /** @param {unknown} data */
  #hear(data) {
    const frame = parse(data);
    if (!frame) return;
    if (frame.type === "welcome" && this.state === "connecting") {
      this.#clock.cancel(this.#greeting);
      this.#openSince = this.#clock.now();
      this.#expectNoLoss();
      this.#set("open");
    }
    this.#onFrame(frame);
  }

  /** @param {number} code */
  #closed(code) {
    this.#leave();
    if (this.#final.has(code)) {
      this.code = code;
      this.#expectNoLoss();
      this.#set("ended");
      return;
    }
    this.#wait(code);
  }

  /** @param {number} code */
  #wait(code) {
    if (this.#openSince && this.#clock.now() - this.#openSince >= SETTLED_AFTER) this.#attempt = 0;
    this.#openSince = 0;
    this.#retry = this.#clock.after(() => this.#open(), this.#pause(code));
    this.#attempt += 1;
    this.#expectLoss();
    this.#set("waiting");
  }

  /** @param {number} code */
  #pause(code) {
    const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#attempt);
    const pause = longest / 2 + (this.#random() * longest) / 2;
    if (code === CODE.TOO_MANY) return WAIT_WHEN_TOO_MANY + pause;
    if (code === CODE.GOING_AWAY) return pause + this.#random() * SPREAD;
    return pause;
  }

  #leave() {
    const socket = this.#socket;
    this.#socket = null;
    this.#clock.cancel(this.#retry);
    this.#clock.cancel(this.#greeting);
    if (socket) {
      try {
        socket.close();
      } catch {
        // It was never open; there is nothing to close.
      }
    }
  }

  #expectLoss() {
    if (this.#losing !== null || this.lost) return;
    this.#losing = this.#clock.after(() => {
      this.#losing = null;
      this.lost = true;
      this.#onState();
    }, LOST_AFTER);
  }

  #expectNoLoss() {
    if (this.#losing !== null) this.#clock.cancel(this.#losing);
    this.#losing = null;
    this.lost = false;
  }

  /** @param {LineState} state */
  #set(state) {
    this.state = state;
    this.#onState();
  }
}

/** @param {unknown} data */
function parse(data) {
  if (typeof data !== "string") return null;
  try {
    const frame = JSON.parse(data);
    return frame && typeof frame === "object" && typeof frame.type === "string" ? frame : null;
  } catch {
    return null;
  }
}
