/** Photo and picture on top of each other, with a line between them that can be moved. */

import { onLanguage, text } from "./language.js";

/**
 * Lets the line be moved by pointer anywhere on the pictures, and by keyboard through the range input.
 * @param {HTMLElement} container with a `.before`, an `.after` and an `input[type=range]`
 */
export function startComparison(container) {
  const slider = /** @type {HTMLInputElement} */ (container.querySelector("input"));
  const show = () => {
    container.style.setProperty("--split", `${slider.value}%`);
    slider.ariaValueText = text("compare.value", { percent: slider.value });
  };
  slider.addEventListener("input", show);
  onLanguage(show);
  show();

  /** @param {PointerEvent} event */
  const follow = (event) => {
    const { left, width } = container.getBoundingClientRect();
    slider.value = String((100 * (event.clientX - left)) / width);
    show();
  };
  container.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || /** @type {Element} */ (event.target).closest("button")) return;
    container.setPointerCapture(event.pointerId);
    // A finger may be about to scroll the page: it moves the line when it moves sideways.
    if (event.pointerType === "mouse") {
      event.preventDefault();
      follow(event);
    }
  });
  container.addEventListener("pointermove", (event) => {
    if (container.hasPointerCapture(event.pointerId)) follow(event);
  });
}
