//! A face crop drawn as a portrait of an anime: the target that a network for faces learns.
//!
//! The crop is aligned and warped to a drawing's proportions already ([`nijigen::face`]). Its parts
//! are told apart, skin and hair get a few flat tones, features are drawn as vectors where the
//! landmarks are. Lengths are parts of the face's width.

mod eyes;
mod frame;
mod glasses;
mod grade;
mod hair;
mod lines;
mod mixture;
mod mouth;
mod palette;
mod pen;
mod segments;
mod skin;

use image::RgbImage;
use thiserror::Error;

use crate::lab::{lab_to_rgb, rgb_to_lab};
use crate::plane::Plane;
use crate::procedural::filter::{
    colours::Colours, gaussian::blur, structure_tensor::StructureTensor,
};

use frame::Frame;
use palette::{SkinPalette, mix};
use pen::Canvas;

/// Yaw in degrees above which features are not drawn right.
const MOST_YAW_DEGREES: f32 = 35.0;

/// Why a face is not drawn.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
pub enum Refusal {
    /// The landmarks are no face's.
    #[error("it has no face")]
    NoFace,
    /// Turned too far.
    #[error("its face is turned by {degrees:.0} degrees, at most {MOST_YAW_DEGREES} are drawn right")]
    Turned {
        /// About how far.
        degrees: f32,
    },
    /// The eyes are not seen.
    #[error("{0}")]
    EyesHidden(&'static str),
}

/// A portrait and the regions that it was made from.
pub struct Portrait {
    /// The drawing.
    pub picture: RgbImage,
    /// Where skin is, 0 to 1.
    pub skin: Plane,
    /// Where hair is, 0 to 1.
    pub hair: Plane,
}

/// Draws a square face crop in which the face mesh `points` lie (in pixels), with the share of a
/// person at each pixel.
///
/// # Errors
/// Says why the face is not drawn.
///
/// # Panics
/// If the crop is not square or the sizes differ.
pub fn draw_portrait(
    crop: &RgbImage,
    points: &[[f32; 2]],
    person: &Plane,
) -> Result<Portrait, Refusal> {
    let side = crop.width() as usize;
    assert_eq!((side, side), (crop.height() as usize, person.width()));
    let frame = Frame::new(side, points).ok_or(Refusal::NoFace)?;
    let degrees = frame.face.yaw_degrees.abs();
    if degrees > MOST_YAW_DEGREES {
        return Err(Refusal::Turned { degrees });
    }
    let unit = frame.unit();
    let lab = Colours::from_index(side, side, |i| {
        rgb_to_lab([0, 1, 2].map(|c| f32::from(crop.as_raw()[3 * i + c]) / 255.0))
    });
    let segments = segments::segment(&frame, &lab, person);
    if let Some(why) = segments::hidden_eyes(&frame, &lab, segments.skin_colour) {
        return Err(Refusal::EyesHidden(why));
    }
    let palette = SkinPalette::new(segments.skin_colour);

    let oklab = Colours::oklab(crop);
    let tensor = StructureTensor::of_colours(&oklab, (0.013 * unit).max(2.0));
    let (directions, anisotropy) = (tensor.directions(), tensor.anisotropy());
    let strokes = grade::strokes(
        &oklab,
        &directions,
        &anisotropy,
        person,
        [0.013 * unit, 0.033 * unit],
    );
    let strokes = strokes.to_srgb();
    let strokes = Colours::from_index(side, side, |i| {
        rgb_to_lab([0, 1, 2].map(|c| f32::from(strokes.as_raw()[3 * i + c]) / 255.0))
    });
    let around = grade::grade(&strokes, person);
    let hair = hair::draw_hair(&frame, &lab, &segments.hair, &directions);
    let skin = skin::draw_skin(&frame, &lab, &segments, &palette);
    let lines = lines::photo_lines(&frame, &lab, &directions, &segments, person);
    let pixels = (0..side * side)
        .map(|i| {
            let colour = mix(around.pixels()[i], hair.pixels()[i], segments.hair.values()[i]);
            let colour = mix(colour, skin.pixels()[i], segments.skin.values()[i]);
            let line = lines::line_colour(colour);
            lab_to_rgb(mix(colour, line, 0.85 * lines.values()[i])).map(|v| v.clamp(0.0, 1.0))
        })
        .collect();
    let mut canvas = Canvas { side, pixels };
    lines::draw_skin_border(&mut canvas, &frame, &segments, &palette);
    lines::draw_folds(&mut canvas, &frame, &lab, &segments, &palette);
    lines::draw_jaw(&mut canvas, &frame, &segments, &palette);
    mouth::draw_nose(&mut canvas, &frame, &lab, &palette);
    mouth::draw_mouth(&mut canvas, &frame, &lab, segments.skin_colour, &palette);
    let eye_colours = eyes::EyeColours::measure(&frame, &lab);
    for at in (0..2).filter(|at| eyes::is_seen(&frame, *at)) {
        eyes::draw_eye(
            &mut canvas,
            &frame,
            at,
            &lab,
            &eye_colours,
            segments.skin_colour,
            &palette,
        );
    }
    for at in (0..2).filter(|at| eyes::is_seen(&frame, *at)) {
        eyes::draw_brow(
            &mut canvas,
            &frame,
            at,
            &lab,
            segments.skin_colour,
            segments.hair_colour,
            &palette,
        );
    }
    glasses::draw_glasses(&mut canvas, &frame, &lab, segments.skin_colour);
    let blurred = [0, 1, 2].map(|c| blur(&frame.plane(|i| canvas.pixels[i][c]), 0.03 * unit));
    let pixels = grade::glow(&canvas.pixels, &blurred);
    let bytes: Vec<u8> = pixels
        .iter()
        .flatten()
        .map(|v| (v * 255.0 + 0.5) as u8)
        .collect();
    Ok(Portrait {
        picture: RgbImage::from_raw(side as u32, side as u32, bytes)
            .expect("there are three bytes a pixel"),
        skin: segments.skin,
        hair: segments.hair,
    })
}
