//! The CPU engine: Burn's flex backend, with SIMD where the target has it.

use burn::tensor::Device;

use super::{Engine, burn_run};
use crate::error::Result;
use crate::imaging::Planes;
use crate::model::Generator;
use crate::style::Style;

/// Runs a style on the CPU.
pub struct CpuEngine {
    device: Device,
    generator: Generator,
}

impl CpuEngine {
    /// Loads a style.
    ///
    /// # Errors
    /// Those of [`crate::model::GeneratorConfig::init_with`].
    pub fn new(style: &Style) -> Result<Self> {
        let device = Device::flex();
        let generator = style.generator().init_with(style.weights(), &device)?;
        Ok(Self { device, generator })
    }
}

impl Engine for CpuEngine {
    fn name(&self) -> &'static str {
        "cpu"
    }

    async fn stylize(&self, input: &Planes, progress: &mut dyn FnMut(f32)) -> Result<Planes> {
        let output = burn_run::forward(&self.generator, &self.device, input, progress);
        burn_run::read(self.name(), output).await
    }
}
