import { h, icon } from "/static/foundation/js/dom.js";

export class ChatHeader extends HTMLElement {
  #name = h("h1", { dir: "auto" });
  #status = h("p", { role: "status" });
  #face = h("span", { class: "face" });
  #mail = h("button", { class: "square", on: { click: () => this.#do("transcript") } }, icon("mail"));
  #more = h("button", { class: "square", popovertarget: "menu" }, icon("menu"));
  #close = h("button", { class: "square", on: { click: () => this.#do("close") } }, icon("close"));
  #menu = h("ul", { id: "menu", popover: "auto" });
  #shown = "";

  connectedCallback() {
    this.replaceChildren(this.#face, h("div", null, this.#name, this.#status), this.#mail, this.#more, this.#close, this.#menu);
  }

  get menuIsOpen() {
    return this.#menu.matches(":popover-open");
  }

  draw(visit, t, { name, framed }) {
    const open = visit.phase === "thread" && !visit.isClosed;
    const deeds = [
      open && visit.control === "bot" && ["person", "user"],
      open && visit.email.step !== "verified" && ["email", "mail"],
      visit.phase === "thread" && ["take", "download"],
      (visit.phase === "thread" || (visit.isKept && /^(notice|declined)$/.test(visit.phase))) && ["privacy", "shield"],
      open && ["end", "close"],
    ].filter(Boolean);
    const status = visit.lost ? "status_lost" : visit.phase === "thread" ? `status_${visit.control}` : "bot";
    const shows = JSON.stringify([visit.locale, visit.bot?.name, visit.holder, status, deeds, framed, visit.transcripts]);
    if (shows === this.#shown) return;
    this.#shown = shows;
    this.#name.textContent = visit.bot?.name ?? name;
    this.#status.textContent = t(status, { name: visit.holder || t("someone") });
    this.#face.replaceChildren(icon(visit.control === "agent" ? "user" : "bot"));
    this.#mail.ariaLabel = this.#mail.title = t("transcript");
    this.#mail.hidden = visit.phase !== "thread" || !visit.transcripts;
    this.#more.ariaLabel = this.#more.title = t("menu");
    this.#more.hidden = deeds.length === 0;
    this.#close.ariaLabel = this.#close.title = t("close_panel");
    this.#close.hidden = !framed;
    const button = ([deed, sign]) =>
      h("button", { on: { click: () => this.#do(deed) } }, icon(sign), t(`menu_${deed}`));
    this.#menu.replaceChildren(...deeds.map((deed) => h("li", null, button(deed))));
  }

  #do(detail) {
    if (this.menuIsOpen) this.#menu.hidePopover();
    this.dispatchEvent(new CustomEvent("chat-do", { detail, bubbles: true }));
  }
}
