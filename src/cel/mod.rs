//! A drawing as an animation cel: a few flat tones with crisp borders, and outlines in a darker version of
//! what they are drawn on.
//!
//! Portrait networks learn colours, masses of hair and the shape of shadows, but in hours of training not
//! the crisp borders between tones, nor lines: these follow from the drawing by fixed filters. Tones are
//! those of Lloyd's quantiser ("Least squares quantization in PCM", 1982), lines those of the flow-based
//! difference of Gaussians (Kang, Lee and Chui, "Coherent Line Drawing", 2007), both of the drawing smoothed
//! along its edges.

mod flow;
mod tones;

use crate::geometry::smoothstep;
use crate::imaging::{
    Photo, blur, colour_over_white, for_each_row, pixel_under_white, structure_tensor,
};

use self::flow::{along_edges, mean_along};
use self::tones::Tones;

/// Side in pixels of the picture that the lengths below are for.
const SIDE_PX: f32 = 512.0;
/// Standard deviation over which the edges' directions are averaged.
const TENSOR_PX: f32 = 2.0;
/// Standard deviation of the smoothing along the edges.
const ALONG_PX: f32 = 3.5;
/// Standard deviation of the blur under which tones are told apart: smaller shapes keep the tone around them.
const TONE_PX: f32 = 2.2;
/// How far the lightness of a pixel goes to its tone: the rest keeps freckles and the texture of cloth.
const FLATNESS: f32 = 0.8;
/// Least change of lightness a pixel at which a border between tones runs: where there is less, it is softer.
const LEAST_SLOPE: f32 = 2e-3;
/// Standard deviation of the inner Gaussian across a line; the outer one is [`OUTER`] times as wide.
const LINE_PX: f32 = 1.0;
const OUTER: f32 = 1.6;
/// Standard deviation of the smoothing along a line.
const LINE_ALONG_PX: f32 = 5.0;
/// Darkness across the edges at which a line begins and is full, of a lightness of 0 to 1.
const LINE: [f32; 2] = [0.006, 0.02];
/// How much darker saturated colours count: colours of one lightness have a line between them, too.
const CHROMA_DEPTH: f32 = 0.3;
/// Factors of red, green and blue in a line: darker, and slightly warmer.
const INK: [f32; 3] = [0.47, 0.44, 0.45];

/// Turns a square drawing of a head into a cel; alpha stays, and transparent pixels lie on white.
pub fn draw_cel(drawing: &mut Photo) {
    let size = [drawing.width(), drawing.height()];
    let scale = size[0].max(size[1]) as f32 / SIDE_PX;
    let colours: Vec<[f32; 3]> = drawing
        .pixels()
        .iter()
        .map(|pixel| colour_over_white(*pixel))
        .collect();
    let inside = |at: isize, side: usize| at.clamp(0, side as isize - 1) as usize;
    let at = |[x, y]: [isize; 2]| colours[inside(y, size[1]) * size[0] + inside(x, size[0])];
    let edges = along_edges(&structure_tensor(size, TENSOR_PX * scale, at));
    let smooth = mean_along(&colours, &edges, size, ALONG_PX * scale);
    drop(colours);
    let lines = lines(&smooth, &edges, size, scale);
    drop(edges);
    let mut lightness: Vec<[f32; 1]> = smooth.iter().map(|colour| [luma(*colour)]).collect();
    blur(&mut lightness, size, TONE_PX * scale);
    let tones = Tones::of(&lightness);
    let slope = |from: usize, to: usize| lightness[to][0] - lightness[from][0];
    for_each_row(drawing.pixels_mut(), size[0], |(y, row)| {
        let start = y * size[0];
        let [above, below] = [y.saturating_sub(1), (y + 1).min(size[1] - 1)];
        for (x, pixel) in row.iter_mut().enumerate() {
            let i = start + x;
            let [left, right] = [
                start + x.saturating_sub(1),
                start + (x + 1).min(size[0] - 1),
            ];
            let in_x = 0.5 * slope(left, right);
            let in_y = 0.5 * slope(above * size[0] + x, below * size[0] + x);
            let tone = tones.at(lightness[i][0], in_x.hypot(in_y).max(LEAST_SLOPE));
            let lighter = FLATNESS * (tone - luma(smooth[i]));
            let line = lines[i][0];
            let colour = std::array::from_fn(|c| {
                let flat = (smooth[i][c] + lighter).clamp(0.0, 1.0);
                flat * (1.0 - line + line * INK[c])
            });
            *pixel = pixel_under_white(colour, pixel[3]);
        }
    });
}

/// Bytes at a time while a drawing of so many pixels is turned into a cel, besides its own.
pub(crate) fn cel_bytes(pixels: u64) -> u64 {
    // Two pictures, the edges, and lines with what they are made of.
    (2 * size_of::<[f32; 3]>() + size_of::<[f32; 2]>() + 3 * size_of::<f32>()) as u64 * pixels
}

/// The lightness of a colour, Rec. 601's luma.
fn luma([r, g, b]: [f32; 3]) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

/// How much of a line is at each pixel, 0 to 1.
fn lines(colours: &[[f32; 3]], edges: &[[f32; 2]], size: [usize; 2], scale: f32) -> Vec<[f32; 1]> {
    let depth = colours.iter().map(|&colour| {
        let [r, g, b] = colour;
        let chroma = r.max(g).max(b) - r.min(g).min(b);
        [luma(colour) - CHROMA_DEPTH * chroma]
    });
    let mut inner: Vec<[f32; 1]> = depth.collect();
    let mut difference = inner.clone();
    blur(&mut inner, size, LINE_PX * scale);
    blur(&mut difference, size, OUTER * LINE_PX * scale);
    for (difference, inner) in difference.iter_mut().zip(&inner) {
        difference[0] -= inner[0];
    }
    drop(inner);
    let mut lines = mean_along(&difference, edges, size, LINE_ALONG_PX * scale);
    for line in &mut lines {
        line[0] = smoothstep(line[0], LINE[0], LINE[1]);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: usize, height: usize, pixel: impl Fn(usize, usize) -> [u8; 4]) -> Photo {
        let pixels = (0..width * height).flat_map(|i| pixel(i % width, i / width));
        Photo::new(width, height, pixels.collect()).unwrap()
    }

    #[test]
    fn a_soft_shadow_becomes_two_tones_with_a_border_a_pixel_wide() {
        // A slope of some 60 pixels between two areas.
        let mut drawing = picture(512, 64, |x, _| {
            let light = smoothstep(x as f32, 226.0, 286.0);
            [(120.0 + 100.0 * light) as u8; 4].map(|v| v.max(1))
        });
        for pixel in drawing.pixels_mut() {
            pixel[3] = 255;
        }
        draw_cel(&mut drawing);
        let red = |x: usize| f32::from(drawing.pixels()[32 * 512 + x][0]);
        let steepest = (200..310).map(|x| red(x + 2) - red(x)).fold(0.0, f32::max);
        // The slope alone would be 5 of 255.
        assert!(steepest > 14.0, "{steepest}");
        assert!((red(100) - 120.0).abs() < 6.0 && (red(400) - 220.0).abs() < 6.0);
    }

    #[test]
    fn shapes_are_outlined_and_flat_areas_stay() {
        let (middle, radius) = (128.0, 70.0);
        let mut drawing = picture(256, 256, |x, y| {
            let inside = (x as f32 - middle).hypot(y as f32 - middle) < radius;
            let [r, g, b] = if inside {
                [180, 120, 90]
            } else {
                [230, 220, 210]
            };
            [r, g, b, 255]
        });
        draw_cel(&mut drawing);
        let green = |x: f32, y: f32| drawing.pixels()[y as usize * 256 + x as usize][1];
        for step in 0..36 {
            let (sin, cos) = (step as f32 * 10.0).to_radians().sin_cos();
            let darkest = (64..74)
                .map(|r| green(middle + r as f32 * cos, middle + r as f32 * sin))
                .min();
            assert!(darkest < Some(95), "at {} degrees: {darkest:?}", 10 * step);
        }
        assert!(green(128.0, 128.0).abs_diff(120) < 4);
        assert!(green(10.0, 10.0).abs_diff(220) < 4);
    }

    #[test]
    fn one_colour_and_alpha_stay_whatever_the_size() {
        for [width, height] in [[1, 1], [1, 7], [9, 2], [33, 17]] {
            for alpha in [255, 90, 0] {
                let before = picture(width, height, |_, _| match alpha {
                    0 => [255, 255, 255, 0],
                    _ => [20, 130, 250, alpha],
                });
                let mut after = before.clone();
                draw_cel(&mut after);
                for (after, before) in after.pixels().iter().zip(before.pixels()) {
                    assert_eq!(after[3], before[3]);
                    let apart = (0..3).map(|c| after[c].abs_diff(before[c])).max();
                    assert!(apart <= Some(1), "{after:?} of {before:?}");
                }
            }
        }
    }
}
