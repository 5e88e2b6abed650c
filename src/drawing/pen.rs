//! Regions and tapered strokes with soft edges, and colour put through them.

use crate::face::mesh::distance;
use crate::imaging::Photo;

use super::frame::between;
use super::palette::mix;

/// Points between two given ones of a spline.
const SPLINE_STEPS: usize = 16;
/// Thinner parts of a stroke are left out, in pixels.
const LEAST_STROKE_PX: f32 = 0.15;
/// A stroke's width is that of so many places along it.
const STROKE_STEP_PX: f32 = 0.7;

/// How much of each pixel of a rectangle is covered.
#[derive(Clone, Debug, PartialEq)]
pub struct Mask {
    /// First column.
    pub left: usize,
    /// First row.
    pub top: usize,
    /// Columns.
    pub width: usize,
    /// 0 to 1, row by row.
    pub values: Vec<f32>,
}

impl Mask {
    /// An empty mask over the pixels of a square of `side` that are at most `margin` beyond `points`.
    fn around(side: usize, points: &[[f32; 2]], margin: f32) -> Self {
        let [columns, rows] = [0, 1].map(|axis| {
            let values = points.iter().map(|p| p[axis]);
            let low = values.clone().fold(f32::INFINITY, f32::min) - margin;
            let high = values.fold(f32::NEG_INFINITY, f32::max) + margin;
            // The casts saturate; nothing is between not a number and another.
            let start = (low.floor() as usize).min(side);
            start..(high.ceil() as usize).clamp(start, side)
        });
        Self {
            left: columns.start,
            top: rows.start,
            width: columns.len(),
            values: vec![0.0; columns.len() * rows.len()],
        }
    }

    /// A mask over a whole square of `side` pixels.
    pub fn of_square(side: usize, values: Vec<f32>) -> Self {
        Self {
            left: 0,
            top: 0,
            width: side,
            values,
        }
    }

    /// Covered pixels' place in a picture of `side` pixels a row, and how much each is covered.
    pub fn pixels(&self, side: usize) -> impl Iterator<Item = (usize, f32)> + '_ {
        let width = self.width.max(1);
        self.values
            .iter()
            .enumerate()
            .filter_map(move |(i, share)| {
                let at = (self.top + i / width) * side + self.left + i % width;
                (*share > 0.0).then_some((at, *share))
            })
    }

    /// The coverage of a pixel.
    pub fn at(&self, column: usize, row: usize) -> f32 {
        let inside = column
            .checked_sub(self.left)
            .filter(|x| *x < self.width)
            .zip(row.checked_sub(self.top));
        inside
            .and_then(|(x, y)| self.values.get(y * self.width + x))
            .map_or(0.0, |share| *share)
    }

    /// This times another mask.
    pub fn within(mut self, other: &Self) -> Self {
        let width = self.width.max(1);
        for (i, share) in self.values.iter_mut().enumerate() {
            *share *= other.at(self.left + i % width, self.top + i / width);
        }
        self
    }

    /// Where another mask is not.
    pub fn without(mut self, other: &Self) -> Self {
        let width = self.width.max(1);
        for (i, share) in self.values.iter_mut().enumerate() {
            *share *= 1.0 - other.at(self.left + i % width, self.top + i / width);
        }
        self
    }

    /// Blurred by a Gaussian filter of this standard deviation, in a square of `side` pixels.
    pub fn blurred(&self, sigma_px: f32, side: usize) -> Self {
        let radius = (3.0 * sigma_px).ceil() as usize;
        let kernel: Vec<f32> = (0..=radius)
            .map(|i| (-0.5 * (i as f32 / sigma_px).powi(2)).exp())
            .collect();
        let total = 2.0 * kernel.iter().sum::<f32>() - kernel[0];
        let height = self.values.len() / self.width.max(1);
        let (left, top) = (
            self.left.saturating_sub(radius),
            self.top.saturating_sub(radius),
        );
        let width = (self.left + self.width + radius).min(side) - left;
        let rows = (self.top + height + radius).min(side) - top;
        let sum = |value: &dyn Fn(isize) -> f32, at: usize| -> f32 {
            let reach = radius as isize;
            let terms =
                (-reach..=reach).map(|by| kernel[by.unsigned_abs()] * value(at as isize + by));
            terms.sum::<f32>() / total
        };
        let get = |x: isize, y: usize| usize::try_from(x).map_or(0.0, |x| self.at(x, y));
        let across: Vec<f32> = (0..width * rows)
            .map(|i| {
                let (x, y) = (left + i % width, top + i / width);
                sum(&|x| get(x, y), x)
            })
            .collect();
        let values = (0..width * rows).map(|i| {
            let (column, y) = (i % width, i / width);
            let row = |y: isize| {
                let y = usize::try_from(y).ok().filter(|y| *y < rows);
                y.map_or(0.0, |y| across[y * width + column])
            };
            sum(&row, y)
        });
        Self {
            left,
            top,
            width,
            values: values.collect(),
        }
    }
}

/// A square picture that is drawn on, in sRGB from 0 to 1, row by row.
#[derive(Clone, Debug)]
pub struct Canvas {
    /// Pixels of a side.
    pub side: usize,
    /// The pixels.
    pub pixels: Vec<[f32; 3]>,
}

impl Canvas {
    /// A square photo's colours.
    pub fn of_photo(photo: &Photo) -> Self {
        let colour = |[r, g, b, _]: &[u8; 4]| [*r, *g, *b].map(|v| f32::from(v) / 255.0);
        Self {
            side: photo.width(),
            pixels: photo.pixels().iter().map(colour).collect(),
        }
    }

    /// Gives the colours to a photo of this size.
    pub fn write_to(&self, photo: &mut Photo) {
        for (to, from) in photo.pixels_mut().iter_mut().zip(&self.pixels) {
            for (to, from) in to.iter_mut().zip(from) {
                // The cast saturates.
                *to = (from * 255.0 + 0.5) as u8;
            }
        }
    }

    /// Covers the picture with `colour` where the mask is 1, times `opacity`.
    pub fn put(&mut self, mask: &Mask, opacity: f32, colour: [f32; 3]) {
        self.put_each(mask, opacity, |_| colour);
    }

    /// The same with a colour for each pixel, given by its place.
    pub fn put_each(&mut self, mask: &Mask, opacity: f32, colour: impl Fn(usize) -> [f32; 3]) {
        for (i, share) in mask.pixels(self.side) {
            let (share, colour) = ((share * opacity).clamp(0.0, 1.0), colour(i));
            let pixel = &mut self.pixels[i];
            *pixel = mix(*pixel, colour, share);
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

/// The inside of a polygon in a square of `side` pixels.
///
/// Each pixel's exact area by signed areas under the edges, summed up along the row (as font
/// rasterisers do: Levien, "Inside the fastest font renderer in the world", 2016).
pub fn fill(side: usize, polygon: &[[f32; 2]]) -> Mask {
    if !polygon.iter().flatten().all(|v| v.is_finite()) {
        return Mask::around(side, &[], 0.0);
    }
    let mut mask = Mask::around(side, polygon, 1.0);
    let (width, height) = (mask.width, mask.values.len() / mask.width.max(1));
    let origin = [mask.left as f32, mask.top as f32];
    let after = polygon.iter().cycle().skip(1);
    for (from, to) in polygon.iter().zip(after) {
        let [a, b] = [from, to].map(|p| [p[0] - origin[0], p[1] - origin[1]]);
        add_edge(&mut mask.values, [width, height], a, b);
    }
    for row in mask.values.chunks_exact_mut(width.max(1)) {
        let mut sum = 0.0;
        for value in row {
            sum += *value;
            *value = sum.abs().min(1.0);
        }
    }
    mask
}

/// Adds to each pixel of the rows that an edge crosses how much more of it than of its left neighbour is
/// at the edge's right.
fn add_edge(values: &mut [f32], [width, height]: [usize; 2], a: [f32; 2], b: [f32; 2]) {
    if a[1] == b[1] || width == 0 {
        return;
    }
    let (sign, top, bottom) = if a[1] < b[1] {
        (1.0, a, b)
    } else {
        (-1.0, b, a)
    };
    let slope = (bottom[0] - top[0]) / (bottom[1] - top[1]);
    let rows = top[1].max(0.0) as usize..(bottom[1].max(0.0).ceil() as usize).min(height);
    for y in rows {
        let ends = [top[1].max(y as f32), bottom[1].min(y as f32 + 1.0)];
        let at = ends.map(|y| (top[0] + slope * (y - top[1])).clamp(0.0, width as f32));
        let (low, high) = (at[0].min(at[1]), at[0].max(at[1]));
        // Mean distance that x is at the right of the edge in this row.
        let beyond = |x: f32| {
            if x <= low {
                0.0
            } else if x >= high {
                x - 0.5 * (low + high)
            } else {
                0.5 * (x - low) * (x - low) / (high - low)
            }
        };
        let row = &mut values[y * width..(y + 1) * width];
        let reached = (high as usize + 2).min(width);
        let mut before = 0.0;
        for (x, value) in row.iter_mut().enumerate().take(reached).skip(low as usize) {
            let right = beyond(x as f32 + 1.0) - beyond(x as f32);
            *value += sign * (ends[1] - ends[0]) * (right - before);
            before = right;
        }
    }
}

/// A stroke with round ends, see [`Canvas::stroke`]. What is nearer to its middle line than half its
/// width there is covered, with a border one pixel wide.
pub fn stroke(side: usize, points: &[[f32; 2]], width: impl Fn(f32) -> f32) -> Mask {
    let length: f32 = points.windows(2).map(|p| distance(p[0], p[1])).sum();
    if !length.is_finite() {
        return Mask::around(side, &[], 0.0);
    }
    let count = (length / STROKE_STEP_PX) as usize + 2;
    let centers = resample(points, count);
    let radii: Vec<f32> = (0..count)
        .map(|i| width(i as f32 / (count - 1) as f32) / 2.0)
        .collect();
    let widest = radii.iter().copied().fold(0.0, f32::max);
    let mut mask = Mask::around(side, &centers, widest + 1.0);
    for (ends, radii) in centers.windows(2).zip(radii.windows(2)) {
        if radii[0].max(radii[1]) > LEAST_STROKE_PX {
            add_capsule(&mut mask, side, [ends[0], ends[1]], [radii[0], radii[1]]);
        }
    }
    mask
}

/// Covers what is near a line whose radius changes evenly from end to end.
fn add_capsule(mask: &mut Mask, side: usize, [from, to]: [[f32; 2]; 2], radii: [f32; 2]) {
    let along = [to[0] - from[0], to[1] - from[1]];
    let squared = (along[0] * along[0] + along[1] * along[1]).max(1e-12);
    let part = Mask::around(side, &[from, to], radii[0].max(radii[1]) + 1.0);
    let rows = part.values.len() / part.width.max(1);
    for y in part.top..part.top + rows {
        for x in part.left..part.left + part.width {
            let at = [x as f32 + 0.5 - from[0], y as f32 + 0.5 - from[1]];
            let t = ((at[0] * along[0] + at[1] * along[1]) / squared).clamp(0.0, 1.0);
            let off = (at[0] - t * along[0]).hypot(at[1] - t * along[1]);
            let radius = radii[0] + t * (radii[1] - radii[0]);
            // A line thinner than a pixel covers only a part of it.
            let covered = (radius - off + 0.5).clamp(0.0, 1.0).min(2.0 * radius);
            let index = (y - mask.top) * mask.width + x - mask.left;
            if let Some(value) = mask.values.get_mut(index) {
                *value = value.max(covered);
            }
        }
    }
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

/// A smooth closed curve through `points`, at least two.
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
            between(points[at], to, t)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(mask: &Mask) -> f32 {
        mask.values.iter().sum()
    }

    #[test]
    fn regions_have_their_area() {
        assert_eq!(
            sum(&fill(32, &[[f32::NAN, 1.0], [4.0, 4.0], [9.0, 1.0]])),
            0.0
        );
        assert_eq!(sum(&fill(32, &[[1.0, 1.0]])), 0.0);
        assert_eq!(sum(&fill(32, &[])), 0.0);
        // Partly and wholly outside.
        let half = fill(32, &[[-8.0, 4.0], [8.0, 4.0], [8.0, 12.0], [-8.0, 12.0]]);
        assert!((sum(&half) - 64.0).abs() < 1e-3, "{}", sum(&half));
        let right = fill(32, &[[24.0, -4.0], [60.0, -4.0], [60.0, 8.0], [24.0, 8.0]]);
        assert!((sum(&right) - 64.0).abs() < 1e-3, "{}", sum(&right));
        assert_eq!(
            sum(&fill(32, &[[40.0, 4.0], [80.0, 4.0], [60.0, 90.0]])),
            0.0
        );
        let square = fill(32, &[[4.5, 4.5], [20.25, 4.5], [20.25, 10.5], [4.5, 10.5]]);
        assert!(
            (sum(&square) - 15.75 * 6.0).abs() < 1e-3,
            "{}",
            sum(&square)
        );
        assert_eq!(square.at(12, 7), 1.0);
        assert!((square.at(20, 7) - 0.25).abs() < 1e-5 && square.at(21, 7).abs() < 1e-5);
        // A slope, either way round.
        let mut triangle = vec![[3.2, 2.0], [25.7, 9.4], [8.1, 29.6]];
        let area = 0.5 * (22.5 * 27.6 - 7.4 * 4.9f32);
        for _ in 0..2 {
            let found = sum(&fill(32, &triangle));
            assert!((found - area).abs() < 0.01, "{found} {area}");
            triangle.reverse();
        }
    }

    #[test]
    fn strokes_taper() {
        let line = stroke(64, &[[8.0, 32.0], [56.0, 32.0]], |t| 8.0 * (1.0 - t));
        let width = |x: usize| (0..64).map(|y| line.at(x, y)).sum::<f32>();
        for (x, expected) in [(12, 7.3), (32, 4.0), (44, 2.0)] {
            assert!((width(x) - expected).abs() < 0.6, "{x}: {}", width(x));
        }
        assert_eq!(
            sum(&stroke(64, &[[f32::NAN, 3.0], [9.0, 3.0]], |_| 4.0)),
            0.0
        );
    }

    #[test]
    fn masks_combine_and_blur() {
        let square = |x: f32| {
            let (low, high) = (x, x + 10.0);
            fill(40, &[[low, 10.0], [high, 10.0], [high, 20.0], [low, 20.0]])
        };
        let (left, right) = (square(10.0), square(15.0));
        assert!((sum(&left.clone().within(&right)) - 50.0).abs() < 1e-3);
        assert!((sum(&left.clone().without(&right)) - 50.0).abs() < 1e-3);
        let soft = left.blurred(1.5, 40);
        assert!((sum(&soft) - 100.0).abs() < 0.1, "{}", sum(&soft));
        assert!(soft.at(15, 15) > 0.99 && (0.3..0.7).contains(&soft.at(10, 15)));
        // At the picture's border the rest is cut off.
        let corner = fill(40, &[[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]]);
        assert!(sum(&corner.blurred(2.0, 40)) < 16.0);
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
