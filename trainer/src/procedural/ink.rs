//! Ink lines by flow-based differences of Gaussians (Kang, Lee and Chui, 2007, "Coherent line
//! drawing"): the difference is taken across an edge and averaged along it, so that lines come
//! out long and smooth instead of speckled.

use anyhow::Result;
use nijigen::geometry::smoothstep;
use rayon::prelude::*;

use nijigen::filter::plane::{Border, Plane, half_gaussian};

/// Dark violet-brown, RGB in [0, 1].
pub const COLOUR: [f32; 3] = [0.20, 0.12, 0.20];
/// Ratio of the wider Gaussian to the narrower one.
const RATIO: f32 = 1.6;
/// Standard deviation of the structure tensor's smoothing, in pixels.
const TENSOR_SIGMA_PX: f32 = 2.0;
/// Steps of one pixel along the flow to either side, and their Gaussian's standard deviation.
const FLOW_STEPS: usize = 7;
const FLOW_SIGMA_PX: f32 = 3.0;

/// Strength of the ink at each pixel, 0 to 1: where `luma` (in [0, 1]) is darker than its
/// surroundings across the local edge at scale `sigma_px`, rising between the two `thresholds`.
pub fn lines(luma: &Plane, sigma_px: f32, thresholds: [f32; 2]) -> Result<Vec<f32>> {
    let (width, height) = (luma.width(), luma.height());
    let tangents = edge_tangents(luma)?;
    let across = Gaussians::new(sigma_px);
    let mut response = vec![0.0; width * height];
    response
        .par_chunks_mut(width)
        .enumerate()
        .for_each(|(y, row)| {
            for (x, value) in row.iter_mut().enumerate() {
                let [tx, ty] = tangents[y * width + x];
                let mut sum = 0.0;
                for (offset, weight) in across.taps() {
                    // The normal is the tangent turned by a quarter.
                    sum += weight * luma.sample(x as f32 + ty * offset, y as f32 - tx * offset);
                }
                *value = sum;
            }
        });
    let response = Plane::new(width, height, response)?;
    let mut out = vec![0.0; width * height];
    out.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
        for (x, value) in row.iter_mut().enumerate() {
            let mean = along_flow(&response, &tangents, x, y);
            *value = smoothstep(mean, thresholds[0], thresholds[1]);
        }
    });
    Ok(out)
}

/// Wider minus narrower Gaussian on integer offsets: positive on dark lines.
struct Gaussians {
    weights: Vec<f32>,
}

impl Gaussians {
    fn new(sigma_px: f32) -> Self {
        let radius = (3.0 * sigma_px * RATIO).ceil() as usize;
        let whole = |sigma: f32| -> Vec<f32> {
            let half = half_gaussian(sigma, radius);
            half[1..].iter().rev().chain(&half).copied().collect()
        };
        let (wide, narrow) = (whole(sigma_px * RATIO), whole(sigma_px));
        Self {
            weights: wide.iter().zip(narrow).map(|(w, n)| w - n).collect(),
        }
    }

    fn taps(&self) -> impl Iterator<Item = (f32, f32)> + '_ {
        let radius = (self.weights.len() / 2) as f32;
        self.weights
            .iter()
            .enumerate()
            .map(move |(i, &weight)| (i as f32 - radius, weight))
    }
}

/// Unit vectors along the edges: the minor eigenvector of the smoothed structure tensor.
fn edge_tangents(luma: &Plane) -> Result<Vec<[f32; 2]>> {
    let (gx, gy) = luma.sobel(Border::Reflect101);
    let product = |a: &Plane, b: &Plane| a.zip_map(b, |a, b| a * b)?.gaussian_blur(TENSOR_SIGMA_PX);
    let (xx, yy, xy) = (product(&gx, &gx)?, product(&gy, &gy)?, product(&gx, &gy)?);
    Ok((0..xx.values().len())
        .map(|i| {
            let angle = 0.5 * (2.0 * xy.values()[i]).atan2(xx.values()[i] - yy.values()[i]);
            [-angle.sin(), angle.cos()]
        })
        .collect())
}

/// Gaussian mean of `response` along the curve that follows the tangents through a pixel.
fn along_flow(response: &Plane, tangents: &[[f32; 2]], x: usize, y: usize) -> f32 {
    let (width, height) = (response.width(), response.height());
    let mut sum = response.row(y)[x];
    let mut total = 1.0;
    for sign in [1.0, -1.0] {
        let (mut px, mut py) = (x as f32, y as f32);
        let mut direction = tangents[y * width + x].map(|t| sign * t);
        for step in 1..=FLOW_STEPS {
            px += direction[0];
            py += direction[1];
            let weight = (-((step * step) as f32) / (2.0 * FLOW_SIGMA_PX * FLOW_SIGMA_PX)).exp();
            sum += weight * response.sample(px, py);
            total += weight;
            let nearest_x = (px.round().max(0.0) as usize).min(width - 1);
            let nearest_y = (py.round().max(0.0) as usize).min(height - 1);
            let next = tangents[nearest_y * width + nearest_x];
            // A tangent has no sign: keep going the same way.
            let same = next[0] * direction[0] + next[1] * direction[1] >= 0.0;
            direction = if same { next } else { next.map(|t| -t) };
        }
    }
    sum / total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dark_line_is_found_and_a_plain_area_is_not() {
        let values = (0..64 * 64)
            .map(|i| {
                if (30..33).contains(&(i % 64)) {
                    0.3
                } else {
                    0.8
                }
            })
            .collect();
        let luma = Plane::new(64, 64, values).expect("64 x 64 values");
        let ink = lines(&luma, 1.0, [0.005, 0.03]).expect("it has pixels");
        assert!(ink[32 * 64 + 31] > 0.99);
        assert!(ink[32 * 64 + 10] < 1e-3);
    }
}
