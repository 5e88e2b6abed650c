/** What the page does with photos: the album, and the panels that show and change it. */

import { NijigenError, listLooks } from "../nijigen/index.js";
import { Album, isUnfinished } from "./album.js";
import { element } from "./dom.js";
import { explain, showError } from "./errors.js";
import { chosenDevice, isMeasured, measureQuietly, recallFaster } from "./faster_engine.js";
import { text } from "./language.js";
import { recall, remember } from "./memory.js";
import { receivePhotos, startOffline } from "./offline.js";
import { startOutput } from "./output.js";
import { startQueueList } from "./queue_list.js";
import { startSamples } from "./samples.js";
import { startStage } from "./stage.js";
import { startStyles } from "./styles_panel.js";

export { showError } from "./errors.js";

/** @type {Album} */
let album;
/** @type {() => void} */
let open = () => {};
/** Until then, photos wait. @type {Promise<void>} */
const isOpen = new Promise((resolve) => (open = resolve));

/** @param {import("./intake.js").NamedPhoto[]} photos */
export async function take(photos) {
  await isOpen;
  await album.add(photos);
}

export async function startStudio() {
  const size = element("size", HTMLSelectElement);
  const device = element("device", HTMLSelectElement);
  const wanted = recall("device");
  if ([...device.options].some(({ value }) => value === wanted)) device.value = wanted;

  startSamples(take).catch(console.error);
  receivePhotos((files) => void take(files.map((photo) => ({ name: photo.name, photo })))).catch(console.error);
  const offline = startOffline({ onUpdate: showUpdate, isUntouched: () => !album?.items.length });
  /** @type {ReturnType<typeof startStyles>} */
  let styles;
  try {
    const [looks] = await Promise.all([listLooks(), recallFaster()]);
    styles = startStyles(looks, redraw);
  } catch (thrown) {
    return showError(explain(thrown));
  }

  const { readFaces, showLikeness } = startFaces(styles.hasPortrait, redraw);
  album = new Album(() => ({
    ...styles.readStyle(),
    device: /** @type {import("../nijigen/index.js").Device} */ (device.value),
    size: Number(size.value),
    ...readFaces(),
  }));
  const readOutput = startOutput(() => stage.showStrength());
  const stage = startStage(album, readOutput);
  const { showTotals } = startQueueList(album, (items) => saveZip(items, readOutput()));

  function redraw() {
    showLikeness();
    album.redraw();
    showTotals();
  }
  size.addEventListener("change", redraw);
  device.addEventListener("change", () => {
    remember("device", device.value);
    redraw();
  });
  element("options", HTMLFormElement).addEventListener("submit", (event) => event.preventDefault());
  openWhenAsked(styles.readStyle, device);
  open();

  // What is loaded before is not kept for offline use.
  await offline;
  const { startSaving } = await import("./saved_album.js");
  await startSaving(album, (isFull) => {
    const notice = element("queue-unsaved", HTMLElement);
    notice.textContent = text(isFull ? "queue.diskFull" : "queue.notSaved");
    notice.hidden = false;
  });
  // The engine is got ready while the visitor looks for a photo, unless megabytes are dear; the visitor is told only what
  // concerns a photo.
  if (/** @type {any} */ (navigator).connection?.saveData) return;
  try {
    await album.warmUp();
  } catch (thrown) {
    if (!(thrown instanceof NijigenError)) return console.error(thrown);
    if (!album.items.length) showError(explain(thrown));
    return;
  }
  compareWhenIdle(() => device.value === "auto");
}

/**
 * Finds out which engine is faster here, while nothing is drawn, unless that is known.
 * @param {() => boolean} isAutomatic
 */
function compareWhenIdle(isAutomatic) {
  /** @type {AbortController | undefined} */
  let turn;
  const isBusy = () => album.isPaused || album.items.some(isUnfinished);
  const follow = async () => {
    if (isBusy()) return turn?.abort();
    if (turn || isMeasured() || !isAutomatic()) return;
    const mine = (turn = new AbortController());
    try {
      const { stylizer } = await album.warmUp();
      // Without a GPU there is nothing to choose.
      if (stylizer.engine === "webgpu" && !mine.signal.aborted) {
        await measureQuietly(stylizer, album.style, mine.signal);
      }
    } catch (thrown) {
      if (!(thrown instanceof NijigenError)) console.error(thrown);
      // What failed once is not tried again and again.
      if (!mine.signal.aborted) return;
    }
    turn = undefined;
  };
  for (const event of ["list", "change"]) album.addEventListener(event, () => void follow());
  void follow();
}

/**
 * How faces are drawn.
 * @param {() => boolean} hasPortrait whether likeness matters
 * @param {() => void} onChange
 * @returns {{readFaces: () => Pick<import("./album.js").Settings, "faces" | "likeness">, showLikeness: () => void}} what is
 *   chosen; the slider follows what it depends on
 */
function startFaces(hasPortrait, onChange) {
  const modes = element("faces", HTMLFieldSetElement);
  const likeness = element("likeness", HTMLInputElement);
  const mode = () => {
    const chosen = modes.querySelector("input:checked");
    return /** @type {"off" | "both" | "faces"} */ (chosen instanceof HTMLInputElement ? chosen.value : "off");
  };
  const isLikenessUsed = () => mode() !== "off" && hasPortrait();
  const showLikeness = () => {
    element("likeness-label", HTMLElement).hidden = !isLikenessUsed();
    element("likeness-value", HTMLOutputElement).value = `${likeness.value} %`;
  };
  likeness.addEventListener("input", showLikeness);
  for (const control of [modes, likeness]) control.addEventListener("change", onChange);
  showLikeness();
  return {
    // Where it is not used, another likeness makes no other picture.
    readFaces: () => ({ faces: mode(), ...(isLikenessUsed() ? { likeness: Number(likeness.value) / 100 } : {}) }),
    showLikeness,
  };
}

/**
 * What few visitors open is loaded when they do.
 * @param {ReturnType<typeof startStyles>["readStyle"]} readStyle
 * @param {HTMLSelectElement} device
 */
function openWhenAsked(readStyle, device) {
  element("camera-open", HTMLButtonElement).addEventListener("click", async () => {
    const { openCamera } = await import("./camera.js");
    // The live picture has the device to itself.
    album.pause();
    element("camera-paused", HTMLElement).hidden = !album.items.some(isUnfinished);
    const chosen = chosenDevice(/** @type {import("../nijigen/index.js").Device} */ (device.value));
    await openCamera({ ...readStyle(), variant: "tiny", device: chosen }, take);
    album.resume();
  });
  element("benchmark-start", HTMLButtonElement).addEventListener("click", async () => {
    const { runBenchmark } = await import("./benchmark.js");
    if (!(await runBenchmark(readStyle()))) return;
    device.value = "auto";
    device.dispatchEvent(new Event("change"));
  });
}

/**
 * @param {import("./album.js").Item[]} items
 * @param {import("./output.js").Output} output
 */
async function saveZip(items, output) {
  const button = element("zip", HTMLButtonElement);
  try {
    const { saveZip: save } = await import("./zip.js");
    await save(items, output, (done) => {
      button.textContent = text("queue.zipping", { done, all: items.length });
    });
  } catch (thrown) {
    showError(explain(thrown));
  }
  button.textContent = text("queue.zip");
}

/** @param {() => void} reload */
function showUpdate(reload) {
  element("update", HTMLElement).hidden = false;
  element("update-now", HTMLButtonElement).addEventListener("click", reload, { once: true });
}
