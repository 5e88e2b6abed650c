/** The styles as cards with a picture each; a style's networks of several sizes as a second choice. */

import { element, make } from "./dom.js";
import { inLanguage, onLanguage, sentence, text } from "./language.js";
import { recall, remember } from "./memory.js";

/** @typedef {import("../nijigen/index.js").StyleEntry} StyleEntry */

/** Of the best pictures first. */
const VARIANTS = /** @type {const} */ (["full", "compact", "tiny"]);

/** @typedef {(typeof VARIANTS)[number]} Variant */

/**
 * Shows the styles.
 * @param {StyleEntry[]} entries of the manifest
 * @param {() => boolean} isFast whether the device draws with the full networks in little time
 * @param {() => void} onChange
 * @returns {{chosen: () => string, lightest: () => string}} names for the engine: the chosen style's, and
 *   that of the smallest network of its family
 */
export function startStyles(entries, isFast, onChange) {
  const cards = element("styles", HTMLElement);
  const variantLabel = element("variant-label", HTMLElement);
  const variant = element("variant", HTMLSelectElement);
  /** @type {Map<string, StyleEntry[]>} */
  const families = new Map();
  for (const entry of entries) {
    const family = entry.family ?? entry.name;
    families.set(family, [...(families.get(family) ?? []), entry]);
  }
  const remembered = recall("style");
  let family = families.has(remembered) ? remembered : [...families.keys()][0];

  function members() {
    const found = families.get(family) ?? [];
    return VARIANTS.flatMap((name) => found.filter((entry) => variantOf(entry) === name));
  }

  function chosen() {
    const available = members();
    const wanted = available.find((entry) => variantOf(entry) === variant.value);
    if (wanted) return wanted;
    const automatic = isFast() ? "full" : "compact";
    return available.find((entry) => variantOf(entry) === automatic) ?? available[0];
  }

  function showVariants() {
    const available = members();
    const before = variant.value || recall("variant");
    variant.replaceChildren(
      new Option(text("variant.auto"), "auto"),
      ...available.map((entry) => {
        const size = { megabytes: (entry.bytes / 1e6).toFixed(1) };
        const words = text(`variant.${variantOf(entry)}`, size);
        const ms = entry.ms_512;
        const time = ms ? text("variant.time", { seconds: (ms / 1000).toFixed(1) }) : "";
        return new Option(words + time, variantOf(entry));
      }),
    );
    variant.value = available.some((entry) => variantOf(entry) === before) ? before : "auto";
    variantLabel.hidden = available.length < 2;
    showNote();
  }

  function showNote() {
    const { title, name, credit, license } = chosen();
    element("style-note", HTMLElement).textContent = text("style.note", {
      title: inLanguage(title) || name,
      credit: sentence(credit),
      licence: sentence(license),
    });
  }

  for (const [name, [first]] of families) {
    const input = make("input", { type: "radio", name: "style", value: name, checked: name === family });
    const image = make("img", { src: `styles/thumbnails/${name}.webp`, alt: "", width: 256, height: 256 });
    image.addEventListener("error", () => image.remove());
    const title = make("span");
    const showTitle = () => (title.textContent = inLanguage(first.title) || name);
    onLanguage(showTitle);
    showTitle();
    cards.append(make("label", {}, input, image, title));
    input.addEventListener("change", () => {
      family = name;
      remember("style", name);
      showVariants();
      onChange();
    });
  }
  variant.addEventListener("change", () => {
    remember("variant", variant.value);
    showNote();
    onChange();
  });
  onLanguage(showVariants);
  showVariants();
  return {
    chosen: () => chosen().name,
    lightest: () => members().reduce((least, entry) => (entry.bytes < least.bytes ? entry : least)).name,
  };
}

/** @param {StyleEntry} entry @returns {Variant} a style without variants has one */
function variantOf(entry) {
  return entry.variant ?? "full";
}
