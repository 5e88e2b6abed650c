//! A drawn face for tests.

use image::{Rgb, RgbImage};
use nijigen::drawing::draw_features;
use nijigen::drawing::frame::Frame;
use nijigen::drawing::pen::Mask;

use crate::example_face::example_face;
use crate::picture::{to_photo, to_rgb};

const SIDE: u32 = 512;

/// The colour of all that [`photo`] shows but the irises.
pub const SKIN: [u8; 3] = [214, 168, 144];

/// Where [`drawn_face`] has what.
pub fn frame() -> Frame {
    Frame::new(SIDE as usize, &example_face()).expect("it is a face")
}

/// Skin with dark irises, as a photo of the face.
pub fn photo() -> RgbImage {
    RgbImage::from_fn(SIDE, SIDE, |x, y| {
        let from = |iris: f32| (x as f32 + 0.5 - iris).hypot(y as f32 + 0.5 - 238.0);
        let iris = from(210.0).min(from(302.0)) < 7.0;
        Rgb(if iris { [60, 40, 30] } else { SKIN })
    })
}

/// That face with its features as vectors.
pub fn drawn_face() -> RgbImage {
    let crop = to_photo(&photo()).expect("it has pixels");
    let mut drawn = crop.clone();
    draw_features(&mut drawn, &crop, &frame().points, None);
    to_rgb(&drawn).expect("it is small")
}

/// Gives what is mostly covered another colour.
pub fn paint(picture: &mut RgbImage, mask: &Mask, colour: [u8; 3]) {
    for (i, _) in mask.pixels(SIDE as usize).filter(|(_, share)| *share > 0.5) {
        let i = i as u32;
        picture.put_pixel(i % SIDE, i / SIDE, Rgb(colour));
    }
}
