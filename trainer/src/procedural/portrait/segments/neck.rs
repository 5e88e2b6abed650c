//! The neck: its own look, its place, its shadows.

use nijigen::drawing::samples::median;
use nijigen::face::mesh::CHIN;
use nijigen::filter::{colours::Colours, components::Components};

use crate::procedural::portrait::mixture::{Look, Mixture};

use super::LEAST;
use super::crop::Crop;

/// How unlike the beard the neck is.
const NECK_DISTANCE: f32 = 18.0;

/// Whether pixel `i` is where the neck is.
pub fn is_neck(crop: &Crop, i: usize) -> bool {
    let [x, y] = crop.below[i];
    let half = if y > 0.05 { 0.37 } else { 0.30 } + 0.1 * y.clamp(0.0, 1.0);
    x.abs() < half && y > -0.18 && y < 0.45 && !crop.oval[i]
}

/// Whether pixel `i` is where a person's neck is, above the collar.
pub fn is_upper_neck(crop: &Crop, i: usize) -> bool {
    is_neck(crop, i) && crop.below[i][1] < 0.25 && crop.person[i] > 0.25
}

/// The neck's own look, if it is skin.
pub fn neck_mixture(crop: &Crop, beard: &Mixture) -> Mixture {
    let [l0, a0, b0] = crop.skin_colour;
    let samples = crop.select(|i| {
        let [x, y] = crop.below[i];
        let neck = x.abs() < 0.22 && y > 0.05 && y < 0.26 && crop.person[i] > 0.7;
        neck && beard.distance(&crop.looks[i]) > NECK_DISTANCE
    });
    if samples.len() <= 60 {
        return Mixture::default();
    }
    let wide = LEAST.map(|v| 1.25 * v);
    let like = |look: &Look| {
        let f = (look[0] / l0).clamp(0.3, 1.3).powf(0.7);
        crop.off_hue(look) < 12.0
            && (0.36 * l0..1.12 * l0).contains(&look[0])
            && look[1].hypot(look[2]) > 0.5 * f * a0.hypot(b0)
    };
    let good: Vec<Look> = samples.iter().copied().filter(like).collect();
    if good.len() as f32 > 0.35 * samples.len() as f32 {
        return Mixture::of(good, 3, wide);
    }
    // In another light than the face, but all of one colour.
    let middle = median(&samples);
    let chroma = middle[1].hypot(middle[2]);
    if crop.off_hue(&middle) < 24.0
        && (0.36 * l0..1.1 * l0).contains(&middle[0])
        && chroma > 0.6 * a0.hypot(b0)
    {
        let near = |look: &Look| (look[1] - middle[1]).hypot(look[2] - middle[2]) < 12.0;
        return Mixture::of(samples.into_iter().filter(near).collect(), 3, wide);
    }
    Mixture::default()
}

/// Small shadowed patches of the neck are skin.
pub fn give_away_neck(crop: &Crop, skin: &mut [f32], hair: &[f32], smooth: &Colours) {
    let (frame, [l0, a0, b0]) = (crop.frame, crop.skin_colour);
    let other =
        frame.plane(|i| f32::from(skin[i] < 0.5 && hair[i] < 0.5 && is_upper_neck(crop, i)));
    let components = Components::of(&other, true);
    let mut colours = vec![Vec::new(); components.parts.len()];
    for (i, label) in components.labels.iter().enumerate() {
        if *label > 0 {
            colours[*label as usize - 1].push(smooth.pixels()[i]);
        }
    }
    let unit = frame.unit();
    let is_skin: Vec<bool> = components
        .parts
        .iter()
        .zip(&colours)
        .map(|(part, colours)| {
            let [l, a, b] = median(colours);
            let f = (l / l0).clamp(0.25, 1.3).powf(0.7);
            let middle = (part.columns[0] + part.columns[1]) as f32 / 2.0;
            let lowest = frame.local([middle, part.rows[1] as f32], frame.points[CHIN])[1];
            let small = part.area as f32 <= 0.035 * unit * unit;
            let shadow = lowest < 0.22 && l < 0.95 * l0;
            let alike = (a - a0 * f).hypot(b - b0 * f) < 12.0 && l < 1.05 * l0;
            small && (shadow || alike)
        })
        .collect();
    for (i, label) in components.labels.iter().enumerate() {
        if *label > 0 && is_skin[*label as usize - 1] {
            skin[i] = 0.9;
        }
    }
}
