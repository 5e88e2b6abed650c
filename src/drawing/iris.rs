//! The irises in the photo: where they look and what colour they have.

use crate::face::mesh::{EYES, MESH_WITH_IRIS_POINTS, distance};
use crate::filter::quantile::quantile;

use super::eye_place::EyePlace;
use super::frame::Frame;
use super::samples::median;

/// An iris whose colour cannot be measured, in CIE L*a*b*: dark brown, as most are.
const USUAL_COLOUR: [f32; 3] = [25.0, 6.0, 8.0];
/// Radius of an iris as a part of the eye's width.
const USUAL_RADIUS: f32 = 0.2;
/// Farthest that an iris is from the middle of the eye, in the same unit.
const FARTHEST: f32 = 0.3;
/// Contrast in units of lightness below which nothing is found in an eye.
const LEAST_CONTRAST: f32 = 10.0;
/// How much of what darkness tells of a gaze is believed.
const BELIEVED: f32 = 0.7;

/// What is measured of both eyes at once.
#[derive(Clone, Copy, Debug)]
pub struct Irises {
    /// Their colour in CIE L*a*b*.
    pub colour: [f32; 3],
    /// Where the left and the right one are.
    pub gaze: [Gaze; 2],
}

/// Place of an iris in its eye, in widths of the eye.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gaze {
    /// Outwards from the middle between the corners.
    pub outwards: f32,
    /// Above the line through the corners, where it is known.
    pub up: Option<f32>,
}

impl Irises {
    /// Of a crop in CIE L*a*b*. Where the landmarks have no irises, they are looked for as what is dark
    /// between the lids.
    pub fn measure(frame: &Frame, lab: &[[f32; 3]]) -> Self {
        let known = frame.points.len() >= MESH_WITH_IRIS_POINTS;
        let circles = [0, 1].map(|side| {
            if known {
                Some(known_circle(frame, side))
            } else {
                dark_circle(frame, lab, side)
            }
        });
        let places = [0, 1].map(|side| {
            let place =
                circles[side].map(|(center, _)| EyePlace::new(&frame.eyes[side]).of(center));
            place.map(|[x, y]| ((x - 0.5).clamp(-FARTHEST, FARTHEST), y))
        });
        // Both eyes look the same way: outwards is left in the one and right in the other.
        let right = |side: usize| if side == 0 { -1.0 } else { 1.0 };
        let mean = |values: [Option<f32>; 2]| {
            let seen: Vec<f32> = values.into_iter().flatten().collect();
            (!seen.is_empty()).then(|| seen.iter().sum::<f32>() / seen.len() as f32)
        };
        let x = mean([0, 1].map(|side| places[side].map(|(x, _)| right(side) * x))).unwrap_or(0.0);
        let (believed, up) = if known {
            (1.0, mean(places.map(|place| place.map(|(_, y)| y))))
        } else {
            (BELIEVED, None)
        };
        let gaze = [0, 1].map(|side| Gaze {
            outwards: believed * right(side) * x,
            up,
        });
        Self {
            colour: colour(frame, lab, circles),
            gaze,
        }
    }
}

/// The median colour of both irises, without pupil, highlight and the lid's shadow.
fn colour(frame: &Frame, lab: &[[f32; 3]], circles: [Option<Circle>; 2]) -> [f32; 3] {
    let mut all = Vec::new();
    for (side, circle) in circles.into_iter().enumerate() {
        let Some((center, radius)) = circle else {
            continue;
        };
        let opening = frame.fill(&frame.eye_polygon(side, 1.0));
        let inside: Vec<[f32; 3]> = opening
            .pixels(frame.side)
            .filter(|(i, share)| {
                let p = frame.pixel(*i);
                let r = distance(p, center) / radius;
                *share > 0.5 && (0.35..0.9).contains(&r) && p[1] > center[1] - 0.35 * radius
            })
            .map(|(i, _)| lab[i])
            .collect();
        let lightness: Vec<f32> = inside.iter().map(|c| c[0]).collect();
        let limits = quantile(lightness.clone(), 0.15)..=quantile(lightness, 0.80);
        all.extend(inside.into_iter().filter(|c| limits.contains(&c[0])));
    }
    if all.len() > 8 {
        median(&all)
    } else {
        USUAL_COLOUR
    }
}

/// Centre and radius in pixels.
type Circle = ([f32; 2], f32);

/// The circle of the landmarks.
fn known_circle(frame: &Frame, side: usize) -> Circle {
    let eye = &EYES[side];
    let center = frame.points[eye.iris];
    let border = frame.at(eye.iris_border);
    let sum: f32 = border.iter().map(|p| distance(*p, center)).sum();
    (center, (sum / border.len() as f32).max(1.0))
}

/// What is dark between the lids, if anything is.
fn dark_circle(frame: &Frame, lab: &[[f32; 3]], side: usize) -> Option<Circle> {
    let eye = &frame.eyes[side];
    let place = EyePlace::new(eye);
    let opening = frame.fill(&frame.eye_polygon(side, 0.95));
    let inside: Vec<([f32; 2], f32)> = opening
        .pixels(frame.side)
        .filter(|(i, share)| {
            let x = place.of(frame.pixel(*i))[0];
            *share > 0.5 && (0.12..0.88).contains(&x)
        })
        .map(|(i, _)| (frame.pixel(i), lab[i][0]))
        .collect();
    let lightness: Vec<f32> = inside.iter().map(|(_, l)| *l).collect();
    let (dark, light) = (quantile(lightness.clone(), 0.10), quantile(lightness, 0.85));
    if inside.len() < 20 || light - dark < LEAST_CONTRAST {
        return None;
    }
    let (mut sum, mut total) = ([0.0; 2], 0.0);
    for (p, l) in inside {
        let weight = ((light - l) / (light - dark)).clamp(0.0, 1.0).powi(2);
        sum = [0, 1].map(|i| sum[i] + weight * p[i]);
        total += weight;
    }
    Some((
        sum.map(|v| v / total),
        (USUAL_RADIUS * eye.width_px).max(1.0),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::lab::rgb_to_lab;
    use crate::face::example_face::example_face;

    /// Eyes of white with blue irises that are so far at the right of where the example has them.
    fn irises(known: bool, right: f32) -> Irises {
        let mut points = example_face();
        for eye in &EYES {
            for at in eye.iris_border.iter().chain([&eye.iris]) {
                points[*at][0] += right;
            }
        }
        if !known {
            points.truncate(MESH_WITH_IRIS_POINTS - 10);
        }
        let frame = Frame::new(512, &points).expect("a face");
        let lab: Vec<[f32; 3]> = (0..512 * 512)
            .map(|i| {
                let p = frame.pixel(i);
                let iris = [210.0, 302.0]
                    .iter()
                    .any(|x| distance(p, [x + right, 238.0]) < 8.0);
                rgb_to_lab(if iris {
                    [0.2, 0.3, 0.5]
                } else {
                    [0.9, 0.9, 0.88]
                })
            })
            .collect();
        Irises::measure(&frame, &lab)
    }

    #[test]
    fn they_are_found_with_and_without_landmarks() {
        for known in [true, false] {
            for right in [0.0, 4.0, -4.0] {
                let found = irises(known, right);
                let expected = right / 40.0 * if known { 1.0 } else { BELIEVED };
                let [left, other] = found.gaze.map(|gaze| gaze.outwards);
                assert!((left + expected).abs() < 0.03, "{known} {right}: {left}");
                assert!((other - expected).abs() < 0.03, "{known} {right}: {other}");
                assert!(found.colour[2] < -15.0, "{:?}", found.colour);
            }
        }
    }

    #[test]
    fn eyes_without_contrast_look_straight_ahead() {
        let points = &example_face()[..MESH_WITH_IRIS_POINTS - 10];
        let frame = Frame::new(512, points).expect("a face");
        let found = Irises::measure(&frame, &vec![[40.0, 5.0, 5.0]; 512 * 512]);
        let ahead = |gaze: Gaze| gaze.outwards == 0.0 && gaze.up.is_none();
        assert!(found.gaze.into_iter().all(ahead));
        assert_eq!(found.colour, USUAL_COLOUR);
    }

    #[test]
    fn both_eyes_look_the_same_way_and_as_high() {
        let mut points = example_face();
        for at in EYES[0].iris_border.iter().chain([&EYES[0].iris]) {
            points[*at] = [points[*at][0] + 5.0, points[*at][1] - 2.0];
        }
        let frame = Frame::new(512, &points).expect("a face");
        let [left, right] = Irises::measure(&frame, &vec![[40.0, 5.0, 5.0]; 512 * 512]).gaze;
        assert!((left.outwards + right.outwards).abs() < 1e-6);
        assert!(right.outwards > 0.02 && left.up == right.up, "{left:?}");
    }
}
