/**
 * Finds the links in a person's text. Text stays text: the answer is a list of parts, and only parts with an `href`
 * become links. Only http, https and mailto are links; a link that hides where it goes (a name before an `@`, letters that
 * look like others) is either no link or says its real host.
 *
 * @typedef {{text: string, href?: string, host?: string}} Part `host` is given when the text does not show it as it is
 */

const CANDIDATE = /(?<![\p{L}\p{N}_:+.-])(?:https?:\/\/|mailto:)[^\s<>"`{}|\\^\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+/giu;
const TRAILING = /[.,;:!?'’”»…]+$/u;
const MAILBOX = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;
const LONGEST = 2_000;

/**
 * @param {string} text
 * @returns {Part[]}
 */
export function linked(text) {
  /** @type {Part[]} */
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(CANDIDATE)) {
    const words = trimmed(found[0]);
    const link = target(words);
    if (!link) continue;
    if (found.index > end) parts.push({ text: text.slice(end, found.index) });
    parts.push({ text: words, ...link });
    end = found.index + words.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}

/** An address of an image or page that may be offered at all: https, no name or password in it.
 * @param {string} address
 * @returns {{href: string, host: string} | null} */
export function secureAddress(address) {
  const url = parse(address);
  return url && url.protocol === "https:" ? { href: url.href, host: url.host } : null;
}

/** @param {string} address */
function parse(address) {
  if (address.length > LONGEST || !/^[a-z]+:/i.test(address)) return null;
  try {
    const url = new URL(address);
    return url.username || url.password ? null : url;
  } catch {
    return null;
  }
}

/** @param {string} words */
function target(words) {
  const url = parse(words);
  if (!url) return null;
  if (url.protocol === "mailto:") {
    const mailbox = words.slice("mailto:".length).split("?")[0];
    return MAILBOX.test(mailbox) ? { href: `mailto:${mailbox}` } : null;
  }
  if ((url.protocol !== "https:" && url.protocol !== "http:") || !url.hostname.includes(".")) {
    return url.hostname === "localhost" ? { href: url.href } : null;
  }
  const shown = words.slice(words.indexOf("//") + 2).split(/[/?#]/)[0].toLowerCase();
  return shown === url.host ? { href: url.href } : { href: url.href, host: url.host };
}

/** Without the full stop of the sentence and a bracket that was opened before it. @param {string} words */
function trimmed(words) {
  let rest = words;
  for (;;) {
    const before = rest;
    rest = rest.replace(TRAILING, "");
    for (const [open, close] of ["()", "[]"]) {
      if (rest.endsWith(close) && rest.split(close).length > rest.split(open).length) rest = rest.slice(0, -1);
    }
    if (rest === before) return rest;
  }
}
