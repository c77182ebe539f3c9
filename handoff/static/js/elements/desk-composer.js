/** Reply or private note. What is begun stays with its chat; Enter sends, Shift+Enter breaks the line. */

import { h, icon } from "/static/foundation/js/dom.js";
import { ask } from "../helpers/speak.js";

const LIMIT = 4_000;
const COUNT_FROM = 3_600;

export class DeskComposer extends HTMLElement {
  #modes = h("div", { class: "tabs", role: "group", "aria-label": "Reply or note" });
  #text = /** @type {HTMLTextAreaElement} */ (h("textarea", { rows: "2", autocomplete: "off" }));
  #send = /** @type {HTMLButtonElement} */ (h("button", { class: "button primary small", type: "submit" }));
  #count = h("span", { role: "status" });
  #why = h("p", { class: "desk-why" });
  #attach = /** @type {any} */ (h("desk-attach"));
  #form = h(
    "form",
    { class: "desk-form" },
    this.#text,
    h("div", { class: "desk-form-foot" }, this.#attach, this.#count, this.#send),
  );
  /** @type {any} */ #app = null;
  #shown = "";
  #holds = "";

  connectedCallback() {
    if (!this.firstChild) this.append(this.#modes, this.#why, this.#form);
    this.#form.addEventListener("submit", this.#submitted);
    this.#text.addEventListener("keydown", this.#pressed);
    this.#text.addEventListener("input", this.#typed);
  }

  disconnectedCallback() {
    this.#form.removeEventListener("submit", this.#submitted);
    this.#text.removeEventListener("keydown", this.#pressed);
    this.#text.removeEventListener("input", this.#typed);
  }

  /** @param {any} app */
  draw(app) {
    this.#app = app;
    const { desk, view, drafts } = app;
    const { row } = desk;
    const mode = view.mode;
    const why = mode === "message" ? reason(desk, row) : "";
    const holds = `${mode} ${desk.selected}`;
    if (holds !== this.#holds) {
      this.#holds = holds;
      this.#text.value = drafts.get(desk.selected, mode);
    }
    const disabled = desk.line.state !== "open" || desk.isBusy(desk.selected);
    this.#attach.hidden = mode === "note" || !desk.takesFiles.has(row?.bot);
    this.#attach.draw?.(desk.selected, disabled);
    const shows = JSON.stringify([holds, why, row?.control, disabled]);
    if (shows !== this.#shown) {
      this.#shown = shows;
      this.dataset.mode = mode;
      this.#modes.replaceChildren(this.#mode("message", "Reply", mode), this.#mode("note", "Note", mode));
      this.#why.hidden = !why;
      this.#form.hidden = Boolean(why);
      const taking = why && row?.control !== "closed";
      this.#why.replaceChildren(
        why,
        ...(taking
          ? [
              h(
                "button",
                {
                  class: "button small primary",
                  type: "button",
                  disabled,
                  on: { click: () => ask(this, "take_over") },
                },
                "Take over",
              ),
            ]
          : []),
      );
      this.#text.placeholder = mode === "note" ? "A private note: only staff read it" : "Write to the visitor";
      this.#text.setAttribute("aria-label", mode === "note" ? "Private note" : "Reply to the visitor");
      this.#send.replaceChildren(
        icon(mode === "note" ? "note" : "send", "small"),
        mode === "note" ? "Add note" : "Send",
      );
    }
    this.#measure();
  }

  /** @param {"message" | "note"} mode @param {string} words @param {string} now */
  #mode(mode, words, now) {
    return h(
      "button",
      {
        type: "button",
        "aria-pressed": String(mode === now),
        on: { click: () => ask(this, mode === "note" ? "note" : "reply") },
      },
      words,
    );
  }

  #submitted = (/** @type {Event} */ event) => {
    event.preventDefault();
    const { desk, view, drafts } = this.#app;
    if (this.#send.disabled) return;
    desk.write(view.mode, this.#text.value);
    this.#text.value = "";
    drafts.set(desk.selected, view.mode, "");
    this.#measure();
    desk.changed();
  };

  #pressed = (/** @type {KeyboardEvent} */ event) => {
    // An input method uses Enter to choose a word.
    if (event.key === "Enter" && !event.shiftKey && !event.altKey && !event.isComposing && event.keyCode !== 229)
      this.#submitted(event);
  };

  #typed = () => {
    const { desk, view, drafts } = this.#app;
    const had = drafts.has(desk.selected);
    drafts.set(desk.selected, view.mode, this.#text.value);
    if (view.mode === "message") desk.typing.typed();
    if (had !== drafts.has(desk.selected)) desk.changed();
    this.#measure();
  };

  #measure() {
    const left = LIMIT - [...this.#text.value.trim()].length;
    this.#send.disabled = !this.#text.value.trim() || left < 0;
    this.#count.textContent =
      LIMIT - left < COUNT_FROM ? "" : left < 0 ? `${-left} characters too many` : `${left} characters left`;
    this.#count.className = left < 0 ? "error" : "hint";
  }
}

/** Why there is no reply to be written now; a note can always be. @param {any} desk @param {any} row */
function reason(desk, row) {
  if (!row) return "This chat is not in your list.";
  if (row.control === "closed") return "The chat has ended. You can still add a note.";
  return desk.isMine(row)
    ? ""
    : row.control === "agent"
      ? `${row.holder_name || "A colleague"} talks to the visitor.`
      : "Take the chat over to answer.";
}
