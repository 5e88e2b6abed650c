/** What this browser offers to the engines. */

/** A function that uses an instruction of SIMD: `i8x16.popcnt` of `v128.const 0`. */
const SIMD_PROBE = probe([0xfd, 0x62]);
/**
 * The same of relaxed SIMD (fused multiply-add and its relatives; no Safari has it):
 * `i32x4.relaxed_trunc_f32x4_s`.
 */
const RELAXED_SIMD_PROBE = probe([0xfd, 0x81, 0x02]);

/** More threads gain little: they share the memory's bandwidth, and large cores are few. */
const MAX_THREADS = 8;

/** @param {number[]} instruction that takes and gives a vector @returns {Uint8Array} a module */
function probe(instruction) {
  const body = [0x00, 0xfd, 0x0c, ...new Array(16).fill(0), ...instruction, 0x0b];
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // "\0asm", version 1
    ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b], // types: () -> v128
    ...[0x03, 0x02, 0x01, 0x00], // functions: one of type 0
    ...[0x0a, body.length + 2, 0x01, body.length, ...body],
  ]);
}

/** @param {Uint8Array} module */
const isKnown = (module) => WebAssembly.validate(/** @type {BufferSource} */ (module));

/** Whether WebAssembly has SIMD, which every engine needs. */
export const hasSimd = () => isKnown(SIMD_PROBE);
/** Whether WebAssembly has relaxed SIMD. */
export const hasRelaxedSimd = () => isKnown(RELAXED_SIMD_PROBE);

/**
 * Threads that the CPU engine can use here: 1 unless the page is cross-origin isolated.
 * @param {number} [wanted] default: as many as the device has
 */
export function threadCount(wanted = navigator.hardwareConcurrency ?? 1) {
  if (!globalThis.crossOriginIsolated) return 1;
  return Math.max(1, Math.min(wanted, MAX_THREADS));
}

/** Cores up to which a phone is taken for one whose compact networks would take long. */
const SMALL_PHONE_CORES = 2;

/** Whether this is a phone or tablet with so few cores that it is known to be slow before anything was measured. */
export function isSmallPhone() {
  const { userAgent, userAgentData, hardwareConcurrency } = /** @type {any} */ (navigator);
  const isMobile = userAgentData?.mobile ?? /Android|iPhone|iPad|Mobile/.test(userAgent);
  return isMobile && hardwareConcurrency <= SMALL_PHONE_CORES;
}

/**
 * The WebGPU adapter that an engine would get.
 * @returns {Promise<"none" | "fallback" | "real">} "fallback" is one emulated in software
 */
export async function webGpuAdapter() {
  const adapter = await requestAdapter();
  if (!adapter) return "none";
  return (adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter) ? "fallback" : "real";
}

/** The adapter that an engine would get, if there is one. @returns {Promise<any>} */
function requestAdapter() {
  return /** @type {any} */ (navigator).gpu?.requestAdapter({ powerPreference: "high-performance" });
}

/** What the browser tells of an adapter. @returns {Promise<string | undefined>} */
async function adapterName() {
  const adapter = await requestAdapter();
  if (!adapter) return undefined;
  const { vendor, architecture, device, description } = adapter.info ?? {};
  return [vendor, architecture, device, description].filter(Boolean).join(" ") || "unnamed";
}

/**
 * @typedef {object} Capabilities
 * @property {boolean} webgpu whether there is a WebGPU adapter
 * @property {string} [adapter] what the browser tells of it: vendor, architecture and the like
 * @property {boolean} fallbackAdapter whether it is emulated in software, which is slower than the CPU engine
 * @property {number} threads that the CPU engine would use
 * @property {boolean} crossOriginIsolated whether the page is; more than one thread needs it
 * @property {boolean} simd whether WebAssembly has SIMD, which the engines need
 * @property {boolean} relaxedSimd whether it has relaxed SIMD, which makes the CPU engine faster
 */

/**
 * What this browser offers. Nothing is loaded for it.
 * @returns {Promise<Capabilities>}
 */
export async function capabilities() {
  const [kind, adapter] = await Promise.all([webGpuAdapter(), adapterName()]);
  return {
    webgpu: kind !== "none",
    ...(adapter ? { adapter } : {}),
    fallbackAdapter: kind === "fallback",
    threads: threadCount(),
    crossOriginIsolated: globalThis.crossOriginIsolated ?? false,
    simd: hasSimd(),
    relaxedSimd: hasRelaxedSimd(),
  };
}
