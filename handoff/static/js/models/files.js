/** The files of one conversation, through the staff API. `fetch` and `uuid` are arguments. Each answer is a sentence: what went wrong. */

const FAILED = "The connection ended. Please try again.";

export class Files {
  #url;
  #fetch;

  /** @param {string} conversation @param {typeof globalThis.fetch} [fetch] */
  constructor(conversation, fetch = (...call) => window.fetch(...call)) {
    this.#url = `/api/conversations/${conversation}/files`;
    this.#fetch = fetch;
  }

  /** @param {string} file */
  address(file) {
    return `${this.#url}/${file}`;
  }

  /** @param {File} file @param {string} id @returns {Promise<string>} empty when it was kept */
  send(file, id) {
    return this.#post(this.#url, file, {
      "Content-Type": file.type || "application/octet-stream",
      "X-File-Name": encodeURIComponent(file.name.replace(/\p{Cs}/gu, "")),
      "X-Client-Id": id,
    });
  }

  /** YA-22. @param {string} file @returns {Promise<string>} */
  hide(file) {
    return this.#post(`${this.address(file)}/sensitive`, "{}", { "Content-Type": "application/json" });
  }

  /** @param {string} url @param {BodyInit} body @param {Record<string, string>} headers */
  async #post(url, body, headers) {
    try {
      const answer = await this.#fetch(url, { method: "POST", headers, body });
      return answer.ok ? "" : ((await answer.json()).detail ?? FAILED);
    } catch {
      return FAILED;
    }
  }
}

/** @param {number} bytes */
export function sizeOf(bytes) {
  return bytes < 1_000_000 ? `${Math.max(1, Math.round(bytes / 1_000))} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
