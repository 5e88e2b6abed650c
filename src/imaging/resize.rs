//! Downscaling with a Lanczos-3 filter, through the SIMD library `fast_image_resize`.

use fast_image_resize::{
    FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer, images::Image, images::ImageRef,
};

use super::Photo;
use crate::error::{Error, Result};

/// Shrinks `photo` so that its longer side is at most `long_side_px`; a smaller photo is returned
/// as it is. Colours are weighted by alpha, so transparent pixels do not bleed.
///
/// # Errors
/// [`Error::ArgumentInvalid`] if `long_side_px` is zero.
pub fn fit_long_side(photo: Photo, long_side_px: usize) -> Result<Photo> {
    if long_side_px == 0 {
        return Err(Error::ArgumentInvalid(
            "an output size of 0 pixels was asked for, expected at least 1".into(),
        ));
    }
    let size = [photo.width(), photo.height()];
    match fitted_size(size, long_side_px) {
        new_size if new_size == size => Ok(photo),
        new_size => shrunk(&photo, new_size),
    }
}

/// A smaller copy of `[width, height]` pixels.
///
/// # Errors
/// [`Error::PhotoUnreadable`] if the filter cannot be applied.
pub(crate) fn shrunk(photo: &Photo, [width, height]: [usize; 2]) -> Result<Photo> {
    let failed = |error: &dyn std::fmt::Display| Error::PhotoUnreadable(format!("resize: {error}"));
    let size = [photo.width(), photo.height()].map(|side| side as u32);
    let source = ImageRef::new(size[0], size[1], photo.rgba(), PixelType::U8x4)
        .map_err(|error| failed(&error))?;
    let mut target = Image::new(width as u32, height as u32, PixelType::U8x4);
    Resizer::new()
        .resize(
            &source,
            &mut target,
            &ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3)),
        )
        .map_err(|error| failed(&error))?;
    Photo::new(width, height, target.into_vec())
}

/// `[width, height]` of what [`fit_long_side`] makes of a photo of this `size`.
pub(crate) fn fitted_size(size: [usize; 2], long_side_px: usize) -> [usize; 2] {
    let long = size[0].max(size[1]);
    if long <= long_side_px {
        return size;
    }
    size.map(|side| ((side as f64 * long_side_px as f64 / long as f64).round() as usize).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_small_photos_and_proportions() {
        let photo = Photo::new(3, 2, vec![9; 24]).unwrap();
        assert_eq!(fit_long_side(photo.clone(), 3).unwrap(), photo);
        let wide = Photo::new(400, 100, vec![200; 160_000]).unwrap();
        let small = fit_long_side(wide, 100).unwrap();
        assert_eq!((small.width(), small.height()), (100, 25));
        assert!(small.rgba().iter().all(|&v| v == 200));
        let thin = Photo::new(1000, 1, vec![1; 4000]).unwrap();
        assert_eq!(fit_long_side(thin, 10).unwrap().height(), 1);
    }

    #[test]
    fn transparent_colours_do_not_bleed() {
        // Opaque black beside transparent white: the colour of what remains visible stays black.
        let rgba = [[0, 0, 0, 255], [255, 255, 255, 0]].repeat(32).concat();
        let small = fit_long_side(Photo::new(8, 8, rgba).unwrap(), 4).unwrap();
        for pixel in small.rgba().chunks_exact(4).filter(|p| p[3] > 8) {
            assert!(pixel[0] <= 2, "{pixel:?}");
        }
    }

    #[test]
    fn zero_is_refused() {
        let error = fit_long_side(Photo::new(1, 1, vec![0; 4]).unwrap(), 0).unwrap_err();
        assert_eq!(error.code(), "argument-invalid");
        assert!(error.to_string().contains("0 pixels"));
    }
}
