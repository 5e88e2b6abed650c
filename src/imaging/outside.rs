//! What a crop shows beyond the borders of the photo: mirrored, and soon so blurred that nobody
//! takes it for a second face.

use fearless_simd::Level;

use super::warp::check_finite;
use super::{Photo, warp};
use crate::error::Result;
use crate::geometry::SimilarityTransform;
use crate::kernels::blend::{ToneChange, blend_rgba8};

/// Pixels of the longer side of the blurred picture.
const BLURRED_SIDE_PX: f32 = 16.0;
/// Distance from the photo, as a part of the crop's longer side, from which on all is blurred.
const FADE: f32 = 0.05;
/// What networks that tell what is what are shown beyond the borders of the photo: gray, in the middle of their range.
pub const OUTSIDE: [u8; 3] = [128; 3];

/// Blurs what lies outside of the photo of `photo_size` (`[width, height]`) in a crop that [`warp`]
/// made with `to_photo`, the more the farther outside, as FFHQ's alignment does (Karras et al. 2019,
/// arXiv:1812.04948).
///
/// # Errors
/// Those of [`warp`].
pub fn blur_outside(
    crop: &mut Photo,
    to_photo: SimilarityTransform,
    photo_size: [usize; 2],
) -> Result<()> {
    check_finite(to_photo)?;
    let (width, height) = (crop.width(), crop.height());
    let [right, bottom] = photo_size.map(|side| side as f32);
    let fade_px = FADE * width.max(height) as f32 * to_photo.scale();
    let weight = |x: usize, y: usize| {
        let [x, y] = to_photo.apply([x as f32 + 0.5, y as f32 + 0.5]);
        let outside = (-x).max(x - right).max((-y).max(y - bottom));
        (outside / fade_px).clamp(0.0, 1.0)
    };
    let corners = [[0, 0], [width, 0], [0, height], [width, height]];
    if corners.iter().all(|[x, y]| weight(*x, *y) <= 0.0) {
        return Ok(());
    }
    let blurred = blur(crop)?;
    let level = Level::new();
    let unchanged = ToneChange {
        gain: 1.0,
        shift: [0.0; 3],
    };
    let lines = crop.pixels_mut().chunks_exact_mut(width);
    for (y, (line, blurred)) in lines.zip(blurred.pixels().chunks_exact(width)).enumerate() {
        let weights: Vec<f32> = (0..width).map(|x| weight(x, y)).collect();
        blend_rgba8(level, line, blurred, &weights, unchanged);
    }
    Ok(())
}

/// Makes gray what lies outside of the photo of `photo_size` (`[width, height]`) in a crop that [`warp`] made with `to_photo`, for
/// networks that tell what is what: mirrored people would be people.
///
/// # Errors
/// [`Error::ArgumentInvalid`](crate::error::Error::ArgumentInvalid) if `to_photo` is not finite.
pub fn gray_outside(
    crop: &mut Photo,
    to_photo: SimilarityTransform,
    photo_size: [usize; 2],
) -> Result<()> {
    check_finite(to_photo)?;
    let width = crop.width();
    for (i, pixel) in crop.pixels_mut().iter_mut().enumerate() {
        if !is_inside(i, width, to_photo, photo_size) {
            let [r, g, b] = OUTSIDE;
            *pixel = [r, g, b, 255];
        }
    }
    Ok(())
}

/// Whether the `i`th pixel of a crop `width` pixels wide shows a part of the photo.
pub fn is_inside(
    i: usize,
    width: usize,
    to_photo: SimilarityTransform,
    [right, bottom]: [usize; 2],
) -> bool {
    let [x, y] = to_photo.apply([i % width, i / width].map(|v| v as f32 + 0.5));
    (0.0..=right as f32).contains(&x) && (0.0..=bottom as f32).contains(&y)
}

/// The picture shrunk to a few pixels, smoothed and enlarged again.
fn blur(photo: &Photo) -> Result<Photo> {
    let size = [photo.width(), photo.height()];
    let scale = (size[0].max(size[1]) as f32 / BLURRED_SIDE_PX).max(1.0);
    let small_size = size.map(|side| (side as f32 / scale).ceil() as usize);
    let resize = |scale: f32| SimilarityTransform::new(scale, 0.0, [0.0; 2]);
    let mut small = warp(photo, resize(scale), small_size)?;
    // A shift by half a pixel is a mean of 2 x 2; to and fro, so that the picture stays in place.
    for shift in [0.5, -0.5, 0.5, -0.5, 0.5, -0.5] {
        let to_small = SimilarityTransform::new(1.0, 0.0, [shift; 2]);
        small = warp(&small, to_small, small_size)?;
    }
    warp(&small, resize(1.0 / scale), size)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stripes that a blur makes gray.
    fn stripes(width: usize, height: usize) -> Photo {
        let rgba = (0..width * height).flat_map(|i| [[0, 0, 0, 255], [255; 4]][i / 4 % 2]);
        Photo::new(width, height, rgba.collect()).unwrap()
    }

    #[test]
    fn blurs_outside_and_only_there() {
        let photo = stripes(128, 128);
        // The photo's left border is in the crop's middle.
        let to_photo = SimilarityTransform::new(1.0, 0.0, [-64.0, 0.0]);
        let mirrored = warp(&photo, to_photo, [128, 128]).unwrap();
        let mut crop = mirrored.clone();
        blur_outside(&mut crop, to_photo, [128, 128]).unwrap();
        for (i, (pixel, old)) in crop.pixels().iter().zip(mirrored.pixels()).enumerate() {
            match i % 128 {
                x if x >= 64 => assert_eq!(pixel, old),
                x if x < 56 => assert!(pixel[0].abs_diff(128) < 40, "{x}: {pixel:?}"),
                _ => (),
            }
        }
    }

    #[test]
    fn a_crop_inside_stays_as_it_is() {
        let photo = stripes(64, 64);
        let to_photo = SimilarityTransform::new(0.5, 0.0, [8.0; 2]);
        let before = warp(&photo, to_photo, [64, 64]).unwrap();
        let mut crop = before.clone();
        blur_outside(&mut crop, to_photo, [64, 64]).unwrap();
        assert_eq!(crop, before);
    }
}
