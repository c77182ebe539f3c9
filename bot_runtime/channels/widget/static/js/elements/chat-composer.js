import { h, icon } from "/static/foundation/js/dom.js";

const LIMIT = 4_000;
const COUNT_FROM = 3_600;

export class ChatComposer extends HTMLElement {
  #text = h("textarea", { rows: 1, on: { keydown: (event) => this.#key(event), input: () => this.#typed() } });
  #button = h("button", { class: "square" }, icon("send"));
  #clip = h("button", { class: "square", type: "button", hidden: true, on: { click: () => this.#files.choose(this.#visit) } }, icon("clip"));
  #form = h("form", { on: { submit: (event) => this.#send(event) } }, this.#clip, this.#text, this.#button);
  #files = h("chat-files");
  #count = h("p", { role: "status" });
  #again = h("button", { class: "button primary", on: { click: () => this.#visit.startAgain() } });
  #visit;
  #t;

  connectedCallback() {
    this.replaceChildren(this.#form, this.#again, this.#count, this.#files);
  }

  draw(visit, t) {
    this.#visit = visit;
    this.#t = t;
    this.#form.hidden = visit.isClosed;
    this.#again.hidden = !visit.isClosed;
    this.#again.disabled = visit.busy !== "";
    this.#again.textContent = t("start_again");
    this.#text.placeholder = this.#text.ariaLabel = t("write");
    this.#button.ariaLabel = this.#button.title = t("send");
    this.#clip.ariaLabel = this.#clip.title = t("attach");
    // Loaded before it is pressed: browsers open a chooser only in a gesture.
    if (visit.bot?.files) import("./chat-files.js").then(() => (this.#clip.hidden = false));
    else this.#clip.hidden = true;
    this.#measure();
  }

  write(text) {
    this.#text.value = text;
    this.#measure();
    this.focus();
  }

  focus() {
    (this.#form.hidden ? this.#again : this.#text).focus();
  }

  #send(event) {
    event.preventDefault();
    if (this.#button.disabled) return;
    this.#visit.say(this.#text.value);
    this.write("");
  }

  #key(event) {
    // Input methods choose words by Enter.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) this.#send(event);
  }

  #typed() {
    this.#visit.typing.typed();
    this.#measure();
  }

  #measure() {
    const text = this.#text.value.trim();
    // As the server counts.
    const left = LIMIT - [...text].length;
    this.#button.disabled = !text || left < 0;
    this.#count.textContent =
      left > LIMIT - COUNT_FROM ? "" : this.#t?.(left < 0 ? "too_long" : "left", { count: Math.abs(left) });
    this.#count.className = left < 0 ? "problem" : "hint";
  }
}
