/** A style on an engine, as a host uses it. */

import { cancelled } from "../shared/errors.js";
import { untilAborted } from "./abort.js";
import { convert, findFaces } from "./conversion.js";
import { Engine } from "./engine.js";
import { estimate } from "./estimate.js";
import { FaceDetector } from "./face_detector.js";
import { OpenPhoto } from "./open_photo.js";
import { completeStylizerOptions } from "./options.js";
import { readPhoto } from "./photo.js";
import { Queue } from "./queue.js";

/** @typedef {import("./options.js").Face} Face */
/** @typedef {import("./options.js").FaceProvider} FaceProvider */
/** @typedef {import("./options.js").Picture} Picture */
/** @typedef {import("./options.js").StylizeOptions} StylizeOptions */
/** @typedef {import("./photo.js").Source} Source */

/** A style on an engine; `createStylizer` makes it. Photos are converted one after the other. */
export class Stylizer {
  #engine;
  #faceDetector;
  /** Photos that are kept decoded until they are closed. @type {Set<OpenPhoto>} */
  #kept = new Set();
  /** The photo being converted, and those that wait. */
  #queue = Promise.resolve();

  /**
   * @param {import("./running_engine.js").EngineFiles & Pick<import("./package_files.js").PackageFiles, "faces">} files
   * @param {import("./options.js").StylizerOptions} options that were checked
   */
  constructor(files, options) {
    const complete = completeStylizerOptions(options);
    this.#engine = new Engine(files, complete);
    const scripts = { workerUrl: complete.workerUrl, folder: files.scripts };
    this.#faceDetector = new FaceDetector(files.faces, complete.cache, scripts);
  }

  /** The engine in use. @returns {"cpu" | "webgpu"} */
  get engine() {
    return this.#engine.name;
  }

  /** Why another engine than the one asked for is used, if so. */
  get fellBack() {
    return this.#engine.fellBack?.message;
  }

  /** Of the network in use, as far as the manifest tells. @returns {import("./options.js").Variant | undefined} */
  get variant() {
    return this.#engine.variant;
  }

  /** The style file's header: name, provenance, licence and more. */
  get style() {
    return this.#engine.header;
  }

  /** Starts an engine unless one runs; a failed start can be tried again. @returns {Promise<void>} */
  ready() {
    return this.#engine.ready();
  }

  /**
   * Converts a photo. Photos given while one is converted wait for their turn.
   * @param {Source} source
   * @param {StylizeOptions} [options]
   * @returns {Promise<Picture>}
   * @throws {import("../shared/errors.js").NijigenError} with code "cancelled" if the signal is aborted, and "no-face"
   *   if only faces are wanted and there is none that can be drawn
   */
  stylize(source, options = {}) {
    return this.#inTurn(source, options.signal, (photo) => convert(this.#engine, this.#faceDetector, photo, options));
  }

  /**
   * Finds the faces in a photo, for `landmarks` of {@link stylize}.
   * @param {Source} source
   * @param {{signal?: AbortSignal, faceProvider?: FaceProvider}} [options]
   * @returns {Promise<Face[]>} in pixels of the upright photo; empty if there are none
   * @throws {import("../shared/errors.js").NijigenError} with code "cancelled" if the signal is aborted
   */
  detectFaces(source, { signal, faceProvider } = {}) {
    const finder = faceProvider ?? this.#faceDetector;
    return this.#inTurn(source, signal, (photo) => findFaces(this.#engine, finder, photo, signal));
  }

  /**
   * A photo that is to be converted more than once, in place of its source: from the first time on it stays
   * decoded in the engine's worker, until it is closed or another photo is converted.
   * @param {Source} source read when it is given
   * @param {{signal?: AbortSignal}} [options] the signal ends a download
   * @returns {OpenPhoto} close it when it is not needed any more
   */
  open(source, { signal } = {}) {
    const photo = new OpenPhoto(readPhoto(source, signal), (photo) => {
      this.#kept.delete(photo);
      this.#engine.release(photo);
    });
    this.#kept.add(photo);
    return photo;
  }

  /**
   * The photo is read at once, so that it is what it was when it was given.
   * @template T
   * @param {Source} source
   * @param {AbortSignal | undefined} signal
   * @param {(photo: OpenPhoto) => Promise<T>} task
   * @returns {Promise<T>}
   */
  #inTurn(source, signal, task) {
    const isOurs = source instanceof OpenPhoto && this.#kept.has(source);
    const photo = isOurs ? source : new OpenPhoto(readPhoto(source, signal));
    const turn = this.#queue.then(async () => {
      if (signal?.aborted || this.#engine.isDisposed) throw cancelled();
      await photo.content;
      try {
        return await task(photo);
      } finally {
        if (!this.#kept.has(photo)) this.#engine.release(photo);
      }
    });
    // A photo that fails does not stop the next.
    this.#queue = turn.then(
      () => {},
      () => {},
    );
    return untilAborted(turn, signal);
  }

  /**
   * A list of photos to convert with this stylizer.
   * @param {{concurrency?: number, retries?: number}} [options] see {@link Queue}
   * @returns {Queue}
   */
  queue(options) {
    return new Queue((source, options) => this.stylize(source, options), options);
  }

  /**
   * What a conversion will take at most, as far as that can be told ahead: with the options' `faces`
   * "both", that of one face besides the whole. The time is that of the last photo, by the work; before the
   * first one, of a small picture that is drawn for it.
   * @param {number} width of the photo in pixels
   * @param {number} height
   * @param {Pick<StylizeOptions, "size" | "faces">} [options]
   * @returns {Promise<import("./estimate.js").Estimate>}
   * @throws {TypeError} naming the wrong value
   */
  async estimate(width, height, options = {}) {
    return estimate(this.#engine, width, height, options);
  }

  /**
   * Largest error against the style's known answer, in units of the network's [-1, 1] range.
   * @returns {Promise<number | undefined>}
   */
  selfCheck() {
    return this.#engine.ask("selfcheck", {});
  }

  /** Frees engine and detector; photos that wait fail with "cancelled". */
  dispose() {
    this.#faceDetector.dispose();
    this.#engine.dispose();
  }
}
