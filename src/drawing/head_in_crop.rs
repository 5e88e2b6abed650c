//! A head as it is seen in the crop of its face, which is warped.

use crate::face::AnimeWarp;
use crate::geometry::SimilarityTransform;

use super::frame::Frame;
use super::head::{Head, HeadPoint};
use super::palette::{mix, rgb};
use super::pen::Canvas;

/// Where in the photo the points of a face's crop are.
#[derive(Clone, Debug, PartialEq)]
pub struct CropPlace {
    /// What the crop was warped by, if it was.
    pub warp: Option<AnimeWarp>,
    /// Takes points of the crop, as it was, to the photo.
    pub to_photo: SimilarityTransform,
}

/// A head as it is seen in a crop of its face.
#[derive(Clone, Copy, Debug)]
pub struct HeadInCrop<'a> {
    /// The head.
    pub head: &'a Head,
    /// Where the crop is.
    pub place: &'a CropPlace,
}

impl HeadInCrop<'_> {
    /// A point of the crop in the photo.
    fn in_photo(&self, point: [f32; 2]) -> [f32; 2] {
        let point = match &self.place.warp {
            Some(warp) => warp.unwarp_point(point),
            None => point,
        };
        self.place.to_photo.apply(point)
    }

    /// What is at a point of the crop.
    pub(super) fn at(&self, point: [f32; 2]) -> HeadPoint {
        let scale = self.place.to_photo.scale();
        self.head.at(self.in_photo(point), scale)
    }

    /// Draws the hair over a drawing of the crop.
    pub(super) fn draw_hair(&self, canvas: &mut Canvas, frame: &Frame) {
        for (i, pixel) in canvas.pixels.iter_mut().enumerate() {
            let here = self.at(frame.pixel(i));
            if let Some(colour) = here.hair_colour {
                *pixel = mix(*pixel, rgb(colour), here.hair);
            }
        }
    }

    /// See [`Head::is_deep_skin`].
    pub(super) fn is_deep_skin(&self, point: [f32; 2]) -> f32 {
        self.head.is_deep_skin(self.in_photo(point))
    }
}
