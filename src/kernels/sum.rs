//! Sums of stored feature maps, normalised and activated: what a layer reads, and what a residual
//! block adds up.

use fearless_simd::{Level, Simd, SimdBase, SimdFloat, dispatch};

/// What turns stored values `x` into a map's: `max(v, slope * v)` of `v = x * scale + shift`.
#[derive(Clone, Copy, Debug)]
pub struct Affine<'a> {
    /// A factor for each channel.
    pub scale: &'a [f32],
    /// Added to each channel.
    pub shift: &'a [f32],
    /// Slope below zero: 1 for no activation.
    pub slope: f32,
}

impl<'a> Affine<'a> {
    /// Replaces `values`, whole pixels, by what becomes of them.
    pub fn apply(self, level: Level, values: &mut [f32]) {
        dispatch!(level, simd => apply_at(simd, self, values));
    }

    /// Scale and shift, register by register.
    #[inline(always)]
    fn registers(&self, lanes: usize) -> impl Iterator<Item = (&'a [f32], &'a [f32])> {
        let scale = self.scale.chunks_exact(lanes);
        scale.zip(self.shift.chunks_exact(lanes))
    }
}

/// One stored feature map of a sum.
#[derive(Clone, Copy, Debug)]
pub struct Term<'a> {
    /// `[rows][width][channels]`.
    pub data: &'a [f32],
    /// What becomes of the data.
    pub affine: Affine<'a>,
}

/// `out`, whole pixels, is the sum of the terms from their value `first` on.
pub fn sum_terms(level: Level, terms: &[Term], first: usize, out: &mut [f32]) {
    dispatch!(level, simd => sum_terms_at(simd, terms, first, out));
}

/// `out`, whole pixels, becomes what `own` makes of it, plus the terms from their value `first` on.
pub fn add_terms(level: Level, own: Affine, terms: &[Term], first: usize, out: &mut [f32]) {
    dispatch!(level, simd => {
        apply_at(simd, own, out);
        for term in terms {
            activate(simd, term, first, out, true);
        }
    });
}

#[inline(always)]
pub(super) fn sum_terms_at<S: Simd>(simd: S, terms: &[Term], first: usize, out: &mut [f32]) {
    for (i, term) in terms.iter().enumerate() {
        activate(simd, term, first, out, i > 0);
    }
}

/// Writes a term from its value `first` on to `out`, or adds it.
#[inline(always)]
fn activate<S: Simd>(simd: S, term: &Term, first: usize, out: &mut [f32], add: bool) {
    let affine = term.affine;
    let (lanes, channels) = (S::f32s::LEN, affine.scale.len());
    let data = term.data[first..][..out.len()].chunks_exact(channels);
    for (out, data) in out.chunks_exact_mut(channels).zip(data) {
        let registers = out.chunks_exact_mut(lanes).zip(data.chunks_exact(lanes));
        for ((out, data), channels) in registers.zip(affine.registers(lanes)) {
            let value = activated(simd, data, channels, affine.slope);
            let value = if add {
                value + S::f32s::from_slice(simd, out)
            } else {
                value
            };
            value.store_slice(out);
        }
    }
}

#[inline(always)]
fn apply_at<S: Simd>(simd: S, affine: Affine, out: &mut [f32]) {
    let (lanes, channels) = (S::f32s::LEN, affine.scale.len());
    for out in out.chunks_exact_mut(channels) {
        for (out, channels) in out.chunks_exact_mut(lanes).zip(affine.registers(lanes)) {
            activated(simd, out, channels, affine.slope).store_slice(out);
        }
    }
}

/// One register of values.
#[inline(always)]
fn activated<S: Simd>(simd: S, data: &[f32], affine: (&[f32], &[f32]), slope: f32) -> S::f32s {
    let load = |slice| S::f32s::from_slice(simd, slice);
    let value = load(data).mul_add(load(affine.0), load(affine.1));
    value.max(value * slope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::oracle::{levels, noise, sum, terms};

    #[test]
    fn sums_agree_with_the_formula() {
        for level in levels() {
            let (channels, first) = (32, 2 * 32);
            let data = [1, 2].map(|seed| noise(5 * channels, seed));
            let affine = [noise(channels, 4), noise(channels, 5)];
            let terms = terms(&data, &affine, [0.2, 1.0]);
            let mut out = vec![9.0; 3 * channels];
            sum_terms(level, &terms, first, &mut out);
            for (at, got) in out.iter().enumerate() {
                let want = sum(&terms, first + at);
                assert!(
                    (f64::from(*got) - want).abs() < 1e-6,
                    "{level:?} {at}: {got} {want}"
                );
            }
        }
    }

    #[test]
    fn adding_in_place_is_summing() {
        for level in levels() {
            let channels = 32;
            let data = [1, 2, 3].map(|seed| noise(9 * channels, seed));
            let affine = [noise(channels, 4), noise(channels, 5)];
            let terms = terms(&data, &affine, [1.0, 0.2, 1.0]);
            // The last four pixels.
            let first = 5 * channels;
            let mut expected = vec![0.0; 4 * channels];
            sum_terms(level, &terms, first, &mut expected);
            let mut out = data[0][first..].to_vec();
            add_terms(level, terms[0].affine, &terms[1..], first, &mut out);
            assert_eq!(out, expected, "{level:?}");
            let mut own = data[1].clone();
            terms[1].affine.apply(level, &mut own);
            sum_terms(level, &terms[1..2], first, &mut expected);
            assert_eq!(own[first..], expected, "{level:?}");
        }
    }
}
