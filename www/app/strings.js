/** Everything the page says that is not in index.html. */

export const strings = {
  loadingEngine: "Getting the engine ready…",
  /** @param {number} share */
  loadingStyle: (share) => `Loading the style: ${percent(share)}`,
  reading: "Reading the photo…",
  /** @param {number} share */
  drawing: (share) => `Drawing: ${percent(share)}`,
  drawingOnGpu: "Drawing on the GPU…",
  /** @param {number} width @param {number} height @param {number} ms @param {string} engine */
  done: (width, height, ms, engine) =>
    `${width} × ${height} in ${(ms / 1000).toFixed(1)} s on the ${engine}. Nothing left this device.`,
  engines: { cpu: "CPU", webgpu: "GPU (WebGPU)" },
  /** @param {string} why */
  fellBack: (why) => ` The CPU was used: ${why}`,
  /** @param {string} message */
  failed: (message) => `${message} You can try another photo.`,
  notAPhoto: "That was not a photo. Choose a picture file, such as a JPEG or PNG.",
  /** @param {string} title @param {string} credit */
  sample: (title, credit) => `Sample photo: ${title} (${credit})`,
  /** @param {string} title @param {string} credit @param {string} licence */
  styleNote: (title, credit, licence) => `Style “${title}”. ${credit} Licence: ${licence}`,
};

/** @param {number} share 0 to 1 */
function percent(share) {
  return `${Math.round(share * 100)} %`;
}
