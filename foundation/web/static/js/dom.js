/** Making elements. What a person wrote enters as a text node: nothing here parses HTML, and no attribute runs script. */

import { linked, secureAddress } from "./links.js";

export { secureAddress };

const SVG = "http://www.w3.org/2000/svg";

/** `h("p", { class: "muted", on: { click }, hidden: true }, "words", child)`; false and null are left out. */
export function h(tag, options, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(options ?? {})) {
    if (name === "on") for (const [type, listener] of Object.entries(value)) element.addEventListener(type, listener);
    else if (/^(on|style|srcdoc)/.test(name)) throw new TypeError(name);
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child || child === 0));
  return element;
}

/** An icon of the sprite that the page names on its root element. */
export function icon(name, size = "") {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("class", `icon ${size}`);
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${document.documentElement.dataset.icons}#${name}`);
  svg.append(use);
  return svg;
}

/** A person's text with its links. */
export function rich(text) {
  return linked(text).map((part) => (part.href ? anchor(part.href, part.text, part.host) : part.text));
}

/** A link that opens a page of its own, which learns nothing of us. */
export function anchor(href, text, host) {
  const options = { class: "person-link", href, target: "_blank", rel: "noopener noreferrer nofollow ugc", dir: "ltr" };
  return h("a", options, text, host && ` [${host}]`);
}

/** Makes these the children, moving no element that stands right, so that focus and selection stay. */
export function fill(parent, children) {
  for (const child of [...parent.childNodes]) if (!children.includes(child)) child.remove();
  let at = parent.firstChild;
  for (const child of children) {
    if (child === at) at = at.nextSibling;
    else parent.insertBefore(child, at);
  }
}

/** Keeps one element for each key, and makes it anew only when the item has changed. */
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
    fill(parent, [...next.values()].map((entry) => entry.element));
  }

  forget() {
    this.#known.clear();
  }
}
