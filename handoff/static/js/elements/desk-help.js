/** The list of shortcuts, and the switch for all of them. */

import { h } from "/static/foundation/js/dom.js";
import { ask } from "../helpers/speak.js";
import { SHORTCUTS } from "../models/keys.js";

export class DeskHelp extends HTMLElement {
  #dialog = /** @type {HTMLDialogElement} */ (h("dialog", { "aria-labelledby": "desk-help-title" }));

  connectedCallback() {
    if (!this.firstChild) this.append(this.#dialog);
  }

  /** @param {any} app */
  open({ view }) {
    const box = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", role: "switch", checked: view.keys }));
    box.addEventListener("change", () => ask(this, "view", { keys: box.checked }));
    const close = h("button", { class: "button", type: "button", on: { click: () => this.#dialog.close() } }, "Close");
    this.#dialog.replaceChildren(
      h(
        "div",
        { class: "stack" },
        h("h2", { id: "desk-help-title" }, "Keyboard"),
        h(
          "dl",
          { class: "desk-keys" },
          SHORTCUTS.flatMap(({ keys, words }) => [
            h(
              "dt",
              null,
              keys.split(" ").map((key) => h("kbd", null, key)),
            ),
            h("dd", null, words),
          ]),
        ),
        h("p", { class: "hint" }, "While you type, only those with Ctrl or Alt work. On a Mac, Ctrl K is also ⌘ K."),
        h("label", { class: "toggle" }, box, "Shortcuts are on"),
        h("div", { class: "actions" }, close),
      ),
    );
    this.#dialog.showModal();
  }
}
