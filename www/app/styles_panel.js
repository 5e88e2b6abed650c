/** The looks as cards with a picture each; a look's networks of several sizes as a second choice. */

import { element, make } from "./dom.js";
import { inLanguage, onLanguage, text } from "./language.js";
import { recall, remember } from "./memory.js";

/** @typedef {import("../nijigen/index.js").Look} Look */

/** Of the best pictures first. */
const VARIANTS = /** @type {const} */ (["full", "compact", "tiny"]);

/** @typedef {import("../nijigen/index.js").Variant} Variant */

/**
 * Shows the looks.
 * @param {Look[]} looks
 * @param {() => void} onChange
 * @returns {{readStyle: () => {style: string, variant: "auto" | Variant}, hasPortrait: () => boolean}} what is chosen, and
 *   whether a network of its own draws faces
 */
export function startStyles(looks, onChange) {
  const cards = element("styles", HTMLElement);
  const variantLabel = element("variant-label", HTMLElement);
  const variant = element("variant", HTMLSelectElement);
  const remembered = recall("style");
  let look = looks.find(({ name }) => name === remembered) ?? looks[0];

  function members() {
    return VARIANTS.flatMap((name) => look.networks.filter((entry) => entry.variant === name));
  }

  function showVariants() {
    const available = members();
    const before = variant.value || recall("variant");
    variant.replaceChildren(
      new Option(text("variant.auto"), "auto"),
      ...available.map((entry) => {
        const size = { megabytes: (entry.bytes / 1e6).toFixed(1) };
        const words = text(`variant.${entry.variant}`, size);
        const ms = entry.ms_512;
        const time = ms ? text("variant.time", { seconds: (ms / 1000).toFixed(1) }) : "";
        return new Option(words + time, entry.variant);
      }),
    );
    variant.value = available.some((entry) => entry.variant === before) ? before : "auto";
    variantLabel.hidden = available.length < 2;
    showOrigin();
  }

  /** In short, and on request in the words of the style's maker. */
  function showOrigin() {
    const available = members();
    const { name, credit, license } = available.find((entry) => entry.variant === variant.value) ?? available[0];
    const [licence] = license.split(";");
    element("style-licence", HTMLElement).textContent = text("style.licence", { licence });
    element("style-ours", HTMLElement).hidden = !credit.includes("nijigen");
    element("style-credit", HTMLElement).textContent = withoutRuns(credit);
    element("style-card", HTMLAnchorElement).href = `styles/${name}.md`;
    const { portrait, segmentation } = look;
    element("segmentation-origin", HTMLElement).hidden = !segmentation;
    if (segmentation) element("segmentation-card", HTMLAnchorElement).href = `styles/${segmentation.name}.md`;
    element("portrait-origin", HTMLElement).hidden = !portrait;
    if (!portrait) return;
    element("portrait-credit", HTMLElement).textContent = `${withoutRuns(portrait.credit)} ${portrait.license}.`;
    element("portrait-card", HTMLAnchorElement).href = `styles/${portrait.name}.md`;
  }

  for (const shown of looks) {
    const { name } = shown;
    const input = make("input", { type: "radio", name: "style", value: name, checked: shown === look });
    const image = make("img", { src: `styles/thumbnails/${name}.webp`, alt: "", width: 256, height: 256 });
    image.addEventListener("error", () => image.remove());
    const title = make("strong");
    const about = make("small");
    const showWords = () => {
      title.textContent = inLanguage(shown.title) || name;
      about.textContent = inLanguage(shown.about);
    };
    onLanguage(showWords);
    showWords();
    cards.append(make("label", {}, input, image, make("span", {}, title, about)));
    input.addEventListener("change", () => {
      look = shown;
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
  return {
    readStyle: () => ({ style: look.name, variant: /** @type {"auto" | Variant} */ (variant.value) }),
    hasPortrait: () => look.portrait !== undefined,
  };
}

/** The model card names the runs. @param {string} credit */
function withoutRuns(credit) {
  return credit.split(/ Training runs? /)[0];
}
