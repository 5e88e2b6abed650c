//! A face mesh for tests.

use super::mesh::{
    EYES, LIPS_OUTER, LOWER_LIP_ABOVE, MESH_WITH_IRIS_POINTS, NOSE_BASE, NOSE_RIDGE, OVAL,
    UPPER_LIP_BELOW,
};

/// A face with plausible points at the places that are used, for tests: 200 px wide in a crop of
/// 512 px, seen from the front.
pub fn example_face() -> Vec<[f32; 2]> {
    use std::f32::consts::TAU;
    let mut points = vec![[256.0, 270.0]; MESH_WITH_IRIS_POINTS];
    for (i, &at) in OVAL.iter().enumerate() {
        let angle = TAU * i as f32 / OVAL.len() as f32;
        points[at] = [256.0 + 100.0 * angle.sin(), 270.0 - 130.0 * angle.cos()];
    }
    for (eye, side) in EYES.iter().zip([-1.0f32, 1.0]) {
        for i in 0..9 {
            let t = i as f32 / 8.0;
            let x = 256.0 + side * (26.0 + 40.0 * t);
            let arch = (t * TAU / 2.0).sin();
            points[eye.upper_lid[i]] = [x, 240.0 - 8.0 * arch];
            points[eye.lower_lid[i]] = [x, 240.0 + 4.0 * arch];
        }
        for i in 0..5 {
            let t = i as f32 / 4.0;
            let x = 256.0 + side * (20.0 + 54.0 * t);
            let arch = 5.0 * (t * TAU / 2.0).sin();
            points[eye.brow_above[i]] = [x, 218.0 - arch];
            points[eye.brow_below[i]] = [x, 225.0 - arch];
        }
        let iris = [256.0 + side * 46.0, 238.0];
        points[eye.iris] = iris;
        let around = [[8.0, 0.0], [0.0, -8.0], [-8.0, 0.0], [0.0, 8.0]];
        for (&at, [x, y]) in eye.iris_border.iter().zip(around) {
            points[at] = [iris[0] + x, iris[1] + y];
        }
    }
    for (i, &at) in LIPS_OUTER.iter().enumerate() {
        let angle = TAU * i as f32 / LIPS_OUTER.len() as f32;
        points[at] = [256.0 - 38.0 * angle.cos(), 342.0 - 14.0 * angle.sin()];
    }
    for (lip, sign) in [(UPPER_LIP_BELOW, -1.0), (LOWER_LIP_ABOVE, 1.0)] {
        for (i, &at) in lip.iter().enumerate() {
            let t = i as f32 / 10.0;
            let y = 342.0 + sign * 2.0 * (t * TAU / 2.0).sin();
            points[at] = [256.0 + 64.0 * (t - 0.5), y];
        }
    }
    for (i, &at) in NOSE_RIDGE.iter().enumerate() {
        points[at] = [256.0, 238.0 + 9.0 * i as f32];
    }
    for (&at, x) in NOSE_BASE.iter().zip([-16.0, -8.0, 0.0, 8.0, 16.0]) {
        points[at] = [256.0 + x, 305.0];
    }
    let wings = [
        (94, [0.0, 300.0]),
        (19, [0.0, 297.0]),
        (64, [-18.0, 300.0]),
        (294, [18.0, 300.0]),
        (48, [-20.0, 296.0]),
        (278, [20.0, 296.0]),
        (49, [-18.0, 290.0]),
        (279, [18.0, 290.0]),
        (129, [-22.0, 298.0]),
        (358, [22.0, 298.0]),
    ];
    for (at, [x, y]) in wings {
        points[at] = [256.0 + x, y];
    }
    // Cheeks.
    let cheeks = [
        (206.0, [117, 118, 101, 36, 205, 187, 123]),
        (306.0, [346, 347, 330, 266, 425, 411, 352]),
    ];
    for (x, cheek) in cheeks {
        for (i, at) in cheek.into_iter().enumerate() {
            let (sin, cos) = (TAU * i as f32 / 7.0).sin_cos();
            points[at] = [x + 16.0 * cos, 288.0 + 16.0 * sin];
        }
    }
    points
}
