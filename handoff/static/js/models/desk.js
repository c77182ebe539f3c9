/**
 * The agents' side of the line: who I am, the list as it stands, the conversations that I read, and my deeds. DOM-free; line,
 * outbox, clock and chance are arguments.
 *
 * What it promises: after every reconnect the list is the server's and the open conversation has neither gap nor double. Words
 * that were written stay until the server has stored them or their author discards them. A deed (take over, hand back …) is
 * never repeated by itself: between two tries somebody else may have acted.
 *
 * Dispatches `change` when something is to be drawn anew, `alert` (`detail: {kind: "new" | "offer" | "message", row}`) when somebody should
 * look, and `refused` (`detail: {conversation, text}`) when a deed changed nothing.
 *
 * @typedef {{id: string, bot: string, control: string, holder: string | null, holder_name: string, name: string, address: string,
 *   verification: {state: string, method: string, why: string}, last_text: string, last_by: string, opened_at: number,
 *   updated_at: number, waiting_since: number | null, seq: number, unread: number,
 *   site?: {sub: string, name: string, email: string} | null,
 *   offer?: {to: string, name: string, left: number, until: number} | null}} Row
 */

import { Log } from "./log.js";

/** After these the browser does not come back by itself: the session ended (4401), the right was revoked (4403), our own fault (4400). */
const FINAL = [4400, 4401, 4403];
/** An offer whose time has passed is shown for so long; if nothing was heard of it then, nobody looks after it. */
const LATE = 10_000;
const WORDS = new Set(["message", "note"]);

export class Desk extends EventTarget {
  /** @type {{person: string, name: string, role: string, may: {share: boolean, download: boolean}, status?: string, automatic?: boolean} | null} */
  me = null;
  /** @type {Map<string, string>} id → name */
  bots = new Map();
  /** Bots that take files. @type {Set<string>} */
  takesFiles = new Set();
  /** @type {Map<string, Row>} */
  rows = new Map();
  /** @type {string | null} */
  selected = null;
  /** When anything was last heard. */
  heardAt = 0;

  line;
  outbox;
  typing;
  #clock;
  /** @type {Map<string, Log>} */
  #logs = new Map();

  /**
   * @param {object} options
   * @param {() => any} options.connect
   * @param {any} options.clock
   * @param {() => string} options.uuid
   * @param {() => number} [options.random]
   * @param {any} options.Line
   * @param {any} options.Outbox
   * @param {any} options.Typing
   */
  constructor({ connect, clock, uuid, random, Line, Outbox, Typing }) {
    super();
    this.#clock = clock;
    const onChange = () => this.changed();
    const send = (/** @type {object} */ frame) => this.line.send(frame);
    const onFrame = (/** @type {any} */ frame) => this.#hear(frame);
    this.line = new Line({
      connect,
      clock,
      random,
      hello: () => ({ type: "hello" }),
      onFrame,
      onState: () => this.#lineChanged(),
      final: FINAL,
    });
    this.outbox = new Outbox({
      send,
      uuid,
      clock,
      onChange,
      onLate: (/** @type {boolean} */ late) => this.line.doubt("answer", late),
    });
    this.typing = new Typing({
      clock,
      onChange,
      tell: (/** @type {boolean} */ on) => send({ type: "typing", conversation: this.selected, on }),
    });
  }

  get row() {
    return this.rows.get(this.selected ?? "") ?? null;
  }

  get log() {
    return this.#logs.get(this.selected ?? "") ?? null;
  }

  /** Messages and notes that the server has not stored, the refused ones included. */
  get unsent() {
    return this.outbox.entries.filter((/** @type {any} */ entry) => WORDS.has(entry.frame.type));
  }

  /** Whether a deed on this conversation is on its way. @param {string} conversation */
  isBusy(conversation) {
    return this.outbox.entries.some(
      (/** @type {any} */ entry) => entry.frame.conversation === conversation && !WORDS.has(entry.frame.type),
    );
  }

  /** @param {Row | null} row */
  isMine(row) {
    return row?.control === "agent" && row.holder === this.me?.person;
  }

  /** Waiting chats that the house offers me, the most pressing first. @returns {Row[]} */
  get offers() {
    const now = this.#clock.now();
    return [...this.rows.values()]
      .filter((row) => this.#isOfferedToMe(row) && /** @type {any} */ (row.offer).until + LATE > now)
      .sort((one, other) => (one.offer?.until ?? 0) - (other.offer?.until ?? 0));
  }

  /** @param {Row | undefined} row */
  #isOfferedToMe(row) {
    return row?.control === "queue" && Boolean(row.offer) && row.offer?.to === this.me?.person;
  }

  /** Seconds until the offer of this chat goes to the next person. @param {Row} row */
  secondsLeft({ offer }) {
    return offer ? Math.max(0, Math.ceil((offer.until - this.#clock.now()) / 1000)) : 0;
  }

  /** What is drawn of the open conversation. @param {(at: number) => string} dayOf */
  items(dayOf) {
    const pending = this.unsent.filter((/** @type {any} */ entry) => entry.frame.conversation === this.selected);
    return this.log?.items({ pending, dayOf, me: this.me }) ?? [];
  }

  /** Open a conversation, or none. @param {string | null} id */
  select(id) {
    if (id === this.selected) return;
    this.typing.stopped();
    this.typing.forget();
    if (this.selected) this.line.send({ type: "unwatch", conversation: this.selected });
    this.selected = id;
    this.#watch();
    this.changed();
  }

  /** @param {"message" | "note"} type @param {string} text */
  write(type, text) {
    const words = text.replace(/[^\P{Cc}\n\t]/gu, "").trim();
    if (!words || !this.selected) return;
    this.typing.stopped();
    this.outbox.put({ type, conversation: this.selected, text: words });
  }

  /**
   * take_over, decline, hand_back, queue, close, on the open conversation or the named one; `email` with `{address}`; `verify` with `{method, reason}`.
   *
   * @param {string} type
   * @param {object} [members]
   * @returns {Promise<boolean>} whether it happened
   */
  async deed(type, { conversation = this.selected, ...members } = /** @type {any} */ ({})) {
    if (!conversation || this.isBusy(conversation)) return false;
    const entry = this.outbox.put({ type, conversation, ...members }, { once: true });
    const answer = await entry.answer;
    this.outbox.drop(entry.id);
    if (answer.kind === "ack") return true;
    const text =
      answer.detail ||
      (answer.kind === "lost"
        ? "The connection broke. Look at the state of the chat and try again."
        : "That did not work. Nothing was changed.");
    this.dispatchEvent(new CustomEvent("refused", { detail: { conversation, text } }));
    return false;
  }

  /** Available, busy or away; the server answers with what counts. @param {string} status */
  choose(status) {
    this.line.send({ type: "status", status });
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }

  /** @param {any} frame */
  #hear(frame) {
    this.heardAt = this.#clock.now();
    const { type, client_id: id, conversation } = frame;
    if (type === "welcome") this.#welcome(frame);
    else if (type === "me") this.me = frame.me;
    else if (type === "row") this.#updated(frame.row);
    else if (type === "gone") this.#gone(conversation);
    else if (type === "events") this.#apply(conversation, frame.events);
    else if (type === "ack") this.#acked(frame);
    else if (type === "typing" && conversation === this.selected) this.typing.hear(frame);
    else if (type === "error" && id) this.outbox.settle(id, { ...frame, kind: "error" });
    else if (type === "error" && !conversation)
      this.dispatchEvent(new CustomEvent("refused", { detail: { conversation: "", text: frame.detail } }));
    else if (type === "error" && frame.code === "not_found") this.#gone(conversation);
    this.changed();
  }

  /** @param {any} frame */
  #welcome({ me, bots, rows }) {
    const first = this.me === null;
    const before = this.rows;
    this.me = me;
    this.takesFiles = new Set(bots.filter((/** @type {any} */ bot) => bot.files).map((/** @type {any} */ bot) => bot.id));
    this.bots = new Map(bots.map((/** @type {any} */ bot) => [bot.id, bot.name]));
    this.rows = new Map(rows.map((/** @type {Row} */ row) => [row.id, this.#timed(row)]));
    if (!first) for (const row of this.rows.values()) this.#alert(before.get(row.id), row);
    this.#watch();
    this.outbox.connected();
  }

  /** @param {Row} row */
  #updated(row) {
    this.#alert(this.rows.get(row.id), row);
    this.rows.set(row.id, this.#timed(row));
  }

  /** By our own clock, which may be another than the server's. @param {Row} row */
  #timed(row) {
    if (row.offer) row.offer.until = this.#clock.now() + row.offer.left;
    return row;
  }

  /** A chat is offered to me, somebody waits who did not before (where chats are taken by hand), or my visitor wrote. @param {Row | undefined} before @param {Row} row */
  #alert(before, row) {
    const offered = this.#isOfferedToMe(row) && !this.#isOfferedToMe(before);
    const waits = row.control === "queue" && before?.control !== "queue" && !this.me?.automatic;
    const wrote = this.isMine(row) && row.last_by === "visitor" && row.unread > (before?.unread ?? 0);
    if (!offered && !waits && !wrote) return;
    const kind = offered ? "offer" : waits ? "new" : "message";
    this.dispatchEvent(new CustomEvent("alert", { detail: { kind, row } }));
  }

  /** No longer to be shown: also what was read of it goes. @param {string} conversation */
  #gone(conversation) {
    this.rows.delete(conversation);
    this.#logs.delete(conversation);
    if (this.selected === conversation) this.selected = null;
  }

  /** @param {string} conversation @param {any[]} events */
  #apply(conversation, events) {
    const log = this.#logs.get(conversation);
    if (!log) return;
    for (const event of log.apply(events)) {
      if (event.client_id) this.outbox.settle(event.client_id, { kind: "ack", seq: event.seq });
      if (event.kind === "message" && conversation === this.selected) this.typing.forget(event.by);
    }
  }

  /** @param {any} frame */
  #acked({ client_id: id, conversation, seq }) {
    const entry = this.outbox.settle(id, { kind: "ack", seq });
    if (entry && WORDS.has(entry.frame.type) && this.me) this.#logs.get(conversation)?.echo(entry, seq, this.me);
  }

  #watch() {
    const conversation = this.selected;
    if (!conversation) return;
    const log = this.#logs.get(conversation) ?? new Log();
    this.#logs.set(conversation, log);
    this.line.send({ type: "watch", conversation, since: log.since });
  }

  #lineChanged() {
    const { state } = this.line;
    if (state !== "open") this.outbox.disconnected();
    if (state === "ended") this.outbox.giveUp();
    this.changed();
  }
}
