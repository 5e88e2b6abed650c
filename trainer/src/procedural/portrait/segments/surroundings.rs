//! What clothes and the background look like.

use crate::procedural::portrait::mixture::Mixture;

use super::LEAST;
use super::crop::Crop;

/// What is neither skin nor hair.
pub struct Surroundings {
    /// How unlike clothes each pixel is, see [`Mixture::distance`].
    pub clothes: Vec<f32>,
    /// What is behind the person; empty if nothing is seen of it.
    pub background: Mixture,
}

/// Finds clothes below the chin where nothing is like skin, and what is no person.
pub fn find_surroundings(crop: &Crop, skin_distance: &[f32]) -> Surroundings {
    let Crop {
        looks,
        person,
        below,
        oval,
        ..
    } = crop;
    let clothes = crop.select(|i| person[i] > 0.8 && below[i][1] > 0.50 && skin_distance[i] > 13.0);
    let clothes_mix = Mixture::of(clothes, 5, LEAST);
    let behind = crop.select(|i| i % 3 == 0 && person[i] < 0.08);
    let background = if behind.len() > 130 {
        Mixture::of(behind, 5, LEAST)
    } else {
        Mixture::default()
    };
    let clothes = (0..looks.len())
        .map(|i| {
            let [x, y] = below[i];
            let d = match clothes_mix.is_empty() {
                false => clothes_mix.distance(&looks[i]),
                true if x.abs() < 0.46 && y < 0.35 => 30.0,
                true => 13.0,
            };
            if oval[i] { d } else { d.min(34.0) }
        })
        .collect();
    Surroundings {
        clothes,
        background,
    }
}
