//! MTCNN's trained weights, which are part of the program, and layers made of them.

use anyhow::{Context, Result, ensure};
use burn::module::Param;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, LinearConfig, PRelu, PReluConfig};
use burn::tensor::{Device, Tensor, TensorData};
use half::f16;
use safetensors::{Dtype, SafeTensors};

/// Tensors of all three networks in f16, by network and PyTorch name, such as
/// `pnet.conv1.weight`; see `models/README.md`.
const FILE: &[u8] = include_bytes!("../../models/mtcnn.safetensors");

/// Weights of one of the networks.
pub(super) struct Weights<'a> {
    file: SafeTensors<'static>,
    network: &'static str,
    device: &'a Device,
}

impl<'a> Weights<'a> {
    /// Opens the weights of `network`: `pnet`, `rnet` or `onet`.
    ///
    /// # Errors
    /// If the file that was compiled in is damaged.
    pub fn of(network: &'static str, device: &'a Device) -> Result<Self> {
        Ok(Self {
            file: SafeTensors::deserialize(FILE).context("MTCNN's weights are damaged")?,
            network,
            device,
        })
    }

    /// A square convolution without padding, from `channels[0]` to `channels[1]`.
    ///
    /// # Errors
    /// If there is no such layer.
    pub fn conv(&self, layer: &str, channels: [usize; 2], kernel: usize) -> Result<Conv2d> {
        let [from, to] = channels;
        let mut conv = Conv2dConfig::new(channels, [kernel; 2]).init(self.device);
        conv.weight =
            Param::from_tensor(self.tensor(layer, "weight", [to, from, kernel, kernel])?);
        conv.bias = Some(Param::from_tensor(self.tensor(layer, "bias", [to])?));
        Ok(conv)
    }

    /// A dense layer from `features[0]` to `features[1]`.
    ///
    /// # Errors
    /// If there is no such layer.
    pub fn linear(&self, layer: &str, features: [usize; 2]) -> Result<Linear> {
        let [from, to] = features;
        let mut linear = LinearConfig::new(from, to).init(self.device);
        // PyTorch stores [to, from], Burn computes with [from, to].
        let weight = self.tensor(layer, "weight", [to, from])?.transpose();
        linear.weight = Param::from_tensor(weight);
        linear.bias = Some(Param::from_tensor(self.tensor(layer, "bias", [to])?));
        Ok(linear)
    }

    /// A PReLU with a slope for each of `channels`.
    ///
    /// # Errors
    /// If there is no such layer.
    pub fn prelu(&self, layer: &str, channels: usize) -> Result<PRelu> {
        let config = PReluConfig::new().with_num_parameters(channels);
        let mut prelu = config.init(self.device);
        prelu.alpha = Param::from_tensor(self.tensor(layer, "weight", [channels])?);
        Ok(prelu)
    }

    fn tensor<const D: usize>(
        &self,
        layer: &str,
        kind: &str,
        shape: [usize; D],
    ) -> Result<Tensor<D>> {
        let name = format!("{}.{layer}.{kind}", self.network);
        let view = self
            .file
            .tensor(&name)
            .with_context(|| format!("MTCNN's weights have no tensor {name}"))?;
        ensure!(
            view.dtype() == Dtype::F16 && view.shape() == shape,
            "MTCNN's tensor {name} is {:?} {:?}, expected F16 {shape:?}",
            view.dtype(),
            view.shape()
        );
        let values: Vec<f32> = view
            .data()
            .as_chunks()
            .0
            .iter()
            .map(|bytes| f16::from_le_bytes(*bytes).to_f32())
            .collect();
        Ok(Tensor::from_data(
            TensorData::new(values, shape),
            self.device,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_layers_are_named() {
        let device = Device::flex();
        let weights = Weights::of("pnet", &device).expect("the weights are sound");
        let missing = weights
            .conv("conv9", [3, 10], 3)
            .expect_err("no such layer");
        assert!(format!("{missing:#}").contains("pnet.conv9.weight"));
        let misfit = weights.prelu("prelu1", 11).expect_err("it has 10 channels");
        assert!(format!("{misfit:#}").contains("F16 [10], expected F16 [11]"));
    }
}
