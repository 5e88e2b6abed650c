//! Vector drawing with soft edges: regions and tapered strokes, and colour put through them.

use tiny_skia::{FillRule, Mask, Path, PathBuilder, Transform};

use crate::plane::Plane;

use super::frame::distance;

/// Points between two given ones of a spline.
const SPLINE_STEPS: usize = 16;
/// Distance in pixels of the discs that a stroke is made of.
const STROKE_STEP_PX: f32 = 0.7;
/// Thinner parts of a stroke are left out, in pixels.
const LEAST_STROKE_PX: f32 = 0.15;

/// A picture that is drawn on, in sRGB from 0 to 1, row by row.
pub struct Canvas {
    /// Pixels of a side.
    pub side: usize,
    /// The pixels.
    pub pixels: Vec<[f32; 3]>,
}

impl Canvas {
    /// Covers the picture with `colour` where `coverage` is 1, times `opacity`.
    pub fn put(&mut self, coverage: &Plane, opacity: f32, colour: [f32; 3]) {
        for (pixel, share) in self.pixels.iter_mut().zip(coverage.values()) {
            let share = (share * opacity).clamp(0.0, 1.0);
            if share > 0.0 {
                *pixel = std::array::from_fn(|c| pixel[c] + share * (colour[c] - pixel[c]));
            }
        }
    }

    /// Draws a stroke through `points` whose width in pixels at the share `t` of its length is
    /// `width(t)`.
    pub fn stroke(
        &mut self,
        points: &[[f32; 2]],
        width: impl Fn(f32) -> f32,
        opacity: f32,
        colour: [f32; 3],
    ) {
        self.put(&stroke(self.side, points, width), opacity, colour);
    }

    /// Draws a polygon.
    pub fn fill(&mut self, polygon: &[[f32; 2]], opacity: f32, colour: [f32; 3]) {
        self.put(&fill(self.side, polygon), opacity, colour);
    }
}

/// The inside of a polygon in a square of `side` pixels, 0 to 1.
pub fn fill(side: usize, polygon: &[[f32; 2]]) -> Plane {
    let mut path = PathBuilder::new();
    add_polygon(&mut path, polygon);
    coverage(side, path.finish())
}

/// A stroke with round ends, see [`Canvas::stroke`].
pub fn stroke(side: usize, points: &[[f32; 2]], width: impl Fn(f32) -> f32) -> Plane {
    let length: f32 = points.windows(2).map(|p| distance(p[0], p[1])).sum();
    let count = (length / STROKE_STEP_PX) as usize + 2;
    let centers = resample(points, count);
    let radius = |i: usize| width(i as f32 / (count - 1) as f32) / 2.0;
    let mut path = PathBuilder::new();
    for i in 0..count {
        if radius(i) > LEAST_STROKE_PX {
            path.push_circle(centers[i][0], centers[i][1], radius(i));
        }
        // Quadrilaterals between the discs keep the sides smooth.
        let (Some(&to), true) = (centers.get(i + 1), radius(i) > LEAST_STROKE_PX) else {
            continue;
        };
        let from = centers[i];
        let step = distance(from, to);
        if step > 1e-3 && radius(i + 1) > LEAST_STROKE_PX {
            let normal = [(from[1] - to[1]) / step, (to[0] - from[0]) / step];
            let beside = |p: [f32; 2], r: f32| [p[0] + r * normal[0], p[1] + r * normal[1]];
            // The same turning as the discs', or windings would cancel out.
            add_polygon(
                &mut path,
                &[
                    beside(from, -radius(i)),
                    beside(to, -radius(i + 1)),
                    beside(to, radius(i + 1)),
                    beside(from, radius(i)),
                ],
            );
        }
    }
    coverage(side, path.finish())
}

fn add_polygon(path: &mut PathBuilder, polygon: &[[f32; 2]]) {
    if !polygon.iter().flatten().all(|v| v.is_finite()) {
        return;
    }
    for (i, [x, y]) in polygon.iter().enumerate() {
        if i == 0 {
            path.move_to(*x, *y);
        } else {
            path.line_to(*x, *y);
        }
    }
    path.close();
}

/// Nothing if there is no path, or one without area or with numbers that are not finite.
fn coverage(side: usize, path: Option<Path>) -> Plane {
    let path = path.filter(|path| {
        let bounds = path.bounds();
        bounds.width() > 0.0 && bounds.height() > 0.0
    });
    let mask = path.and_then(|path| {
        let mut mask = Mask::new(side as u32, side as u32)?;
        mask.fill_path(&path, FillRule::Winding, true, Transform::identity());
        Some(mask)
    });
    Plane::from_index(side, side, |i| {
        mask.as_ref()
            .map_or(0.0, |mask| f32::from(mask.data()[i]) / 255.0)
    })
}

/// A smooth curve through `points` (Catmull and Rom's), as `count` points of equal distance.
pub fn spline(points: &[[f32; 2]], count: usize) -> Vec<[f32; 2]> {
    let last = points.len() - 1;
    let beyond = |a: [f32; 2], b: [f32; 2]| [2.0 * a[0] - b[0], 2.0 * a[1] - b[1]];
    let get = |i: isize| match i {
        i if i < 0 => beyond(points[0], points[1.min(last)]),
        i if i as usize > last => beyond(points[last], points[last.saturating_sub(1)]),
        i => points[i as usize],
    };
    let mut curve = Vec::with_capacity(last * SPLINE_STEPS + 1);
    for i in 0..last as isize {
        let [a, b, c, d] = [-1, 0, 1, 2].map(|k| get(i + k));
        for step in 0..SPLINE_STEPS {
            let t = step as f32 / SPLINE_STEPS as f32;
            curve.push([0, 1].map(|k| {
                0.5 * (2.0 * b[k]
                    + (c[k] - a[k]) * t
                    + (2.0 * a[k] - 5.0 * b[k] + 4.0 * c[k] - d[k]) * t * t
                    + (3.0 * b[k] - a[k] - 3.0 * c[k] + d[k]) * t * t * t)
            }));
        }
    }
    curve.push(points[last]);
    resample(&curve, count)
}

/// A smooth closed curve through `points`.
pub fn closed_spline(points: &[[f32; 2]]) -> Vec<[f32; 2]> {
    let mut around = points[points.len() - 2..].to_vec();
    around.extend(points);
    around.extend(&points[..2]);
    spline(&around, 160)
}

/// `count` points of equal distance along lines through `points`.
fn resample(points: &[[f32; 2]], count: usize) -> Vec<[f32; 2]> {
    let mut along = vec![0.0];
    for ends in points.windows(2) {
        along.push(along[along.len() - 1] + distance(ends[0], ends[1]));
    }
    let length = along[along.len() - 1];
    let mut at = 0;
    (0..count)
        .map(|i| {
            let place = length * i as f32 / (count - 1) as f32;
            while at + 2 < along.len() && along[at + 1] < place {
                at += 1;
            }
            let (Some(&to), Some(&end)) = (points.get(at + 1), along.get(at + 1)) else {
                return points[0];
            };
            let t = ((place - along[at]) / (end - along[at]).max(1e-6)).clamp(0.0, 1.0);
            super::frame::between(points[at], to, t)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(plane: &Plane) -> f32 {
        plane.values().iter().sum()
    }

    #[test]
    fn regions_have_their_area() {
        assert_eq!(
            sum(&fill(32, &[[f32::NAN, 1.0], [4.0, 4.0], [9.0, 1.0]])),
            0.0
        );
        assert_eq!(sum(&fill(32, &[[1.0, 1.0]])), 0.0);
        // Partly and wholly outside.
        let half = fill(32, &[[-8.0, 4.0], [8.0, 4.0], [8.0, 12.0], [-8.0, 12.0]]);
        assert!((sum(&half) - 64.0).abs() < 1.0, "{}", sum(&half));
        assert_eq!(
            sum(&fill(32, &[[40.0, 4.0], [80.0, 4.0], [60.0, 90.0]])),
            0.0
        );
        let square = fill(32, &[[4.5, 4.5], [20.25, 4.5], [20.25, 10.5], [4.5, 10.5]]);
        assert!((sum(&square) - 15.75 * 6.0).abs() < 1.0, "{}", sum(&square));
        assert_eq!(square.row(7)[12], 1.0);
    }

    #[test]
    fn strokes_taper() {
        let line = stroke(64, &[[8.0, 32.0], [56.0, 32.0]], |t| 8.0 * (1.0 - t));
        let width = |x: usize| (0..64).map(|y| line.row(y)[x]).sum::<f32>();
        for (x, expected) in [(12, 7.3), (32, 4.0), (44, 2.0)] {
            assert!((width(x) - expected).abs() < 0.6, "{x}: {}", width(x));
        }
    }

    #[test]
    fn splines_pass_through_their_points() {
        let points = [[0.0, 0.0], [10.0, 8.0], [25.0, 2.0], [30.0, 20.0]];
        let curve = spline(&points, 400);
        assert_eq!((curve.len(), curve[0]), (400, points[0]));
        for point in points {
            let nearest = curve.iter().map(|p| distance(*p, point));
            assert!(nearest.fold(f32::INFINITY, f32::min) < 0.1, "{point:?}");
        }
    }
}
