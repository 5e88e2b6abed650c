//! What skin looks like: the core of the face where it is like the cheeks, the neck, shadows and
//! highlights of both.

use nijigen::drawing::frame::enlarged_about;
use nijigen::drawing::samples::median;
use nijigen::face::mesh::OVAL;
use nijigen::filter::quantile::quantile;
use nijigen::geometry::smoothstep;

use crate::procedural::portrait::mixture::{Gaussian, Mixture};

use super::LEAST;
use super::beard::BeardLook;
use super::crop::{Crop, inside};
use super::neck::neck_mixture;

/// How unlike skin each pixel is, see [`Mixture::distance`], and the beard, which is told by the skin
/// above it.
pub fn find_skin(crop: &Crop) -> (Vec<f32>, BeardLook) {
    let Crop {
        frame,
        looks,
        at,
        below,
        oval,
        features,
        ..
    } = crop;
    let count = looks.len();
    let [l0, a0, b0] = crop.skin_colour;
    let core = enlarged_about(&frame.at(OVAL), frame.face.center, 0.88);
    let core = inside(frame, &core);
    let core = |i: usize| core[i] && !features[i];
    let like_skin = |i: usize| {
        let look = &looks[i];
        let f = (look[0].max(3.0) / l0).clamp(0.35, 1.3).powf(0.7);
        let d = ((look[1] - a0 * f) / 7.5).powi(2) + ((look[2] - b0 * f) / 8.5).powi(2);
        let share = look[0].max(3.0) / l0;
        (-0.5 * d).exp() * smoothstep(share, 0.30, 0.52) * smoothstep(share, 1.6, 1.3)
    };
    let skin_seed: Vec<bool> = (0..count)
        .map(|i| {
            let l = looks[i][0];
            core(i) && like_skin(i) > 0.06 && l > 0.42 * l0 && (l > 0.60 * l0 || at[i][1] < 0.15)
        })
        .collect();
    let upper = crop.select(|i| skin_seed[i] && at[i][1] < 0.10);
    let beard = BeardLook::find(crop, &upper);
    let seeds = crop.select(|i| skin_seed[i] && (!beard.is_there() || at[i][1] < 0.10));
    let mut skin_mix = if seeds.len() > 200 {
        Mixture::of(seeds.clone(), 5, LEAST)
    } else {
        Mixture::of(crop.select(core), 3, LEAST)
    };
    let typical = if seeds.len() > 50 {
        median(&seeds)
    } else {
        [l0, a0, b0, 8.0]
    };
    skin_mix.extend(neck_mixture(crop, &beard.mixture));
    let shadow = Gaussian::new(
        [
            0.46 * typical[0],
            0.62 * typical[1],
            0.62 * typical[2],
            typical[3],
        ],
        [8.0, 4.5, 5.0, 4.0],
    )
    .less_likely(2.5);
    let highlight = Mixture(vec![Gaussian::new(
        [
            typical[0] + 0.35 * (100.0 - typical[0]),
            0.65 * typical[1],
            0.65 * typical[2],
            typical[3] + 1.0,
        ],
        [11.0, 6.0, 8.0, 5.0],
    )]);
    let shadow = Mixture(vec![shadow]);
    let rough = if seeds.len() > 50 {
        quantile(seeds.iter().map(|s| s[3]).collect(), 0.9)
    } else {
        10.0
    };
    let distance = (0..count)
        .map(|i| {
            let look = &looks[i];
            let ([x, y], [cx, cy]) = (at[i], below[i]);
            let mut d = skin_mix.distance(look);
            let shaded = !beard.is_there() || at[i][1] < 0.10;
            if shaded && (oval[i] || (cy > -0.1 && cy < 0.28 && cx.abs() < 0.36)) {
                d = d.min(shadow.distance(look));
            }
            let scalp = (x / 0.50).hypot((y + 0.05) / 0.78) < 1.0 && y < 0.0;
            if oval[i] || scalp {
                d = d.min(highlight.distance(look));
            }
            if !oval[i] && cy < 0.0 {
                d += ((look[3] - rough) / 1.6).clamp(0.0, 5.0).powi(2);
            }
            d
        })
        .collect();
    (distance, beard)
}
