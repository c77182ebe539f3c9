/** Times as people of a language write them. */

export class Times {
  #time;
  #day;
  #t;

  constructor(locale, t) {
    const language = locale.replaceAll("_", "-");
    this.#time = new Intl.DateTimeFormat(language, { timeStyle: "short" });
    this.#day = new Intl.DateTimeFormat(language, { weekday: "short", day: "numeric", month: "long" });
    this.#t = t;
  }

  time(at) {
    return this.#time.format(at);
  }

  day(at) {
    const day = this.dayOf(at);
    if (day === this.dayOf(Date.now())) return this.#t("today");
    return day === this.dayOf(Date.now() - 86_400_000) ? this.#t("yesterday") : this.#day.format(at);
  }

  dayOf(at) {
    return new Date(at).toDateString();
  }
}
