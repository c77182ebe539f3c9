/** What was begun and not sent, for each conversation and for reply and note apart. In memory only: it is a person's, not the house's. */

export class Drafts {
  /** @type {Map<string, string>} */
  #texts = new Map();

  /** @param {string | null} conversation @param {"message" | "note"} type */
  get(conversation, type) {
    return this.#texts.get(`${type} ${conversation}`) ?? "";
  }

  /** @param {string | null} conversation @param {"message" | "note"} type @param {string} text */
  set(conversation, type, text) {
    if (text) this.#texts.set(`${type} ${conversation}`, text);
    else this.#texts.delete(`${type} ${conversation}`);
  }

  /** @param {string} conversation */
  has(conversation) {
    return Boolean(this.get(conversation, "message").trim() || this.get(conversation, "note").trim());
  }

  get any() {
    return [...this.#texts.values()].some((text) => text.trim());
  }
}
