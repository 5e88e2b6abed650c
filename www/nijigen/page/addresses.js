/** Addresses that a page gives. */

/** What they are relative to. */
export function documentUrl() {
  return globalThis.document?.baseURI ?? location.href;
}

/**
 * @param {string | URL} address of a folder, relative to the document
 * @returns {URL} with the slash at its end that relative addresses need
 */
export function toFolder(address) {
  const folder = new URL(address, documentUrl());
  if (!folder.pathname.endsWith("/")) folder.pathname += "/";
  return folder;
}
