import { h, icon } from "/static/foundation/js/dom.js";
import { load, send, sizeOf } from "../models/files.js";
import { languageOf } from "../models/words.js";

const LANGUAGES = { en: () => import("../words/files-en.js"), de: () => import("../words/files-de.js") };
const KEPT = 60_000;

async function speaker(locale) {
  const { WORDS } = await LANGUAGES[languageOf(locale)]();
  return (word, values = {}) => WORDS[word].replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

// Under the composer: the chooser, how far it is, and why not.
export class ChatFiles extends HTMLElement {
  #input = h("input", { type: "file", hidden: true, tabindex: -1, on: { change: () => this.#chosen() } });
  #bar = h("progress", { max: 100, value: 0, hidden: true });
  #said = h("p", { role: "status" });
  #visit;

  connectedCallback() {
    this.replaceChildren(this.#input, this.#bar, this.#said);
  }

  choose(visit) {
    this.#visit = visit;
    this.#input.accept = visit.bot?.accepts ?? "";
    this.#input.click();
  }

  async #chosen() {
    const [file] = this.#input.files;
    this.#input.value = "";
    if (!file || !this.#bar.hidden) return;
    this.#bar.hidden = false;
    const t = await speaker(this.#visit.locale);
    this.#bar.ariaLabel = t("file_sending", { name: file.name });
    this.#say(t("file_sending", { name: file.name }), "hint");
    const progress = (percent) => (this.#bar.value = percent);
    const { bot } = this.#visit;
    const { device, ticket } = this.#visit.who;
    const wrong = await send({ bot: bot.id, device, ticket, file, id: crypto.randomUUID(), progress });
    this.#bar.hidden = true;
    this.#bar.value = 0;
    this.#say(wrong ? t(wrong, { name: file.name }) : "", "problem");
  }

  #say(words, tone) {
    this.#said.className = tone;
    this.#said.textContent = words;
  }
}

customElements.define("chat-files", ChatFiles);

// One file in the thread.
export async function show(place, item, visit) {
  const t = await speaker(visit.locale);
  if (item.redacted) {
    place.append(h("p", { class: "words" }, h("em", null, t("file_removed"))));
    return;
  }
  const { file, called: name, size, shows } = item;
  const get = (picture) => load({ bot: visit.bot.id, ...visit.who, file, picture });
  const failed = () => said.replaceChildren(t("file_gone"));
  const said = h("span", { role: "status", class: "problem" });
  const keep = async () => {
    const content = await get(false).catch(failed);
    if (content) save(content, name);
  };
  const what = h("span", null, h("bdi", null, name), ` · ${sizeOf(size, visit.locale)}`);
  const label = t("file_save", { name });
  const button = h("button", { class: "link", "aria-label": label, title: label, on: { click: keep } }, icon("download"));
  place.append(h("p", { class: "words file" }, what, " ", button, said));
  // The thread stays at its end.
  const grown = () => visit.changed();
  if (shows) picture(place, get, t("file_picture", { name }), grown);
  grown();
}

async function picture(place, get, alt, grown) {
  const content = await get(true).catch(() => null);
  if (!content) return;
  const source = URL.createObjectURL(content);
  const done = () => {
    URL.revokeObjectURL(source);
    grown();
  };
  place.append(h("img", { src: source, alt, on: { load: done, error: done } }));
}

function save(content, name) {
  const link = h("a", { href: URL.createObjectURL(content), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT);
}
