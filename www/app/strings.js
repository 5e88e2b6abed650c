/** Everything the page says that is not in index.html. */

export const strings = {
  newRelease: "There is a new version: reload",
  startingEngine: "Getting the engine ready…",
  /** @param {number} bytes */
  loadingEngine: (bytes) => `Loading the engine: ${megabytes(bytes)}`,
  /** @param {number} bytes @param {number} total */
  loadingStyle: (bytes, total) => `Loading the style: ${megabytes(bytes)} of ${megabytes(total)}`,
  reading: "Reading the photo…",
  /** @param {number} share */
  drawing: (share) => `Drawing on the CPU: ${Math.round(share * 100)} %`,
  drawingOnGpu: "Drawing on the GPU…",
  cancelled: "Cancelled.",
  /** @param {number} width @param {number} height @param {number} ms @param {string} engine */
  done: (width, height, ms, engine) =>
    `${width} × ${height} in ${(ms / 1000).toFixed(1)} s on the ${engine}. Nothing left this device.`,
  engines: { cpu: "CPU", webgpu: "GPU (WebGPU)" },
  /** @param {string} why */
  fellBack: (why) => ` WebGPU was not used: ${sentence(why)}`,
  /** @param {string} message */
  photoFailed: (message) => `${sentence(message)} You can try another photo.`,
  /** @param {string} message */
  engineFailed: (message) => `${sentence(message)} Choose a photo to try again, or choose another engine.`,
  lookingForFaces: "Looking for faces…",
  /** @param {number} number @param {number} count @param {string} why it was left out, if it was */
  face: (number, count, why) => `Draw face ${number} of ${count}${why ? ` (${why})` : ""}`,
  outcomes: {
    unused: "not the largest",
    too_small: "too small at this size",
    turned_away: "turned away",
    invalid: "not clear enough",
  },
  /** @param {number} ms */
  facesFound: (ms) => ` Finding the faces took ${(ms / 1000).toFixed(1)} s.`,
  /** @param {import("../nijigen/index.js").DrawnFace["outcome"][]} outcomes one a face */
  facesDrawn: (outcomes) => {
    const reasons = Object.entries(strings.outcomes).flatMap(([outcome, words]) => {
      const times = outcomes.filter((other) => other === outcome).length;
      return times ? [`${times} ${words}`] : [];
    });
    if (!reasons.length) return ` ${count(outcomes.length, "face")} drawn.`;
    const done = outcomes.filter((outcome) => outcome === "done").length;
    return ` ${done} of ${count(outcomes.length, "face")} drawn: ${reasons.join(", ")}.`;
  },
  noFaceFound: " No face was found: this is the whole picture.",
  noFaceChosen: " No face is chosen: this is the whole picture.",
  noPortrait: " The faces are too small or turned away for a portrait: this is the whole picture.",
  /** @param {string} message */
  facesFailed: (message) => ` Faces could not be looked for: this is the whole picture. ${sentence(message)}`,
  notAPhoto: "That was not a photo. Choose a picture file, such as a JPEG or PNG.",
  /** @param {string} title @param {string} credit */
  sample: (title, credit) => `Sample photo: ${title} (${credit})`,
  /** @param {string} title @param {string} credit @param {string} licence */
  styleNote: (title, credit, licence) => `Style “${title}”. ${sentence(credit)} Licence: ${sentence(licence)}`,
};

/** @param {number} number @param {string} noun @returns {string} */
function count(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** @param {number} bytes */
function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** @param {string} text @returns {string} with a capital letter and an end */
function sentence(text) {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
