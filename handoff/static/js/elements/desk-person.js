/** Who this is. Identity first: address, state, how and when proven, and what can be done about it; then consent, page, links. */

import { h, icon, rich } from "/static/foundation/js/dom.js";
import { ask } from "../helpers/speak.js";
import { moment } from "../helpers/times.js";
import { Contact } from "../models/contact.js";
import { markOf, nameOf } from "../models/words.js";

const METHODS = {
  code: "Code from the mail",
  link: "Link in the mail",
  questions: "Verification questions",
  manual: "Vouched for",
  mail: "Mail",
};

export class DeskPerson extends HTMLElement {
  #head = h("div", { class: "desk-person-head" });
  #identity = h("section", { "aria-labelledby": "desk-identity" });
  #rest = h("div", { class: "stack" });
  #links = /** @type {any} */ (h("desk-links"));
  #tags = /** @type {any} */ (h("desk-tags"));
  /** Which of the two forms is open: the address, or the vouching. */
  #form = "";
  #about = new Contact({ fetch: (...all) => globalThis.fetch(...all), onChange: () => this.isConnected && this.#app && this.draw(this.#app) });
  /** @type {any} */ #app = null;
  /** @type {string | null} */ #conversation = "";
  #shown = "";

  /** @param {any} app */
  draw(app) {
    const { desk } = app;
    const { row, log } = desk;
    this.#app = app;
    if (!row) {
      this.hidden = true;
      return;
    }
    this.hidden = false;
    this.#about.follow(row);
    if (!this.firstChild) {
      const close = h(
        "button",
        {
          class: "button quiet icon-only only-middle",
          type: "button",
          title: "Close",
          "aria-label": "Close",
          on: { click: () => ask(this, "pane", { pane: "thread" }) },
        },
        icon("close"),
      );
      this.append(h("div", { class: "desk-person-top" }, this.#head, close), this.#identity, this.#rest);
    }
    if (row.id !== this.#conversation) this.#form = "";
    this.#conversation = row.id;
    const facts = log?.facts(desk.me) ?? {};
    const offline = desk.line.state !== "open";
    const shows = JSON.stringify([
      row.id,
      row.name,
      row.address,
      row.verification,
      row.control,
      desk.bots.get(row.bot),
      facts,
      this.#about.data,
      this.#form,
      desk.isBusy(row.id),
      offline,
    ]);
    if (shows !== this.#shown) {
      this.#shown = shows;
      this.#head.replaceChildren(
        h("h2", { class: "truncate", dir: "auto" }, nameOf(row)),
        h("p", { class: "muted small" }, desk.bots.get(row.bot) ?? ""),
      );
      this.#drawIdentity(app, row, facts, offline || desk.isBusy(row.id));
      this.#rest.replaceChildren(...earlier(this.#about.data, desk.bots), section("Consent", consent(facts)), section("Where from", origin(facts)), this.#links);
      if (!this.#tags.isConnected) this.#rest.before(this.#tags);
    }
    this.#tags.draw(app);
    this.#links.draw(app);
  }

  /** @param {any} app @param {any} row @param {any} facts @param {boolean} disabled */
  #drawIdentity(app, row, facts, disabled) {
    const mark = markOf(row);
    const { proof } = facts;
    const verified = row.verification.state === "verified";
    const how = METHODS[/** @type {keyof typeof METHODS} */ (row.verification.method)];
    this.#identity.replaceChildren(
      h("h3", { id: "desk-identity" }, "Identity"),
      h(
        "p",
        { class: `desk-proof ${mark.kind}` },
        icon(mark.sign),
        h("span", null, h("strong", null, mark.word), h("br"), row.verification.why),
      ),
      h(
        "dl",
        { class: "facts" },
        ...fact("Address", row.address && h("span", { dir: "ltr" }, row.address)),
        ...fact("The site says", siteWords(row.site)),
        ...fact("How", verified && how),
        ...fact("When", verified && proof && moment(proof.at)),
        ...fact("By", verified && proof?.by),
        ...fact("Reason", verified && proof?.reason),
        ...fact("Mail", mailWords(this.#about.data, facts.mailSentAt)),
      ),
      ...(row.control === "closed" ? [] : this.#deeds(app, row, verified, disabled)),
    );
  }

  /** @param {any} app @param {any} row @param {boolean} verified @param {boolean} disabled */
  #deeds(app, row, verified, disabled) {
    if (this.#form === "address") return [this.#addressForm(app, row, disabled)];
    if (this.#form === "revoke") return [this.#revokeForm(app, disabled)];
    if (this.#form === "vouch") return [this.#vouchForm(app, disabled)];
    const button = (/** @type {string} */ words, /** @type {() => void} */ click, kind = "") =>
      h("button", { class: `button small ${kind}`, type: "button", disabled, on: { click } }, words);
    const show = (/** @type {string} */ form) => () => {
      this.#form = form;
      this.draw(app);
      /** @type {HTMLElement | null} */ (this.#identity.querySelector("input, select"))?.focus();
    };
    return [
      h(
        "div",
        { class: "actions" },
        row.address &&
          !verified &&
          button("Send verification", () => ask(this, "verify", { method: "mail", reason: "" }), "primary"),
        row.address && !verified && button("Vouch …", show("vouch")),
        verified && button("Revoke …", show("revoke")),
        button(row.address ? "Other address …" : "Enter address …", show("address")),
      ),
    ];
  }

  /** @param {any} app @param {any} row @param {boolean} disabled */
  #addressForm(app, row, disabled) {
    const field = /** @type {HTMLInputElement} */ (
      h("input", { id: "desk-address", type: "email", required: true, maxlength: "254", autocomplete: "off" })
    );
    const submit = async () => {
      if (await app.desk.deed("email", { address: field.value.trim() })) this.#close(app);
    };
    const hint = h(
      "span",
      { class: "hint" },
      "A mail with a code goes there. Until the visitor proves it, it is unverified.",
    );
    return this.#asked(
      app,
      "Save and send",
      disabled,
      submit,
      h(
        "div",
        { class: "field" },
        h("label", { for: "desk-address" }, row.address ? "Other address" : "Address"),
        field,
        hint,
      ),
    );
  }

  /** @param {any} app @param {boolean} disabled */
  #vouchForm(app, disabled) {
    const method = /** @type {HTMLSelectElement} */ (
      h(
        "select",
        { id: "desk-method" },
        h("option", { value: "questions" }, "Verification questions"),
        h("option", { value: "manual" }, "I know the person"),
      )
    );
    const reason = /** @type {HTMLInputElement} */ (
      h("input", { id: "desk-reason", required: true, maxlength: "300", autocomplete: "off" })
    );
    const questions = this.#about.data?.questions ?? [];
    const ticks = questions.map(() => /** @type {HTMLInputElement} */ (h("input", { type: "checkbox" })));
    const list = h(
      "fieldset",
      { class: "field", hidden: questions.length === 0 },
      h("legend", null, "Answered rightly"),
      ...questions.map((/** @type {string} */ words, /** @type {number} */ at) =>
        h("label", { class: "check" }, ticks[at], " ", words),
      ),
    );
    reason.required = questions.length === 0;
    method.addEventListener("change", () => {
      const manual = method.value === "manual";
      /** @type {HTMLElement} */ (list).hidden = manual || questions.length === 0;
      reason.required = manual || questions.length === 0;
    });
    const submit = async () => {
      const answered = ticks.flatMap((tick, at) => (tick.checked ? [at] : []));
      const members = { method: method.value, reason: reason.value.trim(), answered };
      if (await app.desk.deed("verify", members)) this.#close(app);
    };
    return this.#asked(
      app,
      "Vouch",
      disabled,
      submit,
      h(
        "p",
        { class: "hint" },
        "The visitor counts as verified in this browser from now on. Your name, the way and the reason are kept.",
      ),
      h("div", { class: "field" }, h("label", { for: "desk-method" }, "How"), method),
      list,
      h("div", { class: "field" }, h("label", { for: "desk-reason" }, "Reason"), reason),
    );
  }

  /** @param {any} app @param {boolean} disabled */
  #revokeForm(app, disabled) {
    const reason = /** @type {HTMLInputElement} */ (
      h("input", { id: "desk-reason", required: true, minlength: "3", maxlength: "300", autocomplete: "off" })
    );
    const submit = async () => {
      if (await app.desk.deed("verify", { method: "revoke", reason: reason.value.trim() })) this.#close(app);
    };
    return this.#asked(
      app,
      "Revoke",
      disabled,
      submit,
      h("p", { class: "hint" }, "This browser counts as unverified from now on. Your name and the reason are kept."),
      h("div", { class: "field" }, h("label", { for: "desk-reason" }, "Reason"), reason),
    );
  }

  /** @param {any} app @param {string} words @param {boolean} disabled @param {() => void} submit @param {...any} inside */
  #asked(app, words, disabled, submit, ...inside) {
    const on = {
      submit: (/** @type {Event} */ event) => {
        event.preventDefault();
        submit();
      },
    };
    const cancel = h(
      "button",
      { class: "button small", type: "button", on: { click: () => this.#close(app) } },
      "Cancel",
    );
    return h(
      "form",
      { class: "stack tight", on },
      ...inside,
      h("div", { class: "actions" }, h("button", { class: "button small primary", disabled }, words), cancel),
    );
  }

  /** @param {any} app */
  #close(app) {
    this.#form = "";
    this.draw(app);
  }
}

const FATES = {
  queued: "in the outbox",
  waiting: "tried, will be tried again",
  held_back: "held back: suppressed, or too many lately",
  dropped: "not sent",
  sent: "sent",
  refused: "refused",
  bounced: "came back",
  complained: "reported as unwanted",
};

/** @param {any} about @param {number} sentAt */
function mailWords(about, sentAt) {
  const mail = about?.mails[0];
  if (!mail) return sentAt ? moment(sentAt) : "";
  const how = [mail.tls, mail.reply].filter(Boolean).join(", ");
  const fate = FATES[/** @type {keyof typeof FATES} */ (mail.status)] ?? mail.status;
  return `${fate}, ${moment(mail.at)}${how ? ` (${how})` : ""}`;
}

/** Other chats of this contact: told only after proof in this one (DD-4). @param {any} about @param {Map<string, string>} bots */
function earlier(about, bots) {
  if (!about?.earlier) return [];
  const lines = about.earlier.map((/** @type {any} */ one) =>
    h("li", null, `${moment(one.opened_at)} · ${bots.get(one.bot) ?? ""} · ${one.control === "closed" ? "ended" : "open"}`),
  );
  const none = h("p", { class: "muted small" }, "None.");
  return [section("Other chats", lines.length > 0 ? [h("ul", { class: "stack tight small" }, ...lines)] : [none])];
}

/** @param {string} title @param {Node[]} inside */
function section(title, inside) {
  return h("section", null, h("h3", null, title), ...inside);
}

/** @param {string} name @param {any} value */
/** YA-29: the word of the host site, which proves nothing. @param {any} site */
function siteWords(site) {
  if (!site) return null;
  const said = [site.name, site.email].filter(Boolean).join(", ");
  return h("span", { dir: "auto", title: `Visitor ${site.sub} of the site. Its word, not a verified address.` }, said || `visitor ${site.sub}`);
}

function fact(name, value) {
  return value ? [h("dt", null, name), h("dd", { dir: "auto" }, value)] : [];
}

/** @param {any} facts */
function consent({ consent: given, withdrawnAt }) {
  if (withdrawnAt)
    return [
      h("p", { class: "text-danger" }, `Withdrawn on ${moment(withdrawnAt)}. Nothing more may be asked or kept.`),
    ];
  if (!given) return [h("p", { class: "muted" }, "None yet.")];
  return [
    h(
      "dl",
      { class: "facts" },
      ...fact("Given", moment(given.at)),
      ...fact("Notice", given.notice && h("code", null, given.notice)),
      ...fact("Language", given.locale),
    ),
  ];
}

/** @param {any} facts */
function origin({ opened }) {
  if (!opened) return [h("p", { class: "muted" }, "Not known.")];
  const { page = {} } = opened;
  return [
    h(
      "dl",
      { class: "facts" },
      ...fact("Page", page.title),
      ...fact("Address", page.url && h("span", null, rich(page.url))),
      ...fact("Came from", page.referrer && h("span", null, rich(page.referrer))),
      ...fact("Language", opened.locale),
      ...fact("Since", moment(opened.at)),
    ),
  ];
}
