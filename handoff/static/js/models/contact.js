/** What the house knows about the address of the open chat, read again whenever the chat changed. `fetch` is an argument. */

export class Contact {
  /** @type {any} null until it was read */
  data = null;
  #shown = "";
  #fetch;
  #onChange;

  /** @param {{fetch: typeof globalThis.fetch, onChange: () => void}} options */
  constructor({ fetch, onChange }) {
    this.#fetch = fetch;
    this.#onChange = onChange;
  }

  /** @param {{id: string, seq: number, address: string}} row */
  async follow({ id, seq, address }) {
    const shows = `${id}/${seq}/${address}`;
    if (shows === this.#shown) return;
    if (!this.#shown.startsWith(`${id}/`)) this.data = null;
    this.#shown = shows;
    if (!address) return;
    const data = await this.#read(id);
    if (shows !== this.#shown || data === null) return;
    this.data = data;
    this.#onChange();
  }

  /** @param {string} id @returns {Promise<any>} null when it could not be read: the next change tries again */
  async #read(id) {
    try {
      const answer = await this.#fetch(`/api/conversations/${id}/contact`, { credentials: "same-origin" });
      return answer.ok ? await answer.json() : null;
    } catch {
      return null;
    }
  }
}
