/**
 * Typing, both ways. What is told may be lost and costs nothing: at most one frame in three seconds while the visitor types,
 * and one when he stops. What is heard fades by itself, because the "stopped" may be lost too.
 */

const TELL_EVERY = 3_000;
const STOPPED_AFTER = 4_000;
const FADES_AFTER = 8_000;

export class TypingTold {
  #tell;
  #clock;
  #toldAt = 0;
  /** @type {unknown} */ #stop = null;

  /** @param {(on: boolean) => void} tell @param {{now(): number, after(work: () => void, ms: number): unknown, cancel(handle: unknown): void}} clock */
  constructor(tell, clock) {
    this.#tell = tell;
    this.#clock = clock;
  }

  /** A key was pressed. */
  typed() {
    const now = this.#clock.now();
    if (!this.#toldAt || now - this.#toldAt >= TELL_EVERY) {
      this.#toldAt = now;
      this.#tell(true);
    }
    if (this.#stop !== null) this.#clock.cancel(this.#stop);
    this.#stop = this.#clock.after(() => this.stopped(), STOPPED_AFTER);
  }

  /** He stopped, or sent what he typed. */
  stopped() {
    if (this.#stop !== null) this.#clock.cancel(this.#stop);
    this.#stop = null;
    if (this.#toldAt) this.#tell(false);
    this.#toldAt = 0;
  }
}

export class TypingHeard {
  /** @type {Map<string, {by: string, name: string, timer: unknown}>} */
  #who = new Map();
  #clock;
  #onChange;

  /** @param {{after(work: () => void, ms: number): unknown, cancel(handle: unknown): void}} clock @param {() => void} onChange */
  constructor(clock, onChange) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** @returns {{by: string, name: string} | null} who types now */
  get now() {
    const [first] = this.#who.values();
    return first ? { by: first.by, name: first.name } : null;
  }

  /** @param {{by: string, name?: string, on: boolean}} frame */
  hear({ by, name = "", on }) {
    const known = this.#who.get(by);
    if (known) this.#clock.cancel(known.timer);
    if (on) this.#who.set(by, { by, name, timer: this.#clock.after(() => this.forget(by), FADES_AFTER) });
    else this.#who.delete(by);
    this.#onChange();
  }

  /** His message came, or control changed hands. @param {string} by */
  forget(by) {
    const known = this.#who.get(by);
    if (!known) return;
    this.#clock.cancel(known.timer);
    this.#who.delete(by);
    this.#onChange();
  }
}
