// One key, written after the consent: {"device": "43 characters", "bots": ["id"]} (MS-1, P-1).

export const KEY = "frontdesk";

export class Device {
  #storage;
  #bot;
  #draw;
  #inMemory = null;

  constructor({ storage, bot, draw }) {
    this.#storage = storage;
    this.#bot = bot;
    this.#draw = draw;
  }

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

  forget() {
    const { device, bots } = this.#kept;
    this.#inMemory = null;
    this.#write(
      bots.filter((bot) => bot !== this.#bot),
      device,
    );
  }

  get #kept() {
    try {
      const { device, bots } = JSON.parse(this.#storage.getItem(KEY));
      if (/^[\w-]{43}$/.test(device) && Array.isArray(bots)) return { device, bots };
    } catch {
      // Unusable is as good as none.
    }
    return { device: null, bots: [] };
  }

  #write(bots, device) {
    try {
      if (bots.length) this.#storage.setItem(KEY, JSON.stringify({ device, bots }));
      else this.#storage.removeItem(KEY);
    } catch {
      // Refused: it lasts as long as the page.
    }
  }
}
