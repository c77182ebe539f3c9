/**
 * The window: makes the visit, draws its parts, and speaks with the host page. What the host says is taken from one window
 * and one origin only, the ones of the first greeting, and checked by `understood` (C-12).
 */

import { browserClock } from "/static/foundation/js/clock.js";
import { palette } from "/static/foundation/js/contrast.js";
import { fill, h, icon } from "/static/foundation/js/dom.js";
import { Line } from "/static/foundation/js/line.js";
import { Outbox } from "/static/foundation/js/outbox.js";
import { Times } from "../helpers/times.js";
import { isLocale, understood } from "../models/bridge.js";
import { Device } from "../models/device.js";
import { Visit } from "../models/visit.js";
import { languageOf, speaker } from "../models/words.js";

/** A page that is framed without our loader is not greeted; it starts by itself. */
const GREETING_WITHIN = 1_500;
const ASLEEP_AFTER = 60_000;

export class FrontdeskWidget extends HTMLElement {
  #header = /** @type {any} */ (h("chat-header", null));
  #bar = h("div", { class: "bar", role: "status", hidden: true });
  #notice = /** @type {any} */ (h("chat-notice", null));
  #privacy = /** @type {any} */ (h("chat-privacy", null));
  #thread = /** @type {any} */ (h("chat-thread", null));
  #composer = /** @type {any} */ (h("chat-composer", null));
  #window = h("div", { class: "window" });
  /** @type {Visit} */ #visit;
  #host = "";
  #shown = true;
  /** What lies over the thread: the privacy page, or the question whether to end. */
  #over = "";
  #view = "";
  #drawing = false;
  #hiddenSince = 0;
  /** @type {AbortController | null} */ #life = null;

  constructor() {
    super();
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    root.append(this.#window);
    this.#visit = this.#newVisit();
  }

  connectedCallback() {
    this.#life = new AbortController();
    const { signal } = this.#life;
    const on = (/** @type {EventTarget} */ target, /** @type {string} */ type, /** @type {(event: any) => void} */ work) => target.addEventListener(type, work, { signal });
    on(this.#visit, "change", () => this.#drawSoon());
    on(this.#visit, "happened", (event) => this.#tell({ kind: "event", name: event.detail.name, said: event.detail.data }));
    on(this.#window, "chat-close", () => this.#tell({ kind: "close" }));
    on(this.#window, "chat-do", (event) => this.#do(event.detail));
    on(this.#window, "chat-back", () => this.#lay(""));
    on(this.#window, "chat-replied", () => this.#composer.focus());
    on(this.#window, "keydown", (event) => this.#key(event));
    on(window, "message", (event) => this.#hear(event));
    on(window, "online", () => this.#visit.nudge());
    on(document, "visibilitychange", () => this.#visibility());
    this.#accent(this.dataset.accent ?? "");
    this.#drawSoon();
    if (this.#framed) setTimeout(() => this.isConnected && this.#visit.start(), GREETING_WITHIN);
    else {
      this.#visit.setPage({ url: location.href, title: document.title, referrer: "" });
      this.#visit.start();
    }
  }

  disconnectedCallback() {
    this.#life?.abort();
    this.#visit.stop();
  }

  get #framed() {
    return window.parent !== window;
  }

  #newVisit() {
    const bot = this.dataset.bot ?? "";
    return new Visit({
      bot,
      locale: isLocale(navigator.language) ? navigator.language : "en",
      Line,
      Outbox,
      connect: () => new WebSocket(`${location.origin.replace(/^http/, "ws")}/ws/visitor`),
      device: new Device({ storage: storage(), bot, draw: secret }),
      clock: browserClock,
      uuid: uuid,
    });
  }

  // The host page

  /** @param {MessageEvent} event */
  #hear(event) {
    if (!this.#framed || event.source !== window.parent) return;
    if (this.#host && event.origin !== this.#host) return;
    const message = understood(event.data);
    if (!message) return;
    if (message.kind === "hello") this.#greeted(event.origin, message);
    else if (this.#host) this.#told(message);
  }

  /** @param {string} origin @param {any} hello */
  #greeted(origin, hello) {
    if (this.#host) return;
    this.#host = origin;
    if (isLocale(hello.locale)) this.#visit.setLocale(hello.locale);
    this.#visit.setPage(hello);
    this.#visit.start();
    this.#tell({ kind: "ready" });
    if (this.dataset.accent) this.#tell({ kind: "accent", said: this.dataset.accent });
    this.#show(hello.open);
  }

  /** @param {any} message */
  #told(message) {
    if (message.kind === "shown") {
      this.#visit.setPage(message);
      this.#show(message.open);
    } else if (message.kind === "locale" && message.locale) this.#visit.setLocale(message.locale);
    else if (message.kind === "write") this.#composer.write(message.text);
    else if (message.kind === "privacy") this.#lay("privacy");
    else if (message.kind === "email") this.#do("email");
  }

  /** @param {object} message */
  #tell(message) {
    if (this.#host) window.parent.postMessage({ frontdesk: 1, ...message }, this.#host === "null" ? "*" : this.#host);
  }

  /** @param {boolean} open */
  #show(open) {
    this.#shown = open;
    this.#visit.setVisible(open && !document.hidden);
    if (open) this.#focus();
  }

  #visibility() {
    this.#visit.setVisible(this.#shown && !document.hidden);
    if (document.hidden) this.#hiddenSince = Date.now();
    else if (this.#hiddenSince && Date.now() - this.#hiddenSince > ASLEEP_AFTER) this.#visit.refresh();
    else this.#visit.nudge();
  }

  // What the visitor does

  /** @param {string} deed */
  #do(deed) {
    if (deed === "person") this.#visit.callPerson();
    else if (deed === "privacy" || deed === "end") this.#lay(deed);
    else if (deed === "email") {
      this.#lay("");
      this.#visit.openEmail();
      this.#thread.toEnd();
    }
  }

  /** @param {string} what */
  #lay(what) {
    this.#over = what;
    this.#draw();
    this.#focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== "Escape" || event.isComposing) return;
    if (this.#over) this.#lay("");
    else this.#tell({ kind: "close" });
  }

  #focus() {
    if (matchMedia("(pointer: coarse)").matches && this.#view === "thread") return;
    if (this.#over === "end") this.#bar.querySelector("button")?.focus();
    else if (this.#over === "privacy") this.#privacy.focus();
    else if (this.#view === "thread") this.#composer.focus();
    else this.#notice.focus();
  }

  // Drawing

  #drawSoon() {
    if (this.#drawing) return;
    this.#drawing = true;
    // Not by animation frames: they rest while the window is closed, and unread messages are counted then too.
    queueMicrotask(() => {
      this.#drawing = false;
      if (this.isConnected) this.#draw();
    });
  }

  #draw() {
    const visit = this.#visit;
    const t = speaker(visit.locale);
    const page = { name: this.dataset.name ?? "", contact: this.dataset.contact ?? "", framed: this.#framed && this.#host !== "" };
    if (visit.phase !== "thread") this.#over = "";
    document.documentElement.lang = languageOf(visit.locale);
    if (visit.bot) this.#accent(visit.bot.accent);
    this.#header.draw(visit, t, page);
    this.#drawBar(visit, t);
    const view = visit.phase !== "thread" ? visit.phase : this.#over === "privacy" ? "privacy" : "thread";
    if (view === "thread") {
      fill(this.#window, [this.#header, this.#bar, this.#thread, this.#composer]);
      this.#thread.draw(visit, t, new Times(visit.locale, t));
      this.#composer.draw(visit, t);
    } else {
      const part = view === "privacy" ? this.#privacy : this.#notice;
      fill(this.#window, [this.#header, this.#bar, part]);
      part.draw(visit, t, page);
    }
    this.#moveFocus(view);
  }

  /** Where the old view had the focus, or nobody has it, the new one takes it. @param {string} view */
  #moveFocus(view) {
    if (view === this.#view) return;
    const first = this.#view === "";
    this.#view = view;
    if (view === "thread") this.#thread.toEnd();
    if (!first && this.#shown && document.hasFocus()) this.#focus();
  }

  /** @param {Visit} visit @param {any} t */
  #drawBar(visit, t) {
    const thread = visit.phase === "thread";
    const kind = visit.lost && visit.phase !== "loading" ? "lost" : visit.restored ? "restored" : this.#over === "end" ? "end" : thread && visit.problem ? "problem" : "";
    const shows = JSON.stringify([kind, visit.locale, visit.problem, visit.busy]);
    this.#bar.hidden = !kind;
    if (this.#bar.dataset.shows === shows) return;
    this.#bar.dataset.shows = shows;
    this.#bar.className = kind === "restored" ? "bar fine" : kind === "end" ? "bar ask" : "bar";
    const button = (/** @type {string} */ word, /** @type {() => void} */ click, style = "") => h("button", { class: `button ${style}`.trim(), type: "button", on: { click } }, t(word));
    if (kind === "lost") this.#bar.replaceChildren(icon("warning", "small"), h("span", null, t(thread ? "lost" : "lost_before")), button("try_now", () => visit.nudge()));
    else if (kind === "restored") this.#bar.replaceChildren(icon("check", "small"), h("span", null, t("restored")));
    else if (kind === "problem") this.#bar.replaceChildren(icon("warning", "small"), h("span", null, /^[a-z_]+$/.test(visit.problem) ? t(visit.problem) : visit.problem));
    else if (kind === "end") {
      const end = () => {
        this.#lay("");
        visit.end();
      };
      this.#bar.replaceChildren(h("span", null, t("end_sure")), button("cancel", () => this.#lay("")), button("end_yes", end, "danger"));
    } else this.#bar.replaceChildren();
  }

  /** @param {string} colour */
  #accent(colour) {
    if (this.#window.dataset.accent === colour) return;
    this.#window.dataset.accent = colour;
    const colours = palette(colour);
    if (!colours) return;
    const { style } = this.#window;
    style.setProperty("--accent", colours.accent);
    style.setProperty("--on-accent", colours.onAccent);
    style.setProperty("--accent-text", `light-dark(${colours.textOnLight}, ${colours.textOnDark})`);
    style.setProperty("--accent-soft", `color-mix(in oklab, ${colours.accent} 10%, var(--surface))`);
  }
}

function storage() {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}

/** 256 random bits as 43 characters of base64url. */
function secret() {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** `crypto.randomUUID` exists on secure pages only; a test server on another host is none. */
function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
