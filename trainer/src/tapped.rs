//! The network in Burn as an engine whose values can be seen, and changed, on their way.

use burn::tensor::{Device, Tensor, TensorData};
use nijigen::engine::{Engine, Progress};
use nijigen::imaging::Planes;
use nijigen::model::{Generator, Layer, Tap};
use nijigen::style::Style;
use nijigen::{Error, Result};

use crate::picture::tensor_values;

/// Runs a style's network with a `tap`, see [`Generator::forward_tapped`].
pub struct TappedEngine<F> {
    generator: Generator,
    device: Device,
    tap: F,
}

impl<F: Fn(&Layer, Tap, Tensor<4>) -> Tensor<4>> TappedEngine<F> {
    /// Loads the weights onto the device.
    ///
    /// # Errors
    /// Those of [`nijigen::model::GeneratorConfig::init_with`].
    pub fn new(style: &Style, device: &Device, tap: F) -> Result<Self> {
        Ok(Self {
            generator: style.generator().init_with(style.weights(), device)?,
            device: device.clone(),
            tap,
        })
    }
}

impl<F: Fn(&Layer, Tap, Tensor<4>) -> Tensor<4>> Engine for TappedEngine<F> {
    fn name(&self) -> &'static str {
        "burn"
    }

    fn min_side_px(&self) -> usize {
        self.generator.config().min_side_px()
    }

    async fn stylize(&self, input: &Planes, _progress: &mut impl Progress) -> Result<Planes> {
        let shape = [1, input.count(), input.height(), input.width()];
        let data = TensorData::new(input.values().to_vec(), shape);
        let x = Tensor::from_data(data, &self.device);
        let output = self.generator.forward_tapped(x, &self.tap);
        let values = tensor_values(output).map_err(|error| Error::EngineFailed {
            engine: self.name(),
            reason: format!("{error:#}"),
        })?;
        Planes::new(input.width(), input.height(), values)
    }
}
