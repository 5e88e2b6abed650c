//! Groups style images that look alike: feature vectors and k-means.
//!
//! k-means is written here because `linfa-clustering` would bring another `ndarray`, another
//! `rand` and a nearest-neighbour library for what is a page of code, and orders its clusters by
//! chance.

use anyhow::{Result, ensure};
use image::RgbImage;
use rand::distr::Distribution;
use rand::distr::weighted::WeightedIndex;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Length of the vectors of [`project_gram`].
pub const PROJECTED: usize = 64;

/// Attempts of k-means from different first centres; the tightest is taken.
const STARTS: usize = 8;

/// Rounds of one attempt. It has settled long before; this only bounds it.
const MAX_ROUNDS: usize = 300;

/// Describes what an image looks like, so that images of a kind get vectors near each other.
pub trait StyleDescriptor {
    /// What it is called in the manifest.
    fn name(&self) -> &'static str;

    /// The feature vector of an image; always of the same length, with finite values.
    ///
    /// # Errors
    /// If the image cannot be described.
    fn describe(&self, image: &RgbImage) -> Result<Vec<f32>>;
}

/// The feature vector of a Gram matrix (`channels` × `channels`, row by row, symmetric): its upper
/// triangle, divided by its Euclidean norm, then projected to [`PROJECTED`] dimensions by a matrix
/// of ±1/√64 drawn from `seed`, which keeps distances approximately (Achlioptas, "Database-friendly
/// random projections", 2003).
///
/// # Errors
/// If the number of values is not `channels`², or if they are not finite.
pub fn project_gram(gram: &[f32], channels: usize, seed: u64) -> Result<Vec<f32>> {
    ensure!(
        gram.len() == channels * channels,
        "a Gram matrix of {} values for {channels} channels, expected {}",
        gram.len(),
        channels * channels
    );
    let upper = || (0..channels).flat_map(|row| &gram[row * channels + row..(row + 1) * channels]);
    let norm = upper().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    ensure!(
        norm.is_finite(),
        "a Gram matrix with values that are not finite"
    );
    let scale = 1.0 / (norm.max(f64::MIN_POSITIVE) * (PROJECTED as f64).sqrt());
    let mut signs = ChaCha8Rng::seed_from_u64(seed);
    let mut projected = [0.0f64; PROJECTED];
    for &value in upper() {
        // One row of the matrix: 64 bits, 64 signs.
        let row: u64 = signs.next_u64();
        for (dimension, sum) in projected.iter_mut().enumerate() {
            let negative = row >> dimension & 1 == 1;
            *sum += f64::from(if negative { -value } else { value });
        }
    }
    Ok(projected.iter().map(|sum| (sum * scale) as f32).collect())
}

/// Vectors in groups, the largest group first.
#[derive(Debug, PartialEq)]
pub struct Clustering {
    /// The cluster of each vector.
    pub assignments: Vec<usize>,
    /// Distance of each vector to the mean of its cluster.
    pub distances: Vec<f32>,
    /// Number of vectors in each cluster, at least 1, descending.
    pub sizes: Vec<usize>,
}

/// k-means: the best of several attempts that start from k-means++ centres (Arthur &
/// Vassilvitskii, 2007) and follow Lloyd's algorithm until nothing changes. The same vectors and
/// the same seed give the same clusters. Fewer than `clusters` come out if there are fewer distinct
/// vectors.
///
/// # Errors
/// If there are no vectors or `clusters` is 0, if vectors differ in length or are not finite.
pub fn k_means(vectors: &[Vec<f32>], clusters: usize, seed: u64) -> Result<Clustering> {
    ensure!(
        !vectors.is_empty() && clusters > 0,
        "{clusters} clusters of {} images, expected at least 1 of each",
        vectors.len()
    );
    let length = vectors[0].len();
    for vector in vectors {
        ensure!(
            vector.len() == length && vector.iter().all(|v| v.is_finite()),
            "feature vectors must be finite and equally long: one has {} values, the first {length}",
            vector.len()
        );
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut best = attempt(vectors, clusters, &mut rng);
    for _ in 1..STARTS {
        let other = attempt(vectors, clusters, &mut rng);
        if spread(&other) < spread(&best) {
            best = other;
        }
    }
    Ok(ordered(&best))
}

/// The nearest centre of a vector, and the squared distance to it.
type Nearest = (usize, f32);

fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum()
}

/// What k-means minimises.
fn spread(nearest: &[Nearest]) -> f64 {
    nearest.iter().map(|&(_, squared)| f64::from(squared)).sum()
}

fn attempt(vectors: &[Vec<f32>], clusters: usize, rng: &mut ChaCha8Rng) -> Vec<Nearest> {
    let mut centres = first_centres(vectors, clusters, rng);
    let mut nearest = assign(vectors, &centres);
    for _ in 0..MAX_ROUNDS {
        fill_empty(&mut nearest, centres.len());
        centres = means(vectors, &nearest, centres.len());
        let next = assign(vectors, &centres);
        let settled = next.iter().zip(&nearest).all(|(a, b)| a.0 == b.0);
        nearest = next;
        if settled {
            break;
        }
    }
    nearest
}

/// k-means++: each centre is a vector drawn with a chance proportional to its squared distance
/// from the centres before it.
fn first_centres(vectors: &[Vec<f32>], clusters: usize, rng: &mut ChaCha8Rng) -> Vec<Vec<f32>> {
    let mut centres = vec![vectors[rng.random_range(0..vectors.len())].clone()];
    while centres.len() < clusters {
        let nearest = assign(vectors, &centres);
        // An error means that all distances are 0: every distinct vector is a centre.
        let Ok(chances) = WeightedIndex::new(nearest.iter().map(|n| n.1)) else {
            break;
        };
        centres.push(vectors[chances.sample(rng)].clone());
    }
    centres
}

fn assign(vectors: &[Vec<f32>], centres: &[Vec<f32>]) -> Vec<Nearest> {
    let nearest = |vector: &Vec<f32>| {
        let squared = centres.iter().map(|c| squared_distance(vector, c));
        squared
            .enumerate()
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .unwrap_or_default()
    };
    vectors.iter().map(nearest).collect()
}

/// Gives each cluster that has lost its vectors the one that lies farthest from its centre.
fn fill_empty(nearest: &mut [Nearest], clusters: usize) {
    for cluster in 0..clusters {
        if nearest.iter().all(|n| n.0 != cluster)
            && let Some(farthest) = nearest.iter_mut().max_by(|a, b| a.1.total_cmp(&b.1))
        {
            *farthest = (cluster, 0.0);
        }
    }
}

fn means(vectors: &[Vec<f32>], nearest: &[Nearest], clusters: usize) -> Vec<Vec<f32>> {
    let mut sums = vec![(vec![0.0f64; vectors[0].len()], 0.0f64); clusters];
    for (vector, &(cluster, _)) in vectors.iter().zip(nearest) {
        let (sum, count) = &mut sums[cluster];
        *count += 1.0;
        sum.iter_mut()
            .zip(vector)
            .for_each(|(s, &v)| *s += f64::from(v));
    }
    sums.into_iter()
        .map(|(sum, count)| {
            sum.into_iter()
                .map(|s| (s / count.max(1.0)) as f32)
                .collect()
        })
        .collect()
}

/// Numbers the clusters by size, the largest first, equal ones by their first vector.
fn ordered(nearest: &[Nearest]) -> Clustering {
    let mut groups: Vec<(usize, usize)> = Vec::new(); // old number, size
    for &(cluster, _) in nearest {
        match groups.iter_mut().find(|group| group.0 == cluster) {
            Some(group) => group.1 += 1,
            None => groups.push((cluster, 1)),
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.1));
    let number = |old| groups.iter().position(|group| group.0 == old);
    Clustering {
        assignments: nearest.iter().filter_map(|n| number(n.0)).collect(),
        distances: nearest.iter().map(|n| n.1.sqrt()).collect(),
        sizes: groups.iter().map(|group| group.1).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors in tight groups around far-apart points; returns the group of each too.
    fn groups(sizes: &[usize]) -> (Vec<Vec<f32>>, Vec<usize>) {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut vectors = Vec::new();
        let mut truth = Vec::new();
        for (group, &size) in sizes.iter().enumerate() {
            for _ in 0..size {
                let mut vector: Vec<f32> = (0..5).map(|_| rng.random_range(-0.1..0.1)).collect();
                vector[group] += 2.0;
                vectors.push(vector);
                truth.push(group);
            }
        }
        (vectors, truth)
    }

    #[test]
    fn separate_groups_are_found_largest_first() -> Result<()> {
        let (vectors, truth) = groups(&[4, 20, 9, 13]);
        let found = k_means(&vectors, 4, 0)?;
        assert_eq!(found.sizes, [20, 13, 9, 4]);
        let expected: Vec<usize> = truth.iter().map(|&group| [3, 0, 2, 1][group]).collect();
        assert_eq!(found.assignments, expected);
        assert!(found.distances.iter().all(|&d| d < 0.3));
        assert_eq!(k_means(&vectors, 4, 0)?, found);
        // Another seed, the same groups.
        assert_eq!(k_means(&vectors, 4, 99)?.assignments, expected);
        Ok(())
    }

    #[test]
    fn fewer_distinct_vectors_make_fewer_clusters() -> Result<()> {
        let vectors = [vec![1.0], vec![1.0], vec![5.0]];
        let found = k_means(&vectors, 6, 3)?;
        assert_eq!(found.sizes, [2, 1]);
        assert_eq!(found.assignments, [0, 0, 1]);
        Ok(())
    }

    #[test]
    fn an_empty_cluster_gets_the_farthest_vector() {
        let mut nearest = [(0, 0.1), (0, 4.0), (0, 0.2)];
        fill_empty(&mut nearest, 2);
        assert_eq!(nearest, [(0, 0.1), (1, 0.0), (0, 0.2)]);
    }

    #[test]
    fn bad_vectors_are_refused() {
        assert!(k_means(&[], 2, 0).is_err());
        assert!(k_means(&[vec![1.0]], 0, 0).is_err());
        assert!(k_means(&[vec![1.0], vec![1.0, 2.0]], 2, 0).is_err());
        assert!(k_means(&[vec![f32::NAN]], 1, 0).is_err());
    }

    #[test]
    fn projected_gram_matrices_keep_their_distances() -> Result<()> {
        let channels = 40;
        let gram = |seed: u64, scale: f32| -> Vec<f32> {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let features: Vec<f32> = (0..channels).map(|_| rng.random_range(-1.0..1.0)).collect();
            let row = |a: &f32| features.iter().map(|b| scale * a * b).collect::<Vec<_>>();
            features.iter().flat_map(row).collect()
        };
        let one = project_gram(&gram(1, 1.0), channels, 5)?;
        assert_eq!(one.len(), PROJECTED);
        // Only the direction of the Gram matrix counts, so its scale does not.
        let scaled = project_gram(&gram(1, 30.0), channels, 5)?;
        assert!(squared_distance(&one, &scaled) < 1e-8);
        // Unit vectors stay about unit, unrelated ones about the square root of 2 apart.
        let other = project_gram(&gram(2, 1.0), channels, 5)?;
        let length = squared_distance(&one, &[0.0; PROJECTED]).sqrt();
        assert!((0.6..1.4).contains(&length), "{length}");
        let apart = squared_distance(&one, &other).sqrt();
        assert!((0.9..2.0).contains(&apart), "{apart}");
        assert_ne!(project_gram(&gram(1, 1.0), channels, 6)?, one);
        assert_eq!(project_gram(&[0.0; 4], 2, 0)?, [0.0; PROJECTED]);
        assert!(project_gram(&[0.0; 5], 2, 0).is_err());
        assert!(project_gram(&[f32::NAN; 4], 2, 0).is_err());
        Ok(())
    }
}
