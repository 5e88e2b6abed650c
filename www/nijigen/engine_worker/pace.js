/** How long pictures take. */

/** Sides of the picture whose time is taken before there was a photo, in pixels. */
const PROBE_SIDE_PX = { cpu: 128, gpu: 256 };

/** The time that an engine takes for its work, as measured last. */
export class Pace {
  #stylizer;
  /** @type {number | undefined} */
  #msPerWork;

  /** @param {import("./module.js").Stylizer} stylizer */
  constructor(stylizer) {
    this.#stylizer = stylizer;
  }

  /**
   * Measured by a small picture if no photo was drawn yet.
   * @param {number} width of what the network is to be run on
   * @param {number} height
   * @returns {Promise<import("../shared/protocol.js").Estimated>}
   */
  async estimate(width, height) {
    const stylizer = this.#stylizer;
    if (this.#msPerWork === undefined) {
      const side = PROBE_SIDE_PX[/** @type {"cpu" | "gpu"} */ (stylizer.engine)];
      const startedAt = performance.now();
      await stylizer.run(new Float32Array(3 * side * side), side, side);
      this.learn(side, side, performance.now() - startedAt);
    }
    const ms = this.#work(width, height) * (this.#msPerWork ?? 0);
    return stylizer.engine === "gpu" ? { ms } : { bytes: stylizer.peak_bytes(width, height), ms };
  }

  /**
   * @param {number} width of a picture that was drawn, in pixels
   * @param {number} height
   * @param {number} ms that it took
   */
  learn(width, height, ms) {
    this.#msPerWork = ms / this.#work(width, height);
  }

  /** Operations on the CPU; pixels on a GPU. @param {number} width @param {number} height @returns {number} */
  #work(width, height) {
    const stylizer = this.#stylizer;
    return stylizer.engine === "gpu" ? width * height : stylizer.work(width, height);
  }
}
