//! Which part of a face crop is skin and which is hair.
//!
//! Seeds that the landmarks are sure of (cheeks, the band above the forehead, the chest, what is no
//! person) give each class a mixture of Gaussians over colour and texture; the product of its
//! likelihood and of a prior over places decides, smoothed along the photo's edges.

mod beard;
mod classes;
mod clean_up;
mod crop;
mod hair;
mod neck;
mod prior;
mod skin;
mod surroundings;

pub use beard::{Beard, beard_zone};
use nijigen::drawing::frame::Frame;
use nijigen::filter::plane::Plane;
use nijigen::filter::{
    colours::Colours,
    gaussian::{blur, blur_colours},
    thresholds::antialiased_threshold,
};

use super::mixture::Look;
use beard::fill_beard;
use clean_up::{drop_islands, drop_lobes, force_skin, give_away_strips};
use crop::Crop;
use neck::give_away_neck;
use prior::Prior;

/// Least deviations of the mixtures.
const LEAST: Look = [4.0, 2.6, 3.0, 3.6];

/// What is what in a face crop.
pub struct Segments {
    /// Skin, 0 to 1 with soft borders a pixel wide.
    pub skin: Plane,
    /// Hair of head and beard, the same. No pixel is fully both.
    pub hair: Plane,
    /// Median of the cheeks in CIE L*a*b*.
    pub skin_colour: [f32; 3],
    /// The beard.
    pub beard: Beard,
}

/// Finds skin and hair in a face crop, given in CIE L*a*b*, with the share of a person at each
/// pixel.
pub fn segment(frame: &Frame, lab: &Colours, person: &Plane) -> Segments {
    let unit = frame.unit();
    let smooth = blur_colours(lab, 0.006 * unit);
    let crop = Crop::new(frame, lab, &smooth, person);
    let (skin_distance, beard) = skin::find_skin(&crop);
    let hair_look = hair::find_hair(&crop, &skin_distance, beard.mixture.clone());
    let surroundings = surroundings::find_surroundings(&crop, &skin_distance);
    let prior = Prior::new(
        &crop,
        &beard,
        &hair_look,
        &skin_distance,
        &surroundings.clothes,
    );
    let [mut skin, mut hair] = classes::skin_and_hair(
        &crop,
        &prior,
        &skin_distance,
        &hair_look.distance,
        &surroundings,
        &smooth,
    );

    drop_lobes(frame, &crop.oval, &mut skin, &mut hair);
    if beard.is_there() {
        fill_beard(frame, &mut skin, &mut hair);
    }
    force_skin(frame, &mut skin, &crop.lips);
    drop_islands(frame, &mut skin, [0.015, 0.012].map(|v| v * unit * unit));
    let Crop { at, below, .. } = &crop;
    let near_head = |i: usize| at[i][0].hypot(at[i][1]) < 1.15 && below[i][1] < 0.40;
    give_away_strips(frame, &mut skin, &mut hair, |i| {
        crop.person[i] > 0.4 && near_head(i)
    });
    give_away_neck(&crop, &mut skin, &hair, &smooth);
    let skin = antialiased_threshold(&blur(&frame.plane(|i| skin[i]), 0.012 * unit), 0.5);
    drop_islands(frame, &mut hair, [0.010 * unit * unit, 0.0]);
    let hair = antialiased_threshold(&blur(&frame.plane(|i| hair[i]), 0.010 * unit), 0.5);
    let hair = frame.plane(|i| hair.values()[i] * (1.0 - skin.values()[i]));
    Segments {
        skin,
        hair,
        skin_colour: crop.skin_colour,
        beard: beard.kind,
    }
}
