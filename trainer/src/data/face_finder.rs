//! Faces of photos by MTCNN, and their aligned crops.

use anyhow::{Context, Result};
use burn::tensor::Device;
use image::RgbImage;
use nijigen::face::aligned_landmarks;
use nijigen::geometry::SimilarityTransform;

use super::faces::{AlignedFace, FaceFinder, FoundFace, Landmarks, Rect};
use crate::mtcnn::align::align_face;
use crate::mtcnn::detect::{DetectOptions, Mtcnn};

/// Side of an aligned crop in pixels.
const CROP_PX: u32 = 256;
/// Smallest face that is looked for, as a share of the photo's shorter side: smaller ones are
/// bystanders.
const MIN_FACE_SHARE: f32 = 0.08;
/// Smallest face in pixels that MTCNN's landmarks are good for.
const MIN_FACE_PX: usize = 24;
/// Probability from which a find is taken for a face.
const MIN_SCORE: f32 = 0.9;

/// MTCNN as the preparation of photos uses it.
pub struct MtcnnFinder(Mtcnn);

impl MtcnnFinder {
    /// On the CPU.
    ///
    /// # Errors
    /// If the built-in weights are damaged.
    pub fn new() -> Result<Self> {
        Ok(Self(Mtcnn::new(&Device::flex())?))
    }
}

impl FaceFinder for MtcnnFinder {
    fn faces(&self, image: &RgbImage) -> Result<Vec<FoundFace>> {
        let shorter = image.width().min(image.height()) as f32;
        let options = DetectOptions {
            min_face_px: MIN_FACE_PX.max((shorter * MIN_FACE_SHARE) as usize),
            ..DetectOptions::default()
        };
        let faces = self.0.detect(image, &options)?;
        let certain = faces.into_iter().filter(|face| face.score >= MIN_SCORE);
        Ok(certain
            .map(|face| {
                let [left, top, right, bottom] = face.rect;
                FoundFace {
                    rect: Rect {
                        x: left,
                        y: top,
                        width: right - left,
                        height: bottom - top,
                    },
                    landmarks: face.landmarks,
                }
            })
            .collect())
    }
}

/// The crop of a face in the standard pose, and where the face lies in it.
///
/// # Errors
/// If the landmarks are not those of a face.
pub fn align_to_crop(image: &RgbImage, landmarks: &Landmarks) -> Result<AlignedFace> {
    let side = CROP_PX as f32;
    let to_crop = SimilarityTransform::fit(landmarks, &aligned_landmarks(side))
        .with_context(|| format!("the landmarks {landmarks:?} are not those of a face"))?;
    Ok(AlignedFace {
        image: align_face(image, landmarks, CROP_PX)?,
        face: FoundFace {
            // The standard pose is cut so that the face fills the crop.
            rect: Rect {
                x: 0.0,
                y: 0.0,
                width: side,
                height: side,
            },
            landmarks: landmarks.map(|point| to_crop.apply(point)),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn landmarks_of_a_crop_lie_where_the_pose_has_them() -> Result<()> {
        let shifted = aligned_landmarks(100.0).map(|[x, y]| [x + 40.0, y + 30.0]);
        let crop = align_to_crop(&RgbImage::new(200, 180), &shifted)?;
        assert_eq!(crop.image.dimensions(), (256, 256));
        for (found, expected) in crop.face.landmarks.iter().zip(aligned_landmarks(256.0)) {
            assert!((found[0] - expected[0]).abs() < 0.01 && (found[1] - expected[1]).abs() < 0.01);
        }
        Ok(())
    }
}
