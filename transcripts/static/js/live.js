/** The open transcript page: new lines appear, and everything goes when it may be shown no more. */

import { Watch } from "./models/watch.js";

const article = /** @type {HTMLElement} */ (document.querySelector("[data-path]"));
const veil = /** @type {HTMLElement} */ (document.querySelector(".transcript-veil"));
const days = /** @type {HTMLElement} */ (document.querySelector("[data-days]"));

const watch = new Watch({
  path: article.dataset.path ?? "",
  seq: Number(article.dataset.seq),
  fetch: (path, options) => fetch(path, options),
  clock: {
    now: () => performance.now(),
    after: (ms, work) => setTimeout(work, ms),
    cancel: (timer) => clearTimeout(timer),
  },
  onNews({ lines, count }) {
    for (const line of lines) threadOf(line.date).append(drawn(line));
    const counted = document.querySelector("[data-count]");
    if (counted && count) counted.textContent = count;
  },
  onReload: () => location.reload(),
  onEnd() {
    article.remove();
    location.reload();
  },
  onDoubt(doubt) {
    veil.hidden = !doubt;
    article.hidden = doubt;
  },
});

document.addEventListener("visibilitychange", () => !document.hidden && watch.shown());
window.addEventListener("pageshow", (event) => event.persisted && watch.shown());
watch.start();

/** @param {string} date */
function threadOf(date) {
  document.querySelector("[data-empty]")?.remove();
  const last = /** @type {HTMLElement | null} */ (days.lastElementChild);
  if (last?.dataset.date === date) return /** @type {HTMLElement} */ (last.querySelector("ol"));
  const thread = element("ol", "transcript-thread");
  const section = element("section", "", element("h2", "transcript-date", date), thread);
  section.dataset.date = date;
  section.setAttribute("aria-label", date);
  days.append(section);
  return thread;
}

/** The same as the template draws. @param {any} line */
function drawn(line) {
  const time = element("time", "muted", line.clock);
  time.setAttribute("datetime", line.iso);
  const entry = element("li", `transcript-line ${line.side}`);
  if (line.side === "course") {
    time.className = "";
    entry.append(element("p", "muted small", auto("span", "", line.text), " · ", time));
    return entry;
  }
  const tag = line.tag ? [" ", element("span", "badge", line.tag)] : [];
  entry.append(element("p", "transcript-who small", element("bdi", "strong", line.who), ...tag, " ", time));
  if (line.file && article.dataset.files) {
    const link = /** @type {HTMLAnchorElement} */ (element("a", "", line.text));
    link.href = `${article.dataset.path}/files/${line.file}`;
    link.download = "";
    entry.append(auto("p", "transcript-text", link));
  } else if (line.text) entry.append(auto("p", "transcript-text", line.text));
  if (line.image) entry.append(element("p", "muted small", "Image: ", auto("span", "", line.image)));
  if (line.buttons.length > 0) {
    const offered = line.buttons.map((/** @type {string} */ button) => auto("li", "badge", button));
    const list = element("ul", "transcript-buttons", ...offered);
    list.setAttribute("aria-label", "Offered answers");
    entry.append(list);
  }
  return entry;
}

/** @param {string} tag @param {string} kind @param {...(Node | string)} inside */
function element(tag, kind, ...inside) {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  made.append(...inside);
  return made;
}

/** A person's words, in their own direction. @param {string} tag @param {string} kind @param {string | Node} text */
function auto(tag, kind, text) {
  const made = element(tag, kind, text);
  made.dir = "auto";
  return made;
}
