/**
 * Keeps an open transcript honest: asks every one and a half seconds whether it may still be shown and what is new. DOM-free;
 * `fetch` and clock are arguments.
 *
 * What it promises: after a no (the session, the access, the range or the link ended) `onEnd` is called within two seconds and
 * nothing is asked any more; while nobody can say, `onDoubt(true)` asks for a veil after five seconds, or at once when the page
 * comes back from the background.
 */

export const EVERY = 1_500;
export const DOUBT_AFTER = 5_000;
export const STALE_AFTER = 2_000;
const LATE = 4_000;
const NO = [401, 403, 410];

export class Watch {
  #path;
  #seq;
  #fetch;
  #clock;
  #on;
  #confirmedAt;
  #timer = 0;
  #asking = false;
  #over = false;

  /**
   * @param {object} options
   * @param {string} options.path
   * @param {number} options.seq
   * @param {(path: string, options: object) => Promise<any>} options.fetch
   * @param {{now: () => number, after: (ms: number, work: () => void) => number, cancel: (timer: number) => void}} options.clock
   * @param {(news: any) => void} options.onNews
   * @param {() => void} options.onReload
   * @param {() => void} options.onEnd
   * @param {(doubt: boolean) => void} options.onDoubt
   */
  constructor({ path, seq, fetch, clock, onNews, onReload, onEnd, onDoubt }) {
    this.#path = path;
    this.#seq = seq;
    this.#fetch = fetch;
    this.#clock = clock;
    this.#on = { onNews, onReload, onEnd, onDoubt };
    this.#confirmedAt = clock.now();
  }

  start() {
    this.#timer = this.#clock.after(EVERY, () => this.ask());
  }

  stop() {
    this.#over = true;
    this.#clock.cancel(this.#timer);
  }

  /** The page is looked at again: what it shows may be long out of date. */
  shown() {
    if (this.#over || this.#age() <= STALE_AFTER) return;
    this.#on.onDoubt(true);
    this.ask();
  }

  async ask() {
    if (this.#over || this.#asking) return;
    this.#clock.cancel(this.#timer);
    this.#asking = true;
    const answer = await this.#answer();
    this.#asking = false;
    if (this.#over) return;
    if (NO.includes(answer.status)) {
      this.stop();
      this.#on.onEnd();
      return;
    }
    if (answer.news) this.#hear(answer.news);
    else if (this.#age() > DOUBT_AFTER) this.#on.onDoubt(true);
    if (!this.#over) this.start();
  }

  /** @param {any} news */
  #hear(news) {
    if (news.reload) {
      this.stop();
      this.#on.onReload();
      return;
    }
    this.#confirmedAt = this.#clock.now();
    this.#seq = news.seq;
    if (news.lines.length > 0 || news.count) this.#on.onNews(news);
    this.#on.onDoubt(false);
  }

  async #answer() {
    try {
      const answer = await this.#fetch(`${this.#path}/since/${this.#seq}`, {
        credentials: "same-origin",
        cache: "no-store",
        redirect: "error",
        signal: AbortSignal.timeout(LATE),
      });
      return { status: answer.status, news: answer.status === 200 ? await answer.json() : null };
    } catch {
      return { status: 0, news: null };
    }
  }

  #age() {
    return this.#clock.now() - this.#confirmedAt;
  }
}
