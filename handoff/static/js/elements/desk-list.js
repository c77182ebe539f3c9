/** The list of chats: Mine, Unassigned, All, with counts; who waits longest is on top. */

import { h, icon, Keyed } from "/static/foundation/js/dom.js";
import { ask } from "../helpers/speak.js";
import { brief } from "../helpers/times.js";
import { counts, TABS, waiting } from "../models/list.js";
import { duration, lastLine, markOf, nameOf } from "../models/words.js";

const NAMES = { mine: "Mine", unassigned: "Unassigned", all: "All" };
const EMPTY = {
  mine: ["chat", "No chat is yours", "Take one over from Unassigned."],
  unassigned: ["check-circle", "Nobody waits", "A new chat appears here by itself."],
  all: ["chat", "No chats", "What visitors write appears here."],
};

export class DeskList extends HTMLElement {
  #tabs = h("div", { class: "tabs", role: "group", "aria-label": "Which chats" });
  #words = /** @type {HTMLInputElement} */ (
    h("input", { class: "input", type: "search", placeholder: "Search", "aria-label": "Search the list" })
  );
  #ended = h("button", { class: "button quiet small", type: "button" });
  #rows = h("ul", { class: "desk-rows", "aria-label": "Chats" });
  #empty = h("div", { class: "empty", hidden: true });
  #keyed = new Keyed();
  #shown = "";

  connectedCallback() {
    this.replaceChildren(
      h("div", { class: "desk-list-head" }, this.#tabs, h("div", { class: "desk-filter" }, this.#words, this.#ended)),
      this.#rows,
      this.#empty,
    );
    this.#words.addEventListener("input", () => ask(this, "view", { words: this.#words.value }));
    this.#ended.addEventListener("click", () =>
      ask(this, "view", { ended: this.#ended.getAttribute("aria-pressed") !== "true" }),
    );
  }

  /** @param {any} app */
  draw({ desk, view, drafts, rows }) {
    this.#drawHead(desk, view);
    const now = Date.now();
    const items = rows.map((/** @type {any} */ row) => itemOf(row, { desk, drafts, now }));
    this.#keyed.render(
      this.#rows,
      items,
      (item) => item.id,
      (item) => this.#row(item),
    );
    this.#empty.hidden = items.length > 0;
    if (items.length === 0) this.#drawEmpty(desk, view);
  }

  /** @param {any} desk @param {any} view */
  #drawHead(desk, view) {
    const count = counts(desk.rows.values(), desk.me?.person ?? "");
    const shows = JSON.stringify([count, view.tab, view.ended]);
    if (shows === this.#shown) return;
    this.#shown = shows;
    const tab = (/** @type {import("../models/list.js").Tab} */ name) => {
      const urgent = name === "unassigned" && count[name] > 0;
      const number = h("span", { class: urgent ? "badge solid" : "badge" }, String(count[name]));
      return h(
        "button",
        {
          type: "button",
          "aria-pressed": String(view.tab === name),
          on: { click: () => ask(this, "view", { tab: name }) },
        },
        NAMES[name],
        number,
      );
    };
    this.#tabs.replaceChildren(...TABS.map(tab));
    this.#ended.textContent = "Ended";
    this.#ended.setAttribute("aria-pressed", String(view.ended));
    this.#ended.title = view.ended ? "Show open chats" : "Show ended chats";
  }

  /** @param {any} desk @param {any} view */
  #drawEmpty(desk, view) {
    if (!desk.me)
      return this.#empty.replaceChildren(h("span", { class: "spinner" }), h("p", null, "Opening the list …"));
    const [sign, title, text] = view.words
      ? ["search", "Nothing found", "No chat in this tab matches."]
      : view.ended
        ? ["check", "No ended chats", ""]
        : EMPTY[/** @type {keyof typeof EMPTY} */ (view.tab)];
    this.#empty.replaceChildren(icon(sign), h("strong", null, title), h("p", null, text));
  }

  /** @param {any} item */
  #row(item) {
    const { mark } = item;
    return h(
      "li",
      null,
      h(
        "button",
        {
          class: "desk-row",
          type: "button",
          "aria-current": item.selected ? "true" : null,
          on: { click: () => ask(this, "select", { id: item.id }) },
        },
        h(
          "span",
          { class: "desk-row-top" },
          h(
            "span",
            { class: `mark ${mark.kind}`, role: "img", "aria-label": mark.why, title: mark.why },
            icon(mark.sign, "small"),
          ),
          h("strong", { class: "truncate", dir: "auto" }, item.name),
          h("time", null, item.time),
        ),
        h(
          "span",
          { class: item.draft ? "desk-row-last draft truncate" : "desk-row-last truncate", dir: "auto" },
          item.last,
        ),
        h(
          "span",
          { class: "desk-row-foot" },
          h("span", { class: "truncate" }, item.bot),
          item.offered && h("span", { class: item.forMe ? "badge solid" : "badge" }, item.offered),
          item.holder && h("span", { class: "truncate" }, item.holder),
          item.unread > 0 && h("span", { class: "badge solid", title: `${item.unread} unread` }, String(item.unread)),
          item.level && h("span", { class: `badge wait ${item.level}` }, icon("clock"), item.waits),
        ),
      ),
    );
  }
}

/** To whom the waiting chat is offered. @param {any} row @param {any} desk */
function offered({ control, offer }, { me }) {
  if (control !== "queue" || !offer) return { offered: "", forMe: false };
  const forMe = offer.to === me?.person;
  return { offered: forMe ? "For you" : `Offered to ${offer.name}`, forMe };
}

/** Everything that a row shows, and nothing else: it is drawn anew when this changes. @param {any} row @param {any} context */
function itemOf(row, { desk, drafts, now }) {
  const { minutes, level } = waiting(row, now);
  const draft = drafts.has(row.id);
  return {
    id: row.id,
    mark: markOf(row),
    name: nameOf(row),
    last: draft ? "Draft not sent" : lastLine(row),
    draft,
    time: brief(row.updated_at),
    bot: desk.bots.get(row.bot) ?? "",
    holder: row.control === "agent" ? (row.holder === desk.me?.person ? "You" : row.holder_name) : "",
    ...offered(row, desk),
    unread: row.unread,
    level,
    waits: duration(minutes),
    selected: row.id === desk.selected,
  };
}
