/** Every word of the widget, a language a file. `{name}` stands for a value, put in by a function: nothing in it is a pattern. */

const LANGUAGES = { en: () => import("./words.en.js"), de: () => import("./words.de.js") };

/** `de-AT` → `de`; English when there is no other. */
export function languageOf(locale) {
  const language = locale.slice(0, 2).toLowerCase();
  return Object.hasOwn(LANGUAGES, language) ? language : "en";
}

/** A function from word and values to text. */
export async function speaker(locale) {
  const { WORDS } = await LANGUAGES[languageOf(locale)]();
  return (word, values = {}) => WORDS[word].replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}
