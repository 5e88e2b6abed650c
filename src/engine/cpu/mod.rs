//! The CPU engine: the network on [`crate::kernels`], without Burn.

mod bands;
mod depthwise;
mod layer;
mod memory;
mod network;
mod self_timing;

use std::sync::{Mutex, MutexGuard, PoisonError};

use fearless_simd::Level;

use self::network::{Network, Observer, Workspace};
pub use self::self_timing::int8_speedup;
use super::{Engine, KNOWN_ANSWER_LIMIT, Progress, finite_planes};
use crate::error::Result;
use crate::imaging::Planes;
use crate::style::Style;

/// The same as [`KNOWN_ANSWER_LIMIT`] for 8-bit products, which are off by 5e-3 at most with the
/// shipped compact style.
const INT8_KNOWN_ANSWER_LIMIT: f32 = 0.05;

/// Numbers that the products of wide 1x1 layers are made of, which are most of a compact network's
/// work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floating point.
    #[default]
    F32,
    /// 8-bit integers, see [`crate::kernels::int8`]: faster where the processor multiplies bytes.
    /// Pictures of the shipped compact style keep a PSNR of about 60 dB.
    Int8,
}

/// Runs a style on the CPU, with the best SIMD instructions that it has.
pub struct CpuEngine {
    network: Network,
    precision: Precision,
    /// Kept between pictures: getting fresh memory costs a tenth of a small network's time.
    workspace: Mutex<Workspace>,
}

impl CpuEngine {
    /// Packs a style's weights.
    ///
    /// # Errors
    /// None of its own: a [`Style`]'s weights fit its network.
    pub fn new(style: &Style) -> Result<Self> {
        Ok(Self::with_precision(style, Precision::F32))
    }

    /// Packs a style's weights for products of this kind.
    pub fn with_precision(style: &Style, precision: Precision) -> Self {
        let level = Level::new();
        Self {
            network: Network::new(style.generator(), style.weights(), level, precision),
            precision,
            workspace: Mutex::default(),
        }
    }

    /// Bytes needed at most for a picture of this size: packed weights, feature maps, the
    /// picture's planes before and after.
    pub fn peak_bytes(&self, width: usize, height: usize) -> usize {
        let planes = 2 * 3 * 4 * width * height;
        self.network.weight_bytes() + self.network.map_bytes([height, width]) + planes
    }

    /// Runs the network and measures its layers with `now`, a clock in milliseconds.
    ///
    /// # Errors
    /// Those of [`Engine::stylize`].
    pub async fn profile(&self, input: &Planes, now: impl Fn() -> f64) -> Result<Vec<StepTime>> {
        let mut times = Times {
            started: now(),
            now,
            steps: Vec::new(),
        };
        self.run(input, &mut times).await?;
        Ok(times.steps)
    }

    async fn run(&self, input: &Planes, observer: &mut impl Observer) -> Result<Planes> {
        let size = [input.height(), input.width()];
        // Taken out, not locked, for a run may wait: another one would get memory of its own.
        let mut workspace = std::mem::take(&mut *self.workspace());
        let output = self
            .network
            .run(input.values(), size, &mut workspace, observer);
        let output = output.await;
        *self.workspace() = workspace;
        finite_planes(self.name(), size, output?)
    }

    fn workspace(&self) -> MutexGuard<'_, Workspace> {
        // Nothing that a run reads is left behind in it.
        self.workspace
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine for CpuEngine {
    fn name(&self) -> &'static str {
        "cpu"
    }

    fn known_answer_limit(&self) -> f32 {
        match self.precision {
            Precision::F32 => KNOWN_ANSWER_LIMIT,
            Precision::Int8 => INT8_KNOWN_ANSWER_LIMIT,
        }
    }

    async fn stylize(&self, input: &Planes, progress: &mut impl Progress) -> Result<Planes> {
        self.run(input, &mut Report(progress)).await
    }
}

/// Time of one layer of a run.
#[derive(Clone, Debug)]
pub struct StepTime {
    /// Module path.
    pub name: String,
    /// Multiply-accumulate operations of the direct convolution.
    pub macs: f64,
    /// Milliseconds.
    pub ms: f64,
}

/// Passes progress on.
struct Report<'a, P>(&'a mut P);

impl<P: Progress> Observer for Report<'_, P> {
    async fn progress(&mut self, share: f32) -> Result<()> {
        self.0.report(share).await
    }
}

/// Measures the layers.
struct Times<F> {
    now: F,
    started: f64,
    steps: Vec<StepTime>,
}

impl<F: Fn() -> f64> Observer for Times<F> {
    async fn progress(&mut self, _share: f32) -> Result<()> {
        Ok(())
    }

    fn step_done(&mut self, name: &str, macs: f64) {
        let now = (self.now)();
        self.steps.push(StepTime {
            name: name.to_owned(),
            macs,
            ms: now - self.started,
        });
        self.started = now;
    }
}
