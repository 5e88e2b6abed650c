/** The styles as cards with a picture each; a style's networks of several sizes as a second choice. */

import { element, make } from "./dom.js";
import { inLanguage, onLanguage, text } from "./language.js";
import { recall, remember } from "./memory.js";

/** @typedef {import("../nijigen/index.js").StyleEntry} StyleEntry */

/** Of the best pictures first. */
const VARIANTS = /** @type {const} */ (["full", "compact", "tiny"]);

/** @typedef {import("../nijigen/index.js").Variant} Variant */

/**
 * Shows the styles.
 * @param {StyleEntry[]} entries of the manifest
 * @param {() => void} onChange
 * @returns {() => {style: string, variant: "auto" | Variant}} what is chosen
 */
export function startStyles(entries, onChange) {
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
    showOrigin();
  }

  /** In short, and on request in the words of the style's maker. */
  function showOrigin() {
    const available = members();
    const { name, credit, license } = available.find((entry) => variantOf(entry) === variant.value) ?? available[0];
    const [licence] = license.split(";");
    element("style-licence", HTMLElement).textContent = text("style.licence", { licence });
    element("style-ours", HTMLElement).hidden = !credit.includes("nijigen");
    // The model card names the runs.
    element("style-credit", HTMLElement).textContent = credit.split(/ Training runs? /)[0];
    element("style-card", HTMLAnchorElement).href = `styles/${name}.md`;
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
    showOrigin();
    onChange();
  });
  onLanguage(showVariants);
  showVariants();
  return () => ({ style: family, variant: /** @type {"auto" | Variant} */ (variant.value) });
}

/** @param {StyleEntry} entry @returns {Variant} a style without variants has one */
function variantOf(entry) {
  return entry.variant ?? "full";
}
