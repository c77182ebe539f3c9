/** The connection, always in sight, with what is unsent; and the buttons for sound, notifications and the keyboard. */

import { h, icon } from "/static/foundation/js/dom.js";
import { ask } from "../helpers/speak.js";
import { lineWords } from "../models/words.js";

const NOTIFICATIONS = {
  ask: ["bell", "Notify me of new chats"],
  on: ["bell", "Notifications are on; your browser's settings switch them off"],
  off: ["bell-off", "Notifications are blocked in your browser's settings"],
};

const STATUSES = [
  ["available", "Available"],
  ["busy", "Busy"],
  ["away", "Away"],
];

export class DeskStatus extends HTMLElement {
  #words = h("p", { class: "desk-line", role: "status" });
  #standing = h("label", { class: "desk-standing" });
  #status = /** @type {HTMLSelectElement} */ (
    h(
      "select",
      { class: "input small", "aria-label": "Your status" },
      ...STATUSES.map(([value, words]) => h("option", { value }, words)),
    )
  );
  #tools = h("div", { class: "row" });
  #shown = "";

  connectedCallback() {
    this.#standing.replaceChildren(this.#status);
    this.#status.addEventListener("change", () => ask(this, "status", { status: this.#status.value }));
    this.replaceChildren(this.#words, this.#standing, this.#tools);
  }

  /** @param {any} app */
  draw({ desk, view, alarm }) {
    this.#drawStanding(desk);
    const { kind, words } = lineWords(desk.line, desk.unsent.length);
    const { notifications } = alarm;
    const shows = JSON.stringify([kind, words, view.sound, notifications]);
    if (shows === this.#shown) return;
    this.#shown = shows;
    const ended = desk.line.state === "ended";
    this.#words.dataset.kind = kind;
    this.#words.replaceChildren(
      h("span", null, words),
      ended && desk.line.code === 4401 ? h("a", { href: "/login" }, "Log in again") : "",
      desk.line.state === "waiting" || (desk.line.state === "open" && desk.line.lost)
        ? h("button", { class: "link", type: "button", on: { click: () => desk.line.nudge() } }, "Try now")
        : "",
    );
    const [sign, title] = NOTIFICATIONS[/** @type {keyof typeof NOTIFICATIONS} */ (notifications)] ?? [];
    this.#tools.replaceChildren(
      ...[
        this.#tool(view.sound ? "sound" : "sound-off", view.sound ? "Sound is on" : "Sound is off", "sound", {
          "aria-pressed": String(view.sound),
        }),
        sign &&
          this.#tool(sign, title, "notifications", {
            "aria-disabled": notifications !== "ask" && "true",
            "data-state": notifications,
          }),
        this.#tool("search", "Command menu (Ctrl K)", "commands"),
        this.#tool("keyboard", "Keyboard shortcuts (?)", "help"),
      ].filter(Boolean),
    );
  }

  /** What the server says, also while another choice is on its way or was refused. @param {any} desk */
  #drawStanding({ me, line }) {
    this.#standing.hidden = !me?.status;
    this.#status.disabled = line.state !== "open";
    this.#standing.dataset.status = me?.status ?? "";
    this.#standing.title = me?.automatic
      ? "Available: the house offers you waiting chats. Busy and Away get none."
      : "Your account gives out no chats by itself: take them from the queue.";
    const shown = me?.status ?? "away";
    if (this.#status.value !== shown) this.#status.value = shown;
  }

  /** @param {string} sign @param {string} title @param {string} deed @param {object} [more] */
  #tool(sign, title, deed, more) {
    return h(
      "button",
      {
        class: "button quiet small icon-only",
        type: "button",
        title,
        "aria-label": title,
        on: { click: () => ask(this, deed) },
        ...more,
      },
      icon(sign),
    );
  }
}
