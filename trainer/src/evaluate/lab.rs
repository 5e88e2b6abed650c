//! CIE L*a*b* colour opponents of sRGB pictures.

use std::array;

use anyhow::Result;
use image::RgbImage;
use rayon::prelude::*;

use crate::plane::Plane;

/// sRGB primaries to XYZ, each row divided by the white point D65 (0.950456, 1, 1.088754).
const RGB_TO_RELATIVE_XYZ: [[f32; 3]; 3] = [
    [
        0.412453 / 0.950456,
        0.357580 / 0.950456,
        0.180423 / 0.950456,
    ],
    [0.212671, 0.715160, 0.072169],
    [
        0.019334 / 1.088754,
        0.119193 / 1.088754,
        0.950227 / 1.088754,
    ],
];

/// The planes a* (green to red) and b* (blue to yellow) of an sRGB picture, for D65: about
/// -110..=100 for sRGB colours, 0 for grays.
///
/// # Errors
/// If the picture is empty.
pub fn lab_opponents(picture: &RgbImage) -> Result<(Plane, Plane)> {
    let linear: [f32; 256] = array::from_fn(|value| linear_light(value as f32 / 255.0));
    let (a, b) = picture
        .as_raw()
        .par_chunks_exact(3)
        .map(|pixel| {
            let rgb = [0, 1, 2].map(|channel| linear[usize::from(pixel[channel])]);
            let [x, y, z] = RGB_TO_RELATIVE_XYZ
                .map(|row| lab_response(row[0] * rgb[0] + row[1] * rgb[1] + row[2] * rgb[2]));
            (500.0 * (x - y), 200.0 * (y - z))
        })
        .unzip();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    Ok((Plane::new(width, height, a)?, Plane::new(width, height, b)?))
}

/// Linear light in 0..=1 of an sRGB value in 0..=1 (IEC 61966-2-1).
fn linear_light(value: f32) -> f32 {
    if value <= 0.04045 {
        value / 12.92
    } else {
        ((value + 0.055) / 1.055).powf(2.4)
    }
}

/// The cube root of CIE 1976, with its straight part near black.
fn lab_response(t: f32) -> f32 {
    if t > 0.008856 {
        t.cbrt()
    } else {
        7.787 * t + 16.0 / 116.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
