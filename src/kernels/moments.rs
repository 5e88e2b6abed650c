//! Sum and sum of squares, from which a normalisation's mean and variance come.

use fearless_simd::{Level, Simd, SimdBase, SimdFloat, dispatch};

/// Values that are added in `f32` before going on in `f64`.
const BLOCK: usize = 4096;

/// Sums over a feature map, or a part of one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    /// Sum of the values.
    pub sum: f64,
    /// Sum of their squares.
    pub squares: f64,
}

impl std::ops::AddAssign for Moments {
    fn add_assign(&mut self, other: Self) {
        self.sum += other.sum;
        self.squares += other.squares;
    }
}

impl Moments {
    /// Of `values`, a whole number of registers.
    pub fn of(level: Level, values: &[f32]) -> Self {
        dispatch!(level, simd => moments_at(simd, values))
    }
}

#[inline(always)]
fn moments_at<S: Simd>(simd: S, values: &[f32]) -> Moments {
    let lanes = S::f32s::LEN;
    let mut moments = Moments::default();
    for block in values.chunks(BLOCK) {
        let zero = S::f32s::splat(simd, 0.0);
        let (mut sum, mut squares) = ([zero; 2], [zero; 2]);
        for (i, values) in block.chunks_exact(lanes).enumerate() {
            let x = S::f32s::from_slice(simd, values);
            sum[i % 2] += x;
            squares[i % 2] = x.mul_add(x, squares[i % 2]);
        }
        let total = |x: S::f32s| -> f64 { x.as_slice().iter().map(|x| f64::from(*x)).sum() };
        moments += Moments {
            sum: total(sum[0] + sum[1]),
            squares: total(squares[0] + squares[1]),
        };
    }
    moments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::oracle::{levels, noise};

    #[test]
    fn moments_agree_with_scalar_sums() {
        for level in levels() {
            for len in [0, 16, 48, 4096, 4112, 100_000] {
                let values: Vec<f32> = noise(len, 3).iter().map(|x| x + 5.0).collect();
                let got = Moments::of(level, &values);
                let sum: f64 = values.iter().map(|x| f64::from(*x)).sum();
                let squares: f64 = values.iter().map(|x| f64::from(*x).powi(2)).sum();
                // A block's rounding: some 1e-6 relative.
                assert!((got.sum - sum).abs() <= 2e-6 * sum.abs(), "{level:?} {len}");
                assert!(
                    (got.squares - squares).abs() <= 2e-6 * squares,
                    "{level:?} {len}"
                );
            }
        }
    }
}
