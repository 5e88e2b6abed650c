//! What is where in a photo: leaves, texture, structure, and the sky.

use nijigen::filter::plane::{Border, Plane};
use nijigen::filter::{
    colours::Colours,
    gaussian::{blur, local_rms},
};
use nijigen::geometry::smoothstep;
use nijigen::grade::Regions;
use nijigen::sky::mask;

use crate::procedural::filter::{
    flow::darkness_across, rolling_guidance::joint_bilateral, structure_tensor::StructureTensor,
};

/// Maps of a photo, and the figures that hold for all of it.
pub struct Maps {
    /// Leaves, the sky and detail.
    pub regions: Regions,
    /// The photo in OKLab with its noise smoothed away.
    pub photo: Colours,
    /// The photo's structure tensor over 2 px.
    pub tensor: StructureTensor,
    /// Where a detail stands out from the texture around it, as eyes and signs do; 0 to 1.
    pub salience: Plane,
    /// Where there are edges with a direction of their own: outlines, walls, windows, wires,
    /// letters; 0 to 1.
    pub structure: Plane,
    /// Where structure is so dense that only small strokes keep it: windows, roof tiles, letters;
    /// 0 to 1.
    pub fine_structure: Plane,
    /// Where there is dense texture without structure: rock, fur, gravel; 0 to 1.
    pub texture: Plane,
}

impl Maps {
    /// The maps of a photo in OKLab.
    pub fn of(original: &Colours, scale: f32) -> Self {
        let (width, height) = (original.width(), original.height());
        let photo = joint_bilateral(original, original, 1.2 * scale, 0.03);
        let tensor = StructureTensor::of_colours(&photo, 2.0 * scale);
        let wide = StructureTensor::of_colours(&photo, 4.5 * scale);
        let lightness = original.channel(0);
        let fine = Regions::fine(&lightness, scale);
        let salience = salience(&fine, scale);
        let (sky_mask, sky_confidence) = mask::find(&photo, scale);
        let wires = wires(&photo, &tensor, scale);
        let sky_mask = Plane::from_index(width, height, |i| {
            sky_mask.values()[i] * (1.0 - wires.values()[i])
        });
        let (strength, anisotropy) = (tensor.strength(), wide.anisotropy());
        let sky = (sky_mask, sky_confidence);
        let regions = Regions::of(&photo, &fine, &anisotropy, sky, scale);
        let Regions {
            detail,
            foliage,
            sky,
            ..
        } = &regions;
        let rectilinear = rectilinearity(&photo.channel(0), 7.0 * scale);
        let fine_structure = Plane::from_index(width, height, |i| {
            smoothstep(rectilinear.values()[i], 0.24, 0.46)
                * smoothstep(detail.values()[i], 0.018, 0.040)
                * (1.0 - foliage.values()[i])
                * (1.0 - sky.values()[i])
        });
        let structure = Plane::from_index(width, height, |i| {
            let edge = smoothstep(strength.values()[i], 0.012, 0.035)
                * smoothstep(anisotropy.values()[i], 0.45, 0.75)
                * (1.0 - foliage.values()[i]);
            edge.max(fine_structure.values()[i])
        });
        let texture = Plane::from_index(width, height, |i| {
            let detail = detail.values()[i];
            // The strongest contrasts are things in a clutter, which dabs would smear.
            smoothstep(detail, 0.02, 0.045)
                * (1.0 - 0.75 * smoothstep(detail, 0.055, 0.095))
                * (1.0 - structure.values()[i])
                * (1.0 - salience.values()[i])
        });
        Self {
            photo,
            tensor,
            salience,
            structure,
            fine_structure,
            texture,
            regions,
        }
    }
}

/// Where `fine`, the photo without its coarse light, is far from zero, both by itself and compared
/// with what is around; 0 to 1.
fn salience(fine: &Plane, scale: f32) -> Plane {
    let spots = blur(fine, 0.7 * scale);
    let usual = local_rms(fine, 14.0 * scale);
    let sharp = Plane::from_index(fine.width(), fine.height(), |i| {
        let spot = spots.values()[i].abs();
        smoothstep(spot, 0.04, 0.08) * smoothstep(spot / (usual.values()[i] + 1e-3), 1.8, 2.8)
    });
    blur(&sharp, 1.5 * scale).map(|v| (2.0 * v).min(1.0))
}

/// Thin dark lines that run on straight, as wires and ropes before the sky do; 0 to 1.
fn wires(photo: &Colours, tensor: &StructureTensor, scale: f32) -> Plane {
    let lightness = photo.channel(0);
    let dark = darkness_across(&lightness, &tensor.directions(), 0.8 * scale, 5.0 * scale);
    let straight = tensor.anisotropy();
    Plane::from_index(photo.width(), photo.height(), |i| {
        smoothstep(dark.values()[i], 0.006, 0.018) * smoothstep(straight.values()[i], 0.6, 0.85)
    })
}

/// How far the edges around each pixel run in two directions at right angles, as those of
/// windows, tiles and letters do: 0 (in all directions) to 1. It is the length of the mean of
/// exp(4iθ) over the edges' directions θ, weighted by their squared strength.
fn rectilinearity(plane: &Plane, sigma_px: f32) -> Plane {
    let (width, height) = (plane.width(), plane.height());
    let (in_x, in_y) = plane.sobel(Border::Reflect101);
    let moment = |value: fn(f32, f32) -> f32| {
        let sharp = Plane::from_index(width, height, |i| {
            let (x, y) = (in_x.values()[i], in_y.values()[i]);
            value(x, y) / (x * x + y * y + 1e-9)
        });
        blur(&sharp, sigma_px)
    };
    let cosine = moment(|x, y| x.powi(4) - 6.0 * x * x * y * y + y.powi(4));
    let sine = moment(|x, y| 4.0 * x * y * (x * x - y * y));
    let weight = moment(|x, y| (x * x + y * y).powi(2));
    Plane::from_index(width, height, |i| {
        cosine.values()[i].hypot(sine.values()[i]) / (weight.values()[i] + 1e-6)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_rectilinear_and_gravel_is_not() {
        // A grid turned by 20 degrees, and dots of random lightness.
        let (sin, cos) = 20f32.to_radians().sin_cos();
        let grid = Plane::from_index(64, 64, |i| {
            let (x, y) = ((i % 64) as f32, (i / 64) as f32);
            let (u, v) = (cos * x + sin * y, cos * y - sin * x);
            f32::from(u.rem_euclid(12.0) < 6.0 && v.rem_euclid(12.0) < 6.0)
        });
        let gravel = Plane::from_index(64, 64, |i| {
            let (x, y) = (i % 64 / 3, i / 64 / 3);
            ((x * 7919 + y * 104_729 + x * y * 31) % 97) as f32 / 97.0
        });
        let gravel = blur(&gravel, 1.5);
        let at_centre = |plane: &Plane| rectilinearity(plane, 7.0).row(32)[32];
        assert!(at_centre(&grid) > 0.4, "{}", at_centre(&grid));
        assert!(at_centre(&gravel) < 0.25, "{}", at_centre(&gravel));
    }
}
