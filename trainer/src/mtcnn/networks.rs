//! MTCNN's three networks: P-Net proposes faces, R-Net refines, O-Net adds landmarks.
//!
//! Their inputs are RGB values scaled by `(v - 127.5) / 128`. Box offsets are those of left, top,
//! right and bottom as fractions of the box's size.

use anyhow::Result;
use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, PRelu};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};

use super::weights::Weights;

/// Proposal network: fully convolutional, a 12 x 12 window every 2 pixels.
#[derive(Module, Debug)]
pub(super) struct PNet {
    convs: [ConvPrelu; 3],
    pool: MaxPool2d,
    probability: Conv2d,
    offsets: Conv2d,
}

/// Refinement network for 24 x 24 crops.
#[derive(Module, Debug)]
pub(super) struct RNet {
    convs: [ConvPrelu; 3],
    pool: MaxPool2d,
    dense: DensePrelu,
    probability: Linear,
    offsets: Linear,
}

/// Output network for 48 x 48 crops.
#[derive(Module, Debug)]
pub(super) struct ONet {
    convs: [ConvPrelu; 4],
    pool: MaxPool2d,
    last_pool: MaxPool2d,
    dense: DensePrelu,
    probability: Linear,
    offsets: Linear,
    landmarks: Linear,
}

impl PNet {
    /// Pixels between neighbouring windows.
    pub const STRIDE_PX: usize = 2;
    /// Side of a window.
    pub const WINDOW_PX: usize = 12;

    /// The trained network.
    ///
    /// # Errors
    /// If the weights are damaged.
    pub fn new(device: &Device) -> Result<Self> {
        let weights = Weights::of("pnet", device)?;
        Ok(Self {
            convs: [
                ConvPrelu::new(&weights, 1, [3, 10], 3)?,
                ConvPrelu::new(&weights, 2, [10, 16], 3)?,
                ConvPrelu::new(&weights, 3, [16, 32], 3)?,
            ],
            pool: pool(2),
            probability: weights.conv("conv4_1", [32, 2], 1)?,
            offsets: weights.conv("conv4_2", [32, 4], 1)?,
        })
    }

    /// Windows along a side of the input; the last one may reach one pixel beyond it.
    pub fn windows(side_px: usize) -> usize {
        (side_px + 1).saturating_sub(Self::WINDOW_PX - Self::STRIDE_PX) / Self::STRIDE_PX
    }

    /// Probability that each window holds a face, and box offsets.
    ///
    /// # Shapes
    /// - input: `[1, 3, height, width]`, sides of at least 12
    /// - outputs: `[1, 1, rows, columns]` and `[1, 4, rows, columns]`, as many as
    ///   [`PNet::windows`] says
    pub fn forward(&self, x: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let [conv1, conv2, conv3] = &self.convs;
        let x = self.pool.forward(conv1.forward(x));
        let x = conv3.forward(conv2.forward(x));
        let classes = softmax(self.probability.forward(x.clone()), 1);
        (classes.narrow(1, 1, 1), self.offsets.forward(x))
    }
}

impl RNet {
    /// Side of the crops.
    pub const SIDE_PX: usize = 24;

    /// The trained network.
    ///
    /// # Errors
    /// If the weights are damaged.
    pub fn new(device: &Device) -> Result<Self> {
        let weights = Weights::of("rnet", device)?;
        Ok(Self {
            convs: [
                ConvPrelu::new(&weights, 1, [3, 28], 3)?,
                ConvPrelu::new(&weights, 2, [28, 48], 3)?,
                ConvPrelu::new(&weights, 3, [48, 64], 2)?,
            ],
            pool: pool(3),
            dense: DensePrelu::new(&weights, 4, [576, 128])?,
            probability: weights.linear("dense5_1", [128, 2])?,
            offsets: weights.linear("dense5_2", [128, 4])?,
        })
    }

    /// Probability that each crop holds a face, and box offsets.
    ///
    /// # Shapes
    /// - input: `[batch, 3, 24, 24]`
    /// - outputs: `[batch, 1]` and `[batch, 4]`
    pub fn forward(&self, x: Tensor<4>) -> (Tensor<2>, Tensor<2>) {
        let [conv1, conv2, conv3] = &self.convs;
        let x = self.pool.forward(conv1.forward(x));
        let x = self.pool.forward(conv2.forward(x));
        let x = self.dense.forward(flatten(conv3.forward(x)));
        (
            face_probability(&self.probability, x.clone()),
            self.offsets.forward(x),
        )
    }
}

impl ONet {
    /// Side of the crops.
    pub const SIDE_PX: usize = 48;

    /// The trained network.
    ///
    /// # Errors
    /// If the weights are damaged.
    pub fn new(device: &Device) -> Result<Self> {
        let weights = Weights::of("onet", device)?;
        Ok(Self {
            convs: [
                ConvPrelu::new(&weights, 1, [3, 32], 3)?,
                ConvPrelu::new(&weights, 2, [32, 64], 3)?,
                ConvPrelu::new(&weights, 3, [64, 64], 3)?,
                ConvPrelu::new(&weights, 4, [64, 128], 2)?,
            ],
            pool: pool(3),
            last_pool: pool(2),
            dense: DensePrelu::new(&weights, 5, [1152, 256])?,
            probability: weights.linear("dense6_1", [256, 2])?,
            offsets: weights.linear("dense6_2", [256, 4])?,
            landmarks: weights.linear("dense6_3", [256, 10])?,
        })
    }

    /// Probability that each crop holds a face, box offsets, and landmarks: five x, then five y,
    /// as fractions of the box from its left or top.
    ///
    /// # Shapes
    /// - input: `[batch, 3, 48, 48]`
    /// - outputs: `[batch, 1]`, `[batch, 4]` and `[batch, 10]`
    pub fn forward(&self, x: Tensor<4>) -> (Tensor<2>, Tensor<2>, Tensor<2>) {
        let [conv1, conv2, conv3, conv4] = &self.convs;
        let x = self.pool.forward(conv1.forward(x));
        let x = self.pool.forward(conv2.forward(x));
        let x = self.last_pool.forward(conv3.forward(x));
        let x = self.dense.forward(flatten(conv4.forward(x)));
        (
            face_probability(&self.probability, x.clone()),
            self.offsets.forward(x.clone()),
            self.landmarks.forward(x),
        )
    }
}

/// Convolution without padding, then PReLU.
#[derive(Module, Debug)]
struct ConvPrelu {
    conv: Conv2d,
    prelu: PRelu,
}

impl ConvPrelu {
    fn new(weights: &Weights, number: usize, channels: [usize; 2], kernel: usize) -> Result<Self> {
        Ok(Self {
            conv: weights.conv(&format!("conv{number}"), channels, kernel)?,
            prelu: weights.prelu(&format!("prelu{number}"), channels[1])?,
        })
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.prelu.forward(self.conv.forward(x))
    }
}

/// Dense layer, then PReLU.
#[derive(Module, Debug)]
struct DensePrelu {
    dense: Linear,
    prelu: PRelu,
}

impl DensePrelu {
    fn new(weights: &Weights, number: usize, features: [usize; 2]) -> Result<Self> {
        Ok(Self {
            dense: weights.linear(&format!("dense{number}"), features)?,
            prelu: weights.prelu(&format!("prelu{number}"), features[1])?,
        })
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.prelu.forward(self.dense.forward(x))
    }
}

/// Maximum over windows every 2 pixels. The last window may reach beyond the input: the networks
/// were trained in Caffe, which rounds output sizes up.
fn pool(kernel: usize) -> MaxPool2d {
    MaxPool2dConfig::new([kernel; 2])
        .with_strides([2, 2])
        .with_ceil_mode(true)
        .init()
}

/// `[batch, channels, height, width]` to `[batch, width * height * channels]`: the dense weights
/// come from a framework with columns first and channels last.
fn flatten(x: Tensor<4>) -> Tensor<2> {
    x.permute([0, 3, 2, 1]).flatten(1, 3)
}

/// The second of two classes, `[batch, 1]`.
fn face_probability(layer: &Linear, x: Tensor<2>) -> Tensor<2> {
    softmax(layer.forward(x), 1).narrow(1, 1, 1)
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Golden {
        pnet: Outputs,
        rnet: Outputs,
        onet: Outputs,
    }

    #[derive(Deserialize)]
    struct Outputs {
        /// Not a face and a face.
        probabilities: Vec<f32>,
        offsets: Vec<f32>,
        #[serde(default)]
        landmarks: Vec<f32>,
    }

    fn golden() -> Golden {
        let text = include_str!("../../tests/golden/mtcnn/networks.json");
        serde_json::from_str(text).expect("the golden file is sound")
    }

    /// The input of make_golden.py.
    fn formula(shape: [usize; 4], device: &Device) -> Tensor<4> {
        let values: Vec<f32> = (0..shape.iter().product())
            .map(|i: usize| (i * 37 % 251) as f32 / 128.0 - 1.0)
            .collect();
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    fn assert_close<const D: usize>(found: Tensor<D>, expected: &[f32]) {
        let found = found.into_data().try_into_vec::<f32>().expect("f32");
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 2e-3, "{found}, not {expected}");
        }
    }

    #[test]
    fn pnet_is_facenet_pytorchs() {
        let (device, golden) = (Device::flex(), golden().pnet);
        let (probability, offsets) = PNet::new(&device)
            .expect("the weights are sound")
            .forward(formula([1, 3, 17, 20], &device));
        assert_eq!(
            probability.dims(),
            [1, 1, PNet::windows(17), PNet::windows(20)]
        );
        let faces = &golden.probabilities[golden.probabilities.len() / 2..];
        assert_close(probability, faces);
        assert_close(offsets, &golden.offsets);
    }

    #[test]
    fn rnet_is_facenet_pytorchs() {
        let (device, golden) = (Device::flex(), golden().rnet);
        let (probability, offsets) = RNet::new(&device)
            .expect("the weights are sound")
            .forward(formula([2, 3, 24, 24], &device));
        let [_, first, _, second] = golden.probabilities[..] else {
            panic!("two crops have four probabilities");
        };
        assert_close(probability, &[first, second]);
        assert_close(offsets, &golden.offsets);
    }

    #[test]
    fn onet_is_facenet_pytorchs() {
        let (device, golden) = (Device::flex(), golden().onet);
        let (probability, offsets, landmarks) = ONet::new(&device)
            .expect("the weights are sound")
            .forward(formula([2, 3, 48, 48], &device));
        let [_, first, _, second] = golden.probabilities[..] else {
            panic!("two crops have four probabilities");
        };
        assert_close(probability, &[first, second]);
        assert_close(offsets, &golden.offsets);
        assert_close(landmarks, &golden.landmarks);
    }
}
