//! Planes of a face crop's size.

use crate::filter::components::Components;
use crate::filter::plane::Plane;

use super::frame::Frame;
use super::pen::Mask;

impl Frame {
    /// A plane of the crop's size.
    pub fn plane(&self, value: impl Fn(usize) -> f32 + Sync) -> Plane {
        Plane::from_index(self.side, self.side, value)
    }

    /// The inside of a polygon, 0 to 1, with soft edges.
    pub fn region(&self, polygon: &[[f32; 2]]) -> Plane {
        let inside = self.fill(polygon);
        self.plane(|i| inside.at(i % self.side, i / self.side))
    }

    /// A plane of the crop's size as something to draw.
    pub fn mask(&self, plane: &Plane) -> Mask {
        Mask::of_square(self.side, plane.values().to_vec())
    }
}

/// Where a smooth plane is above `threshold`, at a point, with a border a pixel wide in a picture in which `scale` pixels of the
/// plane are one.
pub(super) fn crisp(plane: &Plane, point: [f32; 2], threshold: f32, scale: f32) -> f32 {
    let [value, slope] = value_and_slope(plane, point);
    ((value - threshold) / (slope * scale).max(1e-4) + 0.5).clamp(0.0, 1.0)
}

/// The value at a point, and its change a pixel.
pub(super) fn value_and_slope(plane: &Plane, point: [f32; 2]) -> [f32; 2] {
    let [x, y] = point.map(|v| v - 0.5);
    let at = |x: f32, y: f32| plane.sample(x, y);
    let slope = 0.5 * (at(x + 1.0, y) - at(x - 1.0, y)).hypot(at(x, y + 1.0) - at(x, y - 1.0));
    [at(x, y), slope]
}

/// A region without its parts that are smaller than `area`.
pub(super) fn without_small_parts(region: &Plane, area: f32) -> Plane {
    let parts = Components::of(region, false);
    Plane::from_index(region.width(), region.height(), |i| {
        match parts.labels[i] as usize {
            0 => 0.0,
            part => f32::from(parts.parts[part - 1].area as f32 >= area),
        }
    })
}
