/** The search page: a form, what was found so far, and how far the search is. The address never holds the words. */

import { h } from "/static/foundation/js/dom.js";
import { Refused, search, statusWords } from "./search-stream.js";

const CONTROLS = { bot: "with the bot", queue: "in the queue", agent: "with a person", closed: "closed" };
const SPEAKERS = { visitor: "Visitor", bot: "Bot", agent: "Agent", note: "Note" };
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

class SearchPage extends HTMLElement {
  /** @type {AbortController | null} */ #going = null;
  #query = "";
  #found = 0;
  #scanned = 0;
  #unreadable = 0;

  connectedCallback() {
    this.querySelector("form")?.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#query = /** @type {HTMLInputElement} */ (this.querySelector("input")).value.trim();
      this.#begin();
    });
    /** @type {HTMLInputElement} */ (this.querySelector("input")).focus();
  }

  #begin() {
    this.#found = this.#scanned = this.#unreadable = 0;
    this.#part("search-found").replaceChildren();
    this.#go(null);
  }

  /** @param {string | null} after */
  async #go(after) {
    this.#going?.abort();
    const going = new AbortController();
    this.#going = going;
    this.#part("search-more").replaceChildren(
      h("button", { class: "button small", type: "button", on: { click: () => going.abort() } }, "Stop"),
    );
    const before = this.#scanned;
    /** @type {string | null} */ let next = null;
    this.#say("busy");
    try {
      const lines = search({ query: this.#query, after, fetch: fetch.bind(globalThis), signal: going.signal });
      for await (const line of lines) {
        if (line.type === "found") this.#add(line);
        else if (line.type === "error") throw new Refused(line.detail);
        else {
          this.#scanned = before + line.scanned;
          if (line.type === "end") {
            next = line.next;
            this.#unreadable += line.unreadable;
          }
        }
        this.#say("busy");
      }
      this.#say(next ? "more" : "done");
      this.#part("search-more").replaceChildren(
        next
          ? h("button", { class: "button", type: "button", on: { click: () => this.#go(next) } }, "Look further")
          : "",
      );
    } catch (error) {
      if (this.#going !== going) return;
      const words =
        error instanceof Refused
          ? error.message
          : going.signal.aborted
            ? "Stopped. What is shown was found until then."
            : "The server could not be reached. What is shown was found until then.";
      this.#part("search-status").textContent = words;
      this.#part("search-more").replaceChildren();
    }
  }

  /** @param {any} found */
  #add(found) {
    this.#found += 1;
    this.#part("search-found").append(
      h(
        "li",
        { class: "card search-hit" },
        h(
          "p",
          { class: "search-who" },
          h("a", { href: `/console#${found.conversation}`, dir: "auto" }, found.name || found.address || "Visitor"),
          h(
            "span",
            { class: "muted small" },
            [found.bot_name, CONTROLS[/** @type {keyof CONTROLS} */ (found.control)], day.format(found.updated_at)]
              .filter(Boolean)
              .join(" · "),
          ),
          ...found.tags.map((/** @type {string} */ tag) => h("span", { class: "badge" }, tag)),
        ),
        ...found.snippets.map((/** @type {any} */ snippet) => this.#snippet(snippet)),
        found.count > found.snippets.length &&
          h("p", { class: "muted small" }, `and ${found.count - found.snippets.length} more messages`),
      ),
    );
  }

  /** @param {any} snippet */
  #snippet({ at, by, name, pieces }) {
    return h(
      "blockquote",
      { class: `search-snippet ${by}`, dir: "auto" },
      h("cite", { class: "muted small" }, `${name || SPEAKERS[/** @type {keyof SPEAKERS} */ (by)]}, ${day.format(at)}`),
      h("p", null, ...pieces.map((/** @type {any} */ piece) => (piece.hit ? h("mark", null, piece.text) : piece.text))),
    );
  }

  /** @param {"busy" | "more" | "done"} state */
  #say(state) {
    this.#part("search-status").textContent = statusWords({
      found: this.#found,
      scanned: this.#scanned,
      unreadable: this.#unreadable,
      state,
    });
  }

  /** @param {string} name @returns {HTMLElement} */
  #part(name) {
    return /** @type {HTMLElement} */ (this.querySelector(`.${name}`));
  }
}

customElements.define("search-page", SearchPage);
