/**
 * One conversation as its agent reads it: a fold over the member's view of its events. Events are kept by number, whatever order
 * they come in and however often.
 *
 * Items to draw: `{type: "message" | "note" | "line" | "day", key, seq, at, …}`. Facts for the pane beside it: who it is, how and when
 * proven, the consent, the page.
 */

/** Messages of one sender stand together until he pauses for so long. */
const PAUSE = 180_000;

const CONTROL = {
  handoff_requested: "The visitor asked for a person.",
  "handoff_requested:bot": "The bot called a person.",
  "handoff_requested:agent": "{who} put the chat into the queue.",
  not_understood: "The bot did not understand and called a person.",
  bot_failed: "The bot failed, and a person was called.",
  taken: "{holder} took over.",
  handed_back: "{who} handed back to the bot.",
  returned: "{who} put the chat back into the queue.",
  agent_silent: "Back in the queue: the visitor waited too long for an answer.",
  timed_out: "Nobody was free in time; the bot has it again.",
  cancelled: "Taken out of the queue; the bot has it again.",
};

const OFFER = {
  offered: "Offered to {who}.",
  declined: "{who} gave the chat back.",
  missed: "{who} did not answer in time.",
  withdrawn: "{who} was not free any more.",
};

const CLOSED = {
  resolved: "{who} resolved the chat.",
  ended: "The visitor ended the chat.",
  "ended:bot": "The bot ended the chat.",
  withdrawn: "The chat ended because the consent was withdrawn.",
  timed_out: "The chat ended because nothing was written for a long time.",
};

const EMAIL = {
  supplied: "The visitor gave the address {address}.",
  "supplied:agent": "{who} entered the address {address}.",
  sent: "A verification mail was sent.",
  "sent:agent": "{who} sent a verification mail.",
  confirmed: "The opt-in was confirmed in this browser.",
  confirmed_elsewhere: "The opt-in was confirmed in another browser. That does not verify this chat.",
  "verified:code": "Verified: the code from the mail was typed into this chat.",
  "verified:link": "Verified: the link in the mail was confirmed in this browser.",
  "verified:questions": "Verified by {who}, who asked the verification questions. {reason}",
  "verified:manual": "{who} vouched for the address. {reason}",
  lost: "No longer verified: {reason}",
};

const LOST = {
  expired: "the proof has expired.",
  revoked: "the proof was revoked.",
  denied: "the reader of the mailbox said that it was not he.",
  other_browser: "this is another browser or device than the one that was proven, or its storage was cleared.",
  this_chat: "this browser proved it for an earlier chat only.",
  other_address: "another address was given.",
  withdrawn: "the visitor withdrew the consent.",
};

/** What stands in place of words that were removed. */
export const REMOVED = "[Message removed]";

const WITHOUT_WORDS = { redacted: true, text: "", payload: "", image: "", buttons: [], card: "", custom: null };

const OUTCOME = {
  unverified: "It is known, but not proven in this chat.",
  suppressed: "It is suppressed: it gets no mail and is not added.",
};

export class Log {
  /** @type {Map<number, any>} */
  #events = new Map();
  #stored = new Set();
  /** @type {Map<string, any>} acknowledged words whose events are not here yet; they do not move `since` */
  #echoes = new Map();
  since = 0;

  /** @param {any[]} events @returns {any[]} those that were not known, in order */
  apply(events) {
    const fresh = events
      .filter((event) => Number.isSafeInteger(event?.seq) && !this.#events.has(event.seq))
      .sort(inOrder);
    for (const event of fresh) {
      this.#events.set(event.seq, event);
      if (event.kind === "redacted") this.#change(event.message, { ...WITHOUT_WORDS });
      if (event.kind === "corrected" && event.what === "message") this.#change(event.message, { text: event.value });
      if (event.kind === "file_hidden" || event.kind === "file_destroyed") this.#hide(event);
      if (event.client_id) this.#stored.add(event.client_id);
      this.#echoes.delete(event.client_id);
      this.since = Math.max(this.since, event.seq);
    }
    return fresh;
  }

  /** Words of mine were stored under this number. @param {any} entry @param {number} seq @param {{person: string, name: string}} me */
  echo({ id, at, frame }, seq, me) {
    if (!this.#stored.has(id)) this.#echoes.set(id, { ...asEvent(id, frame, at, me), seq });
  }

  /** What became of a message after it was said. @param {number} seq @param {object} members */
  #change(seq, members) {
    const known = this.#events.get(seq);
    if (known && !known.redacted) this.#events.set(seq, { ...known, ...members });
  }

  /** @param {any} event that says that a file is sensitive, or gone */
  #hide({ file, kind }) {
    for (const [seq, event] of this.#events)
      if (event.kind === "file" && event.file === file)
        this.#events.set(seq, { ...event, name: "", redacted: true, shows: false, destroyed: kind === "file_destroyed" });
  }

  get events() {
    return [...this.#events.values()].sort(inOrder);
  }

  /** @param {{pending: any[], dayOf: (at: number) => string, me?: {person: string, name: string} | null}} options */
  items({ pending, dayOf, me = null }) {
    const events = [...this.#events.values(), ...this.#echoes.values()].sort(inOrder);
    const names = namesIn(events, me);
    const known = events.map((event) => toItem(event, names)).filter((item) => item !== null);
    const newest = known.at(-1)?.at ?? 0;
    const waiting = pending.filter(({ id }) => !this.#stored.has(id)).map((entry) => toPending(entry, newest, me));
    return spaced([...known, ...waiting], dayOf);
  }

  /** What the pane beside the thread says. @param {{person: string, name: string} | null} [me] */
  facts(me = null) {
    const names = namesIn(this.events, me);
    const facts = { opened: null, consent: null, withdrawnAt: 0, proof: null, mailSentAt: 0 };
    for (const event of this.events) {
      if (event.kind === "opened") facts.opened = event;
      else if (event.kind === "consent" && event.given) Object.assign(facts, { consent: event, withdrawnAt: 0 });
      else if (event.kind === "consent") facts.withdrawnAt = event.at;
      else if (event.kind !== "email") continue;
      else if (event.state === "sent") facts.mailSentAt = event.at;
      else if (event.state === "verified") facts.proof = { ...event, by: names(event.author) };
      else if (event.state === "lost") facts.proof = null;
    }
    return facts;
  }
}

/** @param {any} one @param {any} other */
function inOrder(one, other) {
  return one.seq - other.seq;
}

/** The names of colleagues, as far as the conversation tells them. @param {any[]} events @param {{person: string, name: string} | null} me */
function namesIn(events, me) {
  const names = new Map(me ? [[me.person, me.name]] : []);
  for (const event of events) {
    if (event.author && event.author_name) names.set(event.author, event.author_name);
    if (event.holder && event.holder_name) names.set(event.holder, event.holder_name);
  }
  return (/** @type {string} */ id) => names.get(id) ?? (id ? "A colleague" : "");
}

/** @param {any} event @param {(id: string) => string} names */
function toItem(event, names) {
  const { kind, seq, at } = event;
  const line = (/** @type {string} */ text, /** @type {string} */ sign) => ({
    type: "line",
    key: `e${seq}`,
    seq,
    at,
    text,
    sign,
  });
  const who = names(event.author);
  switch (kind) {
    case "message":
      return toMessage(event);
    case "file":
      return toFile(event);
    case "file_hidden":
      return line(`${who || "Somebody"} marked a file as sensitive. It is hidden, and will be destroyed.`, "shield");
    case "file_destroyed":
      return line(event.reason === "retention" ? "A file was deleted: its time was over." : "A sensitive file was destroyed.", "shield");
    case "redacted":
      return line(`${who || "Somebody"} removed a message.`, "shield");
    case "address_erased":
      return line("The address was erased at its owner’s request.", "shield");
    case "corrected":
      return line(
        event.what === "message" ? "The text of a message was corrected." : `The ${event.what} was corrected: ${event.value}`,
        "edit",
      );
    case "restriction":
      return line(event.on ? "The processing was restricted." : "The restriction was lifted.", "lock");
    case "note":
      return {
        type: "note",
        key: event.client_id ? `m${event.client_id}` : `e${seq}`,
        seq,
        at,
        name: event.author_name,
        text: event.redacted ? REMOVED : event.text,
        gone: Boolean(event.redacted),
        state: "",
      };
    case "opened":
      return line("The chat was opened.", "chat");
    case "consent":
      return line(event.given ? "The visitor agreed to the notice." : "The visitor withdrew the consent.", "shield");
    case "named":
      return line(`The visitor's name is ${event.name}.`, "user");
    case "identified":
      return line(`The site says: ${[event.name, event.address, `visitor ${event.sub}`].filter(Boolean).join(", ")}.`, "user");
    case "tagged":
      return line(event.tags.length > 0 ? `Tags: ${event.tags.join(", ")}.` : "All tags were taken off.", "edit");
    case "email":
      return line(
        emailWords(event, who),
        event.state === "verified"
          ? "check-circle"
          : event.state === "lost" || event.state === "confirmed_elsewhere"
            ? "warning"
            : "mail",
      );
    case "control":
      return event.now === "closed"
        ? null
        : line(
            filled(chosen(CONTROL, event.reason, event.actor) ?? "The chat changed hands.", {
              who,
              holder: event.holder_name,
            }),
            "take",
          );
    case "offer":
      return { ...line(filled(chosen(OFFER, event.state) ?? "The chat was offered.", { who }), "bell"), quiet: true };
    case "closed":
      return line(filled(chosen(CLOSED, event.reason, event.by) ?? "The chat ended.", { who }), "check");
    case "transcript":
      return line(mailedWords(event), event.sent ? "mail" : "warning");
    case "turn":
      return event.intent
        ? { ...line(`Understood as ${event.intent}${certainty(event.confidence)}`, "bot"), quiet: true }
        : null;
    default:
      return null;
  }
}

/** PS-5: when it went stands beside it; here to whom, and over which TLS. @param {any} event */
function mailedWords({ sent, address, tls, reply, why }) {
  if (!sent) return `The transcript could not be mailed to ${address}: ${reply}`;
  const asked = why === "asked" ? ", as the visitor asked" : "";
  return `The transcript was mailed to ${address}${asked}, ${tls ? `over ${tls}` : "without TLS"}.`;
}

/** @param {any} event @param {string} who */
function emailWords(event, who) {
  const reason = event.state === "lost" ? (chosen(LOST, event.reason) ?? event.reason) : event.reason;
  const words =
    chosen(EMAIL, event.state, event.state === "verified" ? event.method : event.by) ?? "The address changed.";
  const outcome = event.state === "supplied" ? chosen(OUTCOME, event.outcome) : "";
  return [filled(words, { who, address: event.address, reason }), outcome].filter(Boolean).join(" ").trim();
}

/** The words of the more special case, if there are any. @param {Record<string, string>} table @param {string} name @param {string} [more] */
function chosen(table, name, more) {
  const special = `${name}:${more}`;
  if (Object.hasOwn(table, special)) return table[special];
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** @param {string} words @param {Record<string, string>} values */
function filled(words, values) {
  return words.replace(
    /\{(\w+)\}/g,
    (_, name) => values[name] || (name === "who" || name === "holder" ? "Somebody" : ""),
  );
}

/** @param {number | null} confidence */
function certainty(confidence) {
  return typeof confidence === "number" ? ` (${Math.round(confidence * 100)} %)` : "";
}

/** @param {any} event */
function toMessage({ seq, at, by, redacted, text, payload, image, buttons, card, author_name: name, client_id: id }) {
  const key = id ? `m${id}` : `e${seq}`;
  return {
    type: "message",
    key,
    seq,
    at,
    by,
    name: name ?? "",
    text: redacted ? REMOVED : (text ?? ""),
    gone: Boolean(redacted),
    payload: payload ?? "",
    image: image ?? "",
    card: card ?? "",
    buttons: (buttons ?? []).map((/** @type {any} */ one) => one.title),
    state: "",
  };
}

/** @param {any} event */
function toFile({ seq, at, by, file, name, media, size, shows, redacted, destroyed, author_name: who }) {
  return {
    type: "file",
    key: `e${seq}`,
    seq,
    at,
    by,
    name: who ?? "",
    file,
    called: name ?? "",
    media,
    size,
    shows: Boolean(shows),
    gone: Boolean(redacted),
    destroyed: Boolean(destroyed),
    state: "",
  };
}

/** @param {string} id @param {any} frame @param {number} at @param {{person: string, name: string}} me */
function asEvent(id, frame, at, me) {
  return {
    kind: frame.type,
    at,
    by: "agent",
    text: frame.text,
    author: me.person,
    author_name: me.name,
    client_id: id,
  };
}

/** @param {any} entry @param {number} newest this browser's clock may be behind the server's @param {{person: string, name: string} | null} me */
function toPending({ id, at, frame, state, error }, newest, me) {
  const item = toItem(
    { ...asEvent(id, frame, Math.max(at, newest), me ?? { person: "", name: "" }), seq: Infinity },
    () => "",
  );
  return {
    ...item,
    id,
    state: state === "failed" ? "failed" : "sending",
    error: error?.detail ?? (error?.kind === "lost" ? "the connection ended" : ""),
  };
}

/** @param {any[]} items @param {(at: number) => string} dayOf */
function spaced(items, dayOf) {
  const result = [];
  let day = "";
  /** @type {any} */ let before = null;
  for (const item of items) {
    const today = dayOf(item.at);
    if (today !== day) {
      before = { type: "day", key: `d${item.key}`, at: item.at };
      result.push(before);
      day = today;
    }
    const spoken = { ...item, head: item.type === "message" && !together(before, item) };
    result.push(spoken);
    before = spoken;
  }
  return result;
}

/** @param {any} one @param {any} other */
function together(one, other) {
  return one?.type === "message" && one.by === other.by && one.name === other.name && other.at - one.at < PAUSE;
}
