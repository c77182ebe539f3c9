
const PAUSE = 180_000;

const LINES = {
  "queue:returned": "line_requeued",
  "queue:agent_silent": "line_requeued",
  queue: "line_queue",
  agent: "line_agent",
  "bot:timed_out": "line_nobody_free",
  bot: "line_bot_back",
};

export class Thread {
  #events = new Map();
  #mine = new Set();
  // Acknowledged, event to come. They do not move `since`.
  #echoes = new Map();
  since = 0;
  email = new EmailCard();

  clear() {
    for (const kept of [this.#events, this.#mine, this.#echoes]) kept.clear();
    this.since = 0;
    this.email = new EmailCard();
  }

  apply(events) {
    const fresh = events
      .filter((event) => Number.isSafeInteger(event?.seq) && !this.#events.has(event.seq))
      .sort(inOrder);
    for (const event of fresh) {
      this.#events.set(event.seq, event);
      const { kind, what, message, value } = event;
      const said = this.#events.get(message);
      if (said && kind === "redacted")
        this.#events.set(message, { ...said, redacted: true, text: "", image: "", buttons: [], card: "" });
      if (said && !said.redacted && what === "message") this.#events.set(message, { ...said, text: value });
      if (kind === "file_hidden") this.#hide(event.file);
      if (event.client_id) this.#mine.add(event.client_id);
      this.#echoes.delete(event.client_id);
      this.since = Math.max(this.since, event.seq);
      this.email.apply(event);
    }
    return fresh;
  }

  echo({ id, at, frame }, seq) {
    if (!this.#mine.has(id))
      this.#echoes.set(id, { kind: "message", by: "visitor", seq, at, text: frame.text, client_id: id });
  }

  #hide(file) {
    for (const [seq, event] of this.#events)
      if (event.kind === "file" && event.file === file) this.#events.set(seq, { ...event, name: "", redacted: true });
  }

  get ownMessages() {
    return this.#mine.size;
  }

  items({ pending, unreadFrom, dayOf, quick }) {
    const known = [...this.#events.values(), ...this.#echoes.values()].sort(inOrder).map(toItem).filter(Boolean);
    const newest = known.at(-1)?.at ?? 0;
    const waiting = pending.filter(({ id }) => !this.#mine.has(id)).map((entry) => toPending(entry, newest));
    const items = [...known, ...waiting];
    const { step, anchor } = this.email;
    const after = items.findLastIndex((item) => item.seq <= anchor);
    if (step) items.splice(after + 1, 0, { type: "email", key: "email", at: items[after]?.at ?? newest });
    return spaced(items, unreadFrom, dayOf, quick);
  }
}

const inOrder = (one, other) => one.seq - other.seq;

function toItem(event) {
  const { kind, seq, at, by, now, reason } = event;
  const line = (text, sign, more) => ({ type: "line", key: `e${seq}`, seq, at, text, sign, ...more });
  if (kind === "message" && by === "system")
    return event.card ? null : line("", "info", { words: event.text, buttons: event.buttons });
  if (kind === "message") return toMessage(event);
  if (kind === "file") {
    const { file, name: called, size, shows } = event;
    return { ...toMessage(event), type: kind, file, called, size, shows };
  }
  if (kind === "consent") return line(event.given === false ? "line_withdrawn" : "line_consent", "shield");
  if (kind === "closed") {
    return line(
      reason === "timed_out" ? "line_closed_silent" : by === "visitor" ? "line_closed_you" : "line_closed",
      "check",
    );
  }
  if (kind === "transcript")
    return line(event.sent ? "line_mailed" : "line_not_mailed", "mail", { name: event.address });
  const words = kind === "control" && (LINES[`${now}:${reason}`] ?? LINES[now]);
  return words ? line(words, now === "bot" ? "bot" : "user", { name: event.holder_name }) : null;
}

function toMessage({ seq, at, by, redacted, text, image, buttons, client_id: id, author_name: name }) {
  const own = by === "visitor";
  const key = id ? `m${id}` : `e${seq}`;
  return { type: "message", key, seq, at, by, own, name, redacted, text, image, buttons, state: own ? "sent" : "" };
}

// This clock may be behind the server's.
function toPending({ id, at, frame, state, error }, newest) {
  const item = toMessage({ seq: Infinity, at: Math.max(at, newest), by: "visitor", text: frame.text, client_id: id });
  return { ...item, id, state: state === "failed" ? "failed" : "sending", error: error?.detail };
}

function spaced(items, unreadFrom, dayOf, quick) {
  const result = [];
  const lastOwn = items.findLastIndex((item) => item.own);
  let day = "";
  let divided = !unreadFrom;
  let before = null;
  const put = (item) => {
    item.head = !together(before, item);
    if (before) before.tail = item.head;
    result.push(item);
    before = item;
  };
  items.forEach((item, index) => {
    const today = dayOf(item.at);
    if (today !== day) put({ type: "day", key: `d${item.key}`, at: item.at });
    day = today;
    if (!divided && item.seq >= unreadFrom) {
      put({ type: "divider", key: "divider" });
      divided = true;
    }
    const state = item.state === "sent" && index !== lastOwn ? "" : item.state;
    put({ ...item, state, tail: true, buttons: quick && index > lastOwn ? (item.buttons ?? []) : [] });
  });
  return result;
}

function together(one, other) {
  return one?.type === "message" && one.by === other.by && one.name === other.name && other.at - one.at < PAUSE;
}

const WRONG = { wrong: "code_wrong", expired: "code_expired", too_many: "code_too_many" };

export class EmailCard {
  step = "";
  address = "";
  anchor = 0;
  busy = "";
  problem = "";
  said = "";
  detail = "";

  apply({ kind, card, state, seq, address = "" }) {
    if (kind === "message" && card && this.step !== "verified") this.#go(card === "email" ? "ask" : card, seq);
    else if (kind !== "email") return;
    else if (state === "verified") this.#go("verified", seq);
    else if (state === "lost") this.#go("ask", seq, "proof_lost");
    else if (this.step !== "verified" || address !== this.address) {
      this.address = address;
      this.#go("code", seq);
    }
  }

  open() {
    if (this.step !== "verified") this.#go("ask", this.step ? this.anchor : Infinity);
  }

  keepAddress() {
    this.#go("code", this.anchor);
  }

  begin(what) {
    this.busy = what;
    this.#tell();
  }

  finish(what, { kind, outcome, detail }) {
    this.busy = "";
    if (kind === "error") this.#tell(detail ? "" : "failed", "", detail);
    else if (kind === "lost") this.#tell("lost_try_again");
    else if (what === "resend") this.#tell("", "code_resent");
    else if (WRONG[outcome]) this.#tell(WRONG[outcome]);
    else if (what === "code") this.#go("verified", this.anchor);
    else if (this.step === "ask") this.#go("code", this.anchor);
  }

  #go(step, anchor, said) {
    Object.assign(this, { step, anchor });
    this.#tell("", said);
  }

  #tell(problem = "", said = "", detail = "") {
    Object.assign(this, { problem, said, detail });
  }
}
