//! What is measured of a crop's colours.

use crate::filter::quantile::quantile;

use super::pen::Mask;

/// The median of each coordinate; zeros of no samples.
pub fn median<const N: usize>(samples: &[[f32; N]]) -> [f32; N] {
    std::array::from_fn(|i| quantile(samples.iter().map(|s| s[i]).collect(), 0.5))
}

/// Mean lightness of a square of pixels about a point, `radius` more on each side, in a crop in
/// CIE L*a*b* of `side` pixels a side.
pub fn lightness_about(lab: &[[f32; 3]], side: usize, point: [f32; 2], radius: usize) -> f32 {
    let last = side - 1;
    // The casts saturate.
    let [x, y] = point.map(|v| (v as usize).min(last));
    let near = |at: usize| at.saturating_sub(radius)..=(at + radius).min(last);
    let values = near(y).flat_map(|y| near(x).map(move |x| lab[y * side + x][0]));
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), l| (sum + l, count + 1.0));
    sum / count
}

/// The colours of a crop under a mask, where it covers more than `share`.
pub fn under(lab: &[[f32; 3]], side: usize, mask: &Mask, share: f32) -> Vec<[f32; 3]> {
    let covered = mask.pixels(side).filter(|(_, covered)| *covered > share);
    covered.map(|(i, _)| lab[i]).collect()
}
