//! Along the edges of a picture: their directions, and means along them (line integral convolution).

use super::for_each_row;

/// Unit vectors along the edges, of a structure tensor.
pub(crate) fn along_edges(tensor: &[[f32; 3]]) -> Vec<[f32; 2]> {
    let along = |&[xx, xy, yy]: &[f32; 3]| {
        let (difference, twice) = (xx - yy, 2.0 * xy);
        let length = difference.hypot(twice);
        if length == 0.0 {
            return [0.0, 1.0];
        }
        // Half of the angle of the direction of most change, and at right angles to that.
        let cosine = difference / length;
        let across = [1.0 + cosine, 1.0 - cosine].map(|v| (0.5 * v).max(0.0).sqrt());
        [-across[1].copysign(twice), across[0]]
    };
    tensor.iter().map(along).collect()
}

/// Means with the weights of a Gaussian of standard deviation `sigma_px` along the line that runs through
/// each pixel of a picture of `[width, height]` along `edges`, up to two standard deviations either way or
/// to the border. What is not `wanted` stays as it is.
pub(crate) fn mean_along(
    values: &[[f32; 4]],
    edges: &[[f32; 2]],
    [width, height]: [usize; 2],
    sigma_px: f32,
    wanted: impl Fn(usize) -> bool + Sync,
) -> Vec<[f32; 4]> {
    let steps = (2.0 * sigma_px + 0.5) as usize;
    let weight = |step: usize| (-0.5 * (step as f32 / sigma_px).powi(2)).exp();
    let weights: Vec<f32> = (1..=steps).map(weight).collect();
    let [last_x, last_y] = [width, height].map(|side| (side - 1) as f32);
    let mut means = values.to_vec();
    for_each_row(&mut means, width, |(row, means)| {
        for (column, mean) in means.iter_mut().enumerate() {
            if !wanted(row * width + column) {
                continue;
            }
            let (mut sum, mut total) = (*mean, 1.0);
            for side in [1.0, -1.0] {
                let mut along = edges[row * width + column].map(|v| side * v);
                let (mut x, mut y) = (column as f32, row as f32);
                for weight in &weights {
                    x += along[0];
                    y += along[1];
                    if !(0.0..=last_x).contains(&x) || !(0.0..=last_y).contains(&y) {
                        break;
                    }
                    let value = sample(values, width, height, x, y);
                    for (sum, value) in sum.iter_mut().zip(value) {
                        *sum += weight * value;
                    }
                    total += weight;
                    let next = edges[(y + 0.5) as usize * width + (x + 0.5) as usize];
                    // Directions have no sign of their own: it keeps going the same way.
                    let ahead = next[0] * along[0] + next[1] * along[1];
                    along = next.map(|v| v * 1f32.copysign(ahead));
                }
            }
            *mean = sum.map(|sum| sum / total);
        }
    });
    means
}

/// Between the four pixels around a place inside.
#[inline(always)]
fn sample(values: &[[f32; 4]], width: usize, height: usize, x: f32, y: f32) -> [f32; 4] {
    let (left, top) = (x as usize, y as usize);
    let [right, bottom] = [(left + 1).min(width - 1), (top + 1).min(height - 1)];
    let (in_x, in_y) = (x - left as f32, y - top as f32);
    let [a, b] = [left, right].map(|column| values[top * width + column]);
    let [c, d] = [left, right].map(|column| values[bottom * width + column]);
    std::array::from_fn(|i| {
        let above = a[i] + in_x * (b[i] - a[i]);
        let below = c[i] + in_x * (d[i] - c[i]);
        above + in_y * (below - above)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_run_at_right_angles_to_the_change() {
        for degrees in [0f32, 30.0, 90.0, 140.0] {
            let (sin, cos) = degrees.to_radians().sin_cos();
            let [along] = along_edges(&[[cos * cos, cos * sin, sin * sin]])[..] else {
                panic!("one of each");
            };
            assert!((along[0] * cos + along[1] * sin).abs() < 1e-5);
            assert!((along[0].hypot(along[1]) - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn means_close_gaps_along_a_line_and_keep_its_sides() {
        // A vertical stripe with a gap of two rows.
        let size = [24, 24];
        let line: Vec<[f32; 4]> = (0..24 * 24)
            .map(|i| {
                let (x, y) = (i % 24, i / 24);
                let on = (10..13).contains(&x) && y != 11 && y != 12;
                [if on { 0.2 } else { 0.9 }; 4]
            })
            .collect();
        let means = mean_along(&line, &[[0.0, 1.0]; 24 * 24], size, 4.0, |_| true);
        assert_eq!(means[5 * 24 + 8], [0.9; 4]);
        // Along a column the weights are those of the Gaussian: compare with their plain sum.
        let (mut sum, mut total) = (0.0, 0.0);
        for d in -8..=8i32 {
            let weight = (-(d * d) as f32 / 32.0).exp();
            sum += weight * line[(11 + d) as usize * 24 + 11][0];
            total += weight;
        }
        assert!((means[11 * 24 + 11][0] - sum / total).abs() < 1e-5);
        let across = mean_along(&line, &[[1.0, 0.0]; 24 * 24], size, 4.0, |_| true);
        assert!(across[5 * 24 + 11][0] > 0.5);
    }
}
