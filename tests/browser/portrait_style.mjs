/** Small networks for faces with weights by a formula, and a served folder that lists them. */

import { createHash } from "node:crypto";

/** A network with the four guide planes of a face. */
const GENERATOR = {
  input_channels: 7,
  encoder: [[8, 1], [8, 2], [8, 2]].map(([channels, stride]) => ({ channels, kernel: 3, stride })),
  residuals: [{ hidden: 16, channels: 8 }],
  bridge: [],
  decoder: Array.from({ length: 2 }, () => ({ convs: [{ channels: 8, kernel: 3, stride: 1 }], skip: false })),
  head: { kernel: 3, bias: true },
  depthwise_bias: false,
  stride_padding: "symmetric",
  upsampling: "half_pixel",
  norm_eps: 1e-5,
};

/** Its tensors, by name. @type {Record<string, number[]>} */
const SHAPES = {
  ...layer("encoder.0", [8, 7, 3, 3]),
  ...layer("encoder.1", [8, 8, 3, 3]),
  ...layer("encoder.2", [8, 8, 3, 3]),
  ...layer("residuals.0.expand", [16, 8, 1, 1]),
  ...layer("residuals.0.depthwise", [16, 1, 3, 3]),
  "residuals.0.project.weight": [8, 16, 1, 1],
  ...norm("residuals.0.project_norm", 8),
  ...layer("decoder.0.convs.0", [8, 8, 3, 3]),
  ...layer("decoder.1.convs.0", [8, 8, 3, 3]),
  "head.weight": [3, 8, 3, 3],
  "head.bias": [3],
};

/** A convolution and its normalisation. @param {string} name @param {number[]} shape */
function layer(name, shape) {
  return { [`${name}.conv.weight`]: shape, ...norm(`${name}.norm`, shape[0]) };
}

/** @param {string} name @param {number} channels */
function norm(name, channels) {
  return { [`${name}.gamma`]: [channels], [`${name}.beta`]: [channels] };
}

/** @param {string} name @param {object} more of its header @returns {Buffer} the style file */
function makeFile(name, more = {}) {
  const about = {
    format_version: 1,
    name,
    ...more,
    architecture: "test",
    generator: GENERATOR,
    value_range: [-1, 1],
    alignment: { expand: 1.3 },
    dtype: "f32",
    licence: { code: "MIT OR Apache-2.0", data: "CC0-1.0" },
    status: "interim",
    provenance: "a formula",
  };
  /** @type {Record<string, object>} */
  const header = { __metadata__: { nijigen: JSON.stringify(about) } };
  const weights = [];
  for (const [name, shape] of Object.entries(SHAPES)) {
    const count = shape.reduce((product, side) => product * side);
    const start = 4 * weights.length;
    header[name] = { dtype: "F32", shape, data_offsets: [start, start + 4 * count] };
    for (let i = 0; i < count; i++) {
      weights.push(name.endsWith("gamma") ? 1 : name.endsWith("beta") ? 0 : 0.5 * Math.sin(12.9898 * (i + 1) * (1 + shape.length)));
    }
  }
  const text = Buffer.from(JSON.stringify(header));
  const words = Buffer.concat([text, Buffer.alloc((8 - (text.length % 8)) % 8, " ")]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(words.length));
  return Buffer.concat([length, words, Buffer.from(Float32Array.from(weights).buffer)]);
}

export const PORTRAIT_STYLE = makeFile("portrait");
const SEGMENTATION_STYLE = makeFile("segmentation", { segmentation: true });

/** The entry of a manifest. */
export const PORTRAIT_ENTRY = entry("portrait", PORTRAIT_STYLE);
export const SEGMENTATION_ENTRY = entry("segmentation", SEGMENTATION_STYLE);

/** @param {string} name @param {Buffer} file */
function entry(name, file) {
  return {
    name,
    family: name,
    variant: name,
    file: `test-${name}.safetensors`,
    bytes: file.length,
    sha256: createHash("sha256").update(file).digest("hex"),
    title: { en: "Faces", zh: "人脸" },
    credit: "A formula.",
    license: "CC0-1.0",
  };
}

/**
 * Lists and serves the network in place of those for faces that the folder has.
 * @param {import("./browser.mjs").Browser} browser
 * @param {(route: import("playwright-core").Route) => Promise<void>} [serve] answers for the file
 */
export async function addPortrait({ context }, serve = (route) => route.fulfill({ body: PORTRAIT_STYLE })) {
  await listStyles(context, (styles) => [...styles, PORTRAIT_ENTRY]);
  await context.route(`**/${PORTRAIT_ENTRY.file}`, serve);
}

/**
 * Lists and serves both in place of those that the folder has.
 * @param {import("./browser.mjs").Browser} browser
 * @param {Buffer} [segmentation] what is served as the second
 */
export async function addFaceNetworks({ context }, segmentation = SEGMENTATION_STYLE) {
  const listed = entry("segmentation", segmentation);
  await listStyles(context, (styles) => [...styles, PORTRAIT_ENTRY, listed]);
  await context.route(`**/${PORTRAIT_ENTRY.file}`, (route) => route.fulfill({ body: PORTRAIT_STYLE }));
  await context.route(`**/${listed.file}`, (route) => route.fulfill({ body: segmentation }));
}

/**
 * Lists no network for faces.
 * @param {import("./browser.mjs").Browser} browser
 */
export async function removePortrait({ context }) {
  await listStyles(context, (styles) => styles);
}

/**
 * @param {import("./browser.mjs").Browser["context"]} context
 * @param {(styles: {variant: string}[]) => object[]} change of the styles, without networks for faces
 */
export async function listStyles(context, change) {
  await context.route("**/styles/manifest.json", async (route) => {
    const { version, styles } = await (await route.fetch({ maxRetries: 3 })).json();
    const places = styles.filter((/** @type {{variant: string}} */ { variant }) => !["portrait", "segmentation"].includes(variant));
    // Without the original's ETag, under which the browser would keep this.
    await route.fulfill({ json: { version, styles: change(places) } });
  });
}
