/**
 * Messages between the page and its workers. A request is `{v, id, type, ...}`; it is answered by any number of
 * `progress` and one `result` or `error` with the same `id`. A `total` of 0 means that it is not known.
 *
 * {@link EngineRequests} and {@link FaceRequests} are all that may be asked, and what is answered: clients and workers
 * are checked against them.
 */

export const PROTOCOL_VERSION = 2;

/** Photo files above this many pixels are shrunk by the browser before they are copied to the engine. */
export const MAX_COPIED_PIXELS = 24e6;

/** @typedef {Record<string, {request: object, result: unknown}>} Requests by their type */

/**
 * What the engine's worker is asked. A photo is opened (decoded) once, and named by its id in what follows.
 * @typedef {{
 *   start: {request: StartRequest, result: Started},
 *   open: {request: OpenRequest, result: PhotoHandle},
 *   close: {request: PhotoRequest, result: void},
 *   lend: {request: LendRequest, result: void},
 *   copy: {request: PhotoRequest, result: Pixels},
 *   stylize: {request: StylizeRequest, result: Stylized},
 *   selfcheck: {request: {}, result: number | undefined},
 *   estimate: {request: EstimateRequest, result: Estimated},
 * }} EngineRequests
 */

/** What the faces' worker is asked. @typedef {{detect: {request: DetectRequest, result: Face[]}}} FaceRequests */

/** @typedef {"engine" | "style" | "stylize"} ProgressKey what is loaded, or that a photo is converted */

/** @typedef {import("./assets.js").Asset & {sha256: string}} StyleSource an empty hash skips the check */

/**
 * @typedef {object} Pixels straight RGBA
 * @property {Uint8ClampedArray<ArrayBuffer>} rgba
 * @property {number} width
 * @property {number} height
 */

/**
 * @typedef {object} Face
 * @property {[x: number, y: number, width: number, height: number]} box about the face, in pixels of
 *   the upright photo (EXIF orientation applied) from its top left corner
 * @property {number} score how sure its finder is, 0 to 1
 * @property {Float32Array} landmarks x and y of each point, in the same pixels
 * @property {"5" | "68" | "468" | "478"} kind of landmarks: left eye, right eye, nose and corners of the mouth
 *   as the viewer sees them; the 68 points of iBUG 300-W; the first 468 of MediaPipe's face mesh, and with them the
 *   ten of the irises. A portrait network draws faces of the last two kinds
 */

/**
 * @typedef {object} StartRequest
 * @property {"cpu" | "gpu"} engine
 * @property {Record<string, import("./assets.js").Asset>} modules WebAssembly modules by their paths in `nijigen/wasm/`
 * @property {number} [threads] wish for the CPU engine
 * @property {"auto" | "f32" | "int8"} precision of the CPU engine's products
 * @property {StyleSource} style
 * @property {StyleSource} [lighter] taken in place of `style` if that proves to be slow here
 * @property {StyleSource} [portrait] network for faces, fetched when there is one to draw
 * @property {StyleSource} [segmentation] network that tells skin and hair around such faces, fetched with that
 * @property {boolean} allowFallbackAdapter whether a software GPU is acceptable
 * @property {boolean} keep whether engine and style may be kept in Cache storage
 * @property {string} [workerUrl] script of the threads, see `start_worker.js`
 */

/**
 * @typedef {object} Started
 * @property {Record<string, unknown>} header of the style file
 * @property {boolean} isLighter whether the lighter one was taken
 */

/**
 * @typedef {object} OpenRequest
 * @property {number} photo the id that it is to have, a new one
 * @property {Blob | Pixels} content
 */

/**
 * @typedef {object} PhotoHandle an open photo, upright
 * @property {number} photo its id
 * @property {number} width in pixels
 * @property {number} height
 * @property {number} scale of these pixels by those of the file: below 1 if the photo was shrunk
 * @property {number} [missing] share of the photo's rows that are missing, if its file ends early; 0 if it is only less sharp
 */

/**
 * @typedef {object} PhotoRequest
 * @property {number} photo id of one that is open; to `close` one that is not is nothing
 */

/**
 * @typedef {PhotoRequest & {port: MessagePort}} LendRequest sends the photo's {@link Pixels} through the port, from
 *   where `rgba` must come back; what is asked of the photo next waits for that
 */

/**
 * @typedef {object} StylizeRequest
 * @property {number} photo id of one that is open
 * @property {number} size limit of the picture's longer side, in pixels
 * @property {number} strength share of the picture in a mixture with the photo, 0 to 1
 * @property {boolean} sideBySide whether the photo is put beside the picture
 * @property {{type: string, quality: number}} [encode] the file to answer with, instead of pixels
 * @property {FacesToDraw} [faces] to draw, too or alone
 */

/**
 * @typedef {object} FacesToDraw
 * @property {"faces" | "both" | "live"} mode
 * @property {5 | 68 | 468 | 478} kind of landmarks: points of a face
 * @property {Float32Array} landmarks of all faces, in pixels of the upright photo
 * @property {number} likeness how much of their own proportions faces keep, 0 to 1
 */

/** @typedef {"done" | "unused" | "too_small" | "turned_away" | "invalid"} Outcome of a face; "unused" is one that is not the
 *   largest of a portrait's photo */

/**
 * @typedef {{width: number, height: number, outcomes: Outcome[], portraitFailed?: string, missing?: number}
 *   & ({blob: Blob} | {rgba: Uint8ClampedArray<ArrayBuffer>})} Stylized
 *   a file or pixels, one outcome a face, why faces were not left to the portrait network, and `missing` of the {@link PhotoHandle}
 */

/**
 * @typedef {object} EstimateRequest asks what a run of the style's network takes
 * @property {number} width of its picture in pixels
 * @property {number} height
 */

/** @typedef {{bytes?: number, ms: number}} Estimated bytes at most at a time; not known of a GPU */

/**
 * @typedef {object} DetectRequest asks for the faces in a photo, best first
 * @property {MessagePort} port through which the photo comes, see {@link LendRequest}
 * @property {Record<string, import("./assets.js").Asset>} files of the detector, by name
 * @property {boolean} keep whether they may be kept in Cache storage
 */

/**
 * @typedef {object} Cancel is sent like a request and not answered; the request that it names ends with "cancelled" as
 *   soon as its worker listens
 * @property {number} v
 * @property {"cancel"} type
 * @property {number} request its id
 */

/**
 * @typedef {{v: number, id: number} & (
 *   | {type: "progress", key: ProgressKey, current: number, total: number}
 *   | {type: "result", result: unknown}
 *   | {type: "error", code: import("./errors.js").ErrorCode, message: string}
 * )} Reply
 */
