//! What a kind of region looks like: a few Gaussians over colour and texture.

use nijigen::drawing::samples::median;

/// Lightness, two opponents and texture.
pub type Look = [f32; 4];

/// Fewer samples say nothing.
const LEAST_SAMPLES: usize = 12;

/// One Gaussian.
#[derive(Clone, Debug)]
pub struct Gaussian {
    mean: Look,
    inverse: [Look; 4],
    log_determinant: f32,
}

impl Gaussian {
    /// A Gaussian of independent coordinates.
    pub fn new(mean: Look, deviations: Look) -> Self {
        let mut covariance = [[0.0; 4]; 4];
        for (i, deviation) in deviations.into_iter().enumerate() {
            covariance[i][i] = deviation * deviation;
        }
        Self::from_covariance(mean, covariance)
    }

    /// The same, as unlikely as if its determinant were e to the `by` times as large.
    pub fn less_likely(mut self, by: f32) -> Self {
        self.log_determinant += by;
        self
    }

    fn from_covariance(mean: Look, mut covariance: [Look; 4]) -> Self {
        // Gauss and Jordan's elimination; the covariance is positive definite.
        let mut inverse = [[0.0; 4]; 4];
        for (i, row) in inverse.iter_mut().enumerate() {
            row[i] = 1.0;
        }
        let mut log_determinant = 0.0;
        for i in 0..4 {
            let pivot = covariance[i][i];
            log_determinant += pivot.ln();
            covariance[i] = covariance[i].map(|v| v / pivot);
            inverse[i] = inverse[i].map(|v| v / pivot);
            let (pivot_row, pivot_inverse) = (covariance[i], inverse[i]);
            for row in (0..4).filter(|row| *row != i) {
                let factor = covariance[row][i];
                let less = |row: Look, by: Look| std::array::from_fn(|k| row[k] - factor * by[k]);
                covariance[row] = less(covariance[row], pivot_row);
                inverse[row] = less(inverse[row], pivot_inverse);
            }
        }
        Self {
            mean,
            inverse,
            log_determinant,
        }
    }

    /// Twice the negative logarithm of the likelihood, but for a constant.
    fn distance(&self, look: &Look) -> f32 {
        let d: Look = std::array::from_fn(|i| look[i] - self.mean[i]);
        let mut sum = self.log_determinant;
        for (row, v) in self.inverse.iter().zip(d) {
            sum += v * (row[0] * d[0] + row[1] * d[1] + row[2] * d[2] + row[3] * d[3]);
        }
        sum
    }
}

/// Several Gaussians, of which the likeliest counts.
#[derive(Clone, Debug, Default)]
pub struct Mixture(pub Vec<Gaussian>);

impl Mixture {
    /// One Gaussian for each of `bins` groups of samples of like lightness, no narrower than
    /// `least` in any direction. Groups of few samples are left out.
    pub fn of(mut samples: Vec<Look>, bins: usize, least: Look) -> Self {
        samples.sort_by(|a, b| a[0].total_cmp(&b[0]));
        let count = samples.len();
        let groups = (0..bins).map(|i| &samples[count * i / bins..count * (i + 1) / bins]);
        let gaussian = |group: &[Look]| {
            let mean = median(group);
            let mut covariance = [[0.0; 4]; 4];
            for sample in group {
                let d: Look = std::array::from_fn(|i| {
                    (sample[i] - mean[i]).clamp(-4.0 * least[i], 4.0 * least[i])
                });
                for (row, a) in covariance.iter_mut().zip(d) {
                    for (sum, b) in row.iter_mut().zip(d) {
                        *sum += a * b / group.len() as f32;
                    }
                }
            }
            for (i, (row, least)) in covariance.iter_mut().zip(least).enumerate() {
                row[i] += least * least;
            }
            Gaussian::from_covariance(mean, covariance)
        };
        Self(
            groups
                .filter(|group| group.len() >= LEAST_SAMPLES)
                .map(gaussian)
                .collect(),
        )
    }

    /// Twice the negative logarithm of the likelihood, but for a constant: large if unlike. 1000
    /// without Gaussians.
    pub fn distance(&self, look: &Look) -> f32 {
        let distances = self.0.iter().map(|gaussian| gaussian.distance(look));
        distances.fold(1000.0, f32::min)
    }

    /// Takes the Gaussians of another mixture too.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether there is no Gaussian.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_like_the_samples_is_near() {
        // Dark red and light blue, a little noise in each coordinate.
        let sample = |i: usize, [l, a, b]: [f32; 3]| {
            let noise = (i * 37 % 11) as f32 - 5.0;
            [l + noise, a - 0.5 * noise, b, 3.0 + 0.1 * noise]
        };
        let samples = (0..200).map(|i| {
            let colour = if i < 100 {
                [30.0, 40.0, 20.0]
            } else {
                [80.0, -5.0, -30.0]
            };
            sample(i, colour)
        });
        let mixture = Mixture::of(samples.collect(), 2, [1.0; 4]);
        let near = mixture.distance(&[30.0, 40.0, 20.0, 3.0]);
        assert!(near < mixture.distance(&[38.0, 40.0, 20.0, 3.0]));
        assert!(near + 30.0 < mixture.distance(&[55.0, 18.0, -5.0, 3.0]));
        assert_eq!(
            Mixture::of(vec![[0.0; 4]; 11], 1, [1.0; 4]).distance(&[0.0; 4]),
            1000.0
        );
    }

    #[test]
    fn one_gaussian_is_its_formula() {
        let gaussian = Gaussian::new([1.0, 2.0, 3.0, 4.0], [2.0, 1.0, 1.0, 0.5]);
        let expected = (2.0f32 / 2.0).powi(2) + (0.5f32 / 0.5).powi(2) + 2.0 * (2.0f32 * 0.5).ln();
        let got = Mixture(vec![gaussian]).distance(&[3.0, 2.0, 3.0, 4.5]);
        assert!((got - expected).abs() < 1e-4, "{got} {expected}");
    }
}
