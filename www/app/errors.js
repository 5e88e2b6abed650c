/** What went wrong, in the visitor's language, and on request in the engine's own words. */

import { NijigenError } from "../nijigen/index.js";
import { element } from "./dom.js";
import { isEnglish, joinSentences, sentence, text } from "./language.js";

/** @typedef {import("../nijigen/index.js").ErrorCode} ErrorCode */
/** @typedef {{words: string, detail: string}} Explanation the detail is in English */

/** Codes that mean the same to a visitor have the same words. */
const WORDS = /** @type {const} */ ({
  "photo-missing": "unreadable",
  "photo-unreadable": "unreadable",
  "photo-unsupported": "unsupported",
  "photo-too-large": "tooLarge",
  "photo-unreachable": "notLoaded",
  "canvas-blocked": "canvasBlocked",
  "load-failed": "notLoaded",
  "style-invalid": "wrongFile",
  "style-hash": "wrongFile",
  "engine-hash": "wrongFile",
  "gpu-unavailable": "noGpu",
  "gpu-fallback-adapter": "emulatedGpu",
  "gpu-lost": "lostGpu",
  "gpu-capacity": "smallGpu",
  "worker-crashed": "crashed",
  memory: "memory",
});

/** @param {ErrorCode | undefined} code @returns {string} one sentence */
export function wordsFor(code) {
  const known = Object.entries(WORDS).find(([other]) => other === code);
  return text(`error.${known ? known[1] : "engine"}`);
}

/** @param {unknown} thrown @returns {Explanation} */
export function explain(thrown) {
  const detail = sentence(thrown instanceof Error ? thrown.message : String(thrown));
  const code = thrown instanceof NijigenError ? thrown.code : undefined;
  return { words: joinSentences(wordsFor(code), text(adviceFor(code))), detail };
}

/** @param {ErrorCode | undefined} code */
function adviceFor(code) {
  if (code === "memory") return "advice.memory";
  if (code === "canvas-blocked") return "advice.canvas";
  return code?.startsWith("photo-") ? "advice.photo" : "advice.engine";
}

/** Shows what went wrong; nothing, if there are no words. @param {Partial<Explanation>} explanation */
export function showError({ words = "", detail = "" }) {
  const said = element("error-words", HTMLElement);
  element("error", HTMLElement).hidden = !words;
  // What is said again would be read again.
  if (said.textContent === words && element("error-detail", HTMLElement).textContent === detail) return;
  said.textContent = words;
  element("error-detail", HTMLElement).textContent = detail;
  const details = element("error-details", HTMLDetailsElement);
  details.hidden = !detail;
  details.open = isEnglish();
}
