//! Bytes that the pipeline holds itself, beside an engine's own.

use super::Presentation;
use crate::face::GUIDE_PLANES;

/// Bytes of RGBA pixels.
pub(super) fn rgba_bytes([width, height]: [usize; 2]) -> u64 {
    4 * width as u64 * height as u64
}

/// Bytes of a face's guide planes, in f32.
pub(super) fn guides_bytes(size: [usize; 2]) -> u64 {
    GUIDE_PLANES as u64 * rgba_bytes(size)
}

/// Bytes at a time while the features of a face are drawn: its picture, three floats a pixel of the
/// canvas and of the colours of picture and crop.
pub(super) fn drawing_bytes(size: [usize; 2]) -> u64 {
    (1 + 3 * 3) * rgba_bytes(size)
}

/// Bytes at a time while a photo of `size` is shrunk to that of `picture` (both `[width, height]`).
pub(super) fn shrinking_bytes(size: [usize; 2], picture: [usize; 2]) -> u64 {
    let photo = rgba_bytes(size);
    if size == picture {
        return photo;
    }
    // A copy that is weighted by alpha, and what one of the two filters leaves to the other.
    let between = rgba_bytes([size[0], picture[1]]).max(rgba_bytes([picture[0], size[1]]));
    2 * photo + between + rgba_bytes(picture)
}

/// Bytes at a time while squares of `crops` bytes together are cut out of a photo of `size`: the
/// part of the photo that a square shows, laid over white, and that at half its size.
pub(super) fn cutting_bytes(size: [usize; 2], crops: u64) -> u64 {
    let photo = rgba_bytes(size);
    photo + crops + photo + photo / 4
}

/// Bytes at a time while a face of `face` bytes is put into a picture of `picture` bytes: the face as it
/// lies there, two weights for each of its pixels, two more
/// numbers while lines are told from what they are drawn on, and the copies of [`cutting_bytes`].
pub(super) fn pasting_bytes(picture: u64, face: u64) -> u64 {
    picture + 5 * picture + face + face + face / 4
}

impl Presentation {
    /// Bytes of the photo that is kept for a picture of so many bytes.
    pub(super) fn kept_bytes(self, picture: u64) -> u64 {
        if self.needs_photo() { picture } else { 0 }
    }

    /// Bytes at a time while the picture is brought into its final form.
    pub(super) fn applying_bytes(self, picture: u64) -> u64 {
        let pair = if self.side_by_side { 2 * picture } else { 0 };
        picture + self.kept_bytes(picture) + pair
    }
}
