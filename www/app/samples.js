/** Sample photos, one click away. */

import { element, make } from "./dom.js";
import { inLanguage, onLanguage, text } from "./language.js";

/** @param {(photos: import("./intake.js").NamedPhoto[]) => void} take */
export async function startSamples(take) {
  const response = await fetch("samples/samples.json");
  if (!response.ok) return;
  for (const { file, title, credit } of await response.json()) {
    const image = make("img", { src: `samples/${file}`, alt: "" });
    const button = make("button", { type: "button" }, image);
    const label = () => {
      button.ariaLabel = button.title = text("sample", { title: inLanguage(title), credit });
    };
    onLanguage(label);
    label();
    button.addEventListener("click", async () => {
      take([{ name: file, photo: await (await fetch(image.src)).blob() }]);
    });
    element("samples", HTMLElement).append(button);
  }
}
