/** The share links of one conversation, through the staff API. `fetch` is an argument. */

export class Links {
  /** @type {any[] | null} null until they were read */
  list = null;
  problem = "";
  busy = false;
  /** The URL of a link that was just made; the server does not say it a second time. */
  fresh = "";
  /** How long a link lives that asks for nothing, and at most. */
  days = 180;
  mostDays = 180;
  #conversation;
  #fetch;
  #onChange;

  /** @param {{conversation: string, fetch: typeof globalThis.fetch, onChange: () => void}} options */
  constructor({ conversation, fetch, onChange }) {
    this.#conversation = conversation;
    this.#fetch = fetch;
    this.#onChange = onChange;
  }

  async read() {
    await this.#ask(async () => {
      await this.#look();
    });
  }

  /** @param {number} [days] */
  async make(days) {
    await this.#ask(async () => {
      const made = await this.#call("POST", `/api/conversations/${this.#conversation}/links`, days ? { days } : {});
      this.fresh = made.url;
      await this.#look();
    });
  }

  async revokeAll() {
    await this.#ask(async () => {
      await this.#call("POST", `/api/conversations/${this.#conversation}/links/revoke`, {});
      this.fresh = "";
      await this.#look();
    });
  }

  /** Where the transcript comes as a file. @param {string} format */
  file(format) {
    return `/api/conversations/${this.#conversation}/transcript.${format}`;
  }

  /** @param {string} id */
  async revoke(id) {
    await this.#ask(async () => {
      await this.#call("POST", `/api/links/${id}/revoke`);
      this.fresh = "";
      await this.#look();
    });
  }

  async #look() {
    const answer = await this.#call("GET", `/api/conversations/${this.#conversation}/links`);
    this.list = answer.links;
    this.days = answer.days ?? this.days;
    this.mostDays = answer.most_days ?? this.mostDays;
  }

  /** @param {() => Promise<void>} work */
  async #ask(work) {
    if (this.busy) return;
    this.busy = true;
    this.problem = "";
    this.#onChange();
    try {
      await work();
    } catch (error) {
      this.problem = error instanceof Refused ? error.message : "The server could not be reached. Nothing was changed.";
    }
    this.busy = false;
    this.#onChange();
  }

  /** @param {string} method @param {string} path @param {object} [body] */
  async #call(method, path, body) {
    const headers = body ? { "Content-Type": "application/json" } : undefined;
    const answer = await this.#fetch(path, {
      method,
      headers,
      body: body && JSON.stringify(body),
      credentials: "same-origin",
    });
    if (answer.ok) return answer.status === 204 ? null : answer.json();
    const problem = await answer.json().catch(() => ({}));
    throw new Refused(typeof problem.detail === "string" ? problem.detail : `The server refused (${answer.status}).`);
  }
}

class Refused extends Error {}

/** @param {any} link @param {number} now @returns {"open" | "revoked" | "expired"} */
export function stateOfLink(link, now) {
  if (link.revoked_at) return "revoked";
  return now >= link.expires_at ? "expired" : "open";
}

const RULES = { bot_access: "by members", bot_range: "by a range of the bot", account_range: "by a range of the account" };

/** `3 views: 2 by members, 1 by a range of the bot`. @param {any} link */
export function viewsOf(link) {
  const parts = Object.entries(link.by_rule ?? {}).map(
    ([rule, count]) => `${count} ${RULES[/** @type {keyof typeof RULES} */ (rule)] ?? rule}`,
  );
  const views = link.views === 1 ? "1 view" : `${link.views} views`;
  return parts.length > 0 ? `${views}: ${parts.join(", ")}` : views;
}
