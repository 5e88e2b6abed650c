//! Coordinates along an eye.

use crate::face::mesh::EyeFrame;

/// Coordinates of an eye: 0 to 1 from the inner to the outer corner, and up in the same unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct EyePlace<'a> {
    eye: &'a EyeFrame,
    inner: [f32; 2],
}

impl<'a> EyePlace<'a> {
    /// Those of an eye.
    pub fn new(eye: &'a EyeFrame) -> Self {
        let half = 0.5 * eye.width_px;
        let inner = [0, 1].map(|i| eye.center[i] - half * eye.outward[i]);
        Self { eye, inner }
    }

    /// A point of the picture in them.
    pub fn of(self, point: [f32; 2]) -> [f32; 2] {
        let d = [0, 1].map(|i| (point[i] - self.inner[i]) / self.eye.width_px);
        let along = |axis: [f32; 2]| d[0] * axis[0] + d[1] * axis[1];
        [along(self.eye.outward), along(self.eye.up)]
    }

    /// The reverse of [`Self::of`].
    pub fn to_picture(self, x: f32, y: f32) -> [f32; 2] {
        let EyeFrame {
            width_px,
            outward,
            up,
            ..
        } = self.eye;
        [0, 1].map(|i| self.inner[i] + width_px * (x * outward[i] + y * up[i]))
    }
}
