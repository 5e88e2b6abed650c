//! What is to be expected where: priors over places. Each rule has its reason in where heads have what.
//! Some things are decided once a face: whether there are a fringe, long hair, a long beard, and each
//! ear.

use nijigen::drawing::palette::interpolate;
use nijigen::geometry::smoothstep;

use super::beard::{Beard, BeardLook};
use super::crop::Crop;
use super::hair::HairLook;
use super::neck::{is_neck, is_upper_neck};

/// What is to be expected of a face.
pub struct Prior<'a> {
    crop: &'a Crop<'a>,
    beard: &'a BeardLook,
    hair: &'a HairLook,
    /// How far the left and the right ear are seen, 0 (covered by hair) to 1.
    ear_seen: [f32; 2],
    /// Whether hair hangs down on the left and on the right.
    pub long: [bool; 2],
    /// Share of hair at the upper end of the forehead.
    top_hairy: f32,
    fringe: bool,
    /// Whether the beard reaches below the chin.
    pub long_beard: bool,
}

impl<'a> Prior<'a> {
    /// By how unlike skin, hair, and clothes each pixel is.
    pub fn new(
        crop: &'a Crop,
        beard: &'a BeardLook,
        hair: &'a HairLook,
        skin_distance: &[f32],
        clothes: &[f32],
    ) -> Self {
        let Crop {
            frame,
            person,
            at,
            below,
            oval,
            ..
        } = crop;
        let unit = frame.unit();
        let ear = |i: usize| is_ear(crop, i);
        let of_side = |i: usize, side: f32| side * at[i][0] > 0.0;
        // Each ear is seen or covered as a whole.
        let ear_seen = [-1.0, 1.0].map(|side| {
            crop.share(
                |i| {
                    ear(i)
                        && of_side(i, side)
                        && at[i][1] > -0.10
                        && at[i][1] < 0.20
                        && person[i] > 0.6
                },
                |i| skin_distance[i] < hair.distance[i],
                0.5,
            )
        });
        // Long hair goes down from the ear without a gap; a collar of its colour doesn't.
        let long = [-1.0, 1.0].map(|side| {
            [(0.10, 0.26), (0.26, 0.46)].into_iter().all(|(from, to)| {
                let region = |i: usize| {
                    let ([x, y], x_out) = (at[i], side * at[i][0]);
                    x.abs() < 0.80 && x_out > 0.50 && y > from && y < to && person[i] > 0.6
                };
                let area = (0..at.len()).filter(|i| region(*i)).count() as f32;
                let hair = |i: usize| hair.distance[i] < skin_distance[i].min(clothes[i]);
                area > 0.005 * unit * unit && crop.share(region, hair, 0.0) > 0.40
            })
        });
        let hairy = |i: usize| hair.distance[i] < skin_distance[i];
        let top_hairy = crop.share(
            |i| oval[i] && at[i][1] < -0.36 && at[i][1] > -0.46 && at[i][0].abs() < 0.36,
            hairy,
            0.5,
        );
        let fringe = crop.share(
            |i| oval[i] && at[i][1] > -0.30 && at[i][1] < -0.12 && at[i][0].abs() < 0.30,
            hairy,
            0.0,
        ) > 0.35;
        let long_beard = beard.is_there()
            && crop.share(
                |i| below[i][0].abs() < 0.20 && below[i][1] > 0.03 && below[i][1] < 0.16,
                hairy,
                0.0,
            ) > 0.5;
        Self {
            crop,
            beard,
            hair,
            ear_seen,
            long,
            top_hairy,
            fringe,
            long_beard,
        }
    }

    /// How likely pixel `i` is skin, hair, clothes and background, but for a constant.
    pub fn of(&self, i: usize) -> [f32; 4] {
        let crop = self.crop;
        let Crop {
            person,
            at,
            below,
            oval,
            ..
        } = crop;
        let ([x, y], [cx, cy]) = (at[i], below[i]);
        let inside = oval[i];
        let side = usize::from(x > 0.0);
        let [mut skin, mut hair, mut cloth] = [0.10, 0.06, 0.5];
        if (x / 0.95).hypot(y + 0.18) < 1.0 && cy < -0.10 {
            [skin, hair, cloth] = [0.10, if self.hair.bald { 0.35 } else { 0.80 }, 0.004];
        }
        if x.abs() < 1.15 && (-0.10..1.2).contains(&cy) {
            hair = 0.22;
        }
        if (x / 0.50).hypot((y + 0.05) / 0.82) < 1.0 && y < 0.0 && !inside {
            [skin, hair] = if self.hair.bald {
                [0.8, 0.15]
            } else {
                [0.30, 0.6]
            };
        }
        if is_ear(crop, i) {
            cloth = 0.004;
            skin = interpolate(self.ear_seen[side], &[(0.45, 0.05), (0.8, 0.62)]);
            hair = interpolate(self.ear_seen[side], &[(0.45, 0.88), (0.8, 0.30)]);
        }
        if cx.abs() < 0.50 && cy > -0.20 && cy < 0.08 && !inside {
            [skin, cloth] = [0.5, 0.02];
        }
        if is_neck(crop, i) {
            [skin, hair, cloth] = [0.74, 0.14, if cy < 0.20 { 0.015 } else { 0.15 }];
        }
        if !self.long[side] && y > 0.22 && !inside {
            hair = if !self.beard.is_there() { 0.012 } else { 0.03 };
        }
        if !self.beard.is_there() {
            if cx.abs() < 0.24 && cy > -0.1 && cy < 0.22 && !inside {
                hair = 0.008;
            }
        } else if cx.abs() < 0.25 && cy < 0.16 && y > 0.2 && !inside {
            hair = 0.4;
        }
        if self.long_beard && cx.abs() < 0.5 - 0.2 * cy && cy > -0.25 && cy < 0.6 && !inside {
            [skin, hair, cloth] = [0.1, 0.7, 0.1];
        }
        if cx.abs() < 0.9 && (0.45..0.9).contains(&cy) {
            skin = 0.22;
        }
        if inside {
            [skin, hair, cloth] = [0.92, 0.08, 1e-5];
            if y < -0.36 {
                [skin, hair] = [0.62, 0.38];
                if self.top_hairy < 0.45 && (x / 0.42).hypot(y / 0.60) < 1.0 {
                    [skin, hair] = [0.985, 0.003];
                }
            }
            if x.abs() > 0.40 {
                [skin, hair] = [skin.min(0.75), hair.max(0.25)];
            }
        }
        if self.hair.is_there
            && x.abs() > 0.52
            && y > 0.25
            && cy < 0.12
            && !inside
            && !is_neck(crop, i)
        {
            skin = 0.015;
        }
        if x.abs() > 0.635 && cy < 0.12 && !inside {
            skin = 0.01;
        }
        if inside && y > if self.fringe { -0.14 } else { -0.27 } && x.abs() < 0.44 {
            [skin, hair] = [0.99, 1e-6];
        }
        if self.long_beard && cx.abs() < 0.4 && !inside && cy > -0.2 && cy < 0.0 {
            [skin, hair] = [0.4, 0.6];
        }
        if self.beard.is_there() && self.beard.lower_face[i] {
            let chin_only = self.beard.kind == Beard::Goatee && x.abs() > 0.25;
            [skin, hair] = if chin_only { [0.9, 0.1] } else { [0.5, 0.5] };
        }
        skin *= smoothstep(if inside { 1.0 } else { person[i] }, 0.35, 0.75);
        let behind = if inside || is_upper_neck(crop, i) {
            1e-5
        } else {
            (1.0 - person[i]).clamp(2e-4, 1.0).powf(1.2)
        };
        [skin, hair, cloth, behind]
    }
}

/// Whether pixel `i` is where an ear is.
fn is_ear(crop: &Crop, i: usize) -> bool {
    let [x, y] = crop.at[i];
    x.abs() < 0.66 && y > -0.16 && y < 0.26 && !crop.oval[i]
}
