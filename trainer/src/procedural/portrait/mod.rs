//! A face crop drawn as a portrait of an anime: the target that a network for faces learns.
//!
//! The crop is aligned and warped to a drawing's proportions already ([`nijigen::face`]). Its parts
//! are told apart, skin and hair get a few flat tones, features are drawn as vectors where the
//! landmarks are. Lengths are parts of the face's width.

mod grade;
mod lines;
mod mixture;
mod segments;
mod skin;

pub use segments::Segments;
pub use skin::features;

use image::RgbImage;
use nijigen::colour::lab::LabOfBytes;
use nijigen::drawing::{
    HairTones, draw_glasses, draw_inner_features, eyes_are_hidden, frame::Frame,
    light::palette_in_usual_light, palette::mix, pen::Canvas,
};
use nijigen::filter::plane::Plane;
use nijigen::filter::{colours::Colours, gaussian::blur};
use thiserror::Error;

use crate::colour::lab::lab_to_rgb;
use crate::procedural::filter::structure_tensor::StructureTensor;

/// Yaw in degrees above which features are not drawn right.
const MOST_YAW_DEGREES: f32 = 35.0;

/// Why a face is not drawn.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
pub enum Refusal {
    /// The landmarks are no face's.
    #[error("it has no face")]
    NoFace,
    /// Turned too far.
    #[error(
        "its face is turned by {degrees:.0} degrees, at most {MOST_YAW_DEGREES} are drawn right"
    )]
    Turned {
        /// About how far.
        degrees: f32,
    },
    /// The eyes are not seen.
    #[error("its eyes are behind dark glasses or something else")]
    EyesHidden,
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
    let frame = frame_of(crop, points, person)?;
    let (side, unit) = (frame.side, frame.unit());
    let lab = lab_of(crop);
    let segments = segments::segment(&frame, &lab, person);
    if eyes_are_hidden(&frame, lab.pixels(), segments.skin_colour) {
        return Err(Refusal::EyesHidden);
    }
    let palette = palette_in_usual_light(&frame, lab.pixels(), segments.skin_colour);

    let oklab = Colours::oklab(crop);
    let tensor = StructureTensor::of_colours(&oklab, (0.013 * unit).max(2.0));
    let (directions, anisotropy) = (tensor.directions(), tensor.anisotropy());
    let strokes = grade::strokes(
        &oklab,
        &directions,
        &anisotropy,
        person,
        [0.013 * unit, 0.024 * unit],
    );
    let strokes = lab_of(&strokes.to_srgb());
    let around = grade::grade(&strokes, person);
    let draw_hair = |region: &Plane| match HairTones::find(&frame, lab.pixels(), region) {
        Some(tones) => Colours::from_index(side, side, |i| tones.at(frame.pixel(i), 1.0)),
        None => lab.clone(),
    };
    // A beard has its own colour.
    let beard_zone = segments::beard_zone(&frame, segments.beard);
    let hair = match &beard_zone {
        None => draw_hair(&segments.hair),
        Some(zone) => {
            let (zone, all) = (zone.values(), segments.hair.values());
            let head = draw_hair(&frame.plane(|i| (1.0 - zone[i]) * all[i]));
            let beard = draw_hair(&frame.plane(|i| zone[i] * all[i]));
            head.blend(&beard, |i| zone[i])
        }
    };
    let skin = skin::draw_skin(&frame, &lab, &segments, &palette);
    let lines = lines::photo_lines(&frame, &lab, &directions, &segments, person);
    let pixels = (0..side * side)
        .map(|i| {
            let colour = mix(
                around.pixels()[i],
                hair.pixels()[i],
                segments.hair.values()[i],
            );
            let colour = mix(colour, skin.pixels()[i], segments.skin.values()[i]);
            let line = lines::line_colour(colour);
            lab_to_rgb(mix(colour, line, 0.85 * lines.values()[i])).map(|v| v.clamp(0.0, 1.0))
        })
        .collect();
    let mut canvas = Canvas { side, pixels };
    lines::draw_skin_border(&mut canvas, &frame, &segments, &palette);
    lines::draw_folds(&mut canvas, &frame, &lab, &segments, &palette);
    lines::draw_jaw(&mut canvas, &frame, &segments, &palette);
    draw_inner_features(
        &mut canvas,
        &frame,
        lab.pixels(),
        segments.skin_colour,
        &palette,
    );
    draw_glasses(&mut canvas, &frame, lab.pixels());
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

/// Which part of a square face crop is skin and which is hair: what [`draw_portrait`] finds, but whether eyes are seen or not.
///
/// # Errors
/// Says why they cannot be told.
///
/// # Panics
/// If the crop is not square or the sizes differ.
pub fn find_segments(
    crop: &RgbImage,
    points: &[[f32; 2]],
    person: &Plane,
) -> Result<Segments, Refusal> {
    let frame = frame_of(crop, points, person)?;
    Ok(segments::segment(&frame, &lab_of(crop), person))
}

/// The frame of a crop.
fn frame_of(crop: &RgbImage, points: &[[f32; 2]], person: &Plane) -> Result<Frame, Refusal> {
    let side = crop.width() as usize;
    assert_eq!((side, side), (crop.height() as usize, person.width()));
    let frame = Frame::new(side, points).ok_or(Refusal::NoFace)?;
    let degrees = frame.face.yaw_degrees.abs();
    if degrees > MOST_YAW_DEGREES {
        return Err(Refusal::Turned { degrees });
    }
    Ok(frame)
}

/// A picture in CIE L*a*b*.
fn lab_of(picture: &RgbImage) -> Colours {
    let table = LabOfBytes::default();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let pixels = picture.as_raw().as_chunks().0;
    Colours::from_index(width, height, |i| table.lab(pixels[i]))
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use nijigen::face::mesh::{CHEEKBONES, NOSE_TIP};

    use super::*;
    use crate::colour::lab::rgb_to_lab;
    use crate::example_face::example_face;

    const SIDE: u32 = 512;
    const SKIN: [u8; 3] = [214, 168, 144];
    const HAIR: [u8; 3] = [52, 34, 26];
    const WALL: [u8; 3] = [120, 150, 190];

    /// A face of flat colours with dark irises, where [`example_face`] has its landmarks, and the
    /// person's share.
    fn photo() -> (RgbImage, Plane) {
        let ellipse = |x: u32, y: u32, center: [f32; 2], radii: [f32; 2]| {
            let d = [x as f32 + 0.5 - center[0], y as f32 + 0.5 - center[1]];
            (d[0] / radii[0]).hypot(d[1] / radii[1]) < 1.0
        };
        let picture = RgbImage::from_fn(SIDE, SIDE, |x, y| {
            let iris = [210.0, 302.0]
                .iter()
                .any(|at| ellipse(x, y, [*at, 238.0], [7.0, 7.0]));
            let neck = (200..312).contains(&x) && (330..460).contains(&y);
            let colour = if iris {
                [60, 40, 30]
            } else if neck || (ellipse(x, y, [256.0, 270.0], [100.0, 130.0]) && y > 165) {
                SKIN
            } else if ellipse(x, y, [256.0, 230.0], [130.0, 150.0]) && y < 300 {
                HAIR
            } else if y > 430 {
                [40, 60, 120]
            } else {
                WALL
            };
            Rgb(colour)
        });
        let person = Plane::from_index(SIDE as usize, SIDE as usize, |i| {
            let pixel = picture.as_raw()[3 * i..3 * i + 3] == WALL;
            f32::from(!pixel)
        });
        (picture, person)
    }

    fn lightness(picture: &RgbImage, x: u32, y: u32) -> f32 {
        rgb_to_lab(picture.get_pixel(x, y).0.map(|v| f32::from(v) / 255.0))[0]
    }

    #[test]
    fn a_face_is_told_apart_and_gets_its_features() {
        let (picture, person) = photo();
        let portrait = draw_portrait(&picture, &example_face(), &person).expect("it is a face");
        let (skin, hair) = (&portrait.skin, &portrait.hair);
        assert_eq!(portrait.picture.dimensions(), (SIDE, SIDE));
        // Cheek, hair above the forehead, wall.
        assert!(skin.row(300)[190] > 0.9 && hair.row(300)[190] < 0.1);
        assert!(hair.row(110)[256] > 0.9 && skin.row(110)[256] < 0.1);
        assert!(skin.row(60)[40] < 0.1 && hair.row(60)[40] < 0.1);
        let drawn = |x, y| lightness(&portrait.picture, x, y);
        let cheek = drawn(190, 310);
        assert!(
            (cheek - lightness(&picture, 190, 310)).abs() < 15.0,
            "{cheek}"
        );
        // The pupil is dark, the white beside it light, the lash line dark.
        assert!(drawn(302, 239) < 25.0, "{}", drawn(302, 239));
        assert!(drawn(316, 239) > 80.0, "{}", drawn(316, 239));
        assert!(drawn(306, 230) < 30.0, "{}", drawn(306, 230));
        // Skin is flat: two places of one cheek are of one colour.
        assert!((drawn(180, 320) - drawn(186, 326)).abs() < 2.0);
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        let (picture, person) = photo();
        let refused = |points: &[[f32; 2]], picture: &RgbImage| {
            draw_portrait(picture, points, &person)
                .map(|_| ())
                .expect_err("not drawn")
        };
        let mut turned = example_face();
        turned[NOSE_TIP][0] = turned[CHEEKBONES[1]][0] + 10.0;
        assert!(matches!(refused(&turned, &picture), Refusal::Turned { .. }));
        assert_eq!(refused(&[[5.0; 2]; 478], &picture), Refusal::NoFace);
        let mut dark = picture;
        for (x, y, pixel) in dark.enumerate_pixels_mut() {
            if (150..362).contains(&x) && (205..275).contains(&y) {
                *pixel = Rgb([12, 14, 18]);
            }
        }
        assert!(matches!(
            refused(&example_face(), &dark),
            Refusal::EyesHidden
        ));
    }
}
