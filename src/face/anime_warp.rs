//! The proportions of a drawn face: larger eyes, a slimmer jaw, a smaller nose and mouth.
//!
//! The warp is part of the alignment. What a network sees is warped already, so that all it has to
//! do is draw; and as the border of the crop is fixed, its picture can be put back as it is.

use super::displacement_grid::DisplacementGrid;
use super::mesh::{
    CHIN, EYES, EyeFrame, EyeIndices, FOREHEAD, FaceFrame, LIPS_OUTER, LOWER_LIP_ABOVE,
    MOUTH_CORNERS, NOSE, OVAL, SUBNASALE, UPPER_LIP_BELOW, dot, mean, subtract,
};
use super::thin_plate_spline::ThinPlateSpline;
use crate::geometry::smoothstep;

/// Yaw in degrees up to which a face is warped in full, and from which it isn't at all: the far
/// eye is too narrow to be enlarged.
const YAW_DEGREES: [f32; 2] = [28.0, 42.0];
/// Openness of eyes that are not enlarged at all, and of those that are in full. Narrow, old and
/// half-closed eyes are between.
const OPENNESS: [f32; 2] = [0.10, 0.30];
/// The outline enlarged by these about the centre stays where it is.
const FIXED_RINGS: [f32; 2] = [1.42, 1.9];
/// Every how manieth point of the outline is taken for the rings.
const RING_STEP: usize = 2;
/// Share of the crop's side at its border where the warp fades out.
const BORDER: f32 = 0.06;
/// See [`ThinPlateSpline::fit`].
const RELAXATION: f64 = 1e-4;

/// The warp of one aligned face crop.
#[derive(Clone, Debug, PartialEq)]
pub struct AnimeWarp {
    to_source: DisplacementGrid,
}

impl AnimeWarp {
    /// The warp for a square crop of `side_px` pixels a side in which the mesh's `points` lie
    /// (`[x, y]` in pixels from its top left corner, at least [`super::mesh::MESH_POINTS`] of
    /// them). `strength` is from 0, the face as it is, to 1. It has less effect on narrow eyes and
    /// on turned faces. Points that are no face's give the warp that changes nothing.
    pub fn new(points: &[[f32; 2]], side_px: f32, strength: f32) -> Self {
        let unchanged = || Self {
            to_source: DisplacementGrid::new(side_px, |_| [0.0; 2]),
        };
        let Some(face) = FaceFrame::new(points) else {
            return unchanged();
        };
        let [full, none] = YAW_DEGREES;
        let facing = smoothstep(face.yaw_degrees.abs(), none, full);
        let strength = strength.clamp(0.0, 1.0) * facing;
        if strength.is_nan() || strength <= 0.0 {
            return unchanged();
        }
        let mut moves = Moves::default();
        add_outline(&mut moves, points, &face);
        add_nose(&mut moves, points, &face);
        add_mouth(&mut moves, points, &face);
        for eye in &EYES {
            add_eye(&mut moves, points, eye, &face);
        }
        // From where points go back to where they come from: the way pictures are sampled.
        let (mut at, mut back) = (Vec::new(), Vec::new());
        for (from, by) in moves.0 {
            at.push([0, 1].map(|i| from[i] + strength * by[i]));
            back.push(by.map(|v| -strength * v));
        }
        for scale in FIXED_RINGS {
            for &i in OVAL.iter().step_by(RING_STEP) {
                let d = subtract(points[i], face.center);
                at.push([0, 1].map(|k| face.center[k] + scale * d[k]));
                back.push([0.0; 2]);
            }
        }
        let unit = face.width_px;
        let Some(spline) = ThinPlateSpline::fit(&at, &back, face.center, unit, RELAXATION) else {
            return unchanged();
        };
        let to_source = DisplacementGrid::new(side_px, |point| {
            let inside = point.map(|v| v.min(side_px - v) / side_px);
            let fade = smoothstep(inside[0], 0.0, BORDER) * smoothstep(inside[1], 0.0, BORDER);
            spline.at(point).map(|v| fade * v)
        });
        Self { to_source }
    }

    /// What is to be added to the places of the warped crop to find them in the crop as it was.
    pub fn to_source(&self) -> &DisplacementGrid {
        &self.to_source
    }

    /// Where a point of the crop as it was lies in the warped one.
    pub fn warp_point(&self, point: [f32; 2]) -> [f32; 2] {
        self.to_source.invert(point)
    }

    /// Where a point of the warped crop lies in the crop as it was.
    pub fn unwarp_point(&self, point: [f32; 2]) -> [f32; 2] {
        self.to_source.apply(point)
    }
}

/// Points and where they move, in pixels.
#[derive(Default)]
struct Moves(Vec<([f32; 2], [f32; 2])>);

impl Moves {
    fn add(&mut self, point: [f32; 2], by: [f32; 2]) {
        self.0.push((point, by));
    }
}

/// The jaw comes towards the face's axis, the chin goes up.
fn add_outline(moves: &mut Moves, points: &[[f32; 2]], face: &FaceFrame) {
    let place = |at: usize| face.local(points[at], face.eyes);
    let (top, chin) = (place(FOREHEAD), place(CHIN));
    for at in OVAL {
        let [x, y] = place(at);
        let t = y / chin[1];
        let axis = top[0] + (chin[0] - top[0]) * (y - top[1]) / (chin[1] - top[1]);
        let slimmer = 0.07 * smoothstep(t, 0.12, 0.72) * (1.0 - 0.25 * smoothstep(t, 0.9, 1.0));
        let up = 0.022 * face.width_px * smoothstep(t, 0.35, 1.0);
        moves.add(points[at], face.vector(-slimmer * (x - axis), -up));
    }
}

fn add_nose(moves: &mut Moves, points: &[[f32; 2]], face: &FaceFrame) {
    for at in NOSE {
        let [x, y] = face.local(points[at], points[SUBNASALE]);
        let by = face.vector(-0.18 * x, -0.10 * y - 0.010 * face.width_px);
        moves.add(points[at], by);
    }
}

fn add_mouth(moves: &mut Moves, points: &[[f32; 2]], face: &FaceFrame) {
    let [left, right] = MOUTH_CORNERS;
    let middle = mean(&[points[left], points[right], points[13], points[14]]);
    // The lips share their inner corners.
    let lower = &LOWER_LIP_ABOVE[1..LOWER_LIP_ABOVE.len() - 1];
    for &at in LIPS_OUTER.iter().chain(&UPPER_LIP_BELOW).chain(lower) {
        let [x, y] = face.local(points[at], middle);
        let by = face.vector(-0.13 * x, -0.14 * y - 0.020 * face.width_px);
        moves.add(points[at], by);
    }
}

/// The eye grows, mostly in height, and the brow makes room. Where there is little below the brow,
/// as in most men, the eye grows less.
fn add_eye(moves: &mut Moves, points: &[[f32; 2]], indices: &EyeIndices, face: &FaceFrame) {
    let Some(eye) = EyeFrame::new(points, indices, face) else {
        return;
    };
    let width = eye.width_px;
    let local = |at: usize| {
        let d = subtract(points[at], eye.center);
        [dot(d, eye.outward), dot(d, eye.up)]
    };
    let vector = |x: f32, y: f32| [0, 1].map(|i| x * eye.outward[i] + y * eye.up[i]);
    let open = smoothstep(eye.openness(), OPENNESS[0], OPENNESS[1]);
    let raise_brow = (0.018 * face.width_px + 0.05 * width) * open;
    let brow = indices.brow_below.iter().map(|&at| local(at)[1]);
    let gap = brow.fold(f32::INFINITY, f32::min) - eye.above_px;
    let room = raise_brow + 0.55 * gap.max(0.0);
    let upper = (1.05 * open).min(room / eye.above_px.max(0.05 * width));
    let lower = 1.25 * open;
    let wider = (0.27 + 0.18 * open).min((0.33 * face.width_px / width - 1.0).max(0.0));
    // Apart from each other, and a little down.
    let shift = [0.095 * width, -0.014 * face.width_px * open];
    // The lids share their corners.
    let below = &indices.lower_lid[1..8];
    for &at in indices.upper_lid.iter().chain(below) {
        let [x, y] = local(at);
        let taller = if y > 0.0 { upper } else { lower };
        moves.add(
            points[at],
            vector(wider * x + shift[0], taller * y + shift[1]),
        );
    }
    for &at in indices.brow_above.iter().chain(&indices.brow_below) {
        moves.add(points[at], vector(0.06 * local(at)[0], raise_brow));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::face::example_face::example_face;
    use crate::face::mesh::{FaceFrame, NOSE_TIP};

    const SIDE: f32 = 512.0;

    fn distance([ax, ay]: [f32; 2], [bx, by]: [f32; 2]) -> f32 {
        (ax - bx).hypot(ay - by)
    }

    fn warped(points: &[[f32; 2]], strength: f32) -> Vec<[f32; 2]> {
        let warp = AnimeWarp::new(points, SIDE, strength);
        points.iter().map(|p| warp.warp_point(*p)).collect()
    }

    fn eye(points: &[[f32; 2]], side: usize) -> EyeFrame {
        let face = FaceFrame::new(points).unwrap();
        EyeFrame::new(points, &EYES[side], &face).unwrap()
    }

    #[test]
    fn strength_0_and_what_is_no_face_change_nothing() {
        let face = example_face();
        for warp in [
            AnimeWarp::new(&face, SIDE, 0.0),
            AnimeWarp::new(&face, SIDE, f32::NAN),
            AnimeWarp::new(&face[..5], SIDE, 1.0),
            AnimeWarp::new(&[[f32::NAN; 2]; 478], SIDE, 1.0),
        ] {
            assert!(warp.to_source().nodes().iter().all(|v| *v == [0.0; 2]));
        }
    }

    #[test]
    fn proportions_become_those_of_a_drawing() {
        let before = example_face();
        let after = warped(&before, 1.0);
        for side in 0..2 {
            let (small, large) = (eye(&before, side), eye(&after, side));
            let wider = large.width_px / small.width_px;
            assert!((1.3..1.45).contains(&wider), "{wider}");
            let height = |eye: &EyeFrame| eye.above_px + eye.below_px;
            let taller = height(&large) / height(&small);
            assert!((1.6..2.1).contains(&taller), "{taller}");
        }
        let shrinks = |a: usize, b: usize, by: f32| {
            let now = distance(after[a], after[b]) / distance(before[a], before[b]);
            assert!((now - by).abs() < 0.03, "{a} {b}: {now}");
        };
        shrinks(61, 291, 0.87);
        shrinks(129, 358, 0.82);
        shrinks(172, 397, 0.94);
        // Half the strength, about half the growth.
        let half = eye(&warped(&before, 0.5), 0).width_px / eye(&before, 0).width_px;
        assert!((1.13..1.25).contains(&half), "{half}");
    }

    #[test]
    fn narrow_eyes_grow_less_and_turned_faces_not_at_all() {
        let growth = |points: &[[f32; 2]]| {
            let height = |points: &[[f32; 2]]| eye(points, 0).above_px + eye(points, 0).below_px;
            height(&warped(points, 1.0)) / height(points)
        };
        let open = example_face();
        let mut narrow = open.clone();
        for indices in &EYES {
            for &at in indices.upper_lid.iter().chain(&indices.lower_lid[1..8]) {
                narrow[at][1] = 240.0 + 0.55 * (narrow[at][1] - 240.0);
            }
        }
        assert!(
            growth(&narrow) < 0.85 * growth(&open),
            "{}",
            growth(&narrow)
        );
        let mut turned = open;
        turned[NOSE_TIP][0] += 0.65 * 200.0;
        assert_eq!(warped(&turned, 1.0), turned);
    }

    #[test]
    fn forth_and_back() {
        let warp = AnimeWarp::new(&example_face(), SIDE, 1.0);
        for i in 0..1024 {
            let point = [i % 32, i / 32].map(|v| 8.0 + 16.0 * v as f32);
            let again = warp.unwarp_point(warp.warp_point(point));
            assert!(distance(again, point) < 0.05, "{point:?} {again:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        /// Whatever the face, its turn in the picture and the strength: no point meets another, and
        /// the border stays.
        #[test]
        fn never_folds(
            noise in prop::collection::vec([-5.0f32..5.0, -5.0f32..5.0], 478),
            stretch in [0.75f32..1.3, 0.75f32..1.3],
            angle in -0.4f32..0.4,
            strength in 0.0f32..1.0,
        ) {
            let points: Vec<_> = example_face().iter().zip(&noise).map(|([x, y], by)| {
                let x = (x - 256.0) * stretch[0] + by[0];
                let y = (y - 270.0) * stretch[1] + by[1];
                let (sin, cos) = angle.sin_cos();
                [256.0 + cos * x - sin * y, 270.0 + sin * x + cos * y]
            }).collect();
            let warp = AnimeWarp::new(&points, SIDE, strength);
            let step = 4.0;
            for i in 0..128 * 128 {
                let [x, y] = [i % 128, i / 128].map(|v| step * v as f32);
                let [a, b, c] = [[x, y], [x + step, y], [x, y + step]].map(|p| warp.unwarp_point(p));
                let (along, down) = (subtract(b, a), subtract(c, a));
                let area = along[0] * down[1] - along[1] * down[0];
                prop_assert!(area > 0.05 * step * step, "{x} {y}: {area}");
                if x == 0.0 || y == 0.0 {
                    prop_assert_eq!(a, [x, y]);
                }
            }
        }
    }
}
