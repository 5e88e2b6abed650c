/**
 * Messages between the page and its workers, for engines and for faces. Requests are `{v, id, type, ...}`; each is answered by
 * any number of `progress` and one `result` or `error` with the same `id`. A `total` of 0 means that
 * it is not known.
 */

export const PROTOCOL_VERSION = 1;

/** @typedef {"engine" | "style" | "stylize"} ProgressKey what is loaded, or that a photo is converted */

/** @typedef {import("./assets.js").Asset & {sha256: string}} StyleSource an empty hash skips the check */

/**
 * @typedef {object} Pixels straight RGBA
 * @property {Uint8ClampedArray} rgba
 * @property {number} width
 * @property {number} height
 */

/**
 * @typedef {object} StartRequest
 * @property {"start"} type
 * @property {"cpu" | "gpu"} engine
 * @property {string} modulesUrl folder of the engines' WebAssembly modules
 * @property {number} [threads] wish for the CPU engine
 * @property {"auto" | "f32" | "int8"} precision of the CPU engine's products
 * @property {StyleSource} style
 * @property {StyleSource} [lighter] taken in place of `style` if that proves to be slow here
 * @property {boolean} allowFallbackAdapter whether a software GPU is acceptable
 * @property {boolean} keep whether engine and style may be kept in Cache storage
 * @property {string} [workerUrl] script of the threads, see `start_worker.js`
 */

/**
 * @typedef {object} StylizeRequest
 * @property {"stylize"} type
 * @property {Blob | Pixels} photo
 * @property {number} size limit of the picture's longer side, in pixels
 * @property {number} strength share of the picture in a mixture with the photo, 0 to 1
 * @property {boolean} sideBySide whether the photo is put beside the picture
 * @property {{type: string, quality: number}} [encode] the file to answer with, instead of pixels
 * @property {FacesToDraw} [faces] to draw, too or alone
 */

/**
 * @typedef {object} FacesToDraw
 * @property {"faces" | "both"} mode
 * @property {5 | 68 | 468} kind of landmarks: points of a face
 * @property {Float32Array} landmarks of all faces, in pixels of the upright photo
 */

/**
 * @typedef {object} DecodeRequest asks for a photo file's pixels
 * @property {"decode"} type
 * @property {Blob} photo
 */

/**
 * @typedef {object} DetectRequest asks for the faces in a photo, best first
 * @property {"detect"} type
 * @property {string} facesUrl folder of the detector
 * @property {boolean} keep whether its files may be kept in Cache storage
 * @property {Pixels} photo
 */

/** @typedef {{type: "selfcheck"}} SelfcheckRequest asks for the error against the known answer */

/**
 * @typedef {object} EstimateRequest asks what a conversion takes
 * @property {"estimate"} type
 * @property {[width: number, height: number][]} sizes of what the network is to be run on, in pixels
 */

/** @typedef {{bytes?: number, ms: number}} Estimated bytes at most at a time; not known of a GPU */

/**
 * @typedef {object} CancelRequest is not answered; the request that it names ends with "cancelled"
 *   as soon as its engine listens
 * @property {"cancel"} type
 * @property {number} request its id
 */

/** @typedef {StartRequest | StylizeRequest | DecodeRequest | SelfcheckRequest | DetectRequest
 *   | EstimateRequest} Request */

/**
 * @typedef {object} Started
 * @property {Record<string, unknown>} header of the style file
 * @property {boolean} isLighter whether the lighter one was taken
 */

/**
 * @typedef {object} Stylized
 * @property {Blob} [blob]
 * @property {Uint8ClampedArray} [rgba]
 * @property {number} width
 * @property {number} height
 * @property {string[]} [outcomes] one a face, see `DrawnFace`
 */

/** @typedef {Pixels & {scale: number}} Decoded upright; `scale` is below 1 if the photo was shrunk */

/**
 * @typedef {{v: number, id: number} & (
 *   | {type: "progress", key: ProgressKey, current: number, total: number}
 *   | {type: "result", result: unknown}
 *   | {type: "error", code: import("./errors.js").ErrorCode, message: string}
 * )} Reply
 */
