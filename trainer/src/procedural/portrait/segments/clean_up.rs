//! What is put right in the regions of skin and hair: what cannot be, whatever it looks like.

use nijigen::drawing::{frame::Frame, pen::closed_spline};
use nijigen::face::mesh::EYES;
use nijigen::filter::{
    components::Components,
    gaussian::blur,
    morphology::{self, Window},
};

/// The nose.
const NOSE: [usize; 10] = [6, 122, 198, 129, 98, 2, 327, 358, 420, 351];

/// Half the width of the narrowest lock of hair on a forehead.
const LOBE: f32 = 0.045;

/// Highlights of the forehead that were taken for light hair: narrow lobes of hair in the face
/// above the eyes are skin.
pub fn drop_lobes(frame: &Frame, oval: &[bool], skin: &mut [f32], hair: &mut [f32]) {
    let region = frame.plane(|i| f32::from(hair[i] > 0.5));
    let broad = morphology::open(&region, &Window::disc(LOBE * frame.unit()));
    for i in 0..hair.len() {
        let [_, y] = frame.place(i, frame.face.center);
        if oval[i] && y < -0.15 && hair[i] > 0.5 && broad.values()[i] < 0.5 {
            (skin[i], hair[i]) = (0.9, 0.1);
        }
    }
}

/// Eyes, lips and nose are skin, whatever they look like; so are brows with skin above them.
pub fn force_skin(frame: &Frame, skin: &mut [f32], lips: &[[f32; 2]]) {
    let mut regions = vec![
        closed_spline(lips),
        closed_spline(&frame.at(NOSE)),
        closed_spline(&frame.eye_polygon(0, 1.28)),
        closed_spline(&frame.eye_polygon(1, 1.28)),
    ];
    for eye in &EYES {
        let brow = frame.at(eye.brow_above);
        let mut strip = frame.shifted(&brow, 0.0, -0.05);
        strip.extend(frame.shifted(&brow, 0.0, -0.02).into_iter().rev());
        let above = frame.region(&strip);
        let (mut all, mut bare) = (0, 0);
        for (share, skin) in above.values().iter().zip(skin.iter()) {
            all += usize::from(*share > 0.5);
            bare += usize::from(*share > 0.5 && *skin > 0.5);
        }
        if all > 0 && 2 * bare > all {
            let mut zone = frame.shifted(&brow, 0.0, -0.006);
            zone.extend(frame.at(eye.upper_lid).into_iter().rev());
            regions.push(zone);
        }
    }
    for region in &regions {
        for (skin, share) in skin.iter_mut().zip(frame.region(region).values()) {
            *skin = skin.max(*share);
        }
    }
}

/// Drops parts of a region that have less than `least[0]` pixels, and fills holes of less than
/// `least[1]`.
pub fn drop_islands(frame: &Frame, region: &mut [f32], least: [f32; 2]) {
    for (inside, least) in [(true, least[0]), (false, least[1])] {
        let plane = frame.plane(|i| f32::from((region[i] > 0.5) == inside));
        let components = Components::of(&plane, true);
        for (i, label) in components.labels.iter().enumerate() {
            if *label > 0 && (components.parts[*label as usize - 1].area as f32) < least {
                region[i] = if inside { 0.2 } else { 0.8 };
            }
        }
    }
}

/// Thin strips that are neither skin nor hair belong to what is next to them.
pub fn give_away_strips(
    frame: &Frame,
    skin: &mut [f32],
    hair: &mut [f32],
    near: impl Fn(usize) -> bool + Sync,
) {
    let unit = frame.unit();
    let other = frame.plane(|i| f32::from(skin[i] < 0.5 && hair[i] < 0.5 && near(i)));
    let broad = morphology::open(&other, &Window::disc(0.025 * unit));
    let around = |region: &[f32]| blur(&frame.plane(|i| f32::from(region[i] > 0.5)), 0.03 * unit);
    let (by_skin, by_hair) = (around(skin), around(hair));
    for i in 0..skin.len() {
        if other.values()[i] > 0.5 && broad.values()[i] < 0.5 {
            let (s, h) = (by_skin.values()[i], by_hair.values()[i]);
            if s >= h && s > 0.08 {
                skin[i] = 0.9;
            } else if h > s && h > 0.08 {
                hair[i] = 0.9;
            }
        }
    }
}
