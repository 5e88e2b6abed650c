//! What a network did to faces, by landmarks found in the photo and in the output.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::data::faces::Landmarks;

/// The main face of a photo as a detector found it, and the same face in the output.
#[derive(Clone, Copy, Debug)]
pub struct FacePair {
    /// The face in the photo, if there is one.
    pub before: Option<Face>,
    /// Landmarks of that face in the output at the photo's size, if it was found there.
    pub after: Option<Landmarks>,
}

/// A face in a photo.
#[derive(Clone, Copy, Debug)]
pub struct Face {
    /// Its landmarks.
    pub landmarks: Landmarks,
    /// Width of its box in pixels.
    pub width: f32,
}

/// Face metrics over a set of photos.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaceMetrics {
    /// How many photos have a face.
    pub faces: usize,
    /// Mean displacement of landmarks in percent of the face's width, over the faces that were
    /// found again. None if none was.
    pub displacement: Option<f64>,
    /// Share of the photos with a face whose output has none. None without faces.
    pub failure_rate: Option<f64>,
}

impl FaceMetrics {
    /// Measures a set of photos. Those without a face do not count, whatever was found in their
    /// outputs.
    ///
    /// # Errors
    /// As [`landmark_displacement`].
    pub fn measure(pairs: &[FacePair]) -> Result<Self> {
        let (mut faces, mut found, mut sum) = (0, 0, 0.0);
        for pair in pairs {
            let Some(before) = &pair.before else {
                continue;
            };
            faces += 1;
            if let Some(after) = &pair.after {
                found += 1;
                sum += landmark_displacement(before, after)?;
            }
        }
        Ok(Self {
            faces,
            displacement: (found > 0).then(|| sum / f64::from(found)),
            failure_rate: (faces > 0).then(|| 1.0 - f64::from(found) / faces as f64),
        })
    }

    /// The metrics that there are, by the names of the [table](super::table)'s columns.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, f64)> {
        [
            ("landmark_displacement", self.displacement),
            ("face_failures", self.failure_rate),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| (name, value)))
    }
}

/// Mean distance of a face's landmarks from where they were, in percent of the face's width.
///
/// # Errors
/// If the width is not above 0, or a landmark is not finite.
pub fn landmark_displacement(before: &Face, after: &Landmarks) -> Result<f64> {
    ensure!(
        before.width.is_finite() && before.width > 0.0,
        "a face is {} pixels wide; expected more than 0",
        before.width
    );
    let sum: f64 = before
        .landmarks
        .iter()
        .zip(after)
        .map(|(a, b)| f64::from(a[0] - b[0]).hypot(f64::from(a[1] - b[1])))
        .sum();
    ensure!(
        sum.is_finite(),
        "the landmarks {:?} and {after:?} are not all finite",
        before.landmarks
    );
    Ok(100.0 * sum / after.len() as f64 / f64::from(before.width))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACE: Face = Face {
        landmarks: [
            [40.0, 50.0],
            [80.0, 50.0],
            [60.0, 70.0],
            [45.0, 90.0],
            [75.0, 90.0],
        ],
        width: 80.0,
    };

    fn moved(x: f32, y: f32) -> Landmarks {
        FACE.landmarks.map(|point| [point[0] + x, point[1] + y])
    }

    #[test]
    fn displacement_is_relative_to_the_width() -> Result<()> {
        assert_eq!(landmark_displacement(&FACE, &moved(0.0, 0.0))?, 0.0);
        assert_eq!(landmark_displacement(&FACE, &moved(3.0, -4.0))?, 6.25);
        let mut one = FACE.landmarks;
        one[2] = [60.0, 78.0];
        assert_eq!(landmark_displacement(&FACE, &one)?, 2.0);
        Ok(())
    }

    #[test]
    fn failures_and_displacement_over_a_set() -> Result<()> {
        let pair = |before, after| FacePair { before, after };
        let metrics = FaceMetrics::measure(&[
            pair(Some(FACE), Some(moved(0.0, 4.0))),
            pair(Some(FACE), Some(moved(8.0, 0.0))),
            pair(Some(FACE), None),
            pair(Some(FACE), None),
            pair(None, Some(FACE.landmarks)),
            pair(None, None),
        ])?;
        let expected = FaceMetrics {
            faces: 4,
            displacement: Some(7.5),
            failure_rate: Some(0.5),
        };
        assert_eq!(metrics, expected);
        let named: Vec<_> = metrics.named().collect();
        assert_eq!(
            named,
            [("landmark_displacement", 7.5), ("face_failures", 0.5)]
        );
        Ok(())
    }

    #[test]
    fn sets_without_faces_have_no_metrics() -> Result<()> {
        let metrics = FaceMetrics::measure(&[])?;
        assert_eq!((metrics.faces, metrics.named().count()), (0, 0));
        let lost = FacePair {
            before: Some(FACE),
            after: None,
        };
        let metrics = FaceMetrics::measure(&[lost])?;
        assert_eq!(
            (metrics.displacement, metrics.failure_rate),
            (None, Some(1.0))
        );
        Ok(())
    }

    #[test]
    fn bad_faces_are_refused() {
        for width in [0.0, -1.0, f32::NAN] {
            let face = Face { width, ..FACE };
            assert!(landmark_displacement(&face, &FACE.landmarks).is_err());
        }
        let error = landmark_displacement(&FACE, &moved(f32::NAN, 0.0)).expect_err("NaN");
        assert!(error.to_string().contains("not all finite"), "{error}");
    }
}
