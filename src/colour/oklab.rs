//! OKLab (Ottosson, 2020) of sRGB colours: lightness 0 to 1 and two opponents, in which equal steps
//! look about equal and a change of chroma keeps the hue.

use std::array;

use super::srgb::{linear_light, srgb_value};

const RGB_TO_LMS: [[f32; 3]; 3] = [
    [0.412_221_47, 0.536_332_54, 0.051_445_993],
    [0.211_903_5, 0.680_699_5, 0.107_396_96],
    [0.088_302_46, 0.281_718_84, 0.629_978_7],
];
const LMS_TO_OKLAB: [[f32; 3]; 3] = [
    [0.210_454_26, 0.793_617_8, -0.004_072_047],
    [1.977_998_5, -2.428_592_2, 0.450_593_7],
    [0.025_904_037, 0.782_771_77, -0.808_675_77],
];
const OKLAB_TO_LMS: [[f32; 3]; 3] = [
    [1.0, 0.396_337_78, 0.215_803_76],
    [1.0, -0.105_561_346, -0.063_854_17],
    [1.0, -0.089_484_18, -1.291_485_5],
];
const LMS_TO_RGB: [[f32; 3]; 3] = [
    [4.076_741_7, -3.307_711_6, 0.230_969_94],
    [-1.268_438, 2.609_757_4, -0.341_319_4],
    [-0.004_196_086, -0.703_418_6, 1.707_614_7],
];
/// Halvings by which the chroma of a colour outside sRGB is found: to 1/128 of it.
const GAMUT_HALVINGS: usize = 7;

/// sRGB value in 0..=1 of linear light, which is clamped to 0..=1.
fn in_gamut(light: f32) -> f32 {
    srgb_value(light.clamp(0.0, 1.0))
}

/// OKLab of linear sRGB light.
pub fn from_linear(rgb: [f32; 3]) -> [f32; 3] {
    product(&LMS_TO_OKLAB, product(&RGB_TO_LMS, rgb).map(f32::cbrt))
}

/// Linear sRGB light of an OKLab colour, outside 0..=1 where the colour is outside sRGB.
pub fn to_linear(oklab: [f32; 3]) -> [f32; 3] {
    product(
        &LMS_TO_RGB,
        product(&OKLAB_TO_LMS, oklab).map(|v| v * v * v),
    )
}

/// OKLab of an sRGB colour in 0..=1.
pub fn from_srgb(rgb: [f32; 3]) -> [f32; 3] {
    from_linear(rgb.map(linear_light))
}

/// OKLab of a colour written as 0xRRGGBB.
pub fn from_hex(rgb: u32) -> [f32; 3] {
    from_srgb([16, 8, 0].map(|shift| (rgb >> shift & 0xff) as f32 / 255.0))
}

/// sRGB in 0..=1 of an OKLab colour; one outside sRGB loses as much chroma as it must.
pub fn to_srgb(oklab: [f32; 3]) -> [f32; 3] {
    let inside = |linear: &[f32; 3]| linear.iter().all(|v| (-1e-3..=1.001).contains(v));
    let linear = to_linear(oklab);
    if inside(&linear) {
        return linear.map(in_gamut);
    }
    let (mut low, mut high) = (0.0, 1.0);
    let scaled = |share: f32| {
        let [lightness, a, b] = oklab;
        to_linear([lightness.clamp(0.0, 1.0), share * a, share * b])
    };
    for _ in 0..GAMUT_HALVINGS {
        let middle = 0.5 * (low + high);
        if inside(&scaled(middle)) {
            low = middle;
        } else {
            high = middle;
        }
    }
    scaled(low).map(in_gamut)
}

/// Chroma: the distance from grey.
pub fn chroma([_, a, b]: [f32; 3]) -> f32 {
    // Not `hypot`, whose care for huge numbers takes several times as long.
    (a * a + b * b).sqrt()
}

/// Hue in degrees from 0 to 360: 29 red, 110 yellow, 142 green, 195 cyan, 264 blue, 328 magenta.
pub fn hue([_, a, b]: [f32; 3]) -> f32 {
    b.atan2(a).to_degrees().rem_euclid(360.0)
}

/// The opponents of a chroma and a hue in degrees.
pub fn opponents(chroma: f32, hue: f32) -> [f32; 2] {
    let (sin, cos) = hue.to_radians().sin_cos();
    [chroma * cos, chroma * sin]
}

fn product(matrix: &[[f32; 3]; 3], vector: [f32; 3]) -> [f32; 3] {
    array::from_fn(|i| {
        matrix[i][0] * vector[0] + matrix[i][1] * vector[1] + matrix[i][2] * vector[2]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_values() {
        // From the definition's own table for pure red, and for white.
        for (rgb, expected) in [
            (0xff_0000, [0.627_96, 0.224_86, 0.125_85]),
            (0xff_ffff, [1.0, 0.0, 0.0]),
            (0x00_0000, [0.0, 0.0, 0.0]),
        ] {
            let oklab = from_hex(rgb);
            for c in 0..3 {
                assert!(
                    (oklab[c] - expected[c]).abs() < 2e-4,
                    "{rgb:06x}: {oklab:?}"
                );
            }
        }
        assert!((hue(from_hex(0xff_0000)) - 29.23).abs() < 0.1);
        let [a, b] = opponents(0.1, 200.0);
        assert!((hue([0.5, a, b]) - 200.0).abs() < 1e-2 && (a.hypot(b) - 0.1).abs() < 1e-6);
    }

    #[test]
    fn colours_outside_srgb_keep_their_hue() {
        let vivid = [0.7, -0.2, 0.25];
        let back = from_srgb(to_srgb(vivid));
        assert!((hue(back) - hue(vivid)).abs() < 1.0, "{back:?}");
        assert!((back[0] - 0.7).abs() < 0.01);
        assert!(chroma(back) < chroma(vivid) && chroma(back) > 0.15);
    }
}
