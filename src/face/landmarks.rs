//! From the landmarks of common detectors to the few points that framing a face needs.

use thiserror::Error;

use super::mesh::{MESH_POINTS, MESH_WITH_IRIS_POINTS};

/// The kinds of landmarks that are understood. Left and right are the viewer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LandmarkKind {
    /// Left eye, right eye, nose, left and right corner of the mouth, as MTCNN finds them.
    Five,
    /// The 68 points of iBUG 300-W (Sagonas et al. 2013, doi:10.1109/ICCVW.2013.59).
    Ibug68,
    /// The first 468 points of MediaPipe's face mesh (Kartynnik et al. 2019, arXiv:1907.06724).
    Mesh468,
    /// The same with five points of each iris.
    Mesh478,
}

/// Indices of the points whose means are left eye, right eye, nose and mouth.
type Groups = [&'static [usize]; 4];

const FIVE: Groups = [&[0], &[1], &[2], &[3, 4]];
const IBUG_68: Groups = [
    &[36, 37, 38, 39, 40, 41],
    &[42, 43, 44, 45, 46, 47],
    &[30],
    &[48, 54],
];
/// What comes nearest to MTCNN's points in photos of 330 people: corners and upper lid of the eyes,
/// tip and bridge of the nose, both sides of the corners of the mouth.
const MESH_468: Groups = [
    &[33, 133, 159],
    &[263, 362, 386],
    &[1, 4],
    &[57, 62, 287, 292],
];

impl LandmarkKind {
    /// The kind that has so many points; `None` if there is none.
    pub fn from_count(count: usize) -> Option<Self> {
        [Self::Five, Self::Ibug68, Self::Mesh468, Self::Mesh478]
            .into_iter()
            .find(|kind| kind.count() == count)
    }

    /// Points of a face.
    pub fn count(self) -> usize {
        match self {
            Self::Five => 5,
            Self::Ibug68 => 68,
            Self::Mesh468 => MESH_POINTS,
            Self::Mesh478 => MESH_WITH_IRIS_POINTS,
        }
    }

    fn groups(self) -> Groups {
        match self {
            Self::Five => FIVE,
            Self::Ibug68 => IBUG_68,
            Self::Mesh468 | Self::Mesh478 => MESH_468,
        }
    }
}

/// Why a face is left alone.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
pub enum Refusal {
    /// The landmarks are not those of a face in this photo.
    #[error("{0}")]
    Invalid(&'static str),
    /// Seen so much from the side, from above or from below that it cannot be brought upright.
    #[error("it is turned away")]
    TurnedAway,
    /// Too few pixels to show a face.
    #[error("it is {width_px:.0} pixels wide, at least {least_px} are needed")]
    TooSmall {
        /// Width of the face in pixels.
        width_px: f32,
        /// The limit.
        least_px: f32,
    },
}

/// The points that frame a face, `[x, y]` in pixels of a photo from its top left corner (the first
/// pixel's centre is at 0.5). Left and right are the viewer's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Features {
    /// Centre of the left eye.
    pub left_eye: [f32; 2],
    /// Centre of the right eye.
    pub right_eye: [f32; 2],
    /// Tip of the nose.
    pub nose: [f32; 2],
    /// Middle between the corners of the mouth.
    pub mouth: [f32; 2],
}

/// Least distance of the eyes as a part of that from eyes to mouth, and the reverse. Both are 1 in a
/// frontal face; a face at 65° has eyes of 0.4.
const LEAST_RATIO: f32 = 0.4;
/// Farthest that the nose may be from the middle between the eyes, as a part of their distance. It
/// reaches 0.4 at about 45°.
const NOSE_LIMIT: f32 = 0.4;
/// Largest cosine of the angle between the line of the eyes and that from eyes to mouth.
const SKEW_LIMIT: f32 = 0.7;

impl Features {
    /// The features of a face given by `points`, of the photo of this `[width, height]`. Eyes in the
    /// wrong order, as landmarks of a mirrored photo have them, are put right: a picture is never
    /// flipped.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] if there are not as many points as the kind has, one is not finite,
    /// they lie outside of the photo, coincide or are no face; [`Refusal::TurnedAway`].
    pub fn new(kind: LandmarkKind, points: &[[f32; 2]], size: [usize; 2]) -> Result<Self, Refusal> {
        if points.len() != kind.count() {
            return Err(Refusal::Invalid("it has a wrong number of landmarks"));
        }
        if points.iter().flatten().any(|v| !v.is_finite()) {
            return Err(Refusal::Invalid("a landmark is not a number"));
        }
        let [left_eye, right_eye, nose, mouth] = kind.groups().map(|group| mean(points, group));
        let mut features = Self {
            left_eye,
            right_eye,
            nose,
            mouth,
        };
        features.check_place(size.map(|side| side as f32))?;
        let (eyes, down) = (features.eye_to_eye(), features.eye_to_mouth());
        if eyes[0] * down[1] < eyes[1] * down[0] {
            std::mem::swap(&mut features.left_eye, &mut features.right_eye);
        }
        features.check_pose()?;
        Ok(features)
    }

    /// Middle between the eyes.
    pub fn eye_middle(&self) -> [f32; 2] {
        [0, 1].map(|i| (self.left_eye[i] + self.right_eye[i]) / 2.0)
    }

    /// From the left to the right eye.
    pub fn eye_to_eye(&self) -> [f32; 2] {
        difference(self.right_eye, self.left_eye)
    }

    /// From the middle between the eyes to the mouth.
    pub fn eye_to_mouth(&self) -> [f32; 2] {
        difference(self.mouth, self.eye_middle())
    }

    /// At the border of a photo some features may lie outside, but not most of them, nor far away.
    fn check_place(&self, [width, height]: [f32; 2]) -> Result<(), Refusal> {
        let far = width.max(height);
        let all = [self.left_eye, self.right_eye, self.nose, self.mouth];
        let within = |[x, y]: [f32; 2], by: f32| {
            (-by..=width + by).contains(&x) && (-by..=height + by).contains(&y)
        };
        let inside = all.iter().filter(|point| within(**point, 0.0)).count();
        if inside < 3 || !all.iter().all(|point| within(*point, far)) {
            return Err(Refusal::Invalid("it lies outside of the photo"));
        }
        Ok(())
    }

    fn check_pose(&self) -> Result<(), Refusal> {
        let (eyes, down) = (self.eye_to_eye(), self.eye_to_mouth());
        let (across, along) = (length(eyes), length(down));
        if across.max(along) < 1.0 {
            return Err(Refusal::Invalid("its landmarks are all at one point"));
        }
        if across.min(along) < LEAST_RATIO * across.max(along) {
            return Err(Refusal::TurnedAway);
        }
        if dot(eyes, down).abs() > SKEW_LIMIT * across * along {
            return Err(Refusal::Invalid("its landmarks are not those of a face"));
        }
        let nose = dot(difference(self.nose, self.eye_middle()), eyes) / (across * across);
        if nose.abs() > NOSE_LIMIT {
            return Err(Refusal::TurnedAway);
        }
        Ok(())
    }
}

fn mean(points: &[[f32; 2]], group: &[usize]) -> [f32; 2] {
    [0, 1].map(|i| group.iter().map(|&at| points[at][i]).sum::<f32>() / group.len() as f32)
}

fn difference(to: [f32; 2], from: [f32; 2]) -> [f32; 2] {
    [to[0] - from[0], to[1] - from[1]]
}

fn dot(a: [f32; 2], b: [f32; 2]) -> f32 {
    a[0] * b[0] + a[1] * b[1]
}

fn length([x, y]: [f32; 2]) -> f32 {
    x.hypot(y)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACE: [[f32; 2]; 5] = [
        [40.0, 50.0],
        [80.0, 50.0],
        [60.0, 70.0],
        [45.0, 90.0],
        [75.0, 90.0],
    ];

    fn features(points: [[f32; 2]; 5]) -> Result<Features, Refusal> {
        Features::new(LandmarkKind::Five, &points, [120, 120])
    }

    #[test]
    fn five_points() {
        let expected = Features {
            left_eye: [40.0, 50.0],
            right_eye: [80.0, 50.0],
            nose: [60.0, 70.0],
            mouth: [60.0, 90.0],
        };
        assert_eq!(features(FACE), Ok(expected));
    }

    /// Every other kind gives the same features when its points are placed around the five.
    #[test]
    fn every_kind_finds_the_same_features() {
        let kinds = [
            LandmarkKind::Ibug68,
            LandmarkKind::Mesh468,
            LandmarkKind::Mesh478,
        ];
        for kind in kinds {
            // Points that do not matter are anywhere.
            let mut points = vec![[7.0, 9.0]; kind.count()];
            let groups = kind.groups();
            for (group, center) in groups.iter().zip([FACE[0], FACE[1], FACE[2], [60.0, 90.0]]) {
                for (i, &at) in group.iter().enumerate() {
                    // Opposite points cancel out.
                    let by = 4.0 * (i as f32 - (group.len() - 1) as f32 / 2.0);
                    points[at] = [center[0] + by, center[1]];
                }
            }
            assert_eq!(
                Features::new(kind, &points, [120, 120]),
                features(FACE),
                "{kind:?}"
            );
            assert_eq!(LandmarkKind::from_count(kind.count()), Some(kind));
        }
        assert_eq!(LandmarkKind::from_count(6), None);
    }

    #[test]
    fn swapped_eyes_are_put_right() {
        let [left, right, nose, left_mouth, right_mouth] = FACE;
        assert_eq!(
            features([right, left, nose, right_mouth, left_mouth]),
            features(FACE)
        );
    }

    #[test]
    fn upside_down_is_a_face() {
        let turned = features(FACE.map(|[x, y]| [120.0 - x, 120.0 - y])).unwrap();
        assert_eq!(turned.left_eye, [80.0, 70.0]);
    }

    #[test]
    fn what_is_no_face_is_refused_in_words() {
        let refused = |points, word: &str| {
            let refusal = features(points).unwrap_err();
            assert!(refusal.to_string().contains(word), "{refusal}");
        };
        for bad in [f32::NAN, f32::INFINITY] {
            let mut points = FACE;
            points[4][1] = bad;
            refused(points, "not a number");
        }
        refused([[60.0, 60.0]; 5], "at one point");
        refused(FACE.map(|[x, y]| [x + 500.0, y]), "outside");
        refused(FACE.map(|[x, y]| [x * 1e20, y * 1e20]), "outside");
        // The mouth on the line of the eyes.
        let mut points = FACE;
        (points[3], points[4]) = ([110.0, 55.0], [110.0, 55.0]);
        refused(points, "not those of a face");
        let short = Features::new(LandmarkKind::Five, &FACE[..4], [120, 120]);
        assert!(matches!(short, Err(Refusal::Invalid(_))));
    }

    #[test]
    fn turned_faces_are_refused() {
        let mut nose = FACE;
        nose[2][0] = 60.0 + 0.41 * 40.0;
        assert_eq!(features(nose), Err(Refusal::TurnedAway));
        nose[2][0] = 60.0 + 0.39 * 40.0;
        assert!(features(nose).is_ok());
        let narrow = FACE.map(|[x, y]| [60.0 + (x - 60.0) * 0.39, y]);
        assert_eq!(features(narrow), Err(Refusal::TurnedAway));
        let flat = FACE.map(|[x, y]| [x, 50.0 + (y - 50.0) * 0.39]);
        assert_eq!(features(flat), Err(Refusal::TurnedAway));
    }

    #[test]
    fn a_face_at_the_border_is_one() {
        let left = FACE.map(|[x, y]| [x - 50.0, y]);
        assert!(features(left).is_ok());
        let gone = FACE.map(|[x, y]| [x - 70.0, y]);
        assert!(features(gone).is_err());
    }
}
