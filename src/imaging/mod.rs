//! Pictures as plain slices: 8-bit RGBA photos, the network's float planes, and the way between.

#[cfg(feature = "decode")]
mod decode;
mod planes;
mod probe;
mod resize;

#[cfg(feature = "decode")]
pub use decode::decode;
pub use planes::Planes;
pub(crate) use planes::max_abs_difference;
#[cfg(feature = "cpu")]
pub(crate) use planes::{over_white, set_colours};
pub use probe::{MAX_MEGAPIXELS, PhotoHeader, probe};
pub use resize::fit_long_side;

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
    /// [`Error::PhotoUnreadable`] if a side is zero or the number of bytes is not
    /// `width * height * 4`; [`Error::PhotoTooLarge`] above [`MAX_MEGAPIXELS`].
    pub fn new(width: usize, height: usize, rgba: Vec<u8>) -> Result<Self> {
        probe::check_size(width as u64, height as u64)?;
        let expected = width * height * 4;
        if rgba.len() != expected {
            return Err(Error::PhotoUnreadable(format!(
                "{} bytes for {width} x {height} RGBA pixels, expected {expected}",
                rgba.len()
            )));
        }
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

    /// The pixels, without copying.
    pub fn into_rgba(self) -> Vec<u8> {
        self.rgba
    }
}
