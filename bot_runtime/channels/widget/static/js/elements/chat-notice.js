/** The views that fill the window: the notice before the chat (MS-1, MS-2), what follows a "no", and the ends. */

import { anchor, h, icon } from "/static/foundation/js/dom.js";

export class ChatNotice extends HTMLElement {
  #shows = "";

  /** @param {any} visit @param {any} t @param {{name: string, contact: string}} page */
  draw(visit, t, page) {
    const { phase, reason, notice, busy, problem, noticeChanged, lost, bot } = visit;
    const shows = JSON.stringify([visit.locale, phase, reason, notice?.version, busy, problem, noticeChanged, lost, bot?.greeting]);
    if (shows === this.#shows) return;
    this.#shows = shows;
    this.className = "view";
    if (phase === "loading") this.#wait(t, lost, visit);
    else if (phase === "notice") this.#ask(visit, t);
    else if (phase === "declined") this.#declined(visit, t, page);
    else if (phase === "gone") this.#end("check-circle", t(`${reason}_title`), t(`${reason}_text`), this.#button(t("start_again"), () => visit.startAgain()));
    else this.#end("warning", t("failed_title"), t(`failed_${reason}`), null);
  }

  focus() {
    /** @type {HTMLElement | null} */ (this.querySelector("[tabindex]") ?? this.querySelector("button"))?.focus();
  }

  /** @param {any} t @param {boolean} lost @param {any} visit */
  #wait(t, lost, visit) {
    if (lost) this.#end("warning", t("status_lost"), t("lost_before"), this.#button(t("try_now"), () => visit.nudge()));
    else this.replaceChildren(h("div", { class: "scroll middle", role: "status" }, h("span", { class: "spinner" }), h("p", { class: "muted" }, t("loading"))));
  }

  /** @param {any} visit @param {any} t */
  #ask(visit, t) {
    const { notice, bot, busy, problem, noticeChanged } = visit;
    const said = noticeChanged ? t("notice_changed") : problem === "failed" ? t("failed") : problem;
    this.replaceChildren(
      h(
        "div",
        { class: "scroll", tabindex: "0", role: "region", "aria-label": t("notice_label") },
        bot.greeting && h("p", { class: "greeting", dir: "auto" }, bot.greeting),
        h("h2", null, t("notice_title")),
        h("div", { class: "legal", lang: notice.locale }, paragraphs(notice.text)),
      ),
      h(
        "div",
        { class: "foot" },
        said && h("p", { class: "problem", role: "alert" }, said),
        h("p", { class: "hint" }, t("agree_hint")),
        h(
          "div",
          { class: "actions" },
          h("button", { class: "button primary", type: "button", disabled: Boolean(busy), on: { click: () => visit.consent() } }, t(busy ? "working" : "agree")),
          h("button", { class: "button", type: "button", on: { click: () => visit.decline() } }, t("decline")),
        ),
      ),
    );
  }

  /** A "no" leaves a way to reach the company (MS-2). @param {any} visit @param {any} t @param {{name: string, contact: string}} page */
  #declined(visit, t, page) {
    const name = visit.bot?.name ?? page.name;
    const ways = page.contact ? [t("declined_mail", { name }), " ", anchor(`mailto:${page.contact}`, page.contact)] : [t("declined_other", { name })];
    this.#end("shield", t("declined_title"), t("declined_text"), h("p", null, ...ways), this.#button(t("back_to_notice"), () => visit.backToNotice()));
  }

  /** @param {string} sign @param {string} title @param {string} text @param {...(HTMLElement | null)} more */
  #end(sign, title, text, ...more) {
    this.replaceChildren(
      h("div", { class: "scroll middle" }, icon(sign), h("h2", { tabindex: "-1" }, title), h("p", { class: "muted" }, text), ...more),
    );
  }

  /** @param {string} text @param {() => void} click */
  #button(text, click) {
    return h("button", { class: "button", type: "button", on: { click } }, text);
  }
}

/** @param {string} text */
export function paragraphs(text) {
  return text.split(/\n\s*\n/).map((paragraph) => h("p", { dir: "auto" }, paragraph));
}
