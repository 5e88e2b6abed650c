//! Colour losses: outputs keep the photo's colours.
//!
//! CIE L*a*b* as in [`crate::colour::lab`], on tensors.
//!
//! YUV as TensorFlow's `rgb_to_yuv`, which AnimeGANv2 uses, of RGB in [0, 1].

use burn::tensor::Tensor;

use nijigen::colour::srgb;

use crate::colour::LUMA;
use crate::colour::lab::{EPSILON, KAPPA, RGB_TO_XYZ, WHITE};

/// f(X), f(Y), f(Z) to L + 16, a, b, by rows.
const F_TO_LAB: [[f32; 3]; 3] = [
    [0.0, 116.0, 0.0],
    [500.0, -500.0, 0.0],
    [0.0, 200.0, -200.0],
];
/// RGB to YUV, by rows.
const RGB_TO_YUV: [[f32; 3]; 3] = [
    LUMA,
    [-0.147_141_2, -0.288_869_16, 0.436_010_35],
    [0.614_975_4, -0.514_965_1, -0.100_010_26],
];
/// RGB in [-1, 1] to L (0 to 100), a and b (about -128 to 127), as three channels. Gradients are
/// finite everywhere; values slightly outside of [-1, 1] are fine.
///
/// # Shapes
/// `[batch, 3, height, width]` to the same.
pub fn rgb_to_lab(x: Tensor<4>) -> Tensor<4> {
    let linear = srgb_to_linear(to_unit(x));
    let relative = [0, 1, 2].map(|i| RGB_TO_XYZ[i].map(|share| share / WHITE[i]));
    let lab = mix(lab_curve(mix(linear, &relative)), &F_TO_LAB);
    let offset = Tensor::<1>::from_floats([16.0, 0.0, 0.0], &lab.device()).reshape([1, 3, 1, 1]);
    lab - offset
}

/// Mean |Δ| of Lab's a/128 and b/128 over both: lightness is free.
pub fn lab_ab_l1(output: Tensor<4>, photo: Tensor<4>) -> Tensor<1> {
    let ab = |x| rgb_to_lab(x).narrow(1, 1, 2);
    (ab(output) - ab(photo)).abs().mean().div_scalar(128.0)
}

/// AnimeGANv3's colour loss: 2·mean|ΔL/100| + mean|Δa/255| + mean|Δb/255|. (Its a and b are
/// (x + 128)/255; the offset cancels.)
pub fn lab_l1(output: Tensor<4>, photo: Tensor<4>) -> Tensor<1> {
    let [l, a, b] = channels(rgb_to_lab(output) - rgb_to_lab(photo)).map(|d| d.abs().mean());
    l.mul_scalar(2.0 / 100.0) + (a + b).div_scalar(255.0)
}

/// AnimeGANv2's colour loss: mean|ΔY| + Huber(ΔU) + Huber(ΔV), with the mean Huber loss at δ = 1:
/// d²/2 where |d| ≤ 1, else |d| − ½.
pub fn yuv_huber(output: Tensor<4>, photo: Tensor<4>) -> Tensor<1> {
    let [y, u, v] = channels(mix(to_unit(output) - to_unit(photo), &RGB_TO_YUV));
    y.abs().mean() + huber(u) + huber(v)
}

/// Mean Huber loss with δ = 1.
fn huber(difference: Tensor<4>) -> Tensor<1> {
    let distance = difference.abs();
    let quadratic = distance.clone().clamp_max(1.0);
    (quadratic.clone().square().div_scalar(2.0) + distance - quadratic).mean()
}

/// [-1, 1] to [0, 1].
fn to_unit(x: Tensor<4>) -> Tensor<4> {
    x.add_scalar(1.0).div_scalar(2.0)
}

/// Gamma-encoded sRGB in [0, 1] to linear light.
fn srgb_to_linear(c: Tensor<4>) -> Tensor<4> {
    let line = c.clone().div_scalar(srgb::LINE);
    // The clamp keeps the power's base positive where the line is used: negative bases give NaN,
    // which would reach the gradient even through the branch not taken.
    let power = c
        .clone()
        .clamp_min(srgb::KNEE)
        .add_scalar(srgb::OFFSET)
        .div_scalar(1.0 + srgb::OFFSET)
        .powf_scalar(srgb::EXPONENT);
    power.mask_where(c.lower_equal_elem(srgb::KNEE), line)
}

/// f of [`crate::colour::lab`].
fn lab_curve(t: Tensor<4>) -> Tensor<4> {
    let line = t
        .clone()
        .mul_scalar(KAPPA)
        .add_scalar(16.0)
        .div_scalar(116.0);
    // Clamped for the same reason, and because the slope of a cube root at zero is infinite.
    let root = t.clone().clamp_min(EPSILON).powf_scalar(1.0f32 / 3.0);
    root.mask_where(t.lower_equal_elem(EPSILON), line)
}

/// The three channels, each `[batch, 1, height, width]`.
fn channels(x: Tensor<4>) -> [Tensor<4>; 3] {
    [0, 1, 2].map(|i| x.clone().narrow(1, i, 1))
}

/// Each output channel is a weighted sum of the input channels. Written out instead of as a matrix
/// product, which some devices round to fewer bits than f32 has.
fn mix(x: Tensor<4>, rows: &[[f32; 3]; 3]) -> Tensor<4> {
    let channels = channels(x);
    let weighted = |row: &[f32; 3]| {
        let [first, second, third] = &channels;
        first.clone().mul_scalar(row[0])
            + second.clone().mul_scalar(row[1])
            + third.clone().mul_scalar(row[2])
    };
    Tensor::cat(rows.iter().map(weighted).collect(), 1)
}

#[cfg(test)]
mod tests {
    use super::super::finite_difference::{assert_gradient, sample, to_vec};
    use super::*;
    use crate::colour::lab;
    use burn::tensor::Device;

    const BLACK: [f32; 3] = [-1.0; 3];
    const WHITE: [f32; 3] = [1.0; 3];
    const RED: [f32; 3] = [1.0, -1.0, -1.0];
    const BLUE: [f32; 3] = [-1.0, -1.0, 1.0];
    const CYAN: [f32; 3] = [-1.0, 1.0, 1.0];

    fn pixel(rgb: [f32; 3], device: &Device) -> Tensor<4> {
        Tensor::<1>::from_floats(rgb, device).reshape([1, 3, 1, 1])
    }

    fn loss(loss: fn(Tensor<4>, Tensor<4>) -> Tensor<1>, a: [f32; 3], b: [f32; 3]) -> f32 {
        let device = Device::flex();
        loss(pixel(a, &device), pixel(b, &device)).into_scalar::<f32>()
    }

    #[test]
    fn lab_is_that_of_single_colours() {
        for rgb in [BLACK, WHITE, [0.0; 3], RED, BLUE, CYAN, [-0.95; 3]] {
            let expected = lab::rgb_to_lab(rgb.map(|v| (v + 1.0) / 2.0));
            let values = to_vec(rgb_to_lab(pixel(rgb, &Device::flex())));
            for (value, expected) in values.iter().zip(expected) {
                assert!(
                    (value - expected).abs() < 2e-3,
                    "{rgb:?}: {value}, expected {expected}"
                );
            }
        }
    }

    #[test]
    fn gradients_are_finite_at_the_extremes() {
        let device = Device::flex().autodiff();
        for rgb in [BLACK, WHITE, RED, BLUE, [-1.2; 3], [1.2; 3]] {
            let x = pixel(rgb, &device).require_grad();
            let grads = rgb_to_lab(x.clone()).sum().backward();
            let gradient = to_vec(x.grad(&grads).expect("Lab depends on x"));
            let sane = |g: &f32| g.is_finite() && g.abs() < 1e4;
            assert!(gradient.iter().all(sane), "{rgb:?}: {gradient:?}");
            assert!(gradient.iter().any(|g| *g != 0.0), "{rgb:?}: {gradient:?}");
        }
    }

    #[test]
    fn losses_by_hand() {
        // a is 80.092 for red and b is 67.203; white has neither.
        let ab = (80.092 + 67.203) / 2.0 / 128.0;
        assert!((loss(lab_ab_l1, RED, WHITE) - ab).abs() < 1e-3);
        assert!(loss(lab_ab_l1, BLACK, WHITE) < 1e-4);
        let lab = 2.0 * (100.0 - 53.241) / 100.0 + (80.092 + 67.203) / 255.0;
        assert!((loss(lab_l1, RED, WHITE) - lab).abs() < 1e-3);
        assert!((loss(lab_l1, BLACK, WHITE) - 2.0).abs() < 1e-4);
        assert!((loss(yuv_huber, BLACK, WHITE) - 1.0).abs() < 1e-5);
        // Red against cyan: ΔY = 0.299 - 0.701, ΔU = 2 · 0.14714, ΔV = 2 · 0.61498 > 1.
        let yuv = 0.402 + 0.294_282_4f32.powi(2) / 2.0 + (1.229_950_8 - 0.5);
        assert!((loss(yuv_huber, RED, CYAN) - yuv).abs() < 1e-5);
    }

    #[test]
    fn gradients() {
        let shape = [1, 3, 2, 4];
        for loss in [lab_ab_l1, lab_l1, yuv_huber] {
            assert_gradient(shape, 1.0, |x| {
                let photo = sample(shape, 2.0, &x.device());
                loss(x, photo)
            });
        }
    }
}
