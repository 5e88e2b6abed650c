/** The faces of a photo: buttons that switch each on and off, and what became of them in words. */

import { countedText, joinSentences, text } from "./language.js";

/** @typedef {import("../nijigen/index.js").Face} Face */
/** @typedef {import("../nijigen/index.js").DrawnFace["outcome"]} Outcome */

/**
 * @typedef {object} KnownFaces
 * @property {Face[]} found in the photo, from left to right
 * @property {boolean[]} chosen one a face: whether it is to be drawn
 * @property {number} ms that finding them took
 */

/**
 * What became of a photo's faces.
 * @typedef {object} FacesReport
 * @property {"drawn" | "noneFound" | "noneChosen" | "noPortrait" | "failed"} kind
 * @property {Outcome[]} [outcomes] of the chosen faces, from left to right
 * @property {boolean} [isWithoutNetwork] the network for faces could not be loaded
 */

/** Room about a face in its box, as a part of the box. */
const ROOM = 0.12;

/** Side of a face that is shown by itself, in pixels. */
const PORTRAIT_PX = 120;

/** @type {Outcome[]} */
const LEFT_OUT = ["unused", "too_small", "turned_away", "invalid"];

/**
 * Puts a button on each face.
 * @param {HTMLElement} layer that lies on the photo and has its size
 * @param {{width: number, height: number}} photo in the pixels of the faces' boxes
 * @param {KnownFaces} faces whose choice the buttons change
 * @param {() => void} onChange
 */
export function showFaceBoxes(layer, photo, faces, onChange) {
  /** @param {number} share */
  const percent = (share) => `${100 * share}%`;
  const buttons = faceButtons(faces, onChange);
  faces.found.forEach(({ box: [x, y, width, height] }, i) => {
    const { style } = buttons[i];
    style.left = percent((x + width / 2) / photo.width);
    style.top = percent((y + height / 2) / photo.height);
    style.width = percent((width * (1 + 2 * ROOM)) / photo.width);
    style.height = percent((height * (1 + 2 * ROOM)) / photo.height);
  });
  layer.replaceChildren(...buttons);
}

/**
 * Shows each face as a button, where the picture is a portrait and the photo is not seen as a whole.
 * @param {HTMLElement} row
 * @param {ImageBitmap} photo
 * @param {number} scale of `photo` by the photo that the boxes belong to
 * @param {KnownFaces} faces whose choice the buttons change
 * @param {() => void} onChange
 */
export function showFaceChoice(row, photo, scale, faces, onChange) {
  const buttons = faceButtons(faces, onChange);
  faces.found.forEach(({ box: [x, y, width, height] }, i) => {
    const side = Math.max(width, height) * (1 + 2 * ROOM);
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = PORTRAIT_PX;
    const [left, top] = [x + width / 2 - side / 2, y + height / 2 - side / 2].map((at) => at * scale);
    canvas.getContext("2d")?.drawImage(photo, left, top, side * scale, side * scale, 0, 0, PORTRAIT_PX, PORTRAIT_PX);
    buttons[i].append(canvas);
  });
  row.replaceChildren(...buttons);
}

/**
 * @param {KnownFaces} faces
 * @param {() => void} onChange
 * @returns {HTMLButtonElement[]} one a face
 */
function faceButtons(faces, onChange) {
  return faces.found.map((_, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.ariaPressed = String(faces.chosen[i]);
    button.addEventListener("click", () => {
      faces.chosen[i] = !faces.chosen[i];
      button.ariaPressed = String(faces.chosen[i]);
      onChange();
    });
    return button;
  });
}

/**
 * Says at each button what became of its face.
 * @param {HTMLElement} container
 * @param {KnownFaces} faces
 * @param {Outcome[]} outcomes of the chosen ones
 */
export function labelFaces(container, faces, outcomes) {
  const remaining = [...outcomes];
  [...container.children].forEach((button, i) => {
    const outcome = faces.chosen[i] ? remaining.shift() : undefined;
    const place = { number: i + 1, count: faces.found.length };
    const isLeftOut = outcome !== undefined && outcome !== "done";
    button.ariaLabel = isLeftOut
      ? text("faces.faceLeftOut", { ...place, why: text(`faces.${outcome}`) })
      : text("faces.face", place);
    /** @type {HTMLElement} */ (button).title = button.ariaLabel;
    button.classList.toggle("left-out", isLeftOut);
  });
}

/** @param {KnownFaces} faces @returns {Face[]} */
export function chosenFaces({ found, chosen }) {
  return found.filter((_, i) => chosen[i]);
}

/**
 * @param {FacesReport} report
 * @param {KnownFaces | undefined} faces
 * @returns {string} sentences
 */
export function facesText({ kind, outcomes = [], isWithoutNetwork = false }, faces) {
  if (kind !== "drawn") return text(`faces.${kind}`);
  const drawn = drawnText(outcomes);
  const time = faces?.ms ? text("faces.time", { seconds: (faces.ms / 1000).toFixed(1) }) : "";
  return joinSentences(drawn, isWithoutNetwork ? text("faces.withoutNetwork") : "", time);
}

/** @param {Outcome[]} outcomes @returns {string} a sentence */
function drawnText(outcomes) {
  const reasons = LEFT_OUT.flatMap((outcome) => {
    const count = outcomes.filter((other) => other === outcome).length;
    const why = outcome === "done" ? "" : text(`faces.${outcome}`);
    return count ? [text("faces.reason", { count, why })] : [];
  });
  if (!reasons.length) return countedText("faces.drawn", outcomes.length);
  const done = outcomes.filter((outcome) => outcome === "done").length;
  const list = new Intl.ListFormat(document.documentElement.lang, { style: "narrow" }).format(reasons);
  return text("faces.someDrawn", { done, count: outcomes.length, reasons: list });
}
