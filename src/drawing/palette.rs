//! The few colours that a face is drawn in.

use crate::filter::quantile::quantile;
use crate::geometry::smoothstep;

use super::frame::Frame;
use super::samples::{median, under};
use super::typology::{LIMITS, typology_angle, typology_class};
use crate::colour::lab::lab_to_rgb;

/// Colours in CIE L*a*b*, from the median colour of the cheeks.
#[derive(Clone, Copy, Debug)]
pub struct SkinPalette {
    /// Lit skin.
    pub base: [f32; 3],
    /// Skin in shadow.
    pub shade: [f32; 3],
    /// Lines on and around skin.
    pub line: [f32; 3],
    /// Highlights on skin.
    pub light: [f32; 3],
    /// The cheeks' blush.
    pub blush: [f32; 3],
}

impl SkinPalette {
    /// The palette for skin of this colour, made lighter than that by the share `lift` of what is usual.
    pub fn new([l0, a0, b0]: [f32; 3], lift: f32) -> Self {
        let most = lift;
        let (chroma_0, hue_0) = (a0.hypot(b0), b0.atan2(a0).to_degrees());
        let curve = interpolate(
            l0,
            &[
                (0.0, 8.0),
                (15.0, 19.0),
                (25.0, 27.5),
                (35.0, 37.0),
                (45.0, 49.0),
                (55.0, 63.0),
                (62.0, 73.0),
                (70.0, 78.0),
                (80.0, 86.0),
                (90.0, 92.0),
                (100.0, 95.0),
            ],
        );
        // Chai and others' individual typology angle: above 41 fair, 10 to 28 tan, below -30 dark.
        let typology = typology_angle([l0, a0, b0]);
        let lift = interpolate(
            typology,
            &[
                (-20.0, 1.0),
                (10.0, 0.55),
                (28.0, 0.9),
                (40.0, 0.9),
                (60.0, 0.9),
                (72.0, 1.2),
            ],
        ) * interpolate(
            chroma_0,
            &[
                (23.0, 1.0),
                (36.0, if typology < 33.0 { 0.25 } else { 0.5 }),
            ],
        );
        // Pinkish or pale skin is fair skin in a dark photo.
        let fair = smoothstep(hue_0, 50.0, 38.0).max(0.6 * smoothstep(chroma_0, 21.0, 15.0))
            * smoothstep(l0, 38.0, 54.0);
        let lift = lift.max(1.1 * fair);
        let pink =
            smoothstep(hue_0, 34.0, 25.0) * smoothstep(l0, 30.0, 42.0) * smoothstep(l0, 82.0, 55.0);
        let raise = (curve - l0) * lift + 4.5 * fair * smoothstep(l0, 88.0, 60.0) + 9.0 * pink;
        let l = (l0 + raise.min(0.0) + most * raise.max(0.0)).min(90.5);
        let usual = interpolate(
            l,
            &[
                (20.0, 18.0),
                (32.0, 24.0),
                (42.0, 27.0),
                (58.0, 27.0),
                (70.0, 25.0),
                (82.0, 22.0),
                (90.0, 19.0),
                (95.0, 15.0),
            ],
        );
        let chroma = 0.5 * usual + 0.5 * chroma_0.clamp(0.9 * usual, 1.9 * usual);
        let usual_hue = interpolate(l, &[(30.0, 54.0), (60.0, 58.0), (90.0, 58.0)]);
        let hue = 0.65 * hue_0.clamp(22.0, 80.0) + 0.35 * usual_hue;
        let l = keep_typology(l, chroma * hue.to_radians().sin(), typology);
        let darker = darker(l);
        let lighter = interpolate(l, &[(30.0, 9.0), (60.0, 8.0), (90.0, 4.0)]);
        let line_chroma = interpolate(l, &[(30.0, 16.0), (80.0, 30.0)]);
        let blush = interpolate(l, &[(30.0, 3.0), (90.0, 7.0)]);
        Self {
            base: lch(l, chroma, hue),
            shade: Self::shade_of(lch(l, chroma, hue)),
            line: lch(((l - darker) * 0.42).max(9.0), line_chroma, 34.0),
            light: lch((l + lighter).min(97.0), chroma * 0.82, hue + 3.0),
            blush: lch(l - blush, chroma + 13.0, 36.0),
        }
    }

    /// Skin in shadow, of lit skin of this colour.
    pub fn shade_of([l, a, b]: [f32; 3]) -> [f32; 3] {
        let (chroma, hue) = (a.hypot(b), b.atan2(a).to_degrees());
        // Redder in shadow, but brown skin does not become brick.
        let redder = interpolate(l, &[(35.0, 5.0), (65.0, 13.0)]);
        let stronger = interpolate(l, &[(35.0, 1.5), (65.0, 4.5)]);
        lch(l - darker(l), chroma * 1.08 + stronger, hue - redder)
    }
}

/// How much darker skin is in shadow that has this lightness in the light.
fn darker(l: f32) -> f32 {
    interpolate(l, &[(20.0, 6.0), (42.0, 9.5), (70.0, 13.0), (90.0, 12.0)])
}

/// Middles of both cheeks and the nose.
const CHEEKS: [&[usize]; 3] = [
    &[117, 118, 101, 36, 205, 187, 123],
    &[346, 347, 330, 266, 425, 411, 352],
    &[6, 122, 198, 4, 420, 351],
];
/// Share of the cheeks that is darker than lit skin.
const LIT: f32 = 0.8;
/// Skin of a face too small to be measured.
const USUAL_SKIN: [f32; 3] = [60.0, 12.0, 18.0];

/// The colours of cheeks and nose, of a crop in CIE L*a*b*.
pub(super) fn cheeks(frame: &Frame, lab: &[[f32; 3]]) -> Vec<[f32; 3]> {
    let mut cheeks = Vec::new();
    for cheek in CHEEKS {
        let cheek: Vec<_> = cheek.iter().map(|i| frame.points[*i]).collect();
        let cheek = frame.fill(&cheek);
        cheeks.extend(under(lab, frame.side, &cheek, 0.5));
    }
    cheeks
}

/// The colour of lit skin on cheeks and nose, of a crop in CIE L*a*b*.
pub fn skin_colour(frame: &Frame, lab: &[[f32; 3]]) -> [f32; 3] {
    let cheeks = cheeks(frame, lab);
    if cheeks.len() > 20 {
        // Drawn skin is the lit one; what is in shadow gets a tone of its own.
        let lightness = cheeks.iter().map(|c| c[0]).collect();
        let [_, a, b] = median(&cheeks);
        [quantile(lightness, LIT), a, b]
    } else {
        USUAL_SKIN
    }
}

/// The lightness nearest to `l` with which skin of the opponent `b` is of the class of the typology
/// angle `photo`: drawn skin is never of another class than that in the photo.
fn keep_typology(l: f32, b: f32, photo: f32) -> f32 {
    let class = typology_class(photo);
    let lightness = |degrees: f32| 50.0 + b.max(1.0) * degrees.to_radians().tan();
    let least = class.checked_sub(1).map(|i| lightness(LIMITS[i] + 1.0));
    let most = LIMITS.get(class).map(|limit| lightness(limit - 1.0));
    l.min(most.unwrap_or(100.0))
        .max(least.unwrap_or(0.0))
        .min(95.0)
}

/// A colour of this lightness, chroma and hue in degrees.
pub fn lch(lightness: f32, chroma: f32, hue: f32) -> [f32; 3] {
    let (sin, cos) = hue.to_radians().sin_cos();
    [lightness, chroma * cos, chroma * sin]
}

/// sRGB in [0, 1] of a colour.
pub fn rgb(lab: [f32; 3]) -> [f32; 3] {
    lab_to_rgb(lab).map(|v| v.clamp(0.0, 1.0))
}

/// Linear between the points of a curve, whose x rise, and constant beyond its ends.
pub fn interpolate(x: f32, curve: &[(f32, f32)]) -> f32 {
    let after = curve.partition_point(|(at, _)| *at <= x);
    match (after.checked_sub(1).map(|i| curve[i]), curve.get(after)) {
        (Some((x0, y0)), Some((x1, y1))) => y0 + (y1 - y0) * (x - x0) / (x1 - x0),
        (Some((_, y)), None) => y,
        (None, Some((_, y))) => *y,
        (None, None) => 0.0,
    }
}

/// `a` moved towards `b` by the share `t`.
pub fn mix(a: [f32; 3], b: [f32; 3], t: f32) -> [f32; 3] {
    std::array::from_fn(|i| a[i] + t * (b[i] - a[i]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(lab: [f32; 3]) -> usize {
        typology_class(typology_angle(lab))
    }

    #[test]
    fn skin_keeps_its_class_in_any_light() {
        for l in (18..92).step_by(2) {
            for (chroma, hue) in [(12.0, 45.0), (22.0, 30.0), (28.0, 60.0), (40.0, 48.0)] {
                let photo = lch(l as f32, chroma, hue);
                for lift in [0.0, 1.0] {
                    let drawn = SkinPalette::new(photo, lift).base;
                    // Very light skin has no upper limit; near white there is no room for two classes.
                    assert_eq!(class(drawn), class(photo), "{photo:?} {drawn:?}");
                }
            }
        }
    }

    #[test]
    fn without_a_lift_skin_gets_no_lighter_but_for_its_class() {
        for l in [62.0, 64.0, 66.0] {
            let photo = lch(l, 20.0, 40.0);
            let [drawn, lifted] = [0.0, 1.0].map(|lift| SkinPalette::new(photo, lift).base[0]);
            assert!(
                drawn < l + 5.0 && lifted > drawn + 3.0,
                "{l} {drawn} {lifted}"
            );
        }
    }

    #[test]
    fn shade_and_line_are_darker_and_light_is_lighter() {
        for l in [25.0, 50.0, 80.0] {
            let palette = SkinPalette::new(lch(l, 24.0, 50.0), 1.0);
            let order = [palette.line, palette.shade, palette.base, palette.light];
            assert!(order.is_sorted_by(|a, b| a[0] < b[0]), "{palette:?}");
        }
    }

    #[test]
    fn curves_are_linear_between_and_constant_beyond() {
        let curve = [(1.0, 10.0), (3.0, 20.0)];
        let values = [0.0, 1.0, 2.0, 3.0, 9.0].map(|x| interpolate(x, &curve));
        assert_eq!(values, [10.0, 10.0, 15.0, 20.0, 20.0]);
    }
}
