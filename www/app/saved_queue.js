/**
 * The queue on the disk of this device, so that closing the tab or loading a new release loses no
 * photo: IndexedDB, in the browser's own storage for this page.
 */

const DATABASE = "nijigen-queue";
const STORE = "jobs";

/** A database that does not open within this time is done without: another tab may block it. */
const OPENING_LIMIT_MS = 3000;

/**
 * @typedef {object} SavedJob
 * @property {string | number} id unique among the saved jobs of all visits
 * @property {string} name of the photo's file
 * @property {Blob} photo
 * @property {Record<string, any>} options plain data: what `structuredClone` takes
 * @property {Blob} [picture] once there is one
 * @property {string} state
 */

/**
 * Why something could not be saved. `code` is
 * - "quota": the storage that the browser grants is full; remove jobs, or go on unsaved;
 * - "unavailable": there is no database here (a private window, blocked, damaged);
 * - "failed": anything else, such as a photo whose file has changed on the disk.
 */
export class SavedQueueError extends Error {
  /**
   * @param {"quota" | "unavailable" | "failed"} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.name = "SavedQueueError";
    this.code = code;
  }
}

/**
 * Opens the saved queue. Never rejects: without a database, `unavailable` says why, the list is
 * empty, and `put` rejects.
 * @returns {Promise<SavedQueue>}
 */
export async function openSavedQueue() {
  try {
    return new SavedQueue(await openDatabase());
  } catch (thrown) {
    return new SavedQueue(undefined, describe(thrown));
  }
}

class SavedQueue {
  #database;
  #unavailable;

  /**
   * @param {IDBDatabase | undefined} database
   * @param {string} [unavailable] why there is no database
   */
  constructor(database, unavailable) {
    this.#database = database;
    this.#unavailable = unavailable;
    if (!database) return;
    database.onversionchange = () => this.#lose("another tab has changed the database");
    // The browser may take the storage away, as when the visitor clears it.
    database.onclose = () => this.#lose("the browser has closed the database");
  }

  /** @param {string} why */
  #lose(why) {
    this.#database?.close();
    this.#database = undefined;
    this.#unavailable = why;
  }

  /** Why nothing can be saved here; undefined if it can. */
  get unavailable() {
    return this.#unavailable;
  }

  /**
   * All saved jobs, in the order in which they were first put.
   * @returns {Promise<SavedJob[]>} empty if there is no database, or none that can be read: then
   *   `unavailable` says so
   */
  async list() {
    if (!this.#database) return [];
    /** @type {{position: number, job: SavedJob}[]} */
    let rows;
    try {
      rows = await this.#transact("readonly", (store) => store.getAll());
    } catch (thrown) {
      this.#lose(describe(thrown));
      return [];
    }
    return rows.sort((a, b) => a.position - b.position).map(({ job }) => job);
  }

  /**
   * Saves a job, in the place of the one with the same id if there is one.
   * @param {SavedJob} job
   * @returns {Promise<void>} when it is on the disk
   * @throws {SavedQueueError}
   */
  async put(job) {
    await this.#transact("readwrite", (store) => {
      const { id } = job;
      const sameId = store.get(id);
      sameId.onsuccess = () => {
        if (sameId.result) {
          store.put({ id, position: sameId.result.position, job });
          return;
        }
        const last = store.index("position").openKeyCursor(null, "prev");
        last.onsuccess = () => {
          const position = 1 + Number(last.result?.key ?? 0);
          store.put({ id, position, job });
        };
      };
      return sameId;
    });
  }

  /** @param {SavedJob["id"]} id of a job that may be there @throws {SavedQueueError} */
  async remove(id) {
    if (this.#database) await this.#transact("readwrite", (store) => store.delete(id));
  }

  /** Removes all jobs. @throws {SavedQueueError} */
  async clear() {
    if (this.#database) await this.#transact("readwrite", (store) => store.clear());
  }

  /**
   * @param {IDBTransactionMode} mode
   * @param {(store: IDBObjectStore) => IDBRequest} ask
   * @returns {Promise<any>} the request's result, once the transaction is complete
   */
  #transact(mode, ask) {
    return new Promise((resolve, reject) => {
      const fail = (/** @type {unknown} */ thrown) => reject(toError(thrown));
      if (!this.#database) {
        return reject(new SavedQueueError("unavailable", `Nothing can be saved: ${this.#unavailable}.`));
      }
      try {
        const transaction = this.#database.transaction(STORE, mode, { durability: "relaxed" });
        const request = ask(transaction.objectStore(STORE));
        transaction.oncomplete = () => resolve(request.result);
        transaction.onabort = () => fail(transaction.error);
      } catch (thrown) {
        fail(thrown);
      }
    });
  }
}

/** @returns {Promise<IDBDatabase>} */
function openDatabase() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      reject(new Error("the database does not open"));
    }, OPENING_LIMIT_MS);
    request.onupgradeneeded = () => {
      const store = request.result.createObjectStore(STORE, { keyPath: "id" });
      store.createIndex("position", "position");
    };
    request.onsuccess = () => {
      clearTimeout(timer);
      if (late) request.result.close();
      else resolve(request.result);
    };
    request.onerror = () => {
      clearTimeout(timer);
      reject(request.error);
    };
  });
}

/** @param {unknown} thrown */
function toError(thrown) {
  const isQuota = thrown instanceof DOMException && thrown.name === "QuotaExceededError";
  if (isQuota) {
    return new SavedQueueError("quota", "The storage that the browser grants this page is full.");
  }
  return new SavedQueueError("failed", `The photo could not be saved (${describe(thrown)}).`);
}

/** @param {unknown} thrown */
function describe(thrown) {
  return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
}
