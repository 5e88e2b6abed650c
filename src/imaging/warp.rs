//! A part of a photo, turned, resized and moved.

use fearless_simd::Level;

use super::white::pixel_over_white;
use super::{Photo, pixel_count, zeros};
use crate::error::{Error, Result};
use crate::geometry::SimilarityTransform;
use crate::kernels::displace::{Displacement, warp_displaced_rgba8};
use crate::kernels::halve::halve_rgba8;
use crate::kernels::warp::{MAX_SHRINK, RgbaView, warp_similarity_rgba8};

/// Pixels beyond a sampled place that its mean takes part of.
const MARGIN_PX: f32 = 4.0;

/// A picture of `[width, height]` pixels, at least 1, whose places `to_photo` takes to those of
/// `photo`. The photo is laid over white; beyond its borders it is mirrored. Where it shrinks, a
/// pixel is the mean of what it covers.
///
/// # Errors
/// [`Error::ArgumentInvalid`] if a side is zero or a number is not finite, [`Error::PhotoTooLarge`]
/// above [`super::MAX_MEGAPIXELS`], [`Error::Memory`] if there is too little.
pub fn warp(photo: &Photo, to_photo: SimilarityTransform, size: [usize; 2]) -> Result<Photo> {
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

impl Displaced<'_> {
    /// Refuses what is no grid, and vectors that are not finite.
    fn check(&self) -> Result<()> {
        let rows = self.nodes.len().checked_div(self.columns).unwrap_or(0);
        if self.columns < 2 || rows < 2 || rows * self.columns != self.nodes.len() {
            return Err(Error::ArgumentInvalid(format!(
                "{} nodes in rows of {}, expected at least two whole rows of two",
                self.nodes.len(),
                self.columns
            )));
        }
        match self.nodes.iter().flatten().find(|v| !v.is_finite()) {
            None => Ok(()),
            Some(value) => Err(Error::ArgumentInvalid(format!(
                "a displacement of {value}, expected finite numbers"
            ))),
        }
    }
}

/// [`warp`] of the places that are first moved by the displacements. No pixel is sampled twice.
///
/// # Errors
/// Those of [`warp`], and [`Error::ArgumentInvalid`] if the displacements are no grid of at least two rows
/// of two nodes, or not finite.
pub fn warp_displaced(
    photo: &Photo,
    to_photo: SimilarityTransform,
    displaced: Displaced,
    size: [usize; 2],
) -> Result<Photo> {
    displaced.check()?;
    warp_by(photo, to_photo, Some(displaced), size)
}

fn warp_by(
    photo: &Photo,
    to_photo: SimilarityTransform,
    displaced: Option<Displaced>,
    [width, height]: [usize; 2],
) -> Result<Photo> {
    let area = pixel_count(width, height)?;
    check_finite(to_photo)?;
    let level = Level::new();
    let mut excerpt = Excerpt::under(photo, to_photo, [width, height])?;
    let from_corner = [excerpt.left, excerpt.top].map(|v| -(v as f32));
    let mut to_excerpt = to_photo.then(&SimilarityTransform::new(1.0, 0.0, from_corner));
    let half = SimilarityTransform::new(0.5, 0.0, [0.0; 2]);
    while to_excerpt.scale() > MAX_SHRINK && excerpt.width.max(excerpt.height) > 1 {
        excerpt.halve(level);
        to_excerpt = to_excerpt.then(&half);
    }
    let mut rgba: Vec<u8> = zeros(4 * area)?;
    let out = rgba.as_chunks_mut().0;
    let source = excerpt.source();
    match displaced {
        None => warp_similarity_rgba8(level, source, to_excerpt, out, width),
        Some(Displaced { nodes, columns }) => {
            let displacement = Displacement::new(nodes, columns, [width, height]);
            warp_displaced_rgba8(level, source, to_excerpt, displacement, out, width);
        }
    }
    Photo::new(width, height, rgba)
}

/// Refuses numbers that are none.
pub(super) fn check_finite(transform: SimilarityTransform) -> Result<()> {
    let SimilarityTransform { a, b, tx, ty } = transform;
    if [a, b, tx, ty].iter().all(|v| v.is_finite()) {
        return Ok(());
    }
    Err(Error::ArgumentInvalid(format!(
        "{transform:?}, expected finite numbers"
    )))
}

/// An opaque rectangle of a photo.
struct Excerpt {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    pixels: Vec<[u8; 4]>,
}

impl Excerpt {
    /// What a picture of `[width, height]` shows of the photo, mirrored places included.
    fn under(
        photo: &Photo,
        to_photo: SimilarityTransform,
        [width, height]: [usize; 2],
    ) -> Result<Self> {
        let corners = [[0, 0], [width, 0], [0, height], [width, height]]
            .map(|corner| to_photo.apply(corner.map(|v| v as f32)));
        let margin = MARGIN_PX * to_photo.scale().max(1.0);
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
        let mut pixels = zeros(columns.len() * rows.len())?;
        for (y, out) in rows.clone().zip(pixels.chunks_exact_mut(columns.len())) {
            let row = &photo.pixels()[y * photo.width()..][columns.clone()];
            for (out, pixel) in out.iter_mut().zip(row) {
                *out = pixel_over_white(*pixel);
            }
        }
        Ok(Self {
            left: columns.start,
            top: rows.start,
            width: columns.len(),
            height: rows.len(),
            pixels,
        })
    }

    fn source(&self) -> RgbaView<'_> {
        RgbaView {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::worst_difference;

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

    fn shift(by: [f32; 2]) -> SimilarityTransform {
        SimilarityTransform::new(1.0, 0.0, by)
    }

    /// The same crop of photos that were turned and resized, enlarging and shrinking.
    #[test]
    fn a_crop_does_not_depend_on_how_the_photo_lies() {
        let side = 64;
        // Crop places are 1.5 px apart in the plane that `color` is given for.
        let upright = SimilarityTransform::new(1.5, 0.0, [20.0, 30.0]);
        let expected = warp(&photo(200, 200, color), upright, [side, side]).unwrap();
        for (scale, angle) in [(0.5f32, 0.3f32), (1.0, 1.0), (2.0, 2.5), (7.3, 4.0)] {
            // From the plane to the photo, so that the crop's centre is the photo's.
            let photo_side = (150.0 * scale) as usize;
            let turn = SimilarityTransform::new(scale, angle, [0.0; 2]);
            let center = turn.apply([20.0 + 48.0, 30.0 + 48.0]);
            let to_center = center.map(|v| photo_side as f32 / 2.0 - v);
            let turn = turn.then(&SimilarityTransform::new(1.0, 0.0, to_center));
            let back = turn.inverse().unwrap();
            let turned = photo(photo_side, photo_side, |place| color(back.apply(place)));
            let to_photo = upright.then(&turn);
            let crop = warp(&turned, to_photo, [side, side]).unwrap();
            let worst = worst_difference(&crop, &expected);
            assert!(worst <= 3, "{scale} {angle}: {worst}");
        }
    }

    #[test]
    fn beyond_the_border_the_photo_is_mirrored() {
        let photo = photo(60, 40, color);
        // 30 px to the left of the photo, 20 above it.
        let crop = warp(&photo, shift([-30.0, -20.0]), [60, 40]).unwrap();
        for (x, y) in [(0usize, 0usize), (7, 33), (59, 3), (30, 20)] {
            // The first row and column are not repeated.
            let from = y.abs_diff(20) * 60 + x.abs_diff(30);
            assert_eq!(crop.pixels()[y * 60 + x], photo.pixels()[from], "{x} {y}");
        }
        // Much farther out than the photo is large.
        let far = SimilarityTransform::new(9.5, 0.3, [-900.0, 700.0]);
        assert!(warp(&photo, far, [30, 30]).is_ok());
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
                let shrink = SimilarityTransform::new(scale, 0.1 / scale, [30.0; 2]);
                let small = warp(&stripes, shrink, [side, side]).unwrap();
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
        let to_photo = SimilarityTransform::new(0.5, 0.0, [10.0, 12.0]);
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
        let crop = warp(&clear, SimilarityTransform::IDENTITY, [2, 1]).unwrap();
        assert_eq!(crop.rgba(), [255, 255, 255, 255, 100, 100, 100, 255]);
    }
}
