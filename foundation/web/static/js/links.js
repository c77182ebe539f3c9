/**
 * Finds the links in a person's text (X-4): a list of parts `{text, href?, host?}`. Only http, https and mailto are links. What
 * hides where it goes (a name before an `@`, letters that look like others) is no link, or says its real `host`.
 */

const CANDIDATE =
  /(?<![\p{L}\p{N}_:+.-])(?:https?:\/\/|mailto:)[^\s<>"`{}|\\^\p{Cc}\p{Cf}]+/giu;
const TRAILING = /[.,;:!?'’”»…]+$/;
const MAILBOX = /^[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/;

export function linked(text) {
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

/** `{href, host}` of what may be offered as a picture: https, without a name or password. Otherwise null. */
export function secureAddress(address) {
  const url = parse(address);
  return url?.protocol === "https:" ? { href: url.href, host: url.host } : null;
}

function parse(address) {
  try {
    const url = new URL(address);
    return url.username || url.password ? null : url;
  } catch {
    return null;
  }
}

function target(words) {
  const url = parse(words);
  if (!url) return null;
  if (url.protocol === "mailto:") {
    const [mailbox] = words.slice(7).split("?");
    return MAILBOX.test(mailbox) ? { href: `mailto:${mailbox}` } : null;
  }
  const shown = words.replace(/^\w+:\/\//, "").split(/[/?#]/)[0].toLowerCase();
  if (!url.hostname.includes(".")) return null;
  return shown === url.host ? { href: url.href } : { href: url.href, host: url.host };
}

/** Without the full stop of the sentence, and without a bracket that was opened before it. */
function trimmed(words) {
  let rest = words;
  for (let before = ""; rest !== before; ) {
    before = rest;
    rest = rest.replace(TRAILING, "");
    for (const [open, close] of ["()", "[]"]) {
      if (rest.endsWith(close) && rest.split(close).length > rest.split(open).length) rest = rest.slice(0, -1);
    }
  }
  return rest;
}
