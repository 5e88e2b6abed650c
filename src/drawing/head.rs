//! What is skin and what is hair around a face, as a segmentation network tells, and the tones they are drawn in: forehead, ears,
//! neck and shoulders as the face, hair as clumps.

use crate::face::mesh::{CHIN, FaceFrame, JAW, OVAL};
use crate::filter::gaussian::{blur, weighted_blur};
use crate::filter::plane::Plane;
use crate::filter::resize::resize;
use crate::geometry::{SimilarityTransform, smoothstep};
use crate::imaging::{Photo, is_inside};

use super::frame::Frame;
use super::hair::HairTones;
use super::lab_of;
use super::local_colours::along_colours;
use super::palette::{mix, skin_colour};
use super::pen::closed_spline;
use super::planes::{crisp, on_border, without_small_parts};
use super::samples::median;

/// Pixels of a side of the square that the network is shown, ...
pub const SEGMENTED_SIDE_PX: usize = 320;
/// ... and of the square in which borders and tones are then found, at least and at most.
pub const HEAD_SIDES_PX: [usize; 2] = [192, 448];
/// How much larger than FFHQ's square that is.
pub const HEAD_EXPAND: f32 = 2.0;

/// The mean unsureness of a network, 0 to 1, with which hair is not drawn.
const UNSURE: f32 = 0.9;
/// Standard deviation over which borders are smoothed, in widths of the face.
const BORDER_SIGMA: f32 = 0.012;
/// Width of the lines around hair, in widths of the face.
const LINE_WIDTH: f32 = 0.009;
/// A bald head is at least so light and colourful, in parts of cheeks, of a hue that differs at most by so many degrees.
const BALD_LIGHT: f32 = 0.7;
const BALD_CHROMA: f32 = 0.5;
const BALD_HUE: f32 = 13.0;
/// Least parts of skin and hair, and holes in them, and of light and shadow on skin, in squares of the face's width.
const LEAST_PART: f32 = 0.015;
const LEAST_TONE: f32 = 0.12;
/// Standard deviation over which the light on skin is looked at, and its lightness in parts of that of lit skin below which it is in
/// shadow.
const LIGHT_SIGMA: f32 = 0.08;
const SHADED: f32 = 0.74;
/// How far the shadow of the jaw reaches down the neck, in widths of the face.
const JAW_SHADOW: f32 = 0.13;
/// Where a beard may be, which is no hair of the head: from where on below the middle of the face, and to the sides of and below its
/// chin, in its widths.
const BEARD_TOP: [f32; 2] = [0.08, 0.13];
const BEARD_BELOW: [f32; 2] = [0.22, 0.18];
/// Standard deviation over which skin and hair are looked for about a place between them, in widths of the face, and their share there.
const BESIDE_SIGMA: f32 = 0.012;
const BESIDE: f32 = 0.03;

/// A head in a square picture of it.
#[derive(Clone, Debug)]
pub struct Head {
    /// The face, in pixels of the photo.
    pub(super) face: FaceFrame,
    /// Takes points of the photo to the square.
    pub(super) to_square: SimilarityTransform,
    /// The share of the person.
    person: Plane,
    /// 1 on skin, 0 elsewhere, 1/2 at its border.
    skin: Plane,
    /// The same of what is lit of it.
    lit: Plane,
    /// The same of hair.
    hair: Plane,
    /// How hair is drawn, if there is some and it is sure enough.
    tones: Option<HairTones>,
    /// Half the width of lines around it in pixels of the square.
    half_line_px: f32,
}

/// What is at a point of a head.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeadPoint {
    /// The share of the person.
    pub person: f32,
    /// The share of skin.
    pub skin: f32,
    /// The share of what is lit of that.
    pub lit: f32,
    /// The share of hair, ...
    pub hair: f32,
    /// ... and its colour in CIE L*a*b*, where there is some.
    pub hair_colour: Option<[f32; 3]>,
}

impl Head {
    /// Bytes that one holds that was found in a square of so many pixels a side.
    pub fn bytes(side: usize) -> u64 {
        8 * plane_bytes(side)
    }

    /// The most bytes at a time while one is found in such a square, besides that itself.
    pub fn finding_bytes(side: usize) -> u64 {
        48 * plane_bytes(side)
    }

    /// That of a square picture, in which the mesh `points` lie, and a segmentation network's answer to it: skin, hair and the person
    /// in red, green and blue. `to_photo` takes points of the square to the photo of `photo_size`. `None` if there is no face.
    pub fn find(
        square: &Photo,
        points: &[[f32; 2]],
        answer: &Photo,
        to_photo: SimilarityTransform,
        photo_size: [usize; 2],
    ) -> Option<Self> {
        let side = square.width();
        let (frame, to_square) = (Frame::new(side, points)?, to_photo.inverse()?);
        let unit = frame.unit();
        let lab = lab_of(square.pixels());
        let told = |channel: usize| {
            let coarse = Plane::from_index(answer.width(), answer.height(), |i| {
                f32::from(answer.pixels()[i][channel]) / 255.0
            });
            let region = resize(&coarse, side, side);
            // Beyond the borders of the photo it goes on.
            frame.plane(|i| {
                if is_inside(i, side, to_photo, photo_size) {
                    return region.values()[i];
                }
                let [x, y] = to_photo.apply(frame.pixel(i));
                let [right, bottom] = photo_size.map(|side| side as f32);
                let [x, y] = to_square.apply([x.clamp(0.0, right), y.clamp(0.0, bottom)]);
                region.sample(x - 0.5, y - 0.5)
            })
        };
        let [skin, hair, person] = [0, 1, 2].map(told);
        let cloth = frame
            .plane(|i| (person.values()[i] - skin.values()[i] - hair.values()[i]).clamp(0.0, 1.0));
        let behind = frame.plane(|i| {
            let most = skin.values()[i]
                .max(hair.values()[i])
                .max(person.values()[i]);
            (1.0 - most).clamp(0.0, 1.0)
        });
        let skin_colour = skin_colour(&frame, &lab);
        let has_tones = is_sure(&hair) && !is_bald(&lab, &hair, skin_colour);
        let [skin, hair, _, behind] = along_colours(&frame, &lab, &[skin, hair, cloth, behind]);
        let oval = frame.region(&closed_spline(&frame.at(OVAL)));
        let area = LEAST_PART * unit * unit;
        let whole = |region: Plane| {
            let parts = without_small_parts(&region.map(|v| f32::from(v > 0.5)), area);
            without_small_parts(&parts.map(|v| 1.0 - v), area).map(|v| 1.0 - v)
        };
        let of_head = |i: usize| {
            let [_, y] = frame.place(i, frame.face.center);
            let [beside, below] = frame.place(i, frame.points[CHIN]);
            let in_face = smoothstep(y, BEARD_TOP[0], BEARD_TOP[1]) * oval.values()[i];
            let below_chin = (beside / BEARD_BELOW[0]).hypot(below / BEARD_BELOW[1]);
            1.0 - in_face.max(f32::from(below_chin < 1.0))
        };
        let hair = whole(frame.plane(|i| hair.values()[i] * of_head(i)));
        let skin = whole(
            frame.plane(|i| skin.values()[i].max(oval.values()[i]) * (1.0 - hair.values()[i])),
        );
        // What is between skin and hair is skin, over which hair is drawn.
        let [beside_skin, beside_hair] =
            [&skin, &hair].map(|region| blur(region, BESIDE_SIGMA * unit));
        let beside = |i: usize| beside_skin.values()[i].min(beside_hair.values()[i]) > BESIDE;
        let skin = frame.plane(|i| f32::from(skin.values()[i] > 0.5 || beside(i)));
        let skin_lightness = skin_colour[0].max(1.0);
        let light = frame.plane(|i| lab[i][0] / skin_lightness);
        let light = weighted_blur(&light, &skin, LIGHT_SIGMA * unit);
        let tone = LEAST_TONE * unit * unit;
        let lit = without_small_parts(&light.map(|v| f32::from(v > SHADED)), tone);
        let shaded = without_small_parts(&lit.map(|v| 1.0 - v), tone);
        let jaw = jaw_shadow(&frame, &oval);
        let lit = frame.plane(|i| f32::from(shaded.values()[i].max(jaw.values()[i]) < 0.5));
        let in_photo: Vec<_> = points.iter().map(|point| to_photo.apply(*point)).collect();
        let smooth = |plane: &Plane| blur(plane, BORDER_SIGMA * unit);
        let tones = match has_tones {
            true => HairTones::find(&frame, &lab, &hair),
            false => None,
        };
        Some(Self {
            tones,
            face: FaceFrame::new(&in_photo)?,
            to_square,
            half_line_px: 0.5 * LINE_WIDTH * unit,
            person: behind.map(|v| 1.0 - v),
            skin: smooth(&skin),
            lit: smooth(&lit),
            hair: smooth(&hair),
        })
    }

    /// What is at a point of the photo, with crisp borders in a picture in which `scale` pixels of the photo are one.
    pub(super) fn at(&self, point: [f32; 2], scale: f32) -> HeadPoint {
        let (point, scale) = (self.to_square.apply(point), scale * self.to_square.scale());
        let [skin, lit] = [&self.skin, &self.lit].map(|plane| crisp(plane, point, scale));
        let (hair, hair_colour) = match &self.tones {
            Some(tones) => self.hair_at(tones, point, scale, skin > 0.0),
            None => (0.0, None),
        };
        HeadPoint {
            person: self.person.sample(point[0] - 0.5, point[1] - 0.5),
            skin,
            lit,
            hair,
            hair_colour,
        }
    }

    /// The share of hair at a point of the square and its colour, where there is some; it has no line before skin.
    fn hair_at(
        &self,
        tones: &HairTones,
        point: [f32; 2],
        scale: f32,
        is_on_skin: bool,
    ) -> (f32, Option<[f32; 3]>) {
        let line = match is_on_skin {
            true => 0.0,
            false => on_border(&self.hair, point, scale, self.half_line_px),
        };
        let hair = crisp(&self.hair, point, scale).max(line);
        let colour = (hair > 0.0).then(|| mix(tones.at(point, scale), tones.line(), line));
        (hair, colour)
    }

    /// Pixels of a side of its square.
    pub(super) fn side(&self) -> usize {
        self.skin.width()
    }

    /// Whether there is skin all around a point of the photo: 0 to 1.
    pub(super) fn is_deep_skin(&self, point: [f32; 2]) -> f32 {
        let [x, y] = self.to_square.apply(point).map(|v| v - 0.5);
        smoothstep(self.skin.sample(x, y), 0.70, 0.92)
    }
}

fn plane_bytes(side: usize) -> u64 {
    4 * (side * side) as u64
}

/// Whether a network is sure of where hair is.
fn is_sure(hair: &Plane) -> bool {
    let (mut unsure, mut all) = (0.0, 0.0);
    for share in hair.values() {
        unsure += share.min(1.0 - share) * 2.0;
        all += share;
    }
    unsure < UNSURE * all
}

/// Whether what a network takes for hair is a bald head: nearly of the colour of skin.
fn is_bald(lab: &[[f32; 3]], hair: &Plane, skin: [f32; 3]) -> bool {
    let hairs = (0..lab.len()).filter(|i| hair.values()[*i] > 0.5);
    let hairs: Vec<_> = hairs.map(|i| lab[i]).collect();
    if hairs.is_empty() {
        return false;
    }
    let middle = median(&hairs);
    let ([chroma, hue], [skin_chroma, skin_hue]) = (chroma_and_hue(middle), chroma_and_hue(skin));
    middle[0] > BALD_LIGHT * skin[0]
        && chroma > BALD_CHROMA * skin_chroma
        && hue - skin_hue < BALD_HUE
}

/// Chroma, and hue in degrees, of a colour in CIE L*a*b*.
fn chroma_and_hue([_, a, b]: [f32; 3]) -> [f32; 2] {
    [a.hypot(b), b.atan2(a).to_degrees()]
}

/// The jaw's shadow on the neck.
fn jaw_shadow(frame: &Frame, oval: &Plane) -> Plane {
    let jaw = frame.at(JAW);
    let mut shadow = frame.shifted(&jaw, 0.0, JAW_SHADOW);
    shadow.extend(jaw.into_iter().rev());
    let shadow = frame.region(&shadow);
    frame.plane(|i| shadow.values()[i] * (1.0 - oval.values()[i]))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::face::example_face::example_face;

    /// Pixels of a side of the photo, which is the square of its face.
    pub const SIDE: usize = 512;
    pub const SKIN: [f32; 3] = [0.72, 0.53, 0.44];
    pub const HAIR: [f32; 3] = [0.30, 0.20, 0.14];
    const SHIRT: [f32; 3] = [0.20, 0.30, 0.65];

    /// What is at a point of the photo: its colour, and whether it is skin, hair or a person.
    pub fn person([x, y]: [f32; 2]) -> ([f32; 3], [bool; 3]) {
        let head = (x - 256.0).hypot((y - 270.0) / 1.3);
        match () {
            () if head < 105.0 && y > 175.0 => (SKIN, [true, false, true]),
            () if head < 135.0 && y < 300.0 => (HAIR, [false, true, true]),
            () if (x - 256.0).abs() < 60.0 && y > 360.0 && y < 470.0 => (SKIN, [true, false, true]),
            () if y > 430.0 => (SHIRT, [false, false, true]),
            () => ([0.72, 0.62, 0.50], [false; 3]),
        }
    }

    /// A picture of `side` pixels a side of what is at places of the photo.
    pub fn picture(side: usize, colour: impl Fn([f32; 2]) -> [f32; 3]) -> Photo {
        let scale = SIDE as f32 / side as f32;
        let rgba = (0..side * side).flat_map(|i| {
            let at = [i % side, i / side].map(|v| (v as f32 + 0.5) * scale);
            let [r, g, b] = colour(at).map(|v| (v * 255.0) as u8);
            [r, g, b, 255]
        });
        Photo::new(side, side, rgba.collect()).expect("a picture")
    }

    /// The head in that photo.
    pub fn head() -> Head {
        let scale = SIDE as f32 / HEAD_SIDES_PX[1] as f32;
        let to_photo = SimilarityTransform::new(scale, 0.0, [0.0; 2]);
        let points: Vec<_> = example_face()
            .iter()
            .map(|p| p.map(|v| v / scale))
            .collect();
        let square = picture(HEAD_SIDES_PX[1], |at| person(at).0);
        let answer = picture(SEGMENTED_SIDE_PX, |at| person(at).1.map(f32::from));
        Head::find(&square, &points, &answer, to_photo, [SIDE; 2]).expect("a face")
    }

    #[test]
    fn skin_and_hair_are_where_the_network_tells() {
        let head = head();
        for (at, [skin, hair]) in [
            ([256.0, 300.0], [1.0, 0.0]),
            ([230.0, 430.0], [1.0, 0.0]),
            ([256.0, 120.0], [0.0, 1.0]),
            ([145.0, 250.0], [0.0, 1.0]),
            ([40.0, 300.0], [0.0, 0.0]),
            ([60.0, 490.0], [0.0, 0.0]),
        ] {
            let here = head.at(at, 1.0);
            assert_eq!([here.skin, here.hair], [skin, hair], "{at:?}");
            assert_eq!(here.hair_colour.is_some(), hair > 0.0, "{at:?}");
        }
        // No gap between forehead and hair; the neck is in the jaw's shadow above, and lit below.
        for y in 160..190 {
            let here = head.at([256.0, y as f32], 1.0);
            assert!(here.skin.max(here.hair) > 0.95, "{y} {here:?}");
        }
        assert!(head.at([256.0, 412.0], 1.0).lit < 0.1 && head.at([256.0, 455.0], 1.0).lit > 0.9);
        assert!(head.is_deep_skin([256.0, 300.0]) > 0.9 && head.is_deep_skin([316.0, 440.0]) < 0.5);
    }

    #[test]
    fn points_that_are_no_face_have_no_head() {
        let square = picture(HEAD_SIDES_PX[1], |at| person(at).0);
        let answer = picture(SEGMENTED_SIDE_PX, |at| person(at).1.map(f32::from));
        let same = SimilarityTransform::new(1.0, 0.0, [0.0; 2]);
        assert!(Head::find(&square, &[[3.0; 2]; 478], &answer, same, [SIDE; 2]).is_none());
    }
}
