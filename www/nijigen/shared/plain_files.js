/** Tells the package's plain files, which find each other by relative addresses, from what a bundler has made of them. */

/**
 * The package's folder `nijigen/`, if a script is a file of its own in it.
 * @param {string | undefined} url of the script, its `import.meta.url`: bundlers put another address in its place, the
 *   file's on the disk, or none
 * @param {string} path of the script in that folder
 * @returns {URL | undefined} nothing if a bundler has put the script elsewhere
 */
export function plainFolder(url, path) {
  if (!url || url.startsWith("file:")) return undefined;
  const { pathname } = new URL(url);
  if (!pathname.endsWith(`/${path}`)) return undefined;
  return new URL(pathname.slice(0, -path.length), url);
}
