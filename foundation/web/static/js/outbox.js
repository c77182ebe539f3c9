/**
 * What was said and is not yet answered for. Every frame in it carries a `client_id`, under which the server stores it once:
 * so after a broken line all that was not answered is sent again, in order, and nothing is there twice. DOM-free.
 *
 * At most `WINDOW` frames are on their way at the same time: a long outbox does not run into the server's rate limit.
 * A frame that gets no answer within `PATIENCE` means that the line is dead although it looks open; `onStuck` is told.
 *
 * @typedef {"waiting" | "sent" | "failed"} EntryState
 * @typedef {{kind: "ack" | "done" | "error" | "lost", [member: string]: any}} Answer
 * @typedef {object} Entry
 * @property {string} id the client_id
 * @property {any} frame
 * @property {number} at when it was put here
 * @property {EntryState} state
 * @property {boolean} once true: not sent again after a broken line, because a second time means something else
 * @property {any} error the `error` frame, when it failed
 * @property {Promise<Answer>} answer never rejects
 * @property {(answer: Answer) => void} resolve
 */

const WINDOW = 8;
const PATIENCE = 12_000;

export class Outbox {
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  #send;
  #uuid;
  #clock;
  #onChange;
  #onStuck;
  /** @type {unknown} */ #watch = null;
  #connected = false;

  /**
   * @param {object} options
   * @param {(frame: object) => boolean} options.send
   * @param {() => string} options.uuid
   * @param {import("./clock.js").Clock} options.clock
   * @param {() => void} options.onChange
   * @param {() => void} options.onStuck
   */
  constructor({ send, uuid, clock, onChange, onStuck }) {
    this.#send = send;
    this.#uuid = uuid;
    this.#clock = clock;
    this.#onChange = onChange;
    this.#onStuck = onStuck;
  }

  /** All that is not settled, oldest first. */
  get entries() {
    return [...this.#entries.values()];
  }

  /** How many wait for their answer, the failed ones apart. */
  get unsent() {
    return this.entries.filter((entry) => entry.state !== "failed").length;
  }

  /**
   * @param {object} frame without `client_id`
   * @param {{once?: boolean}} [options]
   * @returns {Entry}
   */
  put(frame, { once = false } = {}) {
    const id = this.#uuid();
    let resolve = (/** @type {Answer} */ _answer) => {};
    const answer = new Promise((/** @type {(answer: Answer) => void} */ done) => {
      resolve = done;
    });
    const entry = { id, frame: { ...frame, client_id: id }, at: this.#clock.now(), once, error: null, answer, resolve };
    /** @type {Entry} */
    const whole = { ...entry, state: "waiting" };
    this.#entries.set(id, whole);
    this.#pump();
    this.#onChange();
    return whole;
  }

  /**
   * The server answered. An error leaves the entry here as failed, so that it can be sent again by hand.
   *
   * @param {string} id
   * @param {Answer} answer
   * @returns {Entry | null} what was answered; null when it is not ours or was answered before
   */
  settle(id, answer) {
    const entry = this.#entries.get(id);
    if (!entry || entry.state === "failed") return null;
    if (answer.kind === "error" || answer.kind === "lost") {
      entry.state = "failed";
      entry.error = answer;
    } else {
      this.#entries.delete(id);
    }
    entry.resolve(answer);
    this.#rest();
    this.#pump();
    this.#onChange();
    return entry;
  }

  /** Send a failed one again, under the same id: if it was stored after all, it stays one.
   * @param {string} id */
  retry(id) {
    const entry = this.#entries.get(id);
    if (!entry || entry.state !== "failed") return;
    entry.state = "waiting";
    entry.error = null;
    this.#pump();
    this.#onChange();
  }

  /** Give one up. @param {string} id */
  drop(id) {
    if (this.#entries.delete(id)) this.#onChange();
  }

  clear() {
    this.#entries.clear();
    this.#rest();
    this.#onChange();
  }

  /** There is a line again: everything unanswered goes out anew, in order. */
  connected() {
    this.#connected = true;
    for (const entry of this.#entries.values()) if (entry.state === "sent") entry.state = "waiting";
    this.#pump();
    this.#onChange();
  }

  /** The line broke. What must not be sent twice fails and says so. */
  disconnected() {
    this.#connected = false;
    this.#rest();
    for (const entry of this.entries) if (entry.once && entry.state === "sent") this.settle(entry.id, { kind: "lost" });
  }

  /** There will be no line any more. @param {object} [error] what to say of each */
  giveUp(error = {}) {
    this.#connected = false;
    this.#rest();
    for (const entry of this.entries) this.settle(entry.id, { ...error, kind: "lost" });
  }

  #pump() {
    if (!this.#connected) return;
    let away = this.entries.filter((entry) => entry.state === "sent").length;
    for (const entry of this.#entries.values()) {
      if (away >= WINDOW) break;
      if (entry.state !== "waiting") continue;
      if (!this.#send(entry.frame)) break;
      entry.state = "sent";
      away += 1;
    }
    if (away && this.#watch === null) this.#watch = this.#clock.after(() => this.#onStuck(), PATIENCE);
  }

  #rest() {
    if (this.#watch !== null) this.#clock.cancel(this.#watch);
    this.#watch = null;
  }
}
