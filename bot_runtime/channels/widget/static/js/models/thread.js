/**
 * The conversation as the visitor sees it: a fold over its events, in whatever order and however often they come, and the items
 * to draw: `{type: message | line | day | divider | email, key, seq, at, …}`.
 */

/** Messages of one sender stand together until he pauses for so long. */
const PAUSE = 180_000;

const LINES = {
  "queue:returned": "line_requeued",
  "queue:agent_silent": "line_requeued",
  queue: "line_queue",
  agent: "line_agent",
  "bot:timed_out": "line_nobody_free",
  bot: "line_bot_back",
};
const SIGNS = { agent: "user", bot: "bot", queue: "clock" };

export class Thread {
  #events = new Map();
  /** client_ids of messages that came back as events. */
  #mine = new Set();
  /** Acknowledged messages whose events are not here yet. They do not move `since`: what others said before may still come. */
  #echoes = new Map();
  since = 0;

  clear() {
    for (const kept of [this.#events, this.#mine, this.#echoes]) kept.clear();
    this.since = 0;
  }

  /** Gives those that were not known, in order. */
  apply(events) {
    const fresh = events.filter((event) => Number.isSafeInteger(event?.seq) && !this.#events.has(event.seq));
    for (const event of fresh) {
      this.#events.set(event.seq, event);
      if (event.client_id) this.#mine.add(event.client_id);
      this.#echoes.delete(event.client_id);
      this.since = Math.max(this.since, event.seq);
    }
    return fresh.sort(inOrder);
  }

  /** A message of ours was stored under this number. */
  echo({ id, at, frame }, seq) {
    if (!this.#mine.has(id)) this.#echoes.set(id, { kind: "message", by: "visitor", seq, at, text: frame.text, client_id: id });
  }

  get ownMessages() {
    return this.#mine.size;
  }

  /** `pending`: entries of the outbox. `email`: the card. `unreadFrom`: the divider stands before this number. */
  items({ pending = [], email, unreadFrom = 0, dayOf = (at) => new Date(at).toDateString() } = {}) {
    const known = [...this.#events.values(), ...this.#echoes.values()].sort(inOrder).map(toItem).filter(Boolean);
    const newest = known.at(-1)?.at ?? 0;
    const waiting = pending.filter(({ id }) => !this.#mine.has(id)).map((entry) => toPending(entry, newest));
    const items = [...known, ...waiting];
    if (email && email.step !== "none") {
      const after = items.findLastIndex((item) => item.seq <= email.anchor);
      items.splice(after + 1, 0, { type: "email", key: "email", seq: email.anchor, at: items[after]?.at ?? newest });
    }
    return spaced(items, unreadFrom, dayOf);
  }
}

const inOrder = (one, other) => one.seq - other.seq;

function toItem(event) {
  const { kind, seq, at, by, now, reason } = event;
  const line = (text, sign, values = {}) => ({ type: "line", key: `e${seq}`, seq, at, text, sign, values });
  if (kind === "message" && by === "system") return { ...line("", "info"), words: event.text, buttons: event.buttons };
  if (kind === "message") return toMessage(event);
  if (kind === "consent") return line(event.given === false ? "line_withdrawn" : "line_consent", "shield");
  if (kind === "email" && event.state === "lost") return line("line_proof_lost", "warning");
  if (kind === "closed") {
    return line(reason === "timed_out" ? "line_closed_silent" : by === "visitor" ? "line_closed_you" : "line_closed_agent", "check");
  }
  const words = kind === "control" && (LINES[`${now}:${reason}`] ?? LINES[now]);
  return words ? line(words, SIGNS[now], { name: event.holder_name }) : null;
}

function toMessage({ seq, at, by, text, image, buttons, client_id: id, author_name: name }) {
  const own = by === "visitor";
  const key = id ? `m${id}` : `e${seq}`;
  return { type: "message", key, seq, at, by, own, name, text, image, buttons, state: own ? "sent" : "" };
}

/** This browser's clock may be behind the server's. */
function toPending({ id, at, frame, state, error }, newest) {
  const item = toMessage({ seq: Infinity, at: Math.max(at, newest), by: "visitor", text: frame.text, client_id: id });
  return { ...item, id, state: state === "failed" ? "failed" : "sending", error: error?.detail };
}

/** Days, the divider, who stands together, which buttons may still be pressed, and where delivery is said: once, at the end. */
function spaced(items, unreadFrom, dayOf) {
  const result = [];
  const lastOwn = items.findLastIndex((item) => item.own);
  let day = "";
  let divided = !unreadFrom;
  let before = null;
  const put = (item) => {
    if (before?.type === "message") before.tail = !together(before, item);
    if (item.type === "message") item.head = !together(before, item);
    result.push(item);
    before = item;
  };
  items.forEach((item, index) => {
    const today = dayOf(item.at);
    if (today !== day && item.type !== "email") put({ type: "day", key: `d${item.key}`, at: item.at });
    if (item.type !== "email") day = today;
    if (!divided && item.seq >= unreadFrom) put({ type: "divider", key: "divider" });
    divided ||= item.seq >= unreadFrom;
    const state = item.state === "sent" && index !== lastOwn ? "" : item.state;
    put({ ...item, state, tail: true, buttons: index > lastOwn ? (item.buttons ?? []) : [] });
  });
  return result;
}

function together(one, other) {
  return one?.type === "message" && one.by === other.by && one.name === other.name && other.at - one.at < PAUSE;
}
