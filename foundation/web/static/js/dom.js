/**
 * Making elements. Whatever a person wrote enters as a text node, never as markup: nothing here parses HTML, and no
 * attribute that runs script can be set.
 */

import { linked } from "./links.js";

const SVG = "http://www.w3.org/2000/svg";
const FORBIDDEN = /^(on|style$|srcdoc$)/i;

/**
 * `h("p", { class: "muted", hidden: true }, "words", child)`. Properties: `class`, `on` (an object of listeners), `data`
 * (an object for `dataset`), `props` (DOM properties such as `value`); everything else is an attribute, where `false`,
 * `null` and `undefined` leave it out and `true` makes it empty.
 *
 * @param {string} tag
 * @param {Record<string, any> | null} [options]
 * @param {...(Node | string | null | false | undefined | Array<any>)} children
 * @returns {HTMLElement}
 */
export function h(tag, options, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(options ?? {})) {
    if (name === "on") for (const [type, listener] of Object.entries(value)) element.addEventListener(type, listener);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "props") Object.assign(element, value);
    else setAttribute(element, name, value);
  }
  append(element, children);
  return element;
}

/** @param {Element} element @param {string} name @param {any} value */
function setAttribute(element, name, value) {
  if (FORBIDDEN.test(name)) throw new Error(`${name} cannot be set as an attribute`);
  if (value === false || value === null || value === undefined) return;
  element.setAttribute(name, value === true ? "" : String(value));
}

/** @param {Element} element @param {any[]} children */
function append(element, children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child);
  }
}

/** An icon of the house's sprite; its words stand beside it or in the button's label.
 * @param {string} name @param {string} [size] a class */
export function icon(name, size = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", size ? `icon ${size}` : "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${spriteUrl()}#${name}`);
  svg.append(use);
  return svg;
}

/** The sprite's address, said by the page on its root element. */
function spriteUrl() {
  return document.documentElement.dataset.icons ?? "/static/foundation/icons.svg";
}

/**
 * A person's text with its links. A link opens in a page of its own that learns nothing of us.
 *
 * @param {string} text
 * @returns {Node[]}
 */
export function rich(text) {
  return linked(text).map((part) => (part.href ? anchor(part.href, part.text, part.host) : document.createTextNode(part.text)));
}

/** @param {string} href @param {string} text @param {string} [host] */
export function anchor(href, text, host) {
  const attributes = { class: "person-link", href, target: "_blank", rel: "noopener noreferrer nofollow ugc", dir: "ltr" };
  return h("a", attributes, text, host ? ` [${host}]` : null);
}

/** Replace the children only when they changed in number or identity, so that focus and selection stay.
 * @param {Element} parent @param {Node[]} children */
export function fill(parent, children) {
  const wanted = new Set(children);
  for (const child of [...parent.childNodes]) if (!wanted.has(/** @type {ChildNode} */ (child))) child.remove();
  let at = parent.firstChild;
  for (const child of children) {
    if (child === at) at = at.nextSibling;
    else parent.insertBefore(child, at);
  }
}

/**
 * Keeps one element for each key and makes it anew only when what it shows has changed.
 *
 * @template T
 */
export class Keyed {
  /** @type {Map<string, {shows: string, element: Element}>} */
  #known = new Map();

  /**
   * @param {Element} parent
   * @param {T[]} items
   * @param {(item: T) => string} key
   * @param {(item: T) => Element} make
   */
  render(parent, items, key, make) {
    const next = new Map();
    for (const item of items) {
      const name = key(item);
      const shows = JSON.stringify(item);
      const known = this.#known.get(name);
      next.set(name, known && known.shows === shows ? known : { shows, element: make(item) });
    }
    this.#known = next;
    fill(parent, [...next.values()].map((entry) => entry.element));
  }

  /** Make everything anew at the next rendering, because the words changed. */
  forget() {
    this.#known.clear();
  }
}
