/** The open conversation: who it is, who has it, what can be done, and all that was said; private notes inline in yellow. */

import { anchor, h, icon, Keyed, rich, secureAddress } from "/static/foundation/js/dom.js";
import { ask } from "../helpers/speak.js";
import { day, dayOf, moment, time } from "../helpers/times.js";
import { file } from "./desk-file.js";
import { markOf, nameOf, stateOf } from "../models/words.js";

const NEAR = 80;

export class DeskThread extends HTMLElement {
  #head = h("header", { class: "desk-head" });
  #log = h("div", { class: "desk-log", role: "log", tabindex: "0", "aria-label": "Conversation" });
  #typing = h("p", { class: "desk-typing", role: "status" });
  #composer = /** @type {any} */ (h("desk-composer"));
  #keyed = new Keyed();
  #shown = "";
  /** @type {string | null} */ #conversation = null;
  #atEnd = true;
  #height = 0;
  /** @type {AbortController | null} */ #life = null;

  connectedCallback() {
    this.#life = new AbortController();
    const { signal } = this.#life;
    this.#log.addEventListener("scroll", () => this.#scrolled(), { signal, passive: true });
    const watch = new ResizeObserver(() => {
      this.#height = this.#log.clientHeight;
      if (this.#atEnd) this.#toEnd();
    });
    watch.observe(this.#log);
    signal.addEventListener("abort", () => watch.disconnect());
  }

  disconnectedCallback() {
    this.#life?.abort();
  }

  /** @param {any} app */
  draw(app) {
    const { desk } = app;
    const { row, selected } = desk;
    const open = Boolean(selected && (row || desk.log));
    this.classList.toggle("open", open);
    if (!open) {
      if (!this.querySelector(".empty")) this.replaceChildren(empty());
      this.#conversation = this.#shown = "";
      return;
    }
    if (this.firstChild !== this.#head) this.replaceChildren(this.#head, this.#log, this.#typing, this.#composer);
    if (selected !== this.#conversation) {
      this.#conversation = selected;
      this.#atEnd = true;
      this.#keyed.forget();
    }
    if (row) this.#drawHead(desk, row);
    const items = desk.items(dayOf);
    this.#keyed.render(
      this.#log,
      items,
      (item) => item.key,
      (item) => drawn(item, app, (seq) => ask(this, "redact", { message: seq, reason: "" })),
    );
    if (this.#atEnd || items.some((/** @type {any} */ item) => item.state === "sending")) this.#toEnd();
    this.#typing.textContent = desk.typing.heard ? "The visitor is writing …" : "";
    this.#composer.draw(app);
  }

  /** What is scrolled because the composer grew was not scrolled by the reader. */
  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    if (clientHeight === this.#height) this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
  }

  #toEnd() {
    this.#atEnd = true;
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  /** @param {any} desk @param {any} row */
  #drawHead(desk, row) {
    const mark = markOf(row);
    const state = stateOf(row, desk.me?.person);
    const busy = desk.isBusy(row.id);
    const offline = desk.line.state !== "open";
    const shows = JSON.stringify([row.id, nameOf(row), mark, state, busy, offline]);
    if (shows === this.#shown) return;
    this.#shown = shows;
    this.#head.replaceChildren(
      this.#tool("back", "Back to the list", () => ask(this, "pane", { pane: "list" }), "only-narrow"),
      h(
        "div",
        { class: "desk-who" },
        h("h2", { class: "truncate", dir: "auto" }, nameOf(row)),
        h(
          "span",
          { class: `mark ${mark.kind}`, role: "img", tabindex: "0", "aria-label": mark.why, title: mark.why },
          icon(mark.sign),
        ),
        h("span", { class: `badge ${state.kind}` }, state.word),
      ),
      h("div", { class: "desk-deeds" }, ...this.#deeds(desk, row, busy || offline)),
      this.#tool("panel", "Who this is", () => ask(this, "pane", { pane: "person" }), "only-middle"),
    );
  }

  /** @param {any} desk @param {any} row @param {boolean} disabled */
  #deeds(desk, row, disabled) {
    if (row.control === "closed") return [];
    const mine = desk.isMine(row);
    const deed = (/** @type {string} */ name, /** @type {string} */ sign, /** @type {string} */ words, kind = "") =>
      h(
        "button",
        { class: `button small ${kind}`, type: "button", disabled, title: words, on: { click: () => ask(this, name) } },
        icon(sign, "small"),
        h("span", null, words),
      );
    const held = row.control === "agent" && !mine;
    return [
      !mine &&
        deed(
          "take_over",
          "take",
          held ? `Take over from ${row.holder_name || "a colleague"}` : "Take over",
          held ? "" : "primary",
        ),
      mine && deed("hand_back", "bot", "Hand back"),
      mine && deed("queue", "queue", "To queue"),
      deed("close", "check", "Resolve", mine ? "primary" : ""),
    ].filter(Boolean);
  }

  /** @param {string} sign @param {string} title @param {() => void} click @param {string} kind */
  #tool(sign, title, click, kind) {
    return h(
      "button",
      { class: `button quiet icon-only ${kind}`, type: "button", title, "aria-label": title, on: { click } },
      icon(sign),
    );
  }
}

function empty() {
  return h(
    "div",
    { class: "empty" },
    icon("chat"),
    h("strong", null, "No chat is open"),
    h("p", null, "Choose one from the list, or press Alt J."),
  );
}

/** @param {any} item @param {any} app @param {(seq: number) => void} redact */
function drawn(item, { desk }, redact) {
  if (item.type === "day") return h("p", { class: "desk-day" }, day(item.at));
  if (item.type === "line")
    return h(
      "p",
      { class: item.quiet ? "desk-event quiet" : "desk-event", title: moment(item.at), dir: "auto" },
      icon(item.sign, "small"),
      item.text,
    );
  if (item.type === "file") return file(item, desk);
  const element = item.type === "note" ? note(item, desk) : message(item, desk);
  if (desk.me?.may?.redact && !item.gone && !item.state && Number.isFinite(item.seq))
    element.append(removal(() => redact(item.seq)));
  return element;
}

/** Two steps, because the second cannot be taken back. @param {() => void} click */
function removal(click) {
  return h(
    "details",
    { class: "desk-removal" },
    h("summary", null, "Redact"),
    h("button", { class: "button small danger", type: "button", on: { click } }, "Remove the words for good"),
  );
}

/** @param {any} item @param {any} desk */
function note(item, desk) {
  const top = h(
    "p",
    { class: "desk-meta" },
    icon("note", "small"),
    h("b", { dir: "auto" }, item.name || "You"),
    "private note",
    h("time", null, time(item.at)),
  );
  return h(
    "article",
    { class: `desk-note ${item.state}` },
    top,
    h("p", { class: "pre-line", dir: "auto" }, rich(item.text)),
    delivery(item, desk),
  );
}

/** @param {any} item @param {any} desk */
function message(item, desk) {
  const ours = item.by !== "visitor";
  const who = { visitor: "Visitor", bot: "Bot", system: "System" }[item.by] ?? (item.name || "You");
  const source = item.image ? secureAddress(item.image) : null;
  return h(
    "article",
    { class: `desk-message ${ours ? "ours" : ""} ${item.by} ${item.head ? "head" : ""} ${item.state}` },
    item.head &&
      h(
        "p",
        { class: "desk-meta" },
        h("b", { dir: "auto" }, who),
        h("time", { title: moment(item.at) }, time(item.at)),
      ),
    item.text && h("p", { class: "desk-words", dir: "auto" }, rich(item.text)),
    item.payload &&
      item.payload !== item.text &&
      h("p", { class: "desk-aside" }, "Button: ", h("code", null, item.payload)),
    source && h("p", { class: "desk-aside" }, "Picture: ", anchor(source.href, source.host)),
    item.card &&
      h("p", { class: "desk-aside" }, item.card === "email" ? "Asks for the e-mail address" : "Asks for the code"),
    item.buttons.length > 0 && h("p", { class: "desk-aside" }, "Buttons: ", item.buttons.join(" · ")),
    delivery(item, desk),
  );
}

/** @param {any} item @param {any} desk */
function delivery(item, desk) {
  if (item.state === "sending") return h("p", { class: "desk-meta" }, "Sending …");
  if (item.state !== "failed") return null;
  return h(
    "p",
    { class: "desk-meta error" },
    h("span", null, `Not sent${item.error ? `: ${item.error}` : "."}`),
    h("button", { class: "link", type: "button", on: { click: () => desk.outbox.retry(item.id) } }, "Try again"),
    h("button", { class: "link", type: "button", on: { click: () => desk.outbox.drop(item.id) } }, "Discard"),
  );
}
