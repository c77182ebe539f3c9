/**
 * The e-mail card in the thread: asks for an address, then for the code, then says that it is proven. Its step follows the
 * conversation's events, so a reload or a second tab shows the same; what the visitor does here only adds "busy" and the
 * answer to his last try. That an address is known to the house is never said (D-1).
 *
 * @typedef {"none" | "ask" | "code" | "verified"} Step
 */

/** Outcomes of `code` that ask for another try, and the words for each. */
const WRONG = { wrong: "code_wrong", expired: "code_expired", too_many: "code_too_many" };

export class EmailCard {
  /** @type {Step} */
  step = "none";
  /** Masked, as the server shows it. */
  address = "";
  /** After which event the card stands; Infinity: at the end. */
  anchor = 0;
  /** @type {"" | "email" | "code" | "resend"} */
  busy = "";
  /** Keys of the words to show. */
  problem = "";
  said = "";
  /** The server's own sentence, where it gave one. */
  detail = "";

  /** @param {any} event */
  apply(event) {
    if (event.kind === "message" && event.card === "email") this.#ask(event.seq);
    else if (event.kind === "message" && event.card === "code") this.#askCode(event.seq, this.address);
    else if (event.kind !== "email") return;
    else if (event.state === "sent") this.#askCode(event.seq, event.address || this.address);
    else if (event.state === "verified") this.#verified(event.seq);
    else if (event.state === "lost") this.#lost(event.seq);
  }

  /** The visitor wants to give an address, or another one. */
  open() {
    if (this.step === "none") this.anchor = Infinity;
    if (this.step === "verified") return;
    this.step = "ask";
    this.#tell("", "");
  }

  /** Back from "other address" to the code that was sent. */
  keepAddress() {
    if (this.step === "ask" && this.address) this.step = "code";
    this.#tell("", "");
  }

  /** @param {"email" | "code" | "resend"} what */
  begin(what) {
    this.busy = what;
    this.#tell("", "");
  }

  /** @param {"email" | "code" | "resend"} what @param {any} answer of the outbox */
  finish(what, answer) {
    if (this.busy === what) this.busy = "";
    if (answer.kind === "error") this.#tell(answer.detail ? "" : "failed", "", answer.detail ?? "");
    else if (answer.kind === "lost") this.#tell("lost_try_again", "");
    else if (what === "resend") this.#tell("", "code_resent");
    else if (what === "code" && answer.outcome in WRONG) this.#tell(WRONG[/** @type {keyof WRONG} */ (answer.outcome)], "");
    else if (what === "code" && answer.outcome === "verified") this.#verified(this.anchor);
    else if (what === "email" && this.step === "ask") this.#askCode(this.anchor, this.address);
  }

  /** @param {number} seq */
  #ask(seq) {
    if (this.step === "verified") return;
    this.step = "ask";
    this.anchor = seq;
    this.#tell("", "");
  }

  /** @param {number} seq @param {string} address */
  #askCode(seq, address) {
    if (this.step === "verified" && address === this.address) return;
    this.step = "code";
    this.address = address;
    this.anchor = seq;
    this.#tell("", "");
  }

  /** @param {number} seq */
  #verified(seq) {
    this.step = "verified";
    this.anchor = seq;
    this.busy = "";
    this.#tell("", "");
  }

  /** @param {number} seq */
  #lost(seq) {
    this.step = "ask";
    this.anchor = seq;
    this.#tell("", "proof_lost");
  }

  /** @param {string} problem @param {string} said @param {string} [detail] */
  #tell(problem, said, detail = "") {
    this.problem = problem;
    this.said = said;
    this.detail = detail;
  }
}
