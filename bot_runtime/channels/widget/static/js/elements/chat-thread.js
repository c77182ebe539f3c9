/** The conversation: stays at its end while the reader is there, and tells of news when he is not. */

import { anchor, h, icon, Keyed, rich, secureAddress } from "/static/foundation/js/dom.js";

const NEAR = 60;

export class ChatThread extends HTMLElement {
  #log = h("div", { class: "log", role: "log", tabindex: 0, on: { scroll: () => this.#scrolled() } });
  #typing = h("p", { class: "typing" });
  #pill = h("button", { class: "pill", hidden: true, on: { click: () => this.toEnd() } });
  #items = new Keyed();
  #card = h("chat-email");
  #locale = "";
  #atEnd = true;
  #seen = 0;
  // A keyboard that opens makes the log smaller; who was at its end stays there.
  #watch = new ResizeObserver(() => this.#atEnd && this.toEnd());

  connectedCallback() {
    this.replaceChildren(this.#log, this.#pill);
    this.#watch.observe(this.#log);
  }

  disconnectedCallback() {
    this.#watch.disconnect();
  }

  draw(visit, t, times) {
    if (this.#locale !== visit.locale) this.#items.forget();
    this.#locale = visit.locale;
    this.#log.ariaLabel = t("thread");
    const items = visit.items(times.dayOf);
    this.#typing.remove();
    this.#items.render(this.#log, items, (item) => item.key, (item) => (item.type === "email" ? this.#card : drawn(item, visit, t, times)));
    this.#card.draw(visit, t);
    if (visit.typing) {
      const name = visit.typing.name || t(visit.typing.by === "bot" ? "bot" : "someone");
      this.#typing.ariaLabel = t("types", { name });
      this.#log.append(this.#typing);
    }
    const news = items.filter((item) => item.seq > this.#seen && !item.own).length;
    if (this.#atEnd || items.some((item) => item.state === "sending")) this.toEnd(visit.thread.since);
    else if (news) {
      this.#pill.replaceChildren(icon("arrow-down", "small"), t("news"));
      this.#pill.hidden = false;
    }
  }

  toEnd(seen = this.#seen) {
    this.#atEnd = true;
    this.#seen = seen;
    this.#pill.hidden = true;
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    this.#pill.hidden ||= this.#atEnd;
  }
}

function drawn(item, visit, t, times) {
  if (item.type === "day") return h("p", { class: "day" }, times.day(item.at));
  if (item.type === "divider") return h("p", { class: "divider" }, t("news"));
  if (item.type === "line") {
    const words = item.words ? rich(item.words) : t(item.text, { name: item.values.name || t("someone") });
    return h("p", { class: "line", dir: "auto" }, icon(item.sign, "small"), words, replies(item, visit, t));
  }
  const waits = item.state === "sending" || item.state === "failed";
  return h(
    "article",
    { class: `message ${item.own ? "own" : ""} ${item.head ? "head" : ""}` },
    item.own ? h("span", { class: "unseen" }, `${t("you")}:`) : item.head && sender(item, visit, t, times),
    item.text && h("p", { class: waits ? "words waits" : "words", dir: "auto" }, rich(item.text)),
    item.image && picture(item.image, t),
    item.own && item.tail && delivery(item, visit, t, times),
    replies(item, visit, t),
  );
}

function sender(item, visit, t, times) {
  const kind = item.by === "agent" ? "person" : "bot";
  const name = h("b", { dir: "auto" }, item.name || (kind === "bot" ? visit.bot.name : t("someone")));
  return h("p", { class: "meta" }, name, h("span", { class: `tag ${kind}` }, t(kind)), times.time(item.at));
}

function delivery({ state, error, id, at }, visit, t, times) {
  if (state === "sending") return h("p", { class: "meta" }, t("sending"));
  const sent = state === "sent" && [icon("check", "small"), h("span", { class: "unseen" }, t("sent"))];
  if (state !== "failed") return h("p", { class: "meta" }, times.time(at), sent);
  return h(
    "p",
    { class: "meta" },
    h("span", { class: "problem" }, t("not_sent"), error && `: ${error}`),
    h("button", { class: "link", on: { click: () => visit.retry(id) } }, t("try_again")),
    h("button", { class: "link", on: { click: () => visit.discard(id) } }, t("discard")),
  );
}

function replies({ buttons }, visit, t) {
  if (!buttons.length || visit.isClosed) return null;
  const button = ({ title, payload }) => h("button", { dir: "auto", on: { click: () => visit.say(title, payload) } }, title);
  return h("span", { class: "replies", role: "group", "aria-label": t("replies") }, buttons.map(button));
}

/** Fetched when it is asked for: fetching tells its host that somebody is here. */
function picture(address, t) {
  const source = secureAddress(address);
  if (!source) return h("p", { class: "words" }, rich(address));
  const show = () => {
    const error = () => place.replaceChildren(t("picture_failed"), " ", anchor(source.href, source.host));
    place.replaceChildren(h("img", { src: source.href, alt: t("picture"), referrerpolicy: "no-referrer", on: { error } }));
  };
  const place = h("p", null, h("button", { class: "button", on: { click: show } }, t("show_picture", source)));
  return place;
}
