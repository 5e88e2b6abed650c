//! Outlines: thin lines along the edges, in a darker version of the colour they are drawn on.

use crate::plane::Plane;
use crate::procedural::filter::{
    colours::Colours, flow::darkness_across, resize, smoothstep::smoothstep,
    structure_tensor::StructureTensor,
};

use super::maps::Maps;

/// `picture` with outlines of the edges of `flat`.
pub fn draw(picture: &Colours, flat: &Colours, maps: &Maps, strength: f32) -> Colours {
    let scale = maps.scale;
    let at = |plane: &Plane, i: usize| plane.values()[i];
    let large = resize::double_cubic_plane(&flat.channel(0));
    let directions = StructureTensor::of_plane(&flat.channel(0), 1.3 * scale)
        .doubled()
        .directions();
    let dark = darkness_across(&large, &directions, 1.15 * scale, 5.0 * scale);
    let lines = resize::halve(&dark.map(|v| smoothstep(v, 0.005, 0.017)));
    let edges = maps.tensor.strength();
    picture.map(|i, [l, a, b]| {
        let edge = 0.6 * smoothstep(at(&edges, i), 0.02, 0.05) * (1.0 - at(&maps.texture, i));
        let place = at(&maps.structure, i).max(edge)
            * (1.0 - 0.9 * at(&maps.foliage, i))
            * (1.0 - at(&maps.sky, i));
        let line = (0.85 * strength * at(&lines, i) * place).clamp(0.0, 1.0);
        let dark = (0.60 * l).max(l.min(0.24));
        [
            l + line * (dark - l),
            a + 0.014 * line,
            b - 0.006 * line,
        ]
    })
}
