//! Which points of the face mesh (Kartynnik et al. 2019, arXiv:1907.06724) lie where, and the axes
//! and size of a face that they give. Left and right are the viewer's.

/// Points of the mesh itself.
pub const MESH_POINTS: usize = 468;
/// Points of the mesh with those of the irises.
pub const MESH_WITH_IRIS_POINTS: usize = 478;

/// Points of one eye and its brow, from the inner end to the outer one.
#[derive(Clone, Copy, Debug)]
pub struct EyeIndices {
    /// Upper lid with both corners.
    pub upper_lid: [usize; 9],
    /// Lower lid with both corners.
    pub lower_lid: [usize; 9],
    /// Upper border of the brow.
    pub brow_above: [usize; 5],
    /// Lower border of the brow.
    pub brow_below: [usize; 5],
    /// Centre of the iris, only in [`MESH_WITH_IRIS_POINTS`].
    pub iris: usize,
    /// Four points on the iris's border.
    pub iris_border: [usize; 4],
}

/// The left and the right eye.
pub const EYES: [EyeIndices; 2] = [
    EyeIndices {
        upper_lid: [133, 173, 157, 158, 159, 160, 161, 246, 33],
        lower_lid: [133, 155, 154, 153, 145, 144, 163, 7, 33],
        brow_above: [107, 66, 105, 63, 70],
        brow_below: [55, 65, 52, 53, 46],
        iris: 468,
        iris_border: [469, 470, 471, 472],
    },
    EyeIndices {
        upper_lid: [362, 398, 384, 385, 386, 387, 388, 466, 263],
        lower_lid: [362, 382, 381, 380, 374, 373, 390, 249, 263],
        brow_above: [336, 296, 334, 293, 300],
        brow_below: [285, 295, 282, 283, 276],
        iris: 473,
        iris_border: [474, 475, 476, 477],
    },
];

/// Outline of the face, clockwise from the middle of the forehead.
pub const OVAL: [usize; 36] = [
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
    148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
];
/// The part of the outline below the temples, from left to right.
pub const JAW: [usize; 23] = [
    127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288,
    361, 323, 454, 356,
];
/// Outer border of the lips, clockwise from the left corner.
pub const LIPS_OUTER: [usize; 20] = [
    61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146,
];
/// Lower border of the upper lip, from left to right.
pub const UPPER_LIP_BELOW: [usize; 11] = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308];
/// Upper border of the lower lip, from left to right.
pub const LOWER_LIP_ABOVE: [usize; 11] = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308];
/// The nose below the bridge.
pub const NOSE: [usize; 19] = [
    1, 4, 5, 195, 2, 94, 98, 327, 97, 326, 64, 294, 48, 278, 49, 279, 129, 358, 19,
];
/// The ridge of the nose from between the brows to the tip.
pub const NOSE_RIDGE: [usize; 7] = [168, 6, 197, 195, 5, 4, 1];
/// The base of the nose from left to right.
pub const NOSE_BASE: [usize; 5] = [98, 97, 2, 326, 327];

/// Middle of the forehead's border.
pub const FOREHEAD: usize = 10;
/// Tip of the chin.
pub const CHIN: usize = 152;
/// Outermost points at the height of the cheekbones.
pub const CHEEKBONES: [usize; 2] = [234, 454];
/// Tip of the nose.
pub const NOSE_TIP: usize = 1;
/// Middle of the nose's base.
pub const SUBNASALE: usize = 2;
/// Corners of the mouth.
pub const MOUTH_CORNERS: [usize; 2] = [61, 291];

/// A face's height as a part of its width, so that a turned face is not taken for a narrow one.
const LEAST_WIDTH_PER_HEIGHT: f32 = 0.80;
/// Degrees of yaw for each part of the width that the tip of the nose is beside the middle of the
/// cheekbones, fitted to the depths of the mesh in 549 portraits: 1.4 degrees off within 45.
const YAW_DEGREES: f32 = 66.6;

/// Axes, size and place of a face in a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaceFrame {
    /// Unit vector from the viewer's left to right of the upright face.
    pub right: [f32; 2],
    /// Unit vector from the forehead to the chin.
    pub down: [f32; 2],
    /// Width of the face in pixels.
    pub width_px: f32,
    /// Middle between forehead and chin.
    pub center: [f32; 2],
    /// Middle between the eyes.
    pub eyes: [f32; 2],
    /// About how far the head is turned, in degrees, positive towards the viewer's right.
    pub yaw_degrees: f32,
}

impl FaceFrame {
    /// The frame of the mesh `points`, of which there are at least [`MESH_POINTS`]. `None` if they
    /// are fewer, coincide or are not finite.
    pub fn new(points: &[[f32; 2]]) -> Option<Self> {
        if points.len() < MESH_POINTS || points.iter().flatten().any(|v| !v.is_finite()) {
            return None;
        }
        let (top, chin) = (points[FOREHEAD], points[CHIN]);
        let height = distance(top, chin);
        let [left, right] = CHEEKBONES.map(|at| points[at]);
        let across = distance(left, right);
        if height < 1.0 || across < 1.0 {
            return None;
        }
        let down = [(chin[0] - top[0]) / height, (chin[1] - top[1]) / height];
        let corners = EYES.map(|eye| [points[eye.upper_lid[0]], points[eye.upper_lid[8]]]);
        let eyes = mean(corners.as_flattened());
        let tip = points[NOSE_TIP];
        let along = |p: [f32; 2]| dot([p[0] - left[0], p[1] - left[1]], subtract(right, left));
        Some(Self {
            right: [down[1], -down[0]],
            down,
            width_px: across.max(LEAST_WIDTH_PER_HEIGHT * height),
            center: mean(&[top, chin]),
            eyes,
            yaw_degrees: YAW_DEGREES * (along(tip) / (across * across) - 0.5),
        })
    }

    /// Coordinates along [`Self::right`] and [`Self::down`] of a point, from `origin`, in pixels.
    pub fn local(&self, point: [f32; 2], origin: [f32; 2]) -> [f32; 2] {
        let d = subtract(point, origin);
        [dot(d, self.right), dot(d, self.down)]
    }

    /// The vector whose coordinates along [`Self::right`] and [`Self::down`] are `x` and `y`.
    pub fn vector(&self, x: f32, y: f32) -> [f32; 2] {
        [0, 1].map(|i| x * self.right[i] + y * self.down[i])
    }
}

/// One eye's corners and openness.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EyeFrame {
    /// Middle between the corners.
    pub center: [f32; 2],
    /// Distance of the corners in pixels.
    pub width_px: f32,
    /// Unit vector from the inner to the outer corner.
    pub outward: [f32; 2],
    /// Unit vector at a right angle to it, towards the brow.
    pub up: [f32; 2],
    /// Height of the upper lid above the line of the corners, in pixels.
    pub above_px: f32,
    /// Depth of the lower lid below that line, in pixels.
    pub below_px: f32,
}

impl EyeFrame {
    /// The eye of a face's mesh `points`; `None` if its corners coincide.
    pub fn new(points: &[[f32; 2]], indices: &EyeIndices, face: &FaceFrame) -> Option<Self> {
        let [inner, outer] = [0, 8].map(|i| points[indices.upper_lid[i]]);
        let width_px = distance(inner, outer);
        if width_px < 1e-3 {
            return None;
        }
        let outward = subtract(outer, inner).map(|v| v / width_px);
        let mut up = [outward[1], -outward[0]];
        if dot(up, face.down) > 0.0 {
            up = up.map(|v| -v);
        }
        let center = mean(&[inner, outer]);
        let height = |at: &usize| dot(subtract(points[*at], center), up);
        let largest = |values: &mut dyn Iterator<Item = f32>| values.fold(0.0, f32::max);
        Some(Self {
            center,
            width_px,
            outward,
            up,
            above_px: largest(&mut indices.upper_lid.iter().map(height)),
            below_px: largest(&mut indices.lower_lid.iter().map(|at| -height(at))),
        })
    }

    /// Height of the opening as a part of its width: 0.3 in most eyes, 0.2 in narrow ones.
    pub fn openness(&self) -> f32 {
        (self.above_px + self.below_px) / self.width_px
    }
}

pub(super) fn subtract(a: [f32; 2], b: [f32; 2]) -> [f32; 2] {
    [a[0] - b[0], a[1] - b[1]]
}

pub(super) fn dot(a: [f32; 2], b: [f32; 2]) -> f32 {
    a[0] * b[0] + a[1] * b[1]
}

/// The distance of two points.
pub fn distance(a: [f32; 2], b: [f32; 2]) -> f32 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// The mean of some points.
pub fn mean(points: &[[f32; 2]]) -> [f32; 2] {
    [0, 1].map(|i| points.iter().map(|p| p[i]).sum::<f32>() / points.len() as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::example_face::example_face;

    fn near([ax, ay]: [f32; 2], [bx, by]: [f32; 2]) -> bool {
        (ax - bx).hypot(ay - by) < 1e-2
    }

    #[test]
    fn the_frame_of_an_upright_face() {
        let face = FaceFrame::new(&example_face()).unwrap();
        assert!(near(face.right, [1.0, 0.0]) && near(face.down, [0.0, 1.0]));
        assert!(near(face.center, [256.0, 270.0]) && near(face.eyes, [256.0, 240.0]));
        // The height decides: 0.8 times 260.
        assert!((face.width_px - 208.0).abs() < 0.1, "{face:?}");
        assert!(face.yaw_degrees.abs() < 1.0);
        assert!(near(face.local([266.0, 250.0], face.eyes), [10.0, 10.0]));
        assert!(near(face.vector(3.0, 4.0), [3.0, 4.0]));
    }

    #[test]
    fn turned_by_a_quarter_everything_turns() {
        let points: Vec<_> = example_face().iter().map(|[x, y]| [-y, *x]).collect();
        let face = FaceFrame::new(&points).unwrap();
        assert!(near(face.right, [0.0, 1.0]) && near(face.down, [-1.0, 0.0]));
        let eye = EyeFrame::new(&points, &EYES[1], &face).unwrap();
        assert!(near(eye.up, [1.0, 0.0]) && near(eye.outward, [0.0, 1.0]));
        assert!((eye.openness() - 12.0 / 40.0).abs() < 0.01, "{eye:?}");
    }

    #[test]
    fn the_nose_tells_the_yaw() {
        let mut points = example_face();
        points[NOSE_TIP][0] += 60.0;
        let yaw = FaceFrame::new(&points).unwrap().yaw_degrees;
        assert!((yaw - 20.0).abs() < 1.0, "{yaw}");
    }

    #[test]
    fn what_is_no_face_has_no_frame() {
        assert_eq!(FaceFrame::new(&example_face()[..467]), None);
        assert_eq!(FaceFrame::new(&[[3.0, 3.0]; 468]), None);
        let mut points = example_face();
        points[300][0] = f32::NAN;
        assert_eq!(FaceFrame::new(&points), None);
    }
}
