/** Photo and picture as one. */

/**
 * The same as `stylize` makes of its `strength`.
 * @param {ImageData} photo of the picture's size
 * @param {ImageData} picture
 * @param {number} strength share of the picture, 0 to 1
 * @returns {ImageData} the photo's colours, moved towards the picture's, and the picture's alpha
 */
export function mixPixels(photo, picture, strength) {
  const mixed = new ImageData(picture.data.slice(), picture.width);
  const { data } = mixed;
  for (let i = 0; i < data.length; i++) {
    if ((i & 3) < 3) data[i] = photo.data[i] + (data[i] - photo.data[i]) * strength;
  }
  return mixed;
}
