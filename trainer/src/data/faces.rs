//! What preparing photos needs to know about faces; who finds them is another matter.

use anyhow::Result;
use image::RgbImage;
use nijigen::imaging::Photo;
use serde::{Deserialize, Serialize};

/// Left eye, right eye, nose, left and right corner of the mouth, left and right as seen in the
/// picture: (x, y) in pixels from the top left corner.
pub type Landmarks = [[f32; 2]; 5];

/// A rectangle in pixels from the top left corner; it may reach beyond the image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rect {
    /// Left side.
    pub x: f32,
    /// Upper side.
    pub y: f32,
    /// Width, above 0.
    pub width: f32,
    /// Height, above 0.
    pub height: f32,
}

/// A face in an image, in that image's pixels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoundFace {
    /// Where the face is.
    pub rect: Rect,
    /// Its five points.
    pub landmarks: Landmarks,
}

/// A crop in which a face is upright.
pub struct AlignedFace {
    /// The crop.
    pub image: RgbImage,
    /// The face in the crop.
    pub face: FoundFace,
}

/// Finds faces in photos.
pub trait FaceFinder {
    /// The faces of a photo, the most certain first.
    ///
    /// # Errors
    /// If the photo cannot be searched.
    fn faces(&self, image: &RgbImage) -> Result<Vec<FoundFace>>;
}

/// Cuts out a face, upright; `None` if it is not to be used.
pub type CutOutFace = fn(&Photo, &FoundFace) -> Result<Option<AlignedFace>>;

impl FoundFace {
    /// The same face in the image enlarged by `factor`.
    pub fn scaled(&self, factor: f32) -> Self {
        let Rect {
            x,
            y,
            width,
            height,
        } = self.rect;
        Self {
            rect: Rect {
                x: x * factor,
                y: y * factor,
                width: width * factor,
                height: height * factor,
            },
            landmarks: self.landmarks.map(|point| point.map(|v| v * factor)),
        }
    }
}
