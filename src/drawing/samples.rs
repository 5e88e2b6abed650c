//! Ranks among measured values.

/// The median of each coordinate; zeros of no samples.
pub fn median<const N: usize>(samples: &[[f32; N]]) -> [f32; N] {
    std::array::from_fn(|i| quantile(samples.iter().map(|s| s[i]).collect(), 0.5))
}

/// The value below which the share `q` of `values` lies; 0 of none.
pub fn quantile(mut values: Vec<f32>, q: f32) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let at = ((values.len() - 1) as f32 * q + 0.5) as usize;
    *values.select_nth_unstable_by(at, f32::total_cmp).1
}
