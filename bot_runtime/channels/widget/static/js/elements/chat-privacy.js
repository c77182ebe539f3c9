/** The privacy page of the widget: what is held, where, and how to take it back. Speaks upward: `chat-back`. */

import { h, icon } from "/static/foundation/js/dom.js";
import { paragraphs } from "./chat-notice.js";

export class ChatPrivacy extends HTMLElement {
  #shows = "";

  /** @param {any} visit @param {any} t */
  draw(visit, t) {
    const { email, busy, problem, notice } = visit;
    const count = visit.thread.messagesOfVisitor;
    const shows = JSON.stringify([visit.locale, email.address, email.step, count, busy, problem, visit.isKept]);
    if (shows === this.#shows) return;
    this.#shows = shows;
    this.className = "view";
    const back = () => this.dispatchEvent(new CustomEvent("chat-back", { bubbles: true }));
    const held = [
      t("holds_messages", { count }),
      email.address && t("holds_email", { address: email.address, state: t(email.step === "verified" ? "holds_verified" : "holds_unverified") }),
      t("holds_consent"),
      t("holds_page"),
      t(visit.isKept ? "holds_key" : "holds_no_key"),
    ];
    this.replaceChildren(
      h(
        "div",
        { class: "scroll" },
        h("button", { class: "link", type: "button", on: { click: back } }, `← ${t("back")}`),
        h("h2", { tabindex: "-1" }, t("holds_title")),
        h("ul", { class: "holds" }, held.filter(Boolean).map((words) => h("li", null, icon("check", "small"), h("span", null, words)))),
        notice && h("details", null, h("summary", null, t(visit.isClosed ? "current_notice" : "read_notice")), h("div", { class: "legal", lang: notice.locale }, paragraphs(notice.text))),
        this.#choice("withdraw", t, Boolean(busy), () => visit.withdraw()),
        problem && h("p", { class: "problem", role: "alert" }, /^[a-z_]+$/.test(problem) ? t(problem) : problem),
        this.#choice("forget", t, Boolean(busy), () => visit.forget()),
      ),
    );
  }

  focus() {
    this.querySelector("h2")?.focus();
  }

  /** @param {"withdraw" | "forget"} deed @param {any} t @param {boolean} disabled @param {() => void} click */
  #choice(deed, t, disabled, click) {
    return h(
      "div",
      { class: "choice" },
      h("button", { class: "button", type: "button", disabled, on: { click } }, disabled && deed === "withdraw" ? t("working") : t(deed)),
      h("p", { class: "hint" }, t(`${deed}_hint`)),
    );
  }
}
