//! Flattening: rolling guidance takes away what is small, an anisotropic Kuwahara filter makes
//! strokes, and a shock filter their crisp edges.

use crate::plane::Plane;
use crate::procedural::filter::{
    colours::Colours,
    gaussian::blur,
    kuwahara::{Sharpness, kuwahara},
    rolling_guidance::rolling_guidance,
    shock,
    smoothstep::smoothstep,
    structure_tensor::StructureTensor,
};

use super::maps::Maps;

/// The photo as flat strokes.
pub fn flatten(maps: &Maps) -> Colours {
    let scale = maps.scale;
    let (width, height) = (maps.photo.width(), maps.photo.height());
    let at = |plane: &Plane, i: usize| plane.values()[i];
    let base = rolling_guidance(&maps.photo, 1.8 * scale, 0.042, 3);
    let fine = kuwahara(
        &maps.photo,
        &maps.tensor.directions(),
        &maps.tensor.anisotropy(),
        &Plane::from_index(width, height, |_| 1.25 * scale),
        Sharpness {
            exponent: 8.0,
            hardness: 2.0,
        },
    );
    let taken = Plane::from_index(width, height, |i| {
        let [l, a, b] = [0, 1, 2].map(|c| fine.pixels()[i][c] - base.pixels()[i][c]);
        l.abs() + a.hypot(b)
    });
    let taken = blur(&taken, 0.8 * scale);
    let kept = base.blend(&fine, |i| {
        let contrast = smoothstep(at(&taken, i), 0.012, 0.040);
        (contrast * (1.0 - 0.5 * at(&maps.texture, i)))
            .max(at(&maps.structure, i))
            .max(at(&maps.sky, i))
    });
    let tensor = StructureTensor::of_colours(&kept, 2.2 * scale);
    let radius = Plane::from_index(width, height, |i| {
        let flat = 1.0 - smoothstep(at(&maps.detail, i), 0.010, 0.030);
        let radius = 1.25 + 3.0 * at(&maps.sky, i) + 0.6 * at(&maps.foliage, i) + 1.8 * flat
            - 0.25 * at(&maps.structure, i);
        radius * scale
    });
    let anisotropy = tensor.anisotropy();
    let anisotropy = Plane::from_index(width, height, |i| {
        at(&anisotropy, i) * (1.0 - 0.7 * at(&maps.foliage, i))
    });
    let strokes = kuwahara(
        &kept,
        &tensor.directions(),
        &anisotropy,
        &radius,
        Sharpness {
            exponent: 10.0,
            hardness: 2.0,
        },
    );
    shock::crisp(&strokes, scale)
}
