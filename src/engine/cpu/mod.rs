//! The CPU engine: the network on [`crate::kernels`], without Burn.

mod layer;
mod memory;
mod network;

use std::sync::{Mutex, PoisonError};

use fearless_simd::Level;

use self::network::{Network, Workspace};
use super::{Engine, finite_planes};
use crate::error::Result;
use crate::imaging::Planes;
use crate::style::Style;

/// Runs a style on the CPU, with the best SIMD instructions that it has.
pub struct CpuEngine {
    network: Network,
    /// Kept between pictures: getting fresh memory costs a tenth of a small network's time.
    workspace: Mutex<Workspace>,
}

impl CpuEngine {
    /// Packs a style's weights.
    ///
    /// # Errors
    /// None of its own: a [`Style`]'s weights fit its network.
    pub fn new(style: &Style) -> Result<Self> {
        let network = Network::new(style.generator(), style.weights(), Level::new());
        Ok(Self {
            network,
            workspace: Mutex::default(),
        })
    }

    /// Bytes needed at most for a picture of this size: packed weights, feature maps, the
    /// picture's planes before and after.
    pub fn peak_bytes(&self, width: usize, height: usize) -> usize {
        let planes = 2 * 3 * 4 * width * height;
        self.network.weight_bytes() + self.network.map_bytes([height, width]) + planes
    }
}

impl Engine for CpuEngine {
    fn name(&self) -> &'static str {
        "cpu"
    }

    async fn stylize(&self, input: &Planes, progress: &mut dyn FnMut(f32)) -> Result<Planes> {
        let size = [input.height(), input.width()];
        // A workspace left behind by a panic holds nothing that the next run reads.
        let mut workspace = self
            .workspace
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let output = self
            .network
            .run(input.values(), size, &mut workspace, progress)?;
        finite_planes(self.name(), size, output)
    }
}
