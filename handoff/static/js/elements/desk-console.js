/**
 * The console: holds the desk's model and what is only of this screen (tab, search, draft, pane), draws its parts, and does
 * what they ask for by `desk-do`. The parts know the model to read it, and never each other.
 */

import { browserClock, Line, Outbox, Typing } from "/static/foundation/js/line.js";
import { h } from "/static/foundation/js/dom.js";
import { Alarm } from "../helpers/alarm.js";
import { prefer, preferences } from "../helpers/preferences.js";
import { Desk } from "../models/desk.js";
import { Drafts } from "../models/drafts.js";
import { deedOf } from "../models/keys.js";
import { Links } from "../models/links.js";
import { counts, neighbour, shown } from "../models/list.js";
import { nameOf } from "../models/words.js";

const TICK = 15_000;
const SECOND = 1000;
const TOAST = 8_000;
const TITLES = { new: "A new chat waits: ", offer: "A chat for you: ", message: "New message from " };
const ID = /^[\w-]{22}$/;

export class DeskConsole extends HTMLElement {
  desk = new Desk({
    connect: () => new WebSocket(`${location.origin.replace(/^http/, "ws")}/ws/agent`),
    clock: browserClock,
    uuid: () => crypto.randomUUID(),
    Line,
    Outbox,
    Typing,
  });
  drafts = new Drafts();
  alarm = new Alarm();
  view = {
    tab: /** @type {any} */ ("unassigned"),
    ended: false,
    words: "",
    mode: /** @type {"message" | "note"} */ ("message"),
    ...preferences(),
  };
  /** @type {Map<string, Links>} */
  #links = new Map();
  #parts = /** @type {any[]} */ ([]);
  #toast = h("div", { class: "desk-toast", role: "alert" });
  #commands = /** @type {any} */ (h("desk-commands"));
  #help = /** @type {any} */ (h("desk-help"));
  #drawing = false;
  #seconds = 0;
  /** @type {AbortController | null} */ #life = null;

  connectedCallback() {
    document.documentElement.dataset.icons = this.dataset.icons;
    this.append(this.#toast, this.#commands, this.#help);
    this.#parts = [...this.querySelectorAll("desk-status, desk-offer, desk-list, desk-thread, desk-person")];
    this.#life = new AbortController();
    const { signal } = this.#life;
    const on = (
      /** @type {EventTarget} */ target,
      /** @type {string} */ type,
      /** @type {(event: any) => void} */ work,
    ) => target.addEventListener(type, work, { signal });
    on(this.desk, "change", () => this.#drawSoon());
    on(this.desk, "alert", ({ detail }) => this.#alert(detail));
    on(this.desk, "refused", ({ detail }) => this.#say(detail.text));
    on(this, "desk-do", ({ detail }) => this.#do(detail));
    on(document, "keydown", (event) => this.#key(event));
    on(document, "visibilitychange", () => this.desk.line.nudge());
    on(window, "online", () => this.desk.line.nudge());
    on(window, "hashchange", () => this.#open(location.hash.slice(1)));
    on(window, "beforeunload", (event) => (this.desk.unsent.length || this.drafts.any) && event.preventDefault());
    const tick = setInterval(() => this.#drawSoon(), TICK);
    signal.addEventListener("abort", () => clearInterval(tick));
    if (this.view.sound) on(document, "pointerdown", () => this.view.sound && this.alarm.prepareSound());
    this.desk.line.start();
    this.#open(location.hash.slice(1));
    this.#drawSoon();
  }

  disconnectedCallback() {
    this.#life?.abort();
    this.#countDown(false);
    this.desk.line.stop();
  }

  /** The rows as the list shows them. */
  get rows() {
    return shown(this.desk.rows.values(), { ...this.view, me: this.desk.me?.person ?? "" });
  }

  /** The share links of the open conversation. */
  get links() {
    const conversation = this.desk.selected;
    if (!conversation) return null;
    let links = this.#links.get(conversation);
    if (!links) {
      links = new Links({ conversation, fetch: (...call) => window.fetch(...call), onChange: () => this.#drawSoon() });
      this.#links.set(conversation, links);
      links.read();
    }
    return links;
  }

  #drawSoon() {
    if (this.#drawing) return;
    this.#drawing = true;
    queueMicrotask(() => {
      this.#drawing = false;
      if (this.isConnected) this.#draw();
    });
  }

  #draw() {
    const { desk } = this;
    const waits = counts(desk.rows.values(), desk.me?.person ?? "").unassigned;
    const offered = desk.offers.length > 0;
    this.#countDown(offered);
    document.title = `${offered ? "A chat for you · " : ""}${waits ? `(${waits}) ` : ""}Console · ${this.dataset.product}`;
    if (!desk.selected && location.hash) history.replaceState(null, "", location.pathname);
    if (!desk.selected) this.#pane("list");
    for (const part of this.#parts) part.draw(this);
  }

  /** While a chat is offered, its seconds are drawn. @param {boolean} on */
  #countDown(on) {
    if (on === (this.#seconds !== 0)) return;
    clearInterval(this.#seconds);
    this.#seconds = on ? setInterval(() => this.#drawSoon(), SECOND) : 0;
  }

  /** @param {string} id */
  #open(id) {
    const wanted = ID.test(id) ? id : null;
    if (wanted === this.desk.selected) return;
    this.desk.select(wanted);
    if (wanted) {
      history.replaceState(null, "", `#${wanted}`);
      this.#pane("thread");
    }
  }

  /** Which pane a narrow screen shows. @param {"list" | "thread" | "person"} pane */
  #pane(pane) {
    const main = this.querySelector("main");
    if (main) main.dataset.pane = pane;
  }

  /** @param {any} asked */
  #do({ deed, ...more }) {
    const { desk, view } = this;
    switch (deed) {
      case "select":
        this.#open(more.id);
        break;
      case "pane":
        this.#pane(more.pane);
        break;
      case "view":
        Object.assign(view, more);
        prefer({ keys: view.keys, sound: view.sound });
        break;
      case "next":
      case "previous":
        this.#open(neighbour(this.rows, desk.selected, deed === "next" ? 1 : -1) ?? "");
        break;
      case "reply":
      case "note":
        view.mode = deed === "note" ? "note" : "message";
        this.#draw();
        /** @type {HTMLElement | null} */ (this.querySelector("desk-composer textarea"))?.focus();
        break;
      case "commands":
        this.#commands.open(this);
        break;
      case "help":
        this.#help.open(this);
        break;
      case "escape":
        this.#escape();
        break;
      case "sound":
        this.#sound();
        break;
      case "notifications":
        this.alarm.askForNotifications().then(() => this.#drawSoon());
        break;
      case "status":
        desk.choose(more.status);
        break;
      case "accept":
        this.#open(more.conversation);
        this.#takeOver();
        break;
      case "take_over":
        this.#takeOver();
        break;
      default:
        desk.deed(deed, more);
    }
    this.#drawSoon();
  }

  async #takeOver() {
    const { desk, view } = this;
    if (!desk.row || desk.isMine(desk.row) || desk.row.control === "closed") return;
    if (await desk.deed("take_over")) {
      view.mode = "message";
      if (view.tab === "unassigned") view.tab = "mine";
      this.#do({ deed: "reply" });
    }
  }

  #sound() {
    this.view.sound = !this.view.sound;
    prefer({ keys: this.view.keys, sound: this.view.sound });
    if (!this.view.sound) return;
    this.alarm.prepareSound();
    this.alarm.sound();
  }

  #escape() {
    const main = this.querySelector("main");
    if (main?.dataset.pane === "person") this.#pane("thread");
    else if (document.activeElement instanceof HTMLElement && isField(document.activeElement))
      document.activeElement.blur();
    else this.#open("");
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    // An open dialog has the keyboard to itself; it closes by Escape without our help.
    if (this.querySelector("dialog[open]")) return;
    const deed = deedOf(event, { typing: isField(event.target), enabled: this.view.keys });
    if (!deed) return;
    if (deed === "close" && this.desk.row?.control === "closed") return;
    event.preventDefault();
    this.#do({ deed });
  }

  /** @param {{kind: string, row: import("../models/desk.js").Row}} alert */
  #alert({ kind, row }) {
    const seen = document.hasFocus() && this.desk.selected === row.id;
    if (seen && kind !== "offer") return;
    if (this.view.sound) this.alarm.sound();
    if (document.hasFocus()) return;
    const title = TITLES[/** @type {keyof typeof TITLES} */ (kind)] + nameOf(row);
    this.alarm.notify(title, row.id, () => this.#open(row.id));
  }

  /** @param {string} text */
  #say(text) {
    this.#toast.replaceChildren(h("p", { class: "notice danger" }, text));
    setTimeout(() => this.#toast.textContent === text && this.#toast.replaceChildren(), TOAST);
  }
}

/** @param {EventTarget | null} target */
function isField(target) {
  return target instanceof HTMLElement && target.matches("input, textarea, select, [contenteditable]");
}
