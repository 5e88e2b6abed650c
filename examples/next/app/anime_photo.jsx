"use client";

import { createStylizer } from "nijigen";
import { useEffect, useRef, useState } from "react";

/** Draws the photo that is chosen. */
export function AnimePhoto() {
  const canvas = useRef(null);
  const stylizer = useRef(null);
  const [status, setStatus] = useState("");

  useEffect(() => {
    const starting = createStylizer();
    starting.catch(() => {});
    stylizer.current = starting;
    return () => void starting.then((started) => started.dispose()).catch(() => {});
  }, []);

  async function draw(photo) {
    try {
      const started = await stylizer.current;
      const { imageData } = await started.stylize(photo, { output: "imagedata" });
      canvas.current.width = imageData.width;
      canvas.current.height = imageData.height;
      canvas.current.getContext("2d").putImageData(imageData, 0, 0);
      setStatus(`Drawn on the ${started.engine}.`);
    } catch (error) {
      setStatus(error.message);
    }
  }

  return (
    <>
      <input type="file" accept="image/*" aria-label="Photo" onChange={(event) => draw(event.target.files[0])} />
      <p role="status">{status}</p>
      <canvas ref={canvas} />
    </>
  );
}
