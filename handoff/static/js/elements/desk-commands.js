/** The command menu: what can be done now, and every chat by name, found by typing. */

import { h, icon } from "/static/foundation/js/dom.js";
import { ask } from "../helpers/speak.js";
import { markOf, nameOf } from "../models/words.js";

const MOST = 12;

export class DeskCommands extends HTMLElement {
  #words = /** @type {HTMLInputElement} */ (
    h("input", {
      class: "input",
      type: "text",
      placeholder: "What would you like to do?",
      "aria-label": "Command or name",
      role: "combobox",
      "aria-expanded": "true",
      "aria-controls": "desk-commands",
      autocomplete: "off",
    })
  );
  #list = h("ul", { class: "menu", id: "desk-commands", role: "listbox", "aria-label": "Commands" });
  #dialog = /** @type {HTMLDialogElement} */ (
    h("dialog", { class: "desk-commands", "aria-label": "Command menu" }, this.#words, this.#list)
  );
  /** @type {{words: string, sign: string, run: () => void}[]} */ #all = [];
  /** @type {{words: string, sign: string, run: () => void}[]} */ #found = [];
  #at = 0;

  connectedCallback() {
    if (this.firstChild) return;
    this.append(this.#dialog);
    this.#words.addEventListener("input", () => this.#search());
    this.#words.addEventListener("keydown", (event) => this.#key(event));
    this.#dialog.addEventListener("click", (event) => event.target === this.#dialog && this.#dialog.close());
  }

  /** @param {any} app */
  open(app) {
    this.#all = [...deeds(this, app), ...chats(this, app)];
    this.#words.value = "";
    this.#search();
    this.#dialog.showModal();
    this.#words.focus();
  }

  #search() {
    const wanted = this.#words.value.trim().toLowerCase().split(/\s+/);
    this.#found = this.#all
      .filter(({ words }) => wanted.every((word) => words.toLowerCase().includes(word)))
      .slice(0, MOST);
    this.#at = 0;
    this.#draw();
  }

  #draw() {
    const option = (/** @type {any} */ one, /** @type {number} */ index) =>
      h(
        "li",
        {
          id: `desk-command-${index}`,
          role: "option",
          "aria-selected": String(index === this.#at),
          on: { click: () => this.#run(index) },
        },
        icon(one.sign),
        h("span", { class: "truncate", dir: "auto" }, one.words),
      );
    this.#list.replaceChildren(
      ...(this.#found.length ? this.#found.map(option) : [h("li", { class: "muted" }, "Nothing found")]),
    );
    this.#words.setAttribute("aria-activedescendant", this.#found.length ? `desk-command-${this.#at}` : "");
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.#found.length) {
      event.preventDefault();
      this.#at = (this.#at + step + this.#found.length) % this.#found.length;
      this.#draw();
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      this.#run(this.#at);
    }
  }

  /** @param {number} index */
  #run(index) {
    const command = this.#found[index];
    if (!command) return;
    this.#dialog.close();
    command.run();
  }
}

/** @param {HTMLElement} element @param {any} app */
function deeds(element, { desk }) {
  const { row } = desk;
  const open = row && row.control !== "closed";
  const mine = desk.isMine(row);
  /** @type {[string, string, string, any][]} */
  const all = [
    ["take_over", "take", "Take over", open && !mine],
    ["reply", "send", "Write a reply", mine],
    ["note", "note", "Write a private note", row],
    ["hand_back", "bot", "Hand back to the bot", mine],
    ["queue", "queue", "Back to the queue", mine],
    ["close", "check", "Resolve the chat", open],
    ["next", "arrow-down", "Next chat", true],
    ["sound", "sound", "Sound on or off", true],
    ["help", "keyboard", "Keyboard shortcuts", true],
  ];
  return all
    .filter(([, , , possible]) => possible)
    .map(([deed, sign, words]) => ({ words, sign, run: () => ask(element, deed) }));
}

/** @param {HTMLElement} element @param {any} app */
function chats(element, { desk }) {
  return [...desk.rows.values()].map((row) => ({
    words: `Open ${nameOf(row)}${row.address && row.name ? ` (${row.address})` : ""}`,
    sign: markOf(row).sign,
    run: () => ask(element, "select", { id: row.id }),
  }));
}
