//! Planes of a face crop's size.

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
