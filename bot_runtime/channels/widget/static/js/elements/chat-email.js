/** The card that asks for an e-mail address, then for the code, and says when it is proven (DD-6). */

import { h, icon } from "/static/foundation/js/dom.js";

export class ChatEmail extends HTMLElement {
  #field = h("input", { class: "input", id: "field", "aria-describedby": "said" });
  #wrong = "";
  #step = "";
  #shown = "";

  draw(visit, t) {
    const { step, address, busy, problem, said, detail } = visit.email;
    const shows = JSON.stringify([step, address, busy, problem, said, detail, this.#wrong, visit.locale, visit.isClosed]);
    if (shows === this.#shown) return;
    const focused = this.matches(":focus-within");
    if (step !== this.#step) this.#begin(step);
    this.#shown = shows;
    this.className = step;
    if (step === "verified") {
      this.replaceChildren(h("b", null, icon("check"), t("verified")), h("p", null, t(address ? "verified_text" : "verified_plain", { address })));
      return;
    }
    const code = step === "code";
    const failure = this.#wrong || problem;
    this.#field.ariaInvalid = String(failure !== "");
    const link = (word, click) => h("button", { class: "link", type: "button", disabled: busy !== "", on: { click } }, t(word));
    const submit = (event) => {
      event.preventDefault();
      this.#send(visit, t);
    };
    this.replaceChildren(
      h("b", null, icon("mail"), t("email_title")),
      code && h("p", null, t(address ? "code_sent" : "code_sent_plain", { address })),
      h("label", { for: "field" }, t(code ? "code_label" : "email_label")),
      h("form", { novalidate: true, on: { submit } }, this.#field, h("button", { class: "button primary", disabled: busy !== "" || visit.isClosed }, t(code ? "code_confirm" : "email_send"))),
      h("p", { id: "said", role: "status", class: failure || detail ? "problem" : "hint" }, failure ? t(failure) : detail || t(said || (code ? "code_hint" : "email_why"))),
      h("p", { class: "links" }, code ? [link("code_resend", () => visit.resendCode()), link("code_other", () => visit.openEmail())] : address && link("code_keep", () => visit.keepAddress())),
    );
    if (focused) this.#field.focus();
  }

  #begin(step) {
    const code = step === "code";
    this.#step = step;
    this.#wrong = this.#field.value = "";
    const kind = code ? { type: "text", inputMode: "numeric", autocomplete: "one-time-code", maxLength: 7 } : { type: "email", inputMode: "email", autocomplete: "email", maxLength: 254 };
    Object.assign(this.#field, kind);
  }

  #send(visit, t) {
    const code = this.#step === "code";
    const given = code ? this.#field.value.replace(/\D/g, "") : this.#field.value.trim();
    const right = code ? given.length === 6 : /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(given);
    this.#wrong = right ? "" : code ? "code_short" : "email_invalid";
    if (!right) this.draw(visit, t);
    else if (code) visit.giveCode(given);
    else visit.giveAddress(given);
  }
}
