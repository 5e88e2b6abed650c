//! What of a place's colours depends on what is there: leaves, the sky, and calm areas.

use crate::colour::oklab;
use crate::filter::colours::Colours;
use crate::filter::gaussian::{blur, local_rms};
use crate::filter::plane::Plane;
use crate::filter::thresholds::hue_bump;
use crate::geometry::smoothstep;
use crate::imaging::structure_tensor;
use crate::sky::Scene;

/// Confidence of a sky from which on what is grey in it may be clouds, and is.
const CLOUDS: [f32; 2] = [0.45, 0.60];

/// Where what is in a picture of a place.
#[derive(Clone, Debug)]
pub struct Regions {
    /// Length of a pixel at [`LONG_SIDE_PX`](crate::sky::LONG_SIDE_PX).
    pub scale: f32,
    /// Root mean square of what is finer than about 5 px.
    pub detail: Plane,
    /// Where leaves and grass are, 0 to 1.
    pub foliage: Plane,
    /// Where the picture shows the sky, 0 to 1, whatever the confidence.
    pub sky_mask: Plane,
    /// How surely that is the sky, 0 to 1.
    pub sky_confidence: f32,
    /// Their product.
    pub sky: Plane,
    /// How surely what is grey in it are clouds, 0 to 1: less sure skies are pale walls as often.
    pub clouds: f32,
}

impl Regions {
    /// Those of `photo` in OKLab, of whose lightness `fine` is what is finer ([`Self::fine`]); `anisotropy` is how far the edges around
    /// each pixel have one direction, 0 to 1; the last are where the sky is, and how surely.
    pub fn of(
        photo: &Colours,
        fine: &Plane,
        anisotropy: &Plane,
        (sky_mask, sky_confidence): (Plane, f32),
        scale: f32,
    ) -> Self {
        let detail = local_rms(fine, 5.0 * scale);
        let sky = sky_mask.map(|v| v * sky_confidence);
        let green = blur(
            &photo.plane(|colour| {
                hue_bump(oklab::hue(colour), 124.0, 50.0)
                    * smoothstep(oklab::chroma(colour), 0.021, 0.046)
            }),
            4.0 * scale,
        );
        let foliage = Plane::from_index(photo.width(), photo.height(), |i| {
            // Leaves have edges in all directions; one edge before a green wall is none.
            let leafy = green.values()[i]
                * smoothstep(detail.values()[i], 0.015, 0.038)
                * (1.0 - smoothstep(anisotropy.values()[i], 0.60, 0.88));
            (1.4 * leafy).min(1.0) * (1.0 - sky.values()[i])
        });
        Self {
            scale,
            detail,
            foliage,
            sky_mask,
            sky_confidence,
            clouds: smoothstep(sky_confidence, CLOUDS[0], CLOUDS[1]),
            sky,
        }
    }

    /// What of the lightness is finer than about 5 px at [`LONG_SIDE_PX`](crate::sky::LONG_SIDE_PX).
    pub fn fine(lightness: &Plane, scale: f32) -> Plane {
        let coarse = blur(lightness, 2.5 * scale);
        Plane::from_index(lightness.width(), lightness.height(), |i| {
            lightness.values()[i] - coarse.values()[i]
        })
    }

    pub(super) fn of_scene(scene: &Scene) -> Self {
        let photo = &scene.colours;
        let scale = scene.scale;
        let sky = (scene.sky_mask.clone(), scene.sky_confidence);
        let fine = Self::fine(&photo.channel(0), scale);
        Self::of(photo, &fine, &anisotropy(photo, scale), sky, scale)
    }
}

/// How much more colours change in one direction than across it: 0, as in noise, to 1, as at an edge.
fn anisotropy(photo: &Colours, scale: f32) -> Plane {
    let (width, height) = (photo.width(), photo.height());
    let inside = |at: isize, side: usize| at.clamp(0, side as isize - 1) as usize;
    let at = |[x, y]: [isize; 2]| photo.pixels()[inside(y, height) * width + inside(x, width)];
    let tensor = structure_tensor([width, height], 4.5 * scale, at);
    Plane::from_index(width, height, |i| {
        let [xx, xy, yy] = tensor[i];
        (xx - yy).hypot(2.0 * xy) / (xx + yy + 1e-9)
    })
}
