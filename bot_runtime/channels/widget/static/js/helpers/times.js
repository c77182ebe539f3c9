/** Times as people of a language write them. */

const DAY = 86_400_000;

export class Times {
  #time;
  #day;
  #words;

  /** @param {string} locale @param {(word: any) => string} t */
  constructor(locale, t) {
    const language = usable(locale);
    this.#time = new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" });
    this.#day = new Intl.DateTimeFormat(language, { weekday: "short", day: "numeric", month: "long" });
    this.#words = t;
  }

  /** @param {number} at */
  time(at) {
    return this.#time.format(at);
  }

  /** @param {number} at */
  day(at) {
    const day = new Date(at).toDateString();
    if (day === new Date().toDateString()) return this.#words("today");
    if (day === new Date(Date.now() - DAY).toDateString()) return this.#words("yesterday");
    return this.#day.format(at);
  }

  /** @param {number} at */
  dayOf = (at) => new Date(at).toDateString();
}

/** @param {string} locale */
function usable(locale) {
  try {
    return Intl.getCanonicalLocales(locale.replaceAll("_", "-"))[0];
  } catch {
    return "en";
  }
}
