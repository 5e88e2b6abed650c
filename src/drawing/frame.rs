//! Where things are in a face crop: coordinates along the face's axes, in units of its width, and
//! regions bounded by landmarks.

use crate::face::mesh::{EYES, EyeFrame, FaceFrame, mean};

use super::pen::{self, Mask};

/// A square crop of an upright face and its landmarks.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Pixels of a side.
    pub side: usize,
    /// The face mesh in pixels of the crop.
    pub points: Vec<[f32; 2]>,
    /// Axes and size of the face.
    pub face: FaceFrame,
    /// The left and the right eye.
    pub eyes: [EyeFrame; 2],
}

impl Frame {
    /// The frame of a crop of `side` pixels in which the mesh `points` lie; `None` if they are no
    /// face's.
    pub fn new(side: usize, points: &[[f32; 2]]) -> Option<Self> {
        let face = FaceFrame::new(points)?;
        let [left, right] = EYES.map(|eye| EyeFrame::new(points, &eye, &face));
        Some(Self {
            side,
            points: points.to_vec(),
            face,
            eyes: [left?, right?],
        })
    }

    /// Width of the face in pixels: the unit of all lengths.
    pub fn unit(&self) -> f32 {
        self.face.width_px
    }

    /// Centre of pixel `i`.
    pub fn pixel(&self, i: usize) -> [f32; 2] {
        [i % self.side, i / self.side].map(|v| v as f32 + 0.5)
    }

    /// Coordinates to the right and down of pixel `i` from `origin`, in units of the face's width.
    pub fn place(&self, i: usize, origin: [f32; 2]) -> [f32; 2] {
        self.local(self.pixel(i), origin)
    }

    /// Coordinates to the right and down of a point from `origin`, in units of the face's width.
    pub fn local(&self, point: [f32; 2], origin: [f32; 2]) -> [f32; 2] {
        self.face.local(point, origin).map(|v| v / self.unit())
    }

    /// The landmarks of these numbers.
    pub fn at<const N: usize>(&self, indices: [usize; N]) -> Vec<[f32; 2]> {
        indices.iter().map(|i| self.points[*i]).collect()
    }

    /// `points` moved to the right and down by units of the face's width.
    pub fn shifted(&self, points: &[[f32; 2]], right: f32, down: f32) -> Vec<[f32; 2]> {
        let by = self.face.vector(right * self.unit(), down * self.unit());
        points
            .iter()
            .map(|p| [p[0] + by[0], p[1] + by[1]])
            .collect()
    }

    /// The inside of a polygon, with soft edges.
    pub fn fill(&self, polygon: &[[f32; 2]]) -> Mask {
        pen::fill(self.side, polygon)
    }

    /// The opening of the left (0) or right (1) eye, enlarged about its middle.
    pub fn eye_polygon(&self, side: usize, factor: f32) -> Vec<[f32; 2]> {
        let eye = &EYES[side];
        let mut points = self.at(eye.upper_lid);
        points.extend(self.at(eye.lower_lid).into_iter().rev());
        enlarged(&points, factor)
    }

    /// The left (0) or right (1) brow, grown above and below by a part of the face's width.
    pub fn brow_polygon(&self, side: usize, grown: f32) -> Vec<[f32; 2]> {
        let eye = &EYES[side];
        let mut points = self.shifted(&self.at(eye.brow_above), 0.0, -grown);
        let below = self.shifted(&self.at(eye.brow_below), 0.0, grown);
        points.extend(below.into_iter().rev());
        points
    }
}

/// `points` enlarged about their mean.
pub fn enlarged(points: &[[f32; 2]], factor: f32) -> Vec<[f32; 2]> {
    enlarged_about(points, mean(points), factor)
}

/// `points` enlarged about `middle`.
pub fn enlarged_about(points: &[[f32; 2]], middle: [f32; 2], factor: f32) -> Vec<[f32; 2]> {
    let move_out = |p: &[f32; 2]| [0, 1].map(|i| middle[i] + factor * (p[i] - middle[i]));
    points.iter().map(move_out).collect()
}

/// The point the share `t` of the way from `a` to `b`.
pub fn between(a: [f32; 2], b: [f32; 2], t: f32) -> [f32; 2] {
    [0, 1].map(|i| a[i] + t * (b[i] - a[i]))
}
