/**
 * The e-mail card. Its step (none, ask, code, verified) follows the events, so a reload or a second tab shows the same; what is
 * done here only adds `busy` and the words for the last try. Whether an address is known to the house is never said (D-1).
 */

const WRONG = { wrong: "code_wrong", expired: "code_expired", too_many: "code_too_many" };

export class EmailCard {
  step = "none";
  /** Masked, as the server shows it. */
  address = "";
  /** The event after which the card stands; Infinity: at the end. */
  anchor = 0;
  busy = "";
  /** Keys of words, and a sentence of the server. */
  problem = "";
  said = "";
  detail = "";

  apply({ kind, card, state, seq, address = "" }) {
    if (kind === "message" && card === "email" && this.step !== "verified") this.#go("ask", seq);
    else if (kind === "message" && card === "code" && this.step !== "verified") this.#go("code", seq);
    else if (kind !== "email") return;
    else if (state === "verified") this.#go("verified", seq);
    else if (state === "lost") this.#go("ask", seq, "proof_lost");
    else if (this.step !== "verified" || address !== this.address) {
      this.address = address;
      this.#go("code", seq);
    }
  }

  /** To give an address, or another one. */
  open() {
    if (this.step !== "verified") this.#go("ask", this.step === "none" ? Infinity : this.anchor);
  }

  keepAddress() {
    this.#go("code", this.anchor);
  }

  begin(what) {
    this.busy = what;
    this.#tell();
  }

  finish(what, { kind, outcome, detail }) {
    this.busy = "";
    if (kind === "error") this.#tell(detail ? "" : "failed", "", detail);
    else if (kind === "lost") this.#tell("lost_try_again");
    else if (what === "resend") this.#tell("", "code_resent");
    else if (WRONG[outcome]) this.#tell(WRONG[outcome]);
    else if (what === "code") this.#go("verified", this.anchor);
    else if (this.step === "ask") this.#go("code", this.anchor);
  }

  #go(step, anchor, said) {
    Object.assign(this, { step, anchor });
    this.#tell("", said);
  }

  #tell(problem = "", said = "", detail = "") {
    Object.assign(this, { problem, said, detail });
  }
}
