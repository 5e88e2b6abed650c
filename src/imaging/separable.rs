//! Weighted means over the rows and then the columns of a picture.

use super::rows::for_each_row;

/// Columns that are worked on at a time: what is read of a picture again and again stays in the cache.
const STRIP: usize = 32;

/// Smooths a picture of `[width, height]` with a Gaussian, whose weights are those of what lies in it.
pub(crate) fn blur<const N: usize>(values: &mut [[f32; N]], size: [usize; 2], sigma_px: f32) {
    let radius = (2.5 * sigma_px) as usize;
    let weights: Vec<f32> = (0..=radius)
        .map(|i| (-0.5 * (i as f32 / sigma_px).powi(2)).exp())
        .collect();
    weighted_means(values, size, &weights);
}

/// Replaces each of the values by the mean over the square around it, as far as that lies in the picture
/// of `[width, height]`.
pub(crate) fn box_means<const N: usize>(values: &mut [[f32; N]], size: [usize; 2], radius: usize) {
    weighted_means(values, size, &vec![1.0; radius + 1]);
}

/// Replaces each value by the mean of the row through it, and then, of the results, of the column, with the weights at
/// distances from it, of what lies in the picture.
fn weighted_means<const N: usize>(
    values: &mut [[f32; N]],
    [width, height]: [usize; 2],
    weights: &[f32],
) {
    let parts = shares(width, weights);
    for_each_row(values, width, |(_, row)| {
        let before = row.to_vec();
        row.fill([0.0; N]);
        for (distance, weight) in weights.iter().enumerate().take(width) {
            add(row, &before[distance..], *weight);
            if distance > 0 {
                add(&mut row[distance..], &before, *weight);
            }
        }
        for (value, part) in row.iter_mut().zip(&parts) {
            *value = value.map(|v| v * part);
        }
    });
    let parts = shares(height, weights);
    let mut strip = Vec::with_capacity(STRIP.min(width) * height);
    for left in (0..width).step_by(STRIP) {
        let columns = STRIP.min(width - left);
        strip.clear();
        for row in values.chunks_exact(width) {
            strip.extend_from_slice(&row[left..left + columns]);
        }
        let line = |y: usize| &strip[y * columns..][..columns];
        for (y, row) in values.chunks_exact_mut(width).enumerate() {
            let row = &mut row[left..left + columns];
            row.fill([0.0; N]);
            for (distance, weight) in weights.iter().enumerate().take(height) {
                if y + distance < height {
                    add(row, line(y + distance), *weight);
                }
                if distance > 0 && distance <= y {
                    add(row, line(y - distance), *weight);
                }
            }
            for value in row {
                *value = value.map(|v| v * parts[y]);
            }
        }
    }
}

/// The inverse of the sum of the weights that lie in a line, for each place in it.
fn shares(length: usize, weights: &[f32]) -> Vec<f32> {
    let share = |at: usize| {
        let before = weights.iter().take(at + 1).skip(1).sum::<f32>();
        let after = weights.iter().take(length - at).sum::<f32>();
        1.0 / (before + after)
    };
    (0..length).map(share).collect()
}

/// Adds `weight` times the values to the sums, as far as there are both.
fn add<const N: usize>(sums: &mut [[f32; N]], values: &[[f32; N]], weight: f32) {
    let sums = sums.as_flattened_mut().iter_mut();
    for (sum, value) in sums.zip(values.as_flattened()) {
        *sum += weight * value;
    }
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

    #[test]
    fn means_are_those_of_what_lies_in_the_picture() {
        for [width, height] in [[1, 1], [3, 2], [STRIP + 5, 7], [4, 40]] {
            let value = |x: usize, y: usize| ((x * 7 + y * 13) % 11) as f32;
            let mut values: Vec<[f32; 1]> = (0..width * height)
                .map(|i| [value(i % width, i / width)])
                .collect();
            let radius = 4;
            box_means(&mut values, [width, height], radius);
            for (i, [mean]) in values.iter().enumerate() {
                let [columns, rows] = [(i % width, width), (i / width, height)]
                    .map(|(at, side)| at.saturating_sub(radius)..(at + radius + 1).min(side));
                let around = rows.flat_map(|y| columns.clone().map(move |x| value(x, y)));
                let around: Vec<f32> = around.collect();
                let expected = around.iter().sum::<f32>() / around.len() as f32;
                assert!((mean - expected).abs() < 1e-4, "{mean} {expected}");
            }
        }
    }
}
