// "What we hold": loaded when it is opened, so that the window opens lightly.

import { h } from "/static/foundation/js/dom.js";
import { Holdings, poster } from "../models/holdings.js";
import { languageOf } from "../models/words.js";

const LANGUAGES = { en: () => import("../words/privacy-en.js"), de: () => import("../words/privacy-de.js") };

export class ChatPrivacy extends HTMLElement {
  #holdings = null;
  #words = null;
  #spoken = "";
  #typed = {};
  #opened = new Set();
  #again = () => {};
  // Where the reader is: drawing anew must not throw him out.
  #at = "";
  #told = "";

  constructor() {
    super();
    this.addEventListener("focusin", ({ target }) => (this.#at = target.name || (target.matches("h2") ? "title" : "")));
  }

  open({ bot, who }) {
    this.#typed = {};
    this.#opened.clear();
    this.#at = "title";
    this.#holdings = new Holdings({ post: poster(bot, (...call) => fetch(...call)), who });
    this.#holdings.addEventListener("change", () => this.isConnected && this.#again());
    this.#holdings.load();
  }

  async draw(visit, main, page) {
    this.#again = () => this.draw(visit, main, page);
    const language = languageOf(visit.locale);
    if (language !== this.#spoken) {
      this.#words = (await LANGUAGES[language]()).WORDS;
      this.#spoken = language;
      if (!this.isConnected) return;
    }
    const t = (word, values = {}) =>
      this.#words[word]?.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole) ?? main(word, values);
    this.#show(visit, t, page);
  }

  focus() {
    const to = this.#at === "title" ? this.querySelector("h2") : this.#at && this.querySelector(`[name="${this.#at}"]`);
    (to || this.querySelector("h2"))?.focus();
  }

  #show(visit, t, page) {
    const held = this.#holdings;
    const { activeElement } = this.getRootNode();
    const free = !activeElement || this.contains(activeElement);
    const top = this.firstElementChild?.scrollTop ?? 0;
    const inside = {
      loading: () => [h("p", { class: "hint", role: "status" }, t("loading"))],
      failed: () => [
        h("p", { class: "problem", role: "alert" }, held.problem && held.problem !== "failed" ? held.problem : t("failed")),
        this.#button(t("try_again"), () => held.load()),
      ],
      none: () => [h("p", null, t("nothing"))],
      ready: () => this.#ready(visit, t, page),
    }[held.state]();
    this.replaceChildren(
      h(
        "div",
        { class: "scroll" },
        h("button", { class: "link", on: { click: page.back } }, `← ${t("back")}`),
        h("h2", { tabindex: -1 }, t("holds_title")),
        ...inside,
      ),
    );
    this.firstElementChild.scrollTop = top;
    if (free && this.#at) this.focus();
    const told = `${held.last} ${held.problem} ${held.done}`;
    if (told !== this.#told) this.querySelector(".said")?.scrollIntoView({ block: "nearest" });
    this.#told = told;
  }

  #ready(visit, t, page) {
    const { data } = this.#holdings;
    return [
      h("p", { class: "hint" }, t(data.verified ? "scope_contact" : "scope_browser")),
      !data.verified &&
        visit.phase === "thread" &&
        !visit.isClosed &&
        h("p", null, this.#button(t("prove"), page.prove, "link")),
      list(data, visit, t),
      this.#details("consents", t("consents"), consents(data, visit, t)),
      visit.notice && this.#details("notice", t("read_notice"), [legal(visit.notice)]),
      ...data.choices.map((choice) => this.#choice(choice, t)),
      this.#said("choose", t),
      h("p", null, this.#button(t("download"), () => this.#download(), "button", "copy")),
      h("p", { class: "hint" }, t("download_hint")),
      this.#said("copy", t),
      this.#details("correct", t("correct"), this.#correct(data, t)),
      this.#details("erase", t("erase"), this.#erase(visit, data, t)),
      data.requests.length > 0 && h("h3", null, t("requests")),
      data.requests.length > 0 && h("ul", null, ...data.requests.map((one) => request(one, visit, t))),
      data.consented && this.#button(t("withdraw"), () => this.#withdraw(visit)),
      this.#said("withdraw", t),
      data.consented && h("p", { class: "hint" }, t("withdraw_hint")),
      this.#button(t("forget"), () => visit.forget()),
      h("p", { class: "hint" }, t("forget_hint")),
    ].filter(Boolean);
  }

  #said(what, t) {
    const { last, problem, done } = this.#holdings;
    if (last !== what || !(problem || done)) return null;
    const role = problem ? "alert" : "status";
    return h("p", { class: `said ${problem ? "problem" : "hint"}`, role }, problem && problem !== "failed" ? problem : t(problem || done));
  }

  #choice(choice, t) {
    const change = ({ target }) => this.#holdings.choose(choice, target.checked);
    const options = { type: "checkbox", role: "switch", name: choice.use, checked: choice.on, on: { change } };
    return h(
      "p",
      null,
      h(
        "label",
        { class: "choice", lang: choice.locale },
        h("input", { ...options, disabled: this.#holdings.busy !== "" }),
        h("span", null, h("b", null, t("mail_me")), h("br"), choice.basis === "objection" ? t("mail_unless") : choice.text),
      ),
    );
  }

  #correct(data, t) {
    return [
      this.#form("name", t("name"), t("save"), data.name, { maxlength: 80, autocomplete: "name" }, (name) =>
        this.#holdings.rename(name),
      ),
      this.#said("rename", t),
      h("p", { class: "hint" }, t("address_hint")),
      this.#form("words", t("wrong"), t("ask"), "", { maxlength: 1000 }, (words) => this.#holdings.correct(words)),
      this.#said("correct", t),
    ];
  }

  #erase(visit, data, t) {
    const word = t("erase_word");
    const own = data.erases === "at_once";
    return [
      h("p", null, t(own ? "erase_now" : "erase_text")),
      !own && !data.verified && data.erases_proven === "at_once" && h("p", null, t("erase_prove")),
      h("p", { class: "hint" }, t("erase_stays")),
      this.#form("confirm", t("erase_type", { word }), t(own ? "erase_do" : "erase_ask"), "", { autocomplete: "off" }, (typed) =>
        this.#erased(visit, typed, t),
      ),
      this.#said("erase", t),
    ];
  }

  async #erased(visit, typed, t) {
    const erased = await this.#holdings.erase(typed);
    if (erased) visit.leave("erased", t("erased_note", { certificate: erased.certificate, at: day(erased.final_at, visit) }));
  }

  #form(name, label, send, value, options, work) {
    const input = ({ target }) => (this.#typed[name] = target.value);
    const field = h("input", { class: "input", id: `held-${name}`, name, required: true, ...options, on: { input } });
    field.value = this.#typed[name] ?? value;
    const submit = async (event) => {
      event.preventDefault();
      if (!field.value.trim()) return;
      await work(field.value.trim());
      if (!this.#holdings.problem) delete this.#typed[name];
      this.#again();
    };
    return h(
      "form",
      { class: "asks", on: { submit } },
      h("label", { for: `held-${name}` }, label),
      field,
      h("button", { class: "button", name: `${name}-send`, disabled: this.#holdings.busy !== "" }, send),
    );
  }

  #details(name, title, inside) {
    const toggle = ({ target }) => this.#opened[target.open ? "add" : "delete"](name);
    return h(
      "details",
      { open: this.#opened.has(name), on: { toggle } },
      h("summary", null, title),
      ...inside.filter(Boolean),
    );
  }

  #button(inside, click, style = "button", name = null) {
    const options = { class: style, type: "button", name, disabled: this.#holdings.busy !== "", on: { click } };
    return h("button", options, ...[inside].flat());
  }

  async #download() {
    const blob = await this.#holdings.copy();
    if (!blob) return;
    const href = URL.createObjectURL(blob);
    const link = h("a", { href, download: "frontdesk-copy.zip" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
  }

  async #withdraw(visit) {
    if (visit.phase === "thread") return visit.withdraw();
    if (await this.#holdings.withdraw()) visit.leave("withdrawn");
  }
}

const day = (at, { locale }) =>
  new Intl.DateTimeFormat(locale.replaceAll("_", "-"), { dateStyle: "medium", timeStyle: "short" }).format(at);

const legal = ({ text, locale }) =>
  h("div", { class: "legal", lang: locale }, ...text.split(/\n\s*\n/).map((part) => h("p", null, part)));

function list(data, visit, t) {
  const { chats, mails, address, address_state: state } = data;
  const messages = chats.reduce((sum, chat) => sum + chat.messages, 0);
  const views = chats.reduce((sum, chat) => sum + chat.views, 0);
  const links = chats.reduce((sum, chat) => sum + chat.links, 0);
  const until = Math.max(...chats.map((chat) => chat.kept_until ?? 0), 0);
  const lines = [
    chats.length && t(chats.length === 1 ? "chat" : "chats", { count: chats.length, messages }),
    chats.length && t("last_chat", { at: day(Math.max(...chats.map((chat) => chat.last_at)), visit) }),
    t(data.name ? "has_name" : "no_name", { name: data.name }),
    address ? t(`address_${state}`, { address }) : t("no_address"),
    t(data.consents.length === 1 ? "consent_record" : "consent_records", { count: data.consents.length }),
    mails.length ? t(mails.length === 1 ? "mail" : "mails", { count: mails.length }) : t("no_mails"),
    links ? t("views", { links, views }) : t("no_links"),
    until ? t("kept_until", { at: day(until, visit) }) : t("kept_need"),
    t(visit.isKept ? "holds_key" : "holds_no_key"),
  ];
  return h("ul", null, ...lines.filter(Boolean).map((words) => h("li", null, words)));
}

const consents = ({ consents: all }, visit, t) =>
  all.map((one) =>
    h(
      "details",
      null,
      h("summary", null, `${day(one.at, visit)}: ${t(one.given ? "given" : "taken_back")} · ${one.version}`),
      legal(one),
    ),
  );

const request = ({ what, state, at, due, note, why }, visit, t) =>
  h(
    "li",
    null,
    `${t(`asked_${what}`)} ${day(at, visit)}. `,
    state === "open" ? `${why ? `${t(`why_${why}`)} ` : ""}${t("request_open", { due: day(due, visit) })}` : `${t(`request_${state}`)}: ${note}`,
  );

customElements.define("chat-privacy", ChatPrivacy);
