//! Test helper: compares autodiff's gradient with central differences.

use burn::tensor::{Device, Tensor};

/// Half the distance of the two points of a difference. Smaller steps drown in f32's rounding.
const STEP: f32 = 4e-3;
/// Largest error, as a share of the largest element of the gradient.
const TOLERANCE: f32 = 1e-2;
/// How many elements are compared.
const ELEMENTS: usize = 16;

/// A tensor of irregular values in (-0.9, 0.9) that depend on `phase` only.
pub fn sample<const D: usize>(shape: [usize; D], phase: f32, device: &Device) -> Tensor<D> {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count)
        .map(|i| 0.9 * (i as f32 * 2.399 + phase + (i as f32 * 0.731).cos()).sin())
        .collect();
    Tensor::<1>::from_floats(values.as_slice(), device).reshape(shape)
}

/// Asserts that the gradient of `loss` at [`sample`]`(shape, phase)` agrees with
/// (loss(x + h) - loss(x - h)) / 2h at [`ELEMENTS`] elements spread over the tensor.
///
/// # Panics
/// If it does not, or if the gradient is zero everywhere (nothing would be tested).
pub fn assert_gradient<const D: usize>(
    shape: [usize; D],
    phase: f32,
    loss: impl Fn(Tensor<D>) -> Tensor<1>,
) {
    let device = Device::flex();
    let values = to_vec(sample(shape, phase, &device));
    let x = sample(shape, phase, &device.clone().autodiff()).require_grad();
    let grads = loss(x.clone()).backward();
    let gradient = to_vec(x.grad(&grads).expect("the loss depends on x"));
    let largest = gradient.iter().fold(0.0f32, |m, g| m.max(g.abs()));
    assert!(
        largest > 0.0 && gradient.iter().all(|g| g.is_finite()),
        "gradient {gradient:?}"
    );

    let at = |element: usize, offset: f32| {
        let mut moved = values.clone();
        moved[element] += offset;
        let x = Tensor::<1>::from_floats(moved.as_slice(), &device).reshape(shape);
        loss(x).into_scalar::<f32>()
    };
    for element in (0..values.len()).step_by(values.len().div_ceil(ELEMENTS)) {
        let expected = (at(element, STEP) - at(element, -STEP)) / (2.0 * STEP);
        let error = (gradient[element] - expected).abs();
        assert!(
            error <= TOLERANCE * largest,
            "element {element}: autodiff {}, central difference {expected}, largest {largest}",
            gradient[element]
        );
    }
}

/// The values of a tensor in row-major order.
pub fn to_vec<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.into_data().try_into_vec::<f32>().expect("f32 values")
}

/// The helper itself must tell right from wrong.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn right_gradient_passes() {
        assert_gradient([4], 0.0, |x| x.powi_scalar(3).sum());
    }

    #[test]
    #[should_panic(expected = "central difference")]
    fn wrong_gradient_fails() {
        // Detaching one factor hides half of the gradient from autodiff.
        assert_gradient([4], 0.0, |x| (x.clone().detach() * x).sum());
    }

    #[test]
    #[should_panic(expected = "gradient")]
    fn zero_gradient_fails() {
        assert_gradient([4], 0.0, |x| x.mul_scalar(0.0).sum());
    }
}
