/**
 * Typing, both ways. What is told may be lost: at most one frame in three seconds, and one when it stops. What is heard fades by
 * itself, because the "stopped" may be lost too.
 */

const TELL_EVERY = 3_000;
const STOPPED_AFTER = 4_000;
const FADES_AFTER = 8_000;

export class Typing {
  #is;
  #toldAt = 0;
  #stop = null;
  #fade = null;
  /** Who types there now: `{by, name}` or null. */
  heard = null;

  constructor({ tell, onChange, clock }) {
    this.#is = { tell, onChange, clock };
  }

  typed() {
    const { tell, clock } = this.#is;
    if (!this.#toldAt || clock.now() - this.#toldAt >= TELL_EVERY) {
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

  /** His message came, or he is gone. */
  forget(by = this.heard?.by) {
    if (!this.heard || this.heard.by !== by) return;
    this.#is.clock.cancel(this.#fade);
    this.heard = null;
    this.#is.onChange();
  }
}
