/** The card that asks for an e-mail address and for the code, and says when it is proven (DD-6). */

import { h, icon } from "/static/foundation/js/dom.js";

const LIKELY = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;

export class ChatEmail extends HTMLElement {
  #address = /** @type {HTMLInputElement} */ (
    h("input", { class: "input", id: "email-address", type: "email", autocomplete: "email", inputmode: "email", maxlength: 254, "aria-describedby": "email-said" })
  );
  #code = /** @type {HTMLInputElement} */ (
    h("input", { class: "input code", id: "email-code", inputmode: "numeric", autocomplete: "one-time-code", maxlength: 7, "aria-describedby": "email-said" })
  );
  /** What the visitor did wrong, which the server need not be asked about. */
  #local = "";
  #shows = "";

  /** @param {any} visit @param {any} t */
  draw(visit, t) {
    const { step, address, busy, problem, said, detail } = visit.email;
    const shows = JSON.stringify([step, address, busy, problem, said, detail, this.#local, visit.locale, visit.isClosed]);
    if (shows === this.#shows) return;
    const had = this.contains(/** @type {any} */ (this.getRootNode()).activeElement);
    const before = this.dataset.step;
    this.#shows = shows;
    this.dataset.step = step;
    this.classList.toggle("done", step === "verified");
    if (step === "verified") this.#drawVerified(address, t);
    else if (step === "code") this.#drawCode(visit, t);
    else this.#drawAsk(visit, t);
    if (had) (step === "code" ? this.#code : step === "ask" ? this.#address : null)?.focus();
    if (before && before !== step) this.#local = this.#code.value = "";
  }

  /** @param {string} address @param {any} t */
  #drawVerified(address, t) {
    const words = address ? t("verified_text", { address }) : t("verified_plain");
    this.replaceChildren(h("p", { class: "top" }, icon("check-circle"), t("verified")), h("p", null, words));
  }

  /** @param {any} visit @param {any} t */
  #drawAsk(visit, t) {
    const { busy, address } = visit.email;
    const send = (/** @type {Event} */ event) => {
      event.preventDefault();
      const given = this.#address.value.trim();
      this.#local = LIKELY.test(given) ? "" : "email_invalid";
      if (this.#local) this.#refuse(visit, t, this.#address);
      else visit.giveAddress(given);
    };
    this.#address.setAttribute("aria-invalid", String(this.#local === "email_invalid"));
    this.#put(
      t,
      "email_title",
      send,
      h("label", { for: "email-address" }, t("email_label")),
      this.#address,
      this.#said(visit, t, "email_why"),
      h("button", { class: "button primary", disabled: Boolean(busy) || visit.isClosed }, busy ? t("working") : t("email_send")),
      address && this.#links([["code_keep", () => visit.keepAddress()]], t),
    );
  }

  /** @param {any} visit @param {any} t */
  #drawCode(visit, t) {
    const { busy, address } = visit.email;
    const send = (/** @type {Event} */ event) => {
      event.preventDefault();
      const code = this.#code.value.replace(/\D/g, "");
      this.#local = code.length === 6 ? "" : "code_short";
      if (this.#local) this.#refuse(visit, t, this.#code);
      else visit.giveCode(code);
    };
    const wrong = Boolean(this.#local || visit.email.problem);
    this.#code.setAttribute("aria-invalid", String(wrong));
    this.#put(
      t,
      "email_title",
      send,
      h("p", null, address ? t("code_sent", { address }) : t("code_sent_plain")),
      h("label", { for: "email-code" }, t("code_label")),
      h("div", { class: "actions" }, this.#code, h("button", { class: "button primary", disabled: Boolean(busy) || visit.isClosed }, busy === "code" ? t("working") : t("code_confirm"))),
      this.#said(visit, t, "code_hint"),
      this.#links([["code_resend", () => visit.resendCode()], ["code_other", () => visit.openEmail()]], t, Boolean(busy)),
    );
  }

  /** @param {any} t @param {string} title @param {(event: Event) => void} submit @param {...any} inside */
  #put(t, title, submit, ...inside) {
    this.replaceChildren(h("p", { class: "top" }, icon("mail"), t(title)), h("form", { novalidate: true, on: { submit } }, ...inside));
  }

  /** @param {any} visit @param {any} t @param {string} otherwise */
  #said(visit, t, otherwise) {
    const { problem, said, detail } = visit.email;
    const wrong = this.#local || problem;
    const words = wrong ? t(wrong) : detail || t(said || otherwise);
    return h("p", { id: "email-said", role: "status", class: wrong || detail ? "problem" : said === "code_resent" ? "good" : "hint" }, words);
  }

  /** @param {[string, () => void][]} links @param {any} t @param {boolean} [disabled] */
  #links(links, t, disabled = false) {
    return h("p", { class: "links" }, links.map(([word, click]) => h("button", { class: "link", type: "button", disabled, on: { click } }, t(word))));
  }

  /** @param {any} visit @param {any} t @param {HTMLInputElement} field */
  #refuse(visit, t, field) {
    this.draw(visit, t);
    field.focus();
  }
}
