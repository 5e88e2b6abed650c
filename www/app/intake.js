/** How photos come to the page: chosen, as a folder, dropped anywhere, pasted. */

import { element } from "./dom.js";
import { text } from "./language.js";

/** @typedef {{name: string, photo: Blob}} NamedPhoto its name may begin with folders */

/** What a browser may name no type for. */
const PICTURE_NAME = /\.(jpe?g|jpe|jfif|png|webp|avif|gif|bmp|heic|heif|tiff?|jxl|ico)$/i;

/** @param {File} file */
const isPicture = (file) => file.type.startsWith("image/") || PICTURE_NAME.test(file.name);

/**
 * @param {(photos: NamedPhoto[]) => void} take
 * @param {(words: string) => void} refuse
 */
export function startIntake(take, refuse) {
  /** @param {NamedPhoto[]} photos @param {"add.none" | "add.noneInFolder" | "add.nothingToPaste"} otherwise */
  const takeOrRefuse = (photos, otherwise) => (photos.length ? take(photos) : refuse(text(otherwise)));

  const file = element("file", HTMLInputElement);
  file.addEventListener("change", () => {
    takeOrRefuse([...(file.files ?? [])].map(named), "add.none");
    // The same file chosen again is a change again.
    file.value = "";
  });
  const folder = element("folder", HTMLInputElement);
  folder.addEventListener("change", () => {
    const inside = [...(folder.files ?? [])].filter(isPicture);
    takeOrRefuse(
      inside.map((photo) => ({ name: photo.webkitRelativePath || photo.name, photo })),
      "add.noneInFolder",
    );
    folder.value = "";
  });

  addEventListener("paste", ({ clipboardData }) => {
    if (clipboardData?.files.length) take([...clipboardData.files].map(named));
  });
  element("paste", HTMLButtonElement).addEventListener("click", async () => {
    try {
      takeOrRefuse(await readClipboard(), "add.nothingToPaste");
    } catch {
      refuse(text("add.pasteByKey"));
    }
  });

  const veil = element("drop-veil", HTMLElement);
  addEventListener("dragover", (event) => {
    event.preventDefault();
    veil.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) veil.hidden = true;
  });
  addEventListener("drop", async (event) => {
    event.preventDefault();
    veil.hidden = true;
    if (!event.dataTransfer) return;
    const hasFolder = [...event.dataTransfer.items].some((item) => item.webkitGetAsEntry?.()?.isDirectory);
    takeOrRefuse(await readDrop(event.dataTransfer), hasFolder ? "add.noneInFolder" : "add.none");
  });
}

/** @param {File} photo @returns {NamedPhoto} */
function named(photo) {
  return { name: photo.name, photo };
}

/** @returns {Promise<NamedPhoto[]>} */
async function readClipboard() {
  const photos = [];
  for (const item of await navigator.clipboard.read()) {
    const type = item.types.find((type) => type.startsWith("image/"));
    if (type) photos.push({ name: `clipboard.${type.slice(6)}`, photo: await item.getType(type) });
  }
  return photos;
}

/**
 * Files as they are, so that a wrong one is refused in words; of folders the pictures.
 * @param {DataTransfer} transfer
 * @returns {Promise<NamedPhoto[]>}
 */
async function readDrop(transfer) {
  // The list is empty once the event is over.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  const files = [...transfer.files];
  /** @type {NamedPhoto[]} */
  const photos = [];
  for (const [i, entry] of entries.entries()) {
    if (entry?.isDirectory) await readFolder(/** @type {FileSystemDirectoryEntry} */ (entry), photos);
    else if (files[i]) photos.push(named(files[i]));
  }
  return photos;
}

/**
 * @param {FileSystemDirectoryEntry} folder
 * @param {NamedPhoto[]} photos to which the folder's are added
 */
async function readFolder(folder, photos) {
  const reader = folder.createReader();
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    // A reader gives a hundred at a time, and none at the end.
    if (!entries.length) return;
    for (const entry of entries) {
      if (entry.isDirectory) await readFolder(/** @type {FileSystemDirectoryEntry} */ (entry), photos);
      else {
        /** @type {File} */
        const photo = await new Promise((resolve, reject) => {
          /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject);
        });
        if (isPicture(photo)) photos.push({ name: entry.fullPath.replace(/^\//, ""), photo });
      }
    }
  }
}
