//! Beards that are told from skin by their texture or their colour: networks draw skin where hair in the light is of its colour.

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
/// Landmarks of the left and the right side of the jaw, and of the upper lip's skin, and which of the cheeks are beside each.
const JAW_SIDES: [[usize; 7]; 2] = [
    [214, 212, 202, 210, 135, 138, 192],
    [434, 432, 422, 430, 364, 367, 416],
];
const UPPER_LIP: [usize; 7] = [165, 167, 391, 393, 92, 322, 164];
/// How much darker than the cheek beside them, as a part of L* + 16, both sides of the jaw and the chin are of a beard, and the upper
/// lip: light from one side makes one side dark.
const DARK_ALL_AROUND: [f32; 2] = [0.08, 0.18];
const DARK_LIP: [f32; 2] = [0.10, 0.22];
/// The same of the chin and the upper lip where the jaw's sides are shaven.
const DARK_GOATEE: [f32; 2] = [0.22, 0.34];
/// Chroma of the chin in parts of that of the cheeks, of skin in shadow and of hair; with some texture, and without any.
const GRAY: [f32; 2] = [0.95, 0.80];
const GRAYER: [f32; 2] = [0.75, 0.60];
const SOME_TEXTURE: [f32; 2] = [0.9, 1.3];
/// How much darker and grayer than the cheeks the upper lip of a moustache is, in the same parts.
const MOUSTACHE: [f32; 2] = [0.24, 0.34];
const MOUSTACHE_GRAY: [f32; 2] = [0.64, 0.54];
/// Standard deviations, in widths of the face, of what is coarser than hair and of the area in which texture is measured.
const COARSE: f32 = 0.012;
const AROUND: f32 = 0.03;
/// Texture of a chin in CIE L*, and in parts of that of the cheeks, from which on it may be and is a beard's.
const ROUGH: [f32; 2] = [2.8, 4.2];
const ROUGHER_THAN_CHEEKS: [f32; 2] = [2.4, 3.2];
/// How much darker than the cheeks, in CIE L*, hair is at least, and fully: hands before the chin are rough, but light.
const DARKER: [f32; 2] = [4.0, 10.0];
/// The same in parts of how much darker the chin or the upper lip is.
const OF_DARKEST: [f32; 2] = [0.45, 0.75];
/// From where on below the middle of the face, in its widths, a beard may be: the upper lip.
const BELOW: [f32; 2] = [0.11, 0.16];

/// Outlines of the parts of beards: the jaw from one ear to the other, ...
const ALONG_JAW: [usize; 34] = [
    132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 433, 416,
    434, 432, 287, 335, 406, 313, 18, 83, 182, 106, 57, 212, 214, 192, 213,
];
/// ... the chin, ...
const ON_CHIN: [usize; 20] = [
    57, 212, 202, 210, 149, 176, 148, 152, 377, 400, 378, 430, 422, 432, 287, 335, 406, 18, 182,
    106,
];
/// ... and the upper lip.
const ON_LIP: [usize; 20] = [
    57, 186, 92, 165, 167, 164, 393, 391, 322, 410, 287, 291, 270, 269, 267, 0, 37, 39, 40, 61,
];
/// Share of a part that is covered by hair from which on it belongs to the beard.
const LEAST_SHARE: [f32; 3] = [0.42, 0.42, 0.38];
/// Standard deviations over which the beard's border and its tones are smoothed, in widths of the face.
const BORDER: f32 = 0.016;
const TONE_SIGMA: f32 = 0.035;
/// How much lighter and darker than the beard's median its two tones are, in CIE L*.
const TONES: [f32; 2] = [4.0, -6.0];
/// Lightness over which they go over into each other.
const STEP: f32 = 2.0;

/// Draws the photo's beard or moustache in two tones of its own colour, of a crop in CIE L*a*b*, and tells how sure it is that one hides the
/// jaw, 0 to 1.
pub fn draw_beard(canvas: &mut Canvas, frame: &Frame, photo: &[[f32; 3]]) -> f32 {
    let Some(Beard { on_jaw, cover }) = Beard::find(frame, photo) else {
        return 0.0;
    };
    let Some(shape) = shape(frame, &cover) else {
        return 0.0;
    };
    let lightness = blur(&frame.plane(|i| photo[i][0]), TONE_SIGMA * frame.unit());
    let covered = |i: &usize| cover.values()[*i] > 0.5;
    let hair: Vec<_> = (0..photo.len()).filter(covered).map(|i| photo[i]).collect();
    if hair.is_empty() {
        return 0.0;
    }
    let [middle, a, b] = median(&hair);
    let [light, dark] = TONES.map(|by| rgb([(middle + by).max(0.0), a, b]));
    for (i, pixel) in canvas.pixels.iter_mut().enumerate() {
        let share = smoothstep(shape.values()[i], 0.40, 0.60);
        if share > 0.0 {
            let lit = smoothstep(lightness.values()[i] - middle, -STEP, STEP);
            *pixel = mix(*pixel, mix(dark, light, lit), share);
        }
    }
    on_jaw
}

/// The shape of a beard: each of its parts is drawn whole, or not at all. `None` if none is covered well enough.
fn shape(frame: &Frame, cover: &Plane) -> Option<Plane> {
    let parts = [
        closed_spline(&frame.at(ALONG_JAW)),
        closed_spline(&frame.at(ON_CHIN)),
        closed_spline(&frame.at(ON_LIP)),
    ];
    let parts = parts.map(|outline| frame.region(&outline));
    let is_hair = |(part, least): (&Plane, f32)| {
        let shares = part.values().iter().zip(cover.values());
        let covered: f32 = shares.map(|(part, cover)| part * cover).sum();
        covered > least * part.values().iter().sum::<f32>()
    };
    let own = parts
        .iter()
        .zip(LEAST_SHARE)
        .filter(|part| is_hair((part.0, part.1)));
    let own: Vec<&Plane> = own.map(|(part, _)| part).collect();
    let all = |i: usize| own.iter().map(|part| part.values()[i]).fold(0.0, f32::max);
    (!own.is_empty()).then(|| blur(&frame.plane(all), BORDER * frame.unit()))
}

/// A beard or a moustache.
struct Beard {
    /// How surely it hides the jaw, 0 to 1.
    on_jaw: f32,
    /// Where it is, 0 to 1.
    cover: Plane,
}

impl Beard {
    /// That of a crop in CIE L*a*b*; `None` where chin and lip are those of a shaven face.
    fn find(frame: &Frame, photo: &[[f32; 3]]) -> Option<Self> {
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
        let darker = |landmarks| skin - usual(&coarse, landmarks);
        let dark_chin = smoothstep(darker(&CHIN), DARKER[0], DARKER[1]);
        let by_texture = dark_chin
            * smoothstep(chin, ROUGH[0], ROUGH[1])
            * smoothstep(
                chin,
                ROUGHER_THAN_CHEEKS[0] * cheeks,
                ROUGHER_THAN_CHEEKS[1] * cheeks,
            );
        let chroma = blur(
            &frame.plane(|i| photo[i][1].hypot(photo[i][2])),
            COARSE * unit,
        );
        let sure = by_texture.max(by_colour(&coarse, &chroma, chin / cheeks.max(0.3), usual));
        if sure <= 0.0 {
            return None;
        }
        let face = frame.region(&closed_spline(&frame.at(OVAL)));
        // Shadow beside a beard is not as dark as the beard.
        let darkest = darker(&CHIN).max(darker(&UPPER_LIP));
        let [from, full] = [0, 1].map(|i| DARKER[i].max(OF_DARKEST[i] * darkest));
        let cover = frame.plane(|i| {
            let [_, down] = frame.place(i, frame.face.center);
            sure * face.values()[i]
                * smoothstep(down, BELOW[0], BELOW[1])
                * smoothstep(skin - coarse.values()[i], from, full)
        });
        Some(Self {
            on_jaw: sure * dark_chin,
            cover,
        })
    }
}

/// How sure it is by lightness and chroma alone that hair grows on both sides of the jaw, the chin and the upper lip, on both of
/// the latter or on the lip, 0 to 1. `texture` is the chin's in parts of that of the cheeks, `usual` the usual value of a plane about
/// landmarks.
fn by_colour(
    lightness: &Plane,
    chroma: &Plane,
    texture: f32,
    usual: impl Fn(&Plane, &[usize]) -> f32,
) -> f32 {
    let darker = |landmarks: &[usize], cheeks: &[usize]| {
        1.0 - (usual(lightness, landmarks) + 16.0) / (usual(lightness, cheeks) + 16.0)
    };
    let (left, right) = CHEEKS.split_at(CHEEKS.len() / 2);
    let (chin, lip) = (darker(&CHIN, &CHEEKS), darker(&UPPER_LIP, &CHEEKS));
    let around = darker(&JAW_SIDES[0], left)
        .min(darker(&JAW_SIDES[1], right))
        .min(chin);
    let whole = smoothstep(around, DARK_ALL_AROUND[0], DARK_ALL_AROUND[1])
        * smoothstep(lip, DARK_LIP[0], DARK_LIP[1]);
    let goatee = smoothstep(chin.min(lip), DARK_GOATEE[0], DARK_GOATEE[1]);
    let gray = usual(chroma, &CHIN) / usual(chroma, &CHEEKS).max(1.0);
    let hair = smoothstep(gray, GRAYER[0], GRAYER[1]).max(
        smoothstep(gray, GRAY[0], GRAY[1]) * smoothstep(texture, SOME_TEXTURE[0], SOME_TEXTURE[1]),
    );
    let gray_lip = usual(chroma, &UPPER_LIP) / usual(chroma, &CHEEKS).max(1.0);
    let moustache = smoothstep(lip, MOUSTACHE[0], MOUSTACHE[1])
        * smoothstep(gray_lip, MOUSTACHE_GRAY[0], MOUSTACHE_GRAY[1]);
    (whole.max(goatee) * hair).max(moustache)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::example_face::example_face;

    const SIDE: usize = 512;

    /// The example face with a chin, and with skin around its mouth.
    fn frame() -> Frame {
        let mut points = example_face();
        for (at, x) in CHIN.into_iter().zip((226..).step_by(6)) {
            points[at] = [x as f32, 372.0];
        }
        let around_mouth = [
            (
                [213, 192, 214, 212, 57],
                [
                    [164.0, 322.0],
                    [172.0, 330.0],
                    [186.0, 338.0],
                    [202.0, 344.0],
                    [216.0, 344.0],
                ],
            ),
            (
                [106, 182, 83, 202, 210],
                [
                    [228.0, 364.0],
                    [238.0, 366.0],
                    [248.0, 366.0],
                    [212.0, 362.0],
                    [206.0, 374.0],
                ],
            ),
            (
                [186, 92, 165, 167, 39],
                [
                    [220.0, 332.0],
                    [224.0, 324.0],
                    [234.0, 318.0],
                    [246.0, 316.0],
                    [246.0, 330.0],
                ],
            ),
        ];
        let mirrored = [
            [433, 416, 434, 432, 287],
            [335, 406, 313, 422, 430],
            [410, 322, 391, 393, 269],
        ];
        for ((left, places), right) in around_mouth.into_iter().zip(mirrored) {
            for ((left, right), [x, y]) in left.into_iter().zip(right).zip(places) {
                points[left] = [x, y];
                points[right] = [512.0 - x, y];
            }
        }
        points[18] = [256.0, 366.0];
        points[164] = [256.0, 316.0];
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
        assert!(Beard::find(&frame, &crop(&frame, 0.0)).is_none());
        let found = Beard::find(&frame, &crop(&frame, 9.0)).expect("a beard");
        let at = |landmark: usize| {
            let [x, y] = frame.points[landmark];
            found.cover.sample(x, y)
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

    #[test]
    fn parts_of_a_beard_are_drawn_whole() {
        let frame = frame();
        // A moustache that is seen in stripes.
        let moustache = frame.plane(|i| {
            let [x, y] = frame.pixel(i);
            let inside = (210.0..302.0).contains(&x) && (310.0..346.0).contains(&y);
            f32::from(inside && !(x as usize).is_multiple_of(3))
        });
        let drawn = shape(&frame, &moustache).expect("a moustache");
        let across: Vec<f32> = (0..9)
            .map(|x| drawn.sample(252.0 + x as f32, 324.0))
            .collect();
        assert!(across.iter().all(|v| *v > 0.5), "{across:?}");
        let [x, y] = frame.points[199];
        assert!(drawn.sample(x, y) < 0.1);
        // Too little of it.
        let little = moustache.map(|v| 0.3 * v);
        assert!(shape(&frame, &little).is_none());
    }

    #[test]
    fn dark_gray_chins_and_lips_are_a_beard_and_dark_skin_is_none() {
        let mut frame = frame();
        for (sides, x) in JAW_SIDES.into_iter().zip([200.0, 312.0]) {
            for at in sides {
                frame.points[at] = [x, 345.0];
            }
        }
        for at in UPPER_LIP {
            frame.points[at] = [256.0, 312.0];
        }
        let crop = |colour: [f32; 3], side: f32| -> Vec<[f32; 3]> {
            let dark = |i: usize| {
                let [x, down] = frame.place(i, frame.face.center);
                down > 0.16 && side * x > -0.2
            };
            let pixel = |i| if dark(i) { colour } else { [70.0, 14.0, 20.0] };
            (0..SIDE * SIDE).map(pixel).collect()
        };
        let sure = |colour, side| {
            Beard::find(&frame, &crop(colour, side)).map_or(0.0, |beard| beard.on_jaw)
        };
        // Gray and dark all around; of skin's colour; from one side alone.
        assert!(
            sure([40.0, 4.0, 7.0], 0.0) > 0.9,
            "{}",
            sure([40.0, 4.0, 7.0], 0.0)
        );
        assert_eq!(sure([48.0, 15.0, 20.0], 0.0), 0.0);
        assert_eq!(sure([56.0, 11.0, 16.0], 1.0), 0.0);
    }
}
