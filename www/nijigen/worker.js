/** Runs one engine: loads its WebAssembly module and a style, then converts photos one by one. */

import { answerRequests, messagesHandled } from "./answer_requests.js";
import { fetchAsset, listFiles } from "./assets.js";
import { threadCount, webGpuAdapter } from "./capabilities.js";
import { WASM_FILE, loadModule, moduleName } from "./engine_module.js";
import { NijigenError, cancelled, toNijigenError } from "./errors.js";
import { MAX_COPIED_PIXELS } from "./photo.js";

/**
 * What the engines' modules export; that of the GPU lacks what measures and plans, and those with threads
 * have what starts them.
 * @typedef {typeof import("../../target/wasm/cpu/nijigen.js")} EngineModule
 */

/** @type {EngineModule} */
let engineModule;
/** The style on the engine. @type {import("../../target/wasm/cpu/nijigen.js").Stylizer} */
let stylizer;
/** What the engine takes for a unit of {@link work}, once it was measured. @type {number | undefined} */
let msPerWork;

/** @typedef {import("./answer_requests.js").Progress} Progress */

answerRequests(answer);

/**
 * @param {Exclude<import("./protocol.js").Request, {type: "detect"}>} request
 * @param {Progress} progress
 * @param {() => boolean} isCancelled
 * @returns {Promise<any>}
 */
async function answer(request, progress, isCancelled) {
  switch (request.type) {
    case "start":
      return start(request, progress);
    case "stylize":
      return stylize(request, progress, isCancelled);
    case "decode":
      return decode(request.photo);
    case "selfcheck":
      return stylizer.known_answer_error();
    case "estimate":
      return estimate(request.sizes);
  }
}

/**
 * @param {import("./protocol.js").StartRequest} request
 * @param {Progress} progress
 * @returns {Promise<import("./protocol.js").Started>}
 */
async function start(request, progress) {
  if (request.engine === "gpu") await requireAdapter(request.allowFallbackAdapter);
  const style = fetchStyle(request.style, request.keep, progress);
  // Whichever fails first is reported; the other must not be an unhandled rejection.
  style.catch(() => {});
  engineModule = await loadEngine(request, progress).catch((thrown) => {
    if (thrown instanceof NijigenError) throw thrown;
    const why = thrown instanceof Error ? thrown.message : thrown;
    throw new NijigenError(
      "load-failed",
      `The ${request.engine === "gpu" ? "WebGPU" : "CPU"} engine could not be loaded (${why}).`,
    );
  });
  const int8 = request.engine === "cpu" && usesInt8(request.precision);
  /** @param {import("./protocol.js").StyleSource} source @param {Promise<Uint8Array>} bytes */
  const create = async (source, bytes) => {
    try {
      return await engineModule.Stylizer.create(await bytes, source.sha256, int8);
    } catch (thrown) {
      const { code } = toNijigenError(thrown);
      if (code !== "style-hash" && code !== "style-invalid") throw thrown;
      // A cache may hold the file of another release than the manifest's.
      const fresh = await fetchStyle(source, request.keep, progress, "reload");
      return engineModule.Stylizer.create(fresh, source.sha256, int8);
    }
  };
  stylizer = await create(request.style, style);
  const { lighter } = request;
  const isLighter = lighter !== undefined && (await isSlow()) && (await replaceStyle());
  return { header: JSON.parse(stylizer.style_header), isLighter };

  /** What cannot be had, as without a network, is done without. */
  async function replaceStyle() {
    try {
      const source = /** @type {import("./protocol.js").StyleSource} */ (lighter);
      const made = await create(source, fetchStyle(source, request.keep, progress));
      stylizer.free();
      stylizer = made;
      msPerWork = undefined;
      return true;
    } catch (thrown) {
      console.warn("The lighter network could not be loaded.", thrown);
      return false;
    }
  }
}

/** A style that takes longer than this for 512 × 512 pixels is slow: 1024 × 1024 take four times as long. */
const SLOW_MS = 8000;
/** At first, browsers run modules in slow code, and other programs may have the CPU for a while. */
const SLOW_TRIALS = 4;

/** Whether the style is slow on this device, again and again. */
async function isSlow() {
  for (let i = 0; i < SLOW_TRIALS; i++) {
    msPerWork = undefined;
    if ((await estimate([[512, 512]])).ms <= SLOW_MS) return false;
  }
  return true;
}

/** So much faster 8-bit products must be to be worth their small errors. */
const INT8_SPEEDUP = 1.1;

/** @param {import("./protocol.js").StartRequest["precision"]} precision */
function usesInt8(precision) {
  if (precision !== "auto") return precision === "int8";
  return engineModule.int8_speedup(() => performance.now()) > INT8_SPEEDUP;
}

/**
 * @param {import("./protocol.js").StartRequest} request
 * @param {Progress} progress
 * @returns {Promise<EngineModule>}
 */
async function loadEngine({ engine, modulesUrl, threads, keep, workerUrl }, progress) {
  const count = engine === "cpu" ? threadCount(threads) : 1;
  const files = await listFiles(modulesUrl);
  /** @param {number} threads */
  const load = (threads) => {
    const name = moduleName(engine, threads);
    const known = files[`${name}/${WASM_FILE}`];
    return loadModule(`${modulesUrl}${name}/`, threads, {
      known,
      keep,
      onProgress: (received) => progress("engine", received, known?.bytes ?? 0),
      workerUrl,
    });
  };
  if (count === 1) return load(1);
  // Shared memory must be reserved at once, which a phone may refuse.
  return load(count).catch(() => load(1));
}

/**
 * Looks at the adapter before megabytes of engine are loaded for it.
 * @param {boolean} allowFallback
 */
async function requireAdapter(allowFallback) {
  const adapter = await webGpuAdapter();
  if (adapter === "none") {
    throw new NijigenError("gpu-unavailable", "This browser offers no WebGPU device.");
  }
  if (adapter === "fallback" && !allowFallback) {
    throw new NijigenError(
      "gpu-fallback-adapter",
      "This browser's WebGPU device is emulated in software, which is slower than the CPU engine.",
    );
  }
}

/**
 * @param {import("./protocol.js").StyleSource} style
 * @param {boolean} keep
 * @param {Progress} progress
 * @param {RequestCache} [cache]
 * @returns {Promise<Uint8Array>}
 */
async function fetchStyle(style, keep, progress, cache) {
  const { url, bytes: expected = 0 } = style;
  /** @param {number} received */
  const onProgress = (received) => progress("style", received, expected);
  let bytes;
  try {
    bytes = await (await fetchAsset(style, { keep, cache, onProgress })).bytes;
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : thrown;
    throw new NijigenError("load-failed", `The style ${url} could not be loaded (${why}).`);
  }
  if (expected && bytes.length !== expected) {
    throw new NijigenError(
      "style-invalid",
      `The style ${url} has ${bytes.length} bytes, expected ${expected}.`,
    );
  }
  return bytes;
}

/** Sides of the picture whose time is taken before there was a photo, in pixels. */
const PROBE_SIDE_PX = { cpu: 128, gpu: 256 };

/**
 * @param {[width: number, height: number][]} sizes
 * @returns {Promise<import("./protocol.js").Estimated>}
 */
async function estimate(sizes) {
  if (msPerWork === undefined) {
    const side = PROBE_SIDE_PX[stylizer.engine];
    const startedAt = performance.now();
    await stylizer.run(new Float32Array(3 * side * side), side, side);
    msPerWork = (performance.now() - startedAt) / work(side, side);
  }
  const ms = sizes.reduce((sum, [width, height]) => sum + work(width, height), 0) * msPerWork;
  if (stylizer.engine === "gpu") return { ms };
  const bytes = sizes.map(([width, height]) => stylizer.peak_bytes(width, height));
  return { bytes: Math.max(...bytes), ms };
}

/** Operations on the CPU; pixels on a GPU. @param {number} width @param {number} height */
function work(width, height) {
  return stylizer.engine === "gpu" ? width * height : stylizer.work(width, height);
}

/**
 * @param {import("./protocol.js").StylizeRequest} request
 * @param {Progress} progress
 * @param {() => boolean} isCancelled
 * @returns {Promise<import("./protocol.js").Stylized>}
 */
async function stylize(request, progress, isCancelled) {
  const { rgba, width, height, scale } =
    request.photo instanceof Blob ? await decode(request.photo) : { ...request.photo, scale: 1 };
  if (isCancelled()) throw cancelled();
  progress("stylize", 0, 1);
  const bytes = new Uint8Array(rgba.buffer, rgba.byteOffset, rgba.byteLength);
  const onProgress = async (/** @type {number} */ share) => {
    progress("stylize", share, 1);
    await messagesHandled();
    return !isCancelled();
  };
  const { size: longSide, strength, sideBySide, faces } = request;
  const startedAt = performance.now();
  const picture = await stylizer.stylize(bytes, width, height, {
    longSide,
    strength,
    sideBySide,
    ...(faces ? { faces: { ...faces, landmarks: faces.landmarks.map((value) => value * scale) } } : {}),
    onProgress,
  });
  const about = {
    width: picture.width,
    height: picture.height,
    ...(faces ? { outcomes: picture.outcomes } : {}),
  };
  // What faces take besides is not known here, nor how wide a picture is beside its photo.
  if (!faces && !sideBySide) {
    msPerWork = (performance.now() - startedAt) / work(about.width, about.height);
  }
  const drawn = picture.take_rgba();
  picture.free();
  const pixels = new Uint8ClampedArray(drawn.buffer, drawn.byteOffset, drawn.byteLength);
  if (!request.encode) return { rgba: pixels, ...about };
  const { canvas, context } = newCanvas(about.width, about.height);
  context.putImageData(new ImageData(pixels, about.width, about.height), 0, 0);
  if (request.encode.type === "image/jpeg") {
    context.globalCompositeOperation = "destination-over";
    context.fillStyle = "white";
    context.fillRect(0, 0, about.width, about.height);
  }
  return { blob: await canvas.convertToBlob(request.encode), ...about };
}

/**
 * Decodes a photo file to upright sRGB pixels.
 * @param {Blob} file
 * @returns {Promise<import("./protocol.js").Decoded>}
 */
async function decode(file) {
  let bytes;
  try {
    bytes = new Uint8Array(await file.arrayBuffer());
  } catch (thrown) {
    throw new NijigenError("photo-unreadable", `The photo's file cannot be read (${thrown}).`);
  }
  const { format } = engineModule.probe_photo(bytes);
  let bitmap;
  try {
    // The browser's decoder applies EXIF orientation and the colour profile. The type is left
    // out, so that a file with a wrong ending is judged by its contents.
    bitmap = await createImageBitmap(new Blob([bytes]), { imageOrientation: "from-image" });
  } catch {
    if (format === "HEIC" || format === "AVIF") {
      throw new NijigenError(
        "photo-unsupported",
        `This browser cannot open ${format} photos. Save the photo as JPEG or PNG and try again.`,
      );
    }
    throw new NijigenError("photo-unreadable", `This ${format} photo is damaged and cannot be read.`);
  }
  try {
    const scale = Math.min(1, Math.sqrt(MAX_COPIED_PIXELS / (bitmap.width * bitmap.height)));
    const width = Math.max(1, Math.round(bitmap.width * scale));
    const height = Math.max(1, Math.round(bitmap.height * scale));
    const { context } = newCanvas(width, height);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, width, height);
    return { rgba: context.getImageData(0, 0, width, height).data, width, height, scale };
  } finally {
    bitmap.close();
  }
}

/** @param {number} width @param {number} height */
function newCanvas(width, height) {
  const canvas = new OffscreenCanvas(width, height);
  // Read back once and never shown: a canvas on the GPU would only add a transfer.
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new NijigenError("engine-failed", "This browser offers no canvas to a worker.");
  return { canvas, context };
}
