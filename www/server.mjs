/**
 * Serves a folder as the page wants to be served: node www/server.mjs FOLDER [--port N]
 *
 * Any static host will do in its place; the headers below are what makes the strictest one.
 */

import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { pathToFileURL } from "node:url";
import sirv from "sirv";

const HEADERS = {
  "Content-Security-Policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-cache",
  // Other pages may embed the package from here.
  "Access-Control-Allow-Origin": "*",
  "Cross-Origin-Resource-Policy": "cross-origin",
};

/** Cross-origin isolation: what shared memory, and so threads, need. */
const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/**
 * @param {string} folder
 * @param {number} port 0 for any free one
 * @param {boolean} [isolated] whether to send the headers of cross-origin isolation
 * @returns {Promise<{url: string, close: () => void}>}
 */
export function serve(folder, port, isolated = true) {
  const headers = { ...HEADERS, ...(isolated ? ISOLATION : {}) };
  // As it is at each request: build.sh adds modules meanwhile.
  const files = sirv(folder, { dev: true, etag: true, brotli: true, gzip: true });
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    files(request, response);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = /** @type {import("node:net").AddressInfo} */ (server.address());
      resolve({
        url: `http://localhost:${address.port}/`,
        close: () => {
          server.close();
          server.closeAllConnections();
        },
      });
    });
  });
}

async function main() {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { port: { type: "string", default: "8080" } },
  });
  const [folder] = positionals;
  const first = Number(values.port);
  if (!folder || !Number.isInteger(first) || first < 1 || first > 65535) {
    console.error("usage: node www/server.mjs FOLDER [--port 1..65535]");
    process.exit(2);
  }
  if (!existsSync(folder)) {
    console.error(`There is no folder ${folder}: ./build.sh build makes it.`);
    process.exit(1);
  }
  for (let port = first; port < first + 20; port++) {
    try {
      const { url } = await serve(folder, port);
      console.log(`\nNijigen is at ${url}  (Ctrl-C stops it)`);
      return;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EADDRINUSE") throw error;
      console.log(`Port ${port} is taken, trying the next one.`);
    }
  }
  console.error(`No free port from ${first} to ${first + 19}: name one with --port.`);
  process.exit(1);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main();
