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

/// Draws the left (0) or right (1) brow in the thickness and colour of the photo's.
pub fn draw_brow(
    canvas: &mut Canvas,
    frame: &Frame,
    side: usize,
    lab: &[[f32; 3]],
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
    let area = frame.fill(&frame.brow_polygon(side, 0.0));
    let inside = under(lab, frame.side, &area, 0.5);
    let colour = if inside.len() > 10 {
        let limit = quantile(inside.iter().map(|c| c[0]).collect(), 0.40);
        median(
            &inside
                .into_iter()
                .filter(|c| c[0] <= limit)
                .collect::<Vec<_>>(),
        )
    } else {
        BLACK
    };
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
