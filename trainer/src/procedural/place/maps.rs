//! What is where in a photo: leaves, texture, structure, and the sky.

use crate::plane::Plane;
use crate::procedural::filter::{
    colours::Colours,
    gaussian::{blur, local_rms},
    oklab,
    rolling_guidance::joint_bilateral,
    smoothstep::{hue_bump, smoothstep},
    structure_tensor::StructureTensor,
};

use super::sky_mask;

/// Maps of a photo, and the figures that hold for all of it.
pub struct Maps {
    /// Length of a pixel of a picture of 512 px.
    pub scale: f32,
    /// The photo in OKLab with its noise smoothed away.
    pub photo: Colours,
    /// The photo's structure tensor over 2 px.
    pub tensor: StructureTensor,
    /// Root mean square of what is finer than about 5 px.
    pub detail: Plane,
    /// Where leaves and grass are, 0 to 1.
    pub foliage: Plane,
    /// Where there are edges with a direction of their own: outlines, walls, windows, wires,
    /// letters; 0 to 1.
    pub structure: Plane,
    /// Where there is dense texture without structure: rock, fur, gravel; 0 to 1.
    pub texture: Plane,
    /// Where the picture shows the sky, 0 to 1, whatever the confidence.
    pub sky_mask: Plane,
    /// How surely that is the sky, 0 to 1.
    pub sky_confidence: f32,
    /// Their product.
    pub sky: Plane,
}

impl Maps {
    /// The maps of a photo in OKLab.
    pub fn of(original: &Colours, scale: f32) -> Self {
        let (width, height) = (original.width(), original.height());
        let photo = joint_bilateral(original, original, 1.2 * scale, 0.03);
        let tensor = StructureTensor::of_colours(&photo, 2.0 * scale);
        let wide = StructureTensor::of_colours(&photo, 4.5 * scale);
        let lightness = original.channel(0);
        let coarse = blur(&lightness, 2.5 * scale);
        let fine = Plane::from_index(width, height, |i| {
            lightness.values()[i] - coarse.values()[i]
        });
        let detail = local_rms(&fine, 5.0 * scale);
        let (sky_mask, sky_confidence) = sky_mask::find(&photo, scale);
        let sky = sky_mask.map(|v| v * sky_confidence);
        let green = blur(
            &photo.plane(|colour| {
                hue_bump(oklab::hue(colour), 124.0, 50.0)
                    * smoothstep(oklab::chroma(colour), 0.021, 0.046)
            }),
            4.0 * scale,
        );
        let foliage = Plane::from_index(width, height, |i| {
            let leafy = green.values()[i] * smoothstep(detail.values()[i], 0.022, 0.05);
            (1.4 * leafy).min(1.0) * (1.0 - sky.values()[i])
        });
        let (strength, anisotropy) = (tensor.strength(), wide.anisotropy());
        let structure = Plane::from_index(width, height, |i| {
            smoothstep(strength.values()[i], 0.012, 0.035)
                * smoothstep(anisotropy.values()[i], 0.45, 0.75)
                * (1.0 - foliage.values()[i])
        });
        let texture = Plane::from_index(width, height, |i| {
            smoothstep(detail.values()[i], 0.02, 0.045)
                * (1.0 - structure.values()[i])
        });
        Self {
            scale,
            photo,
            tensor,
            detail,
            foliage,
            structure,
            texture,
            sky_mask,
            sky_confidence,
            sky,
        }
    }
}
