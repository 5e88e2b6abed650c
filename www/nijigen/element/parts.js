/** What is inside of a `<nijigen-photo>`, and how it looks. */

const CSS = `
:host {
  display: inline-block;
  position: relative;
  max-width: 100%;
  overflow: hidden;
  vertical-align: bottom;
  background: var(--nijigen-background, transparent);
  border-radius: var(--nijigen-radius, 0);
}
:host([hidden]), [hidden] { display: none !important; }
.frame { position: relative; direction: ltr; }
canvas { display: block; width: 100%; height: auto; }
.picture { position: absolute; inset: 0; height: 100%; }
.compared .picture { clip-path: inset(0 0 0 var(--split)); }
.divider, .slider { display: none; }
.compared .divider {
  display: block;
  position: absolute;
  inset-block: 0;
  left: var(--split);
  width: var(--nijigen-divider-width, 2px);
  translate: -50%;
  background: var(--nijigen-divider-color, #fff);
  box-shadow: 0 0 3px #0009;
  pointer-events: none;
}
.divider::after {
  content: "";
  position: absolute;
  top: 50%;
  left: 50%;
  width: var(--nijigen-handle-size, 36px);
  aspect-ratio: 1;
  translate: -50% -50%;
  box-sizing: border-box;
  border: 2px solid var(--nijigen-divider-color, #fff);
  border-radius: 50%;
  background: #0006;
  box-shadow: 0 0 3px #0009;
}
.compared .slider {
  display: block;
  position: absolute;
  inset: 0;
  width: 100%;
  height: 100%;
  margin: 0;
  opacity: 0;
  cursor: ew-resize;
  touch-action: pan-y;
}
@media (forced-colors: active) {
  .compared .slider { opacity: 1; }
  .compared .divider { border-inline: 2px solid CanvasText; }
}
.slider:focus-visible + .divider::after {
  outline: 3px solid var(--nijigen-focus-color, #1769ff);
  outline-offset: 2px;
}
progress {
  position: absolute;
  inset: auto 8px 8px;
  width: calc(100% - 16px);
  accent-color: var(--nijigen-progress-color, auto);
}
.empty progress { position: static; margin: 8px; }
.error { margin: 0; padding: 8px; color: var(--nijigen-error-color, #b3261e); }
`;

/** @type {CSSStyleSheet | undefined} shared by all elements; a strict policy allows it, unlike `<style>` */
let sheet;

/** What the parts are called by assistive technology, by language. */
const LABELS = {
  en: { compare: "Compare: the photo left, the picture right", progress: "The picture is being made" },
  zh: { compare: "对比：左侧为照片，右侧为动漫图", progress: "正在生成图片" },
};

/** @typedef {ReturnType<typeof buildParts>} Parts */

/**
 * Fills a shadow root.
 * @param {ShadowRoot} root
 */
export function buildParts(root) {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
  }
  root.adoptedStyleSheets = [sheet];
  const frame = make("div", "frame");
  const photo = make("canvas", "photo");
  const picture = make("canvas", "picture");
  const slider = make("input", "slider");
  Object.assign(slider, { type: "range", min: "0", max: "100", step: "1", value: "50" });
  const divider = make("div", "divider");
  const progress = make("progress", "progress");
  const error = make("p", "error");
  error.setAttribute("role", "alert");
  const errorSlot = document.createElement("slot");
  errorSlot.name = "error";
  error.append(errorSlot);
  const fallback = document.createElement("slot");
  picture.setAttribute("role", "img");
  photo.setAttribute("aria-hidden", "true");
  divider.setAttribute("aria-hidden", "true");
  photo.hidden = picture.hidden = progress.hidden = error.hidden = true;
  frame.classList.add("empty");
  frame.append(fallback, photo, picture, slider, divider, progress);
  root.append(frame, error);
  slider.addEventListener("input", () => frame.style.setProperty("--split", `${slider.value}%`));
  frame.style.setProperty("--split", `${slider.value}%`);
  return { frame, fallback, photo, picture, slider, progress, error, errorSlot };
}

/**
 * Names the parts in the language of the page.
 * @param {Parts} parts
 * @param {Element} element
 */
export function labelParts({ slider, progress }, element) {
  const language = element.closest("[lang]")?.getAttribute("lang") ?? "";
  const labels = LABELS[language.startsWith("zh") ? "zh" : "en"];
  slider.setAttribute("aria-label", labels.compare);
  progress.setAttribute("aria-label", labels.progress);
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} name of the part, and its class
 * @returns {HTMLElementTagNameMap[Tag]}
 */
function make(tag, name) {
  const element = document.createElement(tag);
  element.className = name;
  element.setAttribute("part", name);
  return element;
}
