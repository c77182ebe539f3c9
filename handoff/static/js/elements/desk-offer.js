/** The chats that the house offers me, above everything else: who waits, how long I have, take it or give it back (YA-25). */

import { h, icon } from "/static/foundation/js/dom.js";
import { ask } from "../helpers/speak.js";
import { lastLine, nameOf } from "../models/words.js";

export class DeskOffer extends HTMLElement {
  #shown = "";
  /** Said once for each chat, not at every second. */
  #spoken = h("p", { class: "visually-hidden", role: "alert" });
  #list = h("div", null);

  connectedCallback() {
    this.replaceChildren(this.#spoken, this.#list);
  }

  /** @param {any} app */
  draw({ desk, view }) {
    const offers = desk.offers;
    const waits = desk.line.state !== "open";
    const items = offers.map((/** @type {any} */ row) => ({
      id: row.id,
      name: nameOf(row),
      bot: desk.bots.get(row.bot) ?? "",
      last: lastLine(row),
      busy: waits || desk.isBusy(row.id),
    }));
    this.hidden = items.length === 0;
    const shows = JSON.stringify([items, view.sound]);
    if (shows !== this.#shown) this.#drawAll(items, view.sound);
    this.#shown = shows;
    for (const row of offers) {
      const clock = this.#list.querySelector(`[data-clock="${CSS.escape(row.id)}"]`);
      if (clock) clock.textContent = `${desk.secondsLeft(row)} s`;
    }
  }

  /** @param {any[]} items @param {boolean} sound */
  #drawAll(items, sound) {
    const says = items.map(({ name }) => `A chat for you: ${name}`).join(". ");
    if (this.#spoken.textContent !== says) this.#spoken.textContent = says;
    this.#list.replaceChildren(...items.map((item) => this.#offer(item, sound)));
  }

  /** @param {any} item @param {boolean} sound */
  #offer({ id, name, bot, last, busy }, sound) {
    const button = (/** @type {string} */ deed, /** @type {string} */ words, kind = "") =>
      h(
        "button",
        {
          class: `button small ${kind}`,
          type: "button",
          disabled: busy,
          on: { click: () => ask(this, deed, { conversation: id }) },
        },
        words,
      );
    return h(
      "div",
      { class: "desk-offer" },
      h(
        "p",
        null,
        icon("bell"),
        h("strong", { class: "truncate", dir: "auto" }, `A chat for you: ${name}`),
        h("span", { class: "muted small truncate", dir: "auto" }, [bot, last].filter(Boolean).join(" · ")),
      ),
      h(
        "div",
        { class: "row" },
        !sound && h("button", { class: "link", type: "button", on: { click: () => ask(this, "sound") } }, "Sound on"),
        h("span", { class: "badge num", "data-clock": id, "aria-hidden": "true" }),
        button("accept", "Take it", "primary"),
        button("decline", "Give back"),
      ),
    );
  }
}
