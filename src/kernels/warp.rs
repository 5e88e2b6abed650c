//! Pictures turned, resized and moved: bilinear samples of RGBA pixels, several for each pixel where
//! the picture shrinks.
//!
//! A register holds one channel of neighbouring pixels of the result. Their places and weights are
//! computed in it; only the fetching of pixels is one by one, for no WebAssembly can gather.

use fearless_simd::{Level, Simd, SimdBase, SimdFloat, dispatch};

use super::{MAX_LANES, rgba8};
use crate::geometry::SimilarityTransform;

/// The most samples along each side of a pixel.
const MAX_SAMPLES: usize = 2;

/// The largest factor that a picture is shrunk by without losing pixels; halve it before
/// ([`super::halve`]) if there is more to do.
pub const MAX_SHRINK: f32 = 3.0;

/// A picture to be read.
#[derive(Clone, Copy, Debug)]
pub struct RgbaView<'a> {
    /// RGBA, row by row.
    pub pixels: &'a [[u8; 4]],
    /// Pixels of a row, at least 1.
    pub width: usize,
    /// Rows, at least 1.
    pub height: usize,
}

/// Fills `out`, whose rows have `out_width` pixels. `to_source` takes its points to those of
/// `source`; the first pixel's centre is at 0.5 in both. Beyond its borders the source is mirrored.
///
/// # Panics
/// If the lengths do not fit: a mistake of the caller.
pub fn warp_similarity_rgba8(
    level: Level,
    source: RgbaView,
    to_source: SimilarityTransform,
    out: &mut [[u8; 4]],
    out_width: usize,
) {
    source.check();
    assert_eq!(out.len() % out_width, 0);
    dispatch!(level, simd => {
        for (y, out) in out.chunks_exact_mut(out_width).enumerate() {
            row_at(simd, source, to_source, y as f32, out);
        }
    });
}

impl RgbaView<'_> {
    /// # Panics
    /// If there are no pixels, or not as many as its sides say.
    pub(super) fn check(&self) {
        assert!(self.width > 0 && self.height > 0);
        assert_eq!(self.pixels.len(), self.width * self.height);
    }
}

/// Samples along each side of a pixel: each takes from a square of two pixels' side of the source, so
/// at this distance none is left out, and nothing is blurred without need.
pub(super) fn samples(scale: f32) -> usize {
    ((scale / 1.5).ceil() as usize).clamp(1, MAX_SAMPLES)
}

#[inline(always)]
fn row_at<S: Simd>(
    simd: S,
    source: RgbaView,
    to_source: SimilarityTransform,
    y: f32,
    out: &mut [[u8; 4]],
) {
    let SimilarityTransform { a, b, tx, ty } = to_source;
    let samples = samples(to_source.scale());
    let count = S::f32s::from_fn(simd, |i| i as f32);
    sample_row(simd, source, samples, out, |at, [dx, dy]| {
        let (x, y) = (count + at as f32 + dx, y + dy);
        let u = x.mul_add(a, S::f32s::splat(simd, tx - b * y - 0.5));
        let v = x.mul_add(b, S::f32s::splat(simd, ty + a * y - 0.5));
        [u, v]
    });
}

/// Fills a row: each pixel is the mean of `samples` times `samples` of the source. For the registers'
/// pixels from column `at` on, `place(at, [dx, dy])` tells at which indices along rows and columns of
/// the source that sample lies that is `dx` and `dy` from a pixel's corner.
#[inline(always)]
pub(super) fn sample_row<S: Simd>(
    simd: S,
    source: RgbaView,
    samples: usize,
    out: &mut [[u8; 4]],
    place: impl Fn(usize, [f32; 2]) -> [S::f32s; 2],
) {
    let lanes = S::f32s::LEN;
    let share = 1.0 / (samples * samples) as f32;
    let within = |sample: usize| (sample as f32 + 0.5) / samples as f32;
    for (block, out) in out.chunks_mut(lanes).enumerate() {
        let mut sums = [S::f32s::splat(simd, 0.0); 4];
        for sub_y in 0..samples {
            for sub_x in 0..samples {
                let [u, v] = place(block * lanes, [within(sub_x), within(sub_y)]);
                let sampled = sample_at(simd, source, u, v);
                for c in 0..4 {
                    sums[c] = sampled[c].mul_add(share, sums[c]);
                }
            }
        }
        rgba8::store_start::<S>(rgba8::pack::<S>(sums), out);
    }
}

/// The channels at the indices `u` along rows and `v` along columns.
#[inline(always)]
fn sample_at<S: Simd>(simd: S, source: RgbaView, u: S::f32s, v: S::f32s) -> [S::f32s; 4] {
    let (left, fraction_x) = split_at::<S>(simd, u, source.width);
    let (top, fraction_y) = split_at::<S>(simd, v, source.height);
    // Neighbours of the only column or row are itself.
    let right = usize::from(source.width > 1);
    let below = if source.height > 1 { source.width } else { 0 };
    let mut corners = [[0; MAX_LANES]; 4];
    for i in 0..S::f32s::LEN {
        let at = top[i] as usize * source.width + left[i] as usize;
        corners[0][i] = u32::from_le_bytes(source.pixels[at]);
        corners[1][i] = u32::from_le_bytes(source.pixels[at + right]);
        corners[2][i] = u32::from_le_bytes(source.pixels[at + below]);
        corners[3][i] = u32::from_le_bytes(source.pixels[at + below + right]);
    }
    let mut words = [S::u32s::splat(simd, 0); 4];
    for (words, corner) in words.iter_mut().zip(&corners) {
        *words = S::u32s::from_slice(simd, &corner[..S::f32s::LEN]);
    }
    let mut channels = [S::f32s::splat(simd, 0.0); 4];
    for (c, channel) in channels.iter_mut().enumerate() {
        let p00 = rgba8::channel::<S>(words[0], c as u32);
        let p01 = rgba8::channel::<S>(words[1], c as u32);
        let p10 = rgba8::channel::<S>(words[2], c as u32);
        let p11 = rgba8::channel::<S>(words[3], c as u32);
        let above = (p01 - p00).mul_add(fraction_x, p00);
        let below = (p11 - p10).mul_add(fraction_x, p10);
        *channel = (below - above).mul_add(fraction_y, above);
    }
    channels
}

/// Mirrored into the picture: the index before a place, and how far beyond that it is.
#[inline(always)]
fn split_at<S: Simd>(simd: S, place: S::f32s, side: usize) -> (S::i32s, S::f32s) {
    let last = (side - 1) as f32;
    let period = (2.0 * last).max(1.0);
    let place = place.abs();
    let place = place - (place * (1.0 / period)).floor() * period;
    let place = place.min_precise(S::f32s::splat(simd, period) - place);
    // The maximum comes last: it drops NaN.
    let place = place.min_precise(last).max_precise(0.0);
    let before = place.floor().min_precise((last - 1.0).max(0.0));
    (before.to_int(), place - before)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernels::oracle::levels;

    /// Index mirrored into `0..side`, in f64.
    fn mirrored(place: f64, side: usize) -> f64 {
        let last = (side - 1) as f64;
        if last == 0.0 {
            return 0.0;
        }
        let place = place.rem_euclid(2.0 * last);
        place.min(2.0 * last - place)
    }

    /// One pixel by the definition.
    fn expected(source: RgbaView, to_source: SimilarityTransform, x: usize, y: usize) -> [f64; 4] {
        let SimilarityTransform { a, b, tx, ty } = to_source;
        let [a, b, tx, ty] = [a, b, tx, ty].map(f64::from);
        let samples = samples(to_source.scale());
        let mut sums = [0.0; 4];
        for i in 0..samples * samples {
            let x = x as f64 + ((i % samples) as f64 + 0.5) / samples as f64;
            let y = y as f64 + ((i / samples) as f64 + 0.5) / samples as f64;
            let u = mirrored(a * x - b * y + tx - 0.5, source.width);
            let v = mirrored(b * x + a * y + ty - 0.5, source.height);
            for (c, sum) in sums.iter_mut().enumerate() {
                for (row, weight_y) in [(v.floor(), 1.0 - v.fract()), (v.ceil(), v.fract())] {
                    for (column, weight_x) in [(u.floor(), 1.0 - u.fract()), (u.ceil(), u.fract())]
                    {
                        let pixel = source.pixels[row as usize * source.width + column as usize];
                        *sum += weight_x * weight_y * f64::from(pixel[c]);
                    }
                }
            }
        }
        sums.map(|sum| sum / (samples * samples) as f64)
    }

    /// Neighbours differ by little, for places are rounded.
    fn smooth(width: usize, height: usize) -> Vec<[u8; 4]> {
        (0..width * height)
            .map(|i| {
                let (x, y) = (i % width, i / width);
                [x * 3, y * 3, x + y, 255 - x].map(|v| (v % 256) as u8)
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn agrees_with_the_definition(
            width in 1usize..40,
            height in 1usize..40,
            out_width in 1usize..36,
            out_height in 1usize..4,
            scale in 0.05f32..5.0,
            angle in 0.0..std::f32::consts::TAU,
            tx in -60.0f32..60.0,
            ty in -60.0f32..60.0,
        ) {
            let pixels = smooth(width, height);
            let source = RgbaView { pixels: &pixels, width, height };
            let to_source = SimilarityTransform::new(scale, angle, [tx, ty]);
            for level in levels() {
                let mut out = vec![[9; 4]; out_width * out_height];
                warp_similarity_rgba8(level, source, to_source, &mut out, out_width);
                for (i, got) in out.iter().enumerate() {
                    let expected = expected(source, to_source, i % out_width, i / out_width);
                    for c in 0..4 {
                        let off = (f64::from(got[c]) - expected[c]).abs();
                        prop_assert!(off < 0.52, "{level:?} {i} {c}: {got:?} {expected:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_identity_changes_nothing() {
        let pixels = smooth(37, 11);
        let source = RgbaView {
            pixels: &pixels,
            width: 37,
            height: 11,
        };
        for level in levels() {
            let mut out = vec![[0; 4]; pixels.len()];
            warp_similarity_rgba8(level, source, SimilarityTransform::IDENTITY, &mut out, 37);
            assert_eq!(out, pixels);
        }
    }

    #[test]
    fn any_number_is_answered() {
        let source = RgbaView {
            pixels: &[[1, 2, 3, 4]; 6],
            width: 3,
            height: 2,
        };
        for bad in [f32::NAN, f32::INFINITY, f32::MAX, -1e30] {
            for at in 0..4 {
                let mut to_source = SimilarityTransform::IDENTITY;
                let SimilarityTransform { a, b, tx, ty } = &mut to_source;
                *[a, b, tx, ty][at] = bad;
                let mut out = [[0; 4]; 5];
                warp_similarity_rgba8(Level::new(), source, to_source, &mut out, 5);
            }
        }
    }
}
