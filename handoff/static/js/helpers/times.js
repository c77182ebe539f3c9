/** Times as the browser's user writes them. */

const TIME = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const DATE = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const LONG = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "long" });
const BOTH = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const DAY = 86_400_000;

/** @param {number} at */
export const dayOf = (at) => new Date(at).toDateString();

/** @param {number} at */
export const time = (at) => TIME.format(at);

/** Date and time. @param {number} at */
export const moment = (at) => BOTH.format(at);

/** The time today, the date before. @param {number} at */
export const brief = (at) => (dayOf(at) === dayOf(Date.now()) ? TIME.format(at) : DATE.format(at));

/** @param {number} at */
export function day(at) {
  if (dayOf(at) === dayOf(Date.now())) return "Today";
  return dayOf(at) === dayOf(Date.now() - DAY) ? "Yesterday" : LONG.format(at);
}
