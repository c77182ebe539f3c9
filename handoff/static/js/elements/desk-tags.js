/** The tags of the open chat: put one on, take one off. The server keeps all of them or says why not. */

import { h, icon } from "/static/foundation/js/dom.js";

export class DeskTags extends HTMLElement {
  #shown = "";
  #field = /** @type {HTMLInputElement} */ (
    h("input", { class: "input", id: "desk-tag", maxlength: "40", autocomplete: "off", placeholder: "Add a tag" })
  );

  /** @param {any} app */
  draw({ desk }) {
    const { row } = desk;
    if (!row) return;
    const tags = row.tags ?? [];
    const disabled = desk.line.state !== "open" || desk.isBusy(row.id);
    const shows = JSON.stringify([row.id, tags, disabled]);
    if (shows === this.#shown) return;
    this.#shown = shows;
    if (!this.firstChild) this.append(h("h3", null, "Tags"), h("div"), this.#form());
    this.children[1].replaceChildren(
      ...tags.map((/** @type {string} */ tag) => this.#tag(desk, tags, tag, disabled)),
      tags.length === 0 ? h("p", { class: "muted small" }, "None.") : "",
    );
    this.#give = (tag) => this.#put(desk, [...new Set([...tags, tag])]);
  }

  /** @type {(tag: string) => Promise<boolean>} */ #give = async () => false;

  #form() {
    const on = {
      submit: async (/** @type {Event} */ event) => {
        event.preventDefault();
        const tag = this.#field.value.trim();
        if (tag && (await this.#give(tag))) this.#field.value = "";
      },
    };
    return h(
      "form",
      { class: "desk-tag-form", on },
      h("label", { for: "desk-tag", class: "visually-hidden" }, "New tag"),
      this.#field,
      h("button", { class: "button small" }, "Add"),
    );
  }

  /** @param {any} desk @param {string[]} tags @param {string} tag @param {boolean} disabled */
  #tag(desk, tags, tag, disabled) {
    const rest = tags.filter((other) => other !== tag);
    const take = () => this.#put(desk, rest);
    return h(
      "span",
      { class: "badge desk-tag", dir: "auto" },
      tag,
      h(
        "button",
        { class: "link", type: "button", disabled, "aria-label": `Take the tag ${tag} off`, on: { click: take } },
        icon("close", "small"),
      ),
    );
  }

  /** @param {any} desk @param {string[]} tags */
  #put(desk, tags) {
    return desk.deed("tag", { tags });
  }
}
