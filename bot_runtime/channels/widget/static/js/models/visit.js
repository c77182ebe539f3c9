import { bare } from "./bridge.js";
import { Thread } from "./thread.js";

const RESTORED_SHOWN = 3_000;
const TOLD_SHOWN = 8_000;
const HANDOFF = { queue: "handoff:requested", agent: "handoff:assigned", bot: "handoff:ended" };

export class Visit extends EventTarget {
  phase = "loading";
  reason = "";
  lost = false;
  restored = false;
  bot = null;
  notice = null;
  noticeChanged = false;
  secure = false;
  consented = false;
  conversation = null;
  control = "bot";
  holder = "";
  thread = new Thread();
  unread = 0;
  unreadFrom = 0;
  busy = "";
  problem = "";
  told = "";
  note = "";
  transcripts = false;

  line;
  outbox;
  typing;
  #is;
  #page = { url: "", title: "", referrer: "" };
  #ticket = "";
  #sinceSaid = 0;
  #greeting = false;
  #freshAfter = Infinity;
  #visible = true;

  constructor({ bot, locale, connect, device, keys, clock, uuid, random, Line, Outbox, Typing }) {
    super();
    this.#is = { bot, device, keys, clock };
    this.locale = locale;
    const onChange = () => this.changed();
    const send = (frame) => this.line.send(frame);
    const onFrame = (frame) => this.#hear(frame);
    this.line = new Line({
      connect,
      clock,
      random,
      hello: () => this.#hello(),
      sign: async (nonce) => (await this.#keys())?.sign(`frontdesk browser 1\n${bot}\n${nonce}`) ?? "",
      onFrame,
      onState: () => this.#lineChanged(),
    });
    this.outbox = new Outbox({ send, uuid, clock, onChange, onLate: (late) => this.line.doubt("answer", late) });
    this.typing = new Typing({ clock, onChange, tell: (on) => send({ type: "typing", on }) });
  }

  async take() {
    const { bot, device } = this.#is;
    const failed = () => {
      this.problem = "failed";
      this.changed();
    };
    const { take } = await import("./take.js").catch(() => ({ take: async () => failed() }));
    await take({ bot, ...this.who }).catch(failed);
  }

  get isKept() {
    return this.#is.device.isKept;
  }

  get who() {
    return { device: this.#is.device.secret, locale: this.locale, ticket: this.#ticket };
  }

  get isClosed() {
    return this.control === "closed";
  }

  get email() {
    return this.thread.email;
  }

  items(dayOf) {
    const pending = this.outbox.entries.filter((entry) => entry.frame.type === "message");
    return this.thread.items({ pending, unreadFrom: this.unreadFrom, dayOf, quick: this.control === "bot" });
  }

  show(phase) {
    this.phase = phase;
    this.changed();
  }

  setLocale(locale) {
    if (locale === this.locale) return;
    this.locale = locale;
    if (this.line.state !== "idle" && !this.consented) this.line.restart();
    this.changed();
  }

  setPage(page) {
    this.#page = page;
  }

  setVisible(visible) {
    this.#visible = visible;
    if (visible) this.#read();
    else if (!this.unread) this.unreadFrom = 0;
  }

  consent() {
    if (!this.notice || this.busy) return;
    this.#begin("consent");
    this.#sendConsent();
  }

  say(text, payload) {
    const words = text.replace(/[^\P{Cc}\n\t]/gu, "").trim();
    if (!words) return;
    this.typing.stopped();
    this.unreadFrom = 0;
    this.outbox.put({ type: "message", text: words, ...(payload && { payload }) });
  }

  async deed(type) {
    if (this.busy) return null;
    this.#begin(type);
    const answer = await this.#ask({ type });
    if (this.busy === type) this.busy = "";
    if (answer.kind === "error") this.problem = answer.detail || "failed";
    if (answer.kind === "lost") this.problem = "lost_try_again";
    if (answer.outcome === "asked") {
      this.told = "transcript_asked";
      this.#is.clock.after(() => this.changed((this.told = "")), TOLD_SHOWN);
    }
    this.changed();
    return answer;
  }

  async withdraw() {
    const answer = await this.deed("withdraw");
    if (answer?.kind === "done") this.leave("withdrawn");
  }

  async prove(type, members) {
    const { email } = this;
    if (email.busy) return;
    email.begin(type);
    this.changed();
    // Each code costs a try.
    email.finish(type, await this.#ask({ type, ...members }, { once: type !== "email" }));
    this.changed();
  }

  forget() {
    this.leave("forgotten");
  }

  // See identity.js.
  become(swap) {
    const device = swap(this.#is.device);
    if (!device) return;
    this.#is.device = device;
    this.outbox.clear();
    Object.assign(this, { phase: "loading", consented: false, control: "bot", busy: "", problem: "" });
    this.#enter(null);
    if (this.line.state !== "idle") this.line.restart();
    this.changed();
  }

  startAgain() {
    if (this.phase === "gone") {
      this.note = "";
      this.show("loading");
      this.line.start();
    } else if (this.consented) this.consent();
    else this.show("notice");
  }

  #hello() {
    this.#greeting = true;
    this.#sinceSaid = this.conversation ? this.thread.since : 0;
    const { bot, device } = this.#is;
    return {
      type: "hello",
      bot,
      since: this.#sinceSaid,
      locale: this.locale,
      page: bare(this.#page),
      ...device.hello,
    };
  }

  #hear(frame) {
    const { type, client_id: id } = frame;
    if (type === "welcome") this.#welcome(frame);
    else if (type === "events") this.#apply(frame.events);
    else if (type === "typing") this.typing.hear(frame);
    else if (type === "done") this.outbox.settle(id, { ...frame, kind: "done" });
    else if (type === "error") this.#refused(frame);
    else if (type === "ack") {
      const entry = this.outbox.settle(id, { kind: "ack" });
      if (entry) this.thread.echo(entry, frame.seq);
    }
    this.changed();
  }

  #welcome({ bot, notice, consented, conversation, seq, control, holder, secure, transcripts, ...own }) {
    const greeting = this.#greeting;
    this.#greeting = false;
    if (greeting && this.#sinceSaid && conversation && conversation !== this.conversation) {
      this.conversation = null;
      this.line.restart();
      return;
    }
    const asks = this.busy === "consent";
    const open = consented && control !== "closed";
    const repeats = asks && greeting && !open && this.notice.version === notice.version;
    this.noticeChanged = asks && !open && !repeats;
    if (conversation !== this.conversation) this.#enter(conversation, seq);
    if (asks && open && !this.consented) this.#happen("consent:given");
    if (!repeats && asks) this.busy = "";
    Object.assign(this, { bot, notice, consented, control, secure, transcripts, holder: holder ?? "" });
    if (own.other_browser) this.#is.device.renew();
    this.#ticket = own.ticket ?? "";
    if (conversation && consented) this.#is.device.keep();
    if (conversation && (consented || this.isClosed)) this.phase = "thread";
    else if (this.phase !== "declined") this.phase = "notice";
    if (repeats) this.#sendConsent();
    if (greeting) this.outbox.connected();
  }

  #enter(conversation, seq) {
    const begun = this.busy === "consent" || this.phase === "thread";
    this.#forgetThread();
    this.conversation = conversation;
    this.#freshAfter = begun ? 0 : seq;
    if (begun && conversation) this.#happen("conversation:started");
  }

  #apply(events) {
    for (const event of this.thread.apply(events)) {
      if (event.client_id) this.outbox.settle(event.client_id, { kind: "ack" });
      if (event.kind === "message") this.typing.forget(event.by);
      if (event.kind === "control") {
        this.control = event.now;
        this.holder = event.holder_name;
        this.typing.forget();
      }
      if (event.seq > this.#freshAfter) this.#tell(event);
    }
  }

  #tell({ kind, by, seq, state, now }) {
    const said = kind === "message" || kind === "file";
    if (said && by === "visitor") this.#happen("message:sent");
    else if (said) {
      this.#happen("message:received", { by });
      if (this.#visible) return;
      this.unreadFrom ||= seq;
      this.#happen("unread", { count: ++this.unread });
    } else if (kind === "closed") this.#happen("conversation:ended", { by });
    else if (kind === "email" && state !== "lost") this.#happen(state === "sent" ? "email:supplied" : "email:verified");
    else if (kind === "control" && HANDOFF[now]) this.#happen(HANDOFF[now]);
  }

  #refused({ client_id: id, code, detail }) {
    this.outbox.settle(id, { kind: "error", detail });
    if (this.busy === "consent") {
      this.busy = "";
      this.problem = detail || "failed";
    }
    this.#happen("error", { code });
  }

  #lineChanged() {
    const { state, lost, code } = this.line;
    if (state !== "open") this.outbox.disconnected();
    if (state === "ended") this.#ended(code);
    if (this.lost !== lost) this.#happen("status", { online: !lost });
    this.restored ||= this.lost && !lost && state === "open";
    if (this.restored) this.#is.clock.after(() => this.changed((this.restored = false)), RESTORED_SHOWN);
    this.lost = lost;
    this.changed();
  }

  #ended(code) {
    this.outbox.giveUp();
    if (code === 1000) this.leave("withdrawn");
    else if (code === 4404 && this.conversation) this.leave("erased");
    else {
      this.reason = { 4404: "no_bot", 4403: "blocked" }[code] ?? "broken";
      this.phase = "failed";
    }
  }

  async #sendConsent() {
    const { device, keys } = this.#is;
    const key = keys && !device.token && (await (await this.#keys())?.make());
    if (key) device.signed();
    const notice = this.notice.version;
    this.line.send({ type: "consent", notice, device: device.secretForConsent(), ...(key && { key }) });
  }

  #keys() {
    return this.#is.keys?.().catch(() => null);
  }

  async #ask(frame, options) {
    const entry = this.outbox.put(frame, options);
    const answer = await entry.answer;
    this.outbox.drop(entry.id);
    return answer;
  }

  #begin(deed) {
    this.busy = deed;
    this.problem = this.told = "";
    this.noticeChanged = false;
    this.changed();
  }

  // `note`: what else there is to say about it, in words.
  leave(reason, note = "") {
    if (note) this.note = note;
    if (this.phase === "gone") return this.changed();
    if (reason === "withdrawn") this.#happen("consent:withdrawn");
    Object.assign(this, {
      phase: "gone",
      reason,
      conversation: null,
      consented: false,
      control: "bot",
      busy: "",
      problem: "",
    });
    if (this.#is.device.forget()) this.#keys()?.then((keys) => keys?.drop());
    this.outbox.clear();
    this.#forgetThread();
    this.line.stop();
    this.changed();
  }

  #forgetThread() {
    this.thread.clear();
    this.#freshAfter = Infinity;
    this.unreadFrom = 0;
    this.#read();
  }

  #read() {
    if (!this.unread) return;
    this.unread = 0;
    this.#happen("unread", { count: 0 });
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }

  #happen(name, data = {}) {
    this.dispatchEvent(new CustomEvent("happened", { detail: { name, data } }));
  }
}
