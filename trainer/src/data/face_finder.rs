//! Faces of photos by MTCNN, and their upright crops.

use anyhow::Result;
use burn::tensor::Device;
use image::RgbImage;
use nijigen::face::{FaceSquare, Features, LandmarkKind};
use nijigen::imaging::{Photo, warp};
use nijigen::style::Alignment;

use super::faces::{AlignedFace, FaceFinder, FoundFace, Rect};
use crate::mtcnn::detect::{DetectOptions, Mtcnn};
use crate::picture::to_rgb;

/// Side of a crop in pixels.
const CROP_PX: usize = 256;
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

/// The upright crop of a face as the pipeline cuts it out for a network, and where the face lies in
/// it; `None` where the pipeline leaves the face alone, because it is turned away or is none.
///
/// # Errors
/// If the photo cannot be sampled.
pub fn cut_out_face(photo: &Photo, face: &FoundFace) -> Result<Option<AlignedFace>> {
    let size = [photo.width(), photo.height()];
    let Ok(features) = Features::new(LandmarkKind::Five, &face.landmarks, size) else {
        return Ok(None);
    };
    let square = FaceSquare::ffhq(&features, Alignment::default().expand);
    let to_photo = square.from_crop(CROP_PX as f32);
    let Some(to_crop) = to_photo.inverse() else {
        return Ok(None);
    };
    let Rect {
        x,
        y,
        width,
        height,
    } = face.rect;
    let centre = to_crop.apply([x + width / 2.0, y + height / 2.0]);
    let [width, height] = [width, height].map(|side| side * to_crop.scale());
    Ok(Some(AlignedFace {
        image: to_rgb(&warp(photo, to_photo, [CROP_PX; 2])?)?,
        face: FoundFace {
            rect: Rect {
                x: centre[0] - width / 2.0,
                y: centre[1] - height / 2.0,
                width,
                height,
            },
            landmarks: face.landmarks.map(|point| to_crop.apply(point)),
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::scan::load;
    use anyhow::Context;
    use std::path::Path;

    fn centre(rect: Rect) -> [f32; 2] {
        [rect.x + rect.width / 2.0, rect.y + rect.height / 2.0]
    }

    #[test]
    fn a_face_is_found_again_in_its_crop() -> Result<()> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../www/samples/astronaut.jpg");
        let photo = load(&path)?;
        let finder = MtcnnFinder::new()?;
        let found = finder.faces(&to_rgb(&photo)?)?;
        let crop = cut_out_face(&photo, &found[0])?.context("it looks ahead")?;
        let again = finder.faces(&crop.image)?[0];
        let near = |a: [f32; 2], b: [f32; 2], px: f32| (a[0] - b[0]).hypot(a[1] - b[1]) < px;
        for (found, expected) in again.landmarks.iter().zip(crop.face.landmarks) {
            assert!(near(*found, expected, 3.0), "{found:?}, not {expected:?}");
        }
        let (found, expected) = (again.rect, crop.face.rect);
        assert!(near(centre(found), centre(expected), 10.0), "{found:?}");
        let ratio = found.width / expected.width;
        assert!((0.9..1.1).contains(&ratio), "{found:?}, not {expected:?}");
        Ok(())
    }

    #[test]
    fn faces_that_the_pipeline_leaves_alone_are_not_cut_out() -> Result<()> {
        let photo = Photo::new(120, 120, vec![200; 120 * 120 * 4])?;
        let ahead = [
            [40.0, 50.0],
            [80.0, 50.0],
            [60.0, 70.0],
            [45.0, 90.0],
            [75.0, 90.0],
        ];
        let rect = Rect {
            x: 30.0,
            y: 30.0,
            width: 60.0,
            height: 70.0,
        };
        let cut_out = |landmarks| cut_out_face(&photo, &FoundFace { rect, landmarks });
        let crop = cut_out(ahead)?.context("it looks ahead")?;
        assert_eq!(crop.image.dimensions(), (256, 256));
        // The square is 160 pixels wide, and enlarged by 1.3.
        assert!((crop.face.rect.width - 60.0 * 256.0 / 208.0).abs() < 1e-3);
        let mut aside = ahead;
        aside[2] = [79.0, 70.0];
        assert!(cut_out(aside)?.is_none());
        Ok(())
    }
}
