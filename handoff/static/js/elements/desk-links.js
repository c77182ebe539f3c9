/** The transcript links of the open chat: make one, copy it once, see how often it was opened, revoke it. */

import { h, icon } from "/static/foundation/js/dom.js";
import { brief, moment } from "../helpers/times.js";
import { stateOfLink } from "../models/links.js";

export class DeskLinks extends HTMLElement {
  #shown = "";

  /** @param {any} app */
  draw({ links, desk }) {
    if (!links) return;
    const now = Date.now();
    const list = (links.list ?? []).map((/** @type {any} */ link) => ({ ...link, state: stateOfLink(link, now) }));
    const shows = JSON.stringify([desk.selected, links.list === null, list, links.busy, links.problem, links.fresh]);
    if (shows === this.#shown) return;
    this.#shown = shows;
    this.replaceChildren(
      h("h3", null, "Transcript links"),
      links.problem ? h("p", { class: "error", role: "alert" }, links.problem) : "",
      links.fresh ? this.#fresh(links.fresh) : "",
      list.length > 0
        ? h(
            "ul",
            { class: "desk-links" },
            list.map((link) => this.#link(link, links)),
          )
        : h(
            "p",
            { class: "muted small" },
            links.list === null
              ? "Reading the list …"
              : "None. A link opens for members of the bot, and from the address ranges.",
          ),
      h(
        "button",
        { class: "button small", type: "button", disabled: links.busy, on: { click: () => links.make() } },
        icon("link", "small"),
        "Make a link",
      ),
    );
  }

  /** @param {string} url */
  #fresh(url) {
    const field = /** @type {HTMLInputElement} */ (
      h("input", { class: "input mono", readonly: true, value: url, "aria-label": "The new link", dir: "ltr" })
    );
    const button = h("button", { class: "button small primary", type: "button" }, icon("copy", "small"), "Copy");
    button.addEventListener("click", async () => {
      field.select();
      await navigator.clipboard.writeText(url).then(
        () => button.replaceChildren(icon("check", "small"), "Copied"),
        () => button.replaceChildren("Press Ctrl C"),
      );
    });
    return h(
      "div",
      { class: "stack tight" },
      h("div", { class: "copy" }, field, button),
      h("p", { class: "hint" }, "It is shown this once."),
    );
  }

  /** @param {any} link @param {any} links */
  #link(link, links) {
    const views = link.views === 1 ? "1 view" : `${link.views} views`;
    const state =
      link.state === "open"
        ? h("span", { class: "badge ok" }, `until ${brief(link.expires_at)}`)
        : h("span", { class: "badge" }, link.state);
    const revoke = h(
      "button",
      { class: "link small", type: "button", disabled: links.busy, on: { click: () => links.revoke(link.id) } },
      "Revoke",
    );
    return h(
      "li",
      null,
      h(
        "span",
        { class: "grow", title: moment(link.created_at) },
        `${brief(link.created_at)}, ${link.created_by}`,
        h("br"),
        h("span", { class: "muted" }, views),
      ),
      state,
      link.state === "open" ? revoke : "",
    );
  }
}
