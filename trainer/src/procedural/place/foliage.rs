//! Leaves and dense texture as dabs of a brush in a few flat tones.

use nijigen::filter::plane::Plane;
use nijigen::filter::{
    colours::Colours,
    gaussian::{blur, local_rms},
    morphology::{self, Window},
    resize,
};
use nijigen::geometry::smoothstep;

use crate::procedural::filter::shock;

use super::maps::Maps;

/// Angles of the dabs in degrees.
const ANGLES: [f32; 4] = [15.0, 60.0, 105.0, 150.0];

/// `flat` with its leaves and textures in dabs.
pub fn dab(flat: &Colours, maps: &Maps) -> Colours {
    let scale = maps.regions.scale;
    let (width, height) = (flat.width(), flat.height());
    let at = |plane: &Plane, i: usize| plane.values()[i];
    let rough = Plane::from_index(width, height, |i| {
        at(&maps.texture, i)
            * (1.0 - at(&maps.regions.foliage, i))
            * (1.0 - at(&maps.regions.sky, i))
    });
    let dabbed = |i: usize| at(&maps.regions.foliage, i).max(at(&rough, i));
    if (0..width * height).all(|i| dabbed(i) < 0.05) {
        return flat.clone();
    }
    let lightness = maps.photo.channel(0);
    let leaves = Clumps::of(
        &leaf_dabs(&blur(&lightness, 0.5 * scale), scale),
        5.5,
        scale,
    );
    let rocks = Clumps::of(
        &rock_dabs(&blur(&lightness, 1.0 * scale), scale),
        9.0,
        scale,
    );
    let [a, b] = [1, 2].map(|c| blur(&flat.channel(c), 2.6 * scale));
    let painted = flat.map(|i, colour| {
        let (leafy, rough) = (at(&maps.regions.foliage, i), at(&rough, i));
        let mix = |from: f32, to: f32, share: f32| from + share * (to - from);
        let l = mix(colour[0], rocks.tone(i, 1.9, 0.3), 0.85 * rough);
        let l = mix(l, leaves.tone(i, 2.6, 0.75), 0.9 * leafy);
        let share = (0.7 * leafy).max(0.45 * rough);
        [
            l,
            mix(colour[1], 1.07 * at(&a, i), share),
            mix(colour[2], 1.07 * at(&b, i), share),
        ]
    });
    let crisp = shock::crisp(&painted, scale);
    painted.blend(&crisp, dabbed)
}

/// Lightness in clumps: their tones deviate from the mean around them.
struct Clumps {
    near: Plane,
    far: Plane,
    deviation: Plane,
    contrast: Plane,
}

impl Clumps {
    /// Clumps of about `size_px`.
    fn of(lightness: &Plane, size_px: f32, scale: f32) -> Self {
        let near = blur(lightness, size_px * scale);
        let far = blur(lightness, 3.0 * size_px * scale);
        let deviation = Plane::from_index(lightness.width(), lightness.height(), |i| {
            lightness.values()[i] - near.values()[i]
        });
        let contrast = local_rms(&deviation, 2.5 * size_px * scale);
        Self {
            near,
            far,
            deviation,
            contrast,
        }
    }

    /// The lightness at pixel `i` in four tones, `spread` root mean squares from the darkest to the
    /// lightest; `relief` is how far whole clumps are set off from what is around them.
    fn tone(&self, i: usize, spread: f32, relief: f32) -> f32 {
        let (near, far) = (self.near.values()[i], self.far.values()[i]);
        let contrast = self.contrast.values()[i] + 0.010;
        let z = self.deviation.values()[i] / contrast;
        // Shadow, body, light and highlight.
        let tone =
            (smoothstep(z, -1.0, -0.75) + smoothstep(z, 0.15, 0.35) + smoothstep(z, 1.05, 1.25))
                / 3.0
                - 0.5;
        near + relief * (near - far) + spread * contrast * tone
    }
}

/// Leaves: small dabs, at twice the size.
fn leaf_dabs(lightness: &Plane, scale: f32) -> Plane {
    let large = resize::double_cubic_plane(lightness);
    resize::halve(&dabs(&large, 5.6 * scale, 2.6 * scale))
}

/// Rocks, fur and gravel: larger dabs.
fn rock_dabs(lightness: &Plane, scale: f32) -> Plane {
    dabs(lightness, 4.6 * scale, 2.4 * scale)
}

/// The plane as a union of leaf-shaped dabs: the largest of its openings, then the smallest of that
/// one's closings.
fn dabs(plane: &Plane, long_px: f32, short_px: f32) -> Plane {
    let windows = ANGLES.map(|angle| Window::leaf(long_px, short_px, angle));
    let fold =
        |plane: &Plane, filter: fn(&Plane, &Window) -> Plane, choose: fn(f32, f32) -> f32| {
            let filtered: Vec<Plane> = windows.iter().map(|w| filter(plane, w)).collect();
            Plane::from_index(plane.width(), plane.height(), |i| {
                filtered[1..]
                    .iter()
                    .fold(filtered[0].values()[i], |best, p| {
                        choose(best, p.values()[i])
                    })
            })
        };
    let opened = fold(plane, morphology::open, f32::max);
    fold(&opened, morphology::close, f32::min)
}
