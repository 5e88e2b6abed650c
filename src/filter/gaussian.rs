//! Gaussian blur of planes and colours under any standard deviation.

use super::plane::Plane;
use super::resize::resize;

use super::colours::Colours;

/// Standard deviations in pixels that a blur is held to: below, it does nothing; above, it costs
/// too much.
const SIGMA_PX: [f32; 2] = [0.3, 256.0];
/// Standard deviation in pixels above which half of the pixels are enough.
const WIDE_PX: f32 = 5.0;

/// Gaussian blur with a standard deviation in pixels, held to 0.3 to 256; border and kernel are
/// those of [`Plane::gaussian_blur`]. A wide one is that of the plane at half its size, whose pixels are means.
pub fn blur(plane: &Plane, sigma_px: f32) -> Plane {
    let (width, height) = (plane.width(), plane.height());
    if sigma_px > WIDE_PX && width.min(height) > 1 {
        let small = resize(plane, width.div_ceil(2), height.div_ceil(2));
        // Two pixels' mean, and the linear interpolation back, blur by some half a pixel themselves.
        let rest = (0.25 * sigma_px * sigma_px - 0.25).sqrt();
        return resize(&blur(&small, rest), width, height);
    }
    plane
        .gaussian_blur(sigma_px.clamp(SIGMA_PX[0], SIGMA_PX[1]))
        .expect("the standard deviation is in range")
}

/// [`blur`] of each channel.
pub fn blur_colours(colours: &Colours, sigma_px: f32) -> Colours {
    colours.by_channel(|plane| blur(plane, sigma_px))
}

/// Mean of `plane` around each pixel, weighted by a Gaussian and by `weight`: values of no weight
/// don't leak. Where no weight is near it is 0.
pub fn weighted_blur(plane: &Plane, weight: &Plane, sigma_px: f32) -> Plane {
    weighted_mean(plane, weight, &blur(weight, sigma_px), sigma_px)
}

/// [`weighted_blur`] of each channel, and the blurred weight.
pub fn weighted_blur_colours(colours: &Colours, weight: &Plane, sigma_px: f32) -> (Colours, Plane) {
    let near = blur(weight, sigma_px);
    let means = colours.by_channel(|plane| weighted_mean(plane, weight, &near, sigma_px));
    (means, near)
}

/// [`weighted_blur`], `near` being the blurred weight.
fn weighted_mean(plane: &Plane, weight: &Plane, near: &Plane, sigma_px: f32) -> Plane {
    let (width, height) = (plane.width(), plane.height());
    let product = Plane::from_index(width, height, |i| plane.values()[i] * weight.values()[i]);
    let sum = blur(&product, sigma_px);
    Plane::from_index(width, height, |i| {
        sum.values()[i] / (near.values()[i] + 1e-6)
    })
}

/// Root of the mean square of `plane` around each pixel.
pub fn local_rms(plane: &Plane, sigma_px: f32) -> Plane {
    blur(&plane.map(|v| v * v), sigma_px).map(|v| v.max(0.0).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_standard_deviation_is_taken() {
        let plane = Plane::from_index(8, 8, |i| (i % 8) as f32);
        for (a, b) in blur(&plane, 0.0).values().iter().zip(plane.values()) {
            assert!((a - b).abs() < 0.01);
        }
        let flat = blur(&plane, 1e9);
        assert!(flat.values().iter().all(|v| (v - 3.5).abs() < 0.1));
    }

    #[test]
    fn wide_blurs_at_half_the_size_are_those_of_the_whole() {
        let plane = Plane::from_index(61, 40, |i| f32::from((i * 7919) % 13 < 2 || i % 61 > 40));
        for sigma in [5.5, 9.0, 14.0] {
            let (fast, exact) = (blur(&plane, sigma), plane.gaussian_blur(sigma).unwrap());
            let apart = fast.values().iter().zip(exact.values());
            let worst = apart.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 0.02, "{sigma}: {worst}");
        }
    }

    #[test]
    fn values_without_weight_do_not_leak() {
        let plane = Plane::from_index(16, 4, |i| if i % 16 < 8 { 2.0 } else { 90.0 });
        let weight = plane.map(|v| f32::from(v < 10.0));
        let mean = weighted_blur(&plane, &weight, 2.0);
        assert!((mean.row(1)[3] - 2.0).abs() < 1e-4 && (mean.row(1)[9] - 2.0).abs() < 1e-3);
    }

    #[test]
    fn rms_of_a_ripple() {
        let ripple = Plane::from_index(32, 32, |i| {
            if (i % 32 + i / 32) % 2 == 0 {
                0.3
            } else {
                -0.3
            }
        });
        assert!((local_rms(&ripple, 2.0).row(16)[16] - 0.3).abs() < 1e-5);
    }
}
