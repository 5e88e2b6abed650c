//! A patch over a picture: the soft mask, what the tones are inside it, and the mixing.

use fearless_simd::{Level, Simd, SimdBase, SimdFloat, dispatch};

use super::{MAX_LANES, rgba8};

/// Shares of red, green and blue in the luma of sRGB pixels (ITU-R BT.601).
pub const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// Weights of a row of a soft ellipse, which is the unit circle in the coordinates `u` and `v`: 1 up
/// to the radius `inner`, falling smoothly to 0 at radius 1.
///
/// Pixel `x` is at `[u[0] + x * u[1], v[0] + x * v[1]]`.
pub fn fade_ellipse_f32(level: Level, u: [f32; 2], v: [f32; 2], inner: f32, out: &mut [f32]) {
    dispatch!(level, simd => fade_at(simd, u, v, inner, out));
}

#[inline(always)]
fn fade_at<S: Simd>(simd: S, u: [f32; 2], v: [f32; 2], inner: f32, out: &mut [f32]) {
    let lanes = S::f32s::LEN;
    let count = S::f32s::from_fn(simd, |i| i as f32);
    for (block, out) in out.chunks_mut(lanes).enumerate() {
        let x = count + (block * lanes) as f32;
        let u = x.mul_add(u[1], S::f32s::splat(simd, u[0]));
        let v = x.mul_add(v[1], S::f32s::splat(simd, v[0]));
        let inside = S::f32s::splat(simd, 1.0) - u.mul_add(u, v * v);
        let t = (inside * (1.0 / (1.0 - inner * inner)))
            .min_precise(1.0)
            .max_precise(0.0);
        let weights = t * t * (S::f32s::splat(simd, 3.0) - t * 2.0);
        out.copy_from_slice(&weights.as_slice()[..out.len()]);
    }
}

/// Sums over the pixels of a picture, each times its weight.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WeightedTone {
    /// Sum of the weights.
    pub weight: f64,
    /// Sums of red, green and blue, 0 to 255.
    pub rgb: [f64; 3],
    /// Sum of the squares of luma.
    pub luma_squares: f64,
}

impl WeightedTone {
    /// Adds a row, and the weights of its pixels.
    ///
    /// # Panics
    /// If the lengths differ: a mistake of the caller.
    pub fn add_row(&mut self, level: Level, pixels: &[[u8; 4]], weights: &[f32]) {
        assert_eq!(pixels.len(), weights.len());
        let [weight, r, g, b, squares] = dispatch!(level, simd => tone_at(simd, pixels, weights));
        self.weight += weight;
        for (sum, part) in self.rgb.iter_mut().zip([r, g, b]) {
            *sum += part;
        }
        self.luma_squares += squares;
    }

    /// Mean red, green and blue; `None` without any weight.
    pub fn mean(&self) -> Option<[f32; 3]> {
        (self.weight > 0.0).then(|| self.rgb.map(|sum| (sum / self.weight) as f32))
    }

    /// Standard deviation of luma; 0 without any weight.
    pub fn luma_deviation(&self) -> f32 {
        let Some(mean) = self.mean() else { return 0.0 };
        let luma: f64 = mean
            .iter()
            .zip(LUMA)
            .map(|(mean, share)| f64::from(mean * share))
            .sum();
        let variance = self.luma_squares / self.weight - luma * luma;
        variance.max(0.0).sqrt() as f32
    }
}

#[inline(always)]
fn tone_at<S: Simd>(simd: S, pixels: &[[u8; 4]], weights: &[f32]) -> [f64; 5] {
    let lanes = S::f32s::LEN;
    let mut sums = [S::f32s::splat(simd, 0.0); 5];
    for (pixels, weights) in pixels.chunks(lanes).zip(weights.chunks(lanes)) {
        let (words, weights) = padded_at(simd, pixels, weights);
        let r = rgba8::channel::<S>(words, 0);
        let g = rgba8::channel::<S>(words, 1);
        let b = rgba8::channel::<S>(words, 2);
        let luma = r.mul_add(LUMA[0], g.mul_add(LUMA[1], b * LUMA[2]));
        sums[0] += weights;
        sums[1] = r.mul_add(weights, sums[1]);
        sums[2] = g.mul_add(weights, sums[2]);
        sums[3] = b.mul_add(weights, sums[3]);
        sums[4] = (luma * luma).mul_add(weights, sums[4]);
    }
    let mut totals = [0.0; 5];
    for (total, sum) in totals.iter_mut().zip(&sums) {
        for value in sum.as_slice() {
            *total += f64::from(*value);
        }
    }
    totals
}

/// A register of pixels and their weights, filled up with pixels of weight 0.
#[inline(always)]
fn padded_at<S: Simd>(simd: S, pixels: &[[u8; 4]], weights: &[f32]) -> (S::u32s, S::f32s) {
    let lanes = S::f32s::LEN;
    if pixels.len() == lanes {
        return (
            rgba8::load(simd, pixels),
            S::f32s::from_slice(simd, weights),
        );
    }
    let mut last = ([[0; 4]; MAX_LANES], [0.0; MAX_LANES]);
    last.0[..pixels.len()].copy_from_slice(pixels);
    last.1[..weights.len()].copy_from_slice(weights);
    (
        rgba8::load(simd, &last.0[..lanes]),
        S::f32s::from_slice(simd, &last.1[..lanes]),
    )
}

/// What is done to the colours of a patch: `gain * value + shift`, for each of red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ToneChange {
    /// Factor.
    pub gain: f32,
    /// Summand, in units of 0 to 255.
    pub shift: [f32; 3],
}

/// Moves a row of `picture` towards `patch`, whose tones are changed on the way: all the way where
/// the weight is 1, not at all where it is 0. The picture keeps its alpha.
///
/// # Panics
/// If the lengths differ: a mistake of the caller.
pub fn blend_rgba8(
    level: Level,
    picture: &mut [[u8; 4]],
    patch: &[[u8; 4]],
    weights: &[f32],
    tone: ToneChange,
) {
    assert!(picture.len() == patch.len() && picture.len() == weights.len());
    dispatch!(level, simd => blend_at(simd, picture, patch, weights, tone));
}

#[inline(always)]
fn blend_at<S: Simd>(
    simd: S,
    picture: &mut [[u8; 4]],
    patch: &[[u8; 4]],
    weights: &[f32],
    tone: ToneChange,
) {
    let lanes = S::f32s::LEN;
    let patches = patch.chunks(lanes).zip(weights.chunks(lanes));
    for (picture, (patch, weights)) in picture.chunks_mut(lanes).zip(patches) {
        let (base, _) = padded_at(simd, picture, weights);
        let (patch, weights) = padded_at(simd, patch, weights);
        let mut channels = [rgba8::channel::<S>(base, 3); 4];
        for (c, (channel, shift)) in channels.iter_mut().zip(tone.shift).enumerate() {
            let base = rgba8::channel::<S>(base, c as u32);
            let shift = S::f32s::splat(simd, shift);
            let patch = rgba8::channel::<S>(patch, c as u32).mul_add(tone.gain, shift);
            *channel = (patch - base).mul_add(weights, base);
        }
        let words = rgba8::pack::<S>(channels);
        rgba8::store_start::<S>(words, picture);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernels::oracle::levels;

    fn rows() -> impl Strategy<Value = (Vec<[u8; 4]>, Vec<[u8; 4]>, Vec<f32>)> {
        // From nothing to three of the longest registers.
        (0usize..49).prop_flat_map(|len| {
            let pixels = || prop::collection::vec(any::<[u8; 4]>(), len);
            (pixels(), pixels(), prop::collection::vec(0.0f32..=1.0, len))
        })
    }

    proptest! {
        #[test]
        fn blending_agrees_with_its_formula(
            (picture, patch, weights) in rows(),
            gain in 0.5f32..2.0,
            shift in [-40.0f32..40.0, -40.0f32..40.0, -40.0f32..40.0],
        ) {
            for level in levels() {
                let mut got = picture.clone();
                blend_rgba8(level, &mut got, &patch, &weights, ToneChange { gain, shift });
                for (i, got) in got.iter().enumerate() {
                    prop_assert_eq!(got[3], picture[i][3]);
                    for c in 0..3 {
                        let base = f64::from(picture[i][c]);
                        let changed = f64::from(gain) * f64::from(patch[i][c]) + f64::from(shift[c]);
                        let mixed = base + f64::from(weights[i]) * (changed - base);
                        let off = (f64::from(got[c]) - mixed.clamp(0.0, 255.0)).abs();
                        prop_assert!(off < 0.501, "{level:?} {i} {c}: {got:?} {mixed}");
                    }
                }
            }
        }

        #[test]
        fn tones_agree_with_their_formulas((picture, _, weights) in rows()) {
            for level in levels() {
                let mut tone = WeightedTone::default();
                tone.add_row(level, &picture, &weights);
                let mut expected = WeightedTone::default();
                for (pixel, weight) in picture.iter().zip(&weights) {
                    let [r, g, b] = [0, 1, 2].map(|c| f64::from(pixel[c]));
                    let weight = f64::from(*weight);
                    let luma = 0.299 * r + 0.587 * g + 0.114 * b;
                    expected.weight += weight;
                    for (sum, value) in expected.rgb.iter_mut().zip([r, g, b]) {
                        *sum += weight * value;
                    }
                    expected.luma_squares += weight * luma * luma;
                }
                let close = |a: f64, b: f64| (a - b).abs() <= 1e-5 * b.abs() + 1e-6;
                prop_assert!(close(tone.weight, expected.weight));
                prop_assert!((0..3).all(|c| close(tone.rgb[c], expected.rgb[c])), "{tone:?}");
                prop_assert!(close(tone.luma_squares, expected.luma_squares), "{tone:?}");
            }
        }

        #[test]
        fn the_ellipse_agrees_with_its_formula(
            len in 0usize..49,
            u in [-2.0f32..2.0, -0.2f32..0.2],
            v in [-2.0f32..2.0, -0.2f32..0.2],
            inner in 0.0f32..0.95,
        ) {
            for level in levels() {
                let mut out = vec![9.0; len];
                fade_ellipse_f32(level, u, v, inner, &mut out);
                for (x, got) in out.iter().enumerate() {
                    let at = |c: [f32; 2]| f64::from(c[0]) + x as f64 * f64::from(c[1]);
                    let square = at(u).powi(2) + at(v).powi(2);
                    let t = ((1.0 - square) / (1.0 - f64::from(inner).powi(2))).clamp(0.0, 1.0);
                    let expected = t * t * (3.0 - 2.0 * t);
                    prop_assert!((f64::from(*got) - expected).abs() < 1e-4, "{level:?} {x}");
                }
            }
        }
    }

    #[test]
    fn means_and_deviations() {
        let mut tone = WeightedTone::default();
        assert_eq!((tone.mean(), tone.luma_deviation()), (None, 0.0));
        let pixels = [[10, 10, 10, 255], [30, 30, 30, 255], [200, 0, 9, 0]];
        tone.add_row(Level::new(), &pixels, &[1.0, 1.0, 0.0]);
        assert_eq!(tone.mean(), Some([20.0; 3]));
        assert!((tone.luma_deviation() - 10.0).abs() < 1e-2);
    }

    #[test]
    fn weights_that_are_no_numbers_break_nothing() {
        let mut picture = [[100; 4]; 3];
        let tone = ToneChange {
            gain: f32::INFINITY,
            shift: [f32::NAN; 3],
        };
        blend_rgba8(
            Level::new(),
            &mut picture,
            &[[7; 4]; 3],
            &[f32::NAN, 0.5, 0.0],
            tone,
        );
        assert!(picture.iter().all(|pixel| pixel[3] == 100));
    }
}
