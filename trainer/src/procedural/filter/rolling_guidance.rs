//! Rolling guidance (Zhang, Shen, Xu and Jia, 2014): details smaller than a size vanish, and what
//! is larger keeps its edges.

use rayon::prelude::*;

use nijigen::filter::plane::{Border, Plane};

use nijigen::filter::{colours::Colours, gaussian::blur_colours};

/// `colours` after `passes` joint bilateral filters, each guided by the result of the last and the
/// first by a blur; details smaller than `sigma_px` vanish, OKLab differences above `range` stay.
pub fn rolling_guidance(colours: &Colours, sigma_px: f32, range: f32, passes: usize) -> Colours {
    let mut guide = blur_colours(colours, 0.8 * sigma_px);
    for _ in 0..passes {
        guide = joint_bilateral(colours, &guide, sigma_px, range);
    }
    guide
}

/// `colours` smoothed where `guide` is smooth: each pixel becomes the mean of those within two
/// standard deviations `sigma_px`, weighted by their distance and by their difference in `guide`,
/// whose standard deviation is `range` and in which the opponents count double.
///
/// # Panics
/// If the sizes differ.
pub fn joint_bilateral(colours: &Colours, guide: &Colours, sigma_px: f32, range: f32) -> Colours {
    let (width, height) = (colours.width(), colours.height());
    assert_eq!((width, height), (guide.width(), guide.height()));
    let reach = (2.0 * sigma_px + 0.5) as usize as isize;
    // Channel by channel, so that a row of pixels is weighed at once.
    let (sources, guides) = (padded(colours, reach), padded(guide, reach));
    let window: Vec<(isize, isize, f32)> = (-reach..=reach)
        .flat_map(|dy| (-reach..=reach).map(move |dx| (dx, dy)))
        .filter(|(dx, dy)| dx * dx + dy * dy <= reach * reach)
        .map(|(dx, dy)| {
            let distance = (dx * dx + dy * dy) as f32;
            (dx, dy, distance / (2.0 * sigma_px * sigma_px))
        })
        .collect();
    let per_difference = 1.0 / (2.0 * range * range);
    let mut pixels = vec![[0.0; 3]; width * height];
    pixels
        .par_chunks_mut(width)
        .enumerate()
        .for_each(|(y, row)| {
            let centre = guides
                .each_ref()
                .map(|channel| shifted(channel, y, reach, [0, 0]));
            let mut sums = [0, 1, 2, 3].map(|_| vec![0.0f32; width]);
            let mut weights = vec![0.0f32; width];
            for &(dx, dy, distance) in &window {
                weights.fill(0.0);
                for (c, factor) in [1.0, 2.0, 2.0].into_iter().enumerate() {
                    let row = shifted(&guides[c], y, reach, [dx, dy]);
                    for ((weight, near), centre) in weights.iter_mut().zip(row).zip(centre[c]) {
                        *weight += factor * (near - centre) * (near - centre);
                    }
                }
                for (weight, total) in weights.iter_mut().zip(&mut sums[3]) {
                    *weight = exp_negative(distance + *weight * per_difference);
                    *total += *weight;
                }
                for c in 0..3 {
                    let row = shifted(&sources[c], y, reach, [dx, dy]);
                    for ((sum, near), weight) in sums[c].iter_mut().zip(row).zip(&weights) {
                        *sum += weight * near;
                    }
                }
            }
            for (x, pixel) in row.iter_mut().enumerate() {
                *pixel = [0, 1, 2].map(|c| sums[c][x] / sums[3][x]);
            }
        });
    Colours::from_index(width, height, |i| pixels[i])
}

/// exp(-x) for x >= 0 by (1 - x / 64)^64: within 0.01, and 0 from 64 on.
fn exp_negative(x: f32) -> f32 {
    let mut power = (1.0 - x / 64.0).max(0.0);
    for _ in 0..6 {
        power *= power;
    }
    power
}

/// The pixels of a padded channel that are `dx` and `dy` away from those of row `y`.
fn shifted(channel: &Plane, y: usize, reach: isize, [dx, dy]: [isize; 2]) -> &[f32] {
    &channel.row((y as isize + reach + dy) as usize)[(reach + dx) as usize..]
}

/// The channels with their border mirrored for `reach` pixels.
fn padded(colours: &Colours, reach: isize) -> [Plane; 3] {
    let (width, height) = (colours.width(), colours.height());
    let side = 2 * reach as usize;
    let stride = width + side;
    [0, 1, 2].map(|c| {
        Plane::from_index(stride, height + side, |i| {
            let (x, y) = ((i % stride) as isize - reach, (i / stride) as isize - reach);
            let (x, y) = (
                Border::Reflect101.resolve(x, width),
                Border::Reflect101.resolve(y, height),
            );
            colours.pixels()[y * width + x][c]
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A step at `x` 20 with a dot of 2 x 2 pixels on its left side.
    fn step_with_dot() -> Colours {
        Colours::from_index(40, 24, |i| {
            let (x, y) = (i % 40, i / 40);
            let dot = (8..10).contains(&x) && (10..12).contains(&y);
            let lightness = if x < 20 { 0.3 } else { 0.7 };
            [lightness + if dot { 0.2 } else { 0.0 }, 0.02, -0.02]
        })
    }

    #[test]
    fn dots_vanish_and_steps_stay() {
        let out = rolling_guidance(&step_with_dot(), 2.5, 0.05, 4);
        let at = |x: usize| out.pixels()[11 * 40 + x];
        assert!((at(9)[0] - 0.3).abs() < 0.03, "{:?}", at(9));
        assert!((at(18)[0] - 0.3).abs() < 0.01 && (at(21)[0] - 0.7).abs() < 0.01);
        assert!((at(9)[1] - 0.02).abs() < 1e-5);
    }

    #[test]
    fn equals_the_sum_by_its_definition() {
        let picture = Colours::from_index(7, 6, |i| {
            let v = ((i * 29) % 17) as f32 / 170.0;
            [v, 0.1 - v, 0.5 * v]
        });
        let (sigma, range) = (1.2f32, 0.08f32);
        let out = joint_bilateral(&picture, &picture, sigma, range);
        let reach = 2isize;
        let place = |x: isize, y: isize| {
            Border::Reflect101.resolve(y, 6) * 7 + Border::Reflect101.resolve(x, 7)
        };
        for (i, result) in out.pixels().iter().enumerate() {
            let (x, y) = ((i % 7) as isize, (i / 7) as isize);
            let (mut sum, mut total) = (0.0f32, 0.0f32);
            for dy in -reach..=reach {
                for dx in -reach..=reach {
                    let distance = (dx * dx + dy * dy) as f32;
                    if distance > (reach * reach) as f32 {
                        continue;
                    }
                    let near = picture.pixels()[place(x + dx, y + dy)];
                    let d = [0, 1, 2].map(|c| near[c] - picture.pixels()[i][c]);
                    let difference = d[0] * d[0] + 2.0 * (d[1] * d[1] + d[2] * d[2]);
                    let weight = (-distance / (2.0 * sigma * sigma)
                        - difference / (2.0 * range * range))
                        .exp();
                    sum += weight * near[0];
                    total += weight;
                }
            }
            assert!((result[0] - sum / total).abs() < 1e-3);
        }
    }
}
