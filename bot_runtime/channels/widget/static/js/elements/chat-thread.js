/** The conversation: keeps to its end while the reader is there, and tells of new messages when he is not. */

import { h, icon, Keyed } from "/static/foundation/js/dom.js";
import { drawn } from "../helpers/message.js";

const NEAR = 60;

export class ChatThread extends HTMLElement {
  #log = h("div", { class: "log", role: "log", tabindex: "0" });
  #typing = h("div", { class: "typing", hidden: true });
  #pill = h("button", { class: "pill", type: "button", hidden: true });
  #items = new Keyed();
  #card = /** @type {any} */ (h("chat-email", null));
  #drawnIn = "";
  #seen = 0;
  #atEnd = true;
  /** @type {AbortController | null} */ #life = null;

  connectedCallback() {
    this.#life = new AbortController();
    const { signal } = this.#life;
    if (!this.firstChild) this.append(this.#log, this.#pill);
    this.#log.addEventListener("scroll", () => this.#scrolled(), { signal, passive: true });
    this.#pill.addEventListener("click", () => this.toEnd(), { signal });
    // A keyboard that opens makes the log smaller; who was at the end stays there.
    const watch = new ResizeObserver(() => this.#atEnd && this.toEnd());
    watch.observe(this.#log);
    signal.addEventListener("abort", () => watch.disconnect());
  }

  disconnectedCallback() {
    this.#life?.abort();
  }

  /** @param {any} visit @param {any} t @param {import("../helpers/times.js").Times} times */
  draw(visit, t, times) {
    if (this.#drawnIn !== visit.locale) this.#items.forget();
    this.#drawnIn = visit.locale;
    this.#log.setAttribute("aria-label", t("thread"));
    const reply = (/** @type {string} */ text, /** @type {string} */ payload) => {
      this.#atEnd = true;
      visit.say(text, payload);
      this.dispatchEvent(new CustomEvent("chat-replied", { bubbles: true }));
    };
    const context = { visit, t, times, reply };
    const items = visit.items(times.dayOf);
    const make = (/** @type {any} */ item) => (item.type === "email" ? this.#card : drawn(item, context));
    this.#typing.remove();
    this.#items.render(this.#log, items, (item) => item.key, make);
    this.#log.append(this.#typing);
    this.#card.draw(visit, t);
    this.#drawTyping(visit, t);
    this.#follow(items, t);
  }

  toEnd() {
    this.#atEnd = true;
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#pill.hidden = true;
  }

  /** @param {any} visit @param {any} t */
  #drawTyping(visit, t) {
    const who = visit.typing;
    this.#typing.hidden = !who;
    if (!who) return;
    const name = who.name || (who.by === "bot" ? visit.bot.name : visit.holder) || t("someone");
    const words = t("types", { name });
    if (this.#typing.dataset.words === words) return;
    this.#typing.dataset.words = words;
    this.#typing.replaceChildren(h("i", null), h("i", null), h("i", null), h("span", { class: "hidden" }, words));
  }

  /** @param {any[]} items @param {any} t */
  #follow(items, t) {
    const news = items.filter((item) => item.type === "message" && !item.own && item.seq > this.#seen);
    const mine = items.some((item) => item.own && item.state === "sending");
    if (this.#atEnd || mine) {
      this.#seen = Math.max(this.#seen, ...news.map((item) => item.seq));
      this.toEnd();
    } else if (news.length) {
      const count = news.length;
      this.#pill.hidden = false;
      this.#pill.replaceChildren(icon("arrow-down", "small"), count === 1 ? t("one_new") : t("many_new", { count }));
    }
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    if (this.#atEnd) this.#pill.hidden = true;
  }
}
