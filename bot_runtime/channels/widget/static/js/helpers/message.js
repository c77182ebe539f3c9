/** One message, line or day of the thread as an element. What a person wrote enters as text nodes only. */

import { anchor, h, icon, rich } from "/static/foundation/js/dom.js";
import { secureAddress } from "/static/foundation/js/links.js";

/**
 * @typedef {object} Context
 * @property {any} visit
 * @property {any} t
 * @property {import("./times.js").Times} times
 * @property {(text: string, payload: string) => void} reply
 */

/** @param {any} item @param {Context} context */
export function drawn(item, context) {
  if (item.type === "day") return h("p", { class: "day" }, context.times.day(item.at));
  if (item.type === "divider") return h("p", { class: "divider", role: "separator" }, context.t("new_messages"));
  return item.type === "line" ? line(item, context) : message(item, context);
}

/** @param {any} item @param {Context} context */
function line(item, context) {
  const { t, visit } = context;
  const words = item.words ? rich(item.words) : t(item.text, { ...item.values, name: item.values.name || t("someone") });
  const text = h("p", { class: "line", title: context.times.time(item.at), dir: item.words ? "auto" : null }, icon(item.icon, "small"), words);
  return item.buttons?.length && !visit.isClosed ? h("div", { class: "message" }, text, replies(item.buttons, context)) : text;
}

/** @param {any} item @param {Context} context */
function message(item, context) {
  const { t, visit } = context;
  const pending = item.state === "sending" || item.state === "failed";
  return h(
    "article",
    { class: ["message", item.own ? "own" : "", item.head ? "head" : ""].join(" ").trim() },
    item.own ? h("span", { class: "hidden" }, `${t("you")}:`) : item.head && meta(item, context),
    item.text && h("p", { class: pending ? "words pending" : "words", dir: "auto" }, rich(item.text)),
    item.image && picture(item.image, t),
    item.own && item.tail && delivery(item, context),
    item.buttons.length > 0 && !visit.isClosed && replies(item.buttons, context),
  );
}

/** @param {any} item @param {Context} context */
function meta(item, { t, times, visit }) {
  const person = item.by === "agent";
  const name = item.name || (person ? t("status_someone") : visit.bot.name);
  return h(
    "header",
    { class: "meta" },
    h("b", { dir: "auto" }, name),
    h("span", { class: person ? "tag person" : "tag" }, t(person ? "person" : "bot")),
    time(item.at, times),
  );
}

/** @param {any} item @param {Context} context */
function delivery(item, { t, times, visit }) {
  if (item.state === "failed") {
    const again = () => visit.retry(item.client_id);
    const away = () => visit.discard(item.client_id);
    return h(
      "footer",
      { class: "meta" },
      h("span", { class: "problem" }, t("not_sent"), item.error ? `: ${item.error}` : ""),
      h("button", { class: "link", type: "button", on: { click: again } }, t("try_again")),
      h("button", { class: "link", type: "button", on: { click: away } }, t("discard")),
    );
  }
  if (item.state === "sending") return h("footer", { class: "meta" }, t("sending"));
  const tick = item.state === "sent" && [icon("check", "small"), h("span", { class: "hidden" }, t("sent"))];
  return h("footer", { class: "meta" }, time(item.at, times), tick);
}

/** @param {number} at @param {import("./times.js").Times} times */
function time(at, times) {
  return h("time", { datetime: new Date(at).toISOString() }, times.time(at));
}

/** @param {{title: string, payload: string}[]} buttons @param {Context} context */
function replies(buttons, { t, reply }) {
  const group = { class: "replies", role: "group", "aria-label": t("quick_replies") };
  const press = (/** @type {any} */ one) => () => reply(one.title, one.payload);
  return h("div", group, buttons.map((one) => h("button", { type: "button", dir: "auto", on: { click: press(one) } }, one.title)));
}

/** A picture is fetched when it is asked for, because fetching tells its host that somebody is here.
 * @param {string} address @param {any} t */
function picture(address, t) {
  const source = secureAddress(address);
  if (!source) return h("p", { class: "words" }, rich(address));
  const place = h("div", { class: "picture" });
  const show = () => {
    const image = h("img", { src: source.href, alt: t("picture"), referrerpolicy: "no-referrer" });
    image.addEventListener("error", () => {
      place.replaceChildren(h("p", { class: "muted" }, t("picture_failed"), " "), anchor(source.href, t("open_picture", { host: source.host })));
    });
    place.replaceChildren(image);
  };
  place.append(h("button", { class: "button", type: "button", on: { click: show } }, icon("eye"), t("show_picture", { host: source.host })));
  return place;
}
