//! CIE Lab (D65) of single sRGB colours.

/// Reference white.
const WHITE: [f32; 3] = [0.950_456, 1.0, 1.088_754];
/// Where the cube root gives way to a straight line.
const EPSILON: f32 = 216.0 / 24389.0;
const KAPPA: f32 = 24389.0 / 27.0;

/// Lightness 0 to 100 and the opponent colours a and b, of sRGB in [0, 1].
pub fn rgb_to_lab(rgb: [f32; 3]) -> [f32; 3] {
    let [r, g, b] = rgb.map(|v| {
        if v <= 0.04045 {
            v / 12.92
        } else {
            ((v + 0.055) / 1.055).powf(2.4)
        }
    });
    let xyz = [
        0.412_453 * r + 0.357_580 * g + 0.180_423 * b,
        0.212_671 * r + 0.715_160 * g + 0.072_169 * b,
        0.019_334 * r + 0.119_193 * g + 0.950_227 * b,
    ];
    let [x, y, z] = std::array::from_fn(|i| {
        let t = xyz[i] / WHITE[i];
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
        3.240_479 * xyz[0] - 1.537_150 * xyz[1] - 0.498_535 * xyz[2],
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
}
