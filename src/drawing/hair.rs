//! Hair as clumps of a few flat tones, with a ring of light.

use crate::filter::gaussian::{blur, weighted_blur};
use crate::filter::plane::Plane;
use crate::filter::quantile::quantile;
use crate::geometry::smoothstep;
use crate::imaging::{along_edges, mean_along, structure_tensor};

use super::frame::Frame;
use super::palette::{interpolate, lch, mix};
use super::planes::crisp_above;
use super::samples::median;

/// Standard deviations, in widths of the face: over which the run of strands is looked at, along which they are smoothed, twice, over
/// which the light on the whole is, and along which tones are.
const TENSOR_SIGMA: f32 = 0.026;
const STRAND_SIGMA: f32 = 0.034;
const BROAD_SIGMA: f32 = 0.10;
const TONE_SIGMA: f32 = 0.023;
/// Standard deviation over which hair is looked for about a place that gets tones.
const NEAR_SIGMA: f32 = 0.03;
/// Tone from which on hair is no longer deep but in shadow, of its colour, lit, and shining.
const STEPS: [f32; 4] = [0.20, 0.40, 0.70, 0.98];
/// Fewer pixels of hair have no tones.
const LEAST_PIXELS: usize = 50;

/// The tones of hair in a square picture of a head: smooth, so that their borders can be drawn crisply at any size.
#[derive(Clone, Debug)]
pub struct HairTones {
    /// See [`STEPS`].
    tone: Plane,
    /// How far the opponents of dyed and gray strands are from those of the rest.
    off: [Plane; 2],
    /// From deep to shining, in CIE L*a*b*.
    colours: [[f32; 3]; 5],
}

impl HairTones {
    /// Those of the `hair`, as a share of each pixel of a square picture in CIE L*a*b*; `None` if there is hardly any.
    pub fn find(frame: &Frame, lab: &[[f32; 3]], hair: &Plane) -> Option<Self> {
        if hair.values().iter().filter(|v| **v > 0.5).count() < LEAST_PIXELS {
            return None;
        }
        let unit = frame.unit();
        let size = [frame.side; 2];
        let inside = |at: isize| at.clamp(0, frame.side as isize - 1) as usize;
        let edges = along_edges(&structure_tensor(size, TENSOR_SIGMA * unit, |[x, y]| {
            lab[inside(y) * frame.side + inside(x)]
        }));
        // Beside hair tones are needed for the borders.
        let near = blur(hair, NEAR_SIGMA * unit);
        let along = |values: &[[f32; 4]], sigma: f32| {
            mean_along(values, &edges, size, sigma * unit, |i| {
                near.values()[i] > 0.01
            })
        };
        // What is not hair does not smear into it.
        let own = |i: usize| hair.values()[i].max(1e-3);
        let weighted: Vec<_> = (0..lab.len())
            .map(|i| {
                let [l, a, b] = lab[i].map(|v| v * own(i));
                [l, a, b, own(i)]
            })
            .collect();
        let strands = along(&along(&weighted, STRAND_SIGMA), STRAND_SIGMA);
        let strands: Vec<_> = strands
            .iter()
            .map(|[l, a, b, weight]| [l, a, b].map(|v| v / weight))
            .collect();
        let hairs: Vec<_> = (0..lab.len())
            .filter(|i| hair.values()[*i] > 0.5)
            .map(|i| strands[i])
            .collect();
        let lightness: Vec<f32> = hairs.iter().map(|c| c[0]).collect();
        let (low, high) = (quantile(lightness.clone(), 0.06), quantile(lightness, 0.95));
        let middle = median(&hairs);
        let range = (high - low).max(14.0);
        let broad = weighted_blur(&frame.plane(|i| strands[i][0]), hair, BROAD_SIGMA * unit);
        let tone = |i: usize| {
            let broad = broad.values()[i];
            let local = (strands[i][0] - broad) / range;
            let [x, y] = frame.place(i, frame.face.center);
            let ring = (x / 0.66).hypot((y + 0.06) / 0.90) + 0.165 * local;
            let ring = (-((ring - 1.0) / 0.06).powi(2)).exp()
                * smoothstep(y, -0.30, -0.52)
                * smoothstep(x.abs(), 0.62, 0.40);
            0.93 * local
                + 0.75 * (broad - low) / range
                + 0.08
                + 0.66 * ring * (0.35 + (0.5 + 1.6 * local).clamp(0.0, 1.0))
        };
        let fields: Vec<_> = (0..lab.len())
            .map(|i| {
                let [a, b] = [1, 2].map(|c| strands[i][c] - middle[c]);
                let dyed = 0.9 * smoothstep(a.hypot(b), 8.0, 22.0);
                [tone(i), dyed * a, dyed * b, 0.0]
            })
            .collect();
        let fields = along(&fields, TONE_SIGMA);
        let field = |c: usize| blur(&frame.plane(|i| fields[i][c]), 0.004 * unit);
        Some(Self {
            tone: field(0),
            off: [field(1), field(2)],
            colours: colours(middle),
        })
    }

    /// The colour of hair at a point of the square in CIE L*a*b*, with crisp borders in a picture in which `scale` pixels of the
    /// square are one.
    pub fn at(&self, point: [f32; 2], scale: f32) -> [f32; 3] {
        let mut colour = self.colours[0];
        for (step, to) in STEPS.iter().zip(&self.colours[1..]) {
            colour = mix(colour, *to, crisp_above(&self.tone, *step, point, scale));
        }
        let [x, y] = point.map(|v| v - 0.5);
        let [a, b] = [&self.off[0], &self.off[1]].map(|plane| plane.sample(x, y));
        [colour[0], colour[1] + a, colour[2] + b]
    }

    /// The colour of lines on and around it in CIE L*a*b*.
    pub fn line(&self) -> [f32; 3] {
        let [l, a, b] = self.colours[0];
        [0.6 * l, 0.9 * a, 0.9 * b]
    }
}

/// The colours of hair whose median is this, from deep to shining, in CIE L*a*b*.
fn colours([l0, a0, b0]: [f32; 3]) -> [[f32; 3]; 5] {
    let (chroma_0, hue) = (a0.hypot(b0), b0.atan2(a0).to_degrees());
    let l = interpolate(
        l0,
        &[
            (0.0, 14.0),
            (10.0, 18.0),
            (25.0, 30.0),
            (45.0, 51.0),
            (65.0, 70.0),
            (80.0, 84.0),
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
    let shine = l + interpolate(l, &[(10.0, 22.0), (50.0, 18.0), (90.0, 7.0)]);
    [
        [0.55 * l, 0.85 * a + 3.0, 0.7 * b - 4.0],
        [0.78 * l, a + 1.5, 0.88 * b - 2.0],
        base,
        [(l + 8.0).min(96.0), a, 1.05 * b],
        [shine.min(98.0), 0.8 * a, (0.8 + 0.5 * neutral) * b],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::lab::rgb_to_lab;
    use crate::face::example_face::example_face;

    const SIDE: usize = 256;
    const HAIR: [f32; 3] = [0.36, 0.22, 0.13];

    fn frame() -> Frame {
        let points: Vec<_> = example_face().iter().map(|p| p.map(|v| 0.5 * v)).collect();
        Frame::new(SIDE, &points).expect("a face")
    }

    /// Hair above the middle of the face, of strands that run down.
    fn tones(frame: &Frame) -> Option<HairTones> {
        let lab: Vec<_> = (0..SIDE * SIDE)
            .map(|i| {
                let [x, _] = frame.pixel(i);
                rgb_to_lab(HAIR.map(|v| v * (1.0 + 0.5 * (0.12 * x).sin())))
            })
            .collect();
        let hair = frame.plane(|i| f32::from(frame.pixel(i)[1] < 120.0));
        HairTones::find(frame, &lab, &hair)
    }

    #[test]
    fn strands_become_flat_areas_of_few_tones_that_run_as_they_do() {
        let frame = frame();
        let tones = tones(&frame).expect("hair");
        let at = |x: f32, y: f32| tones.at([x, y], 1.0);
        let row: Vec<_> = (20..236).map(|x| at(x as f32, 100.0)[0]).collect();
        let flat = row
            .windows(2)
            .filter(|pair| (pair[0] - pair[1]).abs() < 0.5);
        assert!(2 * flat.count() > row.len(), "{row:?}");
        let (least, most) = row
            .iter()
            .fold((100f32, 0f32), |(a, b), v| (a.min(*v), b.max(*v)));
        assert!(most - least > 8.0, "{least} {most}");
        // Along a strand little changes.
        for x in [60.0, 130.0, 190.0] {
            let (above, below) = (at(x, 85.0), at(x, 112.0));
            assert!((above[0] - below[0]).abs() < 9.0, "{x} {above:?} {below:?}");
        }
        assert!(tones.line()[0] < least);
    }

    #[test]
    fn black_hair_is_bluish_and_light_hair_stays_light() {
        let [deep, .., shine] = colours([8.0, 0.5, 0.5]);
        assert!(deep[2] < 0.0 && shine[0] > 32.0, "{deep:?} {shine:?}");
        let fair = colours([75.0, 6.0, 28.0]);
        assert!(fair[2][0] > 78.0 && fair[2][2] > 20.0, "{fair:?}");
        for tones in [colours([8.0, 0.5, 0.5]), fair] {
            assert!(tones.is_sorted_by(|a, b| a[0] < b[0]), "{tones:?}");
        }
    }

    #[test]
    fn where_there_is_hardly_any_there_are_no_tones() {
        let frame = frame();
        let lab = vec![[30.0, 5.0, 8.0]; SIDE * SIDE];
        let hair = frame.plane(|i| f32::from(i < 20));
        assert!(HairTones::find(&frame, &lab, &hair).is_none());
    }
}
