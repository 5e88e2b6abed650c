//! Mouth and nose, drawn as vectors.

use crate::face::mesh::{LIPS_OUTER, LOWER_LIP_ABOVE, NOSE_BASE, UPPER_LIP_BELOW, distance, mean};
use crate::filter::quantile::quantile;
use crate::geometry::smoothstep;

use super::frame::{Frame, between, enlarged_about};
use super::palette::{SkinPalette, interpolate, lch, rgb};
use super::pen::{Canvas, Mask, closed_spline, spline};
use super::samples::{lightness_about, median, under};

/// Upper border of the upper lip from left to right.
const UPPER_LIP_ABOVE: [usize; 11] = [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291];
/// Opening as a part of the mouth's width above which it is open.
const OPEN: f32 = 0.075;

/// Part of the skin's lightness that a quarter of the opening has where teeth are seen: they are in the lips' shadow.
const TEETH: f32 = 0.58;

/// Draws lips, mouth and teeth.
pub fn draw_mouth(
    canvas: &mut Canvas,
    frame: &Frame,
    lab: &[[f32; 3]],
    skin_colour: [f32; 3],
    palette: &SkinPalette,
) {
    use std::f32::consts::PI;
    let unit = frame.unit();
    let (upper, lower) = (frame.at(UPPER_LIP_BELOW), frame.at(LOWER_LIP_ABOVE));
    let width = distance(upper[0], upper[10]);
    let opening = distance(upper[5], lower[5]);
    let ring = |a: &[[f32; 2]], b: &[[f32; 2]]| -> Vec<[f32; 2]> {
        a.iter().chain(b.iter().rev()).copied().collect()
    };
    let lips = frame.fill(&closed_spline(&frame.at(LIPS_OUTER)));
    let inner = frame.fill(&ring(&spline(&upper, 50), &spline(&lower, 50)));
    let on_lips = under(lab, frame.side, &lips.clone().without(&inner), 0.8);
    let [l0, a0, b0] = skin_colour;
    let own = if on_lips.len() > 5 {
        median(&on_lips)
    } else {
        [l0 - 8.0, a0 + 8.0, b0 + 2.0]
    };
    let redder = own[1] - a0;
    let painted = smoothstep(redder, 10.0, 26.0);
    let [l, a, b] = palette.base;
    let darker = (l0 - own[0] - 12.0).clamp(0.0, 30.0);
    let tint = [
        l - interpolate(l, &[(30.0, 6.0), (90.0, 17.0)]) - 7.0 * painted - 0.35 * darker * l / 90.0,
        a + 12.0 + 16.0 * painted + 0.7 * (redder - 12.0).max(0.0),
        0.9 * b - 1.0 + 2.0 * painted + 0.3 * (own[2] - b0).max(0.0),
    ];
    let soft_lips = lips.blurred(0.006 * unit, frame.side);
    canvas.put(&soft_lips, 0.22 + 0.68 * painted, rgb(tint));
    let upper_lip = ring(&spline(&frame.at(UPPER_LIP_ABOVE), 60), &spline(&upper, 60));
    let upper_lip = frame.fill(&upper_lip).blurred(0.003 * unit, frame.side);
    canvas.put(
        &upper_lip,
        0.10 + 0.45 * painted,
        rgb([tint[0] - 6.0, tint[1] + 2.0, tint[2]]),
    );
    let line = rgb(palette.line);
    if opening > OPEN * width {
        let inside = under(lab, frame.side, &inner, 0.6);
        let lightness: Vec<f32> = inside.iter().map(|c| c[0]).collect();
        let count = lightness.len();
        canvas.put(
            &inner,
            1.0,
            rgb(lch((0.35 * l + 8.0).min(32.0), 30.0, 25.0)),
        );
        if count > 10 && quantile(lightness.clone(), 0.75) > TEETH * l0 {
            let light = lightness.iter().filter(|v| **v > 0.5 * l0).count();
            let share = (light as f32 / count as f32).clamp(0.3, 1.0);
            draw_teeth(canvas, frame, &inner, [&upper, &lower], share, l0);
        }
        let taper = |t: f32| 0.012 * unit * (0.55 + 0.45 * (2.0 * t - 1.0).abs());
        canvas.stroke(&spline(&upper, 80), taper, 0.95, line);
        let taper = |t: f32| 0.009 * unit * (0.4 + 0.6 * (PI * t).sin());
        canvas.stroke(&spline(&lower, 80), taper, 0.7, line);
    } else {
        let middle: Vec<_> = upper
            .iter()
            .zip(&lower)
            .map(|(u, l)| between(*u, *l, 0.5))
            .collect();
        let taper = |t: f32| {
            let corner = |at: f32| 0.45 * (-((t - at) / 0.06).powi(2)).exp();
            let ends = (t.min(1.0 - t) / 0.03 + 0.3).min(1.0);
            0.0135
                * unit
                * (0.55 + 0.30 * (PI * t).sin().powi(2) + corner(0.03) + corner(0.97))
                * ends
        };
        canvas.stroke(&spline(&middle, 80), taper, 0.95, line);
    }
    // The shadow below the lower lip.
    let below = frame.shifted(&frame.at([84, 17, 314]), 0.0, 0.012);
    let below = enlarged_about(&below, mean(&below), 0.9);
    let taper = |t: f32| 0.012 * unit * (PI * t).sin();
    canvas.stroke(&spline(&below, 30), taper, 0.7, rgb(palette.shade));
}

/// Teeth as one white shape over about the `share` of the opening, shaded at its border.
fn draw_teeth(
    canvas: &mut Canvas,
    frame: &Frame,
    inner: &Mask,
    [upper, lower]: [&Vec<[f32; 2]>; 2],
    share: f32,
    l0: f32,
) {
    let lowest: Vec<_> = lower
        .iter()
        .zip(upper)
        .map(|(l, u)| between(*l, *u, 1.0 - (share + 0.15).min(1.0)))
        .collect();
    let mut polygon = spline(upper, 50);
    polygon.extend(spline(&lowest, 50).into_iter().rev());
    let teeth = frame.fill(&polygon);
    let white = interpolate(l0, &[(20.0, 84.0), (60.0, 92.0), (80.0, 96.0)]);
    canvas.put(&teeth, 1.0, rgb([white, 1.0, 2.0]));
    let shade = teeth.without(&inner.blurred(0.008 * frame.unit(), frame.side));
    canvas.put(&shade, 0.35, rgb([white - 14.0, 4.0, 0.0]));
}

/// Draws the nose: its base, the shaded side of its bridge and a highlight.
pub fn draw_nose(canvas: &mut Canvas, frame: &Frame, lab: &[[f32; 3]], palette: &SkinPalette) {
    use std::f32::consts::PI;
    let unit = frame.unit();
    let points = &frame.points;
    let (line, shade) = (rgb(palette.line), rgb(palette.shade));
    let middle = points[2];
    let base = spline(&enlarged_about(&frame.at(NOSE_BASE), middle, 0.84), 40);
    let tip = between(points[4], middle, 0.55);
    let beside = |end: [f32; 2]| [0, 1].map(|i| tip[i] + 0.5 * (end[i] - middle[i]));
    let top = spline(
        &[base[0], beside(base[0]), tip, beside(base[39]), base[39]],
        40,
    );
    let area: Vec<_> = base.iter().chain(top.iter().rev()).copied().collect();
    canvas.fill(&area, 0.7, shade);
    for nostril in [&base[4..18], &base[22..36]] {
        let taper = |t: f32| 0.0135 * unit * (PI * t).sin().max(0.0).powf(0.7);
        canvas.stroke(nostril, taper, 0.9, line);
    }
    let about = (0.02 * unit) as usize;
    let sides = [
        [193, 122, 196, 236, 198, 49],
        [417, 351, 419, 456, 420, 279],
    ];
    let brightness = sides.map(|side| {
        let moved = enlarged_about(&frame.at(side), points[5], 1.25);
        let values = moved
            .iter()
            .map(|p| lightness_about(lab, frame.side, *p, about));
        values.sum::<f32>()
    });
    let darker = sides[usize::from(brightness[0] >= brightness[1])];
    let ridge = [168, 6, 197, 195, 5];
    let bridge: Vec<_> = darker
        .iter()
        .zip(ridge)
        .map(|(side, middle)| between(points[*side], points[middle], 0.45))
        .collect();
    let taper = |t: f32| 0.022 * unit * (PI * t).sin().max(0.0).powf(1.2);
    canvas.stroke(&spline(&bridge, 40), taper, 0.5, shade);
    let shine = frame.shifted(&[points[4]], 0.0, -0.02)[0];
    let ellipse: Vec<[f32; 2]> = (0..40)
        .map(|i| std::f32::consts::TAU * i as f32 / 40.0)
        .map(|t| {
            let by = frame
                .face
                .vector(0.012 * unit * t.cos(), 0.0168 * unit * t.sin());
            [shine[0] + by[0], shine[1] + by[1]]
        })
        .collect();
    canvas.fill(&ellipse, 0.7, rgb(palette.light));
}
