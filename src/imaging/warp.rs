//! A part of a photo, turned, resized and moved.

use fearless_simd::Level;

use super::Photo;
use crate::error::Result;
use crate::kernels::displace::{Displacement, warp_displaced_rgba8};
use crate::kernels::halve::halve_rgba8;
use crate::kernels::warp::{MAX_SHRINK, Source, warp_similarity_rgba8};

/// A rotation with uniform scale and shift `[a, b, tx, ty]`, which takes `[x, y]` to
/// `[a x - b y + tx, b x + a y + ty]`, in pixels from the top left corner.
pub type Similarity = [f32; 4];

/// Pixels beyond a sampled place that its mean takes part of.
const MARGIN_PX: f32 = 4.0;

/// A picture of `[width, height]` pixels, at least 1, whose places `to_photo` takes to those of
/// `photo`. The photo is laid over white; beyond its borders it is mirrored. Where it shrinks, a
/// pixel is the mean of what it covers.
///
/// # Errors
/// Those of [`Photo::new`].
pub fn warp(photo: &Photo, to_photo: Similarity, size: [usize; 2]) -> Result<Photo> {
    warp_by(photo, to_photo, None, size)
}

/// Displacements of the places of a picture, in its pixels: those at the nodes of a grid over it,
/// row by row, bilinear between them. The border's should be zero.
#[derive(Clone, Copy, Debug)]
pub struct Displaced<'a> {
    /// One vector a node.
    pub nodes: &'a [[f32; 2]],
    /// Nodes of a row, at least 2.
    pub columns: usize,
}

/// [`warp`] of the places that are first moved by the displacements. No pixel is sampled twice.
///
/// # Errors
/// Those of [`Photo::new`].
///
/// # Panics
/// If there are not at least two rows of two nodes.
pub fn warp_displaced(
    photo: &Photo,
    to_photo: Similarity,
    displaced: Displaced,
    size: [usize; 2],
) -> Result<Photo> {
    warp_by(photo, to_photo, Some(displaced), size)
}

fn warp_by(
    photo: &Photo,
    to_photo: Similarity,
    displaced: Option<Displaced>,
    [width, height]: [usize; 2],
) -> Result<Photo> {
    let level = Level::new();
    let [mut a, mut b, mut tx, mut ty] = to_photo;
    let mut region = Region::under(photo, to_photo, [width, height]);
    (tx, ty) = (tx - region.left as f32, ty - region.top as f32);
    while a.hypot(b) > MAX_SHRINK && region.width.max(region.height) > 1 {
        region.halve(level);
        [a, b, tx, ty] = [a, b, tx, ty].map(|v| v / 2.0);
    }
    let mut rgba = vec![0; width * height * 4];
    let out = rgba.as_chunks_mut().0;
    let (source, to_source) = (region.source(), [a, b, tx, ty]);
    match displaced {
        None => warp_similarity_rgba8(level, source, to_source, out, width),
        Some(Displaced { nodes, columns }) => {
            let displacement = Displacement::new(nodes, columns, [width, height]);
            warp_displaced_rgba8(level, source, to_source, displacement, out, width);
        }
    }
    Photo::new(width, height, rgba)
}

/// An opaque rectangle of a photo.
struct Region {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    pixels: Vec<[u8; 4]>,
}

impl Region {
    /// What a picture of `[width, height]` shows of the photo, mirrored places included.
    fn under(photo: &Photo, [a, b, tx, ty]: Similarity, [width, height]: [usize; 2]) -> Self {
        let corners = [[0, 0], [width, 0], [0, height], [width, height]]
            .map(|[x, y]| [x as f32, y as f32])
            .map(|[x, y]| [a * x - b * y + tx, b * x + a * y + ty]);
        let margin = MARGIN_PX * a.hypot(b).max(1.0);
        let along = |axis: usize, side: usize| {
            let ends = corners.map(|corner| corner[axis]);
            let low = ends.into_iter().fold(f32::INFINITY, f32::min) - margin;
            let high = ends.into_iter().fold(f32::NEG_INFINITY, f32::max) + margin;
            // Mirrored at 0 and at the other border.
            let (low, high) = (low.min(2.0 * side as f32 - high), high.max(-low));
            // The casts saturate.
            let start = (low.floor() as usize).min(side - 1);
            start..(high.ceil() as usize).clamp(start + 1, side)
        };
        let (columns, rows) = (along(0, photo.width()), along(1, photo.height()));
        let mut pixels = Vec::with_capacity(columns.len() * rows.len());
        for y in rows.clone() {
            let row = &photo.pixels()[y * photo.width()..][columns.clone()];
            pixels.extend(row.iter().map(over_white));
        }
        Self {
            left: columns.start,
            top: rows.start,
            width: columns.len(),
            height: rows.len(),
            pixels,
        }
    }

    fn source(&self) -> Source<'_> {
        Source {
            pixels: &self.pixels,
            width: self.width,
            height: self.height,
        }
    }

    fn halve(&mut self, level: Level) {
        self.pixels = halve_rgba8(level, self.source());
        self.width = self.width.div_ceil(2);
        self.height = self.height.div_ceil(2);
    }
}

fn over_white(pixel: &[u8; 4]) -> [u8; 4] {
    let [r, g, b, a] = *pixel;
    if a == 255 {
        return *pixel;
    }
    let mix = |v: u8| {
        let sum = u32::from(v) * u32::from(a) + 255 * u32::from(255 - a);
        ((sum + 127) / 255) as u8
    };
    [mix(r), mix(g), mix(b), 255]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A smooth picture: colour at any place, and the photo of it.
    fn color([x, y]: [f32; 2]) -> [f32; 3] {
        [
            128.0 + 100.0 * (x / 40.0).sin(),
            128.0 + 100.0 * (y / 50.0).cos(),
            128.0 + 90.0 * ((x + y) / 60.0).sin(),
        ]
    }

    fn photo(width: usize, height: usize, color: impl Fn([f32; 2]) -> [f32; 3]) -> Photo {
        let mut rgba = Vec::new();
        for i in 0..width * height {
            let place = [i % width, i / width].map(|v| v as f32 + 0.5);
            rgba.extend(color(place).map(|v| v.round() as u8));
            rgba.push(255);
        }
        Photo::new(width, height, rgba).unwrap()
    }

    fn worst(a: &Photo, b: &Photo) -> u8 {
        let pairs = a.rgba().iter().zip(b.rgba());
        pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap()
    }

    /// The same crop of photos that were turned and resized, enlarging and shrinking.
    #[test]
    fn a_crop_does_not_depend_on_how_the_photo_lies() {
        let side = 64;
        // Crop places are 1.5 px apart in the plane that `color` is given for.
        let upright = [1.5, 0.0, 20.0, 30.0];
        let expected = warp(&photo(200, 200, color), upright, [side, side]).unwrap();
        for (scale, angle) in [(0.5f32, 0.3f32), (1.0, 1.0), (2.0, 2.5), (7.3, 4.0)] {
            let (a, b) = (scale * angle.cos(), scale * angle.sin());
            // From the plane to the photo, so that the crop's centre is the photo's.
            let photo_side = (150.0 * scale) as usize;
            let center = [20.0 + 48.0, 30.0 + 48.0];
            let [tx, ty] = [
                photo_side as f32 / 2.0 - (a * center[0] - b * center[1]),
                photo_side as f32 / 2.0 - (b * center[0] + a * center[1]),
            ];
            let square = scale * scale;
            let turned = photo(photo_side, photo_side, |[x, y]| {
                let (x, y) = (x - tx, y - ty);
                color([(a * x + b * y) / square, (a * y - b * x) / square])
            });
            let to_photo = [
                1.5 * a,
                1.5 * b,
                a * 20.0 - b * 30.0 + tx,
                b * 20.0 + a * 30.0 + ty,
            ];
            let crop = warp(&turned, to_photo, [side, side]).unwrap();
            assert!(
                worst(&crop, &expected) <= 3,
                "{scale} {angle}: {}",
                worst(&crop, &expected)
            );
        }
    }

    #[test]
    fn beyond_the_border_the_photo_is_mirrored() {
        let photo = photo(60, 40, color);
        // 30 px to the left of the photo, 20 above it.
        let crop = warp(&photo, [1.0, 0.0, -30.0, -20.0], [60, 40]).unwrap();
        for (x, y) in [(0usize, 0usize), (7, 33), (59, 3), (30, 20)] {
            // The first row and column are not repeated.
            let from = y.abs_diff(20) * 60 + x.abs_diff(30);
            assert_eq!(crop.pixels()[y * 60 + x], photo.pixels()[from], "{x} {y}");
        }
        // Much farther out than the photo is large.
        assert!(warp(&photo, [9.0, 3.0, -900.0, 700.0], [30, 30]).is_ok());
    }

    #[test]
    fn fine_stripes_become_gray() {
        for period in [2.0, 3.0] {
            let stripes = photo(400, 400, |[x, _]| {
                [if x % period < period / 2.0 {
                    0.0
                } else {
                    255.0
                }; 3]
            });
            let mean = stripes
                .pixels()
                .iter()
                .map(|p| f32::from(p[0]))
                .sum::<f32>()
                / 160_000.0;
            for scale in [4.0f32, 8.0, 12.0] {
                let side = (300.0 / scale) as usize;
                let small = warp(&stripes, [scale, 0.1, 30.0, 30.0], [side, side]).unwrap();
                let off = |p: &[u8; 4]| (f32::from(p[0]) - mean).abs();
                let worst = small.pixels().iter().map(off).fold(0.0, f32::max);
                // Single pixels would be off by 170; the mean of 4 px of stripes of 3 px is by 40.
                assert!(worst < 64.0, "{period} {scale}: {worst}");
            }
        }
    }

    #[test]
    fn displaced_places_show_what_is_there() {
        let photo = photo(64, 64, color);
        // The middle is moved by 3 px to the right and 2 up, the border not at all.
        let mut nodes = [[0.0; 2]; 9];
        nodes[4] = [3.0, -2.0];
        let displaced = Displaced {
            nodes: &nodes,
            columns: 3,
        };
        let to_photo = [0.5, 0.0, 10.0, 12.0];
        let warped = warp_displaced(&photo, to_photo, displaced, [64, 64]).unwrap();
        for (x, y, share) in [(32.0, 32.0, 1.0), (16.0, 32.0, 0.5), (0.0, 20.0, 0.0)] {
            let at = [x + 0.5 + 3.0 * share, y + 0.5 - 2.0 * share];
            let expected = color([0.5 * at[0] + 10.0, 0.5 * at[1] + 12.0]);
            let got = warped.pixels()[y as usize * 64 + x as usize];
            for c in 0..3 {
                let off = (f32::from(got[c]) - expected[c]).abs();
                assert!(off < 2.0, "{x} {y}: {got:?}, not {expected:?}");
            }
        }
    }

    #[test]
    fn transparency_becomes_white() {
        let clear = Photo::new(2, 1, vec![0, 0, 0, 0, 100, 100, 100, 255]).unwrap();
        let crop = warp(&clear, [1.0, 0.0, 0.0, 0.0], [2, 1]).unwrap();
        assert_eq!(crop.rgba(), [255, 255, 255, 255, 100, 100, 100, 255]);
    }
}
