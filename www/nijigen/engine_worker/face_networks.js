/** The networks for faces: loaded beside the style's own when the first face is to be drawn. */

import { useStyle } from "./loading.js";

/** A portrait network's meshes have at least so many points. */
const MESH_POINTS = 468;

/** Of one stylizer. */
export class FaceNetworks {
  #stylizer;
  #request;
  #int8;
  #hasPortrait = false;
  #hasSegmentation = false;

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
   * Gets them ready, if there are some for such faces. What has failed is tried again.
   * @param {import("../shared/protocol.js").FacesToDraw | undefined} faces to be drawn
   * @param {import("../shared/answer_requests.js").Progress} progress
   * @returns {Promise<string | undefined>} why they could not be had: the style's own network draws the faces then
   */
  async prepare(faces, progress) {
    const { portrait, segmentation, keep } = this.#request;
    if (!portrait || this.#hasPortrait || faces?.mode === "live" || !faces?.landmarks.length || faces.kind < MESH_POINTS) return undefined;
    try {
      if (segmentation && !this.#hasSegmentation) {
        await useStyle(segmentation, keep, progress, (bytes) => {
          // With products in 8 bits it is too far from its known answer.
          return this.#stylizer.add_segmentation(bytes, segmentation.sha256, false);
        });
        this.#hasSegmentation = true;
      }
      await useStyle(portrait, keep, progress, (bytes) => {
        return this.#stylizer.add_portrait(bytes, portrait.sha256, this.#int8);
      });
      this.#hasPortrait = true;
      return undefined;
    } catch (thrown) {
      return thrown instanceof Error ? thrown.message : String(thrown);
    }
  }
}
