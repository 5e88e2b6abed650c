/** Many photos, one after the other: what waits, what runs, what became of each. */

import { NijigenError, cancelled, isWorthRetrying, toNijigenError } from "../shared/errors.js";

/** @typedef {import("./photo.js").Source} Source */
/** @typedef {import("./options.js").StylizeOptions} StylizeOptions */
/** @typedef {import("./options.js").Picture} Picture */
/** @typedef {"waiting" | "running" | "done" | "failed" | "cancelled"} JobState */

/** A photo in a {@link Queue}. Only the queue changes it. */
export class Job {
  /** Unique in its queue. @readonly */
  id;
  /** @type {Source} @readonly */
  source;
  /** @type {StylizeOptions} */
  options;
  /** @type {JobState} */
  state = "waiting";
  /** Share of the work that is done, 0 to 1. */
  share = 0;
  /** @type {Picture | undefined} once it is done */
  picture;
  /** @type {Error | undefined} why it failed or was cancelled; a `NijigenError` but for wrong options */
  error;
  /** How often the photo was given to the engine since it was added or retried by hand. */
  attempts = 0;
  /**
   * The picture, or the error of a job that failed or was cancelled. A retry replaces it.
   * @type {Promise<Picture>}
   */
  done = new Promise(() => {});

  /**
   * @param {number} id
   * @param {Source} source
   * @param {StylizeOptions} options
   */
  constructor(id, source, options) {
    this.id = id;
    this.source = source;
    this.options = options;
  }
}

/**
 * What a queue keeps of a job for itself, from its adding (or retry) to its end.
 * @typedef {object} Course
 * @property {AbortController} controller
 * @property {(picture: Picture) => void} resolve
 * @property {(error: Error) => void} reject
 */

/** @typedef {{state: JobState, share?: number, picture?: Picture, error?: Error}} Outcome of a job */

/**
 * Converts photos in the order of `jobs`. A photo that fails does not stop the next one.
 *
 * Events: "change", a `CustomEvent` whose `detail` is the job, when its state or share changes and when
 * it is added, moved or removed; "idle" when the last job has ended.
 */
export class Queue extends EventTarget {
  #stylize;
  #concurrency;
  #retries;
  /** @type {Job[]} */
  #jobs = [];
  /** Of the jobs that wait or run. @type {Map<Job, Course>} */
  #courses = new Map();
  #running = 0;
  #paused = false;
  #nextId = 1;

  /**
   * @param {(source: Source, options: StylizeOptions) => Promise<Picture>} stylize
   * @param {object} [options]
   * @param {number} [options.concurrency] jobs that run at once, default 1. An engine converts one
   *   photo at a time; with 2, the next photo is fetched meanwhile.
   * @param {number} [options.retries] how often a photo is tried again by itself after its engine
   *   failed or it could not be fetched, default 1
   * @throws {TypeError} naming the wrong value
   */
  constructor(stylize, { concurrency = 1, retries = 1 } = {}) {
    super();
    if (!Number.isInteger(concurrency) || concurrency < 1) {
      throw new TypeError(`concurrency is ${concurrency}, expected a whole number above 0`);
    }
    if (!Number.isInteger(retries) || retries < 0) {
      throw new TypeError(`retries is ${retries}, expected a whole number of 0 or more`);
    }
    this.#stylize = stylize;
    this.#concurrency = concurrency;
    this.#retries = retries;
  }

  /** All jobs that were not removed, in order: a copy. @returns {Job[]} */
  get jobs() {
    return [...this.#jobs];
  }

  /** Whether waiting jobs are held back. */
  get paused() {
    return this.#paused;
  }

  /**
   * Puts a photo at the end.
   * @param {Source} source
   * @param {StylizeOptions} [options] an aborted `signal` cancels the job
   * @returns {Job}
   */
  add(source, options = {}) {
    const job = new Job(this.#nextId++, source, options);
    this.#jobs.push(job);
    this.#enter(job);
    return job;
  }

  /** Lets no further job start; what runs goes on. */
  pause() {
    this.#paused = true;
  }

  /** Ends a pause. */
  resume() {
    this.#paused = false;
    this.#startNext();
  }

  /**
   * Gives up a job that waits or runs; another one is left as it is.
   * @param {number} id
   */
  cancel(id) {
    this.#cancel(this.#find(id));
  }

  /**
   * Converts a job's photo again, whatever became of it. It keeps its place.
   * @param {number} id of a job that waits no more and does not run
   * @param {StylizeOptions} [options] instead of its former ones
   * @throws {TypeError} if it waits or runs
   */
  retry(id, options) {
    const job = this.#find(id);
    if (this.#courses.has(job)) {
      throw new TypeError(`job ${id} is ${job.state}, expected one that has ended`);
    }
    if (options) job.options = options;
    job.picture = job.error = undefined;
    job.share = job.attempts = 0;
    this.#enter(job);
  }

  /**
   * Takes a job out, whatever its state; what waits or runs is cancelled.
   * @param {number} id
   */
  remove(id) {
    const job = this.#find(id);
    this.#jobs.splice(this.#jobs.indexOf(job), 1);
    this.#cancel(job);
    this.#tell(job);
  }

  /**
   * Puts a job elsewhere in the order.
   * @param {number} id
   * @param {number} index its new place in `jobs`; beyond the end is the end
   */
  move(id, index) {
    const job = this.#find(id);
    if (!Number.isInteger(index) || index < 0) {
      throw new TypeError(`index is ${index}, expected a whole number of 0 or more`);
    }
    this.#jobs.splice(this.#jobs.indexOf(job), 1);
    this.#jobs.splice(index, 0, job);
    this.#tell(job);
  }

  /** Removes all jobs. */
  clear() {
    for (const { id } of this.jobs) this.remove(id);
  }

  /**
   * Waits until no job waits or runs. A queue that is paused waits for {@link resume}.
   * @returns {Promise<void>}
   */
  idle() {
    if (this.#courses.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.addEventListener("idle", () => resolve(), { once: true }));
  }

  /** @param {number} id */
  #find(id) {
    const job = this.#jobs.find((job) => job.id === id);
    if (!job) throw new TypeError(`there is no job ${id} in the queue`);
    return job;
  }

  /** @param {Job} job */
  #tell(job) {
    this.dispatchEvent(new CustomEvent("change", { detail: job }));
  }

  /** @param {Job} job that waits from now on */
  #enter(job) {
    const controller = new AbortController();
    job.state = "waiting";
    job.done = new Promise((resolve, reject) => {
      this.#courses.set(job, { controller, resolve, reject });
    });
    // Whoever does not wait for the job hears of it by events.
    job.done.catch(() => {});
    const { signal } = job.options;
    const abort = () => {
      if (this.#courses.get(job)?.controller === controller) this.#cancel(job);
    };
    signal?.addEventListener("abort", abort, { signal: controller.signal });
    this.#tell(job);
    if (signal?.aborted) abort();
    this.#startNext();
  }

  #startNext() {
    while (!this.#paused && this.#running < this.#concurrency) {
      const job = this.#jobs.find(({ state }) => state === "waiting");
      if (!job) return;
      // Sets the job's state before it waits for anything.
      void this.#run(job);
    }
  }

  /** @param {Job} job */
  async #run(job) {
    const course = this.#courses.get(job);
    // A job that was cancelled, and perhaps retried meanwhile, hears no more of this run.
    const isCurrent = () => course !== undefined && this.#courses.get(job) === course;
    const options = {
      ...job.options,
      signal: course?.controller.signal,
      onProgress: (/** @type {number} */ share) => {
        if (!isCurrent()) return;
        job.share = share;
        this.#tell(job);
        job.options.onProgress?.(share);
      },
    };
    this.#running += 1;
    job.state = "running";
    /** @type {Outcome | undefined} */
    let outcome;
    while (!outcome) {
      job.attempts += 1;
      job.share = 0;
      this.#tell(job);
      try {
        outcome = { state: "done", share: 1, picture: await this.#stylize(job.source, options) };
      } catch (thrown) {
        const isHopeless = !isWorthRetrying(thrown) || job.attempts > this.#retries;
        if (isHopeless || !isCurrent()) outcome = failure(thrown);
      }
    }
    this.#running -= 1;
    if (isCurrent()) this.#end(job, outcome);
    this.#startNext();
  }

  /** @param {Job} job */
  #cancel(job) {
    if (this.#courses.has(job)) this.#end(job, { state: "cancelled", error: cancelled() });
  }

  /**
   * @param {Job} job
   * @param {Outcome} outcome
   */
  #end(job, outcome) {
    const course = /** @type {Course} */ (this.#courses.get(job));
    this.#courses.delete(job);
    Object.assign(job, outcome);
    // Ends what still runs, and the listening to the host's signal.
    course.controller.abort();
    if (outcome.picture) course.resolve(outcome.picture);
    else course.reject(outcome.error ?? cancelled());
    this.#tell(job);
    if (this.#courses.size === 0) this.dispatchEvent(new Event("idle"));
  }
}

/** @param {unknown} thrown @returns {Outcome} */
function failure(thrown) {
  const error = thrown instanceof Error ? thrown : toNijigenError(thrown);
  const isCancelled = error instanceof NijigenError && error.code === "cancelled";
  return { state: isCancelled ? "cancelled" : "failed", error };
}
