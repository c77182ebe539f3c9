const LANGUAGES = { en: () => import("../words/en.js"), de: () => import("../words/de.js") };

export function languageOf(locale) {
  const language = locale.slice(0, 2).toLowerCase();
  return Object.hasOwn(LANGUAGES, language) ? language : "en";
}

// By a function: nothing in a value is a pattern.
export async function speaker(locale) {
  const { WORDS } = await LANGUAGES[languageOf(locale)]();
  return (word, values = {}) => WORDS[word].replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export const dayOf = (at) => new Date(at).toDateString();

export function timesIn(locale, t) {
  const format = (options) => new Intl.DateTimeFormat(locale.replaceAll("_", "-"), options);
  const time = format({ timeStyle: "short" });
  const date = format({ weekday: "short", day: "numeric", month: "long" });
  const near = (at) => ({ [dayOf(Date.now())]: "today", [dayOf(Date.now() - 86_400_000)]: "yesterday" })[dayOf(at)];
  return { time: (at) => time.format(at), day: (at) => (near(at) ? t(near(at)) : date.format(at)) };
}
