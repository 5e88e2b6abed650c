//! From how unlike each class a pixel is, and what is to be expected there, to soft regions.

use nijigen::filter::plane::Plane;
use nijigen::filter::{
    colours::Colours,
    gaussian::{blur, weighted_blur},
    guided::guided_filter,
};

use super::crop::Crop;
use super::prior::Prior;
use super::surroundings::Surroundings;

/// Where skin and hair lead over all other classes, 0 to 1, smoothed along the edges of the photo, of
/// which `smooth` is a little blurred.
pub fn skin_and_hair(
    crop: &Crop,
    prior: &Prior,
    skin_distance: &[f32],
    hair_distance: &[f32],
    surroundings: &Surroundings,
    smooth: &Colours,
) -> [Vec<f32>; 2] {
    let Crop {
        frame,
        looks,
        person,
        at,
        below,
        oval,
        features,
        ..
    } = crop;
    let (unit, count) = (frame.unit(), looks.len());
    let mut shares = vec![[0.0f32; 4]; count];
    for (i, shares) in shares.iter_mut().enumerate() {
        let [skin, hair, cloth, behind] = prior.of(i);
        let weigh = |prior: f32, distance: f32| (prior + 1e-6).ln() - 0.5 * distance.min(60.0);
        let mut logs = [
            weigh(skin * person[i] + 1e-4, skin_distance[i]),
            weigh(hair * person[i] + 1e-4, hair_distance[i]),
            weigh(cloth * person[i] + 1e-4, surroundings.clothes[i]),
            if surroundings.background.is_empty() {
                behind.ln() - 8.0
            } else {
                weigh(
                    behind,
                    surroundings.background.distance(&looks[i]).min(40.0),
                )
            },
        ];
        // Collars of the hair's colour are none.
        let side = usize::from(at[i][0] > 0.0);
        if !prior.long[side] && !prior.long_beard && below[i][1] > 0.02 {
            logs[1] = f32::NEG_INFINITY;
        }
        let most = logs.into_iter().fold(f32::NEG_INFINITY, f32::max);
        let likelihoods = logs.map(|v| (0.5 * (v - most)).exp());
        let sum: f32 = likelihoods.iter().sum();
        *shares = likelihoods.map(|v| v / sum);
    }

    // Features take the class of what is around them; borders follow those of the photo.
    let hidden: Vec<bool> = (0..count).map(|i| features[i] && oval[i]).collect();
    let known = blur(&frame.plane(|i| 1.0 - f32::from(hidden[i])), 1.0);
    let hidden_soft = blur(&frame.plane(|i| f32::from(hidden[i])), 2.0);
    let (fine, coarse) = (
        blur(&smooth.channel(0), 0.7),
        blur(&smooth.channel(0), 0.03 * unit),
    );
    let guide = frame.plane(|i| {
        let share = hidden_soft.values()[i];
        (fine.values()[i] + share * (coarse.values()[i] - fine.values()[i])) / 100.0
    });
    let radius = ((0.035 * unit) as usize).max(4);
    let classes: [Plane; 4] = std::array::from_fn(|class| {
        let plane = frame.plane(|i| shares[i][class]);
        let around = weighted_blur(&plane, &known, 0.045 * unit);
        let filled = frame.plane(|i| {
            if hidden[i] {
                around.values()[i]
            } else {
                plane.values()[i]
            }
        });
        guided_filter(&guide, &filled, radius, 1.4e-3)
    });
    let lead = |class: usize, i: usize| {
        let others = (0..4).filter(|other| *other != class);
        let most = others
            .map(|other| classes[other].values()[i])
            .fold(f32::NEG_INFINITY, f32::max);
        classes[class].values()[i] - most
    };
    [0, 1].map(|class| {
        let soft = |i| (0.5 + 0.5 * lead(class, i)).clamp(0.0, 1.0);
        (0..count).map(soft).collect()
    })
}
