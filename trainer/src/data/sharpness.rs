//! How sharp an image is.

use image::RgbImage;
use image::imageops::{FilterType, grayscale, resize};
use imageproc::filter::laplacian_filter;

/// Longer side, in pixels, at which sharpness is measured.
pub const SCALE_PX: u32 = 512;

/// Variance of the 4-neighbour Laplacian of luma (0-255) at a longer side of [`SCALE_PX`].
///
/// The scale is fixed so that values can be compared: larger images are shrunk by the caller
/// (Lanczos, see [`super::scan::fit`]), smaller ones are enlarged here, which rightly makes them
/// count as less sharp. 0 for a flat image; photos of long side 512 have some tens when blurred or
/// out of focus, hundreds to thousands when sharp. Source: Pech-Pacheco et al., "Diatom
/// autofocusing in brightfield microscopy", 2000.
pub fn sharpness(image: &RgbImage) -> f32 {
    let (width, height) = image.dimensions();
    let long = width.max(height);
    let mut luma = grayscale(image);
    if long != SCALE_PX {
        let scaled = |side: u32| {
            let side = f64::from(side) * f64::from(SCALE_PX) / f64::from(long);
            (side.round() as u32).max(1)
        };
        luma = resize(&luma, scaled(width), scaled(height), FilterType::Triangle);
    }
    let laplacian = laplacian_filter(&luma);
    let count = laplacian.len() as f64;
    let mean = laplacian.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
    let squares = laplacian.iter().map(|&v| (f64::from(v) - mean).powi(2));
    (squares.sum::<f64>() / count) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;
    use image::imageops::blur;

    /// Vertical stripes, 4 pixels black and 4 white.
    fn stripes(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, _| {
            Rgb([if x % 8 < 4 { 0 } else { 255 }; 3])
        })
    }

    #[test]
    fn known_values() {
        let flat = RgbImage::from_pixel(300, 512, Rgb([90, 10, 200]));
        assert_eq!(sharpness(&flat), 0.0);
        // Each edge gives one +255 and one -255; half of the pixels lie beside an edge, but for
        // the first and the last column.
        let expected = 255.0 * 255.0 * 254.0 / 512.0;
        assert!((sharpness(&stripes(512, 64)) - expected).abs() < 1.0);
    }

    #[test]
    fn falls_with_blur_and_with_lower_resolution() {
        let sharp = stripes(512, 64);
        let once = sharpness(&blur(&sharp, 1.0));
        let twice = sharpness(&blur(&sharp, 2.0));
        assert!(sharpness(&sharp) > 2.0 * once && once > 2.0 * twice);
        assert!(sharpness(&stripes(128, 16)) < sharpness(&sharp));
    }

    #[test]
    fn any_size_is_measured() {
        for (width, height) in [(1, 1), (1, 700), (3, 2)] {
            assert!(sharpness(&stripes(width, height)).is_finite());
        }
    }
}
