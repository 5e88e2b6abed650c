//! Outlines: unbroken lines along the borders of shapes, in a darker version of the colour they are
//! drawn on.

use nijigen::colour::oklab;
use nijigen::filter::plane::Plane;
use nijigen::filter::{colours::Colours, components::Components, resize};
use nijigen::geometry::smoothstep;
use nijigen::grade::PlaceLook;

use crate::procedural::filter::{flow::darkness_across, structure_tensor::StructureTensor};

use super::maps::Maps;

/// Darkness across an edge at which a line begins, at which it is full, and which a line must reach
/// somewhere to be drawn.
const BEGINS: f32 = 0.0045;
const FULL: f32 = 0.012;
const REACHES: f32 = 0.014;
/// Shortest line in pixels at [`super::LONG_SIDE_PX`].
const SHORTEST_PX: f32 = 11.0;

/// `picture` with outlines of `shapes`.
pub fn draw(
    picture: &Colours,
    shapes: &Colours,
    maps: &Maps,
    look: PlaceLook,
    strength: f32,
) -> Colours {
    let strength = strength
        * match look {
            PlaceLook::Sky => 0.45,
            PlaceLook::Film => 1.0,
        };
    let at = |plane: &Plane, i: usize| plane.values()[i];
    let lines = outlines(shapes, maps.regions.scale);
    picture.map(|i, [l, a, b]| {
        let place = (1.0 - 0.9 * at(&maps.regions.foliage, i))
            * (1.0 - at(&maps.regions.sky, i))
            * (1.0 - 0.85 * at(&maps.texture, i))
            * (1.0 - 0.5 * at(&maps.fine_structure, i));
        let line = (strength * at(&lines, i) * place).clamp(0.0, 1.0);
        let dark = (0.45 * l).max(l.min(0.18));
        [
            l + line * (dark - l),
            a * (1.0 + 0.2 * line) + 0.010 * line,
            b * (1.0 + 0.2 * line) - 0.004 * line,
        ]
    })
}

/// How far each pixel is covered by an outline, 0 to 1. They are found at twice the size, so that
/// they are smooth.
fn outlines(shapes: &Colours, scale: f32) -> Plane {
    // Saturated areas count as darker: borders between colours of one lightness get lines too.
    let depth = shapes.plane(|colour| colour[0] - 0.5 * oklab::chroma(colour));
    let directions = StructureTensor::of_colours(shapes, 1.3 * scale)
        .doubled()
        .directions();
    let dark = darkness_across(
        &resize::double_cubic_plane(&depth),
        &directions,
        1.7 * scale,
        6.0 * scale,
    );
    let found = Components::of(&dark.map(|v| f32::from(v > BEGINS)), true);
    let mut drawn = vec![false; found.parts.len()];
    for (label, dark) in found.labels.iter().zip(dark.values()) {
        if *label > 0 && *dark > REACHES {
            drawn[*label as usize - 1] = true;
        }
    }
    let shortest = (2.0 * SHORTEST_PX * scale) as usize;
    let lines = Plane::from_index(dark.width(), dark.height(), |i| match found.labels[i] {
        0 => 0.0,
        label => {
            let part = label as usize - 1;
            let long = found.parts[part].extent() >= shortest;
            f32::from(drawn[part] && long) * smoothstep(dark.values()[i], BEGINS, FULL)
        }
    });
    resize::halve(&lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_outlined_without_a_gap_and_specks_are_not() {
        let (size, middle) = (96usize, 48.0f32);
        let shapes = Colours::from_index(size, size, |i| {
            let (x, y) = ((i % size) as f32, (i / size) as f32);
            let inside = (x - middle).hypot(y - middle) < 26.0;
            let speck = (x - 8.0).abs() < 1.5 && (y - 8.0).abs() < 1.5;
            [if inside || speck { 0.4 } else { 0.8 }, 0.0, 0.0]
        });
        let lines = outlines(&shapes, 1.0);
        for step in 0..72 {
            let (sin, cos) = (step as f32 * 5.0).to_radians().sin_cos();
            let best = (22..28)
                .map(|r| {
                    let r = r as f32;
                    lines.row((middle + r * sin) as usize)[(middle + r * cos) as usize]
                })
                .fold(0.0, f32::max);
            assert!(best > 0.6, "at {} degrees: {best}", step * 5);
        }
        assert_eq!(lines.row(8)[8], 0.0);
        assert!(lines.row(48)[48] < 0.01);
    }
}
