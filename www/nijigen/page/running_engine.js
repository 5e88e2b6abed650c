/** One engine in a worker of its own, with the network that suits it: started once, and stopped. */

import { startWorker } from "../shared/start_worker.js";
import { Client } from "./client.js";
import { nearest, suitable } from "./variants.js";

/** A GPU that has said nothing for so long in the middle of a photo is taken for lost. */
const GPU_QUIET_LIMIT_MS = 60_000;
/** At the start, all its shaders are compiled without a word. */
const GPU_START_QUIET_LIMIT_MS = 120_000;

/** @typedef {import("../shared/protocol.js").EngineRequests} EngineRequests */
/** @typedef {import("./variants.js").Network} Network */

/**
 * @typedef {import("./styles.js").Networks & Pick<import("./package_files.js").PackageFiles, "scripts">
 *   & {modules: import("../shared/protocol.js").StartRequest["modules"]}} EngineFiles
 */

export class RunningEngine {
  /** @type {"cpu" | "gpu"} */
  kind;
  /** @type {Client<EngineRequests>} */
  client;
  /** In use, when the engine is ready. @type {Network | undefined} */
  network;
  /** The style file's header, likewise. @type {Record<string, unknown>} */
  header = {};
  /** Fulfilled when the engine is ready. A failed start has stopped it. @type {Promise<void>} */
  ready;

  /**
   * @param {"cpu" | "gpu"} kind
   * @param {EngineFiles} files
   * @param {import("./options.js").EngineOptions} options
   */
  constructor(kind, files, options) {
    this.kind = kind;
    const worker = startWorker(
      "engine",
      { workerUrl: options.workerUrl, folder: files.scripts },
      () => new Worker(new URL("../engine_worker/worker.js", import.meta.url), { type: "module" }),
    );
    this.client = new Client(worker);
    this.ready = this.#start(files, options).catch((error) => {
      this.client.terminate(error);
      throw error;
    });
    // Whoever waited may have given up.
    this.ready.catch(() => {});
  }

  /** How long it may be quiet while it draws a photo. @param {boolean} mayStart whether another network is started first */
  quietLimitMs(mayStart = false) {
    if (this.kind === "cpu") return undefined;
    return mayStart ? GPU_START_QUIET_LIMIT_MS : GPU_QUIET_LIMIT_MS;
  }

  /** @param {EngineFiles} files @param {import("./options.js").EngineOptions} options */
  async #start(files, options) {
    const { variant, threads, precision, allowFallbackAdapter, cache, workerUrl, onProgress } = options;
    const { networks, portrait, segmentation, modules } = files;
    const wanted = variant === "auto" ? await suitable(this.kind) : variant;
    const network = nearest(networks, wanted);
    const tiny = nearest(networks, "tiny");
    const mayBeSlow = variant === "auto" && this.kind === "cpu" && tiny !== network;
    const request = {
      engine: this.kind,
      modules,
      threads,
      precision,
      style: network,
      ...(mayBeSlow ? { lighter: tiny } : {}),
      ...(portrait ? { portrait } : {}),
      ...(segmentation ? { segmentation } : {}),
      allowFallbackAdapter,
      keep: cache,
      workerUrl,
    };
    const started = await this.client.request("start", request, {
      onProgress: (key, current, total) => {
        if (key !== "stylize") onProgress(key, current, total);
      },
      quietLimitMs: this.quietLimitMs(true),
    });
    this.header = started.header;
    this.network = started.isLighter ? tiny : network;
  }
}
