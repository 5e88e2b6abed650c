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

/// From so far above or below 1/2 on a place is far from the border of a region.
const FAR: f32 = 0.48;

/// How far a point is in the region where a smooth plane of 0 to 1 is above 1/2, with a border a pixel wide in a picture in which `scale` pixels of the
/// plane are one.
pub(super) fn crisp(plane: &Plane, point: [f32; 2], scale: f32) -> f32 {
    crisp_above(plane, 0.5, point, scale)
}

/// The same of where it is above `level`.
pub(super) fn crisp_above(plane: &Plane, level: f32, point: [f32; 2], scale: f32) -> f32 {
    (inwards(plane, level, point) / scale + 0.5).clamp(0.0, 1.0)
}

/// How far a point is on a line along the border of such a region that reaches `half_width` pixels of the plane to either side.
pub(super) fn on_border(plane: &Plane, point: [f32; 2], scale: f32, half_width: f32) -> f32 {
    let away = inwards(plane, 0.5, point).abs();
    ((half_width - away) / scale + 0.5).clamp(0.0, 1.0)
}

/// How many pixels of the plane a point is within where the plane is above `level`; far away if it is far from its border.
fn inwards(plane: &Plane, level: f32, point: [f32; 2]) -> f32 {
    let [x, y] = point.map(|v| v - 0.5);
    let above = plane.sample(x, y) - level;
    if above.abs() > FAR {
        return above.signum() * f32::MAX;
    }
    let across = plane.sample(x + 1.0, y) - plane.sample(x - 1.0, y);
    let down = plane.sample(x, y + 1.0) - plane.sample(x, y - 1.0);
    let slope = 0.5 * (across * across + down * down).sqrt();
    above / slope.max(1e-4)
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
