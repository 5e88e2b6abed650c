//! Pictures as plain slices: 8-bit RGBA photos, the network's float planes, and the way between.

#[cfg(feature = "decode")]
mod colour_profile;
#[cfg(feature = "decode")]
mod decode;
mod flow;
mod guided;
mod jpeg;
mod jpeg_scan;
mod luma;
mod missing;
mod mix;
mod outside;
mod paste;
mod planes;
mod probe;
mod resize;
mod rows;
mod separable;
mod structure_tensor;
mod surroundings;
mod transparency;
mod warp;
mod white;

#[cfg(feature = "decode")]
pub use decode::{Decoded, decode, decode_partial};
pub(crate) use flow::{along_edges, mean_along};
pub use guided::enlarge_along;
pub(crate) use guided::{enlarging_bytes, recolour};
pub(crate) use luma::luma;
pub use missing::{EndsEarly, Side, mend};
pub use mix::mix;
pub use outside::{OUTSIDE, blur_outside, gray_outside, is_inside};
pub use paste::{FadingEllipse, PatchTone, paste};
pub(crate) use planes::max_abs_difference;
pub use planes::{MIN_SIDE_PX, Planes};
#[cfg(feature = "cpu")]
pub(crate) use planes::{over_white, set_colours};
pub use probe::{MAX_MEGAPIXELS, PhotoHeader, probe};
pub use resize::fit_long_side;
pub(crate) use resize::{fitted_size, shrunk};
pub(crate) use rows::for_each_row;
pub(crate) use separable::{blur, box_means};
pub(crate) use structure_tensor::structure_tensor;
pub(crate) use transparency::transparency_bytes;
pub use warp::{Displaced, warp, warp_displaced};
pub(crate) use white::{colour_over_white, pixel_over_white, pixel_under_white};

use crate::error::{Error, Result};

/// An 8-bit sRGB picture with straight (not premultiplied) alpha.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photo {
    width: usize,
    height: usize,
    rgba: Vec<u8>,
}

impl Photo {
    /// Wraps `rgba`, row by row from the top left, 4 bytes a pixel.
    ///
    /// # Errors
    /// [`Error::ArgumentInvalid`] if a side is zero or the number of bytes is not
    /// `width * height * 4`; [`Error::PhotoTooLarge`] above [`MAX_MEGAPIXELS`].
    pub fn new(width: usize, height: usize, rgba: Vec<u8>) -> Result<Self> {
        check_length(rgba.len(), 4, [width, height], ["bytes", "RGBA pixels"])?;
        Ok(Self {
            width,
            height,
            rgba,
        })
    }

    /// Width in pixels, at least 1.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels, at least 1.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The pixels, 4 bytes each, row by row.
    pub fn rgba(&self) -> &[u8] {
        &self.rgba
    }

    /// The pixels, row by row.
    pub fn pixels(&self) -> &[[u8; 4]] {
        self.rgba.as_chunks().0
    }

    /// The pixels, to be changed.
    pub fn pixels_mut(&mut self) -> &mut [[u8; 4]] {
        self.rgba.as_chunks_mut().0
    }

    /// This picture and another one at its right, below the other's end in transparent black.
    ///
    /// # Errors
    /// [`Error::PhotoTooLarge`] above [`MAX_MEGAPIXELS`], [`Error::Memory`] if there is too little.
    pub fn beside(&self, right: &Photo) -> Result<Self> {
        let (width, height) = (self.width + right.width, self.height.max(right.height));
        let mut rgba = zeros(4 * pixel_count(width, height)?)?;
        for (y, row) in rgba.chunks_exact_mut(width * 4).enumerate() {
            let (left_row, right_row) = row.split_at_mut(self.width * 4);
            for (photo, row) in [(self, left_row), (right, right_row)] {
                if y < photo.height {
                    row.copy_from_slice(&photo.rgba[y * photo.width * 4..][..row.len()]);
                }
            }
        }
        Self::new(width, height, rgba)
    }

    /// The pixels, without copying.
    pub fn into_rgba(self) -> Vec<u8> {
        self.rgba
    }
}

/// The largest difference of a channel of two photos of one size.
#[cfg(test)]
fn worst_difference(a: &Photo, b: &Photo) -> u8 {
    let pairs = a.rgba().iter().zip(b.rgba());
    pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}

/// Pixels of a picture, which four bytes each or three floats fit into the address space of 32 bits.
///
/// # Errors
/// [`Error::ArgumentInvalid`] if a side is zero, [`Error::PhotoTooLarge`] above [`MAX_MEGAPIXELS`].
fn pixel_count(width: usize, height: usize) -> Result<usize> {
    if width == 0 || height == 0 {
        return Err(Error::ArgumentInvalid(format!(
            "a picture of {width} x {height} pixels, expected at least 1 x 1"
        )));
    }
    probe::check_size(width as u64, height as u64)?;
    Ok(width * height)
}

/// Checks that there are `per_pixel` values for each pixel of a picture of `[width, height]`; an error
/// calls them and the picture by the two `words`.
///
/// # Errors
/// [`Error::ArgumentInvalid`] if there are more or fewer, and those of [`pixel_count`].
fn check_length(
    len: usize,
    per_pixel: usize,
    [width, height]: [usize; 2],
    words: [&str; 2],
) -> Result<()> {
    let expected = per_pixel * pixel_count(width, height)?;
    if len == expected {
        return Ok(());
    }
    let [values, picture] = words;
    Err(Error::ArgumentInvalid(format!(
        "{len} {values} for {width} x {height} {picture}, expected {expected}"
    )))
}

/// So many zeros.
///
/// # Errors
/// [`Error::Memory`] if there is too little.
fn zeros<T: Clone + Default>(len: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    values.try_reserve_exact(len).map_err(|_| Error::Memory {
        needed_bytes: len as u64 * size_of::<T>() as u64,
        allowed_bytes: None,
    })?;
    values.resize(len, T::default());
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn side_by_side() {
        let left = Photo::new(1, 2, vec![1; 8]).unwrap();
        let right = Photo::new(2, 1, vec![2; 8]).unwrap();
        let both = left.beside(&right).unwrap();
        assert_eq!((both.width(), both.height()), (3, 2));
        let expected = [[1; 4], [2; 4], [2; 4], [1; 4], [0; 4], [0; 4]];
        assert_eq!(both.pixels(), expected);
    }
}
