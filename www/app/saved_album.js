/** Keeps the album on this device, so that it is there after a reload. */

import { SavedQueueError, openSavedQueue } from "./saved_queue.js";

/** @typedef {import("./album.js").Item} Item */

/**
 * Brings back what was there, and saves what comes.
 * @param {import("./album.js").Album} album
 * @param {(isFull: boolean) => void} onFailure something could not be saved, as the storage is full or for another
 *   reason; told once
 */
export async function startSaving(album, onFailure) {
  const saved = await openSavedQueue();
  /** The states in which items were last saved. @type {Map<Item, Item["state"]>} */
  const states = new Map();
  let hasFailed = false;
  /** @param {Promise<void>} writing */
  const watch = (writing) =>
    writing.catch((thrown) => {
      console.warn(thrown);
      if (!hasFailed) onFailure(thrown instanceof SavedQueueError && thrown.code === "quota");
      hasFailed = true;
    });

  /** @param {Item} item */
  function save(item) {
    // One that runs would be drawn again after a reload: it waits.
    const state = item.state === "running" ? "waiting" : item.state;
    if (states.get(item) === state && !item.picture) return;
    states.set(item, state);
    const { id, name, photo, settings, faces, facesReport, isPair } = item;
    const { blob, ...made } = item.picture ?? {};
    const options = { settings, faces, facesReport, isPair, made };
    void watch(saved.put({ id, name, photo, options, state, ...(blob ? { picture: blob } : {}) }));
  }

  const found = (await saved.list()).map(({ id, name, photo, options, picture, state }) => {
    const { settings, faces, facesReport, isPair, made } = options;
    const isDone = state === "done" && picture;
    return /** @type {import("./album.js").NewItem} */ ({
      id: String(id),
      name,
      photo,
      settings,
      faces,
      state: isDone ? "done" : state === "cancelled" ? "cancelled" : "waiting",
      ...(isDone ? { share: 1, isReadable: true, facesReport, isPair, picture: { ...made, blob: picture } } : {}),
    });
  });
  await album.restore(found);
  for (const { id } of found) {
    const item = album.items.find((item) => item.id === id);
    if (item) states.set(item, item.state);
    else void watch(saved.remove(id));
  }

  // Nothing can be kept here, as in some private windows: then nothing is said of it either.
  if (saved.unavailable) return;
  album.addEventListener("change", (event) => save(/** @type {CustomEvent} */ (event).detail));
  album.addEventListener("list", () => {
    if (!album.items.length && states.size) void watch(saved.clear());
    for (const item of states.keys()) {
      if (album.items.includes(item)) continue;
      states.delete(item);
      if (album.items.length) void watch(saved.remove(item.id));
    }
  });
  for (const item of album.items) save(item);
}
