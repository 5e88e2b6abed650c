/** The faces on the photo: boxes that switch each on and off, and what became of them in words. */

import { strings } from "./strings.js";

/** @typedef {import("../nijigen/index.js").Face} Face */
/** @typedef {import("../nijigen/index.js").DrawnFace["outcome"]} Outcome */

/**
 * @typedef {object} KnownFaces
 * @property {Face[]} found in the photo, from left to right
 * @property {boolean[]} chosen one a face: whether it is to be drawn
 * @property {number} ms that finding them took
 */

/** Room about a face in its box, as a part of the box. */
const ROOM = 0.12;

/**
 * Puts a button on each face.
 * @param {HTMLElement} layer that lies on the photo and has its size
 * @param {{width: number, height: number}} photo in the pixels of the faces' boxes
 * @param {KnownFaces} faces whose choice the buttons change
 * @param {() => void} onChange
 */
export function showFaceBoxes(layer, photo, faces, onChange) {
  layer.style.setProperty("--ratio", String(photo.width / photo.height));
  /** @param {number} share */
  const percent = (share) => `${100 * share}%`;
  const buttons = faces.found.map(({ box: [x, y, width, height] }, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.style.left = percent((x + width / 2) / photo.width);
    button.style.top = percent((y + height / 2) / photo.height);
    button.style.width = percent((width * (1 + 2 * ROOM)) / photo.width);
    button.style.height = percent((height * (1 + 2 * ROOM)) / photo.height);
    button.ariaPressed = String(faces.chosen[i]);
    button.addEventListener("click", () => {
      faces.chosen[i] = !faces.chosen[i];
      button.ariaPressed = String(faces.chosen[i]);
      onChange();
    });
    return button;
  });
  layer.replaceChildren(...buttons);
  labelFaceBoxes(layer, faces, []);
  layer.hidden = false;
}

/**
 * Says at each box what became of its face.
 * @param {HTMLElement} layer
 * @param {KnownFaces} faces
 * @param {Outcome[]} outcomes of the chosen ones
 */
export function labelFaceBoxes(layer, faces, outcomes) {
  const remaining = [...outcomes];
  [...layer.children].forEach((button, i) => {
    const outcome = faces.chosen[i] ? remaining.shift() : undefined;
    const why = outcome && outcome !== "done" ? strings.outcomes[outcome] : "";
    button.ariaLabel = strings.face(i + 1, faces.found.length, why);
    /** @type {HTMLElement} */ (button).title = button.ariaLabel;
    button.classList.toggle("left-out", why !== "");
  });
}

/** @param {KnownFaces} faces @returns {Face[]} */
export function chosenFaces({ found, chosen }) {
  return found.filter((_, i) => chosen[i]);
}
