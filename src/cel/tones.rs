//! The few tones that a drawing's lightness is made of.

/// Tones that are looked for.
const COUNT: usize = 8;
/// Steps of the histogram.
const BINS: usize = 256;
/// Rounds after which tones hardly move.
const ROUNDS: usize = 10;

/// Tones from dark to light, each with the lightness at which it begins.
#[derive(Debug)]
pub(super) struct Tones(Vec<[f32; 2]>);

impl Tones {
    /// Those of Lloyd's quantiser, each of which is the mean of what is nearest to it. In the search every
    /// lightness counts by the root of its area, so that eyes, lips and shadows have tones beside a large
    /// background; what is found is filled with the plain mean, so that skin keeps its own.
    ///
    /// `lightness` is in [0, 1], and not empty; tones that are nearer to each other than `least_step` become
    /// one, so that skin has no patches of hardly another tone.
    pub(super) fn of(lightness: &[[f32; 1]], least_step: f32) -> Self {
        let mut areas = [0f32; BINS];
        for [value] in lightness {
            areas[bin(*value)] += 1.0;
        }
        let weights = areas.map(f32::sqrt);
        let value = |bin: usize| (bin as f32 + 0.5) / BINS as f32;
        let all: f32 = weights.iter().sum();
        let mut tones = [0.0; COUNT];
        let (mut sum, mut next) = (0.0, 0);
        for (i, weight) in weights.iter().enumerate() {
            sum += weight;
            while next < COUNT && sum >= all * (next as f32 + 0.5) / COUNT as f32 {
                tones[next] = value(i);
                next += 1;
            }
        }
        let mut counts = [0.0; COUNT];
        for _ in 0..ROUNDS {
            let mut sums = [[0f32; 2]; COUNT];
            for (i, &weight) in weights.iter().enumerate() {
                let nearest = tones
                    .windows(2)
                    .filter(|pair| value(i) >= 0.5 * (pair[0] + pair[1]));
                let [sum, count] = &mut sums[nearest.count()];
                *sum += weight * value(i);
                *count += weight;
            }
            for (tone, [sum, count]) in tones.iter_mut().zip(sums) {
                if count > 0.0 {
                    *tone = sum / count;
                }
            }
            counts = sums.map(|[_, count]| count);
        }
        let tones = apart(tones.into_iter().zip(counts).collect(), least_step);
        let borders: Vec<f32> = tones
            .windows(2)
            .map(|pair| 0.5 * (pair[0] + pair[1]))
            .collect();
        let mut sums = vec![[0f32; 2]; tones.len()];
        for (i, area) in areas.iter().enumerate() {
            let [sum, count] =
                &mut sums[borders.iter().filter(|&&border| value(i) >= border).count()];
            *sum += area * value(i);
            *count += area;
        }
        let begins = [f32::NEG_INFINITY].into_iter().chain(borders);
        let tones = begins.zip(sums).filter(|(_, [_, count])| *count > 0.0);
        Self(
            tones
                .map(|(begins, [sum, count])| [begins, sum / count])
                .collect(),
        )
    }

    /// The tone of a lightness. At a border between two, where lightness changes by `slope` a pixel, one
    /// goes over into the other within a pixel.
    pub(super) fn at(&self, lightness: f32, slope: f32) -> f32 {
        let steps = self.0.windows(2).map(|pair| {
            let [[_, below], [begins, above]] = [pair[0], pair[1]];
            let crossed = ((lightness - begins) / slope + 0.5).clamp(0.0, 1.0);
            crossed * (above - below)
        });
        self.0[0][1] + steps.sum::<f32>()
    }
}

/// Joins the nearest two of some tones with their counts until all are apart.
fn apart(mut tones: Vec<(f32, f32)>, least_step: f32) -> Vec<f32> {
    loop {
        let steps = tones.windows(2).map(|pair| pair[1].0 - pair[0].0);
        let nearest = steps.enumerate().min_by(|(_, a), (_, b)| a.total_cmp(b));
        let Some((i, _)) = nearest.filter(|(_, step)| *step < least_step) else {
            return tones.into_iter().map(|(tone, _)| tone).collect();
        };
        let ((a, of_a), (b, of_b)) = (tones[i], tones.remove(i + 1));
        let count = of_a + of_b;
        tones[i] = match count {
            0.0 => (a, 0.0),
            _ => ((a * of_a + b * of_b) / count, count),
        };
    }
}

fn bin(lightness: f32) -> usize {
    ((lightness * BINS as f32) as usize).min(BINS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tones_are_those_of_the_areas() {
        // Four areas of very different sizes, slightly uneven.
        let areas = [(0.1, 40usize), (0.35, 4000), (0.7, 400), (0.95, 9000)];
        let lightness: Vec<[f32; 1]> = areas
            .iter()
            .flat_map(|&(value, count)| {
                (0..count).map(move |i| [value + 0.004 * (i as f32 * 0.7).sin()])
            })
            .collect();
        let tones = Tones::of(&lightness, 0.11);
        for (value, _) in areas {
            let tone = tones.at(value, 1e-4);
            assert!((tone - value).abs() < 0.012, "{tone} of {value}");
        }
    }

    #[test]
    fn tones_that_are_hardly_apart_become_one() {
        let lightness: Vec<[f32; 1]> = (0..3000)
            .map(|i| [0.6 + 0.09 * (i % 7) as f32 / 6.0])
            .collect();
        let tones = Tones::of(&lightness, 0.11);
        assert_eq!(tones.at(0.6, 1e-4), tones.at(0.69, 1e-4));
    }

    #[test]
    fn one_lightness_is_its_own_tone() {
        for value in [0.0, 0.2, 1.0] {
            let tone = Tones::of(&[[value]; 9], 0.11).at(value, 2e-3);
            assert!(
                (tone - value).abs() <= 0.5 / BINS as f32 + 1e-6,
                "{tone} of {value}"
            );
        }
    }
}
