//! Where hair is around a face, as a network of hair tells it together with the rules that told skin and hair before.

use anyhow::{Context, Result};
use image::{Rgb, RgbImage};
use nijigen::colour::lab::LabOfBytes;
use nijigen::drawing::frame::Frame;
use nijigen::drawing::palette::skin_colour;
use nijigen::drawing::pen::closed_spline;
use nijigen::drawing::samples::median;
use nijigen::face::mesh::{CHIN, OVAL};
use nijigen::filter::plane::Plane;

/// How much steeper the network's borders become.
const STEEPER: f32 = 1.4;
/// How far from the chin a beard may be, in widths of the face.
const BEARD_RADIUS: f32 = 0.45;
/// Where the top of a head is: above so many widths of the face over its middle, and no further to the sides.
const TOP: f32 = 0.3;
const BESIDE: f32 = 0.75;
/// Least area on the top of a head, in squares of the face's width, in which the rules see hair and the network does not, so that it is
/// asked why.
const LEAST_AREA: f32 = 0.06;
/// Mean share of hair there from which on the network is unsure, and hair is there.
const UNSURE: f32 = 0.06;
/// Lightness and chroma of a bald head at least, in parts of those of the face, and how far its hue may be from that, in degrees.
const BALD_LIGHT: f32 = 0.75;
const BALD_CHROMA: f32 = 0.6;
const BALD_HUE: f32 = 18.0;

/// Corrects regions that rules found in a photo of a head, skin, hair and the person in red, green and blue, by the shares of `hair` that a
/// network found. What rules alone take for hair on and under a face is a beard, and so skin. What they alone take for hair on the
/// top of the head is hair where the network is unsure; where it is sure, it is skin if it has the colour of skin, and else a hat.
///
/// # Errors
/// If the points are no face's.
pub fn correct_hair(
    regions: &mut RgbImage,
    photo: &RgbImage,
    hair: &Plane,
    points: &[[f32; 2]],
) -> Result<()> {
    let frame = Frame::new(hair.width(), points).context("its face is flat")?;
    let oval = frame.region(&closed_spline(&frame.at(OVAL)));
    let by_rules = |i: usize| f32::from(regions.as_raw()[3 * i + 1]) / 255.0;
    let found = hair.map(|v| ((v - 0.5) * STEEPER + 0.5).clamp(0.0, 1.0));
    let is_top = |i: usize| {
        let [x, y] = frame.place(i, frame.face.center);
        y < -TOP && x.abs() < BESIDE
    };
    let cap = frame.plane(|i| {
        let not_found = (1.0 - found.values()[i]) * (1.0 - oval.values()[i]);
        f32::from(is_top(i)) * by_rules(i) * not_found
    });
    let cap_is = what_is_on_top(&frame, photo, hair, &cap);
    for (i, region) in regions.pixels_mut().enumerate() {
        let [skin, by_rules, person] = region.0.map(|v| f32::from(v) / 255.0);
        let cap = cap.values()[i];
        let hair = found.values()[i].max(f32::from(cap_is == Top::Hair) * cap);
        let [_, down] = frame.place(i, frame.face.center);
        let [x, y] = frame.place(i, frame.points[CHIN]);
        let near_chin = person * f32::from(x.hypot(y) < BEARD_RADIUS);
        let beard = by_rules * oval.values()[i].max(near_chin) * f32::from(down > 0.0);
        let bald = f32::from(cap_is == Top::Skin) * cap;
        let skin = skin.max(oval.values()[i]).max(beard).max(bald) * (1.0 - hair);
        let person = person.max(hair).max(oval.values()[i]);
        *region = Rgb([skin.min(person), hair, person].map(|v| (v * 255.0 + 0.5) as u8));
    }
    Ok(())
}

/// What is on the top of a head.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Top {
    Hair,
    Skin,
    Other,
}

/// What is where the rules alone see hair, the `cap`.
fn what_is_on_top(frame: &Frame, photo: &RgbImage, hair: &Plane, cap: &Plane) -> Top {
    let area: f32 = cap.values().iter().sum();
    if area < LEAST_AREA * frame.unit().powi(2) {
        return Top::Other;
    }
    let unsure = hair.values().iter().zip(cap.values()).map(|(h, c)| h * c);
    if unsure.sum::<f32>() > UNSURE * area {
        return Top::Hair;
    }
    let table = LabOfBytes::default();
    let lab: Vec<_> = photo.pixels().map(|pixel| table.lab(pixel.0)).collect();
    let inside: Vec<_> = (0..lab.len())
        .filter(|i| cap.values()[*i] > 0.5)
        .map(|i| lab[i])
        .collect();
    if inside.is_empty() {
        return Top::Other;
    }
    let (top, skin) = (median(&inside), skin_colour(frame, &lab));
    let [[chroma, hue], [skin_chroma, skin_hue]] =
        [top, skin].map(|[_, a, b]| [a.hypot(b), b.atan2(a).to_degrees()]);
    let is_bald = top[0] > BALD_LIGHT * skin[0]
        && chroma > BALD_CHROMA * skin_chroma
        && (hue - skin_hue).abs() < BALD_HUE;
    if is_bald { Top::Skin } else { Top::Other }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example_face::example_face;

    const SIDE: usize = 512;
    const SKIN: [u8; 3] = [214, 168, 144];

    /// Regions that rules would find of a head whose top has this colour, corrected by a network that sees so much hair there: the
    /// whether the middle of the top is skin, hair and a person then.
    fn top(colour: [u8; 3], share: f32) -> Result<[bool; 3]> {
        let is_top = |i: usize| (90..180).contains(&(i / SIDE)) && (i % SIDE).abs_diff(256) < 100;
        let at = |x: u32, y: u32| is_top(y as usize * SIDE + x as usize);
        let side = SIDE as u32;
        let mut regions = RgbImage::from_fn(side, side, |x, y| {
            Rgb(if at(x, y) { [0, 255, 255] } else { [0; 3] })
        });
        let photo = RgbImage::from_fn(side, side, |x, y| Rgb(if at(x, y) { colour } else { SKIN }));
        let hair = Plane::from_index(SIDE, SIDE, |i| f32::from(is_top(i)) * share);
        correct_hair(&mut regions, &photo, &hair, &example_face())?;
        Ok(regions.get_pixel(256, 110).0.map(|v| v > 200))
    }

    #[test]
    fn the_top_of_a_head_is_hair_skin_or_a_hat() -> Result<()> {
        let black = [20, 18, 16];
        let [hair, skin, hat] = [
            [false, true, true],
            [true, false, true],
            [false, false, true],
        ];
        assert_eq!(top(black, 0.9)?, hair);
        assert_eq!(top(black, 0.2)?, hair);
        assert_eq!(top(black, 0.0)?, hat);
        assert_eq!(top(SKIN, 0.0)?, skin);
        Ok(())
    }

    #[test]
    fn hair_that_rules_see_on_the_chin_is_a_beard() -> Result<()> {
        let side = SIDE as u32;
        let mut regions = RgbImage::from_pixel(side, side, Rgb([0, 255, 255]));
        let photo = RgbImage::from_pixel(side, side, Rgb(SKIN));
        let none = Plane::from_index(SIDE, SIDE, |_| 0.0);
        correct_hair(&mut regions, &photo, &none, &example_face())?;
        let [x, y] = example_face()[17].map(|v| v as u32);
        assert_eq!(regions.get_pixel(x, y).0, [255, 0, 255]);
        assert_eq!(regions.get_pixel(20, 500).0, [0, 0, 255]);
        Ok(())
    }
}
