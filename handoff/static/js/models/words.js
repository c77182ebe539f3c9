/** How things are called at the desk. */

/** @typedef {import("./desk.js").Row} Row */

const MARKS = {
  verified: { sign: "check-circle", kind: "ok", word: "Verified" },
  preliminary: { sign: "warning", kind: "warn", word: "Not verified" },
  confirmed_elsewhere: { sign: "warning", kind: "warn", word: "Confirmed elsewhere, not verified here" },
  none: { sign: "user", kind: "", word: "No address" },
};

/**
 * The sign beside a name (DD-4, DD-6), from the server's state only. What the house does not know is not verified.
 *
 * @param {Row} row
 * @returns {{sign: string, kind: string, word: string, why: string}}
 */
export function markOf({ verification }) {
  const { state, why } = verification ?? {};
  const mark = MARKS[/** @type {keyof typeof MARKS} */ (Object.hasOwn(MARKS, state) ? state : "preliminary")];
  return { ...mark, why: why ? `${mark.word}. ${why}` : mark.word };
}

/** A name for somebody who has given none. @param {Row} row */
export function nameOf({ name, address, site, id }) {
  return name || address || site?.name || `Visitor ${id.slice(0, 4)}`;
}

const STATES = {
  bot: { word: "With the bot", kind: "" },
  queue: { word: "Waiting", kind: "warn" },
  agent: { word: "With a person", kind: "accent" },
  closed: { word: "Ended", kind: "" },
};

/** @param {Row} row @param {string} me */
export function stateOf(row, me) {
  const state = STATES[/** @type {keyof typeof STATES} */ (row.control)] ?? { word: row.control, kind: "" };
  if (row.control !== "agent") return state;
  return { ...state, word: row.holder === me ? "With you" : `With ${row.holder_name || "a colleague"}` };
}

/** @param {number} minutes */
export function duration(minutes) {
  if (minutes < 1) return "now";
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d`;
}

/** The line of a row: who said the last thing. @param {Row} row */
export function lastLine({ last_by: by, last_text: text, holder_name: holder }) {
  const who = { bot: "Bot: ", agent: `${holder || "Agent"}: ` }[by] ?? "";
  return text ? who + text : "Nothing said yet";
}

/** What the bar says about the line. @param {any} line @param {number} unsent */
export function lineWords({ state, lost, code }, unsent) {
  const kept = unsent ? ` ${unsent === 1 ? "1 message" : `${unsent} messages`} unsent.` : "";
  if (state === "open" && !lost) return { kind: unsent ? "warn" : "ok", words: unsent ? `Connected.${kept}` : "Connected" };
  if (state === "ended" && code === 4401) return { kind: "danger", words: `Your session has ended.${kept}` };
  if (state === "ended" && code === 4403) return { kind: "danger", words: `You may not be here any more.${kept}` };
  if (state === "ended") return { kind: "danger", words: `The connection was refused. Load the page again.${kept}` };
  return { kind: "warn", words: lost ? `No connection. Trying again …${kept}` : `Connecting …${kept}` };
}
