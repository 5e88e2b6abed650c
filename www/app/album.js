/** The visitor's photos: what waits, what is drawn, what became of each, and which one is looked at. */

import { NijigenError } from "../nijigen/index.js";
import { openEngine } from "./engine.js";
import { chosenFaces } from "./faces.js";

/** @typedef {import("../nijigen/index.js").Picture} Picture */
/** @typedef {ReturnType<import("./engine.js").Engine["queue"]["add"]>} Job */
/** @typedef {import("./engine.js").EngineChoice} EngineChoice */

/**
 * How a photo is to be drawn.
 * @typedef {EngineChoice & {size: number, faces: "off" | "both" | "faces", likeness?: number}} Settings
 *   size: limit of the longer side in pixels; likeness: with faces, how much of their own proportions they keep, 0 to 1
 */

/**
 * A photo of the album.
 * @typedef {object} Item
 * @property {string} id unique, also among those of former visits
 * @property {string} name of its file, perhaps with folders
 * @property {Blob} photo
 * @property {Settings} settings
 * @property {"waiting" | "running" | "done" | "failed" | "cancelled"} state
 * @property {number} share of the work that is done, 0 to 1
 * @property {boolean} isReadable the engine has read the photo: it is safe to show
 * @property {"cpu" | "webgpu"} [engine] that draws it, while it does
 * @property {ImageData} [preview] small picture that is there first
 * @property {Picture} [picture]
 * @property {boolean} [isPair] the picture's left half is the photo cut out as the right half is: a portrait
 * @property {import("./faces.js").KnownFaces} [faces] in the photo
 * @property {import("./faces.js").FacesReport} [facesReport] what became of them
 * @property {Error} [error] why it failed
 * @property {AbortController} [turn] ends what is under way for it
 * @property {() => void} [hurry] lets it be the next one, if it waits
 */

/** @typedef {Partial<Item> & {id: string, name: string, photo: Blob}} NewItem */

/** Longer side of the picture that is made first, in pixels. */
const PREVIEW_PX = 256;
/** Pictures up to this size are made at once: a preview would not be there much earlier. */
const NO_PREVIEW_PX = 512;

/** Photos that are taken in at once: between them, the browser answers what waits. */
const AT_ONCE = 8;

let lastId = 0;

/**
 * Events: "change" (detail: an item, when its state or share changes), "list" (items came, went, or
 * another one is looked at), "loading" (detail: `{key, loaded, total}` of the engine's files).
 */
export class Album extends EventTarget {
  /** @type {Item[]} */
  items = [];
  /** The one that is looked at. @type {Item | undefined} */
  selected;
  /** Whether nothing is drawn for a while. */
  isPaused = false;
  #readSettings;
  /** Ends what is still being taken in. */
  #intake = new AbortController();
  /** Those of the engines so far. @type {Set<import("./engine.js").Engine["queue"]>} */
  #queues = new Set();
  /** @type {WeakMap<object, Item>} */
  #itemOfJob = new WeakMap();

  /** @param {() => Settings} readSettings what is chosen on the page */
  constructor(readSettings) {
    super();
    this.#readSettings = readSettings;
  }

  /** The look that is chosen. */
  get style() {
    return this.#readSettings().style;
  }

  /** Gets the engine ready for what is chosen. @returns {Promise<import("./engine.js").Engine>} */
  warmUp() {
    return openEngine(this.#readSettings(), (key, loaded, total) => {
      this.dispatchEvent(new CustomEvent("loading", { detail: { key, loaded, total } }));
    });
  }

  /**
   * Adds photos and looks at the first of them.
   * @param {import("./intake.js").NamedPhoto[]} photos
   * @returns {Promise<void>}
   */
  add(photos) {
    if (photos.length) this.selected = undefined;
    return this.#takeIn(photos.map((photo) => ({ id: `${Date.now()}-${++lastId}`, ...photo })));
  }

  /** Adds what was there at the last visit. @param {NewItem[]} saved @returns {Promise<void>} */
  restore(saved) {
    return this.#takeIn(saved);
  }

  /** @param {NewItem[]} photos */
  async #takeIn(photos) {
    const { signal } = this.#intake;
    for (let start = 0; start < photos.length; start += AT_ONCE) {
      if (start) await new Promise((resolve) => setTimeout(resolve));
      if (signal.aborted) return;
      const added = photos.slice(start, start + AT_ONCE).map((values) => {
        /** @type {Item} */
        const item = { settings: this.#readSettings(), state: "waiting", share: 0, isReadable: false, ...values };
        this.items.push(item);
        return item;
      });
      this.select(this.selected ?? added[0]);
      for (const item of added) if (item.state === "waiting") void this.#draw(item);
    }
  }

  /** @param {Item | undefined} item */
  select(item) {
    this.selected = item;
    if (item?.state === "waiting") item.hurry?.();
    this.#tellList();
  }

  /** @param {Item} item */
  cancel(item) {
    if (!isUnfinished(item)) return;
    item.turn?.abort();
    this.#change(item, { state: "cancelled" });
  }

  /** @param {Item} item */
  retry(item) {
    void this.#draw(item);
  }

  /** @param {Item} item */
  remove(item) {
    item.turn?.abort();
    const index = this.items.indexOf(item);
    if (index < 0) return;
    this.items.splice(index, 1);
    if (this.selected === item) this.selected = this.items[Math.min(index, this.items.length - 1)];
    this.#tellList();
  }

  /** Lets nothing be drawn until {@link resume}. What runs is the first to be drawn then. */
  pause() {
    this.isPaused = true;
    for (const queue of this.#queues) queue.pause();
    for (const item of this.items) if (item.state === "running") void this.#draw(item, true);
    this.#tellList();
  }

  resume() {
    this.isPaused = false;
    for (const queue of this.#queues) queue.resume();
    this.#tellList();
  }

  clear() {
    this.#intake.abort();
    this.#intake = new AbortController();
    for (const item of this.items) item.turn?.abort();
    this.items = [];
    this.select(undefined);
  }

  /** Draws the photo that is looked at as is chosen now, and those that are not finished. */
  redraw() {
    const concerned = this.items.filter((item) => item === this.selected || isUnfinished(item));
    for (const item of concerned) item.turn?.abort();
    for (const item of concerned) void this.#draw(item);
    if (!concerned.length) this.warmUp().catch(() => {});
  }

  /** The pictures that were made in another way than is chosen now. */
  outdated() {
    const now = Object.entries(this.#readSettings());
    return this.items.filter(({ state, settings }) => {
      return state === "done" && now.some(([name, value]) => settings[/** @type {keyof Settings} */ (name)] !== value);
    });
  }

  redrawOutdated() {
    for (const item of this.outdated()) void this.#draw(item);
  }

  /** @param {Item} item @param {boolean} [isNext] whether it is drawn before those that wait */
  async #draw(item, isNext = false) {
    item.turn?.abort();
    const turn = (item.turn = new AbortController());
    const { signal } = turn;
    const settings = this.#readSettings();
    this.#change(item, {
      settings, state: "waiting", share: 0, picture: undefined, preview: undefined, error: undefined,
      isPair: false, facesReport: undefined, engine: undefined,
    });
    /** Decoded once for all that is made of it. @type {import("../nijigen/index.js").OpenPhoto | undefined} */
    let photo;
    try {
      const engine = await this.warmUp();
      if (signal.aborted) return;
      this.#hear(engine.queue);
      photo = engine.stylizer.open(item.photo);
      const { mode, landmarks, report } = facesToDraw(item, settings);
      const hasPreview = item === this.selected && settings.size > NO_PREVIEW_PX;
      const preview = hasPreview ? this.#drawPreview(engine, item, photo, signal) : undefined;
      let picture;
      let hasPortrait = mode === "faces";
      try {
        picture = await this.#run(engine, item, photo, { mode, landmarks, preview, isNext, signal });
      } catch (thrown) {
        if (!(thrown instanceof NijigenError) || thrown.code !== "no-face" || signal.aborted) throw thrown;
        // There is no portrait, then. Drawn with its faces, the picture says why.
        hasPortrait = false;
        picture = await this.#run(engine, item, photo, { mode: "both", landmarks, signal });
      }
      if (signal.aborted) return;
      const facesReport = report ?? reportOf(item, picture, settings.faces, hasPortrait);
      this.#change(item, {
        picture, facesReport, isPair: hasPortrait, state: "done", share: 1, isReadable: true, preview: undefined,
      });
    } catch (thrown) {
      if (signal.aborted) return;
      if (!(thrown instanceof NijigenError)) console.error(thrown);
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      this.#change(item, { state: "failed", error });
    } finally {
      photo?.close();
    }
  }

  /**
   * A picture by the engine's queue.
   * @param {import("./engine.js").Engine} engine
   * @param {Item} item
   * @param {import("../nijigen/index.js").OpenPhoto} photo
   * @param {{mode: Settings["faces"], landmarks?: import("./faces.js").Face[], preview?: Job,
   *   isNext?: boolean, signal: AbortSignal}} how
   * @returns {Promise<Picture>}
   */
  async #run({ stylizer, queue }, item, photo, { mode, landmarks, preview, isNext, signal }) {
    const job = queue.add(photo, {
      size: item.settings.size,
      faces: mode,
      likeness: item.settings.likeness,
      landmarks,
      // A portrait is to be compared with the photo as it was cut out for it.
      sideBySide: mode === "faces",
      signal,
      // The first report says that the photo is read, the second that an engine draws it: another one may take over.
      onProgress: (share) => Object.assign(item, { isReadable: true, engine: share > 0 ? stylizer.engine : undefined }),
    });
    this.#itemOfJob.set(job, item);
    item.hurry = () => bringForward(queue, job, preview);
    if (isNext || item === this.selected) item.hurry();
    this.#follow(job, item);
    try {
      return await job.done;
    } finally {
      item.hurry = undefined;
      if (queue.jobs.includes(job)) queue.remove(job.id);
    }
  }

  /**
   * @param {import("./engine.js").Engine} engine
   * @param {Item} item
   * @param {import("../nijigen/index.js").OpenPhoto} photo
   * @param {AbortSignal} signal
   * @returns {Job}
   */
  #drawPreview({ queue }, item, photo, signal) {
    const job = queue.add(photo, { size: PREVIEW_PX, output: "imagedata", signal });
    bringForward(queue, job);
    job.done
      .then(({ imageData }) => {
        if (!signal.aborted && !item.picture) this.#change(item, { preview: imageData, isReadable: true });
      })
      // The picture itself will fail in the same way, and say so.
      .catch(() => {})
      .finally(() => {
        if (queue.jobs.includes(job)) queue.remove(job.id);
      });
    return job;
  }

  /** @param {import("./engine.js").Engine["queue"]} queue */
  #hear(queue) {
    if (this.#queues.has(queue)) return;
    this.#queues.add(queue);
    if (this.isPaused) queue.pause();
    queue.addEventListener("change", (event) => {
      const job = /** @type {CustomEvent} */ (event).detail;
      const item = this.#itemOfJob.get(job);
      if (item) this.#follow(job, item);
    });
  }

  /** @param {Job} job @param {Item} item */
  #follow(job, item) {
    if (job.state !== "running" || !isUnfinished(item)) return;
    this.#change(item, { state: "running", share: job.share });
  }

  /** @param {Item} item @param {Partial<Item>} [values] */
  #change(item, values = {}) {
    Object.assign(item, values);
    if (this.items.includes(item)) this.dispatchEvent(new CustomEvent("change", { detail: item }));
  }

  #tellList() {
    this.dispatchEvent(new Event("list"));
  }
}

/**
 * Lets a job wait before all others: what is looked at comes first.
 * @param {import("./engine.js").Engine["queue"]} queue
 * @param {Job} job
 * @param {Job} [before] the only one that it waits for
 */
function bringForward(queue, job, before) {
  if (job.state !== "waiting") return;
  const { jobs } = queue;
  const isBehind = before?.state === "waiting";
  queue.move(job.id, isBehind ? jobs.indexOf(before) + 1 : jobs.findIndex(({ state }) => state === "waiting"));
}

/** @param {Item} item */
export function isUnfinished({ state }) {
  return state === "waiting" || state === "running";
}

/**
 * What to ask of the engine: once a photo's faces are known, the chosen ones are given.
 * @param {Item} item
 * @param {Settings} settings
 * @returns {{mode: Settings["faces"], landmarks?: import("./faces.js").Face[],
 *   report?: import("./faces.js").FacesReport}}
 */
function facesToDraw({ faces }, settings) {
  if (settings.faces === "off" || !faces) return { mode: settings.faces };
  const landmarks = chosenFaces(faces);
  if (landmarks.length) return { mode: settings.faces, landmarks };
  return { mode: "off", report: { kind: faces.found.length ? "noneChosen" : "noneFound" } };
}

/**
 * What became of the faces; keeps those that were found for the next time.
 * @param {Item} item
 * @param {Picture} picture
 * @param {Settings["faces"]} wanted
 * @param {boolean} hasPortrait
 * @returns {import("./faces.js").FacesReport | undefined}
 */
function reportOf(item, { faces, facesFailed, detectMs }, wanted, hasPortrait) {
  if (wanted === "off" || !faces) return undefined;
  if (facesFailed) console.warn(facesFailed);
  if (facesFailed && !faces.length) return { kind: "failed" };
  const drawn = [...faces].sort((a, b) => a.box[0] - b.box[0]);
  if (!item.faces) {
    const found = drawn.map(({ outcome: _, ...face }) => face);
    item.faces = { found, chosen: found.map(() => true), ms: detectMs ?? 0 };
  }
  if (!drawn.length) return { kind: "noneFound" };
  const outcomes = drawn.map(({ outcome }) => outcome);
  const kind = wanted === "faces" && !hasPortrait ? "noPortrait" : "drawn";
  return { kind, outcomes, ...(facesFailed ? { isWithoutNetwork: true } : {}) };
}
