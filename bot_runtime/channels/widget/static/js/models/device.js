/**
 * What this browser keeps: one key, `frontdesk`, written only after the server confirmed the consent, holding the secret by
 * which the server knows this browser again and the bots that it was given to:
 *
 *     {"device": "43 characters", "bots": ["bot id", …]}
 *
 * Nothing else is stored, and nothing at all before (MS-1, P-1). A storage that is full, forbidden or tampered with is as
 * good as an empty one: the chat then lasts as long as the page.
 */

export const KEY = "frontdesk";

const SECRET = /^[A-Za-z0-9_-]{43}$/;

export class Device {
  #storage;
  #bot;
  #draw;
  #inMemory = "";

  /**
   * @param {object} options
   * @param {Pick<Storage, "getItem" | "setItem" | "removeItem"> | null} options.storage
   * @param {string} options.bot
   * @param {() => string} options.draw a new secret: 256 random bits as 43 characters of base64url
   */
  constructor({ storage, bot, draw }) {
    this.#storage = storage;
    this.#bot = bot;
    this.#draw = draw;
  }

  /** The secret to say hello with: only for a bot that it was given to. @returns {string | null} */
  get secret() {
    const kept = this.#read();
    return kept?.bots.includes(this.#bot) ? kept.device : this.#inMemory || null;
  }

  /** The secret to consent with; drawn when this browser has none. Stored by `keep` only. @returns {string} */
  secretForConsent() {
    this.#inMemory ||= this.#read()?.device ?? this.#draw();
    return this.#inMemory;
  }

  /** The server confirmed the consent: from now on this browser is known again. */
  keep() {
    if (!this.#inMemory) return;
    const kept = this.#read();
    const bots = kept?.device === this.#inMemory ? kept.bots : [];
    this.#write({ device: this.#inMemory, bots: [...new Set([...bots, this.#bot])] });
  }

  /** Forget this bot here; the key goes with the last one (P-6). */
  forget() {
    const kept = this.#read();
    this.#inMemory = "";
    if (!kept) return;
    const bots = kept.bots.filter((bot) => bot !== this.#bot);
    this.#write(bots.length ? { device: kept.device, bots } : null);
  }

  get isKept() {
    return Boolean(this.#read()?.bots.includes(this.#bot));
  }

  /** @returns {{device: string, bots: string[]} | null} */
  #read() {
    try {
      const kept = JSON.parse(this.#storage?.getItem(KEY) ?? "null");
      if (!SECRET.test(kept?.device) || !Array.isArray(kept.bots)) return null;
      return { device: kept.device, bots: kept.bots.filter((/** @type {unknown} */ bot) => typeof bot === "string") };
    } catch {
      return null;
    }
  }

  /** @param {{device: string, bots: string[]} | null} value */
  #write(value) {
    try {
      if (value) this.#storage?.setItem(KEY, JSON.stringify(value));
      else this.#storage?.removeItem(KEY);
    } catch {
      // The browser refuses to store; the secret in memory serves until the page goes.
    }
  }
}
