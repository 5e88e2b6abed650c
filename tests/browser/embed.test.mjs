/** The package on a page of another origin: without a policy, with a strict one, and isolated. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { ROOT, openBrowser } from "./browser.mjs";
import { listen } from "./listen.mjs";

/** @type {import("./browser.mjs").Browser} */
let browser;
/** Hears what a host's page tells. @type {(told: any) => void} */
let hear = () => {};
before(async () => {
  browser = await openBrowser();
  await browser.page.exposeFunction("tell", (/** @type {any} */ told) => hear(told));
});
after(() => browser.close());

/** @param {string} path */
const asset = (path) => readFile(`${ROOT}${path}`);

/** The policy that docs/embedding.md names. @param {string} origin of the package */
const strict = (origin) =>
  `default-src 'self'; script-src 'self' ${origin} 'wasm-unsafe-eval'; connect-src 'self' ${origin}`;

/**
 * A host of its own port with these files, on whose first page `body` is run, in a module.
 * @param {Record<string, string>} headers
 * @param {string} body
 * @param {string} [html]
 * @returns {Promise<any>} what `body` gives to `tell`
 */
async function onHost(headers, body, html = "") {
  const photo = await asset("tests/browser/fixtures/astronaut-64.png");
  const portrait = await asset("www/samples/astronaut.jpg");
  const origin = new URL(browser.url).origin;
  /** @type {Record<string, [type: string, body: string | Buffer]>} */
  const files = {
    "/": ["text/html", `<!doctype html><title>Host</title>${html}<script type="module" src="host.js"></script>`],
    "/host.js": [
      "text/javascript",
      `try { ${body.replaceAll("PACKAGE", origin)} }
       catch (error) { tell({ code: error.code, message: error.message }); }`,
    ],
    "/nijigen_worker.js": ["text/javascript", `import "${origin}/nijigen/any_worker.js";`],
    "/favicon.ico": ["image/png", photo],
    "/photo.png": ["image/png", photo],
    "/portrait.jpg": ["image/jpeg", portrait],
  };
  const server = await listen((request, response) => {
    const [type, content] = files[request.url ?? ""] ?? ["text/plain", ""];
    response.writeHead(content ? 200 : 404, { "Content-Type": type, ...headers });
    response.end(content);
  });
  browser.complaints.length = 0;
  try {
    const told = new Promise((resolve) => (hear = resolve));
    await browser.page.goto(server.url);
    return await told;
  } finally {
    await browser.page.goto("about:blank");
    server.close();
  }
}

test("the README's three lines, from a page of another origin", async () => {
  const made = await onHost(
    {},
    `const { createStylizer } = await import("PACKAGE/nijigen/index.js");
     const stylizer = await createStylizer();
     const { blob } = await stylizer.stylize("photo.png");
     tell({ type: blob.type, size: blob.size, isolated: crossOriginIsolated });`,
  );
  assert.equal(made.type, "image/png", made.message);
  assert.ok(made.size > 1000);
  assert.equal(made.isolated, false);
  assert.deepEqual(browser.complaints, []);
});

test("a strict policy, no isolation: pictures, faces and the element by a worker file of the host", async () => {
  const made = await onHost(
    { "Content-Security-Policy": strict(new URL(browser.url).origin) },
    `const { createStylizer } = await import("PACKAGE/nijigen/index.js");
     const { NijigenPhoto } = await import("PACKAGE/nijigen/element.js");
     const workerUrl = "nijigen_worker.js";
     NijigenPhoto.stylizerOptions = { workerUrl };
     NijigenPhoto.define();
     const element = document.querySelector("nijigen-photo");
     await new Promise((resolve, reject) => {
       element.addEventListener("load", resolve);
       element.addEventListener("error", () => reject(element.error));
     });
     const stylizer = await createStylizer({ workerUrl, device: "cpu" });
     const { width, faces } = await stylizer.stylize("portrait.jpg", { size: 128, faces: "faces" });
     tell({ element: element.complete, width, outcomes: faces.map(({ outcome }) => outcome) });`,
    `<nijigen-photo src="photo.png" controls></nijigen-photo>`,
  );
  assert.deepEqual(made, { element: true, width: 128, outcomes: ["done"] });
  assert.deepEqual(browser.complaints, []);
});

test("a strict policy without a worker file: an error that names the way out", async () => {
  const made = await onHost(
    { "Content-Security-Policy": strict(new URL(browser.url).origin) },
    `const { createStylizer } = await import("PACKAGE/nijigen/index.js");
     await createStylizer({ device: "cpu" });
     tell({});`,
  );
  assert.equal(made.code, "load-failed");
  assert.match(made.message, /workerUrl/);
});

test("an isolated page of another origin has threads", async () => {
  const made = await onHost(
    { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" },
    `const { createStylizer, capabilities } = await import("PACKAGE/nijigen/index.js");
     const stylizer = await createStylizer({ device: "cpu", threads: 2 });
     const { width } = await stylizer.stylize("photo.png");
     tell({ width, isolated: (await capabilities()).crossOriginIsolated });`,
  );
  assert.deepEqual(made, { width: 64, isolated: true });
  assert.ok(
    browser.requests.some((url) => url.endsWith("-threads/nijigen_bg.wasm")),
    "the module without threads was used",
  );
});
