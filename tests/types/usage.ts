/** What a host written in TypeScript does with the package; only its types are checked. */

import {
  NijigenError,
  capabilities,
  createStylizer,
  listLooks,
  listStyles,
  preload,
  type ErrorCode,
  type Face,
  type Job,
  type Look,
  type OpenPhoto,
  type Picture,
  type Queue,
  type StylizeOptions,
  type Stylizer,
  type StylizerOptions,
} from "nijigen";
import { NijigenPhoto } from "nijigen/define";

const options: StylizerOptions = {
  style: "ink",
  variant: "auto",
  device: "auto",
  assets: new URL("https://example.org/anime/"),
  workerUrl: "/nijigen_worker.js",
  onProgress: (key: "engine" | "style", current: number, total: number) => console.log(key, current / total),
  signal: AbortSignal.timeout(60_000),
};
const stylizer: Stylizer = await createStylizer(options);

const how: StylizeOptions = { size: 512, strength: 0.8, faces: "both", likeness: 0.5, format: "jpeg", quality: 0.9, sideBySide: true };
const canvas = document.createElement("canvas");
const sources = [new Blob(), "a.jpg", new URL("https://example.org/"), canvas, new Image(), new ImageData(1, 1)];
for (const source of sources) {
  const picture: Picture = await stylizer.stylize(source, how);
  const blob: Blob | undefined = picture.blob;
  console.log(blob?.size, picture.width, picture.engine === "webgpu", picture.variant === "tiny", picture.faces?.[0]?.outcome === "done");
}

const queue: Queue = stylizer.queue({ concurrency: 1, retries: 2 });
queue.addEventListener("change", (event) => {
  const job: Job = (event as CustomEvent<Job>).detail;
  console.log(job.id, job.state === "running", job.share);
});
const job = queue.add(new Blob(), how);
queue.move(job.id, 0);
const done: Picture = await job.done;
await queue.idle();

const photo: OpenPhoto = stylizer.open("a.jpg", { signal: AbortSignal.timeout(60_000) });
const faces: Face[] = await stylizer.detectFaces(photo);
await stylizer.stylize(photo, { faces: "faces", landmarks: faces.slice(0, 1) });
photo.close();
const { bytes, ms } = await stylizer.estimate(4000, 3000, { size: 1024, faces: "both" });
const has = await capabilities();
await preload({ device: has.webgpu ? "webgpu" : "cpu" });
const [first] = await listStyles("/anime/");
const looks: Look[] = await listLooks("/anime/");
console.log(looks[0]?.about["en"], looks[0]?.networks[0]?.variant === "tiny", looks[0]?.portrait?.license, first?.variant === "portrait");
console.log(done.elapsedMs, (bytes ?? 0) / 1e6, ms.toFixed(), first?.title["en"]);

try {
  await stylizer.selfCheck();
} catch (error) {
  if (error instanceof NijigenError) {
    const code: ErrorCode = error.code;
    if (code === "gpu-lost") console.log(error.message);
  }
}
stylizer.dispose();

const element: NijigenPhoto = document.createElement("nijigen-photo");
element.strength = 0.5;
element.artStyle = "ink";
element.likeness = 1;
NijigenPhoto.stylizerOptions = { assets: "/anime/" };

// @ts-expect-error there is no such option
await stylizer.stylize(canvas, { longSide: 3 });
// @ts-expect-error a number is no photo
await stylizer.stylize(42);
// @ts-expect-error there is no such state
console.log(job.state === "lost");
