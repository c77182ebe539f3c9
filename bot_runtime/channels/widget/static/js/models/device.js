/**
 * What this browser keeps: one key, `frontdesk`, written when the server has confirmed the consent, with the secret by which
 * the server knows this browser again and the bots that it was given to: `{"device": "43 characters", "bots": ["id"]}`.
 * Nothing else, and nothing before (MS-1, P-1). A storage that is forbidden or tampered with is as good as an empty one: the
 * chat then lasts as long as the page.
 */

export const KEY = "frontdesk";

export class Device {
  #storage;
  #bot;
  #draw;
  #inMemory = null;

  /** `draw` gives a new secret: 256 random bits as 43 characters of base64url. */
  constructor({ storage, bot, draw }) {
    this.#storage = storage;
    this.#bot = bot;
    this.#draw = draw;
  }

  /** To say hello with: only to a bot that it was given to. */
  get secret() {
    return this.isKept ? this.#kept.device : this.#inMemory;
  }

  get isKept() {
    return this.#kept.bots.includes(this.#bot);
  }

  secretForConsent() {
    this.#inMemory ??= this.#kept.device ?? this.#draw();
    return this.#inMemory;
  }

  keep() {
    const { device, bots } = this.#kept;
    const others = device === this.#inMemory ? bots : [];
    if (this.#inMemory) this.#write([...new Set([...others, this.#bot])], this.#inMemory);
  }

  /** The key goes with the last bot (P-6). */
  forget() {
    const { device, bots } = this.#kept;
    this.#inMemory = null;
    this.#write(bots.filter((bot) => bot !== this.#bot), device);
  }

  get #kept() {
    try {
      const { device, bots } = JSON.parse(this.#storage.getItem(KEY));
      if (/^[\w-]{43}$/.test(device) && Array.isArray(bots)) return { device, bots };
    } catch {
      // Nothing that could be used is kept.
    }
    return { device: null, bots: [] };
  }

  #write(bots, device) {
    try {
      if (bots.length) this.#storage.setItem(KEY, JSON.stringify({ device, bots }));
      else this.#storage.removeItem(KEY);
    } catch {
      // The browser refuses to store; the secret in memory serves until the page goes.
    }
  }
}
