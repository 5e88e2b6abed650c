//! Eyes, drawn as vectors.

use crate::face::mesh::{EYES, EyeFrame};
use crate::filter::quantile::quantile;
use crate::geometry::smoothstep;

use super::eye_place::EyePlace;
use super::frame::Frame;
use super::iris::Irises;
use super::palette::{SkinPalette, interpolate, lch, mix, rgb};
use super::pen::{Canvas, Mask, spline};
use super::samples::lightness_about;
use super::typology::typology_angle;

/// Points along a lid.
const LID_POINTS: usize = 60;
/// Typology angles of skin in degrees below which irises are brown, and from which on they may have any colour.
const BROWN_BELOW: [f32; 2] = [24.0, 36.0];
/// Least part of the larger eye's width and openness that the other's is, so that their irises are of one size.
const ALIKE: f32 = 0.75;
/// Openness below which an eye is drawn as a line.
const CLOSED: f32 = 0.15;
/// An eye of a turned face is left out if it is narrower than this part of the other one, or of
/// the face.
const LEAST_WIDTH: [f32; 2] = [0.55, 0.11];

/// Whether the left (0) or right (1) eye is seen well enough to be drawn.
pub fn is_seen(frame: &Frame, side: usize) -> bool {
    let widths = frame.eyes.map(|eye| eye.width_px);
    let own = widths[side];
    own > LEAST_WIDTH[0] * widths[0].max(widths[1]) && own > LEAST_WIDTH[1] * frame.unit()
}

/// Whether the left (0) or right (1) eye is drawn with an iris: it is seen, and open.
pub fn has_iris(frame: &Frame, side: usize) -> bool {
    is_seen(frame, side) && frame.eyes[side].openness() >= CLOSED
}

/// The mean openness of both eyes, where they are nearly alike: what they differ in is mostly the landmarks' error.
fn alike_openness(frame: &Frame) -> Option<f32> {
    let [a, b] = frame.eyes.each_ref().map(EyeFrame::openness);
    let [left, right] = frame.eyes.each_ref().map(|eye| eye.width_px);
    let is_alike = |a: f32, b: f32| a.min(b) > ALIKE * a.max(b);
    (is_alike(a, b) && is_alike(left, right)).then_some(0.5 * (a + b))
}

/// Heights of a lid at [`LID_POINTS`] places from the inner to the outer corner: the landmarks',
/// smoothed, and partly the ideal curve of a drawing.
fn lid(place: &EyePlace, points: &[[f32; 2]], ideal: impl Fn(f32) -> f32, share: f32) -> Vec<f32> {
    let mut curve: Vec<(f32, f32)> = points
        .iter()
        .map(|p| place.of(*p))
        .map(|[x, y]| (x, y))
        .collect();
    curve.sort_by(|a, b| a.0.total_cmp(&b.0));
    let raw: Vec<f32> = (0..LID_POINTS)
        .map(|i| interpolate(i as f32 / (LID_POINTS - 1) as f32, &curve))
        .collect();
    let last = LID_POINTS as isize - 1;
    // Beyond the ends it goes on as it came.
    let get = |i: isize| match i {
        i if i < 0 => 2.0 * raw[0] - raw[(-i) as usize],
        i if i > last => 2.0 * raw[last as usize] - raw[(2 * last - i) as usize],
        i => raw[i as usize],
    };
    (0..=last)
        .map(|i| {
            let (mut sum, mut total) = (0.0, 0.0);
            for k in -5..=5isize {
                let weight = 1.0 + (std::f32::consts::PI * k as f32 / 6.0).cos();
                sum += weight * get(i + k);
                total += weight;
            }
            let x = i as f32 / last as f32;
            (1.0 - share) * sum / total + share * ideal(x)
        })
        .collect()
}

/// Height of a lid at the share `x` of the eye's width.
fn lid_at(lid: &[f32], x: f32) -> f32 {
    let place = x.clamp(0.0, 1.0) * (LID_POINTS - 1) as f32;
    let before = (place as usize).min(LID_POINTS - 2);
    lid[before] + (place - before as f32) * (lid[before + 1] - lid[before])
}

/// Draws the left (0) or right (1) eye, in colours of a crop in CIE L*a*b*.
pub fn draw_eye(
    canvas: &mut Canvas,
    frame: &Frame,
    side: usize,
    lab: &[[f32; 3]],
    irises: &Irises,
    skin_colour: [f32; 3],
    palette: &SkinPalette,
) {
    use std::f32::consts::PI;
    let eye = &frame.eyes[side];
    let indices = &EYES[side];
    let unit = frame.unit();
    let width = eye.width_px;
    let place = EyePlace::new(eye);
    let openness = eye.openness();
    let (above, below) = (eye.above_px / width, eye.below_px / width);
    let share = if openness > 0.2 { 0.6 } else { 0.25 };
    let upper = lid(
        &place,
        &frame.at(indices.upper_lid),
        |x| above * (PI * x.powf(0.88)).sin().max(0.0).powf(0.72),
        share,
    );
    let lower = lid(
        &place,
        &frame.at(indices.lower_lid),
        |x| -below * (PI * x.powf(1.12)).sin().max(0.0).powf(0.8),
        share,
    );
    let xs: Vec<f32> = (0..LID_POINTS)
        .map(|i| i as f32 / (LID_POINTS - 1) as f32)
        .collect();
    let curve = |from: f32, to: f32, count: usize, y: &dyn Fn(f32) -> f32| -> Vec<[f32; 2]> {
        (0..count)
            .map(|i| from + (to - from) * i as f32 / (count - 1) as f32)
            .map(|x| place.to_picture(x, y(x)))
            .collect()
    };
    let line = rgb(palette.line);
    let lash_colour = [
        (0.6 * palette.line[0]).min(14.0),
        0.5 * palette.line[1],
        0.5 * palette.line[2],
    ];
    let lash = rgb(lash_colour);
    if openness < CLOSED {
        let middle = curve(0.0, 1.0, 16, &|x| {
            (lid_at(&upper, x) + lid_at(&lower, x)) / 2.0
        });
        let taper =
            |t: f32| width * 0.075 * (0.3 + 0.7 * (PI * t.powf(1.3)).sin().max(0.0).powf(0.8));
        canvas.stroke(&spline(&middle, 80), taper, 1.0, lash);
        return;
    }
    // Thick lashes where the photo has dark ones.
    let along_lid: Vec<f32> = indices.upper_lid[2..8]
        .iter()
        .map(|i| lightness_about(lab, frame.side, frame.points[*i], 1))
        .collect();
    let darkness = 1.0 - quantile(along_lid, 0.5) / skin_colour[0];
    let lashes = interpolate(darkness, &[(0.25, 0.72), (0.62, 1.08)]);
    let thick = 0.15 * lashes;

    let up = curve(0.0, 1.0, LID_POINTS, &|x| lid_at(&upper, x));
    let low = curve(0.0, 1.0, LID_POINTS, &|x| lid_at(&lower, x));
    let ring = |a: &[[f32; 2]], b: &[[f32; 2]]| -> Vec<[f32; 2]> {
        a.iter().chain(b.iter().rev()).copied().collect()
    };
    let opening = frame.fill(&ring(&up, &low));
    // A soft shade on the lid.
    let lid_top = curve(0.0, 1.0, LID_POINTS, &|x| {
        lid_at(&upper, x) + 0.13 * (PI * x).sin()
    });
    let shade = frame
        .fill(&ring(&lid_top, &up))
        .blurred(0.012 * unit, frame.side);
    canvas.put(&shade, 0.55, rgb(palette.shade));
    let white = interpolate(skin_colour[0], &[(20.0, 86.0), (60.0, 93.0), (80.0, 97.0)]);
    canvas.put(&opening, 1.0, rgb([white, 0.5, 0.5]));

    // The iris follows the gaze.
    let gaze = irises.gaze[side];
    // Both irises are of one size, unless an eye is shut or turned away.
    let like = alike_openness(frame);
    let rx = (0.66 * like.unwrap_or(openness)).clamp(0.24, 0.325);
    let rx = match like {
        Some(_) => rx * 0.5 * (frame.eyes[0].width_px + frame.eyes[1].width_px) / width,
        None => rx,
    };
    let ry = (1.26 * rx).max(0.60 * openness);
    let cx = 0.5 + 0.95 * gaze.outwards;
    let middle = (lid_at(&upper, cx) + lid_at(&lower, cx)) / 2.0;
    let cy = if openness > 0.3 {
        let least = lid_at(&lower, cx) + 0.78 * ry;
        (0.55 * middle + 0.45 * gaze.up.unwrap_or(middle))
            .max(least)
            .min(lid_at(&upper, cx) - 0.55 * ry)
            // No white is seen below: eyes would stare.
            .min(lid_at(&lower, cx) + 0.92 * ry)
    } else {
        middle
    };
    let ellipse = |x: f32, y: f32, ax: f32, ay: f32| -> Vec<[f32; 2]> {
        (0..90)
            .map(|i| std::f32::consts::TAU * i as f32 / 90.0)
            .map(|t| place.to_picture(x + ax * t.cos(), y + ay * t.sin()))
            .collect()
    };
    let within = |polygon: Vec<[f32; 2]>| -> Mask { frame.fill(&polygon).within(&opening) };
    let iris = IrisTones::new(irises.colour, skin_colour);
    canvas.put(&within(ellipse(cx, cy, rx, ry)), 1.0, rgb(iris.rim));
    let inner = within(ellipse(cx, cy, 0.88 * rx, 0.90 * ry));
    let center = place.to_picture(cx, cy);
    canvas.put_each(&inner, 1.0, |i| {
        let p = frame.pixel(i);
        let height = (p[0] - center[0]) * eye.up[0] + (p[1] - center[1]) * eye.up[1];
        let down = (0.5 - 0.5 * height / (ry * width)).clamp(0.0, 1.0);
        rgb(mix(iris.top, iris.bottom, smoothstep(down, 0.25, 0.95)))
    });
    let pupil = within(ellipse(cx, cy + 0.06 * ry, 0.44 * rx, 0.48 * ry));
    canvas.put(&pupil, 1.0, rgb(iris.pupil));
    let cut = frame.fill(&ellipse(cx, cy + 0.16 * ry, 0.80 * rx, 0.80 * ry));
    let crescent = within(ellipse(cx, cy - 0.05 * ry, 0.72 * rx, 0.74 * ry)).without(&cut);
    canvas.put(&crescent, 0.5, rgb(iris.glow));
    // The lid's shadow on the eye.
    let shadow_low = curve(0.0, 1.0, LID_POINTS, &|x| {
        lid_at(&upper, x) - 0.22 * openness
    });
    let shadow = within(ring(&up, &shadow_low)).blurred(0.003 * unit, frame.side);
    for (i, share) in shadow.within(&opening).pixels(frame.side) {
        for (v, by) in canvas.pixels[i].iter_mut().zip([0.34, 0.33, 0.26]) {
            *v *= 1.0 - share * by;
        }
    }
    // Highlights at the same side of both eyes.
    let sign = if eye.outward[0] > 0.0 { 1.0 } else { -1.0 };
    let large = ellipse(cx - sign * 0.34 * rx, cy + 0.36 * ry, 0.35 * rx, 0.32 * ry);
    let small = ellipse(cx + sign * 0.40 * rx, cy - 0.42 * ry, 0.13 * rx, 0.12 * ry);
    canvas.put(&within(large), 1.0, [1.0; 3]);
    canvas.put(&within(small), 0.9, [1.0; 3]);

    // The line of the upper lashes, thicker outwards, with a wing.
    let open = interpolate(openness, &[(0.15, 0.75), (0.35, 1.0)]);
    let thickness = |x: f32| {
        thick * (0.42 + 0.58 * smoothstep(x, 0.0, 0.55)) * open * smoothstep(x, -0.08, 0.10)
    };
    let last = upper[LID_POINTS - 1];
    let mut lashes_line: Vec<[f32; 2]> = xs[..LID_POINTS - 2]
        .iter()
        .map(|x| place.to_picture(*x, lid_at(&upper, *x) + thickness(*x)))
        .collect();
    let wing = [
        (1.0, last + 0.92 * thick),
        (1.03, last + 0.78 * thick),
        (1.065, last + 0.55 * thick),
        (1.065, last + 0.52 * thick),
        (1.03, lower[LID_POINTS - 1] - 0.015),
    ];
    lashes_line.extend(wing.iter().map(|(x, y)| place.to_picture(*x, *y)));
    lashes_line.extend(
        xs.iter()
            .rev()
            .map(|x| place.to_picture(*x, lid_at(&upper, *x) - 0.012)),
    );
    canvas.fill(&lashes_line, 1.0, lash);
    // The lower lid's line and the crease.
    let below_line = |from: f32, to: f32| curve(from, to, 50, &|x| lid_at(&lower, x) - 0.008);
    canvas.stroke(
        &below_line(0.42, 1.0),
        |t| 0.032 * width * smoothstep(t, 0.0, 0.6),
        0.9,
        line,
    );
    let crease = curve(0.10, 0.97, 60, &|x| {
        lid_at(&upper, x) + 0.9 * thick + 0.085 * (PI * (0.8 * x + 0.12)).sin()
    });
    let taper = |t: f32| 0.030 * width * (PI * t).sin().max(0.0).powf(0.6);
    canvas.stroke(&crease, taper, 0.8, line);
}

/// Tones of an iris in CIE L*a*b*.
struct IrisTones {
    rim: [f32; 3],
    top: [f32; 3],
    bottom: [f32; 3],
    pupil: [f32; 3],
    glow: [f32; 3],
}

impl IrisTones {
    /// The tones for an iris that has this colour in the photo, in a face with skin of this colour: what is not brown in a dark face is
    /// a reflection.
    fn new([l0, a0, b0]: [f32; 3], skin_colour: [f32; 3]) -> Self {
        // Dark irises are brown, whatever the photo's noise says.
        let dark = (1.0 - smoothstep(l0, 26.0, 34.0))
            * (1.0 - smoothstep(l0, 18.0, 24.0) * smoothstep(0.7 * (a0 + b0), 5.0, 1.0));
        let dark_skin =
            1.0 - smoothstep(typology_angle(skin_colour), BROWN_BELOW[0], BROWN_BELOW[1]);
        let brown = smoothstep(0.7 * (a0 + b0), 2.0, 7.0);
        let dark = dark.max(dark_skin * (1.0 - brown));
        let (a, b) = (a0 + dark * (6.5 - a0), b0 + dark * (8.5 - b0));
        let (mut chroma, mut hue) = (a.hypot(b), b.atan2(a).to_degrees().rem_euclid(360.0));
        if chroma < 5.0 {
            (chroma, hue) = (8.0, 250.0);
        }
        let chroma = (1.35 * chroma + 8.0).clamp(16.0, 42.0);
        let l0 = l0 - dark * (l0 - 26.0).max(0.0);
        let l = (0.95 * l0 + 10.0).clamp(25.0, 56.0);
        if hue > 20.0 && hue < 95.0 {
            hue = 0.5 * hue + 0.5 * 52.0;
        }
        Self {
            rim: lch(0.22 * l, 0.5 * chroma, hue),
            top: lch(0.42 * l, 0.8 * chroma, hue - 8.0),
            bottom: lch((1.45 * l).min(82.0), 1.25 * chroma, hue + 6.0),
            pupil: lch(8.0, 6.0, hue),
            glow: lch((1.7 * l).min(88.0), chroma, hue + 6.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLUE: [f32; 3] = [45.0, -3.0, -12.0];
    const HAZEL: [f32; 3] = [42.0, 7.0, 16.0];

    #[test]
    fn reflections_in_dark_faces_are_no_blue_irises() {
        let hue = |iris: [f32; 3], skin: [f32; 3]| {
            let [_, a, b] = IrisTones::new(iris, skin).bottom;
            b.atan2(a).to_degrees().rem_euclid(360.0)
        };
        let (fair, brown) = ([74.0, 14.0, 17.0], [48.0, 14.0, 18.0]);
        assert!(
            (180.0..300.0).contains(&hue(BLUE, fair)),
            "{}",
            hue(BLUE, fair)
        );
        assert!(
            (30.0..90.0).contains(&hue(BLUE, brown)),
            "{}",
            hue(BLUE, brown)
        );
        assert!((hue(HAZEL, fair) - hue(HAZEL, brown)).abs() < 1.0);
    }
}
