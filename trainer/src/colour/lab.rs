//! CIE L*a*b* (1976) of sRGB colours under the white point D65: linear light to XYZ relative to the
//! white, t; f(t) = ∛t above [`EPSILON`] and ([`KAPPA`] t + 16) / 116 below; then
//! L = 116 f(Y) - 16, a = 500 (f(X) - f(Y)), b = 200 (f(Y) - f(Z)).

use anyhow::Result;
use image::RgbImage;
use rayon::prelude::*;

use nijigen::colour::lab::LabOfBytes;
pub use nijigen::colour::lab::{EPSILON, KAPPA, RGB_TO_XYZ, WHITE, lab_to_rgb, rgb_to_lab};

use nijigen::filter::plane::Plane;

/// The planes a* (green to red) and b* (blue to yellow) of an sRGB picture: about -110..=100 for
/// sRGB colours, 0 for grays.
///
/// # Errors
/// If the picture is empty.
pub fn lab_opponents(picture: &RgbImage) -> Result<(Plane, Plane)> {
    let table = LabOfBytes::default();
    let pixels = picture.as_raw().as_chunks().0;
    let (a, b) = pixels
        .par_iter()
        .map(|pixel| {
            let [_, a, b] = table.lab(*pixel);
            (a, b)
        })
        .unzip();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    Ok((Plane::new(width, height, a)?, Plane::new(width, height, b)?))
}

/// The pixels of an sRGB picture, row by row.
pub fn lab_pixels(picture: &RgbImage) -> Vec<[f32; 3]> {
    let table = LabOfBytes::default();
    let pixels = picture.as_raw().as_chunks().0;
    pixels.par_iter().map(|pixel| table.lab(*pixel)).collect()
}

/// The colour difference ΔE*ab (1976): the distance of two colours. 2.3 is just noticed.
pub fn colour_difference(a: [f32; 3], b: [f32; 3]) -> f32 {
    let squares = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b));
    squares.sum::<f32>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_difference_of_gray_is_that_of_its_lightness() {
        let [gray, darker] = [0.5, 0.4].map(|v| rgb_to_lab([v; 3]));
        let difference = colour_difference(gray, darker);
        assert!((difference - (gray[0] - darker[0])).abs() < 0.05);
        assert_eq!(colour_difference([50.0, 3.0, 4.0], [50.0, 0.0, 0.0]), 5.0);
    }

    #[test]
    fn published_values_of_primaries_and_gray() -> Result<()> {
        let pixels = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [128, 128, 128]];
        let picture = RgbImage::from_raw(4, 1, pixels.concat()).expect("four pixels");
        let (a, b) = lab_opponents(&picture)?;
        let expected = [
            (80.09, 67.20),
            (-86.18, 83.18),
            (79.19, -107.86),
            (0.0, 0.0),
        ];
        for (i, (expected_a, expected_b)) in expected.into_iter().enumerate() {
            let (a, b) = (a.values()[i], b.values()[i]);
            // Published tables differ by this much in the white point's last digits.
            assert!((a - expected_a).abs() < 0.1, "a* of {:?}: {a}", pixels[i]);
            assert!((b - expected_b).abs() < 0.1, "b* of {:?}: {b}", pixels[i]);
        }
        Ok(())
    }
}
