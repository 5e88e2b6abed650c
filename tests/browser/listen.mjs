/** Hosts of a test's own, for what `www/server.mjs` does not send. */

import { createServer } from "node:http";

/**
 * @param {import("node:http").RequestListener} answer
 * @returns {Promise<{url: string, close: () => void}>} once it listens
 */
export async function listen(answer) {
  const server = createServer(answer);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    url: `http://localhost:${port}/`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
