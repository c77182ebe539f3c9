/**
 * What the host page may say to the iframe. Everything else is ignored without a word (C-12): a message is a plain object
 * marked `frontdesk: 1` with a `kind` and exactly the members of that kind, all of plain types and bounded length. None of
 * them names an address to load or to connect to.
 */

/** @typedef {(value: unknown) => boolean} Check */

/** Browsers allow long addresses; `bare` cuts them. */
const LONG = 100_000;

/** @param {number} most @returns {Check} */
const text = (most) => (value) => typeof value === "string" && value.length <= most;
/** @type {Check} */
const flag = (value) => typeof value === "boolean";
/** @type {Check} */
const locale = (value) => value === "" || isLocale(value);

/** @type {Record<string, Record<string, Check>>} */
const KINDS = {
  hello: { locale, open: flag, url: text(LONG), title: text(LONG), referrer: text(LONG) },
  shown: { open: flag, url: text(LONG), title: text(LONG), referrer: text(LONG) },
  locale: { locale },
  write: { text: text(4_000) },
  privacy: {},
  email: {},
};

/** @param {unknown} value */
export function isLocale(value) {
  return typeof value === "string" && /^[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8}){0,3}$/.test(value);
}

/**
 * @param {unknown} data
 * @returns {any} the message, or null when it is none of ours
 */
export function understood(data) {
  if (data === null || typeof data !== "object" || Object.getPrototypeOf(data) !== Object.prototype) return null;
  const { frontdesk, kind, ...members } = /** @type {Record<string, unknown>} */ (data);
  if (frontdesk !== 1 || typeof kind !== "string" || !Object.hasOwn(KINDS, kind)) return null;
  const checks = Object.entries(KINDS[kind]);
  const right = Object.keys(members).length === checks.length && checks.every(([name, check]) => check(members[name]));
  return right ? { kind, ...members } : null;
}

/** The page as `hello` says it: short, and without query and fragment, where secrets of the host may stand.
 * @param {{url: string, title: string, referrer: string}} page */
export function bare({ url, title, referrer }) {
  const cut = (/** @type {string} */ address) => address.split(/[?#]/, 1)[0].slice(0, 1_000);
  return { url: cut(url), title: [...title].slice(0, 120).join(""), referrer: cut(referrer) };
}
