/** The paperclip of the composer: chooses a file, sends it, says why not. */

import { h, icon } from "/static/foundation/js/dom.js";
import { Files } from "../models/files.js";

export class DeskAttach extends HTMLElement {
  #input = /** @type {HTMLInputElement} */ (h("input", { type: "file", hidden: true, tabindex: "-1" }));
  #button = /** @type {HTMLButtonElement} */ (
    h(
      "button",
      { class: "button quiet icon-only small", type: "button", title: "Send a file", "aria-label": "Send a file" },
      icon("clip", "small"),
    )
  );
  #said = h("span", { role: "status", class: "hint" });
  #conversation = "";
  #busy = false;

  connectedCallback() {
    if (!this.firstChild) this.append(this.#button, this.#input, this.#said);
    this.#button.addEventListener("click", this.#pressed);
    this.#input.addEventListener("change", this.#chosen);
  }

  disconnectedCallback() {
    this.#button.removeEventListener("click", this.#pressed);
    this.#input.removeEventListener("change", this.#chosen);
  }

  /** @param {string | null} conversation @param {boolean} disabled */
  draw(conversation, disabled) {
    if (conversation !== this.#conversation) this.#say("");
    this.#conversation = conversation ?? "";
    this.#button.disabled = disabled || this.#busy;
  }

  #pressed = () => this.#input.click();

  #chosen = async () => {
    const [file] = this.#input.files ?? [];
    this.#input.value = "";
    if (!file) return;
    const conversation = this.#conversation;
    this.#busy = this.#button.disabled = true;
    this.#say(`Sending ${file.name} …`);
    const wrong = await new Files(conversation).send(file, crypto.randomUUID());
    this.#busy = this.#button.disabled = false;
    if (conversation === this.#conversation) this.#say(wrong && `${file.name}: ${wrong}`, Boolean(wrong));
  };

  /** @param {string} words @param {boolean} [wrong] */
  #say(words, wrong = false) {
    this.#said.className = wrong ? "error" : "hint";
    this.#said.textContent = words;
  }
}
