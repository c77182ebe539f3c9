/** How a part asks the console for something: an event that goes up, `desk-do`, with the deed and what belongs to it. */

/** @param {Element} element @param {string} deed @param {object} [more] */
export function ask(element, deed, more = {}) {
  element.dispatchEvent(new CustomEvent("desk-do", { detail: { deed, ...more }, bubbles: true }));
}
