/** The photo that is looked at: its pictures, where its drawing stands, and what can be done with it. */

import { isUnfinished } from "./album.js";
import { startComparison } from "./comparison.js";
import { element } from "./dom.js";
import { explain, showError, wordsFor } from "./errors.js";
import { facesText, labelFaces, showFaceBoxes, showFaceChoice } from "./faces.js";
import { joinSentences, onLanguage, text } from "./language.js";
import { mix, openLayers, openPhoto } from "./layers.js";
import { canShare, makeFile, save } from "./output.js";

/** @typedef {import("./album.js").Item} Item */

/**
 * @param {import("./album.js").Album} album
 * @param {() => import("./output.js").Output} readOutput
 * @returns {{showStrength: () => void}} to be called when the output's strength has changed
 */
export function startStage(album, readOutput) {
  const ui = {
    work: element("work", HTMLElement),
    stage: element("stage", HTMLElement),
    compare: element("compare", HTMLElement),
    photo: element("photo", HTMLCanvasElement),
    picture: element("picture", HTMLCanvasElement),
    caption: element("picture-caption", HTMLElement),
    boxes: element("face-boxes", HTMLElement),
    choice: element("face-choice", HTMLElement),
    status: element("status", HTMLElement),
    progress: element("progress", HTMLProgressElement),
    cancel: element("cancel", HTMLButtonElement),
    download: element("download", HTMLButtonElement),
    share: element("share", HTMLButtonElement),
    copy: element("copy", HTMLButtonElement),
  };
  const sharing = canShare();
  const copying = "ClipboardItem" in globalThis;
  /** What is on the stage: an item, and which of its pictures. @type {{item?: Item, what?: unknown}} */
  let shown = {};
  /** @type {{item: Item, bitmap: ImageBitmap, width: number, height: number} | undefined} */
  let photo;
  /** @type {import("./layers.js").Layers | undefined} */
  let layers;
  /** What is loaded before anything can be drawn. @type {{key: string, loaded: number, total: number} | undefined} */
  let loading;
  /** What came of sharing or copying. */
  let note = "";

  const isFinished = (/** @type {Item} */ item) => item.picture !== undefined && shown.what === item.picture;

  function loadingText() {
    if (!loading) return text("status.engine");
    const [megabytes, total] = [loading.loaded, loading.total].map((bytes) => (bytes / 1e6).toFixed(1));
    if (loading.key === "engine") return text("status.loadingEngine", { megabytes });
    return text("status.loadingStyle", { megabytes, total });
  }

  /** @param {Item} item @returns {string} */
  function statusText(item) {
    switch (item.state) {
      case "waiting": {
        if (album.isPaused) return text("status.paused");
        const isBehind = album.items.some(({ state }) => state === "running");
        return isBehind ? text("status.waiting") : loadingText();
      }
      case "running":
        if (!item.isReadable) return text("status.reading");
        if (loading) return loadingText();
        if (!item.engine) return text("status.starting");
        return text(item.engine === "webgpu" ? "status.gpu" : "status.cpu");
      case "cancelled":
        return text("status.cancelled");
      case "failed":
        return "";
      case "done":
        return isFinished(item) ? doneText(item) : ui.status.textContent;
    }
  }

  function showState() {
    const item = album.selected;
    ui.work.hidden = !item;
    document.body.classList.toggle("working", Boolean(item));
    if (!item) return showError({});
    const words = statusText(item);
    // What is said again would be read again.
    if (ui.status.textContent !== words) ui.status.textContent = words;
    ui.cancel.hidden = ui.progress.hidden = !isUnfinished(item);
    if (item.state === "running" && item.isReadable && item.engine) ui.progress.value = item.share;
    else ui.progress.removeAttribute("value");
    ui.download.hidden = !isFinished(item);
    ui.share.hidden = !sharing || !isFinished(item);
    ui.copy.hidden = !copying || !isFinished(item);
    showError(item.state === "failed" ? explain(item.error) : {});
    const isPreview = Boolean(item.preview) && shown.what === item.preview;
    ui.caption.textContent = text(isPreview ? "preview" : "picture");
    ui.compare.classList.toggle("busy", shown.what === "photo");
    ui.compare.classList.toggle("empty", ui.picture.hidden);
    ui.stage.hidden = item.state === "failed" && ui.picture.hidden;
  }

  /** @param {Item} item @returns {string} */
  function doneText(item) {
    const { width, height, elapsedMs, engine, variant = "full", missing, fellBackCode } =
      /** @type {import("./album.js").Picture} */ (item.picture);
    return joinSentences(
      text("status.done", {
        width: item.isPair ? width / 2 : width,
        height,
        seconds: (elapsedMs / 1000).toFixed(1),
        engine: text(`engine.${engine}`),
        network: text(`network.${variant}`),
      }),
      item.facesReport ? facesText(item.facesReport, item.faces) : "",
      missing ? text("status.endsEarly", { percent: Math.round(100 * missing) }) : "",
      missing === 0 ? text("status.lessSharp") : "",
      fellBackCode ? text("status.fellBack", { why: wordsFor(fellBackCode) }) : "",
      note,
    );
  }

  async function show() {
    const item = album.selected;
    const what = item && (item.picture ?? item.preview ?? (item.isReadable ? "photo" : "nothing"));
    if (shown.item !== item || shown.what !== what) {
      // Nothing of another photo is left while this one is opened.
      if (shown.item !== item) clearStage();
      const mine = (shown = { item, what: undefined });
      note = "";
      if (item) await showPictures(item, what).catch(console.error);
      if (shown !== mine) return;
      shown = { item, what };
      showFaces();
    }
    showState();
  }

  function clearStage() {
    ui.photo.hidden = ui.picture.hidden = ui.boxes.hidden = ui.choice.hidden = true;
    photo?.bitmap.close();
    layers?.picture.close();
    photo = layers = undefined;
  }

  /** @param {Item} item @param {unknown} what */
  async function showPictures(item, what) {
    if (what === "nothing") return;
    if (photo?.item !== item) {
      const opened = { item, ...(await openPhoto(item.photo)) };
      if (album.selected !== item) return opened.bitmap.close();
      photo = opened;
      scrollToWork();
    }
    const { bitmap } = photo;
    if (what === item.picture && item.picture) {
      const opened = await openLayers(item, bitmap);
      if (album.selected !== item || item.picture !== what) return;
      layers = opened;
      draw(ui.photo, layers.photo);
      showStrength();
      return;
    }
    layers = undefined;
    draw(ui.photo, bitmap);
    if (what === item.preview && item.preview) {
      const small = await createImageBitmap(item.preview);
      draw(ui.picture, small);
    } else draw(ui.picture, bitmap);
  }

  /** @param {HTMLCanvasElement} canvas @param {ImageBitmap} bitmap */
  function draw(canvas, bitmap) {
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
    ui.compare.style.setProperty("--ratio", String(bitmap.width / bitmap.height));
    canvas.hidden = false;
  }

  function showStrength() {
    const context = ui.picture.getContext("2d");
    if (!layers || !context) return;
    ui.picture.width = layers.picture.width;
    ui.picture.height = layers.picture.height;
    mix(context, layers, readOutput().strength);
    ui.picture.hidden = false;
  }

  /** Buttons on the faces, or a row of them where the photo is not seen as a whole. */
  function showFaces() {
    const item = album.selected;
    ui.boxes.hidden = ui.choice.hidden = true;
    if (!item?.faces?.found.length || !photo || item.settings.faces === "off") return;
    const container = item.isPair ? ui.choice : ui.boxes;
    if (item.isPair && item.faces.found.length < 2) return;
    // Redrawn, they are the same buttons: the focus stays.
    if (container.dataset.item !== item.id || container.childElementCount !== item.faces.found.length) {
      const redraw = () => album.redraw();
      if (item.isPair) showFaceChoice(ui.choice, photo.bitmap, photo.bitmap.width / photo.width, item.faces, redraw);
      else showFaceBoxes(ui.boxes, photo, item.faces, redraw);
      container.dataset.item = item.id;
    }
    labelFaces(container, item.faces, item.facesReport?.outcomes ?? []);
    container.hidden = false;
  }

  /** On a small screen, the pictures are below what the visitor sees. */
  function scrollToWork() {
    if (ui.work.getBoundingClientRect().top > innerHeight * 0.5) ui.work.scrollIntoView();
  }

  /**
   * Makes the file, does something with it, and says so if that fails.
   * @param {(file: File) => Promise<string> | string} use answers with what there is to say
   * @param {"share.failed" | "copy.failed"} failure
   * @param {Partial<import("./output.js").Output>} [changes] to what is chosen
   */
  async function withFile(use, failure, changes) {
    const item = album.selected;
    if (!item || !isFinished(item)) return;
    try {
      const output = { ...readOutput(), ...changes };
      const file = await makeFile(item, output);
      const isOther = file.type !== `image/${output.format}`;
      note = isOther ? text("format.missing", { format: output.format.toUpperCase() }) : "";
      note = joinSentences(await use(file), note);
    } catch (thrown) {
      const isDismissed = thrown instanceof DOMException && thrown.name === "AbortError";
      if (!isDismissed) console.warn(thrown);
      note = isDismissed ? "" : text(failure);
    }
    showState();
  }

  startComparison(ui.compare);
  ui.cancel.addEventListener("click", () => {
    if (album.selected) album.cancel(album.selected);
  });
  ui.download.addEventListener("click", () => {
    void withFile((file) => {
      save(file, file.name.split("/").pop() ?? file.name);
      return "";
    }, "share.failed");
  });
  ui.share.addEventListener("click", () => {
    void withFile(async (file) => {
      await navigator.share({ files: [file] });
      return "";
    }, "share.failed");
  });
  ui.copy.addEventListener("click", () => {
    // Clipboards take PNG only.
    void withFile(
      async (file) => {
        await navigator.clipboard.write([new ClipboardItem({ "image/png": file })]);
        return text("copy.done");
      },
      "copy.failed",
      { format: "png" },
    );
  });
  album.addEventListener("list", () => {
    showState();
    void show();
  });
  album.addEventListener("change", (event) => {
    if (/** @type {CustomEvent} */ (event).detail.state === "running") loading = undefined;
    showState();
    void show();
  });
  album.addEventListener("loading", (event) => {
    loading = /** @type {CustomEvent} */ (event).detail;
    showState();
  });
  onLanguage(() => {
    showFaces();
    showState();
  });
  return { showStrength };
}
