/**
 * What was said and is not yet answered for. Every frame carries a `client_id`, under which the server stores it once: after a
 * broken line all that was not answered is sent again, in order, and nothing is there twice.
 *
 * An entry is waiting, sent or failed; its `answer` is a promise of `{kind: "ack" | "done" | "error" | "lost", …}` that never
 * rejects. An entry put with `once` is not sent again, because a second time would mean something else.
 */

/** More are not on their way at once: a long outbox must not run into the server's rate limit. */
const WINDOW = 8;
/** No answer for so long means that the line is dead although it looks open. */
const PATIENCE = 12_000;

export class Outbox {
  #entries = new Map();
  #is;
  #watch = null;
  #connected = false;

  constructor({ send, uuid, clock, onChange, onStuck }) {
    this.#is = { send, uuid, clock, onChange, onStuck };
  }

  get entries() {
    return [...this.#entries.values()];
  }

  get unsent() {
    return this.entries.filter((entry) => entry.state !== "failed").length;
  }

  put(frame, { once = false } = {}) {
    const id = this.#is.uuid();
    const entry = { id, frame: { ...frame, client_id: id }, at: this.#is.clock.now(), state: "waiting", once, error: null };
    entry.answer = new Promise((resolve) => (entry.resolve = resolve));
    this.#entries.set(id, entry);
    this.#pump();
    this.#is.onChange();
    return entry;
  }

  /** The server answered; an error stays here as failed. Gives the entry, or null when it is none of ours or answered before. */
  settle(id, answer) {
    const entry = this.#entries.get(id);
    if (!entry || entry.state === "failed") return null;
    if (answer.kind === "error" || answer.kind === "lost") {
      entry.state = "failed";
      entry.error = answer;
    } else this.#entries.delete(id);
    entry.resolve(answer);
    this.#rest();
    this.#pump();
    this.#is.onChange();
    return entry;
  }

  /** Send a failed one again, under the same id: if it was stored after all, it stays one. */
  retry(id) {
    const entry = this.#entries.get(id);
    if (entry?.state !== "failed") return;
    entry.state = "waiting";
    entry.error = null;
    this.#pump();
    this.#is.onChange();
  }

  drop(id) {
    if (this.#entries.delete(id)) this.#is.onChange();
  }

  clear() {
    this.#entries.clear();
    this.#rest();
    this.#is.onChange();
  }

  connected() {
    this.#connected = true;
    for (const entry of this.entries) if (entry.state === "sent") entry.state = "waiting";
    this.#pump();
    this.#is.onChange();
  }

  disconnected() {
    this.#connected = false;
    this.#rest();
    for (const { id, once, state } of this.entries) if (once && state === "sent") this.settle(id, { kind: "lost" });
  }

  /** There will be no line any more. */
  giveUp() {
    this.#connected = false;
    for (const { id } of this.entries) this.settle(id, { kind: "lost" });
  }

  #pump() {
    if (!this.#connected) return;
    let away = this.entries.filter((entry) => entry.state === "sent").length;
    for (const entry of this.entries) {
      if (entry.state !== "waiting") continue;
      if (away >= WINDOW || !this.#is.send(entry.frame)) break;
      entry.state = "sent";
      away += 1;
    }
    if (away && this.#watch === null) this.#watch = this.#is.clock.after(() => this.#is.onStuck(), PATIENCE);
  }

  #rest() {
    this.#is.clock.cancel(this.#watch);
    this.#watch = null;
  }
}
