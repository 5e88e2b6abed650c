//! Leaves and dense texture as dabs of a brush in a few flat tones.

use crate::plane::Plane;
use crate::procedural::filter::{
    colours::Colours,
    gaussian::{blur, local_rms},
    morphology::{self, Window},
    resize, shock,
    smoothstep::smoothstep,
};

use super::maps::Maps;

/// Angles of the dabs in degrees.
const ANGLES: [f32; 4] = [15.0, 60.0, 105.0, 150.0];

/// `flat` with its leaves and textures in dabs.
pub fn dab(flat: &Colours, maps: &Maps) -> Colours {
    let scale = maps.scale;
    let (width, height) = (flat.width(), flat.height());
    let at = |plane: &Plane, i: usize| plane.values()[i];
    let rough = Plane::from_index(width, height, |i| {
        at(&maps.texture, i) * (1.0 - at(&maps.foliage, i)) * (1.0 - at(&maps.sky, i))
    });
    let dabbed = |i: usize| at(&maps.foliage, i).max(at(&rough, i));
    if (0..width * height).all(|i| dabbed(i) < 0.05) {
        return flat.clone();
    }
    let lightness = dabs(&blur(&maps.photo.channel(0), 0.5 * scale), scale);
    let near = blur(&lightness, 5.5 * scale);
    let far = blur(&lightness, 16.0 * scale);
    let deviation = Plane::from_index(width, height, |i| at(&lightness, i) - at(&near, i));
    let contrast = local_rms(&deviation, 14.0 * scale);
    let [a, b] = [1, 2].map(|c| blur(&flat.channel(c), 2.6 * scale));
    let painted = flat.map(|i, colour| {
        let (leaves, rough) = (at(&maps.foliage, i), at(&rough, i));
        let contrast = at(&contrast, i) + 0.010;
        let z = at(&deviation, i) / contrast;
        // Shadow, body, light and highlight of a clump.
        let tone = (smoothstep(z, -1.0, -0.75) + smoothstep(z, 0.15, 0.35)
            + smoothstep(z, 1.05, 1.25))
            / 3.0
            - 0.5;
        let clump = at(&near, i) + 0.75 * (at(&near, i) - at(&far, i)) + 2.3 * contrast * tone;
        let mix = |from: f32, to: f32, share: f32| from + share * (to - from);
        let l = mix(colour[0], clump, 0.9 * leaves);
        let l = mix(l, 0.8 * at(&lightness, i) + 0.2 * at(&near, i), 0.6 * rough);
        [
            l,
            mix(colour[1], 1.07 * at(&a, i), 0.7 * leaves),
            mix(colour[2], 1.07 * at(&b, i), 0.7 * leaves),
        ]
    });
    let crisp = shock::crisp(&painted, scale);
    painted.blend(&crisp, dabbed)
}

/// The plane as a union of leaf-shaped dabs: the largest of its openings, then the smallest of that
/// one's closings, at twice the size.
fn dabs(plane: &Plane, scale: f32) -> Plane {
    let windows = ANGLES.map(|angle| Window::leaf(5.6 * scale, 2.6 * scale, angle));
    let large = resize::double_cubic_plane(plane);
    let fold = |plane: &Plane,
                filter: fn(&Plane, &Window) -> Plane,
                choose: fn(f32, f32) -> f32| {
        let filtered: Vec<Plane> = windows.iter().map(|w| filter(plane, w)).collect();
        Plane::from_index(plane.width(), plane.height(), |i| {
            filtered[1..]
                .iter()
                .fold(filtered[0].values()[i], |best, p| choose(best, p.values()[i]))
        })
    };
    let opened = fold(&large, morphology::open, f32::max);
    resize::halve(&fold(&opened, morphology::close, f32::min))
}
