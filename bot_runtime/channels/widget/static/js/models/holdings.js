// What is held about this visitor, and what he may do about it. Loaded when the privacy page is opened.

export class Holdings extends EventTarget {
  state = "loading";
  data = null;
  busy = "";
  problem = "";
  done = "";
  // What the problem or the success belongs to.
  last = "";

  #post;
  #who;

  constructor({ post, who }) {
    super();
    this.#post = post;
    this.#who = who;
  }

  async load() {
    await this.#ask("load", "", {});
    if (this.state === "loading") this.state = "failed";
    this.#changed();
  }

  choose({ use, version }, given) {
    return this.#ask("choose", "/consent", { use, given, version: given ? version : "" }, "chosen");
  }

  rename(name) {
    return this.#ask("rename", "/name", { name }, "renamed");
  }

  correct(words) {
    return this.#ask("correct", "/request", { what: "correct", words }, "kept_correct");
  }

  // What to tell when all of it is gone; `null` when it waits for people, or was refused.
  async erase(confirm) {
    const answer = await this.#ask("erase", "/request", { what: "erase", confirm }, "kept_erase");
    return answer?.erased ?? null;
  }

  async withdraw() {
    return (await this.#ask("withdraw", "/withdraw", {})) !== null;
  }

  async copy() {
    const answer = await this.#ask("copy", "/copy", {});
    return answer instanceof Blob ? answer : null;
  }

  // A browser without a secret has nothing, and nobody is asked.
  async #ask(busy, path, members, done = "") {
    const who = this.#who();
    if (this.busy) return null;
    if (!who.device) {
      this.state = "none";
      this.#changed();
      return null;
    }
    Object.assign(this, { busy, last: busy, problem: "", done: "" });
    this.#changed();
    const answer = await this.#post(path, { ...who, ...members });
    this.busy = "";
    if (answer.ok) {
      this.done = done;
      if (answer.value?.chats) Object.assign(this, { data: answer.value, state: "ready" });
    } else if (answer.status === 404) this.state = "none";
    else this.problem = answer.detail || "failed";
    this.#changed();
    return answer.ok ? answer.value : null;
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

export const poster = (bot, send) => async (path, body) => {
  try {
    const response = await send(`/w/${bot}/privacy${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const json = response.headers.get("Content-Type")?.includes("json");
    const value = json ? await response.json() : await response.blob();
    return response.ok
      ? { ok: true, value }
      : { ok: false, status: response.status, detail: json ? value.detail : "" };
  } catch {
    return { ok: false, status: 0, detail: "" };
  }
};
