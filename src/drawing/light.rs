//! Skin as it looks in usual light: what is fair in a dim photo is fair in a drawing.

use crate::filter::quantile::quantile;
use crate::geometry::smoothstep;

use super::frame::Frame;
use super::samples::{median, under};

/// Share of what is between the lids that is darker than the whites of the eyes.
const NOT_WHITE: f32 = 0.85;
/// Pixels between the lids below which their whites are not measured.
const LEAST_PIXELS: usize = 40;
/// Lightness of skin, in parts of that of the whites of the eyes beside it, up to which skin is dark itself, and from
/// which on it is not.
const OF_WHITES: [f32; 2] = [0.86, 1.0];
/// Yellowness of fair skin and of brown skin in any light, as b of CIE L*a*b* over L + 16: both go with the cube root of
/// light alike.
const YELLOW: [f32; 2] = [0.14, 0.21];
/// Hue in degrees of fair skin in reddish light, and of skin that may be brown.
const HUE: [f32; 2] = [34.0, 44.0];
/// The most that skin is lighter in usual light, and the lightnesses between which photos are dim: darker skin is dark,
/// lighter skin well lit.
const MOST: f32 = 8.0;
const DARK: [f32; 2] = [42.0, 54.0];
const WELL_LIT: [f32; 2] = [68.0, 84.0];

/// The colour of the photo's `skin` in usual light, in CIE L*a*b*, of a crop `lab` in that space.
///
/// Dim light and brown skin make the same colours of cheeks. They differ beside the whites of the eyes, which are dim, too,
/// in dim light, and in how yellow they are. Either alone was not enough: the whites are in shadow beside brown skin in
/// full light, and lamps are yellow. So only skin that is fair by both becomes lighter.
pub fn in_usual_light(frame: &Frame, lab: &[[f32; 3]], skin: [f32; 3]) -> [f32; 3] {
    let [l, a, b] = skin;
    let Some(whites) = whites(frame, lab) else {
        return skin;
    };
    let pale = smoothstep(b / (l + 16.0), YELLOW[1], YELLOW[0]);
    let pink = smoothstep(b.atan2(a).to_degrees(), HUE[1], HUE[0]);
    let fair =
        smoothstep((l + 16.0) / (whites + 16.0), OF_WHITES[0], OF_WHITES[1]) * pale.max(pink);
    let dim = smoothstep(l, DARK[0], DARK[1]) * smoothstep(l, WELL_LIT[1], WELL_LIT[0]);
    [l + MOST * fair * dim, a, b]
}

/// Lightness of the whites of the eyes.
fn whites(frame: &Frame, lab: &[[f32; 3]]) -> Option<f32> {
    let mut between_lids = Vec::new();
    for side in 0..2 {
        let eye = frame.fill(&frame.eye_polygon(side, 1.0));
        between_lids.extend(under(lab, frame.side, &eye, 0.5));
    }
    if between_lids.len() < LEAST_PIXELS {
        return None;
    }
    let least = quantile(between_lids.iter().map(|c| c[0]).collect(), NOT_WHITE);
    between_lids.retain(|c| c[0] >= least);
    Some(median(&between_lids)[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawing::palette::lch;
    use crate::face::example_face::example_face;

    const SIDE: usize = 512;

    /// Lightness in usual light of skin of this colour beside whites of the eyes of another.
    fn lightness(skin: [f32; 3], whites: f32) -> f32 {
        let frame = Frame::new(SIDE, &example_face()).expect("a face");
        let mut lab = vec![skin; SIDE * SIDE];
        for side in 0..2 {
            let eye = frame.fill(&frame.eye_polygon(side, 1.0));
            for (i, _) in eye.pixels(SIDE) {
                lab[i] = [whites, 0.0, 0.0];
            }
        }
        in_usual_light(&frame, &lab, skin)[0]
    }

    #[test]
    fn dim_fair_skin_becomes_lighter_and_brown_skin_stays() {
        // Fair skin in dim light, whose eyes are dim, too.
        let fair = lch(60.0, 15.0, 38.0);
        assert!(lightness(fair, 60.0) > 66.0);
        // The same colour beside bright whites, brown skin beside dim whites, dark skin, well lit skin.
        for (skin, whites) in [
            (fair, 80.0),
            (lch(60.0, 26.0, 58.0), 58.0),
            (lch(34.0, 15.0, 50.0), 34.0),
            (lch(86.0, 14.0, 40.0), 80.0),
        ] {
            let changed = lightness(skin, whites) - skin[0];
            assert!(changed.abs() < 0.5, "{skin:?} {whites} {changed}");
        }
    }

    #[test]
    fn without_eyes_to_measure_skin_stays() {
        let small: Vec<[f32; 2]> = example_face().iter().map(|p| p.map(|v| v / 16.0)).collect();
        let frame = Frame::new(32, &small).expect("a face");
        let skin = lch(60.0, 15.0, 38.0);
        assert_eq!(in_usual_light(&frame, &vec![skin; 32 * 32], skin), skin);
    }
}
