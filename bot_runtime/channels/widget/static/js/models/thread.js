/**
 * The conversation as the visitor sees it: a fold over its events, whatever order or however often they come, and the
 * items that are drawn. Events are kept by their number, so one that comes twice is there once.
 *
 * @typedef {object} Item
 * @property {"message" | "line" | "day" | "divider" | "email"} type
 * @property {string} key
 * @property {number} [at]
 * @property {string} [text]
 * @property {Record<string, any>} [values]
 */

/** Messages of one sender stand together until he pauses for so long. */
const PAUSE = 3 * 60_000;

const CONTROL_WORDS = {
  "queue:returned": "line_requeued",
  "queue:agent_silent": "line_requeued",
  queue: "line_queue",
  agent: "line_agent",
  "bot:timed_out": "line_nobody_free",
  bot: "line_bot_back",
};

export class Thread {
  /** @type {Map<number, any>} */
  #events = new Map();
  /** client_ids of messages that came back as events. */
  #mine = new Set();
  /** Messages that the server has acknowledged, until their events are here. They do not move `since`: what was said
   * before them by others may still be on its way. @type {Map<string, any>} */
  #echoes = new Map();
  /** The newest number this browser has. */
  since = 0;

  get isEmpty() {
    return this.#events.size === 0 && this.#echoes.size === 0;
  }

  clear() {
    this.#events.clear();
    this.#mine.clear();
    this.#echoes.clear();
    this.since = 0;
  }

  /**
   * @param {any[]} events
   * @returns {any[]} those that were not known, in order
   */
  apply(events) {
    const fresh = events.filter((event) => Number.isSafeInteger(event?.seq) && !this.#events.has(event.seq));
    for (const event of fresh) {
      this.#events.set(event.seq, event);
      if (event.client_id) this.#mine.add(event.client_id);
      this.#echoes.delete(event.client_id);
      this.since = Math.max(this.since, event.seq);
    }
    return fresh.sort((one, other) => one.seq - other.seq);
  }

  /** A message of ours was stored under this number. @param {any} entry of the outbox @param {number} seq */
  echo(entry, seq) {
    if (this.#mine.has(entry.id)) return;
    const { text } = entry.frame;
    this.#echoes.set(entry.id, { kind: "message", by: "visitor", seq, at: entry.at, text, client_id: entry.id });
  }

  /** @returns {any[]} */
  get events() {
    return [...this.#events.values()].sort((one, other) => one.seq - other.seq);
  }

  get messagesOfVisitor() {
    return this.events.filter((event) => event.kind === "message" && event.by === "visitor").length;
  }

  /**
   * All that is to be drawn, in order.
   *
   * @param {object} [options]
   * @param {any[]} [options.pending] entries of the outbox with messages that are not among the events
   * @param {{step: string, anchor: number}} [options.email] where the e-mail card stands
   * @param {number} [options.unreadFrom] number of the first unread event; the divider stands before it
   * @param {(at: number) => string} [options.dayOf] names the calendar day of a time
   * @returns {Item[]}
   */
  items({ pending = [], email, unreadFrom = 0, dayOf = (at) => new Date(at).toDateString() } = {}) {
    const known = [...this.#events.values(), ...this.#echoes.values()].sort((one, other) => one.seq - other.seq);
    const drawn = known.map(toItem).filter((item) => item !== null);
    const newest = drawn.at(-1)?.at ?? 0;
    const waiting = pending.filter((entry) => !this.#mine.has(entry.id)).map((entry) => pendingItem(entry, newest));
    const items = withCard([...drawn, ...waiting], email);
    return spaced(items, unreadFrom, dayOf);
  }
}

/** @param {any} event */
function toItem(event) {
  const line = (/** @type {string} */ text, /** @type {string} */ icon, values = {}) => ({
    type: "line", key: `e${event.seq}`, seq: event.seq, at: event.at, text, icon, values,
  });
  switch (event.kind) {
    case "message":
      return messageItem(event);
    case "control": {
      const words = /** @type {Record<string, string>} */ (CONTROL_WORDS);
      const text = words[`${event.now}:${event.reason}`] ?? words[event.now];
      const icon = event.now === "agent" ? "user" : event.now === "bot" ? "bot" : "clock";
      return text ? line(text, icon, { name: event.holder_name || "" }) : null;
    }
    case "consent":
      return line(event.given === false ? "line_withdrawn" : "line_consent", "shield");
    case "email":
      return event.state === "lost" ? line("line_proof_lost", "warning") : null;
    case "closed":
      return line(closedWords(event), "check-circle");
    default:
      return null;
  }
}

/** @param {any} event */
function closedWords(event) {
  if (event.reason === "timed_out") return "line_closed_silent";
  if (event.by === "visitor") return "line_closed_you";
  return event.by === "agent" ? "line_closed_agent" : "line_closed";
}

/** @param {any} event */
function messageItem(event) {
  if (event.by === "system") {
    return { type: "line", key: `e${event.seq}`, seq: event.seq, at: event.at, words: event.text, icon: "info", buttons: event.buttons ?? [] };
  }
  return {
    type: "message",
    key: event.client_id ? `m${event.client_id}` : `e${event.seq}`,
    seq: event.seq,
    at: event.at,
    by: event.by,
    name: event.author_name ?? "",
    text: event.text ?? "",
    image: event.image ?? "",
    buttons: event.buttons ?? [],
    own: event.by === "visitor",
    state: event.by === "visitor" ? "sent" : "",
  };
}

/** @param {any} entry @param {number} newest this browser's clock may be behind the server's */
function pendingItem(entry, newest) {
  return {
    type: "message",
    key: `m${entry.id}`,
    seq: Infinity,
    at: Math.max(entry.at, newest),
    by: "visitor",
    name: "",
    text: entry.frame.text,
    image: "",
    buttons: [],
    own: true,
    client_id: entry.id,
    state: entry.state === "failed" ? "failed" : "sending",
    error: entry.error?.detail ?? "",
  };
}

/** @param {any[]} items @param {{step: string, anchor: number}} [email] */
function withCard(items, email) {
  if (!email || email.step === "none") return items;
  const after = items.findLastIndex((item) => item.seq <= email.anchor);
  const card = { type: "email", key: "email", seq: email.anchor, at: items[after]?.at ?? items.at(-1)?.at ?? 0 };
  return [...items.slice(0, after + 1), card, ...items.slice(after + 1)];
}

/** Days, the divider, who stands together, and which buttons may still be pressed.
 * @param {any[]} items @param {number} unreadFrom @param {(at: number) => string} dayOf */
function spaced(items, unreadFrom, dayOf) {
  const result = [];
  const lastOwn = items.findLastIndex((item) => item.own);
  let day = "";
  let divided = unreadFrom === 0;
  /** @type {any} */ let before = null;
  for (const [index, item] of items.entries()) {
    const today = dayOf(item.at);
    if (today !== day && item.type !== "email") {
      result.push({ type: "day", key: `d${item.key}`, at: item.at });
      before = null;
      day = today;
    }
    if (!divided && item.seq >= unreadFrom) {
      result.push({ type: "divider", key: "divider", at: item.at });
      before = null;
      divided = true;
    }
    const now = { ...item, buttons: index > lastOwn ? (item.buttons ?? []) : [] };
    if (item.type === "message") {
      now.head = !together(before, item);
      if (before?.type === "message") before.tail = now.head;
      now.tail = true;
    } else if (before?.type === "message") before.tail = true;
    result.push(now);
    before = now;
  }
  return withLatest(result);
}

/** Delivery is said once, under the last of the visitor's own messages; a failed one always says so.
 * @param {any[]} items */
function withLatest(items) {
  const last = items.findLastIndex((item) => item.own);
  return items.map((item, index) => (item.own && index !== last && item.state === "sent" ? { ...item, state: "" } : item));
}

/** @param {any} before @param {any} item */
function together(before, item) {
  return before?.type === "message" && before.by === item.by && before.name === item.name && item.at - before.at < PAUSE;
}
