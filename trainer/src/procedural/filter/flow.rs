//! Smoothing along the edges of a picture: line integral convolution, and the flow-based difference
//! of Gaussians (Kang, Lee and Chui, 2007), whose minima are lines.

use nijigen::filter::plane::Plane;

use nijigen::filter::{colours::Colours, gaussian::blur};

/// `colours` smoothed along the edges: a Gaussian of standard deviation `sigma_px` along the line
/// that runs through each pixel at right angles to `directions`, up to two standard deviations
/// either way or to the border.
///
/// # Panics
/// If there isn't a direction for each pixel.
pub fn smooth_along(colours: &Colours, directions: &[[f32; 2]], sigma_px: f32) -> Colours {
    let lines = Lines::new(colours.width(), directions, sigma_px);
    colours.map(|i, centre| lines.mean(i, centre, |x, y| colours.sample(x, y)))
}

/// [`smooth_along`] of one plane.
///
/// # Panics
/// If there isn't a direction for each pixel.
fn smooth_plane_along(plane: &Plane, directions: &[[f32; 2]], sigma_px: f32) -> Plane {
    let lines = Lines::new(plane.width(), directions, sigma_px);
    Plane::from_index(plane.width(), plane.height(), |i| {
        lines.mean(i, [plane.values()[i]], |x, y| [plane.sample(x, y)])[0]
    })
}

/// Lines at right angles to the directions at each pixel, and the weights along them.
struct Lines<'a> {
    width: usize,
    directions: &'a [[f32; 2]],
    /// Weights of one pixel away from the middle and on.
    weights: Vec<f32>,
}

impl<'a> Lines<'a> {
    fn new(width: usize, directions: &'a [[f32; 2]], sigma_px: f32) -> Self {
        let steps = (2.0 * sigma_px + 0.5) as usize;
        let weight = |step: usize| (-((step * step) as f32) / (2.0 * sigma_px * sigma_px)).exp();
        Self {
            width,
            directions,
            weights: (1..=steps).map(weight).collect(),
        }
    }

    /// Weighted mean along the line through pixel `i` of what `sample` is at its places.
    fn mean<const N: usize>(
        &self,
        i: usize,
        centre: [f32; N],
        sample: impl Fn(f32, f32) -> [f32; N],
    ) -> [f32; N] {
        let width = self.width;
        let height = self.directions.len() / width;
        let (last_x, last_y) = ((width - 1) as f32, (height - 1) as f32);
        let [across, along] = self.directions[i];
        let (mut sum, mut total) = (centre, 1.0);
        for side in [1.0, -1.0] {
            let mut tangent = [-along * side, across * side];
            let (mut x, mut y) = ((i % width) as f32, (i / width) as f32);
            for weight in &self.weights {
                x += tangent[0];
                y += tangent[1];
                if !(0.0..=last_x).contains(&x) || !(0.0..=last_y).contains(&y) {
                    break;
                }
                for (sum, value) in sum.iter_mut().zip(sample(x, y)) {
                    *sum += weight * value;
                }
                total += weight;
                let [across, along] =
                    self.directions[(y + 0.5) as usize * width + (x + 0.5) as usize];
                // Directions have no sign of their own: keep going the same way.
                let ahead = -along * tangent[0] + across * tangent[1];
                let sign = if ahead < 0.0 { -1.0 } else { 1.0 };
                tangent = [-along * sign, across * sign];
            }
        }
        sum.map(|v| v / total)
    }
}

/// Flow-based difference of Gaussians: how much darker each place is than its neighbourhood across
/// the edges, made coherent along them. Positive on dark lines and on the dark side of edges.
///
/// The inner Gaussian has the standard deviation `sigma_px` and the outer 1.6 times that, both
/// sampled along `directions`; the result is smoothed over `along_px` at right angles to them.
///
/// # Panics
/// If there isn't a direction for each pixel.
pub fn darkness_across(
    plane: &Plane,
    directions: &[[f32; 2]],
    sigma_px: f32,
    along_px: f32,
) -> Plane {
    let (inner, outer) = (blur(plane, sigma_px), blur(plane, 1.6 * sigma_px));
    let difference = Plane::from_index(plane.width(), plane.height(), |i| {
        outer.values()[i] - inner.values()[i]
    });
    smooth_plane_along(&difference, directions, along_px)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A vertical stripe from `x` 10 to 13 with a gap of two rows.
    fn broken_line() -> Plane {
        Plane::from_index(24, 24, |i| {
            let (x, y) = (i % 24, i / 24);
            let on = (10..13).contains(&x) && y != 11 && y != 12;
            if on { 0.2 } else { 0.9 }
        })
    }

    #[test]
    fn smoothing_along_closes_gaps_and_keeps_the_sides() {
        let line = broken_line();
        let smooth = smooth_plane_along(&line, &[[1.0, 0.0]; 24 * 24], 4.0);
        assert!(smooth.row(11)[11] < 0.45, "{}", smooth.row(11)[11]);
        assert_eq!(smooth.row(5)[8], 0.9);
        // Along a column the weights are those of the Gaussian: compare with their plain sum.
        let weight = |d: i32| (-(d * d) as f32 / 32.0).exp();
        let (mut sum, mut total) = (0.0, 0.0);
        for d in -8..=8 {
            sum += weight(d) * line.row((11 + d) as usize)[11];
            total += weight(d);
        }
        assert!((smooth.row(11)[11] - sum / total).abs() < 1e-5);
    }

    #[test]
    fn turned_directions_smooth_the_other_way() {
        let line = broken_line();
        let smooth = smooth_plane_along(&line, &[[0.0, 1.0]; 24 * 24], 4.0);
        assert!(smooth.row(5)[11] > 0.5);
    }

    #[test]
    fn darkness_is_positive_on_a_dark_line_and_zero_on_a_slope() {
        let line = broken_line();
        let response = darkness_across(&line, &[[1.0, 0.0]; 24 * 24], 1.2, 3.0);
        assert!(response.row(11)[11] > 0.02 && response.row(11)[8] < 0.0);
        let slope = Plane::from_index(40, 40, |i| 0.01 * (i % 40) as f32);
        let response = darkness_across(&slope, &[[1.0, 0.0]; 1600], 1.2, 3.0);
        assert!(response.row(20)[20].abs() < 1e-5);
    }
}
