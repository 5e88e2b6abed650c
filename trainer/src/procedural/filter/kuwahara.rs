//! The anisotropic Kuwahara filter (Kyprianidis, Kang and Döllner, 2009; sector weights by
//! polynomials, 2010): each pixel takes the mean of the calmest of eight sectors of an ellipse that
//! lies along the edges, which makes strokes of flat colour with crisp borders.

use nijigen::filter::plane::{Border, Plane};

use nijigen::filter::colours::Colours;

/// Sectors of the window.
const SECTORS: usize = 8;
/// Half the angle at which a sector's weight vanishes, in radians.
const SECTOR_HALF_ANGLE: f32 = 0.58;
/// Variances are multiplied by this before they are weighed: OKLab's are small.
const VARIANCE_SCALE: f32 = 1000.0;

/// How much calmer a sector must be to win.
#[derive(Clone, Copy, Debug)]
pub struct Sharpness {
    /// Exponent of the standard deviation by which sectors lose weight: 8 to 12.
    pub exponent: f32,
    /// Factor on the variance.
    pub hardness: f32,
}

/// Filters OKLab `colours` with windows of `radius_px` (a circle of the same area; below 1 px a
/// pixel stays as it is), drawn out along the edges where `anisotropy` is high, at most twice as
/// long as wide on either axis. `directions` are across the edges.
///
/// # Panics
/// If sizes differ.
pub fn kuwahara(
    colours: &Colours,
    directions: &[[f32; 2]],
    anisotropy: &Plane,
    radius_px: &Plane,
    sharpness: Sharpness,
) -> Colours {
    let (width, height) = (colours.width(), colours.height());
    assert_eq!(directions.len(), width * height);
    assert_eq!(anisotropy.values().len(), width * height);
    assert_eq!(radius_px.values().len(), width * height);
    let (sin, cos) = SECTOR_HALF_ANGLE.sin_cos();
    colours.map(|i, centre| {
        let radius = radius_px.values()[i];
        if radius < 1.0 {
            return centre;
        }
        let zeta = 2.0 / radius;
        let eta = (zeta + cos) / (sin * sin);
        let stretch = 1.0 + anisotropy.values()[i].clamp(0.0, 1.0);
        let (major, minor) = (radius * stretch, radius / stretch);
        let [across, along] = directions[i];
        let (tx, ty) = (-along, across);
        let reach_x = (major * tx).hypot(minor * ty) as isize;
        let reach_y = (major * ty).hypot(minor * tx) as isize;
        let (x, y) = ((i % width) as isize, (i / width) as isize);
        let mut sectors = Sectors::default();
        for dy in -reach_y..=reach_y {
            let row = Border::Reflect101.resolve(y + dy, height) * width;
            for dx in -reach_x..=reach_x {
                let (fx, fy) = (dx as f32, dy as f32);
                let u = 0.5 * (tx * fx + ty * fy) / major;
                let v = 0.5 * (tx * fy - ty * fx) / minor;
                let distance = u * u + v * v;
                if distance > 0.25 {
                    continue;
                }
                let column = x + dx;
                let column = if column >= 0 && column < width as isize {
                    column as usize
                } else {
                    Border::Reflect101.resolve(column, width)
                };
                sectors.add(u, v, zeta, eta, distance, colours.pixels()[row + column]);
            }
        }
        sectors.calmest(sharpness)
    })
}

/// Weighted sums over the eight sectors.
#[derive(Default)]
struct Sectors {
    weight: [f32; SECTORS],
    sum: [[f32; SECTORS]; 3],
    squares: [[f32; SECTORS]; 3],
}

impl Sectors {
    /// Adds a pixel at (`u`, `v`) of the window, in which the ellipse is a circle of radius 1/2.
    fn add(&mut self, u: f32, v: f32, zeta: f32, eta: f32, distance: f32, colour: [f32; 3]) {
        let half = std::f32::consts::FRAC_1_SQRT_2;
        let (p, q) = (half * (u - v), half * (u + v));
        let (along_u, along_v) = (zeta - eta * u * u, zeta - eta * v * v);
        let (along_p, along_q) = (zeta - eta * p * p, zeta - eta * q * q);
        let reach = [
            v + along_u,
            q + along_p,
            -u + along_v,
            -p + along_q,
            -v + along_u,
            -q + along_p,
            u + along_v,
            p + along_q,
        ];
        let mut weights = reach.map(|z| z.max(0.0) * z.max(0.0));
        let total: f32 = weights.iter().sum();
        if total <= 0.0 {
            return;
        }
        let scale = (-3.125 * distance).exp() / total;
        for weight in &mut weights {
            *weight *= scale;
        }
        add_weighted(&mut self.weight, &weights, 1.0);
        for (c, value) in colour.into_iter().enumerate() {
            add_weighted(&mut self.sum[c], &weights, value);
            add_weighted(&mut self.squares[c], &weights, value * value);
        }
    }

    /// The mean colour of the sectors, those of little variance weighing most.
    fn calmest(&self, sharpness: Sharpness) -> [f32; 3] {
        let (mut colour, mut total) = ([0.0; 3], 0.0);
        for k in 0..SECTORS {
            let scale = 1.0 / self.weight[k].max(1e-9);
            let mean = [0, 1, 2].map(|c| self.sum[c][k] * scale);
            let variance =
                [0, 1, 2].map(|c| (self.squares[c][k] * scale - mean[c] * mean[c]).abs());
            let variance = variance[0] + 2.0 * (variance[1] + variance[2]);
            let weight = 1.0
                / (1.0
                    + (sharpness.hardness * VARIANCE_SCALE * variance)
                        .powf(0.5 * sharpness.exponent));
            for c in 0..3 {
                colour[c] += weight * mean[c];
            }
            total += weight;
        }
        colour.map(|v| v / total)
    }
}

/// Adds `value` times each weight to the sums.
fn add_weighted(sums: &mut [f32; SECTORS], weights: &[f32; SECTORS], value: f32) {
    for (sum, weight) in sums.iter_mut().zip(weights) {
        *sum += value * weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARP: Sharpness = Sharpness {
        exponent: 10.0,
        hardness: 2.0,
    };

    #[test]
    fn noise_goes_and_a_step_stays_a_step() {
        let noisy = Colours::from_index(40, 40, |i| {
            let (x, y) = (i % 40, i / 40);
            let noise = ((x * 7 + y * 13) % 5) as f32 * 0.01 - 0.02;
            [if x < 20 { 0.3 } else { 0.7 } + noise, 0.05, 0.0]
        });
        let plane = |value: f32| Plane::from_index(40, 40, |_| value);
        let out = kuwahara(&noisy, &[[1.0, 0.0]; 1600], &plane(0.9), &plane(3.0), SHARP);
        let at = |x: usize| out.pixels()[20 * 40 + x][0];
        assert!((at(10) - 0.3).abs() < 0.012 && (at(30) - 0.7).abs() < 0.012);
        assert!((at(19) - 0.3).abs() < 0.03 && (at(20) - 0.7).abs() < 0.03);
        assert!((out.pixels()[5][1] - 0.05).abs() < 1e-6);
    }

    #[test]
    fn a_radius_below_one_pixel_changes_nothing() {
        let picture = Colours::from_index(5, 5, |i| [i as f32, 0.0, 1.0]);
        let plane = |value: f32| Plane::from_index(5, 5, |_| value);
        let out = kuwahara(&picture, &[[0.0, 1.0]; 25], &plane(0.0), &plane(0.9), SHARP);
        assert_eq!(out, picture);
    }

    #[test]
    fn the_sectors_share_every_pixel_fully() {
        let mut sectors = Sectors::default();
        sectors.add(0.1, -0.2, 0.6, 3.0, 0.05, [0.5, 0.1, 0.2]);
        let total: f32 = sectors.weight.iter().sum();
        assert!((total - (-3.125f32 * 0.05).exp()).abs() < 1e-6);
        // Of one colour, every sector has that mean.
        let colour = sectors.calmest(SHARP);
        assert!(sectors.weight.iter().filter(|w| **w > 0.0).count() >= 2);
        assert!(colour[0] <= 0.5 + 1e-6);
    }
}
