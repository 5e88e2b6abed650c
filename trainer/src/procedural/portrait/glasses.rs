//! Frames of glasses, found as dark structures around the eyes.

use nijigen::drawing::samples::median;
use nijigen::drawing::{
    frame::Frame,
    palette::rgb,
    pen::{Canvas, closed_spline},
};
use nijigen::face::mesh::{distance, mean};
use nijigen::filter::plane::Plane;
use nijigen::filter::{
    colours::Colours,
    components::Components,
    gaussian::blur,
    morphology::{self, Window},
    quantile::quantile,
    thresholds::antialiased_threshold,
};
use nijigen::geometry::smoothstep;

use crate::procedural::portrait::frame::FramePlanes;

/// Darkness of the bridge across the nose as a part of the skin's lightness, above which there are
/// glasses.
const BRIDGE: f32 = 0.25;

/// Draws the frames of glasses, if the face has some.
pub fn draw_glasses(canvas: &mut Canvas, frame: &Frame, lab: &Colours, skin_colour: [f32; 3]) {
    let l0 = skin_colour[0];
    let bridge = bridge_darkness(frame, lab);
    if bridge < BRIDGE * l0 {
        return;
    }
    let unit = frame.unit();
    let lightness = blur(&lab.channel(0), 0.004 * unit);
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
    let colours = lab.select(|i| frames.values()[i] > 0.6);
    if colours.len() < 20 {
        return;
    }
    let l = quantile(colours.iter().map(|c| c[0]).collect(), 0.35);
    let [_, a, b] = median(&colours);
    canvas.put(
        &frame.mask(&frames),
        0.95,
        rgb([(0.75 * l).clamp(8.0, 50.0), 0.8 * a, 0.8 * b]),
    );
}

/// How much darker than what is above and below it the darkest thing is across the nose between
/// the eyes, in units of lightness.
fn bridge_darkness(frame: &Frame, lab: &Colours) -> f32 {
    let unit = frame.unit();
    let lightness = blur(&lab.channel(0), 0.006 * unit);
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
