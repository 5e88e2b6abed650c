/** Half as large a picture, for canvases that hold no larger one. */

/**
 * @param {ImageData} image at least 2 pixels a side
 * @returns {ImageData} means of two by two; a last odd row or column is left out
 */
export function halve({ data, width, height }) {
  const half = new ImageData(width >> 1, height >> 1);
  for (let i = 0; i < half.data.length; i++) {
    const pixel = i >> 2;
    const [x, y] = [pixel % half.width, Math.floor(pixel / half.width)];
    const at = 4 * (2 * y * width + 2 * x) + (i & 3);
    const below = at + 4 * width;
    half.data[i] = (data[at] + data[at + 4] + data[below] + data[below + 4]) / 4;
  }
  return half;
}
