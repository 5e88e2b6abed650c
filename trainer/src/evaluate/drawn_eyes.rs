//! Irises and highlights of drawn eyes, by the colours between the lids.

use nijigen::drawing::frame::Frame;
use nijigen::drawing::samples::median;
use nijigen::filter::components::Components;
use nijigen::filter::quantile::quantile;

use crate::colour::lab::colour_difference;

/// The part of the opening that is looked at: at its border lashes and lids are drawn.
const INSIDE: f32 = 0.9;
/// Share of the opening that is lighter than what is taken for the white of the eye.
const LIGHTEST: f32 = 0.15;
/// Distance in CIE L*a*b* from the white of the eye from which a pixel is the iris's.
const CONTRAST: f32 = 25.0;
/// Narrowest and widest iris, in widths of its eye.
const IRIS_WIDTHS: [f32; 2] = [0.2, 0.85];
/// Least area of a highlight as a part of that between the lids across the iris.
const LEAST_HIGHLIGHT: f32 = 0.01;

/// What is found between the lids of an eye.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DrawnEye {
    /// Width of the iris in widths of its eye, if there is one.
    pub iris_width: Option<f32>,
    /// Whether there is a light spot within the iris.
    pub highlight: bool,
}

impl DrawnEye {
    /// Looks into the left (0) or right (1) eye of a face crop in CIE L*a*b*.
    ///
    /// The iris is the longest run of columns, across the eye, most of whose pixels are not of the white's
    /// colour; a highlight is a part of that colour which reaches neither end of the run.
    pub fn find(frame: &Frame, side: usize, lab: &[[f32; 3]]) -> Self {
        let eye = &frame.eyes[side];
        // The casts saturate: what is beyond a corner counts to the column there.
        let columns = (eye.width_px as usize).max(1);
        let column = |i: usize| {
            let p = frame.pixel(i);
            let out = [0, 1].map(|k| (p[k] - eye.center[k]) * eye.outward[k]);
            let x = (out[0] + out[1]) / eye.width_px + 0.5;
            ((x * columns as f32) as usize).min(columns - 1)
        };
        let opening = frame.fill(&frame.eye_polygon(side, INSIDE));
        let covered = opening.pixels(frame.side).filter(|(_, share)| *share > 0.5);
        let pixels: Vec<(usize, usize)> = covered.map(|(i, _)| (i, column(i))).collect();
        let white = white(pixels.iter().map(|(i, _)| lab[*i]));
        let is_white = |i: usize| colour_difference(lab[i], white) < CONTRAST;

        let mut counts = vec![[0usize; 2]; columns];
        for (i, column) in &pixels {
            counts[*column][0] += 1;
            counts[*column][1] += usize::from(!is_white(*i));
        }
        let run = longest_run(counts.iter().map(|[all, dark]| 2 * dark > *all));
        let iris_width = run.len() as f32 / columns as f32;
        if !(IRIS_WIDTHS[0]..=IRIS_WIDTHS[1]).contains(&iris_width) {
            return Self {
                iris_width: None,
                highlight: false,
            };
        }
        let across: usize = counts[run.clone()].iter().map(|[all, _]| all).sum();

        let mut light = vec![0.0; lab.len()];
        for (i, _) in pixels.iter().filter(|(i, _)| is_white(*i)) {
            light[*i] = 1.0;
        }
        let labels = Components::of(&frame.plane(|i| light[i]), false).labels;
        let parts = labels.iter().copied().max().unwrap_or(0) as usize;
        // Area of each part, 0 of those that reach an end of the run.
        let mut areas = vec![Some(0usize); parts];
        for (i, column) in &pixels {
            let Some(part) = (labels[*i] as usize).checked_sub(1) else {
                continue;
            };
            let within = run.start < *column && *column + 1 < run.end;
            areas[part] = areas[part].filter(|_| within).map(|area| area + 1);
        }
        let largest = areas.into_iter().flatten().max().unwrap_or(0);
        Self {
            iris_width: Some(iris_width),
            highlight: largest as f32 > LEAST_HIGHLIGHT * across as f32,
        }
    }
}

/// The median of the lightest pixels; zeros of none.
fn white(opening: impl Iterator<Item = [f32; 3]>) -> [f32; 3] {
    let colours: Vec<[f32; 3]> = opening.collect();
    let lightness = colours.iter().map(|colour| colour[0]).collect();
    let limit = quantile(lightness, 1.0 - LIGHTEST);
    let lightest = colours.into_iter().filter(|colour| colour[0] >= limit);
    median(&lightest.collect::<Vec<_>>())
}

/// The longest range of true values, the first of several.
fn longest_run(values: impl Iterator<Item = bool>) -> std::ops::Range<usize> {
    let (mut longest, mut start) = (0..0, 0);
    for (i, value) in values.enumerate() {
        if !value {
            start = i + 1;
        } else if i + 1 - start > longest.len() {
            longest = start..i + 1;
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use image::RgbImage;
    use nijigen::drawing::pen::Mask;

    use super::*;
    use crate::colour::lab::lab_pixels;
    use crate::evaluate::test_face::{SKIN, drawn_face, frame, paint};

    const NOTHING: DrawnEye = DrawnEye {
        iris_width: None,
        highlight: false,
    };

    fn find(picture: &RgbImage) -> [DrawnEye; 2] {
        let lab = lab_pixels(picture);
        [0, 1].map(|side| DrawnEye::find(&frame(), side, &lab))
    }

    /// A disc in the right eye, `radius` in widths of the eye.
    fn disc(radius: f32) -> Mask {
        let frame = frame();
        let eye = frame.eyes[1];
        let circle: Vec<[f32; 2]> = (0..60u8)
            .map(|i| f32::from(i).to_radians() * 6.0)
            .map(|angle| [angle.cos(), angle.sin()])
            .map(|v| [0, 1].map(|k| eye.center[k] + radius * eye.width_px * v[k]))
            .collect();
        frame
            .fill(&circle)
            .within(&frame.fill(&frame.eye_polygon(1, 1.0)))
    }

    #[test]
    fn drawn_eyes_have_both_and_are_of_one_size() {
        let [left, right] = find(&drawn_face());
        assert!(left.highlight && right.highlight, "{left:?} {right:?}");
        let [left, right] = [left, right].map(|eye| eye.iris_width.expect("an iris"));
        assert!((0.35..0.6).contains(&left), "{left}");
        assert!((left - right).abs() < 0.05, "{left} {right}");
    }

    #[test]
    fn an_eye_that_is_erased_or_filled_has_nothing() {
        for colour in [SKIN, [242; 3], [25; 3]] {
            let mut picture = drawn_face();
            paint(
                &mut picture,
                &frame().fill(&frame().eye_polygon(1, 1.6)),
                colour,
            );
            let [left, right] = find(&picture);
            assert!(left.highlight && left.iris_width.is_some(), "{left:?}");
            assert_eq!(right, NOTHING, "{colour:?}");
        }
    }

    #[test]
    fn an_iris_may_have_no_highlight_and_be_of_another_size() {
        let mut dull = drawn_face();
        paint(&mut dull, &disc(0.2), [50, 25, 25]);
        let [_, eye] = find(&dull);
        assert!(eye.iris_width.is_some() && !eye.highlight, "{eye:?}");

        let mut small = drawn_face();
        paint(&mut small, &disc(1.0), [242; 3]);
        paint(&mut small, &disc(0.13), [50, 25, 25]);
        let [usual, small] = find(&small).map(|eye| eye.iris_width.expect("an iris"));
        assert!(small < 0.75 * usual, "{small} {usual}");
    }

    #[test]
    fn light_beside_the_iris_is_no_highlight() {
        let mut picture = drawn_face();
        paint(&mut picture, &disc(1.0), [242; 3]);
        paint(&mut picture, &disc(0.2), [50, 25, 25]);
        let [_, eye] = find(&picture);
        assert!(eye.iris_width.is_some() && !eye.highlight, "{eye:?}");
        paint(&mut picture, &disc(0.06), [255; 3]);
        let [_, eye] = find(&picture);
        assert!(eye.highlight, "{eye:?}");
    }

    #[test]
    fn the_longest_run_is_found() {
        let longest = |bits: &[u8]| longest_run(bits.iter().map(|bit| *bit == 1));
        assert_eq!(longest(&[0, 1, 0, 1, 1, 0, 1, 1]), 3..5);
        assert_eq!(longest(&[1, 1, 1]), 0..3);
        assert!(longest(&[0, 0]).is_empty());
    }
}
