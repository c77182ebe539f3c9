import { fill, h, icon } from "/static/foundation/js/dom.js";
import { browserClock, Line, Outbox, Typing } from "/static/foundation/js/line.js";
import { isLocale, understood } from "../models/bridge.js";
import { Device } from "../models/device.js";
import { Visit } from "../models/visit.js";
import { languageOf, speaker, timesIn } from "../models/words.js";

const GREETED_WITHIN = 1_500;
const ASLEEP_AFTER = 60_000;
const framed = window.parent !== window;

export class FrontdeskWidget extends HTMLElement {
  #header = h("chat-header");
  #bar = h("p", { class: "bar", role: "status" });
  #page = h("chat-page");
  #thread = h("chat-thread");
  #privacy = null;
  #composer = h("chat-composer");
  #lock = h("p", { class: "lock", role: "img" });
  #window = h("main", { class: "window" });
  #visit;
  #host = "";
  #shown = true;
  // Over the thread: privacy or end.
  #over = "";
  #view = "";
  #drawing = false;
  #t;
  #times;
  #spoken = "";
  #hiddenAt = 0;
  #named;
  #life;

  connectedCallback() {
    const { bot, accent } = this.dataset;
    this.shadowRoot.append(this.#window);
    this.#lock.append(icon("lock", "small"));
    this.#visit = new Visit({
      bot,
      locale: isLocale(navigator.language) ? navigator.language : "en",
      connect: () => new WebSocket(`${location.origin.replace("http", "ws")}/ws/visitor`),
      device: new Device({ storage: storage(), bot, draw: secret }),
      keys: () => import("../models/keys.js"),
      clock: browserClock,
      uuid: () => crypto.randomUUID(),
      Line,
      Outbox,
      Typing,
    });
    this.#life = new AbortController();
    const on = (target, type, work) => target.addEventListener(type, work, this.#life);
    on(this.#visit, "change", () => this.#drawSoon());
    on(this.#visit, "happened", ({ detail }) => this.#tell({ kind: "event", name: detail.name, said: detail.data }));
    on(this.#window, "chat-do", ({ detail }) => this.#do(detail));
    on(this.#window, "keydown", (event) => this.#key(event));
    on(window, "message", (event) => this.#hear(event));
    on(window, "online", () => this.#visit.line.nudge());
    on(document, "visibilitychange", () => this.#looked());
    this.#accent(accent);
    this.#drawSoon();
    setTimeout(() => this.isConnected && this.#start(), framed ? GREETED_WITHIN : 0);
  }

  disconnectedCallback() {
    this.#life.abort();
    this.#visit.line.stop();
  }

  #hear({ data, origin, source }) {
    const message = source === window.parent && framed && understood(data);
    if (!message || (this.#host && origin !== this.#host)) return;
    const { kind } = message;
    if (kind === "identify") this.#named = this.#name(message.token);
    else if (kind === "hello") this.#greeted(origin, message);
    else if (!this.#host) return;
    else if (kind === "shown") this.#show(message);
    else if (kind === "locale") this.#visit.setLocale(message.locale);
    else if (kind === "write") this.#composer.write(message.text);
    else this.#do(kind);
  }

  #greeted(origin, hello) {
    if (this.#host) return;
    this.#host = origin;
    if (isLocale(hello.locale)) this.#visit.setLocale(hello.locale);
    this.#visit.setPage(hello);
    this.#start();
    this.#tell({ kind: "ready" });
    this.#tell({ kind: "accent", said: this.dataset.accent });
    this.#show(hello);
  }

  // YA-29: not before it is known for whom.
  async #start() {
    await this.#named;
    this.#visit.line.start();
  }

  async #name(token) {
    const { identify } = await import("../models/identity.js");
    identify(this.#visit, token);
  }

  #tell(message) {
    if (this.#host) window.parent.postMessage({ frontdesk: 1, ...message }, this.#host);
  }

  #show(page) {
    this.#visit.setPage(page);
    this.#shown = page.open;
    this.#looked();
    if (page.open) this.#focus();
  }

  #looked() {
    const { hidden } = document;
    this.#visit.setVisible(this.#shown && !hidden);
    if (hidden) this.#hiddenAt = Date.now();
    else if (this.#hiddenAt && Date.now() - this.#hiddenAt > ASLEEP_AFTER) {
      this.#visit.line.drop();
      this.#visit.line.nudge();
    }
    if (!hidden) this.#hiddenAt = 0;
  }

  #do(deed) {
    if (deed === "close") this.#tell({ kind: "close" });
    else if (deed === "take") this.#visit.take();
    else if (deed === "person") this.#visit.deed("handoff");
    else if (deed === "transcript") this.#visit.deed("transcript");
    else if (deed === "email") {
      this.#lay("");
      this.#visit.email.open();
      this.#visit.changed();
      this.#thread.toEnd();
    } else this.#lay(deed);
  }

  #lay(what) {
    this.#over = what;
    if (what === "privacy") this.#open();
    this.#draw();
    this.#focus();
  }

  async #open() {
    await import("./chat-privacy.js");
    this.#privacy ??= h("chat-privacy");
    this.#privacy.open({ bot: this.dataset.bot, who: () => this.#visit.who });
    this.#draw();
    this.#focus();
  }

  #key({ key, isComposing }) {
    if (key !== "Escape" || isComposing || this.#header.menuIsOpen) return;
    if (this.#over) this.#lay("");
    else this.#do("close");
  }

  #focus() {
    if (this.#view === "thread" && this.#over !== "end" && matchMedia("(pointer: coarse)").matches) return;
    if (this.#over === "end") this.#bar.querySelector("button")?.focus();
    else ({ thread: this.#composer, privacy: this.#privacy }[this.#view] ?? this.#page).focus();
  }

  async #drawSoon() {
    if (this.#drawing) return;
    this.#drawing = true;
    const { locale } = this.#visit;
    if (locale !== this.#spoken) {
      this.#t = await speaker(locale);
      this.#times = timesIn(locale, this.#t);
      this.#spoken = locale;
      document.documentElement.lang = languageOf(locale);
    }
    await null;
    this.#drawing = false;
    if (locale !== this.#visit.locale) this.#drawSoon();
    else if (this.isConnected) this.#draw();
  }

  #draw() {
    const visit = this.#visit;
    const t = this.#t;
    const { name, contact } = this.dataset;
    if (!t) return;
    const { phase } = visit;
    if (!(phase === "thread" || (this.#over === "privacy" && /^(notice|declined)$/.test(phase)))) this.#over = "";
    const view = this.#over === "privacy" ? "privacy" : phase;
    const page = { name, contact, framed: this.#host !== "", back: () => this.#lay(""), prove: () => this.#do("email") };
    this.#accent(visit.bot?.accent);
    this.#header.draw(visit, t, page);
    this.#drawBar(visit, t);
    // PS-3: the server's word and the browser's own eyes.
    this.#lock.hidden = visit.secure !== true || location.protocol !== "https:";
    this.#lock.ariaLabel = this.#lock.title = t("lock");
    if (view === "thread") {
      fill(this.#window, [this.#header, this.#bar, this.#thread, this.#composer, this.#lock]);
      this.#thread.draw(visit, t, this.#times);
      this.#composer.draw(visit, t);
    } else if (view === "privacy" && this.#privacy) {
      fill(this.#window, [this.#header, this.#bar, this.#privacy, this.#lock]);
      this.#privacy.draw(visit, t, page);
    } else {
      fill(this.#window, [this.#header, this.#bar, this.#page, this.#lock]);
      this.#page.draw(visit, t, page, view);
    }
    if (view === this.#view) return;
    this.#view = view;
    if (view === "thread") this.#thread.toEnd();
    if (this.#shown && document.hasFocus()) this.#focus();
  }

  #drawBar(visit, t) {
    const { lost, restored, problem, told, phase, locale } = visit;
    const thread = phase === "thread";
    const kind =
      lost && phase !== "loading"
        ? "lost"
        : restored
          ? "restored"
          : this.#over === "end"
            ? "end"
            : thread && problem
              ? "problem"
              : thread && told
                ? "told"
                : "";
    const shows = `${kind} ${problem} ${phase} ${locale}`;
    if (this.#bar.dataset.shows === shows) return;
    this.#bar.dataset.shows = shows;
    this.#bar.hidden = !kind;
    this.#bar.className = `bar ${kind}`;
    const button = (word, click) => h("button", { class: "button", on: { click } }, t(word));
    const end = () => {
      this.#lay("");
      visit.deed("end");
    };
    const inside = {
      lost: () => [
        icon("warning", "small"),
        h("span", null, t(thread ? "lost" : "lost_before")),
        button("try_now", () => visit.line.nudge()),
      ],
      restored: () => [icon("check", "small"), t("restored")],
      end: () => [h("span", null, t("end_sure")), button("cancel", () => this.#lay("")), button("menu_end", end)],
      told: () => [icon("mail", "small"), t(told)],
      problem: () => [icon("warning", "small"), /^[a-z_]+$/.test(problem) ? t(problem) : problem],
    };
    this.#bar.replaceChildren(...(inside[kind]?.() ?? []));
  }

  #accent(colour) {
    if (CSS.supports("color", colour)) this.#window.style.setProperty("--accent", colour);
  }
}

function storage() {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}

function secret() {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return btoa(String.fromCharCode(...bytes)).replace(/[+/=]/g, (sign) => ({ "+": "-", "/": "_" })[sign] ?? "");
}
