/** A photo that is converted more than once. */

/** @typedef {import("../shared/protocol.js").Pixels} Pixels */

/**
 * A photo that stays decoded from its first conversion until it is closed: for a small picture before the full one,
 * or for other faces of it. {@link import("./stylizer.js").Stylizer.open} makes it. An engine holds the pixels of one photo at
 * a time: while another one is converted, they are given up, and decoded again when they are needed.
 */
export class OpenPhoto {
  /** The photo as the engine takes it, for every engine that opens it. @type {Promise<Blob | Pixels>} @readonly */
  content;
  #onClose;

  /**
   * @param {Promise<Blob | Pixels>} content
   * @param {(photo: OpenPhoto) => void} [onClose]
   */
  constructor(content, onClose = () => {}) {
    this.content = content;
    this.#onClose = onClose;
    // Told when it is the photo's turn.
    content.catch(() => {});
  }

  /** Gives its pixels back. Converted again, it is a photo like others. */
  close() {
    this.#onClose(this);
  }
}
