//! The small copy of a photo of a place from which its sky and its colours follow.

use crate::colour::oklab;
use crate::error::Result;
use crate::filter::colours::Colours;
use crate::filter::plane::Plane;
use crate::filter::resize::resize;
use crate::imaging::{
    Photo, enlarging_bytes, fitted_size, for_each_row, pixel_over_white, pixel_under_white, shrunk,
};
use crate::strokes::paint_strokes;

use super::mask;

/// Longer side in pixels of the pictures in whose pixels lengths are given; larger photos are copied at this size.
pub const LONG_SIDE_PX: usize = 440;

/// A photo's small copy, and where its sky is.
#[derive(Debug)]
pub struct Scene {
    /// The copy.
    pub(crate) small: Photo,
    /// The same in OKLab, on white.
    pub(crate) colours: Colours,
    /// The copy in strokes.
    pub(crate) strokes: Photo,
    /// Length of a pixel at [`LONG_SIDE_PX`].
    pub(crate) scale: f32,
    /// Where the picture shows the sky, 0 to 1, whatever the confidence.
    pub(crate) sky_mask: Plane,
    /// How surely that is the sky, 0 to 1.
    pub(crate) sky_confidence: f32,
}

impl Scene {
    /// That of a photo.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if there is too little.
    pub fn of(photo: &Photo) -> Result<Self> {
        let size = fitted_size([photo.width(), photo.height()], LONG_SIDE_PX);
        let small = shrunk(photo, size)?;
        let scale = size[0].max(size[1]) as f32 / LONG_SIDE_PX as f32;
        let colours = oklab_of(&small);
        let (sky_mask, sky_confidence) = mask::find(&colours, scale);
        let mut strokes = small.clone();
        paint_strokes(&mut strokes);
        Ok(Self {
            small,
            colours,
            strokes,
            scale,
            sky_mask,
            sky_confidence,
        })
    }

    /// The same scene in a copy of at most `side_px` on the longer side.
    pub(crate) fn at_most(&self, side_px: usize) -> Result<Self> {
        let size = fitted_size([self.small.width(), self.small.height()], side_px);
        let small = shrunk(&self.small, size)?;
        Ok(Self {
            colours: oklab_of(&small),
            small,
            strokes: shrunk(&self.strokes, size)?,
            scale: size[0].max(size[1]) as f32 / LONG_SIDE_PX as f32,
            sky_mask: resize(&self.sky_mask, size[0], size[1]),
            sky_confidence: self.sky_confidence,
        })
    }

    /// The strokes in OKLab, on white.
    pub(crate) fn strokes_in_oklab(&self) -> Colours {
        oklab_of(&self.strokes)
    }

    /// A picture of the copy's size in these colours in OKLab.
    pub(crate) fn picture(&self, colours: &Colours) -> Photo {
        self.picture_of(&|i| oklab::to_srgb(colours.pixels()[i]))
    }

    /// A picture of the copy's size whose pixels have these colours in sRGB.
    pub(crate) fn picture_of(&self, colour: &(dyn Fn(usize) -> [f32; 3] + Sync)) -> Photo {
        let mut picture = self.small.clone();
        let width = picture.width();
        for_each_row(picture.pixels_mut(), width, |(y, row)| {
            for (x, pixel) in row.iter_mut().enumerate() {
                *pixel = pixel_under_white(colour(y * width + x), 255);
            }
        });
        picture
    }
}

/// Bytes at a time while sky and colours of a photo of so many bytes are made, besides the photo.
pub(crate) fn scene_bytes(photo: u64) -> u64 {
    // Two layers in the photo's size; of the small copy some 40 planes in f32.
    let small = (LONG_SIDE_PX * LONG_SIDE_PX) as u64;
    2 * photo + enlarging_bytes(small) + 160 * small
}

/// A photo in OKLab, on white.
fn oklab_of(photo: &Photo) -> Colours {
    Colours::oklab_of(photo.width(), photo.height(), |i| {
        let [r, g, b, _] = pixel_over_white(photo.pixels()[i]);
        [r, g, b]
    })
}
