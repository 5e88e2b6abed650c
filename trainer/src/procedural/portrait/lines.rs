//! Lines: what the photo draws by itself outside of skin, the border of skin, the jaw, and the
//! folds of older faces.

use nijigen::drawing::{
    frame::Frame,
    jaw,
    palette::{SkinPalette, rgb},
    pen::{Canvas, closed_spline},
};
use nijigen::face::mesh::OVAL;
use nijigen::filter::plane::Plane;
use nijigen::filter::{colours::Colours, gaussian::blur};
use nijigen::geometry::smoothstep;

use super::{
    segments::{Beard, Segments},
    skin::features,
};
use crate::procedural::filter::{flow::darkness_across, structure_tensor::StructureTensor};

/// Darkness in units of lightness at which a line begins and is full.
const LINE: [f32; 2] = [0.35, 1.35];

/// How much of a line is at each pixel, 0 to 1: outside of skin, and fainter behind the person.
/// `directions` are across edges.
pub fn photo_lines(
    frame: &Frame,
    lab: &Colours,
    directions: &[[f32; 2]],
    segments: &Segments,
    person: &Plane,
) -> Plane {
    let unit = frame.unit();
    let lightness = blur(&lab.channel(0), 0.6);
    let darkness = darkness_across(
        &lightness,
        directions,
        (0.0055 * unit).max(0.9),
        0.016 * unit,
    );
    let inside = blur(&segments.skin, 0.006 * unit);
    frame.plane(|i| {
        let line = ((darkness.values()[i] - LINE[0]) / (LINE[1] - LINE[0])).clamp(0.0, 1.0);
        let outside = 1.0 - smoothstep(inside.values()[i], 0.35, 0.85);
        line * outside * (0.45 + 0.55 * person.values()[i])
    })
}

/// The colour of a line over `lab`.
pub fn line_colour([l, a, b]: [f32; 3]) -> [f32; 3] {
    [0.34 * l, 0.9 * a, 0.9 * b - 3.0]
}

/// Draws the border of skin.
pub fn draw_skin_border(
    canvas: &mut Canvas,
    frame: &Frame,
    segments: &Segments,
    palette: &SkinPalette,
) {
    let unit = frame.unit();
    let soft = blur(&segments.skin, 0.007 * unit);
    let slope = soft.gradient();
    let half = 0.0032 * unit;
    let edge = frame.plane(|i| {
        let off = (soft.values()[i] - 0.5) / slope.values()[i].max(1e-3);
        (-(off / half).powi(2) / 2.0).exp()
    });
    canvas.put(&frame.mask(&edge), 0.75, rgb(palette.line));
}

/// Draws the jaw where there is skin on both sides of it.
pub fn draw_jaw(canvas: &mut Canvas, frame: &Frame, segments: &Segments, palette: &SkinPalette) {
    let hair = blur(&segments.hair, 0.01 * frame.unit());
    let sample = |plane: &Plane, [x, y]: [f32; 2]| {
        let last = frame.side as f32 - 1.0;
        plane.row(y.clamp(0.0, last) as usize)[x.clamp(0.0, last) as usize]
    };
    jaw::draw_jaw(canvas, frame, palette, |place| {
        let [near, far] = place.outside.map(|p| sample(&segments.skin, p));
        sample(&segments.skin, place.inside) * (1.0 - sample(&hair, place.at)) * near.min(far)
    });
}

/// Draws the deep folds of a face in the colour of its shadows: it keeps its age.
pub fn draw_folds(
    canvas: &mut Canvas,
    frame: &Frame,
    lab: &Colours,
    segments: &Segments,
    palette: &SkinPalette,
) {
    let unit = frame.unit();
    let lightness = blur(&lab.channel(0), 0.005 * unit);
    let tensor = StructureTensor::of_plane(&lightness, 0.016 * unit);
    let darkness = darkness_across(&lightness, &tensor.directions(), 0.010 * unit, 0.03 * unit);
    let hidden = blur(&features(frame), 0.012 * unit);
    let face = frame.region(&closed_spline(&frame.at(OVAL)));
    let face = blur(&face, 0.03 * unit);
    let skin = blur(&segments.skin, 0.012 * unit);
    let bearded = segments.beard != Beard::None;
    let folds = frame.plane(|i| {
        let fold = smoothstep(darkness.values()[i] / segments.skin_colour[0], 0.030, 0.055);
        let inside = smoothstep(face.values()[i], 0.75, 0.98)
            * smoothstep(skin.values()[i], 0.8, 0.99)
            * (1.0 - smoothstep(hidden.values()[i], 0.02, 0.3));
        let [_, y] = frame.place(i, frame.face.center);
        let beard = if bearded {
            1.0 - smoothstep(y, 0.08, 0.16)
        } else {
            1.0
        };
        fold * inside * beard
    });
    canvas.put(&frame.mask(&folds), 0.8, rgb(palette.shade));
}
