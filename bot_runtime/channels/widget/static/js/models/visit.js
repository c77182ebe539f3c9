/**
 * One visitor's chat, from the first frame to the end: the state that the widget draws, and the deeds it offers. DOM-free;
 * the line, the outbox, the clock, the storage and chance are arguments.
 *
 * What it promises: nothing is stored or sent of the visitor before the consent except the greeting of the line; a message is
 * in the thread at once and leaves it only as "sent" or at the visitor's wish; a broken line loses nothing and doubles
 * nothing. It dispatches `change` when something is to be drawn anew and `happened` (`detail`: `{name, data}`) for the host
 * page, which never learns what was said.
 *
 * @typedef {"loading" | "notice" | "declined" | "thread" | "gone" | "failed"} Phase
 */

import { bare } from "./bridge.js";
import { EmailCard } from "./email.js";
import { Thread } from "./thread.js";
import { TypingHeard, TypingTold } from "./typing.js";

const RESTORED_SHOWN = 3_000;

export class Visit extends EventTarget {
  /** @type {Phase} */
  phase = "loading";
  /** Why, in the phases `gone` (withdrawn, forgotten, erased) and `failed` (no_bot, blocked, broken). */
  reason = "";
  lost = false;
  restored = false;
  /** @type {{id: string, name: string, language: string, accent: string, greeting: string} | null} */
  bot = null;
  /** @type {{version: string, text: string, hash: string, locale: string} | null} */
  notice = null;
  noticeChanged = false;
  secure = false;
  consented = false;
  /** @type {string | null} */
  conversation = null;
  /** @type {"bot" | "queue" | "agent" | "closed"} */
  control = "bot";
  holder = "";
  thread = new Thread();
  email = new EmailCard();
  /** Messages that came while nobody looked, and the number of the first of them. */
  unread = 0;
  unreadFrom = 0;
  /** A deed that is on its way: consent, handoff, end, withdraw. */
  busy = "";
  problem = "";

  #line;
  #outbox;
  #clock;
  #device;
  #botId;
  #locale;
  #page = { url: "", title: "", referrer: "" };
  #told;
  #heard;
  #sinceSaid = 0;
  #greeting = false;
  #freshAfter = Infinity;
  #visible = true;
  #leaving = "";

  /**
   * @param {object} options
   * @param {string} options.bot
   * @param {string} options.locale
   * @param {() => any} options.connect opens a socket
   * @param {any} options.Line
   * @param {any} options.Outbox
   * @param {import("./device.js").Device} options.device
   * @param {any} options.clock
   * @param {() => string} options.uuid
   * @param {() => number} [options.random]
   */
  constructor({ bot, locale, connect, Line, Outbox, device, clock, uuid, random }) {
    super();
    this.#botId = bot;
    this.#locale = locale;
    this.#device = device;
    this.#clock = clock;
    this.#line = new Line({
      connect,
      clock,
      random,
      hello: () => this.#hello(),
      onFrame: (/** @type {any} */ frame) => this.#hear(frame),
      onState: () => this.#lineChanged(),
    });
    this.#outbox = new Outbox({
      uuid,
      clock,
      send: (/** @type {object} */ frame) => this.#line.send(frame),
      onChange: () => this.#changed(),
      onStuck: () => this.#line.drop(),
    });
    this.#told = new TypingTold((on) => this.#line.send({ type: "typing", on }), clock);
    this.#heard = new TypingHeard(clock, () => this.#changed());
  }

  // What is drawn

  get locale() {
    return this.#locale;
  }

  get typing() {
    return this.#heard.now;
  }

  get isKept() {
    return this.#device.isKept;
  }

  get isClosed() {
    return this.control === "closed";
  }

  /** @param {(at: number) => string} dayOf */
  items(dayOf) {
    const pending = this.#outbox.entries.filter((/** @type {any} */ entry) => entry.frame.type === "message");
    return this.thread.items({ pending, email: this.email, unreadFrom: this.unreadFrom, dayOf });
  }

  // The line

  start() {
    this.#line.start();
  }

  stop() {
    this.#line.stop();
  }

  /** Somebody asks to try at once, or the browser says that it is online. */
  nudge() {
    this.#line.nudge();
  }

  /** The browser slept: what looks open may be long dead. */
  refresh() {
    if (this.#line.state === "open") this.#line.drop();
    this.#line.nudge();
  }

  /** @param {string} locale */
  setLocale(locale) {
    if (!locale || locale === this.#locale) return;
    this.#locale = locale;
    if (this.#line.state !== "idle" && !this.consented) this.#line.restart();
    this.#changed();
  }

  /** @param {{url: string, title: string, referrer: string}} page */
  setPage(page) {
    this.#page = page;
  }

  /** Whether somebody looks at the thread now. @param {boolean} visible */
  setVisible(visible) {
    this.#visible = visible;
    if (visible) this.#read();
    else if (!this.unread) this.forgetDivider();
  }

  /** The visitor went on after what was unread: the divider has served. */
  forgetDivider() {
    this.unreadFrom = 0;
  }

  // Deeds

  consent() {
    if (!this.notice || this.busy) return;
    this.noticeChanged = false;
    this.#begin("consent");
    this.#sendConsent();
  }

  decline() {
    this.phase = "declined";
    this.#changed();
  }

  backToNotice() {
    this.phase = "notice";
    this.#changed();
  }

  /** @param {string} text @param {string} [payload] */
  say(text, payload) {
    const words = plain(text);
    if (!words) return;
    this.#told.stopped();
    this.forgetDivider();
    this.#outbox.put({ type: "message", text: words, ...(payload ? { payload } : {}) });
  }

  /** @param {string} clientId */
  retry(clientId) {
    this.#outbox.retry(clientId);
  }

  /** @param {string} clientId */
  discard(clientId) {
    this.#outbox.drop(clientId);
  }

  typed() {
    if (this.phase === "thread" && !this.isClosed) this.#told.typed();
  }

  /** @param {string} address */
  async giveAddress(address) {
    await this.#emailDeed("email", { type: "email", address });
  }

  /** @param {string} code */
  async giveCode(code) {
    // Not repeated by itself: each code costs a try, and an accepted one shows in the events anyway.
    await this.#emailDeed("code", { type: "code", code }, { once: true });
  }

  async resendCode() {
    await this.#emailDeed("resend", { type: "resend" }, { once: true });
  }

  openEmail() {
    this.email.open();
    this.#changed();
  }

  keepAddress() {
    this.email.keepAddress();
    this.#changed();
  }

  async callPerson() {
    if (this.control === "bot") await this.#deed("handoff");
  }

  async end() {
    await this.#deed("end");
  }

  /** Take the consent back. Also from a browser that has lost the line: it then forgets here as soon as it is told. */
  async withdraw() {
    const answer = await this.#deed("withdraw");
    if (answer?.kind !== "done") return;
    this.#happen("consent:withdrawn");
    this.#leave("withdrawn");
  }

  /** Forget the chat in this browser only. */
  forget() {
    this.#leave("forgotten");
  }

  /** After an end: the same consent holds if its notice does; otherwise the notice is shown. */
  startAgain() {
    if (this.phase === "gone") {
      this.#reset();
      this.phase = "loading";
      this.#line.start();
    } else if (this.consented && this.notice) {
      this.#begin("consent");
      this.#sendConsent();
      return;
    } else {
      this.phase = "notice";
    }
    this.#changed();
  }

  // What is heard

  #hello() {
    this.#greeting = true;
    this.#sinceSaid = this.conversation ? this.thread.since : 0;
    return {
      type: "hello",
      bot: this.#botId,
      device: this.#device.secret,
      since: this.#sinceSaid,
      locale: this.#locale,
      page: bare(this.#page),
    };
  }

  /** @param {any} frame */
  #hear(frame) {
    if (frame.type === "welcome") this.#welcome(frame);
    else if (frame.type === "events") this.#apply(frame.events);
    else if (frame.type === "ack") this.#acked(frame);
    else if (frame.type === "done") this.#outbox.settle(frame.client_id, { ...frame, kind: "done" });
    else if (frame.type === "typing") this.#heard.hear(frame);
    else if (frame.type === "error") this.#refused(frame);
    this.#changed();
  }

  /** The answer to hello, and later whenever the conversation or the notice is another. @param {any} frame */
  #welcome(frame) {
    const greeting = this.#greeting;
    this.#greeting = false;
    if (greeting && this.#sinceSaid > 0 && frame.conversation && frame.conversation !== this.conversation) {
      // What follows counts from the number of another conversation: ask again from the first event.
      this.conversation = null;
      this.#line.restart();
      return;
    }
    const asks = this.busy === "consent";
    const settled = frame.consented && frame.control !== "closed";
    const repeats = asks && greeting && !settled && this.notice?.version === frame.notice.version;
    this.noticeChanged = asks && !settled && !repeats;
    if (frame.conversation !== this.conversation) this.#enter(frame);
    if (asks && settled && !this.consented) this.#happen("consent:given");
    if (asks && !repeats) this.busy = "";
    const { bot, notice, control, consented } = frame;
    Object.assign(this, { bot, notice, control, consented, secure: frame.secure === true, holder: frame.holder ?? "" });
    this.#place(frame);
    if (repeats) this.#sendConsent();
    if (greeting) this.#outbox.connected();
  }

  /** @param {any} frame */
  #enter(frame) {
    this.#forgetThread();
    this.conversation = frame.conversation;
    if (!frame.conversation) return;
    const begun = this.busy === "consent" || this.phase === "thread";
    this.#freshAfter = begun ? 0 : frame.seq;
    if (begun) this.#happen("conversation:started");
  }

  /** @param {any} frame */
  #place(frame) {
    const shows = frame.conversation && (frame.consented || frame.control === "closed");
    if (frame.conversation && frame.consented) this.#device.keep();
    if (shows) this.phase = "thread";
    else if (this.phase !== "declined") this.phase = "notice";
  }

  /** @param {any[]} events */
  #apply(events) {
    if (!Array.isArray(events)) return;
    for (const event of this.thread.apply(events)) {
      this.email.apply(event);
      if (event.client_id) this.#outbox.settle(event.client_id, { kind: "ack", seq: event.seq });
      if (event.kind === "message") this.#came(event);
      else if (event.kind === "control") this.#controlled(event);
      if (event.seq > this.#freshAfter) this.#tell(event);
    }
  }

  /** @param {any} event */
  #came(event) {
    if (event.by === "visitor") return;
    this.#heard.forget(event.by);
    if (this.#visible || event.seq <= this.#freshAfter) return;
    this.unread += 1;
    this.unreadFrom ||= event.seq;
    this.#happen("unread", { count: this.unread });
  }

  /** @param {any} event */
  #controlled(event) {
    this.control = event.now;
    this.holder = event.now === "agent" ? event.holder_name : "";
    this.#heard.forget("bot");
    this.#heard.forget("agent");
  }

  /** For the host page: what happened, never what was said. @param {any} event */
  #tell(event) {
    if (event.kind === "message" && event.by === "visitor") this.#happen("message:sent");
    else if (event.kind === "message") this.#happen("message:received", { by: event.by });
    else if (event.kind === "closed") this.#happen("conversation:ended", { by: event.by });
    else if (event.kind === "email" && event.state === "sent") this.#happen("email:supplied");
    else if (event.kind === "email" && event.state === "verified") this.#happen("email:verified");
    else if (event.kind === "control" && event.now === "queue") this.#happen("handoff:requested");
    else if (event.kind === "control" && event.now === "agent") this.#happen("handoff:assigned");
    else if (event.kind === "control" && event.now === "bot") this.#happen("handoff:ended");
  }

  /** Stored: the message stays in the thread as sent until its event is here. @param {any} frame */
  #acked(frame) {
    const entry = this.#outbox.settle(frame.client_id, { ...frame, kind: "ack" });
    if (entry?.frame.type === "message") this.thread.echo(entry, frame.seq);
  }

  /** @param {any} frame */
  #refused(frame) {
    if (frame.client_id) this.#outbox.settle(frame.client_id, { ...frame, kind: "error" });
    if (this.busy === "consent") {
      this.busy = "";
      if (!this.noticeChanged) this.problem = frame.detail || "failed";
    }
    this.#happen("error", { code: String(frame.code ?? "error") });
  }

  #lineChanged() {
    const { state, lost, code } = this.#line;
    if (state !== "open") this.#outbox.disconnected();
    if (state === "ended") this.#ended(code);
    if (this.lost !== lost) {
      this.#happen("status", { online: !lost });
      if (this.lost && state === "open") this.#showRestored();
    }
    this.lost = lost;
    this.#changed();
  }

  /** @param {number} code */
  #ended(code) {
    if (this.#leaving || this.phase === "gone") return;
    this.#outbox.giveUp();
    if (code === 1000) this.#leave("withdrawn");
    else if (code === 4404 && this.conversation) this.#leave("erased");
    else {
      this.phase = "failed";
      this.reason = code === 4404 ? "no_bot" : code === 4403 ? "blocked" : "broken";
    }
  }

  #showRestored() {
    this.restored = true;
    this.#clock.after(() => {
      this.restored = false;
      this.#changed();
    }, RESTORED_SHOWN);
  }

  // Help

  #sendConsent() {
    this.#line.send({ type: "consent", notice: this.notice?.version, device: this.#device.secretForConsent() });
  }

  /** @param {string} type */
  async #deed(type) {
    if (this.busy) return null;
    this.#begin(type);
    const entry = this.#outbox.put({ type });
    const answer = await entry.answer;
    if (this.busy === type) this.busy = "";
    if (answer.kind === "error") this.problem = answer.detail || "failed";
    if (answer.kind === "lost") this.problem = "lost_try_again";
    this.#outbox.drop(entry.id);
    this.#changed();
    return answer;
  }

  /** @param {"email" | "code" | "resend"} what @param {object} frame @param {{once?: boolean}} [options] */
  async #emailDeed(what, frame, options) {
    if (this.email.busy) return;
    this.email.begin(what);
    const entry = this.#outbox.put(frame, options);
    const answer = await entry.answer;
    this.email.finish(what, answer);
    this.#outbox.drop(entry.id);
    this.#changed();
  }

  /** @param {string} deed */
  #begin(deed) {
    this.busy = deed;
    this.problem = "";
    this.#changed();
  }

  /** @param {string} reason */
  #leave(reason) {
    this.#leaving = reason;
    this.#device.forget();
    this.#line.stop();
    this.#reset();
    this.phase = "gone";
    this.reason = reason;
    this.#leaving = "";
    this.#changed();
  }

  #reset() {
    this.#outbox.clear();
    this.#forgetThread();
    Object.assign(this, { conversation: null, consented: false, control: "bot", holder: "", busy: "", problem: "" });
  }

  #forgetThread() {
    this.thread.clear();
    this.email = new EmailCard();
    this.#freshAfter = Infinity;
    this.#read();
    this.unreadFrom = 0;
  }

  #read() {
    if (!this.unread) return;
    this.unread = 0;
    this.#happen("unread", { count: 0 });
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }

  /** @param {string} name @param {Record<string, string | number | boolean>} [data] */
  #happen(name, data = {}) {
    this.dispatchEvent(new CustomEvent("happened", { detail: { name, data } }));
  }
}

/** Without what no message needs: control characters, and space around it. @param {string} text */
function plain(text) {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, "").trim();
}
