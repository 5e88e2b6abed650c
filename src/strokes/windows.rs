//! The windows of the filter: ellipses of a few directions and lengths, cut into sectors.

use crate::kernels::kuwahara::{SECTORS, Tap};

/// Directions of windows, over half a turn.
pub(super) const DIRECTIONS: usize = 16;
/// Lengths of windows: from a circle to an ellipse four times as long as wide.
pub(super) const LENGTHS: usize = 4;
/// Radius of the circle in pixels.
const RADIUS_PX: f32 = 2.6;
/// Pixels that a window reaches from its middle.
pub(super) const PADDING: usize = 5;
/// Half the angle at which a sector's weight vanishes, in radians.
const SECTOR_HALF_ANGLE: f32 = 0.58;

/// The windows of a padded picture with rows of `stride` pixels, by direction and then length.
pub(super) fn windows(stride: usize) -> Vec<Vec<Tap>> {
    let window = |i: usize| {
        let along = (i / LENGTHS) as f32 * std::f32::consts::PI / DIRECTIONS as f32;
        let stretch = 1.0 + (i % LENGTHS) as f32 / (LENGTHS - 1) as f32;
        window(along, stretch, stride)
    };
    (0..DIRECTIONS * LENGTHS).map(window).collect()
}

/// How straight the edges are along which a window of this number lies, 0 to 1.
pub(super) fn straightness(window: u8) -> f32 {
    (usize::from(window) % LENGTHS) as f32 / (LENGTHS - 1) as f32
}

/// The ellipse that lies in the direction `along`, in radians, drawn out and pressed by the factor `stretch`.
fn window(along: f32, stretch: f32, stride: usize) -> Vec<Tap> {
    let (sin, cos) = along.sin_cos();
    let reach = PADDING as isize;
    let mut taps = Vec::new();
    for dy in -reach..=reach {
        for dx in -reach..=reach {
            let (x, y) = (dx as f32, dy as f32);
            // In units of the ellipse's diameter.
            let u = 0.5 * (cos * x + sin * y) / (RADIUS_PX * stretch);
            let v = 0.5 * (cos * y - sin * x) * stretch / RADIUS_PX;
            if u * u + v * v <= 0.25 {
                taps.push(Tap {
                    offset: (dy + reach) as usize * stride + (dx + reach) as usize,
                    weights: weights(u, v),
                });
            }
        }
    }
    let mut sums = [0.0; SECTORS];
    for tap in &taps {
        for (sum, weight) in sums.iter_mut().zip(tap.weights) {
            *sum += weight;
        }
    }
    for tap in &mut taps {
        for (weight, sum) in tap.weights.iter_mut().zip(sums) {
            *weight /= sum;
        }
    }
    taps
}

/// The weights of a pixel at (`u`, `v`) in the sectors, of an ellipse that is a circle of radius 1/2 there.
fn weights(u: f32, v: f32) -> [f32; SECTORS] {
    let (sin, cos) = SECTOR_HALF_ANGLE.sin_cos();
    let zeta = 2.0 / RADIUS_PX;
    let eta = (zeta + cos) / (sin * sin);
    let half = std::f32::consts::FRAC_1_SQRT_2;
    let (p, q) = (half * (u - v), half * (u + v));
    let along = |value: f32| zeta - eta * value * value;
    let reach = [
        v + along(u),
        q + along(p),
        -u + along(v),
        -p + along(q),
        -v + along(u),
        -q + along(p),
        u + along(v),
        p + along(q),
    ];
    let weights = reach.map(|z| z.max(0.0) * z.max(0.0));
    let total = weights.iter().sum::<f32>().max(f32::MIN_POSITIVE);
    weights.map(|weight| weight * (-3.125 * (u * u + v * v)).exp() / total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_fit_into_the_padding_and_every_sector_has_a_mean() {
        let stride = 40;
        for window in windows(stride) {
            assert!((13..=40).contains(&window.len()), "{}", window.len());
            for sector in 0..SECTORS {
                let sum: f32 = window.iter().map(|tap| tap.weights[sector]).sum();
                assert!((sum - 1.0).abs() < 1e-5, "{sum}");
            }
            let edge = 2 * PADDING;
            assert!(window.iter().all(|tap| tap.offset <= edge * stride + edge));
        }
    }
}
