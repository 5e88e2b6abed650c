//! Distances between two sets of pictures by features that the caller computed.
//!
//! Over whole pictures neither tracks the eye well; they are reported, not aimed at.

use anyhow::{Result, bail, ensure};
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// How [`kid`] draws subsets of the two sets.
#[derive(Clone, Copy, Debug)]
pub struct Subsets {
    /// How many pairs of subsets are averaged, at least 1.
    pub count: usize,
    /// How many pictures of either set a subset has, at least 2. Sets that are smaller limit it.
    pub size: usize,
    /// Seed of the drawing.
    pub seed: u64,
}

/// Kernel inception distance (Bińkowski et al. 2018, "Demystifying MMD GANs"), times 1000: the
/// unbiased squared maximum mean discrepancy of two sets of feature vectors under the kernel
/// (x·y / d + 1)³ with d the vectors' length, averaged over random subsets.
///
/// Sets from one distribution give about 0, which can be below 0; larger is further apart. Takes
/// memory for all pairs of pictures.
///
/// # Errors
/// If a set has fewer than two vectors, the vectors' lengths differ or are 0, a value is not
/// finite, or `subsets` asks for no subsets or for fewer than two pictures.
pub fn kid(a: &[Vec<f32>], b: &[Vec<f32>], subsets: &Subsets) -> Result<f64> {
    check_vectors(a, b)?;
    ensure!(
        a.len() >= 2 && b.len() >= 2,
        "KID of sets of {} and {} pictures; expected at least 2 in each",
        a.len(),
        b.len()
    );
    ensure!(
        subsets.count >= 1 && subsets.size >= 2,
        "KID over {} subsets of {} pictures; expected at least 1 of 2",
        subsets.count,
        subsets.size
    );
    let size = subsets.size.min(a.len()).min(b.len());
    let (aa, bb, ab) = (kernels(a, a), kernels(b, b), kernels(a, b));
    let mut random = ChaCha8Rng::seed_from_u64(subsets.seed);
    let mut sum = 0.0;
    for _ in 0..subsets.count {
        let of_a = index::sample(&mut random, a.len(), size).into_vec();
        let of_b = index::sample(&mut random, b.len(), size).into_vec();
        sum += mean_of_pairs(&aa, &of_a) + mean_of_pairs(&bb, &of_b)
            - 2.0 * mean_between(&ab, &of_a, &of_b);
    }
    Ok(1000.0 * sum / subsets.count as f64)
}

/// Mean absolute difference between the mean Gram matrices of two sets of pictures. Each vector
/// is the Gram matrix of one picture, flattened (all from the same layer, so of one length).
///
/// # Errors
/// If a set is empty, the vectors' lengths differ or are 0, or a value is not finite.
pub fn gram_distance(a: &[Vec<f32>], b: &[Vec<f32>]) -> Result<f64> {
    check_vectors(a, b)?;
    let (a, b) = (mean_vector(a), mean_vector(b));
    let sum: f64 = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum();
    Ok(sum / a.len() as f64)
}

/// Fails unless both sets hold finite vectors of one length.
fn check_vectors(a: &[Vec<f32>], b: &[Vec<f32>]) -> Result<()> {
    ensure!(
        !a.is_empty() && !b.is_empty(),
        "sets of {} and {} feature vectors; expected some in each",
        a.len(),
        b.len()
    );
    let length = a[0].len();
    ensure!(length > 0, "the feature vectors are empty");
    for vector in a.iter().chain(b) {
        ensure!(
            vector.len() == length,
            "feature vectors of {length} and of {} values; expected one length",
            vector.len()
        );
        if let Some(value) = vector.iter().find(|value| !value.is_finite()) {
            bail!("a feature vector contains {value}");
        }
    }
    Ok(())
}

/// The kernel of each vector of `a` (outer index) with each of `b`.
fn kernels(a: &[Vec<f32>], b: &[Vec<f32>]) -> Vec<Vec<f64>> {
    a.par_iter()
        .map(|x| b.iter().map(|y| kernel(x, y)).collect())
        .collect()
}

/// (x·y / d + 1)³ for vectors of length d.
fn kernel(x: &[f32], y: &[f32]) -> f64 {
    let dot: f64 = x
        .iter()
        .zip(y)
        .map(|(x, y)| f64::from(*x) * f64::from(*y))
        .sum();
    (dot / x.len() as f64 + 1.0).powi(3)
}

/// Mean kernel over the ordered pairs of different members of a subset.
fn mean_of_pairs(kernels: &[Vec<f64>], subset: &[usize]) -> f64 {
    let size = subset.len() as f64;
    let itself: f64 = subset.iter().map(|i| kernels[*i][*i]).sum();
    (mean_between(kernels, subset, subset) * size * size - itself) / (size * (size - 1.0))
}

/// Mean kernel over the pairs of a member of `of_a` with one of `of_b`.
fn mean_between(kernels: &[Vec<f64>], of_a: &[usize], of_b: &[usize]) -> f64 {
    let sum: f64 = of_a
        .iter()
        .map(|i| of_b.iter().map(|j| kernels[*i][*j]).sum::<f64>())
        .sum();
    sum / (of_a.len() * of_b.len()) as f64
}

fn mean_vector(vectors: &[Vec<f32>]) -> Vec<f64> {
    let mut sums = vec![0.0; vectors[0].len()];
    for vector in vectors {
        for (sum, value) in sums.iter_mut().zip(vector) {
            *sum += f64::from(*value);
        }
    }
    sums.iter().map(|sum| sum / vectors.len() as f64).collect()
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    const ALL: Subsets = Subsets {
        count: 1,
        size: usize::MAX,
        seed: 1,
    };

    /// `count` vectors of 16 values, each `shift` plus the sum of 4 uniform values in -1..1.
    fn vectors(count: usize, shift: f32, seed: u64) -> Vec<Vec<f32>> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut value = || shift + (0..4).map(|_| random.random_range(-1.0..1.0)).sum::<f32>();
        (0..count)
            .map(|_| (0..16).map(|_| value()).collect())
            .collect()
    }

    #[test]
    fn kid_of_a_tiny_case_by_hand() -> Result<()> {
        let a = [vec![1.0, 0.0], vec![0.0, 1.0]];
        let b = [vec![1.0, 1.0], vec![2.0, 0.0]];
        // k(a0, a1) = 1; k(b0, b1) = (2/2 + 1)³ = 8;
        // k(a0, b0) = 1.5³, k(a0, b1) = 2³, k(a1, b0) = 1.5³, k(a1, b1) = 1³.
        let expected = 1.0 + 8.0 - 2.0 * (3.375 + 8.0 + 3.375 + 1.0) / 4.0;
        let value = kid(&a, &b, &ALL)?;
        assert!((value - 1000.0 * expected).abs() < 1e-9, "{value}");
        Ok(())
    }

    #[test]
    fn kid_tells_shifted_sets_from_equal_ones() -> Result<()> {
        let subsets = Subsets {
            count: 50,
            size: 100,
            seed: 3,
        };
        let photos = vectors(300, 0.0, 1);
        let same = kid(&photos, &vectors(300, 0.0, 2), &subsets)?;
        let near = kid(&photos, &vectors(300, 0.3, 2), &subsets)?;
        let far = kid(&photos, &vectors(300, 0.6, 2), &subsets)?;
        assert!(same.abs() < 30.0, "{same}");
        assert!(near > 200.0, "{near}");
        assert!(far > 2.0 * near, "{far}");
        Ok(())
    }

    #[test]
    fn kid_repeats_with_its_seed() -> Result<()> {
        let (a, b) = (vectors(40, 0.0, 1), vectors(30, 0.2, 2));
        let with = |seed| {
            kid(
                &a,
                &b,
                &Subsets {
                    count: 3,
                    size: 10,
                    seed,
                },
            )
        };
        assert_eq!(with(5)?, with(5)?);
        assert_ne!(with(5)?, with(6)?);
        Ok(())
    }

    #[test]
    fn gram_distance_compares_means() -> Result<()> {
        let a = [vec![1.0, 2.0, 3.0], vec![3.0, 2.0, 1.0]];
        assert_eq!(gram_distance(&a, &[vec![2.0, 2.0, 2.0]])?, 0.0);
        assert_eq!(gram_distance(&a, &[vec![5.0, 2.0, -1.0]])?, 2.0);
        Ok(())
    }

    #[test]
    fn bad_sets_are_refused() {
        let good = vectors(3, 0.0, 1);
        let message = |a: &[Vec<f32>], b: &[Vec<f32>], subsets: &Subsets| {
            kid(a, b, subsets).expect_err("it is bad").to_string()
        };
        assert!(message(&good, &[], &ALL).contains("3 and 0"));
        assert!(message(&good, &good[..1], &ALL).contains("at least 2"));
        assert!(message(&good, &[vec![0.0; 15], vec![0.0; 15]], &ALL).contains("one length"));
        let nan = [vec![f32::NAN; 16], vec![0.0; 16]];
        assert!(message(&good, &nan, &ALL).contains("NaN"));
        for (count, size) in [(0, 2), (1, 1)] {
            let subsets = Subsets {
                count,
                size,
                seed: 0,
            };
            assert!(message(&good, &good, &subsets).contains("subsets"));
        }
        assert!(gram_distance(&[vec![]], &[vec![]]).is_err());
    }
}
