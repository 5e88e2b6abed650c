//! Rolling guidance (Zhang, Shen, Xu and Jia, 2014): details smaller than a size vanish, and what
//! is larger keeps its edges.

use crate::plane::Border;

use super::{colours::Colours, gaussian::blur_colours};

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
    let radius = (2.0 * sigma_px + 0.5) as usize;
    let reach = radius as isize;
    let (stride, source) = padded(colours, radius);
    let (_, guide) = padded(guide, radius);
    let window: Vec<(isize, f32)> = (-reach..=reach)
        .flat_map(|dy| (-reach..=reach).map(move |dx| (dx, dy)))
        .filter(|(dx, dy)| dx * dx + dy * dy <= reach * reach)
        .map(|(dx, dy)| {
            let distance = (dx * dx + dy * dy) as f32;
            let exponent = distance / (2.0 * sigma_px * sigma_px);
            (dy * stride as isize + dx, exponent)
        })
        .collect();
    let per_difference = 1.0 / (2.0 * range * range);
    Colours::from_index(width, height, |i| {
        let place = (i / width + radius) * stride + i % width + radius;
        let centre = guide[place];
        let (mut sum, mut total) = ([0.0; 3], 0.0);
        for &(offset, distance) in &window {
            let near = place.wrapping_add_signed(offset);
            let [l, a, b] = [0, 1, 2].map(|c| guide[near][c] - centre[c]);
            let difference = l * l + 2.0 * (a * a + b * b);
            let weight = exp_negative(distance + difference * per_difference);
            total += weight;
            for c in 0..3 {
                sum[c] += weight * source[near][c];
            }
        }
        sum.map(|v| v / total)
    })
}

/// exp(-x) for x >= 0 by (1 - x / 64)^64: within 0.01, and 0 from 64 on.
fn exp_negative(x: f32) -> f32 {
    let mut power = (1.0 - x / 64.0).max(0.0);
    for _ in 0..6 {
        power *= power;
    }
    power
}

/// The pixels with their border mirrored for `radius` pixels, and the length of a row of them.
fn padded(colours: &Colours, radius: usize) -> (usize, Vec<[f32; 3]>) {
    let (width, height) = (colours.width(), colours.height());
    let reach = radius as isize;
    let columns: Vec<usize> = (-reach..width as isize + reach)
        .map(|x| Border::Reflect101.resolve(x, width))
        .collect();
    let pixels = (-reach..height as isize + reach)
        .flat_map(|y| {
            let row = &colours.pixels()[Border::Reflect101.resolve(y, height) * width..][..width];
            columns.iter().map(move |x| row[*x])
        })
        .collect();
    (columns.len(), pixels)
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
