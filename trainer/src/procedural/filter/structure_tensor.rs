//! The smoothed structure tensor: in which direction a picture changes, how much, and how
//! consistently.

use nijigen::filter::plane::{Border, Plane};

use nijigen::filter::{colours::Colours, gaussian::blur};

/// The structure tensor of a picture, at each pixel.
pub struct StructureTensor {
    width: usize,
    height: usize,
    /// Mean of the squared derivative in x, of the product of both, of that in y.
    products: [Plane; 3],
}

impl StructureTensor {
    /// Of one plane, smoothed over `sigma_px`.
    #[allow(dead_code, reason = "targets of portraits are made with it")]
    pub fn of_plane(plane: &Plane, sigma_px: f32) -> Self {
        Self::of_weighted(&[(plane.clone(), 1.0)], sigma_px)
    }

    /// Of OKLab colours, smoothed over `sigma_px`; the opponents count 1.5 times.
    pub fn of_colours(colours: &Colours, sigma_px: f32) -> Self {
        let channels = [(0, 1.0), (1, 1.5), (2, 1.5)];
        Self::of_weighted(
            &channels.map(|(c, weight)| (colours.channel(c), weight)),
            sigma_px,
        )
    }

    fn of_weighted(channels: &[(Plane, f32)], sigma_px: f32) -> Self {
        let (width, height) = (channels[0].0.width(), channels[0].0.height());
        // Sobel's derivatives are eight times the slope.
        let slopes: Vec<(Plane, Plane, f32)> = channels
            .iter()
            .map(|(plane, weight)| {
                let (in_x, in_y) = plane.sobel(Border::Reflect101);
                (in_x, in_y, weight / 64.0)
            })
            .collect();
        let products = [0, 1, 2].map(|product| {
            let sharp = Plane::from_index(width, height, |i| {
                slopes
                    .iter()
                    .map(|(in_x, in_y, weight)| {
                        let (x, y) = (in_x.values()[i], in_y.values()[i]);
                        weight * [x * x, x * y, y * y][product]
                    })
                    .sum()
            });
            blur(&sharp, sigma_px)
        });
        Self {
            width,
            height,
            products,
        }
    }

    /// The same tensor for the picture enlarged by two, in units of the small picture.
    pub fn doubled(&self) -> Self {
        Self {
            width: 2 * self.width,
            height: 2 * self.height,
            products: [0, 1, 2].map(|i| nijigen::filter::resize::double_linear(&self.products[i])),
        }
    }

    /// The direction of most change at each pixel: a unit vector, of either sign.
    pub fn directions(&self) -> Vec<[f32; 2]> {
        let [xx, xy, yy] = self.products.each_ref().map(Plane::values);
        (0..self.width * self.height)
            .map(|i| {
                let (difference, twice) = (xx[i] - yy[i], 2.0 * xy[i]);
                let length = difference.hypot(twice);
                // Half the angle of (difference, twice).
                let cos_double = if length > 0.0 {
                    difference / length
                } else {
                    1.0
                };
                let cos = (0.5 * (1.0 + cos_double)).max(0.0).sqrt();
                let sin = (0.5 * (1.0 - cos_double)).max(0.0).sqrt();
                [cos, if twice < 0.0 { -sin } else { sin }]
            })
            .collect()
    }

    /// How much stronger the change is in its direction than across: 0 (as in noise) to 1 (as at a
    /// straight edge).
    pub fn anisotropy(&self) -> Plane {
        self.of_eigenvalues(|large, small| (large - small) / (large + small + 1e-7))
    }

    /// Root mean square slope per pixel in the direction of most change.
    pub fn strength(&self) -> Plane {
        self.of_eigenvalues(|large, _| large.sqrt())
    }

    fn of_eigenvalues(&self, value: impl Fn(f32, f32) -> f32 + Sync) -> Plane {
        let [xx, xy, yy] = self.products.each_ref().map(Plane::values);
        Plane::from_index(self.width, self.height, |i| {
            let (sum, difference) = (xx[i] + yy[i], (xx[i] - yy[i]).hypot(2.0 * xy[i]));
            value(
                (0.5 * (sum + difference)).max(0.0),
                (0.5 * (sum - difference)).max(0.0),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waves_give_their_direction_and_strength() {
        for degrees in [0.0f32, 30.0, 90.0, 135.0, 170.0] {
            let (sin, cos) = degrees.to_radians().sin_cos();
            let wave = Plane::from_index(64, 64, |i| {
                let along = cos * (i % 64) as f32 + sin * (i / 64) as f32;
                (0.3 * along).sin()
            });
            let tensor = StructureTensor::of_plane(&wave, 6.0);
            let centre = 32 * 64 + 32;
            let [x, y] = tensor.directions()[centre];
            assert!((x * cos + y * sin).abs() > 0.999, "{degrees}: {x}, {y}");
            assert!(tensor.anisotropy().values()[centre] > 0.98);
            // The slope of 0.3 cos, root mean square; Sobel smooths a little.
            let expected = 0.3 / 2.0f32.sqrt();
            assert!((tensor.strength().values()[centre] - expected).abs() < 0.015);
        }
    }

    #[test]
    fn doubling_keeps_directions() {
        let wave = Plane::from_index(32, 32, |i| (0.5 * (i % 32) as f32).sin());
        let doubled = StructureTensor::of_plane(&wave, 3.0).doubled();
        let directions = doubled.directions();
        assert_eq!(directions.len(), 64 * 64);
        assert!(directions[32 * 64 + 31][0] > 0.999);
    }
}
