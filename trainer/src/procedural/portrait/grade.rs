//! What is neither skin nor hair: flat strokes in clear colours.

use nijigen::filter::colours::Colours;
use nijigen::filter::plane::Plane;

use crate::procedural::filter::kuwahara::{Sharpness, kuwahara};

/// `oklab` in strokes of a radius of `person_px` pixels on the person and `behind_px` behind it.
pub fn strokes(
    oklab: &Colours,
    directions: &[[f32; 2]],
    anisotropy: &Plane,
    person: &Plane,
    [person_px, behind_px]: [f32; 2],
) -> Colours {
    let radius = person.map(|share| behind_px + share * (person_px - behind_px));
    let sharpness = Sharpness {
        exponent: 8.0,
        hardness: 1.0,
    };
    kuwahara(oklab, directions, anisotropy, &radius, sharpness)
}

/// CIE L*a*b* with lighter midtones, clearer colours, cool shadows and warm lights; paler behind the
/// person.
pub fn grade(lab: &Colours, person: &Plane) -> Colours {
    lab.map(|i, [l, a, b]| {
        let behind = 1.0 - person.values()[i];
        let x = (l / 100.0).clamp(0.0, 1.0).powf(0.86);
        let x = x + 0.03 * (std::f32::consts::TAU * (x - 0.5)).sin();
        let x = x + 0.16 * behind * (0.92 - x);
        let chroma = 1.22 - 0.12 * behind;
        let cool = (1.0 - x).max(0.0).powf(1.5);
        [
            100.0 * x,
            chroma * a + 1.5 * cool,
            chroma * b - 6.0 * cool + 2.5 * x * x,
        ]
    })
}

/// sRGB with a glow of the lights.
pub fn glow(pixels: &[[f32; 3]], blurred: &[Plane; 3]) -> Vec<[f32; 3]> {
    let glowing = |(i, pixel): (usize, &[f32; 3])| {
        std::array::from_fn(|c| {
            let light = blurred[c].values()[i].clamp(0.0, 1.0);
            (1.0 - (1.0 - pixel[c]) * (1.0 - 0.10 * light * light)).clamp(0.0, 1.0)
        })
    };
    pixels.iter().enumerate().map(glowing).collect()
}
