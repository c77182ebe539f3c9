/** The list of conversations: which are shown, in what order, and how urgent each is. */

/** @typedef {import("./desk.js").Row} Row @typedef {"mine" | "unassigned" | "all"} Tab */

const MINUTE = 60_000;
/** Minutes after which waiting is shown as pressing, and as too long. */
const SOON = 3;
const LATE = 10;

export const TABS = Object.freeze(/** @type {Tab[]} */ (["mine", "unassigned", "all"]));

/** @param {Row} row @param {Tab} tab @param {string} me */
function belongs(row, tab, me) {
  if (tab === "mine") return row.control === "agent" && row.holder === me;
  return tab === "all" || row.control === "queue";
}

/**
 * How many are in each tab; ended ones do not count.
 *
 * @param {Iterable<Row>} rows
 * @param {string} me
 * @returns {Record<Tab, number>}
 */
export function counts(rows, me) {
  const open = [...rows].filter((row) => row.control !== "closed");
  return { mine: sum(open, "mine", me), unassigned: sum(open, "unassigned", me), all: open.length };
}

/** @param {Row[]} rows @param {Tab} tab @param {string} me */
function sum(rows, tab, me) {
  return rows.filter((row) => belongs(row, tab, me)).length;
}

/**
 * Who waits longest comes first, then whatever changed last.
 *
 * @param {Iterable<Row>} rows
 * @param {{tab: Tab, me: string, ended?: boolean, words?: string}} options
 * @returns {Row[]}
 */
export function shown(rows, { tab, me, ended = false, words = "" }) {
  const wanted = words.trim().toLowerCase();
  return [...rows]
    .filter((row) => belongs(row, tab, me) && (row.control === "closed") === ended && matches(row, wanted))
    .sort((one, other) => rank(one) - rank(other) || other.updated_at - one.updated_at || (one.id < other.id ? -1 : 1));
}

/** @param {Row} row */
function rank(row) {
  return row.waiting_since && row.control !== "closed" && row.control !== "bot" ? row.waiting_since : Infinity;
}

/** @param {Row} row @param {string} words */
function matches(row, words) {
  return (
    !words ||
    [row.name, row.address, row.last_text, row.holder_name, row.id].some((text) =>
      (text ?? "").toLowerCase().includes(words),
    )
  );
}

/**
 * Since when somebody waits for a person, and how pressing it is. Nobody waits when the bot has the chat.
 *
 * @param {Row} row
 * @param {number} now
 * @returns {{minutes: number, level: "" | "calm" | "soon" | "late"}}
 */
export function waiting(row, now) {
  const waits = row.waiting_since && (row.control === "queue" || (row.control === "agent" && row.unread > 0));
  if (!waits) return { minutes: 0, level: "" };
  const minutes = Math.max(0, Math.floor((now - /** @type {number} */ (row.waiting_since)) / MINUTE));
  return { minutes, level: minutes >= LATE ? "late" : minutes >= SOON ? "soon" : "calm" };
}

/** The next or previous of the list; from none it is the first or the last. @param {Row[]} rows @param {string | null} from @param {1 | -1} step */
export function neighbour(rows, from, step) {
  if (rows.length === 0) return null;
  const at = rows.findIndex((row) => row.id === from);
  if (at < 0) return (step > 0 ? rows[0] : rows.at(-1))?.id ?? null;
  return rows.at((at + step) % rows.length)?.id ?? null;
}
