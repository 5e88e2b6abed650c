//! Filters that work on rows and then on columns.

/// Replaces each value of a picture of `[width, height]` by what `filter` makes of the row through it and
/// then, of the results, of the column; it is given a line and the place of the value in it.
pub(super) fn filter_lines<const N: usize>(
    values: &mut [[f32; N]],
    [width, height]: [usize; 2],
    filter: impl Fn(&[[f32; N]], usize) -> [f32; N],
) {
    let mut line = vec![[0.0; N]; width.max(height)];
    for row in values.chunks_exact_mut(width) {
        line[..width].copy_from_slice(row);
        for (x, value) in row.iter_mut().enumerate() {
            *value = filter(&line[..width], x);
        }
    }
    for x in 0..width {
        for (y, value) in line[..height].iter_mut().enumerate() {
            *value = values[y * width + x];
        }
        for y in 0..height {
            values[y * width + x] = filter(&line[..height], y);
        }
    }
}

/// Smooths a picture of `[width, height]` with a Gaussian, whose weights are those of what lies in it.
pub(crate) fn blur<const N: usize>(values: &mut [[f32; N]], size: [usize; 2], sigma_px: f32) {
    let radius = (2.5 * sigma_px) as usize;
    let kernel: Vec<f32> = (0..=radius)
        .map(|i| (-0.5 * (i as f32 / sigma_px).powi(2)).exp())
        .collect();
    filter_lines(values, size, |line, at| {
        let (mut sum, mut total) = ([0.0; N], 0.0);
        for i in at.saturating_sub(radius)..(at + radius + 1).min(line.len()) {
            let weight = kernel[i.abs_diff(at)];
            for (sum, value) in sum.iter_mut().zip(line[i]) {
                *sum += weight * value;
            }
            total += weight;
        }
        sum.map(|sum| sum / total)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_spread_as_a_gaussian_is_and_one_value_stays() {
        let size = [31, 21];
        let mut point = vec![[0.0, 0.7]; 31 * 21];
        point[10 * 31 + 15][0] = 1.0;
        blur(&mut point, size, 2.0);
        let at = |x: usize, y: usize| point[y * 31 + x][0];
        let expected = (-(9.0f32 + 4.0) / 8.0).exp();
        assert!((at(18, 8) / at(15, 10) - expected).abs() < 1e-5);
        assert!((point.iter().map(|[v, _]| v).sum::<f32>() - 1.0).abs() < 1e-5);
        assert!(point.iter().all(|[_, v]| (v - 0.7).abs() < 1e-6));
    }
}
