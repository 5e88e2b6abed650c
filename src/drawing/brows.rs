//! Brows, drawn as vectors.

use crate::face::mesh::{EYES, distance, mean};
use crate::filter::quantile::quantile;
use crate::geometry::smoothstep;

use super::frame::Frame;
use super::palette::{SkinPalette, interpolate, rgb};
use super::pen::{Canvas, spline};
use super::samples::{median, under};

/// A brow that is too small to be measured.
const BLACK: [f32; 3] = [15.0, 0.0, 0.0];

/// The colour of the brows of a crop, both in CIE L*a*b*: that of the darker one, as light from one side makes the other one pale.
pub fn brow_colour(frame: &Frame, lab: &[[f32; 3]]) -> [f32; 3] {
    let colour = |side: usize| {
        let area = frame.fill(&frame.brow_polygon(side, 0.0));
        let mut inside = under(lab, frame.side, &area, 0.5);
        if inside.len() <= 10 {
            return BLACK;
        }
        let limit = quantile(inside.iter().map(|c| c[0]).collect(), 0.40);
        inside.retain(|c| c[0] <= limit);
        median(&inside)
    };
    let [left, right] = [0, 1].map(colour);
    if left[0] < right[0] { left } else { right }
}

/// Draws the left (0) or right (1) brow in the thickness of the photo's, and of this colour in CIE L*a*b*.
pub fn draw_brow(
    canvas: &mut Canvas,
    frame: &Frame,
    side: usize,
    colour: [f32; 3],
    skin_colour: [f32; 3],
    palette: &SkinPalette,
) {
    use std::f32::consts::PI;
    let unit = frame.unit();
    let eye = &EYES[side];
    let (above, below) = (frame.at(eye.brow_above), frame.at(eye.brow_below));
    let middle: Vec<_> = above
        .iter()
        .zip(&below)
        .map(|(a, b)| mean(&[*a, *b]))
        .collect();
    let heights = above.iter().zip(&below).map(|(a, b)| distance(*a, *b));
    let thick = quantile(heights.collect(), 0.5).clamp(0.036 * unit, 0.070 * unit);
    let l = (0.85 * colour[0])
        .min(0.62 * palette.base[0])
        .clamp(10.0, 70.0);
    let contrast = (skin_colour[0] - colour[0]) / skin_colour[0];
    let thick = thick * interpolate(contrast, &[(0.12, 0.82), (0.50, 1.25)]);
    let taper = |t: f32| {
        thick
            * (0.62 + 0.38 * (PI * (1.25 * t).clamp(0.0, 1.0)).sin())
            * (1.0 - 0.9 * smoothstep(t, 0.5, 1.0))
            * smoothstep(t, -0.04, 0.10)
    };
    let opacity = interpolate(contrast, &[(0.05, 0.6), (0.2, 0.92)]);
    let colour = rgb([l, 1.1 * colour[1] + 1.0, colour[2]]);
    canvas.stroke(&spline(&middle, 60), taper, opacity, colour);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::example_face::example_face;

    #[test]
    fn both_brows_have_the_colour_of_the_darker_one() {
        let frame = Frame::new(512, &example_face()).expect("a face");
        let brow = [22.0, 6.0, 9.0];
        let colour = |i: usize| {
            if i % 512 < 256 {
                brow
            } else {
                [48.0, 8.0, 12.0]
            }
        };
        let lab: Vec<_> = (0..512 * 512).map(colour).collect();
        assert_eq!(brow_colour(&frame, &lab), brow);
    }
}
