//! A drawing as an animation cel: a few flat tones with crisp borders, and outlines in a darker version of
//! what they are drawn on.
//!
//! Portrait networks learn colours, masses of hair and the shape of shadows, but in hours of training not
//! the crisp borders between tones, nor lines: these follow from the drawing by fixed filters. Tones are
//! those of Lloyd's quantiser ("Least squares quantization in PCM", 1982), lines those of the flow-based
//! difference of Gaussians (Kang, Lee and Chui, "Coherent Line Drawing", 2007), both of the drawing smoothed
//! along its edges.

mod tones;

use crate::geometry::{BilinearTap, bilinear_taps, smoothstep};
use crate::imaging::{
    Photo, along_edges, blur, colour_over_white, for_each_row, luma, mean_along, pixel_under_white,
    structure_tensor,
};

use self::tones::Tones;

/// Least change of lightness a pixel of the picture over which a border between tones runs.
const LEAST_SLOPE: f32 = 2e-3;
/// Difference of lightness over which tones go over into each other where there is no border.
const GRADIENT: f32 = 0.15;
/// How much less lightness goes to its tone there.
const GRADIENT_STAYS: f32 = 0.7;
/// Longer side in pixels of the drawing that the lengths below are for.
const SIDE_PX: f32 = 512.0;
/// Standard deviation over which the edges' directions are averaged.
const TENSOR_PX: f32 = 2.0;
/// Standard deviation of the inner Gaussian across a line; the outer one is [`OUTER`] times as wide.
const LINE_PX: f32 = 1.0;
const OUTER: f32 = 1.6;
/// Standard deviation of the smoothing along edges and lines.
const ALONG_PX: f32 = 4.0;
/// How much darker saturated colours count: colours of one lightness have a line between them, too.
const CHROMA_DEPTH: f32 = 0.3;
/// Standard deviation over which it is judged how many lines there are.
const DENSITY_PX: f32 = 7.0;
/// Share of an area under lines from which on they are weakened, and weakest, and how much they lose there.
const DENSE: [f32; 2] = [0.17, 0.36];
const DENSE_LINES_LOSE: f32 = 0.75;
/// Factors of red, green and blue in a line: darker, and slightly warmer.
const INK: [f32; 3] = [0.47, 0.44, 0.45];

/// How much a drawing is simplified.
#[derive(Clone, Copy, Debug)]
pub struct Pen {
    /// Standard deviation of the blur under which tones are told apart, in pixels: smaller shapes keep the
    /// tone around them.
    tone_px: f32,
    /// Tones that are nearer to each other than this become one.
    least_step: f32,
    /// How far the lightness of a pixel goes to its tone; the rest keeps freckles and the texture of cloth.
    flatness: f32,
    /// Whether what is finer than tones are told apart by stays: windows, tiles, letters and leaves.
    keeps_detail: bool,
    /// Changes of lightness a pixel from which on borders between tones begin to be drawn, and all are; below,
    /// gradients stay gradients.
    bordered: [f32; 2],
    /// Darkness across the edges at which a line begins and is full, of a lightness of 0 to 1.
    line: [f32; 2],
    /// How much of a full line is seen.
    ink: f32,
    /// Whether clouds have lines, and texture: fur, grass, crumbs, dense windows.
    lined_everywhere: bool,
}

impl Pen {
    /// For heads: few tones, whose borders are crisp but in slow gradients: those of blurred backgrounds stay gradients.
    pub const HEAD: Self = Self {
        tone_px: 2.2,
        least_step: 0.11,
        flatness: 0.8,
        keeps_detail: false,
        bordered: [0.001, 0.004],
        line: [0.006, 0.02],
        ink: 1.0,
        lined_everywhere: true,
    };
    /// For whole pictures: skies and blurred backgrounds keep their gradients. `strength` from 0 to 1 is how
    /// far tones are flattened, and how much of a line is seen.
    pub const fn place(strength: f32) -> Self {
        Self {
            tone_px: 1.8,
            least_step: 0.08,
            flatness: strength,
            keeps_detail: true,
            bordered: [0.004, 0.014],
            line: [0.008, 0.022],
            ink: strength,
            lined_everywhere: false,
        }
    }
}

/// What makes a cel of a drawing, of any size: lightness and darkness across the edges are smooth, and what
/// is crisp of them in the end is so at the size of the picture.
#[derive(Debug)]
pub struct Cel {
    pen: Pen,
    size: [usize; 2],
    /// Lightness of each pixel of the drawing, and the darkness of a line there.
    fields: Vec<[f32; 2]>,
    tones: Tones,
}

impl Cel {
    /// That of `drawing`, which is smoothed along its edges unless the pen keeps detail; its alpha stays, and transparent pixels lie on
    /// white.
    pub fn of(drawing: &mut Photo, pen: Pen) -> Self {
        let size = [drawing.width(), drawing.height()];
        let scale = scale(size);
        // Red, green and blue, and the darkness of a line.
        let mut pixels: Vec<[f32; 4]> = drawing
            .pixels()
            .iter()
            .map(|pixel| {
                let [r, g, b] = colour_over_white(*pixel);
                [r, g, b, 0.0]
            })
            .collect();
        let inside = |at: isize, side: usize| at.clamp(0, side as isize - 1) as usize;
        let at =
            |[x, y]: [isize; 2]| colour(&pixels[inside(y, size[1]) * size[0] + inside(x, size[0])]);
        let edges = along_edges(&structure_tensor(size, TENSOR_PX * scale, at));
        set_darkness(&mut pixels, size, scale, pen.lined_everywhere);
        let mut smooth = mean_along(&pixels, &edges, size, ALONG_PX * scale, |_| true);
        drop(pixels);
        drop(edges);
        if !pen.keeps_detail {
            for (pixel, smooth) in drawing.pixels_mut().iter_mut().zip(&smooth) {
                *pixel = pixel_under_white(colour(smooth), pixel[3]);
            }
        }
        if !pen.lined_everywhere {
            thin_out(&mut smooth, size, scale, pen.line);
        }
        let mut lightness: Vec<[f32; 1]> =
            smooth.iter().map(|pixel| [luma(colour(pixel))]).collect();
        blur(&mut lightness, size, pen.tone_px * scale);
        let tones = Tones::of(&lightness, pen.least_step);
        let fields = lightness.iter().zip(&smooth);
        Self {
            pen,
            size,
            fields: fields.map(|([l], [.., d])| [*l, *d]).collect(),
            tones,
        }
    }

    /// Flattens the tones of a picture of the drawing and outlines its shapes; alpha stays.
    pub fn draw(&self, picture: &mut Photo) {
        let [width, height] = [picture.width(), picture.height()];
        let enlarged = (scale([width, height]) / scale(self.size)).max(1.0);
        let columns: Vec<BilinearTap> = bilinear_taps(self.size[0], width, false).collect();
        let rows: Vec<BilinearTap> = bilinear_taps(self.size[1], height, false).collect();
        let Pen {
            line,
            ink,
            bordered,
            flatness,
            keeps_detail,
            ..
        } = self.pen;
        let scale = scale(self.size);
        // As wide as in the drawing, with borders as crisp as here.
        let middle = 0.5 * (line[0] + line[1]);
        let line = line.map(|end| middle + (end - middle) / enlarged);
        for_each_row(picture.pixels_mut(), width, |(y, row)| {
            let fields: Vec<[f32; 2]> = self.row(rows[y]);
            for (pixel, tap) in row.iter_mut().zip(&columns) {
                let (left, right) = (fields[tap.low], fields[tap.high]);
                let [lightness, darkness] = mixed(left, right, tap.weight);
                let slope = self.slope(rows[y], *tap);
                let gradient = 1.0 - smoothstep(scale * slope, bordered[0], bordered[1]);
                let border = (slope / enlarged).max(LEAST_SLOPE) + GRADIENT * gradient;
                let colour = colour_over_white(*pixel);
                let from = if keeps_detail {
                    lightness
                } else {
                    luma(colour)
                };
                let share = flatness * (1.0 - GRADIENT_STAYS * gradient);
                let lighter = share * (self.tones.at(lightness, border) - from);
                let line = ink * smoothstep(darkness, line[0], line[1]);
                let drawn = std::array::from_fn(|c| {
                    let flat = (colour[c] + lighter).clamp(0.0, 1.0);
                    flat * (1.0 - line + line * INK[c])
                });
                *pixel = pixel_under_white(drawn, pixel[3]);
            }
        });
    }

    /// The fields between two rows.
    fn row(&self, tap: BilinearTap) -> Vec<[f32; 2]> {
        let [above, below] =
            [tap.low, tap.high].map(|y| &self.fields[y * self.size[0]..][..self.size[0]]);
        let pairs = above.iter().zip(below);
        pairs.map(|(a, b)| mixed(*a, *b, tap.weight)).collect()
    }

    /// Change of lightness a pixel of the drawing.
    fn slope(&self, row: BilinearTap, column: BilinearTap) -> f32 {
        let [width, height] = self.size;
        let nearest = |tap: BilinearTap| if tap.weight < 0.5 { tap.low } else { tap.high };
        let (x, y) = (nearest(column), nearest(row));
        let at = |x: usize, y: usize| self.fields[y * width + x][0];
        let in_x = at((x + 1).min(width - 1), y) - at(x.saturating_sub(1), y);
        let in_y = at(x, (y + 1).min(height - 1)) - at(x, y.saturating_sub(1));
        0.5 * in_x.hypot(in_y)
    }
}

/// How large a picture is, that one of [`SIDE_PX`] is 1.
fn scale(size: [usize; 2]) -> f32 {
    size[0].max(size[1]) as f32 / SIDE_PX
}

fn mixed(a: [f32; 2], b: [f32; 2], share: f32) -> [f32; 2] {
    [0, 1].map(|i| a[i] + share * (b[i] - a[i]))
}

/// Bytes at a time while the cel of a drawing of so many pixels is made, besides its own.
pub(crate) fn cel_bytes(pixels: u64) -> u64 {
    // Two pictures, the edges, and fields with what they are made of.
    (2 * size_of::<[f32; 4]>() + 2 * size_of::<[f32; 2]>() + 2 * size_of::<f32>()) as u64 * pixels
}

/// How much a colour is one of skies, 0 to 1: light, and more blue than red.
fn sky(colour: [f32; 3]) -> f32 {
    smoothstep(colour[2] - colour[0], 0.04, 0.16) * smoothstep(luma(colour), 0.42, 0.56)
}

fn colour([r, g, b, _]: &[f32; 4]) -> [f32; 3] {
    [*r, *g, *b]
}

/// Sets how much darker each pixel is than what is around it: positive on dark lines and on the dark side of edges.
fn set_darkness(pixels: &mut [[f32; 4]], size: [usize; 2], scale: f32, lined_everywhere: bool) {
    let depth = pixels.iter().map(|pixel| {
        let [r, g, b] = colour(pixel);
        let chroma = r.max(g).max(b) - r.min(g).min(b);
        [luma([r, g, b]) - CHROMA_DEPTH * chroma]
    });
    let mut inner: Vec<[f32; 1]> = depth.collect();
    let mut outer = inner.clone();
    blur(&mut inner, size, LINE_PX * scale);
    blur(&mut outer, size, OUTER * LINE_PX * scale);
    for ((pixel, [inner]), [outer]) in pixels.iter_mut().zip(&inner).zip(&outer) {
        let lined = if lined_everywhere {
            1.0
        } else {
            1.0 - sky(colour(pixel))
        };
        pixel[3] = lined * (outer - inner);
    }
}

/// Weakens the darkness of lines that are dense: lines are for shapes, and where there are many, they are
/// texture.
fn thin_out(pixels: &mut [[f32; 4]], size: [usize; 2], scale: f32, line: [f32; 2]) {
    let covered = pixels
        .iter()
        .map(|[.., darkness]| [smoothstep(*darkness, line[0], line[1])]);
    let mut density: Vec<[f32; 1]> = covered.collect();
    blur(&mut density, size, DENSITY_PX * scale);
    for (pixel, [density]) in pixels.iter_mut().zip(&density) {
        pixel[3] *= 1.0 - DENSE_LINES_LOSE * smoothstep(*density, DENSE[0], DENSE[1]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: usize, height: usize, pixel: impl Fn(usize, usize) -> [u8; 4]) -> Photo {
        let pixels = (0..width * height).flat_map(|i| pixel(i % width, i / width));
        Photo::new(width, height, pixels.collect()).unwrap()
    }

    fn draw(drawing: &mut Photo, pen: Pen) {
        let cel = Cel::of(drawing, pen);
        cel.draw(drawing);
    }

    #[test]
    fn gradients_of_places_stay() {
        let light = |x: usize| 90.0 + 0.2 * x as f32;
        let mut drawing = picture(512, 48, |x, _| {
            let value = light(x) as u8;
            [value, value, value, 255]
        });
        draw(&mut drawing, Pen::place(0.8));
        let red = |x: usize| f32::from(drawing.pixels()[24 * 512 + x][0]);
        let steepest = (8..500).map(|x| red(x + 4) - red(x)).fold(0.0, f32::max);
        // The gradient itself is 0.8 in four pixels.
        assert!(steepest < 3.0, "{steepest}");
        assert!(red(480) - red(30) > 70.0);
    }

    #[test]
    fn clouds_of_places_have_no_lines() {
        let cloud = |blue: [u8; 3]| {
            let mut drawing = picture(256, 256, |x, y| {
                let inside = (x as f32 - 128.0).hypot(y as f32 - 128.0) < 70.0;
                let [r, g, b] = if inside { [240, 244, 250] } else { blue };
                [r, g, b, 255]
            });
            draw(&mut drawing, Pen::place(0.8));
            let row = &drawing.pixels()[128 * 256..][..128];
            row.iter().map(|pixel| pixel[1]).min()
        };
        assert!(cloud([110, 170, 235]) > Some(160));
        assert!(cloud([60, 90, 70]) < Some(85));
    }

    #[test]
    fn enlarged_cels_are_as_crisp_as_small_ones() {
        let shape = |side: usize| {
            let middle = side as f32 / 2.0;
            picture(side, side, |x, y| {
                let inside = (x as f32 - middle).hypot(y as f32 - middle) < 0.3 * side as f32;
                let [r, g, b] = if inside {
                    [180, 120, 90]
                } else {
                    [230, 220, 210]
                };
                [r, g, b, 255]
            })
        };
        let mut drawing = shape(256);
        let cel = Cel::of(&mut drawing, Pen::HEAD);
        let mut large = shape(1024);
        cel.draw(&mut large);
        let green = |x: usize| f32::from(large.pixels()[512 * 1024 + x][1]);
        let line: Vec<f32> = (760..900).map(green).collect();
        let darkest = line.iter().copied().fold(255.0, f32::min);
        assert!(darkest < 95.0, "{darkest}");
        // From the line to the flat area outside in a few pixels, though a pixel of the drawing is four.
        let steepest = line.windows(6).map(|w| w[5] - w[0]).fold(0.0, f32::max);
        assert!(steepest > 80.0, "{steepest}");
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
        draw(&mut drawing, Pen::HEAD);
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
        draw(&mut drawing, Pen::HEAD);
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
                draw(&mut after, Pen::HEAD);
                for (after, before) in after.pixels().iter().zip(before.pixels()) {
                    assert_eq!(after[3], before[3]);
                    let apart = (0..3).map(|c| after[c].abs_diff(before[c])).max();
                    assert!(apart <= Some(1), "{after:?} of {before:?}");
                }
            }
        }
    }
}
