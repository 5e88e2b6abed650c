//! CIE L*a*b* (1976) of sRGB colours under the white point D65.

use std::array;

use anyhow::Result;
use image::RgbImage;
use rayon::prelude::*;

use crate::plane::Plane;

/// White point.
const WHITE: [f32; 3] = [0.950_456, 1.0, 1.088_754];
/// sRGB primaries to XYZ.
const RGB_TO_XYZ: [[f32; 3]; 3] = [
    [0.412_453, 0.357_580, 0.180_423],
    [0.212_671, 0.715_160, 0.072_169],
    [0.019_334, 0.119_193, 0.950_227],
];
/// Share of the white below which the cube root gives way to a straight line.
const EPSILON: f32 = 216.0 / 24389.0;
/// Slope of that line.
const KAPPA: f32 = 24389.0 / 27.0;

/// The planes a* (green to red) and b* (blue to yellow) of an sRGB picture: about -110..=100 for
/// sRGB colours, 0 for grays.
///
/// # Errors
/// If the picture is empty.
pub fn lab_opponents(picture: &RgbImage) -> Result<(Plane, Plane)> {
    let linear: [f32; 256] = array::from_fn(|value| linear_light(value as f32 / 255.0));
    let (a, b) = picture
        .as_raw()
        .par_chunks_exact(3)
        .map(|pixel| {
            let [_, a, b] = linear_to_lab([0, 1, 2].map(|c| linear[usize::from(pixel[c])]));
            (a, b)
        })
        .unzip();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    Ok((Plane::new(width, height, a)?, Plane::new(width, height, b)?))
}

/// Lightness 0 to 100 and the opponent colours a and b, of sRGB in [0, 1].
pub fn rgb_to_lab(rgb: [f32; 3]) -> [f32; 3] {
    linear_to_lab(rgb.map(linear_light))
}

/// Linear light in 0..=1 of an sRGB value in 0..=1 (IEC 61966-2-1).
pub fn linear_light(value: f32) -> f32 {
    if value <= 0.04045 {
        value / 12.92
    } else {
        ((value + 0.055) / 1.055).powf(2.4)
    }
}

fn linear_to_lab(rgb: [f32; 3]) -> [f32; 3] {
    let [x, y, z] = array::from_fn(|i| {
        let row = RGB_TO_XYZ[i];
        let t = (row[0] * rgb[0] + row[1] * rgb[1] + row[2] * rgb[2]) / WHITE[i];
        if t > EPSILON {
            t.cbrt()
        } else {
            (KAPPA * t + 16.0) / 116.0
        }
    });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// sRGB of a Lab colour; outside [0, 1] where the colour is outside sRGB, but never NaN.
pub fn lab_to_rgb([lightness, a, b]: [f32; 3]) -> [f32; 3] {
    let y = (lightness + 16.0) / 116.0;
    let [x, y, z] = [y + a / 500.0, y, y - b / 200.0];
    let xyz: [f32; 3] = std::array::from_fn(|i| {
        let f = [x, y, z][i];
        let cube = f * f * f;
        let t = if cube > EPSILON {
            cube
        } else {
            (116.0 * f - 16.0) / KAPPA
        };
        t * WHITE[i]
    });
    let linear = [
        3.240_479 * xyz[0] - 1.537_15 * xyz[1] - 0.498_535 * xyz[2],
        -0.969_256 * xyz[0] + 1.875_991 * xyz[1] + 0.041_556 * xyz[2],
        0.055_648 * xyz[0] - 0.204_043 * xyz[1] + 1.057_311 * xyz[2],
    ];
    linear.map(|v| {
        if v <= 0.003_130_8 {
            12.92 * v
        } else {
            1.055 * v.powf(1.0 / 2.4) - 0.055
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_colours_and_back() {
        let close = |a: [f32; 3], b: [f32; 3], tolerance: f32| {
            a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance)
        };
        assert!(close(rgb_to_lab([1.0; 3]), [100.0, 0.0, 0.0], 0.02));
        // Pure red, by the definition of sRGB and Lab.
        assert!(close(
            rgb_to_lab([1.0, 0.0, 0.0]),
            [53.24, 80.09, 67.20],
            0.05
        ));
        for rgb in [
            [0.0; 3],
            [0.01, 0.0, 0.02],
            [0.2, 0.5, 0.9],
            [1.0, 0.3, 0.0],
        ] {
            assert!(close(lab_to_rgb(rgb_to_lab(rgb)), rgb, 1e-3), "{rgb:?}");
        }
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
