/** Errors with stable codes, the same as those of the Rust side plus the loader's own. */

/**
 * @typedef {"photo-unreadable" | "photo-unsupported" | "photo-too-large" | "photo-missing"
 *   | "photo-unreachable" | "canvas-blocked"
 *   | "style-invalid" | "style-hash" | "engine-failed" | "engine-known-answer" | "engine-hash" | "gpu-lost"
 *   | "gpu-capacity" | "gpu-unavailable" | "gpu-fallback-adapter" | "load-failed" | "worker-crashed"
 *   | "memory" | "argument-invalid" | "faces-invalid" | "no-face" | "cancelled"} ErrorCode
 */

export class NijigenError extends Error {
  /**
   * @param {ErrorCode} code
   * @param {string} message in plain words
   */
  constructor(code, message) {
    super(message);
    this.name = "NijigenError";
    this.code = code;
  }
}

/** Failures of an engine, not of the photo, nor a lack of memory: another engine may succeed. */
const ENGINE_CODES = new Set([
  "engine-failed",
  "engine-known-answer",
  "engine-hash",
  "gpu-lost",
  "gpu-capacity",
  "gpu-unavailable",
  "gpu-fallback-adapter",
  "load-failed",
  "worker-crashed",
]);

/**
 * @param {unknown} error
 * @returns {error is NijigenError}
 */
export function isEngineError(error) {
  return error instanceof NijigenError && ENGINE_CODES.has(error.code);
}

/**
 * Whether the same photo may succeed at a second try, with a fresh engine.
 * @param {unknown} error
 * @returns {boolean}
 */
export function isWorthRetrying(error) {
  return isEngineError(error) || (error instanceof NijigenError && error.code === "photo-unreachable");
}

/**
 * Any thrown value as an error with a code. A trap in WebAssembly is an engine's failure.
 * @param {unknown} thrown
 * @returns {NijigenError}
 */
export function toNijigenError(thrown) {
  if (thrown instanceof NijigenError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const code = /** @type {{code?: unknown}} */ (thrown ?? {}).code;
  if (typeof code === "string") {
    return new NijigenError(/** @type {ErrorCode} */ (code), message);
  }
  return new NijigenError("engine-failed", `The engine stopped unexpectedly (${message}).`);
}

/** What an aborted call ends with. */
export function cancelled() {
  return new NijigenError("cancelled", "The conversion was cancelled.");
}
