//! Skin as it looks in usual light: what is fair in a dim photo is fair in a drawing, and what is brown in a bright one brown.

use crate::face::mesh::{LOWER_LIP_ABOVE, UPPER_LIP_BELOW};
use crate::filter::quantile::quantile;
use crate::geometry::smoothstep;

use super::frame::Frame;
use super::palette::{SkinPalette, cheeks};
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

/// Lightness of the middle of the cheeks, in parts of that of the whites of the eyes or the teeth, up to which skin is surely
/// dark, and from which on it may be fair.
const OF_WHITES_OR_TEETH: [f32; 2] = [0.80, 0.94];
/// How much lighter than the middle of its cheeks dark skin is drawn: what shines on it is no tone.
const SHINE: f32 = 3.0;
/// Chroma that skin has only in coloured light, from which on and surely, and what it has at most in usual light.
const LAMPLIGHT: [f32; 2] = [36.0, 44.0];
const MOST_CHROMA: f32 = 30.0;
/// Lightness of skin in parts of that of the whites of the eyes, in such light, of skin that may be brown, and of skin that is fair,
/// and how much lighter that is in usual light.
const OF_DIM_WHITES: [f32; 2] = [1.0, 1.2];
const MOST_IN_LAMPLIGHT: f32 = 22.0;
/// Chroma of teeth at most, and how many pixels of them are enough.
const TEETH_CHROMA: f32 = 22.0;
const LEAST_TEETH: usize = 30;
/// Share of the teeth that is darker than what is measured.
const LIT_TEETH: f32 = 0.8;

/// The palette for the photo's `skin` in usual light, of a crop `lab`, both in CIE L*a*b*.
///
/// A palette makes fair skin lighter than photos do. Whether skin is fair is not seen in its colour alone: brown skin that is lit
/// brightly or pinkish has that of fair skin in the shade. But it is much darker than teeth and the whites of its eyes, and is then
/// drawn as dark as it is.
pub fn palette_in_usual_light(frame: &Frame, lab: &[[f32; 3]], skin: [f32; 3]) -> SkinPalette {
    let [l, a, b] = skin;
    let eyes = whites(frame, lab);
    let whitest = eyes.into_iter().chain(teeth(frame, lab)).reduce(f32::max);
    let cheeks = cheeks(frame, lab);
    let (Some(whitest), false) = (whitest, cheeks.is_empty()) else {
        return SkinPalette::new(skin, 1.0);
    };
    let middle = median(&cheeks)[0];
    let of_whites = (middle + 16.0) / (whitest + 16.0);
    let lift = smoothstep(of_whites, OF_WHITES_OR_TEETH[0], OF_WHITES_OR_TEETH[1]);
    let lit = (middle + SHINE).min(l);
    let skin = [lit + lift * (l - lit), a, b];
    SkinPalette::new(in_usual_light(skin, eyes), lift)
}

/// The colour of skin in usual light, of one in the photo and the lightness of the whites of the eyes there.
///
/// Dim light and brown skin make the same colours of cheeks. They differ beside the whites of the eyes, which are dim, too,
/// in dim light, and in how yellow they are. Either alone was not enough: the whites are in shadow beside brown skin in
/// full light, and lamps are yellow. So only skin that is fair by both becomes lighter. Skin of a colour that only lamps make is
/// fair if it is lighter than the whites.
fn in_usual_light([l, a, b]: [f32; 3], whites: Option<f32>) -> [f32; 3] {
    let Some(whites) = whites else {
        return [l, a, b];
    };
    let of_whites = (l + 16.0) / (whites + 16.0);
    let pale = smoothstep(b / (l + 16.0), YELLOW[1], YELLOW[0]);
    let pink = smoothstep(b.atan2(a).to_degrees(), HUE[1], HUE[0]);
    let fair = smoothstep(of_whites, OF_WHITES[0], OF_WHITES[1]) * pale.max(pink);
    let dim = smoothstep(l, DARK[0], DARK[1]) * smoothstep(l, WELL_LIT[1], WELL_LIT[0]);
    let chroma = a.hypot(b);
    let by_lamps = smoothstep(chroma, LAMPLIGHT[0], LAMPLIGHT[1])
        * smoothstep(of_whites, OF_DIM_WHITES[0], OF_DIM_WHITES[1])
        * smoothstep(l, WELL_LIT[1], WELL_LIT[0]);
    let paler = 1.0 + by_lamps * ((MOST_CHROMA / chroma).min(1.0) - 1.0);
    let lighter = (MOST * fair * dim).max(MOST_IN_LAMPLIGHT * by_lamps);
    [l + lighter, paler * a, paler * b]
}

/// Lightness of the teeth, if they are seen.
fn teeth(frame: &Frame, lab: &[[f32; 3]]) -> Option<f32> {
    let mut mouth = frame.at(UPPER_LIP_BELOW);
    mouth.extend(frame.at(LOWER_LIP_ABOVE).into_iter().rev());
    let mut teeth = under(lab, frame.side, &frame.fill(&mouth), 0.5);
    teeth.retain(|[_, a, b]| a.hypot(*b) < TEETH_CHROMA);
    (teeth.len() >= LEAST_TEETH).then(|| quantile(teeth.iter().map(|c| c[0]).collect(), LIT_TEETH))
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

    #[test]
    fn dim_fair_skin_becomes_lighter_and_brown_skin_stays() {
        let lightness = |skin, whites| in_usual_light(skin, Some(whites))[0];
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
        assert_eq!(in_usual_light(fair, None), fair);
    }

    #[test]
    fn under_lamps_skin_that_is_lighter_than_whites_is_fair() {
        let in_lamplight = lch(41.0, 45.0, 42.0);
        let [l, a, b] = in_usual_light(in_lamplight, Some(28.0));
        assert!(l > 58.0 && a.hypot(b) < 32.0, "{l} {a} {b}");
        let brown = in_usual_light(in_lamplight, Some(45.0));
        assert!((brown[0] - 41.0).abs() < 0.1, "{brown:?}");
    }

    /// Lightness of the palette for skin of this lightness beside whites of the eyes of another.
    fn drawn(skin: f32, whites: f32) -> f32 {
        let frame = Frame::new(SIDE, &example_face()).expect("a face");
        let colour = lch(skin, 20.0, 40.0);
        let mut lab = vec![colour; SIDE * SIDE];
        for side in 0..2 {
            let eye = frame.fill(&frame.eye_polygon(side, 1.0));
            for (i, _) in eye.pixels(SIDE) {
                lab[i] = [whites, 0.0, 0.0];
            }
        }
        palette_in_usual_light(&frame, &lab, colour).base[0]
    }

    #[test]
    fn skin_much_darker_than_whites_is_drawn_as_dark_as_it_is() {
        assert!(
            (drawn(64.0, 90.0) - 64.0).abs() < 3.0,
            "{}",
            drawn(64.0, 90.0)
        );
        assert!(drawn(64.0, 64.0) > 71.0, "{}", drawn(64.0, 64.0));
    }

    #[test]
    fn without_eyes_to_measure_skin_is_drawn_as_usual() {
        let small: Vec<[f32; 2]> = example_face().iter().map(|p| p.map(|v| v / 16.0)).collect();
        let frame = Frame::new(32, &small).expect("a face");
        let skin = lch(60.0, 15.0, 38.0);
        let palette = palette_in_usual_light(&frame, &vec![skin; 32 * 32], skin);
        assert_eq!(palette.base, SkinPalette::new(skin, 1.0).base);
    }
}
