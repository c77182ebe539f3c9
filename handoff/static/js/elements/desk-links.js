/** The transcript of the open chat: as a file, and by links that are made, copied once, counted and revoked. What this person may
 * not do is not there (YA-13). */

import { h, icon } from "/static/foundation/js/dom.js";
import { brief, moment } from "../helpers/times.js";
import { stateOfLink, viewsOf } from "../models/links.js";

const FORMATS = { txt: "Text", csv: "Table", json: "JSON", pdf: "PDF" };

export class DeskLinks extends HTMLElement {
  #shown = "";
  #days = "";

  /** @param {any} app */
  draw({ links, desk }) {
    if (!links) return;
    const now = Date.now();
    const list = (links.list ?? []).map((/** @type {any} */ link) => ({ ...link, state: stateOfLink(link, now) }));
    const may = desk.me?.may ?? { share: false, download: false };
    const { selected } = desk;
    const { busy, problem, fresh, mostDays } = links;
    const shows = JSON.stringify([selected, links.list === null, list, busy, problem, fresh, may, mostDays]);
    if (shows === this.#shown) return;
    this.#shown = shows;
    const open = list.filter((/** @type {any} */ link) => link.state === "open").length;
    this.replaceChildren(
      ...(may.download ? [h("h3", null, "Transcript"), files(links)] : []),
      h("h3", null, "Transcript links"),
      links.problem ? h("p", { class: "error", role: "alert" }, links.problem) : "",
      links.fresh ? this.#fresh(links.fresh) : "",
      list.length > 0
        ? h(
            "ul",
            { class: "desk-links" },
            list.map((link) => this.#link(link, links, may.share)),
          )
        : h(
            "p",
            { class: "muted small" },
            links.list === null
              ? "Reading the list …"
              : "None. A link opens for members of the bot, and from the address ranges.",
          ),
      ...(may.share ? [this.#maker(links)] : []),
      ...(may.share && open > 1 ? [this.#end(links, open)] : []),
    );
  }

  /** @param {any} links */
  #maker(links) {
    const days = /** @type {HTMLInputElement} */ (
      h("input", {
        id: "desk-link-days",
        class: "num",
        type: "number",
        min: "1",
        max: String(links.mostDays),
        required: true,
        value: this.#days || String(links.days),
      })
    );
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#days = days.value;
      links.make(days.valueAsNumber);
    };
    const button = h("button", { class: "button small", disabled: links.busy }, icon("link", "small"), "Make a link");
    const label = h("label", { for: "desk-link-days", class: "small" }, "Days it lives");
    return h("form", { class: "row end desk-link-maker", on: { submit } }, h("div", { class: "field" }, label, days), button);
  }

  /** @param {any} links @param {number} open */
  #end(links, open) {
    const click = () => links.revokeAll();
    return h("button", { class: "link small", type: "button", disabled: links.busy, on: { click } }, `Revoke all ${open}`);
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

  /** @param {any} link @param {any} links @param {boolean} mayShare */
  #link(link, links, mayShare) {
    const last = link.last_viewed_at ? `, last ${brief(link.last_viewed_at)}` : "";
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
        `${brief(link.created_at)}, ${link.purpose ? `${link.created_by} (${link.purpose})` : link.created_by}`,
        h("br"),
        h("span", { class: "muted" }, viewsOf(link) + last),
      ),
      state,
      link.state === "open" && mayShare ? revoke : "",
    );
  }
}

/** @param {any} links */
function files(links) {
  const made = Object.entries(FORMATS).map(([format, name]) =>
    h("a", { class: "button small", href: links.file(format), download: true }, name),
  );
  return h("nav", { class: "actions", "aria-label": "Download the transcript" }, made);
}
