/** The list of photos: a thumbnail each, where it stands, and what can be done with it. */

import { isUnfinished } from "./album.js";
import { element, icon, make } from "./dom.js";
import { onLanguage, text } from "./language.js";
import { photoBitmap } from "./photo_bitmap.js";
import { countPixels } from "./photo_header.js";

/** @typedef {import("./album.js").Item} Item */

/** Size of a thumbnail, in pixels. */
const THUMBNAIL = [240, 180];
/** Larger photos get no thumbnail before the engine has accepted them. */
const EASY_PIXELS = 50e6;

/**
 * @param {import("./album.js").Album} album
 * @param {(items: Item[]) => Promise<void>} saveAll
 */
export function startQueueList(album, saveAll) {
  const list = element("queue", HTMLElement);
  const count = element("queue-count", HTMLElement);
  const zip = element("zip", HTMLButtonElement);
  const redo = element("redo", HTMLButtonElement);
  /** @type {Map<Item, Row>} */
  const rows = new Map();

  function showList() {
    for (const [item, row] of rows) {
      if (album.items.includes(item)) continue;
      row.element.remove();
      rows.delete(item);
    }
    for (const item of album.items) {
      let row = rows.get(item);
      if (!row) {
        row = new Row(album, item, removeRow);
        rows.set(item, row);
        list.append(row.element);
      }
      row.show();
    }
    showTotals();
  }

  /** Once for all that changes in a task. */
  let isTotalling = false;
  function showTotals() {
    if (isTotalling) return;
    isTotalling = true;
    setTimeout(() => {
      isTotalling = false;
      total();
    });
  }

  function total() {
    const done = album.items.filter(({ state }) => state === "done");
    count.textContent = text("queue.count", { done: done.length, all: album.items.length });
    zip.hidden = done.length < 2;
    redo.hidden = !album.outdated().some((item) => item !== album.selected);
  }

  /** The focus goes on to the next photo, not back to the page's top. @param {Item} item */
  function removeRow(item) {
    const index = album.items.indexOf(item);
    album.remove(item);
    const next = album.items[Math.min(index, album.items.length - 1)];
    const row = next && rows.get(next);
    (row ? row.open : element("file", HTMLInputElement)).focus();
  }

  album.addEventListener("list", showList);
  album.addEventListener("change", (event) => {
    rows.get(/** @type {CustomEvent} */ (event).detail)?.show();
    showTotals();
  });
  onLanguage(showList);
  zip.addEventListener("click", async () => {
    zip.disabled = true;
    await saveAll(album.items.filter(({ state }) => state === "done"));
    zip.disabled = false;
  });
  redo.addEventListener("click", () => album.redrawOutdated());
  element("clear", HTMLButtonElement).addEventListener("click", () => {
    album.clear();
    element("file", HTMLInputElement).focus();
  });
  return { showTotals };
}

/** Photos that wait are decoded for their thumbnails one after the other. */
let decoding = Promise.resolve();

/** A photo in the list. */
class Row {
  #album;
  #item;
  #canvas = make("canvas", { width: THUMBNAIL[0], height: THUMBNAIL[1] });
  #state = make("span", { className: "state" });
  #progress = make("progress", { max: 1 });
  #cancel = tool("close");
  #retry = tool("again");
  #remove = tool("close");
  /** Whether a thumbnail may be made before the engine has read the photo. */
  #isEasy = false;
  /** What the thumbnail shows. @type {unknown} */
  #drawn;

  /**
   * @param {import("./album.js").Album} album
   * @param {Item} item
   * @param {(item: Item) => void} remove
   */
  constructor(album, item, remove) {
    this.#album = album;
    this.#item = item;
    const name = make("span", { className: "name", textContent: item.name.split("/").pop() ?? "" });
    this.open = make("button", { type: "button", className: "open" }, this.#canvas, name, " ", this.#state);
    const tools = make("div", { className: "tools" }, this.#retry, this.#cancel, this.#remove);
    this.element = make("li", {}, this.open, this.#progress, tools);
    this.open.addEventListener("click", () => album.select(item));
    this.#cancel.addEventListener("click", () => {
      album.cancel(item);
      this.#retry.focus();
    });
    this.#retry.addEventListener("click", () => {
      album.retry(item);
      this.#cancel.focus();
    });
    this.#remove.addEventListener("click", () => remove(item));
    // What is broken is said by the engine.
    decoding = decoding.then(() => this.#drawEarly()).catch(() => {});
  }

  async #drawEarly() {
    const pixels = await countPixels(this.#item.photo);
    this.#isEasy = pixels !== undefined && pixels <= EASY_PIXELS;
    await this.#draw();
  }

  show() {
    const { name, state, share } = this.#item;
    const percent = Math.round(share * 100);
    const isPaused = state === "waiting" && this.#album.isPaused;
    const words = text(isPaused ? "queue.paused" : `queue.${state}`, { percent });
    this.element.dataset.state = state;
    this.#state.textContent = words;
    this.open.title = name;
    if (this.#album.selected === this.#item) this.open.setAttribute("aria-current", "true");
    else this.open.removeAttribute("aria-current");
    this.#progress.hidden = !isUnfinished(this.#item);
    this.#progress.value = share;
    this.#progress.ariaLabel = words;
    this.#cancel.hidden = !isUnfinished(this.#item);
    this.#retry.hidden = state !== "failed" && state !== "cancelled";
    this.#remove.hidden = isUnfinished(this.#item);
    this.#label(this.#cancel, "queue.cancelOne");
    this.#label(this.#retry, "queue.retryOne");
    this.#label(this.#remove, "queue.removeOne");
    this.#draw().catch(() => {});
  }

  /** @param {HTMLElement} button @param {"queue.cancelOne" | "queue.retryOne" | "queue.removeOne"} key */
  #label(button, key) {
    button.ariaLabel = button.title = text(key, { name: this.#item.name });
  }

  async #draw() {
    const { picture, photo, isReadable, isPair } = this.#item;
    const source = picture?.blob ?? (isReadable || this.#isEasy ? photo : undefined);
    if (!source || this.#drawn === source) return;
    this.#drawn = source;
    const bitmap = await photoBitmap(source, { imageOrientation: "from-image" });
    if (this.#drawn === source) cover(this.#canvas, bitmap, isPair === true && picture !== undefined);
    bitmap.close();
  }
}

/** @param {string} name of an icon */
function tool(name) {
  return make("button", { type: "button" }, icon(name));
}

/**
 * Fills a canvas with the middle of a picture.
 * @param {HTMLCanvasElement} canvas
 * @param {ImageBitmap} bitmap
 * @param {boolean} isPair only its right half is meant
 */
function cover(canvas, bitmap, isPair) {
  const context = canvas.getContext("2d");
  const [left, width] = isPair ? [bitmap.width / 2, bitmap.width / 2] : [0, bitmap.width];
  const scale = Math.max(canvas.width / width, canvas.height / bitmap.height);
  const [w, h] = [canvas.width / scale, canvas.height / scale];
  if (!context) return;
  context.imageSmoothingQuality = "high";
  context.clearRect(0, 0, canvas.width, canvas.height);
  // Of tall photos rather the upper part: there are the faces.
  const [x, y] = [left + (width - w) / 2, (bitmap.height - h) / 3];
  context.drawImage(bitmap, x, y, w, h, 0, 0, canvas.width, canvas.height);
}
