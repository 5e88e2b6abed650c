//! What hair looks like: a band around the head that is not like skin, the sides of long hair, the
//! beard.

use crate::procedural::portrait::mixture::Mixture;

use super::LEAST;
use super::crop::Crop;

/// The hair of a head.
pub struct HairLook {
    /// How unlike it each pixel is, see [`Mixture::distance`].
    pub distance: Vec<f32>,
    /// Whether hardly any of the head has hair.
    pub bald: bool,
    /// Whether there is enough of it to be measured.
    pub is_there: bool,
}

/// Finds it by how unlike skin each pixel is, and takes the look of the beard, too.
pub fn find_hair(crop: &Crop, skin_distance: &[f32], beard: Mixture) -> HairLook {
    let Crop {
        looks, person, at, ..
    } = crop;
    let count = looks.len();
    let head = |i: usize| (at[i][0] / 0.60).hypot((at[i][1] + 0.02) / 0.80);
    let band: Vec<bool> = (0..count)
        .map(|i| {
            let r = head(i);
            r > 1.06 && r < 1.34 && at[i][1] < -0.12 && person[i] > 0.75
        })
        .collect();
    let hair_seeds = crop.select(|i| band[i] && skin_distance[i] > 11.0);
    let band_area = band.iter().filter(|b| **b).count().max(1);
    let bald = (hair_seeds.len() as f32) < 0.16 * band_area as f32;
    let is_there = hair_seeds.len() > 60;
    let mut hair_mix = if hair_seeds.len() > 80 {
        Mixture::of(hair_seeds, 4, LEAST)
    } else {
        Mixture::default()
    };
    if !hair_mix.is_empty() {
        let sides = crop.select(|i| {
            let (r, [x, y]) = (head(i), at[i]);
            r > 1.08
                && r < 1.38
                && (-0.12..0.34).contains(&y)
                && x.abs() > 0.5
                && person[i] > 0.85
                && skin_distance[i] > 17.0
                && hair_mix.distance(&looks[i]) < 45.0
        });
        if sides.len() > 150 {
            hair_mix.extend(Mixture::of(sides, 3, LEAST));
        }
    }

    hair_mix.extend(beard);
    let distance = if hair_mix.is_empty() {
        vec![60.0; count]
    } else {
        looks.iter().map(|look| hair_mix.distance(look)).collect()
    };
    HairLook {
        distance,
        bald,
        is_there,
    }
}
