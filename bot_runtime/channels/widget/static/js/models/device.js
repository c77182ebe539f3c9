// See README.md (MS-1, P-1).

export const KEY = "frontdesk";

export class Device {
  #storage;
  #bot;
  #draw;
  #inMemory = null;
  // Whether the browser's own key goes with the secret (keys.js).
  #signs = false;

  constructor({ storage, bot, draw }) {
    this.#storage = storage;
    this.#bot = bot;
    this.#draw = draw;
  }

  get hello() {
    return { device: this.secret, ...(this.signs && { key: true }) };
  }

  get secret() {
    return this.isKept ? this.#kept.device : this.#inMemory;
  }

  get isKept() {
    return this.#kept.bots.includes(this.#bot);
  }

  get signs() {
    return this.isKept && this.#kept.key;
  }

  signed() {
    this.#signs = true;
  }

  // The secret is another browser's.
  renew() {
    this.#inMemory = this.#draw();
    this.#signs = false;
    this.#write([]);
  }

  secretForConsent() {
    this.#inMemory ??= this.#kept.device ?? this.#draw();
    return this.#inMemory;
  }

  keep() {
    const { device, bots, key } = this.#kept;
    const same = device === this.#inMemory;
    if (!this.#inMemory) return;
    this.#write([...new Set([...(same ? bots : []), this.#bot])], this.#inMemory, this.#signs || (same && key));
  }

  // Whether a key has nothing left to go with.
  forget() {
    const { device, bots, key } = this.#kept;
    const others = bots.filter((bot) => bot !== this.#bot);
    this.#inMemory = null;
    this.#write(others, device, key);
    return key && !others.length;
  }

  get #kept() {
    try {
      const { device, bots, key } = JSON.parse(this.#storage.getItem(KEY));
      if (/^[\w-]{43}$/.test(device) && Array.isArray(bots)) return { device, bots, key: key === true };
    } catch {
      // Unusable is as good as none.
    }
    return { device: null, bots: [], key: false };
  }

  #write(bots, device, key) {
    try {
      if (bots.length) this.#storage.setItem(KEY, JSON.stringify({ device, bots, ...(key && { key }) }));
      else this.#storage.removeItem(KEY);
    } catch {
      // Refused: it lasts as long as the page.
    }
  }
}
