/** Without a bundler: `npx nijigen copy .` in the folder that is served. */

import { createStylizer } from "./nijigen/nijigen/index.js";

const [input, status, canvas] = ["input", "p", "canvas"].map((name) => document.querySelector(name));
const starting = createStylizer();

input.addEventListener("change", async () => {
  try {
    const stylizer = await starting;
    const { imageData } = await stylizer.stylize(input.files[0], { output: "imagedata" });
    canvas.width = imageData.width;
    canvas.height = imageData.height;
    canvas.getContext("2d").putImageData(imageData, 0, 0);
    status.textContent = `Drawn on the ${stylizer.engine}.`;
  } catch (error) {
    status.textContent = error.message;
  }
});
