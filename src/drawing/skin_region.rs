//! Where a person's skin is beyond what a face's landmarks tell: forehead, ears, neck, shoulders.
//!
//! Skin under any light has colours on one ray: darker ones of hardly less chroma, lighter ones up to the white of the light
//! (Shafer, "Using color to separate reflection components", 1985). What is of such a colour, nearer to it than to the colours of
//! hair, clothes and background, and connected with the face, is skin.

use crate::face::mesh::{CHIN, JAW, OVAL};
use crate::filter::components::Components;
use crate::filter::gaussian::{blur, local_rms, weighted_blur};
use crate::filter::plane::Plane;
use crate::geometry::smoothstep;

use super::clusters::{clusters, nearest};
use super::frame::Frame;
use super::pen::closed_spline;
use super::planes::{crisp, without_small_parts};
use super::samples::median;

/// Standard deviation, in widths of the face, over which colours are looked at, and light.
const COLOUR_SIGMA: f32 = 0.014;
const LIGHT_SIGMA: f32 = 0.06;
/// The same of what is fine and rough, and roughnesses of lightness with which nothing is taken for skin any more, and still all.
const ROUGH_SIGMA: f32 = 0.04;
const ROUGH: [f32; 2] = [7.0, 4.5];
/// Standard deviation over which the region's border is smoothed.
const BORDER_SIGMA: f32 = 0.016;
/// Distance of opponents from those of skin at which a colour is none any more, and still fully.
const OFF: [f32; 2] = [12.0, 7.0];
/// How much more that counts beside hair.
const BESIDE_HAIR: f32 = 0.7;
/// Lightness in parts of that of lit skin below which there is none, and from which on there may be.
const DARK: [f32; 2] = [0.22, 0.34];
/// Colours of others than skin.
const OTHERS: usize = 8;
/// Lightness in parts of that of lit skin from which on it shines, and how much that counts: cloth is white, too.
const SHINING: f32 = 1.06;
const SHINE_COUNTS: f32 = 0.3;
/// What is nearer to skin than this is no example of something else.
const LIKE_SKIN: f32 = 6.0;
/// What of neck and forehead is nearer to the cheeks' colour than this, and lighter than this part of them, is skin: the neck is in
/// shadow, and a fringe is not.
const LIKE_NECK: (f32, f32) = (16.0, 0.35);
const LIKE_FOREHEAD: (f32, f32) = (14.0, 0.85);
/// Least parts of skin, and of light and shadow on it, in squares of the face's width.
const LEAST_PART: f32 = 0.015;
const LEAST_TONE: f32 = 0.08;
/// Lightness in parts of that of lit skin below which it is in shadow.
const SHADED: f32 = 0.74;
/// Pixels of a side of a crop in which it is looked for, at most.
const CROP_PX: usize = 256;
/// Bytes a pixel that one holds, in two planes of f32, ...
pub(super) const HELD_BYTES: u64 = 2 * 4;
/// ... and the most at a time while it is looked for.
pub const FINDING_BYTES: u64 = 30 * 4 * (CROP_PX * CROP_PX) as u64;
/// How far the shadow of the jaw reaches down the neck, in widths of the face.
const JAW_SHADOW: f32 = 0.13;

/// The skin around a face, in a square picture of it.
#[derive(Clone, Debug)]
pub(super) struct SkinRegion {
    /// 1 on skin, 0 elsewhere, 1/2 at its border.
    skin: Plane,
    /// The same of what is lit of it.
    lit: Plane,
}

impl SkinRegion {
    /// That of a crop of a face, looked for in fewer pixels, and how many of these are one of the crop.
    pub fn of_crop(frame: &Frame, lab: &[[f32; 3]], skin: [f32; 3]) -> (Self, f32) {
        let factor = frame.side.div_ceil(CROP_PX).max(1);
        let side = frame.side / factor;
        let scale = 1.0 / factor as f32;
        let points: Vec<_> = frame.points.iter().map(|p| p.map(|v| v * scale)).collect();
        let Some(small) = Frame::new(side, &points) else {
            return (Self::find(frame, lab, skin), 1.0);
        };
        let mean = |i: usize| {
            let corner = factor * (i / side * frame.side + i % side);
            let pixels =
                (0..factor * factor).map(|k| lab[corner + k / factor * frame.side + k % factor]);
            let sum = pixels.fold([0.0; 3], |sum, c| std::array::from_fn(|k| sum[k] + c[k]));
            sum.map(|v: f32| v * scale * scale)
        };
        let pixels: Vec<_> = (0..side * side).map(mean).collect();
        (Self::find(&small, &pixels, skin), scale)
    }

    /// That of a picture in CIE L*a*b* in which lit skin of the face has the colour `skin`.
    pub fn find(frame: &Frame, lab: &[[f32; 3]], skin: [f32; 3]) -> Self {
        let unit = frame.unit();
        let skin = [skin[0].max(1.0), skin[1], skin[2]];
        let smooth = [0, 1, 2].map(|c| blur(&frame.plane(|i| lab[i][c]), COLOUR_SIGMA * unit));
        let colour = |i: usize| [0, 1, 2].map(|c| smooth[c].values()[i]);
        let places = Places::of(frame);
        let mut tones = vec![skin];
        tones.extend(places.forehead(colour, skin));
        tones.extend(places.neck(colour, skin));
        let off = frame.plane(|i| off_skin(colour(i), &tones));
        let off = |i: usize| off.values()[i];
        let others = clusters(&places.others(|i| off(i) > LIKE_SKIN, colour), OTHERS);
        let oval = frame.fill(&closed_spline(&frame.at(OVAL)));
        let inside = |i: usize| oval.at(i % frame.side, i / frame.side);
        let sure = |i: usize| if places.is_neck(i) { 1.0 } else { inside(i) };
        let may_be = frame.plane(|i| {
            let (colour, off) = (colour(i), off(i));
            let nearer = nearest(colour, &others) - off;
            let share = places.may_be_skin(i)
                * smoothstep(
                    off * (1.0 + BESIDE_HAIR * places.on_scalp(i)),
                    OFF[0],
                    OFF[1],
                )
                * smoothstep(colour[0] / skin[0], DARK[0], DARK[1])
                * smoothstep(nearer, -2.0, 2.0);
            share.max(inside(i))
        });
        // Hair and knitted cloth are rough, and so are the borders of skin, which come back when it has been found.
        let broad = blur(&smooth[0], ROUGH_SIGMA * unit);
        let fine = frame.plane(|i| lab[i][0] - broad.values()[i]);
        let rough = local_rms(&fine, ROUGH_SIGMA * unit);
        let core = frame.plane(|i| {
            let smooth = smoothstep(rough.values()[i], ROUGH[0], ROUGH[1]);
            may_be.values()[i] * smooth.max(sure(i))
        });
        let parts = Components::of(&core, false);
        let of_face = parts.sums(|i| sure(i) * may_be.values()[i]);
        let area = LEAST_PART * unit * unit;
        let kept = frame.plane(|i| match parts.labels[i] as usize {
            0 => 0.0,
            part => f32::from(of_face[part - 1] > area),
        });
        let near = blur(&kept, 0.5 * ROUGH_SIGMA * unit);
        let grown = frame.plane(|i| f32::from(may_be.values()[i] > 0.5 && near.values()[i] > 0.1));
        let filled = without_small_parts(&grown.map(|v| 1.0 - v), area).map(|v| 1.0 - v);
        let jaw = jaw_shadow(frame, inside);
        let light = frame.plane(|i| lab[i][0] / skin[0]);
        let light = weighted_blur(&light, &filled, LIGHT_SIGMA * unit);
        let tone = LEAST_TONE * unit * unit;
        let lit = without_small_parts(&light.map(|v| f32::from(v > SHADED)), tone);
        let shaded = without_small_parts(&lit.map(|v| 1.0 - v), tone);
        let lit = frame.plane(|i| f32::from(shaded.values()[i].max(jaw.values()[i]) < 0.5));
        let border = BORDER_SIGMA * unit;
        Self {
            skin: blur(&filled, border),
            lit: blur(&lit, border),
        }
    }

    /// The share of skin, and of what is lit of it, at a point of the square, with crisp borders in a picture in which `scale`
    /// pixels of the square are one.
    pub fn at(&self, point: [f32; 2], scale: f32) -> [f32; 2] {
        [&self.skin, &self.lit].map(|plane| crisp(plane, point, scale))
    }

    /// Whether there is skin all around a point of the square: 0 to 1.
    pub fn is_deep(&self, point: [f32; 2]) -> f32 {
        smoothstep(self.skin.sample(point[0] - 0.5, point[1] - 0.5), 0.85, 0.98)
    }
}

/// Where things are about a face, in its widths: to the right and down of its middle, and of its chin.
struct Places {
    of_face: Vec<[f32; 2]>,
    of_chin: Vec<[f32; 2]>,
}

impl Places {
    fn of(frame: &Frame) -> Self {
        let count = 0..frame.side * frame.side;
        let chin = frame.points[CHIN];
        Self {
            of_face: count
                .clone()
                .map(|i| frame.place(i, frame.face.center))
                .collect(),
            of_chin: count.map(|i| frame.place(i, chin)).collect(),
        }
    }

    /// Whether skin that is connected with the face may be here: on the head and its ears, on the neck, and below that.
    fn may_be_skin(&self, i: usize) -> f32 {
        let ([x, y], [beside, below]) = (self.of_face[i], self.of_chin[i]);
        let head = smoothstep((x / 0.68).hypot((y + 0.05) / 0.92), 1.0, 0.95);
        // Beside the neck hair hangs down to the shoulders, which slope.
        let neck = smoothstep(beside.abs() - 2.5 * (below - 0.1).max(0.0), 0.56, 0.48);
        head.max(neck * smoothstep(below, -0.12, -0.06))
    }

    /// Whether there are scalp and temples, and hair, which may be of nearly the colour of skin.
    fn on_scalp(&self, i: usize) -> f32 {
        let [x, y] = self.of_face[i];
        smoothstep(y, 0.35, 0.25) * smoothstep((x.abs() - 0.10).max(-y - 0.08), 0.34, 0.42)
    }

    /// Whether there is the upper neck, which is in the jaw's shadow.
    fn is_neck(&self, i: usize) -> bool {
        let [x, y] = self.of_chin[i];
        x.abs() < 0.16 && y > 0.06 && y < 0.20
    }

    /// The colour of the upper neck, if there is one like skin.
    fn neck(&self, colour: impl Fn(usize) -> [f32; 3], skin: [f32; 3]) -> Option<[f32; 3]> {
        let all = (0..self.of_chin.len())
            .filter(|i| self.is_neck(*i))
            .map(colour);
        skin_among(all, skin, LIKE_NECK)
    }

    /// The colour of the forehead, which shines, if there is one like skin.
    fn forehead(&self, colour: impl Fn(usize) -> [f32; 3], skin: [f32; 3]) -> Option<[f32; 3]> {
        let above_brows = |i: &usize| {
            let [x, y] = self.of_face[*i];
            x.abs() < 0.22 && y > -0.44 && y < -0.34
        };
        let all = (0..self.of_face.len()).filter(above_brows).map(colour);
        skin_among(all, skin, LIKE_FOREHEAD)
    }

    /// Colours of what may be hair, background and clothes.
    fn others(
        &self,
        is_no_skin: impl Fn(usize) -> bool,
        colour: impl Fn(usize) -> [f32; 3],
    ) -> Vec<[f32; 3]> {
        let here = |i: &usize| {
            let ([x, y], [_, below]) = (self.of_face[*i], self.of_chin[*i]);
            let beside = x.abs() > 0.8 && below < 0.3;
            let above = y < -0.55;
            beside || above || below > 0.35
        };
        let all = (0..self.of_face.len()).step_by(3).filter(here);
        all.filter(|i| is_no_skin(*i)).map(colour).collect()
    }
}

/// The middle of those of some colours that differ less than `off` from skin's and are lighter than its part `least`, if these are most.
fn skin_among(
    colours: impl Iterator<Item = [f32; 3]>,
    skin: [f32; 3],
    (off, least): (f32, f32),
) -> Option<[f32; 3]> {
    let all: Vec<_> = colours.collect();
    let like = |c: &&[f32; 3]| off_skin(**c, &[skin]) < off && c[0] > least * skin[0];
    let like: Vec<_> = all.iter().filter(like).copied().collect();
    (2 * like.len() > all.len()).then(|| median(&like))
}

/// How far the opponents of a colour are from those of skin of one of these colours in any light.
fn off_skin(colour: [f32; 3], tones: &[[f32; 3]]) -> f32 {
    let off = tones.iter().map(|tone| off_tone(colour, *tone));
    off.fold(f32::INFINITY, f32::min)
}

fn off_tone([l, a, b]: [f32; 3], [l0, a0, b0]: [f32; 3]) -> f32 {
    let ratio = (l / l0).max(0.05);
    // The factors of chroma between which skin of this lightness has it.
    let [least, most] = if ratio < 1.0 {
        [ratio.powf(0.9), ratio.powf(0.3)]
    } else {
        [1.0 - (l - l0) / (100.0 - l0).max(1.0), ratio.powf(0.7)]
    };
    let squared = (a0 * a0 + b0 * b0).max(1.0);
    let along = ((a * a0 + b * b0) / squared).clamp(least, most);
    let shine = SHINE_COUNTS * (l - SHINING * l0).max(0.0);
    let [a, b] = [a - along * a0, b - along * b0];
    (a * a + b * b + shine * shine).sqrt()
}

/// The jaw's shadow on the neck.
fn jaw_shadow(frame: &Frame, inside: impl Fn(usize) -> f32 + Sync) -> Plane {
    let jaw = frame.at(JAW);
    let mut shadow = frame.shifted(&jaw, 0.0, JAW_SHADOW);
    shadow.extend(jaw.into_iter().rev());
    let shadow = frame.fill(&shadow);
    frame.plane(|i| shadow.at(i % frame.side, i / frame.side) * (1.0 - inside(i)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::lab::rgb_to_lab;
    use crate::face::example_face::example_face;

    const SIDE: usize = 256;
    const SKIN: [f32; 3] = [0.80, 0.62, 0.53];
    const HAIR: [f32; 3] = [0.30, 0.20, 0.14];
    const WHITE: [f32; 3] = [0.94, 0.94, 0.93];
    const WALL: [f32; 3] = [0.72, 0.62, 0.50];

    /// Whether a place, in pixels of [`example_face`]'s 512, is skin, in a picture of these colours.
    fn skin_at(colour: impl Fn([f32; 2]) -> [f32; 3], at: [f32; 2]) -> f32 {
        let points: Vec<_> = example_face().iter().map(|p| p.map(|v| 0.5 * v)).collect();
        let frame = Frame::new(SIDE, &points).expect("a face");
        let lab: Vec<_> = (0..SIDE * SIDE)
            .map(|i| rgb_to_lab(colour(frame.pixel(i).map(|v| 2.0 * v))))
            .collect();
        let region = SkinRegion::find(&frame, &lab, rgb_to_lab(SKIN));
        region.at(at.map(|v| 0.5 * v), 1.0)[0]
    }

    /// A head with hair above a high forehead that shines, a neck in the shade, a white shirt and a yellowish wall.
    fn person([x, y]: [f32; 2]) -> [f32; 3] {
        let head = (x - 256.0).hypot((y - 270.0) / 1.3);
        match () {
            () if head < 105.0 && (x - 256.0).hypot(y - 165.0) < 14.0 => SKIN.map(|v| v + 0.14),
            () if head < 105.0 && y > 135.0 => SKIN,
            () if head < 135.0 && y < 260.0 => HAIR,
            () if (x - 256.0).abs() < 60.0 && y > 360.0 && y < 440.0 => {
                [0, 1, 2].map(|c| [0.70, 0.66, 0.64][c] * SKIN[c])
            }
            () if y > 440.0 => WHITE,
            () => WALL,
        }
    }

    #[test]
    fn forehead_and_neck_are_skin_and_hair_shirt_and_wall_are_not() {
        for at in [
            [256.0, 165.0],
            [230.0, 150.0],
            [256.0, 300.0],
            [230.0, 410.0],
        ] {
            assert!(skin_at(person, at) > 0.9, "{at:?} {}", skin_at(person, at));
        }
        for at in [
            [256.0, 115.0],
            [256.0, 480.0],
            [60.0, 300.0],
            [60.0, 420.0],
            [400.0, 420.0],
        ] {
            assert!(skin_at(person, at) < 0.1, "{at:?} {}", skin_at(person, at));
        }
    }

    #[test]
    fn skin_that_is_not_connected_with_the_face_is_not_found() {
        let with_hand = |[x, y]: [f32; 2]| match (x - 440.0).hypot(y - 470.0) {
            away if away < 25.0 => SKIN,
            _ => person([x, y]),
        };
        assert!(skin_at(with_hand, [440.0, 470.0]) < 0.1);
    }
}
