/** The network for faces: loaded beside the style's own when the first face is to be drawn. */

import { useStyle } from "./loading.js";

/** A portrait network's meshes have at least so many points. */
const MESH_POINTS = 468;

/** Of one stylizer. */
export class Portrait {
  #stylizer;
  #request;
  #int8;
  #isLoaded = false;

  /**
   * @param {import("./module.js").Stylizer} stylizer
   * @param {import("../shared/protocol.js").StartRequest} request that it was started by
   * @param {boolean} int8 whether products are in 8 bits
   */
  constructor(stylizer, request, int8) {
    this.#stylizer = stylizer;
    this.#request = request;
    this.#int8 = int8;
  }

  /**
   * Gets it ready, if there is one for such faces. What has failed is tried again.
   * @param {import("../shared/protocol.js").FacesToDraw | undefined} faces to be drawn
   * @param {import("../shared/answer_requests.js").Progress} progress
   * @returns {Promise<string | undefined>} why it could not be had: the style's own network draws the faces then
   */
  async prepare(faces, progress) {
    const { portrait, keep } = this.#request;
    if (!portrait || this.#isLoaded || faces?.mode === "live" || !faces?.landmarks.length || faces.kind < MESH_POINTS) return undefined;
    try {
      await useStyle(portrait, keep, progress, (bytes) => {
        return this.#stylizer.add_portrait(bytes, portrait.sha256, this.#int8);
      });
      this.#isLoaded = true;
      return undefined;
    } catch (thrown) {
      return thrown instanceof Error ? thrown.message : String(thrown);
    }
  }
}
