//! Sizes: to twice and half, and down to a given size.

use super::plane::{Border, Plane};

use super::colours::Colours;

/// Weights of the four pixels around a place a quarter of a pixel beyond the second: Keys' cubic
/// with a = -0.5 (Catmull-Rom), which keeps slopes.
const CUBIC_QUARTER: [f32; 4] = [-0.070_312_5, 0.867_187_5, 0.226_562_5, -0.023_437_5];

/// The plane at twice the size, by cubic interpolation with pixels centred.
pub fn double_cubic_plane(plane: &Plane) -> Plane {
    double(plane, &CUBIC_QUARTER, 1)
}

/// The plane at twice the size, by linear interpolation with pixels centred.
pub fn double_linear(plane: &Plane) -> Plane {
    double(plane, &[0.75, 0.25], 0)
}

/// [`double_cubic_plane`] of each channel.
pub fn double_cubic(colours: &Colours) -> Colours {
    colours.by_channel(double_cubic_plane)
}

/// Doubles by `taps` for a place a quarter of a pixel beyond tap `origin`; mirrored for the other.
fn double(plane: &Plane, taps: &[f32], origin: usize) -> Plane {
    let (width, height) = (plane.width(), plane.height());
    let pad = taps.len();
    let stretched: Vec<Vec<f32>> = (0..height)
        .map(|y| {
            let row = Border::Replicate.padded(plane.row(y), pad);
            let mut out = vec![0.0; 2 * width];
            for (x, pair) in out.chunks_exact_mut(2).enumerate() {
                let centre = x + pad;
                for (k, weight) in taps.iter().enumerate() {
                    // The left of the two lies a quarter before the pixel, the right one beyond.
                    pair[0] += weight * row[centre + origin - k];
                    pair[1] += weight * row[centre + k - origin];
                }
            }
            out
        })
        .collect();
    let blank = Plane::from_index(2 * width, 2 * height, |_| 0.0);
    blank.by_row(|y, out| {
        for (k, weight) in taps.iter().enumerate() {
            let away = k as isize - origin as isize;
            let away = if y % 2 == 0 { -away } else { away };
            let row = &stretched[Border::Replicate.resolve((y / 2) as isize + away, height)];
            for (value, near) in out.iter_mut().zip(row) {
                *value += weight * near;
            }
        }
    })
}

/// The plane at half the size: means of 2 x 2 pixels. An odd last row or column is left out.
pub fn halve(plane: &Plane) -> Plane {
    let (width, height) = ((plane.width() / 2).max(1), (plane.height() / 2).max(1));
    Plane::from_index(width, height, |i| {
        let (x, y) = (2 * (i % width), 2 * (i / width));
        let (right, below) = (
            (x + 1).min(plane.width() - 1),
            (y + 1).min(plane.height() - 1),
        );
        let (upper, lower) = (plane.row(y), plane.row(below));
        0.25 * (upper[x] + upper[right] + lower[x] + lower[right])
    })
}

/// [`halve`] of each channel.
pub fn halve_colours(colours: &Colours) -> Colours {
    colours.by_channel(halve)
}

/// The plane at another size, by the mean over the area that each pixel covers (smaller sizes) or
/// by linear interpolation (larger ones).
///
/// # Panics
/// If the size is empty.
pub fn resize(plane: &Plane, width: usize, height: usize) -> Plane {
    let columns = taps(plane.width(), width);
    let rows = taps(plane.height(), height);
    let narrow: Vec<Vec<f32>> = (0..plane.height())
        .map(|y| {
            let row = plane.row(y);
            let sum = |taps: &Vec<(usize, f32)>| taps.iter().map(|(x, w)| w * row[*x]).sum();
            columns.iter().map(sum).collect()
        })
        .collect();
    Plane::from_index(width, height, |i| {
        let (x, y) = (i % width, i / width);
        rows[y]
            .iter()
            .map(|(from, weight)| weight * narrow[*from][x])
            .sum()
    })
}

/// [`resize`] of each channel.
pub fn resize_colours(colours: &Colours, width: usize, height: usize) -> Colours {
    colours.by_channel(|plane| resize(plane, width, height))
}

/// For each of `to` pixels, which of `from` pixels it is made of and their weights.
fn taps(from: usize, to: usize) -> Vec<Vec<(usize, f32)>> {
    let step = from as f32 / to as f32;
    (0..to)
        .map(|i| {
            if step > 1.0 {
                let (start, end) = (i as f32 * step, (i + 1) as f32 * step);
                (start as usize..(end.ceil() as usize).min(from))
                    .map(|x| {
                        let covered = end.min((x + 1) as f32) - start.max(x as f32);
                        (x, covered / step)
                    })
                    .collect()
            } else {
                let place = ((i as f32 + 0.5) * step - 0.5).clamp(0.0, (from - 1) as f32);
                let first = place as usize;
                let beyond = place - first as f32;
                vec![(first, 1.0 - beyond), ((first + 1).min(from - 1), beyond)]
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slope() -> Plane {
        Plane::from_index(12, 10, |i| (i % 12) as f32 + 3.0 * (i / 12) as f32)
    }

    #[test]
    fn doubling_keeps_slopes_and_halving_takes_it_back() {
        for large in [double_cubic_plane(&slope()), double_linear(&slope())] {
            assert_eq!((large.width(), large.height()), (24, 20));
            // Pixels are centred: pixel 9 lies at 4.25 of the small plane.
            let expected = 4.25 + 3.0 * 4.75;
            assert!(
                (large.row(10)[9] - expected).abs() < 1e-4,
                "{}",
                large.row(10)[9]
            );
            let back = halve(&large);
            for y in 3..7 {
                for x in 3..9 {
                    assert!((back.row(y)[x] - slope().row(y)[x]).abs() < 1e-4);
                }
            }
        }
    }

    #[test]
    fn means_over_areas_and_lines_between() {
        let small = resize(&slope(), 5, 4);
        assert!((small.mean() - slope().mean()).abs() < 1e-4);
        let large = resize(&slope(), 31, 10);
        assert!((large.row(5)[15] - (15.5 * 12.0 / 31.0 - 0.5 + 15.0)).abs() < 1e-4);
        assert_eq!(resize(&slope(), 12, 10), slope());
        assert_eq!(resize(&slope(), 1, 1).values().len(), 1);
    }

    #[test]
    fn an_odd_row_is_left_out_and_one_pixel_stays() {
        assert_eq!(halve(&Plane::from_index(5, 3, |_| 1.0)).width(), 2);
        assert_eq!(halve(&Plane::from_index(1, 1, |_| 4.0)).values(), [4.0]);
    }
}
