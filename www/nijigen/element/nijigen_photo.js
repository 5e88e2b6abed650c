/**
 * An element that shows a photo as an anime picture: `<nijigen-photo src="photo.jpg" controls>`.
 * `../define.js` registers it.
 */

import { encodePixels, mixPixels, readPixels } from "../index.js";
import { DEFAULT_LIKENESS } from "../page/options.js";
import { fetchPhoto } from "../page/photo.js";
import { keepsPixels } from "../shared/canvas_limits.js";
import { buildParts, labelParts } from "./parts.js";
import { shareStylizer } from "./shared_stylizer.js";

/** Elements begin so early before they are scrolled to. */
const LAZY_MARGIN = "200px";

/** Attributes whose change asks for another picture. */
const PICTURE_ATTRIBUTES = ["src", "art-style", "faces", "likeness", "size", "device", "loading"];

/** A server that imports all there is has no elements. */
const Base = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? class {});

/**
 * Events, like those of `<img>`, none bubbling: "loadstart"; "progress", a `ProgressEvent`; "load" when
 * there is a picture; "error", with the reason in {@link NijigenPhoto.error}.
 */
export class NijigenPhoto extends Base {
  static observedAttributes = [...PICTURE_ATTRIBUTES, "strength", "controls", "alt"];

  /**
   * For all elements: where things are and what they may use, see `createStylizer`. Elements that exist
   * already keep what they have.
   * @type {Pick<import("../page/options.js").StylizerOptions, "assets" | "workerUrl" | "variant" | "threads" | "precision" | "cache">}
   */
  static stylizerOptions = {};

  /**
   * Registers the element, unless the name is taken or there are no elements, as on a server.
   * @param {string} [tag]
   */
  static define(tag = "nijigen-photo") {
    if (globalThis.customElements && !customElements.get(tag)) customElements.define(tag, this);
    return this;
  }

  #parts = buildParts(this.attachShadow({ mode: "open" }));
  /** Begins when the element is seen. @type {IntersectionObserver | undefined} */
  #observer;
  /** The picture under way. @type {AbortController | undefined} */
  #running;
  #isPlanned = false;
  #isComplete = false;
  /** @type {Error | undefined} */
  #error;

  connectedCallback() {
    labelParts(this.#parts, this);
    this.#plan();
  }

  disconnectedCallback() {
    this.#stop();
  }

  /** @param {string} name */
  attributeChangedCallback(name) {
    if (PICTURE_ATTRIBUTES.includes(name)) this.#plan();
    else this.#dress();
  }

  /** Address of the photo; without one, that of the first `<img>` in the element. */
  get src() {
    return this.getAttribute("src") ?? "";
  }
  set src(value) {
    this.setAttribute("src", value);
  }

  /** Name or family of the style; empty for the first one. The name `style` is HTML's own. */
  get artStyle() {
    return this.getAttribute("art-style") ?? "";
  }
  set artStyle(value) {
    this.setAttribute("art-style", value);
  }

  /** "off", "faces" or "both" (default), see `stylize`. */
  get faces() {
    return this.getAttribute("faces") ?? "both";
  }
  set faces(value) {
    this.setAttribute("faces", value);
  }

  /** How much of their own proportions faces keep, 0 to 1, see `stylize`. */
  get likeness() {
    return Number(this.getAttribute("likeness") ?? DEFAULT_LIKENESS);
  }
  set likeness(value) {
    this.setAttribute("likeness", String(value));
  }

  /** Share of the picture in a mixture with the photo, 0 to 1. A change is shown at once. */
  get strength() {
    const strength = Number(this.getAttribute("strength") ?? 1);
    return Number.isNaN(strength) ? 1 : Math.max(0, Math.min(1, strength));
  }
  set strength(value) {
    this.setAttribute("strength", String(value));
  }

  /** Whether a slider compares photo and picture. */
  get controls() {
    return this.hasAttribute("controls");
  }
  set controls(value) {
    this.toggleAttribute("controls", value);
  }

  /** Limit of the longer side in pixels. */
  get size() {
    return Number(this.getAttribute("size") ?? 1024);
  }
  set size(value) {
    this.setAttribute("size", String(value));
  }

  /** "auto", "webgpu" or "cpu". */
  get device() {
    return this.getAttribute("device") ?? "auto";
  }
  set device(value) {
    this.setAttribute("device", value);
  }

  /** "lazy" (default): once the element is nearly seen; "eager": at once. */
  get loading() {
    return this.getAttribute("loading") ?? "lazy";
  }
  set loading(value) {
    this.setAttribute("loading", value);
  }

  /** What the picture shows, in words. */
  get alt() {
    return this.getAttribute("alt") ?? "";
  }
  set alt(value) {
    this.setAttribute("alt", value);
  }

  /** Whether there is a picture. */
  get complete() {
    return this.#isComplete;
  }

  /** Why there is none, after "error": a `NijigenError`, or a `TypeError` for a wrong attribute. */
  get error() {
    return this.#error;
  }

  /**
   * The picture as a file, with its strength; `null` if there is none.
   * @param {string} [type] such as "image/jpeg", default PNG
   * @param {number} [quality] 0 to 1
   * @returns {Promise<Blob | null>}
   */
  async toBlob(type = "image/png", quality) {
    if (!this.#isComplete) return null;
    const { strength } = this;
    const [photo, picture] = await Promise.all([this.#parts.photo, this.#parts.picture].map(readPixels));
    return encodePixels(mixPixels(photo, picture, strength), { type, quality });
  }

  /** Begins anew when all attributes are set. */
  #plan() {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    queueMicrotask(() => {
      this.#isPlanned = false;
      this.#stop();
      if (!this.isConnected || !this.#address()) return;
      if (this.loading === "eager") void this.#run();
      else this.#runWhenSeen();
    });
  }

  #runWhenSeen() {
    this.#observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
        this.#observer?.disconnect();
        void this.#run();
      },
      { rootMargin: LAZY_MARGIN },
    );
    this.#observer.observe(this);
  }

  #stop() {
    this.#observer?.disconnect();
    this.#running?.abort();
    this.#running = undefined;
    this.#parts.progress.hidden = true;
  }

  #address() {
    return this.src || this.querySelector("img")?.currentSrc || this.querySelector("img")?.src;
  }

  async #run() {
    const { signal } = (this.#running = new AbortController());
    const { progress } = this.#parts;
    this.#isComplete = false;
    this.#error = undefined;
    this.#parts.error.hidden = true;
    progress.hidden = false;
    progress.removeAttribute("value");
    this.dispatchEvent(new ProgressEvent("loadstart"));
    const { assets, workerUrl, ...rest } = /** @type {typeof NijigenPhoto} */ (this.constructor).stylizerOptions;
    const shared = shareStylizer({
      ...rest,
      // As text, by which equal ones are known.
      ...(assets ? { assets: String(assets) } : {}),
      ...(workerUrl ? { workerUrl: String(workerUrl) } : {}),
      style: this.artStyle || undefined,
      device: /** @type {any} */ (this.device),
    });
    try {
      const photo = await fetchPhoto(this.#address() ?? "", signal);
      const stylizer = await shared.stylizer;
      const { imageData: pair, facesFailed, missing } = await stylizer.stylize(photo, {
        size: this.size,
        faces: /** @type {any} */ (this.faces),
        likeness: this.likeness,
        // The photo as the picture shows it: of its size, or a portrait's part of it.
        sideBySide: true,
        output: "imagedata",
        signal,
        onProgress: (share) => {
          if (signal.aborted) return;
          // The engine has accepted the photo: it is safe to show.
          if (share === 0) void this.#showPhoto(photo, signal);
          progress.value = share;
          const loaded = Math.round(share * 100);
          this.dispatchEvent(new ProgressEvent("progress", { lengthComputable: true, loaded, total: 100 }));
        },
      });
      if (signal.aborted || !pair) return;
      if (facesFailed) console.warn(facesFailed);
      if (missing !== undefined) console.warn(`The photo's file ends early: ${Math.round(100 * missing)} % of its rows are missing.`);
      const layers = await splitPair(pair);
      if (signal.aborted) return;
      this.#showLayers(layers);
      this.#isComplete = true;
      this.dispatchEvent(new Event("load"));
    } catch (thrown) {
      if (signal.aborted) return;
      this.#error = thrown instanceof Error ? thrown : new Error(String(thrown));
      this.#parts.errorSlot.textContent = this.#error.message;
      this.#parts.error.hidden = false;
      this.dispatchEvent(new Event("error"));
    } finally {
      shared.release();
      if (!signal.aborted) progress.hidden = true;
    }
  }

  /**
   * Shows the photo until there is a picture.
   * @param {Blob} photo
   * @param {AbortSignal} signal
   */
  async #showPhoto(photo, signal) {
    try {
      const bitmap = await createImageBitmap(photo, { imageOrientation: "from-image" });
      // The part of a portrait is not known yet.
      if (!signal.aborted && !this.#isComplete && this.faces !== "faces") {
        const scale = Math.min(1, this.size / Math.max(bitmap.width, bitmap.height));
        const { photo: canvas } = this.#parts;
        canvas.width = Math.max(1, Math.round(bitmap.width * scale));
        canvas.height = Math.max(1, Math.round(bitmap.height * scale));
        canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
        this.#parts.picture.hidden = true;
        this.#dress();
        this.#reveal();
      }
      bitmap.close();
    } catch {
      // What the browser cannot decode, the conversion will tell.
    }
  }

  /** @param {ImageBitmap[]} layers photo and picture */
  #showLayers(layers) {
    const { photo, picture } = this.#parts;
    [photo, picture].forEach((canvas, i) => {
      const layer = layers[i];
      canvas.width = layer.width;
      canvas.height = layer.height;
      canvas.getContext("2d")?.drawImage(layer, 0, 0);
      layer.close();
    });
    picture.hidden = false;
    this.#dress();
    this.#reveal();
  }

  /** Puts the photo in the place of what the host put into the element. */
  #reveal() {
    const { frame, fallback, photo } = this.#parts;
    frame.classList.remove("empty");
    fallback.hidden = true;
    photo.hidden = false;
  }

  /** What can change without another picture. */
  #dress() {
    const { frame, picture } = this.#parts;
    const hasPicture = !picture.hidden;
    frame.classList.toggle("compared", this.controls && hasPicture);
    picture.style.opacity = String(this.strength);
    picture.setAttribute("aria-label", this.alt);
  }
}

/**
 * @param {ImageData} pair photo and picture side by side
 * @returns {Promise<ImageBitmap[]>} both, of half their size as often as this browser's canvases ask for
 */
async function splitPair(pair) {
  let [width, height] = [pair.width / 2, pair.height];
  for (;;) {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    if (await keepsPixels(canvas)) break;
    [width, height] = [width, height].map((side) => Math.max(1, Math.round(side / 2)));
  }
  const size = /** @type {const} */ ({ resizeWidth: width, resizeHeight: height, resizeQuality: "high" });
  const half = pair.width / 2;
  return Promise.all([0, half].map((x) => createImageBitmap(pair, x, 0, half, pair.height, size)));
}
