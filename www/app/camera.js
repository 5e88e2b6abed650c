/** The camera: what it sees, drawn live at a small size, and a photo by a click. */

import { createStylizer, encodePixels, readPixels } from "../nijigen/index.js";
import { element } from "./dom.js";
import { text } from "./language.js";

/** Longer side of the live preview, in pixels, and of what faces are seen in. */
const LIVE_PX = 256;
const FRAME_PX = 512;

/** Every how manieth frame is searched for faces while there are none. */
const SEARCH_EVERY = 12;

/**
 * Opens the camera until the visitor closes it.
 * @param {import("./engine.js").EngineChoice} choice for the preview
 * @param {(photos: import("./intake.js").NamedPhoto[]) => void} take
 */
export async function openCamera(choice, take) {
  const dialog = /** @type {HTMLDialogElement} */ (element("camera", HTMLDialogElement));
  const video = element("camera-video", HTMLVideoElement);
  const canvas = element("camera-picture", HTMLCanvasElement);
  const status = element("camera-status", HTMLElement);
  const shutter = element("camera-take", HTMLButtonElement);
  const turn = element("camera-turn", HTMLButtonElement);
  const closing = new AbortController();
  const { signal } = closing;
  /** @type {MediaStream | undefined} */
  let stream;
  let facingMode = "user";

  const stop = () => stream?.getTracks().forEach((track) => track.stop());

  async function start() {
    stop();
    shutter.disabled = true;
    status.textContent = text("camera.starting");
    try {
      const opened = await navigator.mediaDevices.getUserMedia({
        video: { facingMode, width: { ideal: 1920 }, height: { ideal: 1080 } },
      });
      stream = opened;
      if (signal.aborted) return stop();
      video.srcObject = opened;
      await video.play();
      shutter.disabled = false;
      canvas.style.setProperty("--ratio", String(video.videoWidth / video.videoHeight));
    } catch (thrown) {
      if (!signal.aborted) status.textContent = failureText(thrown);
    }
  }

  shutter.addEventListener(
    "click",
    async () => {
      const frame = await createImageBitmap(video);
      const photo = await encodePixels(await readPixels(frame), { type: "image/jpeg", quality: 0.95 });
      frame.close();
      dialog.close();
      const extension = photo.type === "image/jpeg" ? "jpg" : "png";
      take([{ name: `camera-${new Date().toISOString().slice(0, 19).replace(/:/g, "-")}.${extension}`, photo }]);
    },
    { signal },
  );
  turn.addEventListener(
    "click",
    () => {
      facingMode = facingMode === "user" ? "environment" : "user";
      void start();
    },
    { signal },
  );
  element("camera-close", HTMLButtonElement).addEventListener("click", () => dialog.close(), { signal });
  const closed = new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  canvas.getContext("2d")?.clearRect(0, 0, canvas.width, canvas.height);
  dialog.showModal();
  void start().then(() => drawLive(choice, { video, canvas, status, signal }));
  await closed;
  closing.abort();
  stop();
  video.srcObject = null;
}

/**
 * Draws one frame after the other, as fast as the engine can.
 * @param {import("./engine.js").EngineChoice} choice
 * @param {{video: HTMLVideoElement, canvas: HTMLCanvasElement, status: HTMLElement, signal: AbortSignal}} view
 */
async function drawLive(choice, { video, canvas, status, signal }) {
  if (signal.aborted || !video.srcObject) return;
  let stylizer;
  try {
    stylizer = await createStylizer({ ...choice, signal });
    const frame = new OffscreenCanvas(1, 1);
    let since = performance.now();
    let frames = 0;
    const watch = new FaceWatch();
    while (!signal.aborted) {
      const shrink = FRAME_PX / Math.max(video.videoWidth, video.videoHeight);
      frame.width = Math.max(1, Math.round(video.videoWidth * shrink));
      frame.height = Math.max(1, Math.round(video.videoHeight * shrink));
      frame.getContext("2d")?.drawImage(video, 0, 0, frame.width, frame.height);
      const { imageData, ...picture } = await stylizer.stylize(frame.transferToImageBitmap(), {
        size: LIVE_PX, output: "imagedata", faces: watch.next(), signal,
      });
      if (!imageData) return;
      canvas.dataset.faces = String(watch.learn(picture));
      canvas.width = imageData.width;
      canvas.height = imageData.height;
      canvas.getContext("2d")?.putImageData(imageData, 0, 0);
      canvas.dataset.live = "true";
      frames += 1;
      const seconds = (performance.now() - since) / 1000;
      if (seconds < 2) continue;
      status.textContent = text("camera.live", { fps: (frames / seconds).toFixed(1) });
      since = performance.now();
      frames = 0;
    }
  } catch (thrown) {
    if (!signal.aborted) status.textContent = failureText(thrown);
  } finally {
    stylizer?.dispose();
    delete canvas.dataset.live;
    delete canvas.dataset.faces;
  }
}

/** Which frames are searched for faces: all while there are some, else one now and then, as a search costs frames. */
class FaceWatch {
  #frames = 0;
  #count = 0;
  #works = true;

  /** @returns {"live" | "off"} how the next frame's faces are to be drawn */
  next() {
    // The first frame is there before the search is loaded.
    return this.#works && (this.#count > 0 || this.#frames++ % SEARCH_EVERY === 1) ? "live" : "off";
  }

  /** @param {Omit<import("../nijigen/index.js").Picture, "imageData">} picture @returns {number} faces that were drawn */
  learn({ faces, facesFailed }) {
    if (!faces) return this.#count;
    this.#count = faces.filter(({ outcome }) => outcome === "done").length;
    if (facesFailed) {
      console.warn("Faces cannot be searched for.", facesFailed);
      this.#works = false;
    }
    return this.#count;
  }
}

/** @param {unknown} thrown */
function failureText(thrown) {
  const name = thrown instanceof Error ? thrown.name : "";
  if (name === "NotAllowedError") return text("camera.denied");
  if (name === "NotFoundError" || name === "OverconstrainedError" || !navigator.mediaDevices) return text("camera.none");
  console.warn(thrown);
  return text("camera.failed");
}
