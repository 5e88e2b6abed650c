/** The page's language: chosen by the browser's at first, then by the visitor, and remembered. */

import { recall, remember } from "./memory.js";
import { strings as english } from "./strings.en.js";

/** @typedef {keyof typeof english} StringKey */

/** @type {Record<string, () => Promise<{strings: Record<StringKey, string>}>>} */
const LANGUAGES = {
  en: async () => ({ strings: english }),
  zh: () => import("./strings.zh.js"),
};

/** @type {Record<StringKey, string>} */
let strings = english;
let language = "en";
/** @type {(() => void)[]} */
const listeners = [];

/**
 * What the page says for `key`.
 * @param {StringKey} key
 * @param {Record<string, string | number>} [values] of the placeholders
 */
export function text(key, values = {}) {
  return strings[key].replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

/**
 * The same for a number of things: `key` with ".one" or ".other".
 * @param {string} key
 * @param {number} count also the placeholder {count}
 */
export function countedText(key, count) {
  const form = new Intl.PluralRules(language).select(count) === "one" ? "one" : "other";
  return text(/** @type {StringKey} */ (`${key}.${form}`), { count });
}

/** What `titles` holds for the language in use. @param {Record<string, string>} titles */
export function inLanguage(titles) {
  return titles[language] ?? titles.en ?? Object.values(titles)[0] ?? "";
}

export const isEnglish = () => language === "en";

/** @param {() => void} listener called after each change of language */
export function onLanguage(listener) {
  listeners.push(listener);
}

/**
 * Several sentences as one text: Chinese has no space between them.
 * @param {string[]} sentences empty ones are left out
 */
export function joinSentences(...sentences) {
  return sentences.filter(Boolean).join(language === "zh" ? "" : " ");
}

/** @param {string} words @returns {string} with a capital letter and an end */
export function sentence(words) {
  const capital = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?。！？]$/.test(capital) ? capital : `${capital}.`;
}

/** @param {string} chosen */
async function use(chosen) {
  ({ strings } = await LANGUAGES[chosen]());
  language = chosen;
  document.documentElement.lang = chosen === "zh" ? "zh-Hans" : chosen;
  for (const [attribute, property] of Object.entries({
    "data-string": "textContent",
    "data-string-label": "ariaLabel",
    "data-string-alt": "alt",
  })) {
    for (const element of document.querySelectorAll(`[${attribute}]`)) {
      const key = /** @type {StringKey} */ (element.getAttribute(attribute));
      Object.assign(element, { [property]: text(key) });
    }
  }
  for (const button of document.querySelectorAll("#languages button")) {
    button.ariaPressed = String(/** @type {HTMLButtonElement} */ (button).value === chosen);
  }
  for (const listener of listeners) listener();
}

/** Says everything in the visitor's language, and lets it be changed. */
export async function startLanguage() {
  document.getElementById("languages")?.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement} */ (event.target).closest("button");
    if (!button) return;
    remember("language", button.value);
    use(button.value).catch(console.error);
  });
  const wanted = [recall("language"), ...navigator.languages.map((tag) => tag.slice(0, 2))];
  const first = wanted.find((tag) => tag in LANGUAGES) ?? "en";
  if (first !== "en") await use(first);
}
