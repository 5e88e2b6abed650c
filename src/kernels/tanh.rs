//! Hyperbolic tangent in place, as a quotient of two odd and even polynomials.
//!
//! The coefficients are those of the minimax approximation that Eigen, XLA and onnxruntime use
//! (`ptanh`): beyond |x| = 7.9 the result is ±1 in `f32`.

use fearless_simd::{Level, Simd, SimdBase, SimdFloat, dispatch};

use super::{MAX_LANES, lanes};

const LIMIT: f32 = 7.905_311;
/// Of x, x³, … x¹³.
const NUMERATOR: [f32; 7] = [
    4.893_524_6e-3,
    6.372_619_3e-4,
    1.485_722_4e-5,
    5.122_297e-8,
    -8.604_672e-11,
    2.000_188e-13,
    -2.760_768_5e-16,
];
/// Of 1, x², x⁴, x⁶.
const DENOMINATOR: [f32; 4] = [4.893_525e-3, 2.268_434_6e-3, 1.185_347e-4, 1.198_258_4e-6];

/// Replaces `values` by their hyperbolic tangents. NaN stays NaN.
pub fn tanh(level: Level, values: &mut [f32]) {
    dispatch!(level, simd => {
        let whole = values.len() - values.len() % lanes(level);
        let (registers, rest) = values.split_at_mut(whole);
        tanh_at(simd, registers);
        let mut last = [0.0; MAX_LANES];
        last[..rest.len()].copy_from_slice(rest);
        tanh_at(simd, &mut last);
        rest.copy_from_slice(&last[..rest.len()]);
    });
}

/// Of a whole number of registers.
#[inline(always)]
fn tanh_at<S: Simd>(simd: S, values: &mut [f32]) {
    for values in values.chunks_exact_mut(S::f32s::LEN) {
        let x = S::f32s::from_slice(simd, values);
        let x = x.min_precise(LIMIT).max_precise(-LIMIT);
        let square = x * x;
        let polynomial = |coefficients: &[f32]| {
            coefficients
                .iter()
                .rev()
                .fold(S::f32s::splat(simd, 0.0), |sum, c| sum.mul_add(square, *c))
        };
        (x * polynomial(&NUMERATOR) / polynomial(&DENOMINATOR)).store_slice(values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::oracle::levels;

    #[test]
    fn agrees_with_the_library() {
        for level in levels() {
            let mut values: Vec<f32> = (-16_000..16_000).map(|i| i as f32 / 1600.0).collect();
            values.extend([f32::INFINITY, f32::NEG_INFINITY, 0.0, 1e-30, -1e-30, 50.0]);
            let expected: Vec<f64> = values.iter().map(|x| f64::from(*x).tanh()).collect();
            tanh(level, &mut values);
            for (got, expected) in values.iter().zip(expected) {
                assert!(
                    (f64::from(*got) - expected).abs() < 5e-7,
                    "{level:?} {got} {expected}"
                );
            }
        }
    }
}
