//! Flattening: rolling guidance takes away what is small, an anisotropic Kuwahara filter makes
//! strokes, and a shock filter their crisp edges.

use nijigen::filter::plane::Plane;
use nijigen::filter::{colours::Colours, gaussian::blur};
use nijigen::geometry::smoothstep;
use nijigen::grade::PlaceLook;

use crate::procedural::filter::{
    kuwahara::{Sharpness, kuwahara},
    rolling_guidance::{joint_bilateral, rolling_guidance},
    shock,
    structure_tensor::StructureTensor,
};

use super::maps::Maps;

/// Passes of the bilateral filter that make cel areas, its standard deviation in pixels and that
/// of the differences which it smooths over.
const CEL_PASSES: usize = 6;
const CEL_SIGMA_PX: f32 = 2.8;
const CEL_RANGE: f32 = 0.055;

/// A flattened photo.
pub struct Flat {
    /// Areas of one colour each; outlines follow their borders.
    pub shapes: Colours,
    /// The same with the light on them in a few tones.
    pub toned: Colours,
}

/// The photo in flat strokes; `cel` is a factor on how flat their light is.
pub fn flatten(maps: &Maps, look: PlaceLook, cel: f32) -> Flat {
    let strokes = strokes(maps);
    let scale = maps.regions.scale;
    let at = |plane: &Plane, i: usize| plane.values()[i];
    let mut areas = strokes.clone();
    for _ in 0..CEL_PASSES {
        areas = joint_bilateral(&areas, &areas, CEL_SIGMA_PX * scale, CEL_RANGE);
    }
    let (flatness, tones) = match look {
        PlaceLook::Sky => (0.85, 0.6),
        PlaceLook::Film => (1.0, 0.85),
    };
    let free = |i: usize| {
        (1.0 - at(&maps.regions.foliage, i))
            * (1.0 - at(&maps.regions.sky, i))
            * (1.0 - 0.8 * at(&maps.salience, i))
    };
    let shapes = shock::crisp(
        &strokes.blend(&areas, |i| {
            (cel * flatness).min(1.0) * free(i) * (1.0 - 0.7 * at(&maps.fine_structure, i))
        }),
        scale,
    );
    // Where structure is dense, strokes are as small as the photo's own detail.
    let small = shock::crisp(&maps.photo, 0.55 * scale);
    let shapes = shapes.blend(&small, |i| 0.85 * at(&maps.fine_structure, i));
    let slope = blur(&shapes.channel(0).gradient(), 1.5 * scale);
    let toned = shapes.map(|i, [l, a, b]| {
        let share = (cel * tones).min(1.0) * free(i) * (1.0 - 0.5 * at(&maps.fine_structure, i));
        [l + share * (tone(l, at(&slope, i) / scale) - l), a, b]
    });
    Flat { shapes, toned }
}

/// Lightness between two tones of a drawing.
const TONE_STEP: f32 = 0.12;

/// The nearest of a few tones, the steps between them soft where the lightness changes slowly
/// (Winnemöller, Olsen and Gooch, 2006); `slope` is the change per pixel at [`super::LONG_SIDE_PX`].
fn tone(lightness: f32, slope: f32) -> f32 {
    let level = lightness / TONE_STEP;
    let nearest = level.round();
    let sharpness = 3.5 + 8.0 * smoothstep(slope, 0.002, 0.02);
    let within = (sharpness * (level - nearest)).tanh() / (0.5 * sharpness).tanh();
    TONE_STEP * (nearest + 0.5 * within)
}

/// The photo in strokes along its edges.
fn strokes(maps: &Maps) -> Colours {
    let scale = maps.regions.scale;
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
            .max(at(&maps.salience, i))
            .max(at(&maps.regions.sky, i))
    });
    let tensor = StructureTensor::of_colours(&kept, 2.2 * scale);
    let radius = Plane::from_index(width, height, |i| {
        let flat = 1.0 - smoothstep(at(&maps.regions.detail, i), 0.010, 0.030);
        let radius =
            1.25 + 3.0 * at(&maps.regions.sky, i) + 0.6 * at(&maps.regions.foliage, i) + 1.8 * flat
                - 0.25 * at(&maps.structure, i)
                - 0.6 * at(&maps.salience, i);
        radius * scale
    });
    let anisotropy = tensor.anisotropy();
    let anisotropy = Plane::from_index(width, height, |i| {
        at(&anisotropy, i) * (1.0 - 0.7 * at(&maps.regions.foliage, i))
    });
    kuwahara(
        &kept,
        &tensor.directions(),
        &anisotropy,
        &radius,
        Sharpness {
            exponent: 10.0,
            hardness: 2.0,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tones_are_reached_and_rise_steadily() {
        for slope in [0.0, 0.05] {
            let mut last = f32::MIN;
            for i in 0..=1000 {
                let value = tone(i as f32 / 1000.0, slope);
                assert!(value >= last - 1e-5 && (value - i as f32 / 1000.0).abs() < 0.05);
                last = value;
            }
        }
        // A steep step is flat beside its middle.
        let (a, b) = (tone(3.15 * TONE_STEP, 0.05), tone(3.45 * TONE_STEP, 0.05));
        assert!((a - b).abs() < 0.1 * TONE_STEP);
    }
}
