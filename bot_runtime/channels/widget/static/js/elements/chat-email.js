import { h, icon } from "/static/foundation/js/dom.js";

const FIELDS = {
  ask: { type: "email", inputMode: "email", autocomplete: "email", maxLength: 254 },
  code: { type: "text", inputMode: "numeric", autocomplete: "one-time-code", maxLength: 7 },
};

export class ChatEmail extends HTMLElement {
  #field = h("input", { class: "input", id: "field", "aria-describedby": "said" });
  #stay = h("input", { type: "checkbox" });
  #wrong = "";
  #step = "";
  #shown = "";

  draw(visit, t) {
    const { email, locale, isClosed } = visit;
    const shows = JSON.stringify([email, this.#wrong, locale, isClosed]);
    if (shows === this.#shown) return;
    const focused = this.matches(":focus-within");
    this.#shown = shows;
    if (email.step !== this.#step) {
      this.#step = this.className = email.step;
      this.#wrong = this.#field.value = "";
      Object.assign(this.#field, FIELDS[email.step]);
    }
    this.replaceChildren(...(email.step === "verified" ? proven(email, t) : this.#asking(visit, t)));
    if (focused) this.#field.focus();
  }

  #asking(visit, t) {
    const { step, address, busy, problem, said, detail } = visit.email;
    const code = step === "code";
    const wrong = this.#wrong || problem;
    const submit = (event) => {
      event.preventDefault();
      this.#send(visit, t);
    };
    const link = (word, work) => {
      const click = () => {
        work();
        visit.changed();
      };
      return h("button", { class: "link", type: "button", disabled: busy !== "", on: { click } }, t(word));
    };
    this.#field.ariaInvalid = String(wrong !== "");
    return [
      h("b", null, icon("mail"), t("email_title")),
      code && h("p", null, t(address ? "code_sent" : "code_sent_plain", { address })),
      h("label", { for: "field" }, t(code ? "code_label" : "email_label")),
      h(
        "form",
        { novalidate: true, on: { submit } },
        this.#field,
        h(
          "button",
          { class: "button primary", disabled: busy !== "" || visit.isClosed },
          t(code ? "code_confirm" : "email_send"),
        ),
      ),
      code && h("label", null, this.#stay, " ", t("code_stay")),
      h(
        "p",
        { id: "said", role: "status", class: wrong || detail ? "problem" : "hint" },
        wrong ? t(wrong) : detail || t(said || (code ? "code_hint" : "email_why")),
      ),
      h(
        "p",
        null,
        code && link("code_resend", () => visit.prove("resend")),
        code && link("code_other", () => visit.email.open()),
        !code && address && link("code_keep", () => visit.email.keepAddress()),
      ),
    ].filter(Boolean);
  }

  #send(visit, t) {
    const code = this.#step === "code" && this.#field.value.replace(/\D/g, "");
    const address = this.#field.value.trim();
    const right = code === false ? /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(address) : code.length === 6;
    this.#wrong = right ? "" : code === false ? "email_invalid" : "code_short";
    if (!right) this.draw(visit, t);
    else if (code) visit.prove("code", { code, ...(this.#stay.checked && { stay: true }) });
    else visit.prove("email", { address });
  }
}

const proven = ({ address }, t) => [
  h("b", null, icon("check"), t("verified")),
  h("p", null, t(address ? "verified_text" : "verified_plain", { address })),
];

customElements.define("chat-email", ChatEmail);
