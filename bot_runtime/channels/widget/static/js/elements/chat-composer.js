/** Where the visitor writes: Enter sends, Shift+Enter breaks the line, a counter appears near the limit. */

import { h, icon } from "/static/foundation/js/dom.js";

const LIMIT = 4_000;
const COUNT_FROM = 3_600;

export class ChatComposer extends HTMLElement {
  #text = /** @type {HTMLTextAreaElement} */ (h("textarea", { rows: 1, autocomplete: "off", enterkeyhint: "send" }));
  #send = /** @type {HTMLButtonElement} */ (h("button", { class: "square send", type: "submit" }, icon("send")));
  #count = h("span", { role: "status" });
  #lock = h("span", { class: "lock" });
  #form = h("form", null, h("div", { class: "compose" }, this.#text, this.#send));
  #under = h("div", { class: "under" }, this.#count, this.#lock);
  #ended = h("div", { class: "ended", hidden: true });
  /** @type {any} */ #visit = null;
  /** @type {any} */ #t = null;
  #shows = "";
  /** @type {AbortController | null} */ #life = null;

  connectedCallback() {
    this.#life = new AbortController();
    const { signal } = this.#life;
    if (!this.firstChild) this.append(this.#form, this.#ended, this.#under);
    this.#form.addEventListener("submit", (event) => this.#submit(event), { signal });
    this.#text.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.#text.addEventListener("input", () => this.#typed(), { signal });
  }

  disconnectedCallback() {
    this.#life?.abort();
  }

  /** @param {any} visit @param {any} t */
  draw(visit, t) {
    this.#visit = visit;
    this.#t = t;
    const secure = visit.secure && location.protocol === "https:";
    const shows = JSON.stringify([visit.locale, visit.isClosed, visit.busy, visit.problem, secure]);
    if (shows === this.#shows) return;
    this.#shows = shows;
    this.#text.setAttribute("aria-label", t("write"));
    this.#text.placeholder = t("write_placeholder");
    this.#send.setAttribute("aria-label", t("send"));
    this.#send.title = t("send");
    this.#form.hidden = visit.isClosed;
    this.#ended.hidden = !visit.isClosed;
    if (visit.isClosed) this.#drawEnd(visit, t);
    this.#lock.replaceChildren(...(secure ? [icon("lock", "small"), h("span", { class: "hidden" }, t("lock"))] : []));
    this.#lock.title = secure ? t("lock") : "";
    this.#measure();
  }

  /** Put words here for the visitor to send. @param {string} text */
  write(text) {
    this.#text.value = text;
    this.#measure();
    this.#text.focus();
  }

  focus() {
    (this.#form.hidden ? this.#ended.querySelector("button") : this.#text)?.focus();
  }

  /** @param {any} visit @param {any} t */
  #drawEnd(visit, t) {
    const busy = Boolean(visit.busy);
    this.#ended.replaceChildren(
      h("p", { class: "muted" }, t("closed_text")),
      h("button", { class: "button primary", type: "button", disabled: busy, on: { click: () => visit.startAgain() } }, t(busy ? "working" : "start_again")),
    );
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault();
    if (!this.#visit || !this.#text.value.trim() || left(this.#text.value) < 0) return;
    this.#visit.say(this.#text.value);
    this.#text.value = "";
    this.#measure();
    this.#text.focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    // An input method uses Enter to choose a word; that is not the end of the message.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    this.#submit(event);
  }

  #typed() {
    this.#visit?.typed();
    this.#measure();
  }

  #measure() {
    const count = left(this.#text.value);
    this.#send.disabled = !this.#text.value.trim() || count < 0;
    const near = LIMIT - count >= COUNT_FROM;
    this.#count.textContent = !near || !this.#t ? "" : count < 0 ? this.#t("too_long", { count: -count }) : this.#t("left", { count });
    this.#count.className = count < 0 ? "problem" : "";
    if (CSS.supports("field-sizing", "content")) return;
    this.#text.style.blockSize = "auto";
    this.#text.style.blockSize = `${this.#text.scrollHeight}px`;
  }
}

/** Characters as the server counts them: an emoji is one or a few, not its bytes. @param {string} text */
function left(text) {
  return LIMIT - [...text.trim()].length;
}
