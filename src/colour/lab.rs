//! CIE L*a*b* (1976) under the white point D65: linear light to XYZ relative to the white, t; f(t) = ∛t
//! above [`EPSILON`] and ([`KAPPA`] t + 16) / 116 below; then
//! L = 116 f(Y) - 16, a = 500 (f(X) - f(Y)), b = 200 (f(Y) - f(Z)).

use super::srgb::{linear_light, srgb_value};

/// White point, the sums of [`RGB_TO_XYZ`]'s rows: gray is neutral.
pub const WHITE: [f32; 3] = [0.950_456, 1.0, 1.088_754];
/// Linear light of sRGB's primaries to XYZ, by rows.
pub const RGB_TO_XYZ: [[f32; 3]; 3] = [
    [0.412_453, 0.357_580, 0.180_423],
    [0.212_671, 0.715_160, 0.072_169],
    [0.019_334, 0.119_193, 0.950_227],
];
/// Share of the white below which the cube root gives way to a straight line.
pub const EPSILON: f32 = 216.0 / 24389.0;
/// Slope of that line.
pub const KAPPA: f32 = 24389.0 / 27.0;

/// CIE L*a*b* of 8-bit colours, by a table of their light.
#[derive(Clone, Debug)]
pub struct LabOfBytes([f32; 256]);

impl Default for LabOfBytes {
    fn default() -> Self {
        Self(std::array::from_fn(|value| {
            linear_light(value as f32 / 255.0)
        }))
    }
}

impl LabOfBytes {
    /// Lightness 0 to 100 and the opponent colours a and b.
    pub fn lab(&self, rgb: [u8; 3]) -> [f32; 3] {
        linear_to_lab(rgb.map(|value| self.0[usize::from(value)]))
    }
}

/// Lightness 0 to 100 and the opponent colours a and b, of sRGB in [0, 1].
pub fn rgb_to_lab(rgb: [f32; 3]) -> [f32; 3] {
    linear_to_lab(rgb.map(linear_light))
}

fn linear_to_lab(rgb: [f32; 3]) -> [f32; 3] {
    let [x, y, z] = std::array::from_fn(|i| {
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
    linear.map(srgb_value)
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
        // Values of scikit-image's rgb2lab.
        for (rgb, expected) in [
            ([0, 0, 0], [0.0, 0.0, 0.0]),
            ([255, 0, 0], [53.24, 80.09, 67.20]),
            ([0, 0, 255], [32.30, 79.19, -107.86]),
            ([1, 2, 3], [0.51, -0.12, -0.47]),
        ] {
            let lab = rgb_to_lab(rgb.map(|value: u8| f32::from(value) / 255.0));
            assert!(close(lab, expected, 0.02), "{rgb:?}: {lab:?}");
        }
        for rgb in [
            [0.0; 3],
            [0.01, 0.0, 0.02],
            [0.2, 0.5, 0.9],
            [1.0, 0.3, 0.0],
        ] {
            assert!(close(lab_to_rgb(rgb_to_lab(rgb)), rgb, 1e-3), "{rgb:?}");
        }
    }
}
