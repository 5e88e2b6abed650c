//! Whether there is a beard, and where.

use nijigen::drawing::frame::{Frame, enlarged};
use nijigen::drawing::samples::median;
use nijigen::filter::plane::Plane;
use nijigen::filter::{
    morphology::{self, Window},
    quantile::quantile,
};
use nijigen::geometry::smoothstep;

use crate::procedural::portrait::mixture::{Look, Mixture};

use super::LEAST;
use super::crop::Crop;

/// How unlike the skin of the upper face a beard is.
const BEARD_DISTANCE: f32 = 13.0;
/// How much rougher than that skin a beard usually is, how far off its hue, and the least sum of the
/// shares of both: shadows and make-up stay below 0.8.
const BEARD_ROUGHNESS: f32 = 3.0;
const BEARD_HUE: f32 = 9.0;
const BEARD_UNLIKE: f32 = 1.1;

/// The beard of a face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beard {
    /// None, or stubble.
    None,
    /// Around the mouth only.
    Goatee,
    /// On the cheeks as well.
    Full,
}

/// The beard that was found.
pub struct BeardLook {
    /// Its kind.
    pub kind: Beard,
    /// What it looks like; empty without one.
    pub mixture: Mixture,
    /// Where it may grow.
    pub lower_face: Vec<bool>,
}

impl BeardLook {
    /// Whether there is one.
    pub fn is_there(&self) -> bool {
        self.kind != Beard::None
    }

    /// Finds it by the skin above the mouth, where nobody has one: what differs from there below the
    /// nose is a beard.
    pub fn find(crop: &Crop, skin: &[Look]) -> Self {
        let lower_face = lower_face(crop.frame, &crop.lips);
        let (kind, bearded) = find_beard(crop, skin, &lower_face);
        let mixture = if kind == Beard::None {
            Mixture::default()
        } else {
            Mixture::of(crop.select(|i| bearded[i]), 3, LEAST)
        };
        Self {
            kind,
            mixture,
            lower_face,
        }
    }
}

/// Where a beard may grow: the face below the nose and the cheekbones, without the lips.
fn lower_face(frame: &Frame, lips: &[[f32; 2]]) -> Vec<bool> {
    let border = [
        2, 97, 98, 203, 206, 216, 207, 187, 147, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152,
        377, 400, 378, 379, 365, 397, 288, 361, 323, 376, 411, 427, 436, 426, 423, 327, 326,
    ];
    let (face, lips) = (
        frame.region(&frame.at(border)),
        frame.region(&enlarged(lips, 1.06)),
    );
    let both = face.values().iter().zip(lips.values());
    both.map(|(face, lips)| *face > 0.5 && *lips < 0.5)
        .collect()
}

/// The kind of beard, and the pixels that are surely of it: in the lower face, and rougher or of
/// another colour than the skin above, whose looks are `skin`.
fn find_beard(crop: &Crop, skin: &[Look], lower_face: &[bool]) -> (Beard, Vec<bool>) {
    let Crop { frame, looks, .. } = crop;
    let mixture = Mixture::of(skin.to_vec(), 4, LEAST);
    if mixture.is_empty() {
        return (Beard::None, vec![false; looks.len()]);
    }
    let usual = quantile(skin.iter().map(|look| look[3]).collect(), 0.5);
    let bearded: Vec<bool> = (0..looks.len())
        .map(|i| lower_face[i] && mixture.distance(&looks[i]) > BEARD_DISTANCE)
        .collect();
    // Shadows are as smooth as skin and of its hue; a beard isn't.
    let is_beard = |zone: &[usize]| {
        let points: Vec<_> = zone.iter().map(|i| frame.points[*i]).collect();
        let area = frame.region(&points);
        let inside = || (0..looks.len()).filter(|i| area.values()[*i] > 0.5 && lower_face[*i]);
        let zone: Vec<Look> = inside().map(|i| looks[i]).collect();
        let covered = inside().filter(|i| bearded[*i]).count() as f32 / zone.len().max(1) as f32;
        let middle = median(&zone);
        let unlike = (middle[3] - usual) / BEARD_ROUGHNESS + crop.off_hue(&middle) / BEARD_HUE;
        covered > 0.45 && unlike > BEARD_UNLIKE
    };
    let chin = [
        83, 18, 313, 406, 335, 273, 422, 430, 394, 379, 378, 400, 377, 152, 148, 176, 149, 150,
        169, 210, 202, 43, 106, 182,
    ];
    let jaws = [
        [212, 214, 192, 138, 135, 169, 136, 172, 58, 215, 213, 207],
        [432, 434, 416, 367, 364, 394, 365, 397, 288, 435, 433, 427],
    ];
    let beard = if !is_beard(&chin) {
        Beard::None
    } else if jaws.iter().any(|jaw| is_beard(jaw)) {
        Beard::Full
    } else {
        Beard::Goatee
    };
    (beard, bearded)
}

/// Where hair is of a beard, with a soft border to that of the head; `None` without one.
pub fn beard_zone(frame: &Frame, beard: Beard) -> Option<Plane> {
    (beard != Beard::None).then(|| {
        frame.plane(|i| {
            let [x, y] = frame.place(i, frame.face.center);
            smoothstep(y, 0.0, 0.12) * smoothstep(x.abs(), 0.66, 0.54)
        })
    })
}

/// Closes gaps of a beard below the mouth.
pub fn fill_beard(frame: &Frame, skin: &mut [f32], hair: &mut [f32]) {
    let lower = [
        61, 91, 84, 17, 314, 321, 291, 397, 379, 400, 152, 176, 150, 172,
    ];
    let zone = frame.region(&frame.at(lower));
    let region = frame.plane(|i| f32::from(hair[i] > 0.5));
    let closed = morphology::close(&region, &Window::disc(0.055 * frame.unit()));
    for i in 0..skin.len() {
        if closed.values()[i] > 0.5 && zone.values()[i] > 0.5 && hair[i] <= 0.5 {
            (skin[i], hair[i]) = (0.1, 0.9);
        }
    }
}
