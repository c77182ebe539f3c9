import { anchor, h, icon, Keyed, rich, secureAddress } from "/static/foundation/js/dom.js";
import { dayOf } from "../models/words.js";

const NEAR = 60;

export class ChatThread extends HTMLElement {
  #log = h("div", { class: "log", role: "log", tabindex: 0, on: { scroll: () => this.#scrolled() } });
  #typing = h("p", { class: "typing", role: "img" });
  #pill = h("button", { class: "pill", hidden: true, on: { click: () => this.toEnd() } });
  #items = new Keyed();
  #card = h("chat-email");
  #locale = "";
  #atEnd = true;
  #seen = 0;
  #height = 0;
  // An opening keyboard makes it smaller.
  #watch = new ResizeObserver(() => {
    this.#height = this.#log.clientHeight;
    if (this.#atEnd) this.toEnd();
  });

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
    this.#typing.remove();
    const items = visit.items(dayOf);
    this.#items.render(
      this.#log,
      items,
      (item) => item.key,
      (item) => (item.type === "email" ? this.#card : drawn(item, visit, t, times)),
    );
    if (this.#card.draw) this.#card.draw(visit, t);
    else if (items.some((item) => item.type === "email")) import("./chat-email.js").then(() => visit.changed());
    const { heard } = visit.typing;
    if (heard) {
      this.#typing.ariaLabel = t("types", { name: heard.name || t(heard.by === "bot" ? "bot" : "someone") });
      this.#log.append(this.#typing);
    }
    if (this.#atEnd || items.some((item) => item.state === "sending")) this.toEnd(visit.thread.since);
    else if (items.some((item) => item.seq > this.#seen && !item.own)) {
      this.#pill.textContent = t("news");
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
    if (clientHeight !== this.#height) return;
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    this.#pill.hidden ||= this.#atEnd;
  }
}

function drawn(item, visit, t, times) {
  const { type, at, own, head, text, state } = item;
  if (type === "day") return h("p", { class: "day" }, times.day(at));
  if (type === "divider") return h("p", { class: "divider" }, t("news"));
  if (type === "line") {
    const words = item.words ? rich(item.words) : t(text, { name: item.name || t("someone") });
    return h("p", { class: "line", dir: "auto" }, icon(item.sign, "small"), words, replies(item, visit, t));
  }
  if (type === "file") return file(item, visit, t, times);
  return h(
    "article",
    { class: `message ${own ? "own" : ""} ${head ? "head" : ""} ${state}` },
    own ? h("span", { class: "unseen" }, `${t("you")}:`) : head && sender(item, visit, t, times),
    item.redacted && h("p", { class: "words" }, h("em", null, t("removed"))),
    text && h("p", { class: "words", dir: "auto" }, rich(text)),
    item.image && picture(item.image, t),
    own && item.tail && delivery(item, visit, t, times),
    replies(item, visit, t),
  );
}

function file(item, visit, t, times) {
  const { own, at } = item;
  const place = h(
    "article",
    { class: `message head ${own ? "own" : ""}` },
    own ? h("p", { class: "meta" }, h("span", { class: "unseen" }, `${t("you")}:`), times.time(at)) : sender(item, visit, t, times),
  );
  import("./chat-files.js").then(({ show }) => show(place, item, visit));
  return place;
}

function sender({ by, name, at }, visit, t, times) {
  const kind = by === "agent" ? "person" : "bot";
  const who = name || (kind === "bot" ? visit.bot.name : t("someone"));
  return h(
    "p",
    { class: "meta" },
    h("b", { dir: "auto" }, who),
    h("span", { class: `tag ${kind}` }, t(kind)),
    times.time(at),
  );
}

function delivery({ state, error, id, at }, { outbox }, t, times) {
  const link = (word, click) => h("button", { class: "link", on: { click } }, t(word));
  const said = {
    sending: () => [t("sending")],
    sent: () => [times.time(at), icon("check", "small"), h("span", { class: "unseen" }, t("sent"))],
    failed: () => [
      h("span", { class: "problem" }, t("not_sent"), error && `: ${error}`),
      link("try_again", () => outbox.retry(id)),
      link("discard", () => outbox.drop(id)),
    ],
  }[state];
  return h("p", { class: "meta" }, said ? said() : times.time(at));
}

function replies({ buttons }, visit, t) {
  if (!buttons.length) return null;
  const button = ({ title, payload }) =>
    h("button", { dir: "auto", on: { click: () => visit.say(title, payload) } }, title);
  return h("span", { class: "replies", role: "group", "aria-label": t("replies") }, buttons.map(button));
}

// Fetched when asked for: it tells its host that somebody is here.
function picture(address, t) {
  const source = secureAddress(address);
  if (!source) return h("p", { class: "words" }, rich(address));
  const error = () => place.replaceChildren(t("picture_failed"), " ", anchor(source.href, source.host));
  const image = () => h("img", { src: source.href, alt: t("picture"), referrerpolicy: "no-referrer", on: { error } });
  const click = () => place.replaceChildren(image());
  const place = h("p", null, h("button", { class: "button", on: { click } }, t("show_picture", source)));
  return place;
}
