// The notice (MS-1, MS-2), what follows a "no", and the ends.

import { anchor, h, icon } from "/static/foundation/js/dom.js";

export class ChatPage extends HTMLElement {
  #shown = "";

  draw(visit, t, page, what) {
    const { locale, reason, notice, busy, problem, noticeChanged, lost } = visit;
    const shows = JSON.stringify([what, locale, reason, notice?.hash, busy, problem, noticeChanged, lost]);
    if (shows === this.#shown) return;
    this.#shown = shows;
    const button = (word, click, style = "") =>
      h("button", { class: `button ${style}`, disabled: busy !== "", on: { click } }, t(word));
    const said = (noticeChanged && "notice_changed") || problem;
    const sayings = said && h("p", { class: "problem", role: "alert" }, /^[a-z_]+$/.test(said) ? t(said) : said);
    this.replaceChildren(
      ...{ loading, notice: asking, declined, gone, failed, privacy: loading }[what]({ visit, t, page, button, sayings }),
    );
  }

  focus() {
    this.querySelector("h2")?.focus();
  }
}

const title = (text) => h("h2", { tabindex: -1 }, text);
const legal = ({ text, locale }) =>
  h(
    "div",
    { class: "legal", lang: locale },
    text.split(/\n\s*\n/).map((part) => h("p", null, part)),
  );
const ending = (sign, head, ...inside) => [h("div", { class: "scroll middle" }, icon(sign), title(head), ...inside)];

function loading({ visit, t, button }) {
  if (visit.lost)
    return ending(
      "warning",
      t("status_lost"),
      t("lost_before"),
      button("try_now", () => visit.line.nudge()),
    );
  return [h("p", { class: "scroll middle hint", role: "status" }, t("loading"))];
}

function asking({ visit, t, button, sayings }) {
  const { bot, notice, busy } = visit;
  const terms = { href: `/w/${bot.id}/terms?locale=${notice.locale}`, target: "_blank", rel: "noopener" };
  return [
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": t("read_notice") },
      bot.greeting && h("p", { class: "greeting", dir: "auto" }, bot.greeting),
      title(t("notice_title")),
      legal(notice),
    ),
    h(
      "div",
      { class: "foot" },
      sayings,
      h("p", { class: "hint" }, t("agree_hint"), " ", h("a", terms, t("terms"))),
      button(busy ? "working" : "agree", () => visit.consent(), "primary"),
      button("decline", () => visit.show("declined")),
    ),
  ];
}

function declined({ visit, t, page, button }) {
  const { name, contact } = page;
  const way = contact
    ? [t("declined_mail", { name }), " ", anchor(`mailto:${contact}`, contact)]
    : t("declined_other", { name });
  return ending(
    "shield",
    t("declined_title"),
    h("p", null, t("declined_text")),
    h("p", null, way),
    button("back_to_notice", () => visit.show("notice")),
  );
}

function gone({ visit, t, button }) {
  return ending(
    "check",
    t(`${visit.reason}_title`),
    h("p", null, t(`${visit.reason}_text`)),
    visit.note && h("p", { class: "hint" }, visit.note),
    button("start_again", () => visit.startAgain()),
  );
}

function failed({ visit, t }) {
  return ending("warning", t("failed_title"), h("p", null, t(`failed_${visit.reason}`)));
}
