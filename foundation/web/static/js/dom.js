// See README.md. Nothing here parses HTML.

const SVG = "http://www.w3.org/2000/svg";

export function h(tag, options, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(options ?? {})) {
    if (name === "on") for (const [type, listener] of Object.entries(value)) element.addEventListener(type, listener);
    else if (/^(on|style|srcdoc)/.test(name)) throw new TypeError(name);
    else if (value !== false && value !== null && value !== undefined)
      element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child || child === 0));
  return element;
}

export function icon(name, size = "") {
  const [svg, use] = ["svg", "use"].map((tag) => document.createElementNS(SVG, tag));
  svg.setAttribute("class", `icon ${size}`);
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${document.querySelector("[data-icons]")?.getAttribute("data-icons") ?? ""}#${name}`);
  svg.append(use);
  return svg;
}

export function rich(text) {
  return linked(text).map((part) => (part.href ? anchor(part.href, part.text, part.host) : part.text));
}

export function anchor(href, text, host) {
  const options = { class: "person-link", href, target: "_blank", rel: "noopener noreferrer nofollow ugc", dir: "ltr" };
  return h("a", options, text, host && ` [${host}]`);
}

export function fill(parent, children) {
  for (const child of [...parent.childNodes]) if (!children.includes(child)) child.remove();
  let at = parent.firstChild;
  for (const child of children) {
    if (child === at) at = at.nextSibling;
    else parent.insertBefore(child, at);
  }
}

export class Keyed {
  #known = new Map();

  render(parent, items, key, make) {
    const next = new Map();
    for (const item of items) {
      const known = this.#known.get(key(item));
      const shows = JSON.stringify(item);
      next.set(key(item), known?.shows === shows ? known : { shows, element: make(item) });
    }
    this.#known = next;
    fill(
      parent,
      [...next.values()].map((entry) => entry.element),
    );
  }

  forget() {
    this.#known.clear();
  }
}

const CANDIDATE = /(?<![\p{L}\p{N}_:+.-])(?:https?:\/\/|mailto:)[^\s<>"`{}|\\^\p{Cc}\p{Cf}]+/giu;
const TRAILING = ".,;:!?'’”»…";
const MAILBOX = /^[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/;

// what hides where it goes is no link, or says its real host.
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

export function secureAddress(address) {
  const url = parsed(address);
  return url?.protocol === "https:" ? { href: url.href, host: url.host } : null;
}

function parsed(address) {
  try {
    const url = new URL(address);
    return url.username || url.password ? null : url;
  } catch {
    return null;
  }
}

function target(words) {
  const url = parsed(words);
  if (url?.protocol === "mailto:") {
    const [mailbox] = words.slice(7).split("?");
    return MAILBOX.test(mailbox) ? { href: `mailto:${mailbox}` } : null;
  }
  if (!url?.hostname.includes(".")) return null;
  const shown = words
    .replace(/^\w+:\/\//, "")
    .split(/[/?#]/)[0]
    .toLowerCase();
  return shown === url.host ? { href: url.href } : { href: url.href, host: url.host };
}

// Linear, whatever the text.
export function trimmed(words) {
  const surplus = { ")": 0, "]": 0 };
  for (let at = 0; at < words.length; at++) {
    const letter = words[at];
    if (letter === "(") surplus[")"]--;
    else if (letter === "[") surplus["]"]--;
    else if (letter in surplus) surplus[letter]++;
  }
  for (let end = words.length; ; end--) {
    const last = words[end - 1];
    if (surplus[last] > 0) surplus[last]--;
    else if (!TRAILING.includes(last)) return words.slice(0, end);
  }
}
