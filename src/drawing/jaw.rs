//! The line of the jaw, drawn as a vector.

use crate::face::mesh::JAW;
use crate::geometry::smoothstep;

use super::frame::{Frame, between};
use super::palette::{SkinPalette, rgb};
use super::pen::{Canvas, spline};

/// Places along the jaw.
const PLACES: usize = 240;
/// Over so many places on either side the line fades in and out instead of breaking off.
const FADE: isize = 20;
/// Share of these that are seen, from which on the line begins and is whole: it has no gaps.
const WHOLE: [f32; 2] = [0.30, 0.60];

/// A place on the jaw, `[x, y]` in pixels.
#[derive(Clone, Copy, Debug)]
pub struct JawPlace {
    /// On the line.
    pub at: [f32; 2],
    /// A little inside of the face.
    pub inside: [f32; 2],
    /// A little outside of it, near and farther.
    pub outside: [[f32; 2]; 2],
}

/// Draws the jaw as far as it is `seen` in front of the neck: 0 to 1.
pub fn draw_jaw(
    canvas: &mut Canvas,
    frame: &Frame,
    palette: &SkinPalette,
    seen: impl Fn(JawPlace) -> f32,
) {
    let unit = frame.unit();
    let middle = frame.face.center;
    let jaw = spline(&frame.at(JAW), PLACES);
    let place = |p: &[f32; 2]| {
        let outwards = |by: f32| {
            let d = [p[0] - middle[0], p[1] - middle[1]];
            let length = d[0].hypot(d[1]).max(1e-3);
            [0, 1].map(|i| p[i] + by * unit * d[i] / length)
        };
        JawPlace {
            at: *p,
            inside: between(*p, middle, 0.06),
            outside: [outwards(0.025), outwards(0.05)],
        }
    };
    let seen: Vec<f32> = jaw.iter().map(|p| seen(place(p))).collect();
    let seen: Vec<f32> = (0..PLACES as isize)
        .map(|i| {
            let (mut sum, mut total) = (0.0, 0.0);
            for k in -FADE..=FADE {
                let weight = 1.0 + (std::f32::consts::PI * k as f32 / (FADE as f32 + 1.0)).cos();
                let at = (i + k).clamp(0, PLACES as isize - 1) as usize;
                sum += weight * seen[at];
                total += weight;
            }
            smoothstep(sum / total, WHOLE[0], WHOLE[1])
        })
        .collect();
    let width = |t: f32| {
        let last = PLACES - 1;
        let taper = (std::f32::consts::PI * t).sin().max(0.0).powf(0.7);
        let at = ((t * last as f32) as usize).min(last);
        0.0125 * unit * (0.35 + 0.65 * taper) * seen[at]
    };
    canvas.stroke(&jaw, width, 0.9, rgb(palette.line));
}
