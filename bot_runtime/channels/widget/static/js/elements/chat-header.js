/** Who one talks to, and the menu. Speaks upward: `chat-close`, and `chat-do` with the deed that was chosen. */

import { h, icon } from "/static/foundation/js/dom.js";

export class ChatHeader extends HTMLElement {
  #name = h("h1", { dir: "auto" });
  #status = h("p", { role: "status" });
  #face = h("span", { class: "face" });
  #more = h("button", { class: "square", type: "button", "aria-expanded": "false", "aria-controls": "menu" }, icon("menu"));
  #close = h("button", { class: "square", type: "button" }, icon("close"));
  #menu = h("ul", { class: "menu", id: "menu", hidden: true });
  #shows = "";
  /** @type {AbortController | null} */ #life = null;

  connectedCallback() {
    this.#life = new AbortController();
    const { signal } = this.#life;
    if (!this.firstChild) this.append(this.#face, h("div", { class: "title" }, this.#name, this.#status), this.#more, this.#close, this.#menu);
    this.#more.addEventListener("click", () => this.#toggle(this.#menu.hidden), { signal });
    this.#close.addEventListener("click", () => this.#speak("chat-close"), { signal });
    this.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.addEventListener("focusout", (event) => this.#left(event), { signal });
    this.getRootNode().addEventListener("pointerdown", (event) => !this.contains(/** @type {Node} */ (event.target)) && this.#toggle(false), { signal });
  }

  disconnectedCallback() {
    this.#life?.abort();
  }

  get menuIsOpen() {
    return !this.#menu.hidden;
  }

  /** @param {any} visit @param {any} t @param {{name: string, framed: boolean}} page */
  draw(visit, t, page) {
    const status = statusOf(visit, t);
    const deeds = deedsOf(visit);
    const person = visit.control === "agent";
    const shows = JSON.stringify([visit.locale, visit.bot?.name, status, deeds, page.framed]);
    if (shows === this.#shows) return;
    this.#shows = shows;
    this.#name.textContent = visit.bot?.name ?? page.name;
    if (this.#status.textContent !== status) this.#status.textContent = status;
    this.#face.replaceChildren(icon(person ? "user" : "bot"));
    label(this.#more, t("menu"));
    label(this.#close, t("close_panel"));
    this.#close.hidden = !page.framed;
    this.#more.hidden = deeds.length === 0;
    if (deeds.length === 0) this.#toggle(false);
    this.#menu.replaceChildren(...deeds.map(([deed, sign]) => h("li", null, this.#deed(deed, sign, t))));
  }

  /** @param {string} deed @param {string} sign @param {any} t */
  #deed(deed, sign, t) {
    const click = () => {
      this.#toggle(false);
      this.#more.focus();
      this.#speak("chat-do", deed);
    };
    return h("button", { type: "button", on: { click } }, icon(sign), t(`menu_${deed}`));
  }

  /** @param {boolean} open */
  #toggle(open) {
    this.#menu.hidden = !open;
    this.#more.setAttribute("aria-expanded", String(open));
    if (open) this.#menu.querySelector("button")?.focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (this.#menu.hidden) return;
    const buttons = [...this.#menu.querySelectorAll("button")];
    const at = buttons.indexOf(/** @type {any} */ (event.target));
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") {
      event.stopPropagation();
      this.#toggle(false);
      this.#more.focus();
    } else if (step) {
      event.preventDefault();
      buttons.at((at + step) % buttons.length)?.focus();
    }
  }

  /** @param {FocusEvent} event */
  #left(event) {
    if (event.relatedTarget && !this.contains(/** @type {Node} */ (event.relatedTarget))) this.#toggle(false);
  }

  /** @param {string} name @param {string} [detail] */
  #speak(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }
}

/** @param {any} visit @param {any} t */
function statusOf(visit, t) {
  if (visit.lost) return t("status_lost");
  if (visit.phase !== "thread") return t("bot");
  if (visit.control === "agent") return visit.holder ? t("status_agent", { name: visit.holder }) : t("status_someone");
  return t(`status_${visit.control}`);
}

/** @param {any} visit @returns {[string, string][]} */
function deedsOf(visit) {
  if (visit.phase !== "thread") return [];
  const open = !visit.isClosed;
  /** @type {[string, string, boolean][]} */
  const all = [
    ["person", "user", open && visit.control === "bot"],
    ["email", "mail", open && visit.email.step !== "verified"],
    ["privacy", "shield", true],
    ["end", "close", open],
  ];
  return all.filter(([, , possible]) => possible).map(([deed, sign]) => [deed, sign]);
}

/** @param {HTMLElement} button @param {string} words */
function label(button, words) {
  button.setAttribute("aria-label", words);
  button.title = words;
}
