//! Hair as clumps of a few flat tones, with a ring of light.

use nijigen::drawing::samples::median;
use nijigen::drawing::{
    frame::Frame,
    palette::{interpolate, lch, mix},
};
use nijigen::filter::plane::Plane;
use nijigen::filter::{
    colours::Colours,
    gaussian::{blur, blur_colours},
    quantile::quantile,
    thresholds::antialiased_threshold,
};
use nijigen::geometry::smoothstep;

use crate::procedural::filter::flow::{smooth_along, smooth_plane_along};
/// `lab` smoothed along strands; `directions` are across them.
pub fn strands(frame: &Frame, lab: &Colours, directions: &[[f32; 2]]) -> Colours {
    let sigma = 0.034 * frame.unit();
    let once = smooth_along(&blur_colours(lab, 0.6), directions, sigma);
    smooth_along(&once, directions, sigma)
}

/// Hair in CIE L*a*b* at every pixel, in the tones of that within `hair`.
pub fn draw_hair(
    frame: &Frame,
    strands: &Colours,
    hair: &Plane,
    directions: &[[f32; 2]],
) -> Colours {
    let unit = frame.unit();
    let hairs = strands.select(|i| hair.values()[i] > 0.5);
    if hairs.len() < 50 {
        return strands.clone();
    }
    let lightness: Vec<f32> = hairs.iter().map(|c| c[0]).collect();
    let (low, high) = (quantile(lightness.clone(), 0.06), quantile(lightness, 0.95));
    let own = median(&hairs);
    // Light of single clumps, and part of that on the whole.
    let range = (high - low).max(14.0);
    let weighted = frame.plane(|i| strands.pixels()[i][0] * hair.values()[i]);
    let (sum, total) = (blur(&weighted, 0.10 * unit), blur(hair, 0.10 * unit));
    let tone = frame.plane(|i| {
        let broad = sum.values()[i] / (total.values()[i] + 1e-3);
        let local = (strands.pixels()[i][0] - broad) / range;
        let [x, y] = frame.place(i, frame.face.center);
        let ring = (x / 0.66).hypot((y + 0.06) / 0.90) + 0.165 * local;
        let ring = (-((ring - 1.0) / 0.06).powi(2)).exp()
            * smoothstep(y, -0.30, -0.52)
            * smoothstep(x.abs(), 0.62, 0.40);
        0.93 * local
            + 0.75 * (broad - low) / range
            + 0.08
            + 0.66 * ring * (0.35 + (0.5 + 1.6 * local).clamp(0.0, 1.0))
    });
    let tone = smooth_plane_along(&tone, directions, 0.023 * unit);
    let tones = Tones::new(own);
    let steps: Vec<(Plane, [f32; 3])> = [
        (0.20, tones.shade),
        (0.40, tones.base),
        (0.70, tones.light),
        (0.98, tones.shine),
    ]
    .map(|(threshold, colour)| (antialiased_threshold(&tone, threshold), colour))
    .into();
    Colours::from_index(frame.side, frame.side, |i| {
        let mut colour = tones.deep;
        for (step, to) in &steps {
            colour = mix(colour, *to, step.values()[i]);
        }
        // Dyed and gray strands keep their colour.
        let off: [f32; 3] = std::array::from_fn(|c| strands.pixels()[i][c] - own[c]);
        let dyed = 0.9 * smoothstep(off[1].hypot(off[2]), 8.0, 22.0);
        [
            colour[0],
            colour[1] + dyed * off[1],
            colour[2] + dyed * off[2],
        ]
    })
}

/// The tones of hair in CIE L*a*b*, from dark to light.
struct Tones {
    deep: [f32; 3],
    shade: [f32; 3],
    base: [f32; 3],
    light: [f32; 3],
    shine: [f32; 3],
}

impl Tones {
    /// The tones for hair of this median colour.
    fn new([l0, a0, b0]: [f32; 3]) -> Self {
        let (chroma_0, hue) = (a0.hypot(b0), b0.atan2(a0).to_degrees());
        let l = interpolate(
            l0,
            &[
                (0.0, 14.0),
                (10.0, 20.0),
                (25.0, 34.0),
                (45.0, 56.0),
                (65.0, 74.0),
                (80.0, 86.0),
                (100.0, 97.0),
            ],
        );
        // Black and gray hair is bluish in a drawing.
        let neutral = 1.0 - smoothstep(chroma_0, 2.5, 6.5);
        let chroma = (chroma_0 * interpolate(l0, &[(40.0, 1.35), (70.0, 1.1)])
            + interpolate(l0, &[(35.0, 6.0), (65.0, 0.0)]))
        .min(48.0);
        let bluish = lch(l, interpolate(l, &[(40.0, 9.0), (60.0, 4.0)]), 285.0);
        let base = mix(lch(l, chroma, hue), bluish, neutral);
        let [_, a, b] = base;
        let shine = l + interpolate(l, &[(10.0, 30.0), (50.0, 24.0), (90.0, 8.0)]);
        Self {
            deep: [0.55 * l, 0.85 * a + 3.0, 0.7 * b - 4.0],
            shade: [0.78 * l, a + 1.5, 0.88 * b - 2.0],
            base,
            light: [(l + 10.0).min(96.0), a, 1.05 * b],
            shine: [shine.min(98.0), 0.8 * a, (0.8 + 0.5 * neutral) * b],
        }
    }
}
