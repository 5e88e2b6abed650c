//! Skin as two flat tones with one crisp shadow, and a blush.

use nijigen::drawing::{
    blushes,
    frame::{Frame, enlarged},
    palette::{SkinPalette, mix},
    pen::closed_spline,
};
use nijigen::face::mesh::{LIPS_OUTER, OVAL};
use nijigen::filter::plane::Plane;
use nijigen::filter::{
    colours::Colours, components::Components, gaussian::blur, quantile::quantile,
    thresholds::antialiased_threshold,
};
use nijigen::geometry::smoothstep;

use super::segments::Segments;

/// Share of the face's usual lightness below which skin is in shadow.
const SHADOW: f32 = 0.80;
/// Shadows and lights smaller than this, in squared widths of the face, are left out.
const LEAST_AREA: f32 = 0.022;

/// The skin of a face crop in CIE L*a*b*, at every pixel.
pub fn draw_skin(
    frame: &Frame,
    lab: &Colours,
    segments: &Segments,
    palette: &SkinPalette,
) -> Colours {
    let unit = frame.unit();
    let lightness = lab.channel(0);
    // Light on the skin, without features.
    let hidden = features(frame);
    let skin = segments.skin.values();
    let weight = frame.plane(|i| {
        if skin[i] > 0.02 {
            (skin[i] * (1.0 - hidden.values()[i]) + 0.01).clamp(0.0, 1.0)
        } else {
            0.0
        }
    });
    let weighted = frame.plane(|i| lightness.values()[i] * weight.values()[i]);
    let low_pass = |sigma: f32| {
        let (sum, total) = (blur(&weighted, sigma * unit), blur(&weight, sigma * unit));
        frame.plane(|i| sum.values()[i] / (total.values()[i] + 1e-4))
    };
    let light = low_pass(0.040);
    let face = frame.region(&closed_spline(&frame.at(OVAL)));
    let usual = {
        let inside = |i: &usize| face.values()[*i] > 0.5 && weight.values()[*i] > 0.5;
        let values: Vec<f32> = (0..skin.len())
            .filter(inside)
            .map(|i| lightness.values()[i])
            .collect();
        if values.len() > 50 {
            quantile(values, 0.65)
        } else {
            segments.skin_colour[0]
        }
    };
    // The middle of the face is kept light.
    let tone = frame.plane(|i| {
        let [x, y] = frame.place(i, frame.face.eyes);
        let middle = (-((x / 0.27).powi(4) + ((y - 0.36) / 0.34).powi(4))).exp();
        light.values()[i] / usual + 0.14 * middle + 0.03
    });
    let tone = without_islands(frame, blur(&tone, 0.01 * unit), skin);
    let lit = antialiased_threshold(&blur(&tone, 0.009 * unit), SHADOW);
    let below_jaw = frame.region(&closed_spline(&frame.shifted(&frame.at(OVAL), 0.0, 0.15)));
    let hair_shadow = hair_shadow(frame, &segments.hair);
    let broad = low_pass(0.13);
    let blush = blushes(frame);
    Colours::from_index(frame.side, frame.side, |i| {
        let face = face.values()[i];
        let [_, y] = frame.place(i, frame.face.eyes);
        let forehead = 1.0 - smoothstep(y, -0.02, 0.10);
        let lit = lit.values()[i]
            .min(1.0 - below_jaw.values()[i] * (1.0 - face))
            .min(1.0 - hair_shadow.values()[i] * forehead);
        let mut colour = mix(palette.shade, palette.base, lit);
        colour[0] += ((broad.values()[i] / usual - 0.95) * 14.0).clamp(-4.0, 3.0) * face;
        mix(colour, palette.blush, face * blush(i))
    })
}

/// Eyes, brows, lips and the lower nose.
pub fn features(frame: &Frame) -> Plane {
    let regions = [
        closed_spline(&frame.eye_polygon(0, 1.5)),
        closed_spline(&frame.eye_polygon(1, 1.5)),
        frame.brow_polygon(0, 0.02),
        frame.brow_polygon(1, 0.02),
        closed_spline(&enlarged(&frame.at(LIPS_OUTER), 1.2)),
        frame.at([4, 129, 98, 2, 327, 358]),
    ];
    let planes = regions.map(|region| frame.region(&region));
    frame.plane(|i| planes.iter().map(|p| p.values()[i]).fold(0.0, f32::max))
}

/// `tone` with small shadows lifted and small lights lowered.
fn without_islands(frame: &Frame, tone: Plane, skin: &[f32]) -> Plane {
    let least = LEAST_AREA * frame.unit() * frame.unit();
    let mut tone = tone;
    for (lit, instead) in [(false, 0.87), (true, 0.74)] {
        let region =
            frame.plane(|i| f32::from((tone.values()[i] > SHADOW) == lit && skin[i] > 0.5));
        let components = Components::of(&region, true);
        tone = frame.plane(|i| match components.labels[i] {
            0 => tone.values()[i],
            label if components.parts[label as usize - 1].area as f32 >= least => tone.values()[i],
            _ => instead,
        });
    }
    tone
}

/// What the hair throws on the forehead: the hair, moved down.
fn hair_shadow(frame: &Frame, hair: &Plane) -> Plane {
    let by = frame
        .face
        .vector(0.010 * frame.unit(), 0.038 * frame.unit());
    let [dx, dy] = by.map(|v| v.round() as isize);
    let last = frame.side as isize - 1;
    let moved = frame.plane(|i| {
        let x = ((i % frame.side) as isize - dx).clamp(0, last) as usize;
        let y = ((i / frame.side) as isize - dy).clamp(0, last) as usize;
        hair.row(y)[x]
    });
    antialiased_threshold(&blur(&moved, 0.008 * frame.unit()), 0.5)
}
