//! Which part of a face crop is skin and which is hair.
//!
//! Seeds that the landmarks are sure of (cheeks, the band above the forehead, the chest, what is no
//! person) give each class a mixture of Gaussians over colour and texture; the product of its
//! likelihood and of a prior over places decides, smoothed along the photo's edges. Some things
//! are decided once a face: whether there are a fringe, long hair, a bare scalp, a beard, each
//! ear, glasses that hide the eyes.

use nijigen::face::mesh::{CHIN, EYES, LIPS_OUTER, OVAL};

use crate::plane::Plane;
use crate::procedural::filter::{
    colours::Colours,
    components::Components,
    gaussian::{blur, blur_colours, weighted_blur},
    guided::guided_filter,
    morphology::{self, Window},
    smoothstep::{antialiased_threshold, smoothstep},
};

use super::{
    frame::{Frame, enlarged, enlarged_about, mean},
    mixture::{Gaussian, Look, Mixture, median, quantile},
    palette::interpolate,
    pen::closed_spline,
};

/// Least deviations of the mixtures.
const LEAST: Look = [4.0, 2.6, 3.0, 3.6];
/// Skin of a face too small to be measured.
const USUAL_SKIN: [f32; 3] = [60.0, 12.0, 18.0];
/// Middles of both cheeks and the nose.
const CHEEKS: [&[usize]; 3] = [
    &[117, 118, 101, 36, 205, 187, 123],
    &[346, 347, 330, 266, 425, 411, 352],
    &[6, 122, 198, 4, 420, 351],
];
const NOSE: [usize; 10] = [6, 122, 198, 129, 98, 2, 327, 358, 420, 351];

/// How unlike the skin of the upper face a beard is.
const BEARD_DISTANCE: f32 = 13.0;
/// How unlike the beard the neck is.
const NECK_DISTANCE: f32 = 18.0;
/// How much rougher than that skin a beard usually is, how far off its hue, and the least sum of the
/// shares of both: shadows and make-up stay below 0.8.
const BEARD_ROUGHNESS: f32 = 3.0;
const BEARD_HUE: f32 = 9.0;
const BEARD_UNLIKE: f32 = 1.1;

/// Half the width of the narrowest lock of hair on a forehead.
const LOBE: f32 = 0.045;

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

/// What is what in a face crop.
pub struct Segments {
    /// Skin, 0 to 1 with soft borders a pixel wide.
    pub skin: Plane,
    /// Hair of head and beard, the same. No pixel is fully both.
    pub hair: Plane,
    /// Median of the cheeks in CIE L*a*b*.
    pub skin_colour: [f32; 3],
    /// Median of the hair in CIE L*a*b*.
    pub hair_colour: [f32; 3],
    /// The beard.
    pub beard: Beard,
}

/// Finds skin and hair in a face crop, given in CIE L*a*b*, with the share of a person at each
/// pixel.
pub fn segment(frame: &Frame, lab: &Colours, person: &Plane) -> Segments {
    let unit = frame.unit();
    let smooth = blur_colours(lab, 0.006 * unit);
    let looks = looks(lab, &smooth, unit);
    let inside = |plane: Plane| -> Vec<bool> { plane.values().iter().map(|v| *v > 0.5).collect() };
    let polygon = |points: &[[f32; 2]]| inside(frame.fill(points));
    let count = looks.len();
    let select = |region: &(dyn Fn(usize) -> bool + Sync)| -> Vec<Look> {
        (0..count)
            .filter(|i| region(*i))
            .map(|i| looks[i])
            .collect()
    };
    let person = person.values();

    // Coordinates from the middle of the face and from the chin.
    let chin = frame.points[CHIN];
    let at: Vec<[f32; 2]> = (0..count)
        .map(|i| frame.place(i, frame.face.center))
        .collect();
    let below: Vec<[f32; 2]> = (0..count).map(|i| frame.place(i, chin)).collect();

    let cheeks: Vec<[f32; 3]> = {
        let mut region = vec![false; count];
        for cheek in CHEEKS {
            let points: Vec<_> = cheek.iter().map(|i| frame.points[*i]).collect();
            for (all, one) in region.iter_mut().zip(polygon(&points)) {
                *all |= one;
            }
        }
        (0..count)
            .filter(|i| region[*i])
            .map(|i| lab.pixels()[i])
            .collect()
    };
    let skin_colour = if cheeks.len() > 20 {
        median(&cheeks)
    } else {
        USUAL_SKIN
    };
    let [l0, a0, b0] = skin_colour;
    // How far the opponents are from those of this skin under the same light.
    let off_hue = |look: &Look| {
        let f = (look[0] / l0).clamp(0.3, 1.3).powf(0.7);
        (look[1] - a0 * f).hypot(look[2] - b0 * f)
    };

    // What belongs to features rather than to skin.
    let mut features = vec![false; count];
    let lips = frame.at(LIPS_OUTER);
    let feature_polygons = [
        frame.eye_polygon(0, 1.35),
        frame.eye_polygon(1, 1.35),
        frame.brow_polygon(0, 0.02),
        frame.brow_polygon(1, 0.02),
        enlarged(&lips, 1.12),
    ];
    for points in &feature_polygons {
        for (all, one) in features.iter_mut().zip(polygon(points)) {
            *all |= one;
        }
    }
    let outline = frame.at(OVAL);
    let oval = polygon(&closed_spline(&outline));
    let core = polygon(&enlarged_about(&outline, frame.face.center, 0.88));
    let core = |i: usize| core[i] && !features[i];

    // Skin: the core of the face where it is like the cheeks; neck; shadow; highlights.
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
    // Above the mouth nobody has a beard: what differs from there below the nose is one.
    let upper = select(&|i| skin_seed[i] && at[i][1] < 0.10);
    let lower_face = lower_face(frame, &lips);
    let (beard, bearded) = find_beard(frame, &looks, &upper, &|i| lower_face[i], &off_hue);
    let beard_mix = if beard == Beard::None {
        Mixture::default()
    } else {
        Mixture::of(select(&|i| bearded[i]), 3, LEAST)
    };
    let skin_seed = |i: usize| skin_seed[i] && (beard == Beard::None || at[i][1] < 0.10);
    let seeds = select(&skin_seed);
    let mut skin_mix = if seeds.len() > 200 {
        Mixture::of(seeds.clone(), 5, LEAST)
    } else {
        Mixture::of(select(&|i| core(i)), 3, LEAST)
    };
    let typical = if seeds.len() > 50 {
        median(&seeds)
    } else {
        [l0, a0, b0, 8.0]
    };
    skin_mix.extend(neck_mixture(
        select(&|i| {
            let [x, y] = below[i];
            let neck = x.abs() < 0.22 && y > 0.05 && y < 0.26 && person[i] > 0.7;
            neck && beard_mix.distance(&looks[i]) > NECK_DISTANCE
        }),
        skin_colour,
        off_hue,
    ));
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
    let skin_distance: Vec<f32> = (0..count)
        .map(|i| {
            let look = &looks[i];
            let ([x, y], [cx, cy]) = (at[i], below[i]);
            let mut d = skin_mix.distance(look);
            let shaded = beard == Beard::None || at[i][1] < 0.10;
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

    // Hair: a band around the head that is not like skin, and the sides of long hair.
    let head = |i: usize| (at[i][0] / 0.60).hypot((at[i][1] + 0.02) / 0.80);
    let band: Vec<bool> = (0..count)
        .map(|i| {
            let r = head(i);
            r > 1.06 && r < 1.34 && at[i][1] < -0.12 && person[i] > 0.75
        })
        .collect();
    let hair_seeds = select(&|i| band[i] && skin_distance[i] > 11.0);
    let band_area = band.iter().filter(|b| **b).count().max(1);
    let bald = (hair_seeds.len() as f32) < 0.16 * band_area as f32;
    let has_hair = hair_seeds.len() > 60;
    let hair_colour = if has_hair {
        let [l, a, b, _] = median(&hair_seeds);
        [l, a, b]
    } else {
        [22.0, 3.0, 5.0]
    };
    let mut hair_mix = if hair_seeds.len() > 80 {
        Mixture::of(hair_seeds, 4, LEAST)
    } else {
        Mixture::default()
    };
    if !hair_mix.is_empty() {
        let sides = select(&|i| {
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

    hair_mix.extend(beard_mix);
    let hair_distance: Vec<f32> = if hair_mix.is_empty() {
        vec![60.0; count]
    } else {
        looks.iter().map(|look| hair_mix.distance(look)).collect()
    };

    // Clothes below the chin, and what is no person.
    let clothes = select(&|i| person[i] > 0.8 && below[i][1] > 0.50 && skin_distance[i] > 13.0);
    let clothes_mix = Mixture::of(clothes, 5, LEAST);
    let behind = select(&|i| i % 3 == 0 && person[i] < 0.08);
    let behind_mix = if behind.len() > 130 {
        Mixture::of(behind, 5, LEAST)
    } else {
        Mixture::default()
    };
    let clothes_distance: Vec<f32> = (0..count)
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

    // Priors over places; each rule has its reason in where heads have what.
    let share = |region: &dyn Fn(usize) -> bool, holds: &dyn Fn(usize) -> bool, otherwise: f32| {
        let (mut all, mut yes) = (0, 0);
        for i in (0..count).filter(|i| region(*i)) {
            all += 1;
            yes += usize::from(holds(i));
        }
        if all > 20 {
            yes as f32 / all as f32
        } else {
            otherwise
        }
    };
    let ear = |i: usize| at[i][0].abs() < 0.66 && at[i][1] > -0.16 && at[i][1] < 0.26 && !oval[i];
    let of_side = |i: usize, side: f32| side * at[i][0] > 0.0;
    // Each ear is seen or covered as a whole.
    let ear_seen = [-1.0, 1.0].map(|side| {
        share(
            &|i| {
                ear(i) && of_side(i, side) && at[i][1] > -0.10 && at[i][1] < 0.20 && person[i] > 0.6
            },
            &|i| skin_distance[i] < hair_distance[i],
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
            let area = (0..count).filter(|i| region(*i)).count() as f32;
            let hair = |i: usize| hair_distance[i] < skin_distance[i].min(clothes_distance[i]);
            area > 0.005 * unit * unit && share(&region, &hair, 0.0) > 0.40
        })
    });
    let hairy = |i: usize| hair_distance[i] < skin_distance[i];
    let top_hairy = share(
        &|i| oval[i] && at[i][1] < -0.36 && at[i][1] > -0.46 && at[i][0].abs() < 0.36,
        &hairy,
        0.5,
    );
    let fringe = share(
        &|i| oval[i] && at[i][1] > -0.30 && at[i][1] < -0.12 && at[i][0].abs() < 0.30,
        &hairy,
        0.0,
    ) > 0.35;
    let neck = |i: usize| {
        let [x, y] = below[i];
        let half = if y > 0.05 { 0.37 } else { 0.30 } + 0.1 * y.clamp(0.0, 1.0);
        x.abs() < half && y > -0.18 && y < 0.45 && !oval[i]
    };
    let upper_neck = |i: usize| neck(i) && below[i][1] < 0.25 && person[i] > 0.25;

    let long_beard = beard != Beard::None
        && share(
            &|i| below[i][0].abs() < 0.20 && below[i][1] > 0.03 && below[i][1] < 0.16,
            &hairy,
            0.0,
        ) > 0.5;

    // Skin, hair, clothes, background.
    let prior = |i: usize| -> [f32; 4] {
        let ([x, y], [cx, cy]) = (at[i], below[i]);
        let inside = oval[i];
        let side = usize::from(x > 0.0);
        let [mut skin, mut hair, mut cloth] = [0.10, 0.06, 0.5];
        if (x / 0.95).hypot(y + 0.18) < 1.0 && cy < -0.10 {
            [skin, hair, cloth] = [0.10, if bald { 0.35 } else { 0.80 }, 0.004];
        }
        if x.abs() < 1.15 && (-0.10..1.2).contains(&cy) {
            hair = 0.22;
        }
        if (x / 0.50).hypot((y + 0.05) / 0.82) < 1.0 && y < 0.0 && !inside {
            [skin, hair] = if bald { [0.8, 0.15] } else { [0.30, 0.6] };
        }
        if ear(i) {
            cloth = 0.004;
            skin = interpolate(ear_seen[side], &[(0.45, 0.05), (0.8, 0.62)]);
            hair = interpolate(ear_seen[side], &[(0.45, 0.88), (0.8, 0.30)]);
        }
        if cx.abs() < 0.50 && cy > -0.20 && cy < 0.08 && !inside {
            [skin, cloth] = [0.5, 0.02];
        }
        if neck(i) {
            [skin, hair, cloth] = [0.74, 0.14, if cy < 0.20 { 0.015 } else { 0.15 }];
        }
        if !long[side] && y > 0.22 && !inside {
            hair = if beard == Beard::None { 0.012 } else { 0.03 };
        }
        if beard == Beard::None {
            if cx.abs() < 0.24 && cy > -0.1 && cy < 0.22 && !inside {
                hair = 0.008;
            }
        } else if cx.abs() < 0.25 && cy < 0.16 && y > 0.2 && !inside {
            hair = 0.4;
        }
        if long_beard && cx.abs() < 0.5 - 0.2 * cy && cy > -0.25 && cy < 0.6 && !inside {
            [skin, hair, cloth] = [0.1, 0.7, 0.1];
        }
        if cx.abs() < 0.9 && (0.45..0.9).contains(&cy) {
            skin = 0.22;
        }
        if inside {
            [skin, hair, cloth] = [0.92, 0.08, 1e-5];
            if y < -0.36 {
                [skin, hair] = [0.62, 0.38];
                if top_hairy < 0.45 && (x / 0.42).hypot(y / 0.60) < 1.0 {
                    [skin, hair] = [0.985, 0.003];
                }
            }
            if x.abs() > 0.40 {
                [skin, hair] = [skin.min(0.75), hair.max(0.25)];
            }
        }
        if has_hair && x.abs() > 0.52 && y > 0.25 && cy < 0.12 && !inside && !neck(i) {
            skin = 0.015;
        }
        if x.abs() > 0.635 && cy < 0.12 && !inside {
            skin = 0.01;
        }
        if inside && y > if fringe { -0.14 } else { -0.27 } && x.abs() < 0.44 {
            [skin, hair] = [0.99, 1e-6];
        }
        if long_beard && cx.abs() < 0.4 && !inside && cy > -0.2 && cy < 0.0 {
            [skin, hair] = [0.4, 0.6];
        }
        if beard != Beard::None && lower_face[i] {
            let chin_only = beard == Beard::Goatee && x.abs() > 0.25;
            [skin, hair] = if chin_only { [0.9, 0.1] } else { [0.5, 0.5] };
        }
        skin *= smoothstep(if inside { 1.0 } else { person[i] }, 0.35, 0.75);
        let behind = if inside || upper_neck(i) {
            1e-5
        } else {
            (1.0 - person[i]).clamp(2e-4, 1.0).powf(1.2)
        };
        [skin, hair, cloth, behind]
    };
    let mut shares = vec![[0.0f32; 4]; count];
    for (i, shares) in shares.iter_mut().enumerate() {
        let [skin, hair, cloth, behind] = prior(i);
        let weigh = |prior: f32, distance: f32| (prior + 1e-6).ln() - 0.5 * distance.min(60.0);
        let mut logs = [
            weigh(skin * person[i] + 1e-4, skin_distance[i]),
            weigh(hair * person[i] + 1e-4, hair_distance[i]),
            weigh(cloth * person[i] + 1e-4, clothes_distance[i]),
            if behind_mix.is_empty() {
                behind.ln() - 8.0
            } else {
                weigh(behind, behind_mix.distance(&looks[i]).min(40.0))
            },
        ];
        // Collars of the hair's colour are none.
        let side = usize::from(at[i][0] > 0.0);
        if !long[side] && !long_beard && below[i][1] > 0.02 {
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
    let mut skin: Vec<f32> = (0..count)
        .map(|i| (0.5 + 0.5 * lead(0, i)).clamp(0.0, 1.0))
        .collect();
    let mut hair: Vec<f32> = (0..count)
        .map(|i| (0.5 + 0.5 * lead(1, i)).clamp(0.0, 1.0))
        .collect();

    drop_lobes(frame, &oval, &mut skin, &mut hair);
    if beard != Beard::None {
        fill_beard(frame, &mut skin, &mut hair);
    }
    force_skin(frame, &mut skin, &lips);
    drop_islands(frame, &mut skin, [0.015, 0.012].map(|v| v * unit * unit));
    let near_head = |i: usize| at[i][0].hypot(at[i][1]) < 1.15 && below[i][1] < 0.40;
    give_away_strips(frame, &mut skin, &mut hair, &|i| {
        person[i] > 0.4 && near_head(i)
    });
    give_away_neck(frame, &mut skin, &hair, &smooth, skin_colour, &upper_neck);
    let skin = antialiased_threshold(&blur(&frame.plane(|i| skin[i]), 0.012 * unit), 0.5);
    drop_islands(frame, &mut hair, [0.010 * unit * unit, 0.0]);
    let hair = antialiased_threshold(&blur(&frame.plane(|i| hair[i]), 0.010 * unit), 0.5);
    let hair = frame.plane(|i| hair.values()[i] * (1.0 - skin.values()[i]));
    Segments {
        skin,
        hair,
        skin_colour,
        hair_colour,
        beard,
    }
}

/// Colour and texture of each pixel.
fn looks(lab: &Colours, smooth: &Colours, unit: f32) -> Vec<Look> {
    let lightness = lab.channel(0);
    let low = blur(&lightness, 0.016 * unit);
    let squares = Plane::from_index(lab.width(), lab.height(), |i| {
        (lightness.values()[i] - low.values()[i]).powi(2)
    });
    let (energy, level) = (blur(&squares, 0.018 * unit), blur(&lightness, 0.02 * unit));
    let texture = |i: usize| {
        let contrast = energy.values()[i].max(0.0).sqrt() / (0.02 * level.values()[i] + 0.4);
        6.0 * contrast.ln_1p()
    };
    smooth
        .pixels()
        .iter()
        .enumerate()
        .map(|(i, [l, a, b])| [*l, *a, *b, texture(i)])
        .collect()
}

/// The neck's own look, if it is skin.
fn neck_mixture(
    samples: Vec<Look>,
    [l0, a0, b0]: [f32; 3],
    off_hue: impl Fn(&Look) -> f32,
) -> Mixture {
    if samples.len() <= 60 {
        return Mixture::default();
    }
    let wide = LEAST.map(|v| 1.25 * v);
    let like = |look: &Look| {
        let f = (look[0] / l0).clamp(0.3, 1.3).powf(0.7);
        off_hue(look) < 12.0
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
    if off_hue(&middle) < 24.0
        && (0.36 * l0..1.1 * l0).contains(&middle[0])
        && chroma > 0.6 * a0.hypot(b0)
    {
        let near = |look: &Look| (look[1] - middle[1]).hypot(look[2] - middle[2]) < 12.0;
        return Mixture::of(samples.into_iter().filter(near).collect(), 3, wide);
    }
    Mixture::default()
}

/// Where a beard may grow: the face below the nose and the cheekbones, without the lips.
fn lower_face(frame: &Frame, lips: &[[f32; 2]]) -> Vec<bool> {
    let border = [
        2, 97, 98, 203, 206, 216, 207, 187, 147, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152,
        377, 400, 378, 379, 365, 397, 288, 361, 323, 376, 411, 427, 436, 426, 423, 327, 326,
    ];
    let (face, lips) = (
        frame.fill(&frame.at(border)),
        frame.fill(&enlarged(lips, 1.06)),
    );
    let both = face.values().iter().zip(lips.values());
    both.map(|(face, lips)| *face > 0.5 && *lips < 0.5)
        .collect()
}

/// The kind of beard, and the pixels that are surely of it: in the lower face, and rougher or of
/// another colour than the skin above, whose looks are `skin`.
fn find_beard(
    frame: &Frame,
    looks: &[Look],
    skin: &[Look],
    lower_face: &dyn Fn(usize) -> bool,
    off_hue: &dyn Fn(&Look) -> f32,
) -> (Beard, Vec<bool>) {
    let mixture = Mixture::of(skin.to_vec(), 4, LEAST);
    if mixture.is_empty() {
        return (Beard::None, vec![false; looks.len()]);
    }
    let usual = quantile(skin.iter().map(|look| look[3]).collect(), 0.5);
    let bearded: Vec<bool> = (0..looks.len())
        .map(|i| lower_face(i) && mixture.distance(&looks[i]) > BEARD_DISTANCE)
        .collect();
    // Shadows are as smooth as skin and of its hue; a beard isn't.
    let is_beard = |zone: &[usize]| {
        let points: Vec<_> = zone.iter().map(|i| frame.points[*i]).collect();
        let area = frame.fill(&points);
        let inside = || (0..looks.len()).filter(|i| area.values()[*i] > 0.5 && lower_face(*i));
        let zone: Vec<Look> = inside().map(|i| looks[i]).collect();
        let covered = inside().filter(|i| bearded[*i]).count() as f32 / zone.len().max(1) as f32;
        let middle = median(&zone);
        let unlike = (middle[3] - usual) / BEARD_ROUGHNESS + off_hue(&middle) / BEARD_HUE;
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

/// Highlights of the forehead that were taken for light hair: narrow lobes of hair in the face
/// above the eyes are skin.
fn drop_lobes(frame: &Frame, oval: &[bool], skin: &mut [f32], hair: &mut [f32]) {
    let region = frame.plane(|i| f32::from(hair[i] > 0.5));
    let broad = morphology::open(&region, &Window::disc(LOBE * frame.unit()));
    for i in 0..hair.len() {
        let [_, y] = frame.place(i, frame.face.center);
        if oval[i] && y < -0.15 && hair[i] > 0.5 && broad.values()[i] < 0.5 {
            (skin[i], hair[i]) = (0.9, 0.1);
        }
    }
}

/// Closes gaps of a beard below the mouth.
fn fill_beard(frame: &Frame, skin: &mut [f32], hair: &mut [f32]) {
    let lower = [
        61, 91, 84, 17, 314, 321, 291, 397, 379, 400, 152, 176, 150, 172,
    ];
    let zone = frame.fill(&frame.at(lower));
    let region = frame.plane(|i| f32::from(hair[i] > 0.5));
    let closed = morphology::close(&region, &Window::disc(0.055 * frame.unit()));
    for i in 0..skin.len() {
        if closed.values()[i] > 0.5 && zone.values()[i] > 0.5 && hair[i] <= 0.5 {
            (skin[i], hair[i]) = (0.1, 0.9);
        }
    }
}

/// Eyes, lips and nose are skin, whatever they look like; so are brows with skin above them.
fn force_skin(frame: &Frame, skin: &mut [f32], lips: &[[f32; 2]]) {
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
        let above = frame.fill(&strip);
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
        for (skin, share) in skin.iter_mut().zip(frame.fill(region).values()) {
            *skin = skin.max(*share);
        }
    }
}

/// Drops parts of a region that have less than `least[0]` pixels, and fills holes of less than
/// `least[1]`.
fn drop_islands(frame: &Frame, region: &mut [f32], least: [f32; 2]) {
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
fn give_away_strips(
    frame: &Frame,
    skin: &mut [f32],
    hair: &mut [f32],
    near: &(dyn Fn(usize) -> bool + Sync),
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

/// Small shadowed patches of the neck are skin.
fn give_away_neck(
    frame: &Frame,
    skin: &mut [f32],
    hair: &[f32],
    smooth: &Colours,
    [l0, a0, b0]: [f32; 3],
    neck: &(dyn Fn(usize) -> bool + Sync),
) {
    let other = frame.plane(|i| f32::from(skin[i] < 0.5 && hair[i] < 0.5 && neck(i)));
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

/// Why the eyes of a face cannot be drawn: `None` if they can.
pub fn hidden_eyes(frame: &Frame, lab: &Colours, [l0, a0, b0]: [f32; 3]) -> Option<&'static str> {
    // Around seen eyes there is skin.
    let skin_around = |side: usize| {
        let (outer, inner) = (
            frame.fill(&frame.eye_polygon(side, 1.75)),
            frame.fill(&frame.eye_polygon(side, 1.15)),
        );
        let (mut all, mut good) = (0, 0);
        for (i, [l, a, b]) in lab.pixels().iter().enumerate() {
            if outer.values()[i] > 0.5 && inner.values()[i] < 0.5 {
                let f = (l / l0).clamp(0.3, 1.4).powf(0.7);
                all += 1;
                good += usize::from(*l > 0.40 * l0 && (a - a0 * f).hypot(b - b0 * f) < 17.0);
            }
        }
        good as f32 / all.max(1) as f32
    };
    let around = [skin_around(0), skin_around(1)];
    if around[0].max(around[1]) < 0.2 || mean(&[around, around])[0].min(around[1]) < 0.10 {
        return Some("its eyes are behind dark glasses or something else");
    }
    None
}
