//! Frames of glasses, found as dark structures around the eyes.

use std::f32::consts::TAU;

use crate::face::mesh::{distance, mean};
use crate::filter::plane::Plane;
use crate::filter::{
    components::Components,
    gaussian::blur,
    morphology::{self, Window},
    quantile::quantile,
    thresholds::antialiased_threshold,
};
use crate::geometry::smoothstep;

use super::frame::{Frame, between};
use super::palette::rgb;
use super::pen::{Canvas, closed_spline, spline};
use super::samples::median;

/// Darkness of the bridge across the nose as a part of the skin's lightness, above which there are
/// glasses.
const BRIDGE: f32 = 0.25;
/// How far from an eye rims are, in widths of the face, in how many directions they are looked for, and the least share of these
/// in which they are seen.
const RIMS: [f32; 2] = [0.105, 0.30];
const DIRECTIONS: usize = 48;
const HALF: usize = DIRECTIONS / 2;
const LEAST_SEEN: f32 = 0.55;
/// How far what is seen is off the smooth rim in the mean, in parts of its distance: shadows about the eyes are no rims.
const MOST_OFF: f32 = 0.07;
/// Directions on either side over which a rim is smoothed.
const WINDOW: usize = 4;
/// How much farther from the eye a rim is above than below at most.
const MOST_ABOVE: f32 = 1.1;
/// Directions, from the outside by way of above, in which a temple and the bridge begin.
const HINGE: usize = 3;
const BRIDGE_END: usize = 21;
/// Where temples end: the points of the face's outline beside the eyes.
const TEMPLES: [usize; 2] = [127, 356];
/// How wide frames are drawn at least and at most, in widths of the face.
const WIDTHS: [f32; 2] = [0.009, 0.03];
const OPACITY: f32 = 0.95;

/// Draws the frames of glasses, if the face has some, of a crop in CIE L*a*b* with skin of this colour.
pub fn draw_glasses(canvas: &mut Canvas, frame: &Frame, lab: &[[f32; 3]], skin_colour: [f32; 3]) {
    let l0 = skin_colour[0];
    let bridge = bridge_darkness(frame, lab);
    if bridge < BRIDGE * l0 {
        return;
    }
    let unit = frame.unit();
    let lightness = blur(&frame.plane(|i| lab[i][0]), 0.004 * unit);
    let closed = morphology::close(&lightness, &Window::disc(0.037 * unit));
    let dark = blur(
        &frame.plane(|i| closed.values()[i] - lightness.values()[i]),
        0.006 * unit,
    );
    let not_glasses = [
        closed_spline(&frame.eye_polygon(0, 1.22)),
        closed_spline(&frame.eye_polygon(1, 1.22)),
        frame.brow_polygon(0, 0.013),
        frame.brow_polygon(1, 0.013),
        frame.at([4, 129, 98, 2, 327, 358]),
    ]
    .map(|region| frame.region(&region));
    let dark = frame.plane(|i| {
        let [x, y] = frame.place(i, frame.face.eyes);
        let zone = smoothstep(x.abs(), 0.56, 0.52)
            * smoothstep(y, -0.17, -0.14)
            * smoothstep(y, 0.27, 0.24);
        let kept = |share: f32, p: &Plane| share * (1.0 - p.values()[i]);
        dark.values()[i] * not_glasses.iter().fold(zone, kept)
    });
    let threshold = (0.42 * bridge).max(7.0);
    let found: Vec<f32> = (0..dark.values().len())
        .filter(|i| dark.values()[*i] > threshold)
        .map(|i| lightness.values()[i])
        .collect();
    if found.len() < 20 {
        return;
    }
    let ink = quantile(found, 0.30);
    let sharp = antialiased_threshold(&dark, threshold);
    let frames = frame.plane(|i| {
        let limit = |share: f32| ink + share * (l0 - ink);
        sharp.values()[i] * smoothstep(lightness.values()[i], limit(0.62), limit(0.42))
    });
    let components = Components::of(&frames, true);
    let frames = frame.plane(|i| match components.labels[i] {
        0 => frames.values()[i].min(0.5),
        label if components.parts[label as usize - 1].extent() as f32 >= 0.12 * unit => {
            frames.values()[i]
        }
        _ => 0.0,
    });
    let [Some(left), Some(right)] = [0, 1].map(|eye| Rim::find(frame, &frames, eye)) else {
        return;
    };
    let drawn = frames.values().iter().zip(lab);
    let colours: Vec<[f32; 3]> = drawn
        .filter(|(share, _)| **share > 0.6)
        .map(|(_, colour)| *colour)
        .collect();
    let l = quantile(colours.iter().map(|c| c[0]).collect(), 0.35);
    let [_, a, b] = median(&colours);
    let colour = rgb([(0.75 * l).clamp(8.0, 50.0), 0.8 * a, 0.8 * b]);
    let width = 0.5 * (left.width_px + right.width_px);
    for (rim, eye) in [(&left, 0), (&right, 1)] {
        canvas.stroke(&closed_spline(&rim.points), |_| width, OPACITY, colour);
        let hinge = rim.points[HINGE];
        let temple = frame.points[TEMPLES[eye]];
        canvas.stroke(
            &[hinge, between(hinge, temple, 0.5), temple],
            |_| width,
            OPACITY,
            colour,
        );
    }
    let [from, to] = [&left, &right].map(|rim| rim.points[BRIDGE_END]);
    let up = frame.face.vector(0.0, -0.02 * unit);
    let middle = between(from, to, 0.5);
    let over = [middle[0] + up[0], middle[1] + up[1]];
    canvas.stroke(&spline(&[from, over, to], 20), |_| width, OPACITY, colour);
}

/// What surrounds one lens.
struct Rim {
    /// In [`DIRECTIONS`] from the eye, from the outside by way of above.
    points: Vec<[f32; 2]>,
    width_px: f32,
}

impl Rim {
    /// The rim about the left (0) or right (1) eye, closed where `frames` have gaps; `None` where more is missing than seen, as
    /// of thin and clear ones.
    fn find(frame: &Frame, frames: &Plane, eye: usize) -> Option<Self> {
        let center = frame.eyes[eye].center;
        let outwards = if eye == 0 { -1.0 } else { 1.0 };
        let [near, far] = RIMS.map(|share| (share * frame.unit()) as usize);
        let at = |direction: usize, by: f32| {
            let (sin, cos) = (TAU * direction as f32 / DIRECTIONS as f32).sin_cos();
            let d = frame.face.vector(outwards * cos * by, -sin * by);
            [center[0] + d[0], center[1] + d[1]]
        };
        let on_frame = |direction: usize, by: usize| {
            let [x, y] =
                at(direction, by as f32).map(|v| (v.max(0.0) as usize).min(frame.side - 1));
            frames.row(y)[x] > 0.5
        };
        // Where the frame begins and ends.
        let found: Vec<Option<[f32; 2]>> = (0..DIRECTIONS)
            .map(|direction| {
                let first = (near..=far).find(|by| on_frame(direction, *by))?;
                let last = (first..=far)
                    .take_while(|by| on_frame(direction, *by))
                    .last()?;
                Some([first, last].map(|by| by as f32))
            })
            .collect();
        let seen: Vec<[f32; 2]> = found.iter().flatten().copied().collect();
        if (seen.len() as f32) < LEAST_SEEN * DIRECTIONS as f32 {
            return None;
        }
        let width = quantile(
            seen.iter()
                .map(|[first, last]| last - first + 1.0)
                .collect(),
            0.5,
        );
        // A temple or a lash that was taken for the rim is alone among its neighbours.
        let radius = |direction: usize| {
            let mut reach = WINDOW;
            loop {
                let near = (0..=2 * reach).filter_map(|k| {
                    let [first, last] = found[(direction + DIRECTIONS + k - reach) % DIRECTIONS]?;
                    Some(0.5 * (first + last))
                });
                let near: Vec<f32> = near.collect();
                if near.len() > WINDOW || reach == DIRECTIONS / 2 {
                    return quantile(near, 0.5);
                }
                reach += 1;
            }
        };
        // Above, a brow may be taken for the rim: there it is at most a little farther away than below.
        let limited = |direction: usize| match direction {
            1..HALF => radius(direction).min(MOST_ABOVE * radius(DIRECTIONS - direction)),
            _ => radius(direction),
        };
        let radii: Vec<f32> = (0..DIRECTIONS).map(limited).collect();
        let off = found.iter().zip(&radii).filter_map(|(found, radius)| {
            let [first, last] = (*found)?;
            Some((0.5 * (first + last) / radius - 1.0).abs())
        });
        let off = off.sum::<f32>() / seen.len() as f32;
        if off > MOST_OFF {
            return None;
        }
        let points = (0..DIRECTIONS).map(|direction| at(direction, radii[direction]));
        Some(Self {
            points: points.collect(),
            width_px: width.clamp(WIDTHS[0] * frame.unit(), WIDTHS[1] * frame.unit()),
        })
    }
}

/// How much darker than what is above and below it the darkest thing is across the nose between
/// the eyes, in units of lightness.
fn bridge_darkness(frame: &Frame, lab: &[[f32; 3]]) -> f32 {
    let unit = frame.unit();
    let lightness = blur(&frame.plane(|i| lab[i][0]), 0.006 * unit);
    let reach = (0.0425 * unit) as usize;
    let column = Window::new(reach, |x, _| x.abs() < 0.5);
    let closed = morphology::close(&lightness, &column);
    let inner = [frame.points[133], frame.points[362]];
    let gap = distance(inner[0], inner[1]) / unit;
    let middle = frame.local(mean(&inner), frame.face.eyes)[0];
    let mut darkest = [None::<f32>; 7];
    for i in 0..lightness.values().len() {
        let [x, y] = frame.place(i, frame.face.eyes);
        let across = (x - middle) / gap;
        if across.abs() < 0.26 && y > -0.12 && y < 0.15 {
            let dark = closed.values()[i] - lightness.values()[i];
            let at = (12.0 * across).round() + 3.0;
            if let Some(most) = darkest.get_mut(at.max(0.0) as usize) {
                *most = Some(most.unwrap_or(0.0).max(dark));
            }
        }
    }
    quantile(darkest.into_iter().flatten().collect(), 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::lab::rgb_to_lab;
    use crate::face::example_face::example_face;

    const SKIN: [f32; 3] = [0.84, 0.66, 0.56];

    /// How many pixels are drawn on a face with round rims of a width and a bridge; `rims` is the part of their circles that is
    /// seen.
    fn drawn(width: f32, rims: f32) -> usize {
        let frame = Frame::new(512, &example_face()).expect("a face");
        let radius = 0.2 * frame.unit();
        let centers = frame.eyes.each_ref().map(|eye| eye.center);
        let lab: Vec<[f32; 3]> = (0..512 * 512)
            .map(|i| {
                let [x, y] = frame.pixel(i);
                let on_rim = centers.iter().any(|[cx, cy]| {
                    let away = (x - cx).hypot(y - cy);
                    let turn = (y - cy).atan2(x - cx).abs() / std::f32::consts::PI;
                    (away - radius).abs() < width / 2.0 && turn <= rims
                });
                let between = x > centers[0][0] + radius && x < centers[1][0] - radius;
                let on_bridge = between && (y - centers[0][1]).abs() < width / 2.0;
                rgb_to_lab(if on_rim || on_bridge { [0.15; 3] } else { SKIN })
            })
            .collect();
        let mut canvas = Canvas {
            side: 512,
            pixels: vec![SKIN; 512 * 512],
        };
        draw_glasses(&mut canvas, &frame, &lab, rgb_to_lab(SKIN));
        canvas.pixels.iter().filter(|pixel| pixel[0] < 0.5).count()
    }

    #[test]
    fn rims_are_drawn_where_they_are_seen_whole() {
        assert!(drawn(7.0, 1.0) > 1500, "{}", drawn(7.0, 1.0));
        assert_eq!(drawn(7.0, 0.3), 0);
        assert_eq!(drawn(0.0, 1.0), 0);
    }
}
