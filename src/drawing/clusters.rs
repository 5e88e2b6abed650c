//! A few colours that stand for many.

/// Rounds after which they hardly move.
const ROUNDS: usize = 6;
/// How much a difference of lightness counts beside one of opponents.
const LIGHTNESS_COUNTS: f32 = 0.5;

/// How far colours in CIE L*a*b* are from each other; light and shadow count less than hue.
pub(super) fn apart(a: [f32; 3], b: [f32; 3]) -> f32 {
    let [l, a, b] = [0, 1, 2].map(|i| a[i] - b[i]);
    (LIGHTNESS_COUNTS * LIGHTNESS_COUNTS * l * l + a * a + b * b).sqrt()
}

/// How far a colour is from the nearest of some.
pub(super) fn nearest(colour: [f32; 3], of: &[[f32; 3]]) -> f32 {
    of.iter()
        .map(|other| apart(colour, *other))
        .fold(f32::INFINITY, f32::min)
}

/// A few colours that stand for all of these: Lloyd's quantiser, from colours of evenly spread lightness.
pub(super) fn clusters(samples: &[[f32; 3]], count: usize) -> Vec<[f32; 3]> {
    if samples.is_empty() {
        return Vec::new();
    }
    let mut sorted = samples.to_vec();
    sorted.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let at = |i: usize| sorted[(2 * i + 1) * sorted.len() / (2 * count)];
    let mut middles: Vec<_> = (0..count).map(at).collect();
    for _ in 0..ROUNDS {
        let mut sums = vec![[0f32; 4]; count];
        for sample in &sorted {
            let distances = middles.iter().map(|middle| apart(*sample, *middle));
            let nearest = distances.enumerate().min_by(|a, b| a.1.total_cmp(&b.1));
            let Some((nearest, _)) = nearest else {
                continue;
            };
            let sum = &mut sums[nearest];
            for (sum, v) in sum.iter_mut().zip(sample) {
                *sum += v;
            }
            sum[3] += 1.0;
        }
        for (middle, [l, a, b, count]) in middles.iter_mut().zip(sums) {
            if count > 0.0 {
                *middle = [l / count, a / count, b / count];
            }
        }
    }
    middles
}
