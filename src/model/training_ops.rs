//! The generator's building blocks with gradients written by hand.
//!
//! Composed of Burn's operations they are correct but slow to train: the gradient of a grouped
//! convolution's weights takes the groups one by one, that of a slice fills a whole tensor with
//! zeros, and a normalisation is a dozen passes over memory, each with a gradient of its own.
//! `docs/performance.md` has the measurements. Inference does not come here.

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::ops::ConvOptions;
use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension,
    get_or_init_device_settings,
};
use burn::tensor::{FloatDType, Shape, Slice, Tensor};

use super::config::NEGATIVE_SLOPE;

/// Pads `[(top, bottom), (left, right)]` pixels by reflection, not repeating the edge.
///
/// # Shapes
/// `[batch, channels, height, width]` to `[batch, channels, top + height + bottom,
/// left + width + right]`; padding must be smaller than the side it reflects.
pub fn pad_reflect(x: Tensor<4>, padding: [(usize, usize); 2]) -> Tensor<4> {
    let x = <Dispatch as TrainingOps>::pad_reflect(x.into_dispatch(), padding);
    Tensor::from_dispatch(x)
}

/// A valid convolution of each channel by itself.
///
/// # Shapes
/// - x: `[batch, channels, height, width]`
/// - weight: `[channels, 1, k, k]`
/// - output: `[batch, channels, height + 1 - k, width + 1 - k]`
pub fn depthwise(x: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
    let output = <Dispatch as TrainingOps>::depthwise(x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(output)
}

/// GroupNorm with one group, scale and shift by channel, then LeakyReLU.
///
/// # Shapes
/// - x and output: `[batch, channels, height, width]`
/// - gamma, beta: `[channels]`
pub fn norm_lrelu(x: Tensor<4>, gamma: Tensor<1>, beta: Tensor<1>, eps: f64) -> Tensor<4> {
    let output = <Dispatch as TrainingOps>::norm_lrelu(
        x.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        eps,
    );
    Tensor::from_dispatch(output)
}

/// The operations on a backend's own tensors.
#[backend_extension(
    Flex,
    LibTorch: cfg(feature = "tch"),
    Cube: cfg(any(feature = "cuda", feature = "vulkan", feature = "wgpu")),
    Autodiff
)]
pub trait TrainingOps: Backend {
    /// See [`pad_reflect`].
    fn pad_reflect(x: FloatTensor<Self>, padding: [(usize, usize); 2]) -> FloatTensor<Self> {
        let [(top, bottom), (left, right)] = padding;
        let x = pad_reflect_dim::<Self>(x, 2, top, bottom);
        pad_reflect_dim::<Self>(x, 3, left, right)
    }

    /// See [`depthwise`].
    fn depthwise(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        let groups = weight.shape()[0];
        let options = ConvOptions::new([1, 1], [0, 0], [1, 1], groups);
        Self::conv2d(x, weight, None, options)
    }

    /// See [`norm_lrelu`].
    fn norm_lrelu(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f64,
    ) -> FloatTensor<Self> {
        let [mean, rstd] = moments::<Self>(&x, eps);
        normalise_lrelu::<Self>(x, &mean, &rstd, &gamma, &beta)
    }
}

impl TrainingOps for Flex {}

#[cfg(feature = "tch")]
#[allow(deprecated)]
impl TrainingOps for burn::backend::LibTorch {}

#[cfg(any(feature = "cuda", feature = "vulkan", feature = "wgpu"))]
impl TrainingOps for burn::backend::Cube {}

/// Mean and reciprocal standard deviation of each sample, `[batch, 1, 1, 1]`, in the precision of `x`
/// but computed in f32.
fn moments<B: Backend>(x: &FloatTensor<B>, eps: f64) -> [FloatTensor<B>; 2] {
    let shape = x.shape();
    let batch = shape[0];
    let flat = Shape::new([batch, shape.num_elements() / batch]);
    let flat = B::float_reshape(B::float_cast(x.clone(), FloatDType::F32), flat);
    let mean = B::float_mean_dim(flat.clone(), 1);
    let centred = B::float_sub(flat, mean.clone());
    let variance = B::float_mean_dim(B::float_mul(centred.clone(), centred), 1);
    let deviation = B::float_sqrt(B::float_add_scalar(variance, eps.into()));
    let precision = x.dtype().into();
    [mean, B::float_recip(deviation)].map(|moment| {
        B::float_cast(
            B::float_reshape(moment, Shape::new([batch, 1, 1, 1])),
            precision,
        )
    })
}

/// A tensor `[channels]` as `[1, channels, 1, 1]`.
fn by_channel<B: Backend>(x: &FloatTensor<B>) -> FloatTensor<B> {
    let channels = x.shape()[0];
    B::float_reshape(x.clone(), Shape::new([1, channels, 1, 1]))
}

/// `lrelu((x - mean) * rstd * gamma + beta)` in as few passes as there can be.
fn normalise_lrelu<B: Backend>(
    x: FloatTensor<B>,
    mean: &FloatTensor<B>,
    rstd: &FloatTensor<B>,
    gamma: &FloatTensor<B>,
    beta: &FloatTensor<B>,
) -> FloatTensor<B> {
    let scale = B::float_mul(by_channel::<B>(gamma), rstd.clone());
    let shift = B::float_sub(
        by_channel::<B>(beta),
        B::float_mul(scale.clone(), mean.clone()),
    );
    let y = B::float_add(B::float_mul(x, scale), shift);
    B::leaky_relu(y, NEGATIVE_SLOPE.into())
}

fn pad_reflect_dim<B: Backend>(
    x: FloatTensor<B>,
    dim: usize,
    before: usize,
    after: usize,
) -> FloatTensor<B> {
    if before == 0 && after == 0 {
        return x;
    }
    let size = x.shape()[dim];
    let mut parts = Vec::with_capacity(3);
    if before > 0 {
        let part = slice_dim::<B>(x.clone(), dim, 1, before + 1);
        parts.push(B::float_flip(part, &[dim]));
    }
    parts.push(x.clone());
    if after > 0 {
        let part = slice_dim::<B>(x, dim, size - 1 - after, size - 1);
        parts.push(B::float_flip(part, &[dim]));
    }
    B::float_cat(parts, dim)
}

/// What [`pad_reflect_dim`] does to gradients: those of reflected pixels are added to their
/// originals'.
fn unpad_reflect_dim<B: Backend>(
    grad: FloatTensor<B>,
    dim: usize,
    before: usize,
    after: usize,
) -> FloatTensor<B> {
    if before == 0 && after == 0 {
        return grad;
    }
    let size = grad.shape()[dim] - before - after;
    let mut inner = slice_dim::<B>(grad.clone(), dim, before, before + size);
    let mut add = |from: [usize; 2], to: [usize; 2]| {
        let part = slice_dim::<B>(grad.clone(), dim, from[0], from[1]);
        let part = B::float_flip(part, &[dim]);
        let old = slice_dim::<B>(inner.clone(), dim, to[0], to[1]);
        let slices = slices(dim, to[0], to[1]);
        inner = B::float_slice_assign(inner.clone(), &slices, B::float_add(old, part));
    };
    if before > 0 {
        add([0, before], [1, before + 1]);
    }
    if after > 0 {
        let end = before + size;
        add([end, end + after], [size - 1 - after, size - 1]);
    }
    inner
}

fn slice_dim<B: Backend>(
    x: FloatTensor<B>,
    dim: usize,
    start: usize,
    end: usize,
) -> FloatTensor<B> {
    B::float_slice(x, &slices(dim, start, end))
}

/// Everything of the four dimensions but for `start..end` of one.
fn slices(dim: usize, start: usize, end: usize) -> [Slice; 4] {
    let mut slices = [Slice::full(); 4];
    slices[dim] = Slice::from(start..end);
    slices
}

/// Sums a tensor `[batch, channels, height, width]` over height and width.
fn sum_pixels<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let shape = x.shape();
    let (batch, channels) = (shape[0], shape[1]);
    let pixels = shape[2] * shape[3];
    B::float_sum_dim(
        B::float_reshape(x, Shape::new([batch, channels, pixels])),
        2,
    )
}

impl<B: TrainingOps, C: CheckpointStrategy> TrainingOps for Autodiff<B, C> {
    fn pad_reflect(x: FloatTensor<Self>, padding: [(usize, usize); 2]) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct PadReflect;

        impl<B: TrainingOps> Backward<B, 1> for PadReflect {
            type State = [(usize, usize); 2];

            fn backward(
                self,
                ops: Ops<Self::State, 1>,
                grads: &mut Gradients,
                _checkpointer: &mut Checkpointer,
            ) {
                let [node] = ops.parents;
                let grad = grads.consume::<B>(&ops.node);
                let [(top, bottom), (left, right)] = ops.state;
                if let Some(node) = node {
                    let grad = unpad_reflect_dim::<B>(grad, 3, left, right);
                    grads.register::<B>(node.id, unpad_reflect_dim::<B>(grad, 2, top, bottom));
                }
            }
        }

        let output = B::pad_reflect(x.primitive().clone(), padding);
        match PadReflect
            .prepare::<C>([x.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => prep.finish(padding, output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn depthwise(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Depthwise;

        impl<B: TrainingOps> Backward<B, 2> for Depthwise {
            /// Input and weight.
            type State = (FloatTensor<B>, FloatTensor<B>);

            fn backward(
                self,
                ops: Ops<Self::State, 2>,
                grads: &mut Gradients,
                _checkpointer: &mut Checkpointer,
            ) {
                let [x_node, weight_node] = ops.parents;
                let grad = grads.consume::<B>(&ops.node);
                let (x, weight) = ops.state;
                if let Some(node) = weight_node {
                    let weight_grad = depthwise_weight_grad::<B>(x, &weight, &grad);
                    grads.register::<B>(node.id, weight_grad);
                }
                if let Some(node) = x_node {
                    let (channels, side) = (weight.shape()[0], weight.shape()[2]);
                    // The full correlation with the flipped kernel.
                    let options = ConvOptions::new([1, 1], [side - 1; 2], [1, 1], channels);
                    let flipped = B::float_flip(weight, &[2, 3]);
                    grads.register::<B>(node.id, B::conv2d(grad, flipped, None, options));
                }
            }
        }

        let nodes = [x.node(), weight.node()];
        let (x, weight) = (x.into_primitive(), weight.into_primitive());
        let output = B::depthwise(x.clone(), weight.clone());
        match Depthwise.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x, weight), output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn norm_lrelu(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f64,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct NormLrelu;

        impl<B: TrainingOps> Backward<B, 3> for NormLrelu {
            /// Input, mean, reciprocal deviation, gamma, output.
            type State = [FloatTensor<B>; 5];

            fn backward(
                self,
                ops: Ops<Self::State, 3>,
                grads: &mut Gradients,
                _checkpointer: &mut Checkpointer,
            ) {
                let grad = grads.consume::<B>(&ops.node);
                let nodes = ops.parents;
                let [x_grad, gamma_grad, beta_grad] = norm_lrelu_grads::<B>(ops.state, grad);
                for (node, grad) in nodes.into_iter().zip([x_grad, gamma_grad, beta_grad]) {
                    if let Some(node) = node {
                        grads.register::<B>(node.id, grad);
                    }
                }
            }
        }

        let nodes = [x.node(), gamma.node(), beta.node()];
        let (x, gamma) = (x.into_primitive(), gamma.into_primitive());
        let [mean, rstd] = moments::<B>(&x, eps);
        let output = normalise_lrelu::<B>(x.clone(), &mean, &rstd, &gamma, &beta.into_primitive());
        match NormLrelu.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish([x, mean, rstd, gamma, output.clone()], output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }
}

/// The gradient of a depthwise convolution's weights: for each tap, what the input there has in
/// common with the gradient.
fn depthwise_weight_grad<B: Backend>(
    x: FloatTensor<B>,
    weight: &FloatTensor<B>,
    grad: &FloatTensor<B>,
) -> FloatTensor<B> {
    let side = weight.shape()[2];
    let (channels, height, width) = (grad.shape()[1], grad.shape()[2], grad.shape()[3]);
    let mut taps = Vec::with_capacity(side * side);
    for dy in 0..side {
        for dx in 0..side {
            let rows = slice_dim::<B>(x.clone(), 2, dy, dy + height);
            let shifted = slice_dim::<B>(rows, 3, dx, dx + width);
            let sums = sum_pixels::<B>(B::float_mul(shifted, grad.clone()));
            taps.push(B::float_sum_dim(sums, 0));
        }
    }
    // `[1, channels, 1]` each, to `[channels, 1, side, side]`.
    B::float_reshape(B::float_cat(taps, 2), Shape::new([channels, 1, side, side]))
}

/// The gradient in front of a LeakyReLU with this output.
fn leaky_relu_grad<B: Backend>(output: FloatTensor<B>, grad: FloatTensor<B>) -> FloatTensor<B> {
    let bool_dtype = get_or_init_device_settings::<B>(&output.device()).bool_dtype;
    let negative = B::float_lower_elem(output, 0f32.into(), bool_dtype);
    let damped = B::float_mul_scalar(grad.clone(), NEGATIVE_SLOPE.into());
    B::float_mask_where(grad, negative, damped)
}

/// Gradients of input, gamma and beta.
///
/// With g the gradient behind the LeakyReLU and x̂ the normalised input: beta's is Σ g, gamma's
/// Σ g x̂, the input's rstd · (γ g − mean(γ g) − x̂ mean(γ g x̂)).
fn norm_lrelu_grads<B: Backend>(
    [x, mean, rstd, gamma, output]: [FloatTensor<B>; 5],
    grad: FloatTensor<B>,
) -> [FloatTensor<B>; 3] {
    let shape = x.shape();
    let (batch, channels) = (shape[0], shape[1]);
    let count = (shape.num_elements() / batch) as f64;
    // The output has the sign of what the LeakyReLU was given.
    let g = leaky_relu_grad::<B>(output, grad);
    let x_hat = B::float_mul(B::float_sub(x, mean), rstd.clone());
    let g_sums = sum_pixels::<B>(g.clone());
    let product_sums = sum_pixels::<B>(B::float_mul(g.clone(), x_hat.clone()));
    let to_channels =
        |sums: FloatTensor<B>| B::float_reshape(B::float_sum_dim(sums, 0), Shape::new([channels]));
    // Means over a sample from the sums of its channels.
    let gamma_column = B::float_reshape(gamma.clone(), Shape::new([1, channels, 1]));
    let sample_mean = |sums: FloatTensor<B>| {
        let sum = B::float_sum_dim(B::float_mul(sums, gamma_column.clone()), 1);
        let mean = B::float_mul_scalar(sum, (1.0 / count).into());
        B::float_mul(
            B::float_reshape(mean, Shape::new([batch, 1, 1, 1])),
            rstd.clone(),
        )
    };
    let scaled = B::float_mul(g, B::float_mul(by_channel::<B>(&gamma), rstd.clone()));
    let along = B::float_mul(x_hat, sample_mean(product_sums.clone()));
    let x_grad = B::float_sub(B::float_sub(scaled, along), sample_mean(g_sums.clone()));
    [x_grad, to_channels(product_sums), to_channels(g_sums)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::GroupNormConfig;
    use burn::tensor::activation::leaky_relu;
    use burn::tensor::module::conv2d;
    use burn::tensor::ops::{ConvOptions, PadMode};
    use burn::tensor::{Device, TensorData};

    fn sample<const D: usize>(shape: [usize; D], phase: f32, device: &Device) -> Tensor<D> {
        let count: usize = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|i| (i as f32 * 0.9 + phase).sin()).collect();
        Tensor::from_data(TensorData::new(values, shape), device).require_grad()
    }

    fn assert_close<const D: usize>(a: Tensor<D>, b: Tensor<D>, what: &str) {
        let size = b.clone().abs().max().into_scalar::<f32>();
        let error = (a - b).abs().max().into_scalar::<f32>();
        // Sums of some hundred terms in another order.
        assert!(error <= 1e-5 * size.max(1.0), "{what}: {error} of {size}");
    }

    /// A loss under which every pixel's gradient differs.
    fn loss(y: Tensor<4>) -> Tensor<1> {
        let weights = sample(y.dims(), 0.3, &y.device()).detach();
        (y * weights).sum()
    }

    #[test]
    fn reflection_padding_has_burns_gradient() {
        let device = Device::flex().autodiff();
        for padding in [[(1, 1), (1, 1)], [(0, 1), (0, 1)], [(3, 3), (3, 3)]] {
            let x = sample([2, 3, 6, 5], 0.0, &device);
            let (ours, burns) = (
                pad_reflect(x.clone(), padding),
                x.clone().pad(padding, PadMode::Reflect),
            );
            assert_close(ours.clone().inner(), burns.clone().inner(), "output");
            let (ours, burns) = (loss(ours).backward(), loss(burns).backward());
            let grad = |grads| x.grad(grads).expect("it is tracked");
            assert_close(grad(&ours), grad(&burns), "gradient");
        }
    }

    #[test]
    fn depthwise_convolution_has_burns_gradients() {
        let device = Device::flex().autodiff();
        let x = sample([2, 4, 7, 6], 0.0, &device);
        let weight = sample([4, 1, 3, 3], 1.0, &device);
        let options = ConvOptions::new([1, 1], [0, 0], [1, 1], 4);
        let ours = depthwise(x.clone(), weight.clone());
        let burns = conv2d(x.clone(), weight.clone(), None, options);
        assert_close(ours.clone().inner(), burns.clone().inner(), "output");
        let (ours, burns) = (loss(ours).backward(), loss(burns).backward());
        for (name, tensor) in [("input", x), ("weight", weight)] {
            let grad = |grads| tensor.grad(grads).expect("it is tracked");
            assert_close(grad(&ours), grad(&burns), name);
        }
    }

    #[test]
    fn normalisation_has_burns_gradients() {
        let device = Device::flex().autodiff();
        let x = sample([2, 4, 7, 6], 0.0, &device);
        let (gamma, beta) = (sample([4], 1.0, &device), sample([4], 2.0, &device));
        let mut norm = GroupNormConfig::new(1, 4).init(&device);
        norm.gamma = norm.gamma.map(|param| param.map(|_| gamma.clone()));
        norm.beta = norm.beta.map(|param| param.map(|_| beta.clone()));
        let ours = norm_lrelu(x.clone(), gamma.clone(), beta.clone(), 1e-5);
        let burns = leaky_relu(norm.forward(x.clone()), NEGATIVE_SLOPE);
        assert_close(ours.clone().inner(), burns.clone().inner(), "output");
        let (ours, burns) = (loss(ours).backward(), loss(burns).backward());
        let grad = |grads| x.grad(grads).expect("it is tracked");
        assert_close(grad(&ours), grad(&burns), "input");
        for (name, tensor) in [("gamma", gamma), ("beta", beta)] {
            let grad = |grads| tensor.grad(grads).expect("it is tracked");
            assert_close(grad(&ours), grad(&burns), name);
        }
    }
}
