//! Frames of glasses, found as dark loops around the eyes.

use std::f32::consts::TAU;

use crate::filter::gaussian::blur;
use crate::filter::morphology::{self, Window};
use crate::filter::plane::Plane;
use crate::filter::quantile::quantile;

use super::frame::{Frame, between, enlarged};
use super::palette::rgb;
use super::pen::{Canvas, closed_spline, spline};
use super::samples::median;

/// Standard deviation over which the photo is smoothed, and the radius of the disc within which something lighter makes a thing dark,
/// in widths of the face.
const FINE: f32 = 0.003;
const DISC: f32 = 0.016;
/// Directions around an eye, from the outside by way of above.
const DIRECTIONS: usize = 64;
const HALF: usize = DIRECTIONS / 2;
/// How far from an eye rims are looked for, in widths of the eye, and at how many places in each direction.
const RIMS: [f32; 2] = [0.62, 1.35];
const PLACES: usize = 36;
/// By how many places a rim comes nearer or goes away from one direction to the next at most, and what each costs.
const MOST_STEP: usize = 3;
const STEP_COST: f32 = 0.25;
/// The most that a place is darker, in units of what is usual around the eye, and how much darker a rim is where it is seen.
const MOST_DARK: f32 = 6.0;
const SEEN: f32 = 2.0;
/// The least sum of the share of a rim that is seen and [`DARKNESS_COUNTS`] times its mean darkness, of both eyes the least.
const LEAST_SUM: f32 = 0.89;
const DARKNESS_COUNTS: f32 = 0.1;
/// From so many places in the mean on that a rim steps from one direction to the next, it needs to be darker, by so much a place.
const SMOOTH_RIM: f32 = 0.9;
const ROUGHNESS_COSTS: f32 = 0.4;
/// Nearer to the eye than this, in widths of the face and of the eye, is no rim but the socket.
const LEAST_RADIUS: [f32; 2] = [0.135, 0.68];
/// How many places a rim steps from one direction to the next in the mean at most: wrinkles are less smooth.
const MOST_ROUGH: f32 = 1.28;
/// How far lids and brows are enlarged, in which no rim is looked for.
const LIDS: f32 = 1.3;
const BROWS: f32 = 1.15;
/// Directions on either side over which a rim is smoothed.
const SMOOTH: usize = 2;
/// How much farther from the eye a rim is above than below at most: a brow or a fringe may be darker than it.
const MOST_ABOVE: f32 = 1.1;
/// Share of the darkness of a rim's middle that its borders have.
const BORDER: f32 = 0.5;
/// Directions in which a temple and the bridge begin.
const HINGE: usize = 4;
const BRIDGE_END: usize = 28;
/// Where temples end: the points of the face's outline beside the eyes.
const TEMPLES: [usize; 2] = [127, 356];
/// How wide frames are drawn at least and at most, in widths of the face.
const WIDTHS: [f32; 2] = [0.010, 0.03];
const OPACITY: f32 = 0.95;

/// Draws the frames of glasses, if the face has some, of a crop in CIE L*a*b*.
pub fn draw_glasses(canvas: &mut Canvas, frame: &Frame, lab: &[[f32; 3]]) {
    let unit = frame.unit();
    let lightness = blur(&frame.plane(|i| lab[i][0]), FINE * unit);
    let closed = morphology::close(&lightness, &Window::disc(DISC * unit));
    let darkness = frame.plane(|i| closed.values()[i] - lightness.values()[i]);
    let either = |polygons: [Vec<[f32; 2]>; 2]| {
        let [left, right] = polygons.map(|polygon| frame.region(&polygon));
        frame.plane(|i| left.values()[i].max(right.values()[i]))
    };
    let lids = either([0, 1].map(|eye| closed_spline(&frame.eye_polygon(eye, LIDS))));
    let brows = either([0, 1].map(|eye| enlarged(&frame.brow_polygon(eye, 0.0), BROWS)));
    let rims = [0, 1].map(|eye| Rim::find(frame, &darkness, [&lids, &brows], eye));
    if rims.iter().any(|rim| !rim.is_one(frame)) {
        return;
    }
    let dark = |rim: &Rim| {
        let points = rim.points.iter().zip(&rim.darkness);
        let seen = points.filter(|(_, darkness)| **darkness > SEEN);
        let colour = |(point, _): (&[f32; 2], &f32)| darkest_about(frame, lab, *point);
        seen.map(colour).collect::<Vec<_>>()
    };
    let colours = rims.each_ref().map(dark).concat();
    let l = quantile(colours.iter().map(|c| c[0]).collect(), 0.35);
    let [_, a, b] = median(&colours);
    let colour = rgb([(0.75 * l).clamp(8.0, 50.0), 0.8 * a, 0.8 * b]);
    let width = 0.5 * (rims[0].width_px + rims[1].width_px);
    let width = width.clamp(WIDTHS[0] * unit, WIDTHS[1] * unit);
    for (eye, rim) in rims.iter().enumerate() {
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
    let [from, to] = rims.each_ref().map(|rim| rim.points[BRIDGE_END]);
    let up = frame.face.vector(0.0, -0.02 * unit);
    let middle = between(from, to, 0.5);
    let over = [middle[0] + up[0], middle[1] + up[1]];
    canvas.stroke(&spline(&[from, over, to], 20), |_| width, OPACITY, colour);
}

/// The darkest colour of the pixels about a point.
fn darkest_about(frame: &Frame, lab: &[[f32; 3]], point: [f32; 2]) -> [f32; 3] {
    // The casts saturate.
    let [x, y] = point.map(|v| (v as usize).min(frame.side - 1));
    let near = |at: usize| at.saturating_sub(1)..=(at + 1).min(frame.side - 1);
    let colours = near(y).flat_map(|y| near(x).map(move |x| lab[y * frame.side + x]));
    let darker = |a: [f32; 3], b: [f32; 3]| if b[0] < a[0] { b } else { a };
    colours.reduce(darker).unwrap_or(lab[y * frame.side + x])
}

/// The darkest smooth loop around an eye.
struct Rim {
    /// In [`DIRECTIONS`] from the eye, from the outside by way of above.
    points: Vec<[f32; 2]>,
    /// How dark it is there, in units of what is usual around the eye; 0 before lids and brows.
    darkness: Vec<f32>,
    /// Share of where it could be seen in which it is, and its mean darkness there.
    seen: f32,
    mean_darkness: f32,
    /// How many places it steps from one direction to the next, in the mean.
    roughness: f32,
    /// Its mean distance from the eye.
    radius_px: f32,
    /// The eye's own width.
    eye_px: f32,
    width_px: f32,
}

impl Rim {
    /// The one about the left (0) or right (1) eye that is darkest in the mean, by dynamic programming: neither on lids nor on
    /// brows nor beyond these, where a fringe may be as dark.
    fn find(frame: &Frame, darkness: &Plane, [lids, brows]: [&Plane; 2], eye: usize) -> Self {
        let center = frame.eyes[eye].center;
        let eye_px = 0.5 * (frame.eyes[0].width_px + frame.eyes[1].width_px);
        let outwards = if eye == 0 { -1.0 } else { 1.0 };
        let radius =
            |place: f32| eye_px * (RIMS[0] + (RIMS[1] - RIMS[0]) * place / (PLACES - 1) as f32);
        let at = |direction: usize, by: f32| {
            let (sin, cos) = (TAU * direction as f32 / DIRECTIONS as f32).sin_cos();
            let d = frame.face.vector(outwards * cos * by, -sin * by);
            [center[0] + d[0], center[1] + d[1]]
        };
        let sampled = |plane: &Plane| -> Vec<[f32; PLACES]> {
            let place = |direction, place| {
                let [x, y] = at(direction, radius(place as f32));
                plane.sample(x - 0.5, y - 0.5)
            };
            let line = |direction| std::array::from_fn(|i| place(direction, i));
            (0..DIRECTIONS).map(line).collect()
        };
        let (raw, lids, brows) = (sampled(darkness), sampled(lids), sampled(brows));
        let open = |(lids, brows): (&[f32; PLACES], &[f32; PLACES])| {
            let mut open = 1.0;
            std::array::from_fn(|i| {
                open = f32::min(open, 1.0 - brows[i]);
                open.min(1.0 - lids[i])
            })
        };
        let open: Vec<[f32; PLACES]> = lids.iter().zip(&brows).map(open).collect();
        let usual = quantile(raw.iter().flatten().copied().collect(), 0.5) + 1.5;
        let dark: Vec<[f32; PLACES]> = raw
            .iter()
            .zip(&open)
            .map(|(raw, open)| std::array::from_fn(|i| (raw[i] * open[i] / usual).min(MOST_DARK)))
            .collect();
        let path = darkest_loop(&dark);
        let along = |values: &[[f32; PLACES]]| -> Vec<f32> {
            path.iter()
                .zip(values)
                .map(|(place, line)| line[*place])
                .collect()
        };
        let (darkness, could) = (along(&dark), along(&open));
        let visible: Vec<f32> = darkness
            .iter()
            .zip(&could)
            .filter(|(_, could)| **could > 0.5)
            .map(|(dark, _)| *dark)
            .collect();
        let count = visible.len().max(1) as f32;
        let smooth = |direction: usize| {
            let around =
                (0..=2 * SMOOTH).map(|k| (direction + DIRECTIONS + k - SMOOTH) % DIRECTIONS);
            around.map(|k| path[k] as f32).sum::<f32>() / (2 * SMOOTH + 1) as f32
        };
        let smooth: Vec<f32> = (0..DIRECTIONS).map(smooth).collect();
        let radii = |direction: usize| match direction {
            above @ 1..HALF => {
                radius(smooth[above]).min(MOST_ABOVE * radius(smooth[DIRECTIONS - above]))
            }
            _ => radius(smooth[direction]),
        };
        let radii: Vec<f32> = (0..DIRECTIONS).map(radii).collect();
        let width = |direction: usize| {
            let (line, middle) = (&raw[direction], path[direction]);
            let least = BORDER * line[middle];
            let out = line[middle..]
                .iter()
                .take_while(|dark| **dark > least)
                .count();
            let inwards = line[..middle]
                .iter()
                .rev()
                .take_while(|dark| **dark > least)
                .count();
            (out + inwards) as f32
        };
        let seen = (0..DIRECTIONS).filter(|direction| darkness[*direction] > SEEN);
        let widths: Vec<f32> = seen.map(width).collect();
        let steps = (0..DIRECTIONS).map(|i| path[i].abs_diff(path[(i + 1) % DIRECTIONS]));
        let step_px = radius(1.0) - radius(0.0);
        Self {
            points: radii.iter().enumerate().map(|(i, by)| at(i, *by)).collect(),
            seen: visible.iter().filter(|dark| **dark > SEEN).count() as f32 / count,
            mean_darkness: visible.iter().sum::<f32>() / count,
            radius_px: radii.iter().sum::<f32>() / DIRECTIONS as f32,
            roughness: steps.sum::<usize>() as f32 / DIRECTIONS as f32,
            eye_px,
            width_px: if widths.is_empty() {
                0.0
            } else {
                quantile(widths, 0.5) * step_px
            },
            darkness,
        }
    }

    /// Whether it is that of glasses.
    fn is_one(&self, frame: &Frame) -> bool {
        let rough = (self.roughness - SMOOTH_RIM).max(0.0);
        self.seen + DARKNESS_COUNTS * self.mean_darkness >= LEAST_SUM + ROUGHNESS_COSTS * rough
            && self.roughness <= MOST_ROUGH
            && self.radius_px >= LEAST_RADIUS[0] * frame.unit()
            && self.radius_px >= LEAST_RADIUS[1] * self.eye_px
    }
}

/// The place in each direction of a loop whose darkness, less the cost of its steps, is the largest in sum.
fn darkest_loop(dark: &[[f32; PLACES]]) -> Vec<usize> {
    // The first way around finds where the loop goes through the first direction, the second closes it there.
    let start = *darkest_path(dark, None).last().unwrap_or(&0);
    let mut path = darkest_path(dark, Some(start));
    path.truncate(dark.len());
    path
}

/// The best way from the first direction around to the first, which begins and ends near `start` if that is given.
fn darkest_path(dark: &[[f32; PLACES]], start: Option<usize>) -> Vec<usize> {
    let mut sums = dark[0];
    if let Some(start) = start {
        for (place, sum) in sums.iter_mut().enumerate() {
            if place.abs_diff(start) > 1 {
                *sum = f32::NEG_INFINITY;
            }
        }
    }
    let mut from = Vec::with_capacity(dark.len());
    for line in dark.iter().skip(1).chain(&dark[..1]) {
        let best = |place: usize| {
            let near = place.saturating_sub(MOST_STEP)..(place + MOST_STEP + 1).min(PLACES);
            let sum = |at: usize| sums[at] - STEP_COST * at.abs_diff(place) as f32;
            near.max_by(|a, b| sum(*a).total_cmp(&sum(*b)))
                .map_or((place, 0.0), |at| (at, sum(at)))
        };
        let best: [(usize, f32); PLACES] = std::array::from_fn(best);
        sums = std::array::from_fn(|place| best[place].1 + line[place]);
        from.push(best.map(|(at, _)| at));
    }
    let last = (0..PLACES).max_by(|a, b| sums[*a].total_cmp(&sums[*b]));
    let mut place = start.or(last).unwrap_or(0);
    let mut path = vec![place];
    for from in from.iter().rev() {
        place = from[place];
        path.push(place);
    }
    path.reverse();
    path
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
        let radius = 0.95 * frame.eyes[0].width_px;
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
        draw_glasses(&mut canvas, &frame, &lab);
        canvas.pixels.iter().filter(|pixel| pixel[0] < 0.5).count()
    }

    #[test]
    fn rims_are_drawn_where_they_are_seen_whole() {
        assert!(drawn(7.0, 1.0) > 1500, "{}", drawn(7.0, 1.0));
        assert_eq!(drawn(7.0, 0.3), 0);
        assert_eq!(drawn(0.0, 1.0), 0);
    }
}
