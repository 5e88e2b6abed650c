//! Style images with their edges blurred: what the discriminator must learn to refuse.

use image::RgbImage;
use image::imageops::grayscale;
use imageproc::distance_transform::Norm;
use imageproc::edges::canny;
use imageproc::filter::separable_filter_equal;
use imageproc::morphology::dilate;

/// Canny's lower threshold.
///
/// AnimeGAN's preprocessing uses OpenCV's Canny with 100 and 200, which adds up the absolute
/// gradients of the unblurred luma. `imageproc` blurs first (σ 1.4) and takes the Euclidean norm, so
/// the same edges have smaller values. On drawn panels of long side 512, 32 and 64 lead to 41 % of
/// the pixels being blurred where OpenCV's 100 and 200 lead to 44 %, most of them the same ones
/// (intersection over union 0.79).
const LOW: f32 = 32.0;

/// Canny's higher threshold; see [`LOW`].
const HIGH: f32 = 64.0;

/// OpenCV's 5-tap Gaussian.
const GAUSSIAN: [f32; 5] = [1.0 / 16.0, 4.0 / 16.0, 6.0 / 16.0, 4.0 / 16.0, 1.0 / 16.0];

/// Blurs an image (5 × 5 Gaussian) where it has edges (Canny on luma, widened by a 5 × 5 square)
/// and leaves the other pixels as they are. As in AnimeGAN (Chen, Liu & Chen, 2020), whose images
/// are 256 pixels wide; meant for the size at which the style is trained.
pub fn edge_smooth(image: &RgbImage) -> RgbImage {
    let edges = dilate(&canny(&grayscale(image), LOW, HIGH), Norm::LInf, 2);
    let blurred = separable_filter_equal(image, &GAUSSIAN);
    let mut smooth = image.clone();
    for ((pixel, edge), &soft) in smooth
        .pixels_mut()
        .zip(edges.pixels())
        .zip(blurred.pixels())
    {
        if edge.0[0] > 0 {
            *pixel = soft;
        }
    }
    smooth
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    /// Faint texture everywhere, and a dark line 3 pixels wide down the middle.
    fn drawing() -> RgbImage {
        RgbImage::from_fn(64, 48, |x, y| {
            if (31..34).contains(&x) {
                Rgb([20, 10, 30])
            } else {
                let v = 200 + ((x * 7 + y * 5) % 3) as u8;
                Rgb([v, v - 20, v - 50])
            }
        })
    }

    /// Largest step between horizontal neighbours in a row.
    fn contrast(image: &RgbImage, y: u32) -> u8 {
        let step = |x: u32| image[(x, y)].0[0].abs_diff(image[(x + 1, y)].0[0]);
        (0..image.width() - 1).map(step).max().unwrap_or(0)
    }

    #[test]
    fn edges_soften_and_the_rest_stays() {
        let sharp = drawing();
        let smooth = edge_smooth(&sharp);
        for y in 3..45 {
            assert!(contrast(&sharp, y) > 170);
            assert!(contrast(&smooth, y) < 130, "{}", contrast(&smooth, y));
            for x in (0..24).chain(41..64) {
                assert_eq!(smooth[(x, y)], sharp[(x, y)], "({x}, {y})");
            }
        }
    }

    #[test]
    fn a_blurred_pixel_is_the_gaussian_mean() {
        let (sharp, smooth) = (drawing(), edge_smooth(&drawing()));
        let weights = [1.0, 4.0, 6.0, 4.0, 1.0];
        let mut expected = 0.0;
        for (dy, wy) in (0u32..).zip(weights) {
            for (dx, wx) in (0u32..).zip(weights) {
                expected += wx * wy / 256.0 * f32::from(sharp[(29 + dx, 18 + dy)].0[1]);
            }
        }
        let found = f32::from(smooth[(31, 20)].0[1]);
        assert!((found - expected).abs() <= 1.5, "{found} {expected}");
    }

    #[test]
    fn flat_and_tiny_images_are_unchanged() {
        for (width, height) in [(1, 1), (2, 7), (40, 3), (30, 30)] {
            let flat = RgbImage::from_pixel(width, height, Rgb([9, 120, 240]));
            assert_eq!(edge_smooth(&flat), flat);
        }
    }
}
