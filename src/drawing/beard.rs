//! Beards that are told from skin by their texture: networks draw skin where hair in the light is of its colour.

use crate::face::mesh::OVAL;
use crate::filter::gaussian::{blur, local_rms};
use crate::filter::plane::Plane;
use crate::filter::quantile::quantile;
use crate::geometry::smoothstep;

use super::frame::Frame;
use super::palette::{mix, rgb};
use super::pen::{Canvas, closed_spline};
use super::samples::median;

/// Landmarks of the chin, away from the lips, whose edges are no beard.
const CHIN: [usize; 11] = [200, 199, 175, 208, 428, 32, 262, 211, 431, 210, 430];
/// Landmarks of the cheeks, away from where beards grow.
const CHEEKS: [usize; 8] = [117, 118, 101, 36, 346, 347, 330, 266];
/// Standard deviations, in widths of the face, of what is coarser than hair and of the area in which texture is measured.
const COARSE: f32 = 0.012;
const AROUND: f32 = 0.03;
/// Texture of a chin in CIE L*, and in parts of that of the cheeks, from which on it may be and is a beard's.
const ROUGH: [f32; 2] = [2.8, 4.2];
const ROUGHER_THAN_CHEEKS: [f32; 2] = [2.4, 3.2];
/// How much darker than the cheeks, in CIE L*, hair is at least, and fully: hands before the chin are rough, but light.
const DARKER: [f32; 2] = [4.0, 10.0];
/// From where on below the middle of the face, in its widths, a beard may be: the upper lip.
const BELOW: [f32; 2] = [0.11, 0.16];

/// Standard deviation over which the beard's border and tones are smoothed, in widths of the face.
const BORDER: f32 = 0.016;
/// How much lighter and darker than the beard's median its two tones are, in CIE L*.
const TONES: [f32; 2] = [4.0, -6.0];
/// Lightness over which they go over into each other.
const STEP: f32 = 2.0;

/// Draws the photo's beard in two tones of its own colour, of a crop in CIE L*a*b*. Does nothing where there is none that is seen
/// by its texture.
pub fn draw_beard(canvas: &mut Canvas, frame: &Frame, photo: &[[f32; 3]]) {
    let Some(beard) = beard(frame, photo) else {
        return;
    };
    let border = BORDER * frame.unit();
    let cover = blur(&beard, border);
    let lightness = blur(&frame.plane(|i| photo[i][0]), border);
    let covered = |i: &usize| cover.values()[*i] > 0.5;
    let hair: Vec<_> = (0..photo.len()).filter(covered).map(|i| photo[i]).collect();
    if hair.is_empty() {
        return;
    }
    let [middle, a, b] = median(&hair);
    let [light, dark] = TONES.map(|by| rgb([(middle + by).max(0.0), a, b]));
    for (i, pixel) in canvas.pixels.iter_mut().enumerate() {
        let share = smoothstep(cover.values()[i], 0.40, 0.60);
        if share > 0.0 {
            let lit = smoothstep(lightness.values()[i] - middle, -STEP, STEP);
            *pixel = mix(*pixel, mix(dark, light, lit), share);
        }
    }
}

/// Where the photo's beard is, 0 to 1, of a crop in CIE L*a*b*; `None` where the chin is as smooth as the cheeks.
fn beard(frame: &Frame, photo: &[[f32; 3]]) -> Option<Plane> {
    let unit = frame.unit();
    let lightness = frame.plane(|i| photo[i][0]);
    let coarse = blur(&lightness, COARSE * unit);
    let fine = frame.plane(|i| lightness.values()[i] - coarse.values()[i]);
    let texture = local_rms(&fine, AROUND * unit);
    let usual = |plane: &Plane, landmarks: &[usize]| {
        let at = |i: &usize| plane.sample(frame.points[*i][0] - 0.5, frame.points[*i][1] - 0.5);
        quantile(landmarks.iter().map(at).collect(), 0.5)
    };
    let [chin, cheeks] = [usual(&texture, &CHIN), usual(&texture, &CHEEKS)];
    let skin = usual(&coarse, &CHEEKS);
    let sure = smoothstep(skin - usual(&coarse, &CHIN), DARKER[0], DARKER[1])
        * smoothstep(chin, ROUGH[0], ROUGH[1])
        * smoothstep(
            chin,
            ROUGHER_THAN_CHEEKS[0] * cheeks,
            ROUGHER_THAN_CHEEKS[1] * cheeks,
        );
    if sure <= 0.0 {
        return None;
    }
    let face = frame.region(&closed_spline(&frame.at(OVAL)));
    Some(frame.plane(|i| {
        let [_, down] = frame.place(i, frame.face.center);
        sure * face.values()[i]
            * smoothstep(down, BELOW[0], BELOW[1])
            * smoothstep(skin - coarse.values()[i], DARKER[0], DARKER[1])
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::example_face::example_face;

    const SIDE: usize = 512;

    /// The example face with a chin.
    fn frame() -> Frame {
        let mut points = example_face();
        for (at, x) in CHIN.into_iter().zip((226..).step_by(6)) {
            points[at] = [x as f32, 372.0];
        }
        Frame::new(SIDE, &points).expect("a face")
    }

    /// Skin that is darker below the mouth's corners, in one tone or in hairs.
    fn crop(frame: &Frame, hairs: f32) -> Vec<[f32; 3]> {
        let pixel = |i: usize| {
            let (x, y) = (i % SIDE, i / SIDE);
            let hair = if (x / 3 + y / 5).is_multiple_of(2) {
                hairs
            } else {
                -hairs
            };
            let [_, down] = frame.place(i, frame.face.center);
            let l = if down > 0.2 { 55.0 + hair } else { 70.0 };
            [l, 14.0, 20.0]
        };
        (0..SIDE * SIDE).map(pixel).collect()
    }

    #[test]
    fn hairs_are_a_beard_and_a_shadow_is_none() {
        let frame = frame();
        assert!(beard(&frame, &crop(&frame, 0.0)).is_none());
        let found = beard(&frame, &crop(&frame, 9.0)).expect("a beard");
        let at = |landmark: usize| {
            let [x, y] = frame.points[landmark];
            found.sample(x, y)
        };
        assert!(at(199) > 0.9, "{}", at(199));
        assert!(at(101) < 0.05, "{}", at(101));
    }

    #[test]
    fn a_beard_has_two_tones_of_its_colour() {
        let frame = frame();
        let mut canvas = Canvas {
            side: SIDE,
            pixels: vec![[1.0; 3]; SIDE * SIDE],
        };
        draw_beard(&mut canvas, &frame, &crop(&frame, 9.0));
        let at = |landmark: usize| {
            let [x, y] = frame.points[landmark].map(|v| v as usize);
            canvas.pixels[y * SIDE + x]
        };
        let [r, _, b] = at(199);
        assert!((0.4..0.8).contains(&r) && b < r, "{:?}", at(199));
        assert_eq!(at(101), [1.0; 3]);
    }
}
