//! Planes of a face crop's size.

use nijigen::drawing::frame::Frame;
use nijigen::drawing::pen::Mask;

use nijigen::filter::plane::Plane;

/// What makes planes of a crop.
pub trait FramePlanes {
    /// A plane of the crop's size.
    fn plane(&self, value: impl Fn(usize) -> f32 + Sync) -> Plane;

    /// The inside of a polygon, 0 to 1, with soft edges.
    fn region(&self, polygon: &[[f32; 2]]) -> Plane;

    /// A plane of the crop's size as something to draw.
    fn mask(&self, plane: &Plane) -> Mask;
}

impl FramePlanes for Frame {
    fn plane(&self, value: impl Fn(usize) -> f32 + Sync) -> Plane {
        Plane::from_index(self.side, self.side, value)
    }

    fn region(&self, polygon: &[[f32; 2]]) -> Plane {
        let inside = self.fill(polygon);
        self.plane(|i| inside.at(i % self.side, i / self.side))
    }

    fn mask(&self, plane: &Plane) -> Mask {
        Mask::of_square(self.side, plane.values().to_vec())
    }
}
