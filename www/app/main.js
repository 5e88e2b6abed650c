/** The page: takes a photo from the visitor, has it converted, shows and offers the picture. */

import { NijigenError, createStylizer, listStyles } from "../nijigen/index.js";
import { chosenFaces, labelFaceBoxes, showFaceBoxes } from "./faces.js";
import { receivePhotos, startOffline } from "./offline.js";
import { strings } from "./strings.js";

/** @template {HTMLElement} T @param {string} id @param {new () => T} type @returns {T} */
function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page lacks #${id}`);
  return found;
}

const ui = {
  file: element("file", HTMLInputElement),
  style: element("style", HTMLSelectElement),
  size: element("size", HTMLSelectElement),
  device: element("device", HTMLSelectElement),
  faces: element("faces", HTMLFieldSetElement),
  samples: element("samples", HTMLElement),
  error: element("error", HTMLElement),
  work: element("work", HTMLElement),
  photo: element("photo", HTMLCanvasElement),
  faceBoxes: element("face-boxes", HTMLElement),
  picture: element("picture", HTMLCanvasElement),
  pictureFigure: element("picture-figure", HTMLElement),
  progress: element("progress", HTMLProgressElement),
  status: element("status", HTMLElement),
  cancel: element("cancel", HTMLButtonElement),
  download: element("download", HTMLAnchorElement),
  styleNote: element("style-note", HTMLElement),
  veil: element("drop-veil", HTMLElement),
};

/** @type {import("../nijigen/index.js").StyleEntry[]} */
let styles = [];
/** @type {{key: string, stylizer: ReturnType<typeof createStylizer>} | undefined} */
let current;
/** The conversion under way; a newer photo takes its place. */
let running = new AbortController();
/** @typedef {import("./faces.js").KnownFaces} KnownFaces */
/** @type {{photo: Blob, name: string, faces?: KnownFaces} | undefined} */
let latest;
/** The photo that is shown, with its size. @type {{photo: Blob, width: number, height: number} | undefined} */
let shown;
let downloadUrl = "";

/** @param {string} text @param {number} [share] 0 to 1, or nothing where it cannot be known */
function showProgress(text, share) {
  ui.status.textContent = text;
  ui.progress.hidden = ui.cancel.hidden = false;
  if (share === undefined) ui.progress.removeAttribute("value");
  else ui.progress.value = share;
}

function hideProgress() {
  ui.progress.hidden = ui.cancel.hidden = true;
}

/** @param {unknown} thrown an error, or words */
function showError(thrown) {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const isPhotos = !(thrown instanceof NijigenError) || thrown.code.startsWith("photo-");
  ui.error.textContent = isPhotos ? strings.photoFailed(message) : strings.engineFailed(message);
  ui.error.hidden = false;
  hideProgress();
  ui.status.textContent = "";
}

/** The stylizer for what is chosen; kept until something else is chosen. */
function stylizer() {
  const key = `${ui.style.value} ${ui.device.value}`;
  if (current?.key === key) return current.stylizer;
  current?.stylizer.then((old) => old.dispose()).catch(() => {});
  const made = createStylizer({
    style: ui.style.value || undefined,
    device: /** @type {import("../nijigen/index.js").Device} */ (ui.device.value),
    onProgress: (key, loaded, total) => {
      // Loading ahead of the first photo is not worth a word.
      if (ui.progress.hidden || current?.stylizer !== made) return;
      if (key === "engine") showProgress(strings.loadingEngine(loaded));
      else showProgress(strings.loadingStyle(loaded, total), loaded / total);
    },
  });
  current = { key, stylizer: made };
  // A failed start is tried again with the next photo.
  made.catch(() => {
    if (current?.stylizer === made) current = undefined;
  });
  return made;
}

/** @param {HTMLCanvasElement} canvas @param {ImageBitmap} bitmap */
function draw(canvas, bitmap) {
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  canvas.style.setProperty("--ratio", String(bitmap.width / bitmap.height));
  canvas.hidden = false;
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
}

/** On a small screen, the pictures are below what the visitor sees. */
function scrollToWork() {
  if (ui.work.getBoundingClientRect().top > innerHeight * 0.5) ui.work.scrollIntoView();
}

/** Longest side at which the original is shown, in pixels; the picture is shown as it is. */
const SHOWN_PX = 1600;

/**
 * Shows the photo unless it is there already.
 * @param {Blob} photo
 * @param {AbortSignal} signal
 */
async function showPhoto(photo, signal) {
  if (shown?.photo === photo) return;
  const bitmap = await createImageBitmap(new Blob([photo]), { imageOrientation: "from-image" });
  const { width, height } = bitmap;
  const shrink = Math.min(1, SHOWN_PX / Math.max(width, height));
  const small = await createImageBitmap(bitmap, {
    resizeWidth: Math.max(1, Math.round(width * shrink)),
    resizeHeight: Math.max(1, Math.round(height * shrink)),
    resizeQuality: "high",
  });
  bitmap.close();
  if (signal.aborted) return;
  shown = { photo, width, height };
  draw(ui.photo, small);
  if (ui.pictureFigure.classList.contains("busy")) draw(ui.picture, small);
  scrollToWork();
}

/** @returns {"off" | "faces" | "both"} */
function facesMode() {
  const chosen = ui.faces.querySelector("input:checked");
  return /** @type {any} */ (chosen instanceof HTMLInputElement ? chosen.value : "off");
}

/** @typedef {Awaited<ReturnType<typeof createStylizer>>} Stylizer */

/**
 * The faces in the latest photo, with their boxes on it.
 * @param {Stylizer} stylizer
 * @param {Blob} photo
 * @param {AbortSignal} signal
 * @returns {Promise<KnownFaces>}
 */
async function findFaces(stylizer, photo, signal) {
  if (latest?.faces) return latest.faces;
  showProgress(strings.lookingForFaces);
  const startedAt = performance.now();
  const found = await stylizer.detectFaces(photo, { signal });
  found.sort((a, b) => a.box[0] - b.box[0]);
  const faces = { found, chosen: found.map(() => true), ms: performance.now() - startedAt };
  if (latest?.photo === photo) latest.faces = faces;
  return faces;
}

/**
 * The picture as the visitor wants it, and what there is to say of its faces. Without faces it is
 * the whole photo.
 * @param {Stylizer} stylizer
 * @param {Blob} photo
 * @param {import("../nijigen/index.js").StylizeOptions & {signal: AbortSignal}} options
 */
async function drawPicture(stylizer, photo, options) {
  const mode = facesMode();
  if (mode === "off") return { picture: await stylizer.stylize(photo, options), note: "" };
  let faces;
  try {
    faces = await findFaces(stylizer, photo, options.signal);
  } catch (thrown) {
    const code = thrown instanceof NijigenError ? thrown.code : "";
    if (code === "cancelled" || code.startsWith("photo-")) throw thrown;
    const note = strings.facesFailed(thrown instanceof Error ? thrown.message : String(thrown));
    return { picture: await stylizer.stylize(photo, options), note };
  }
  await showPhoto(photo, options.signal);
  if (faces.found.length && shown && ui.faceBoxes.hidden && !options.signal.aborted) {
    showFaceBoxes(ui.faceBoxes, shown, faces, convertAgain);
  }
  const landmarks = chosenFaces(faces);
  if (!landmarks.length) {
    const note = faces.found.length ? strings.noFaceChosen : strings.noFaceFound;
    return { picture: await stylizer.stylize(photo, options), note };
  }
  try {
    const picture = await stylizer.stylize(photo, { ...options, faces: mode, landmarks });
    const outcomes = (picture.faces ?? []).map(({ outcome }) => outcome);
    labelFaceBoxes(ui.faceBoxes, faces, outcomes);
    return { picture, note: strings.facesDrawn(outcomes) + strings.facesFound(faces.ms) };
  } catch (thrown) {
    if (!(thrown instanceof NijigenError) || thrown.code !== "no-face") throw thrown;
    return { picture: await stylizer.stylize(photo, options), note: strings.noPortrait };
  }
}

/**
 * @param {Blob | Promise<Blob>} source
 * @param {string} name
 * @param {KnownFaces} [faces] of the photo, if they are known
 */
async function convert(source, name, faces) {
  running.abort();
  const { signal } = (running = new AbortController());
  latest = undefined;
  ui.error.hidden = true;
  ui.download.hidden = true;
  ui.work.hidden = false;
  ui.pictureFigure.classList.add("busy");
  if (source !== shown?.photo) {
    ui.photo.hidden = ui.picture.hidden = true;
    shown = undefined;
  }
  if (!shown || facesMode() === "off") ui.faceBoxes.hidden = true;
  showProgress(strings.startingEngine);
  scrollToWork();
  try {
    const photo = await source;
    if (signal.aborted) return;
    latest = { photo, name, faces };
    const made = await stylizer();
    if (signal.aborted) return;
    showProgress(strings.reading);
    const { picture, note } = await drawPicture(made, photo, {
      size: Number(ui.size.value),
      signal,
      onProgress: (share) => {
        if (signal.aborted) return;
        // The engine has accepted and read the photo: it is safe to show.
        if (share === 0) showPhoto(photo, signal).catch(console.error);
        if (made.engine === "webgpu") showProgress(strings.drawingOnGpu);
        else showProgress(strings.drawing(share), share);
      },
    });
    const blob = /** @type {Blob} */ (picture.blob);
    const bitmap = await createImageBitmap(blob);
    if (signal.aborted) return;
    ui.pictureFigure.classList.remove("busy");
    draw(ui.picture, bitmap);
    hideProgress();
    ui.status.textContent =
      strings.done(picture.width, picture.height, picture.elapsedMs, strings.engines[picture.engine]) +
      note +
      (picture.fellBack ? strings.fellBack(picture.fellBack) : "");
    URL.revokeObjectURL(downloadUrl);
    downloadUrl = URL.createObjectURL(blob);
    ui.download.href = downloadUrl;
    ui.download.download = `${name.replace(/\.[^.]*$/, "") || "photo"}-anime.png`;
    ui.download.hidden = false;
  } catch (thrown) {
    if (signal.aborted) return;
    if (!(thrown instanceof NijigenError)) console.error(thrown);
    else if (thrown.code.startsWith("photo-")) latest = undefined;
    ui.work.hidden = true;
    showError(thrown);
  }
}

/** The latest photo with what is chosen now. */
function convertAgain() {
  if (latest) void convert(latest.photo, latest.name, latest.faces);
  else void stylizer().catch(() => {});
}

/** @param {DataTransfer | null} transfer */
function takeFrom(transfer) {
  const file = [...(transfer?.files ?? [])][0];
  if (file) void convert(file, file.name);
  else showError(strings.notAPhoto);
}

function listenForPhotos() {
  ui.file.addEventListener("change", () => {
    const file = ui.file.files?.[0];
    if (file) void convert(file, file.name);
    // The same file chosen again is a change again.
    ui.file.value = "";
  });
  ui.cancel.addEventListener("click", () => {
    running.abort();
    hideProgress();
    ui.status.textContent = strings.cancelled;
  });
  addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) takeFrom(event.clipboardData);
  });
  addEventListener("dragover", (event) => {
    event.preventDefault();
    ui.veil.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) ui.veil.hidden = true;
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    ui.veil.hidden = true;
    takeFrom(event.dataTransfer);
  });
  for (const select of [ui.size, ui.device, ui.style]) {
    select.addEventListener("change", () => {
      showStyleNote();
      convertAgain();
    });
  }
  ui.faces.addEventListener("change", convertAgain);
}

async function showSamples() {
  const response = await fetch("samples/samples.json");
  if (!response.ok) return;
  for (const { file, title, credit } of await response.json()) {
    const button = document.createElement("button");
    button.type = "button";
    button.title = strings.sample(title, credit);
    const image = document.createElement("img");
    image.src = `samples/${file}`;
    image.alt = strings.sample(title, credit);
    button.append(image);
    button.addEventListener("click", () => {
      const photo = fetch(image.src).then((response) => response.blob());
      void convert(photo, file);
    });
    ui.samples.append(button);
  }
}

function showStyleNote() {
  const entry = styles.find(({ name }) => name === ui.style.value);
  if (!entry) return;
  ui.styleNote.textContent = strings.styleNote(entry.title.en ?? entry.name, entry.credit, entry.license);
}

async function showStyles() {
  styles = await listStyles();
  for (const { name, title } of styles) ui.style.add(new Option(title.en ?? name, name));
  ui.style.disabled = styles.length < 2;
  showStyleNote();
}

/** @param {() => void} reload */
function showUpdate(reload) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button";
  button.textContent = strings.newRelease;
  button.addEventListener("click", reload);
  ui.styleNote.before(button);
}

listenForPhotos();
showSamples().catch(console.error);
receivePhotos(([file]) => void convert(file, file.name)).catch(console.error);
const offline = startOffline({ onUpdate: showUpdate, isUntouched: () => ui.work.hidden });
try {
  await showStyles();
  // What is loaded before is not kept for offline use.
  await offline;
  // The engine is got ready while the visitor looks for a photo. A photo under way tells its own
  // errors, and an engine that was replaced by another choice none.
  stylizer().catch((thrown) => {
    if (ui.work.hidden && !current) showError(thrown);
  });
} catch (thrown) {
  showError(thrown);
}
