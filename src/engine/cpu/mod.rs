//! The CPU engine: the network on [`crate::kernels`], without Burn.
//!
//! - `network`: a style's network as steps; `dense` and `depthwise` are what they compute, `builder`
//!   makes them
//! - `memory_plan` and `stream_plan`: what is where and made when, for pictures of one size
//! - `whole` and `streamed`: the two ways to run, on what `executor` and `bands` do for both

mod bands;
mod builder;
mod dense;
mod depthwise;
mod executor;
mod memory;
mod memory_plan;
mod network;
mod precision;
mod scratch;
mod self_timing;
mod stream_plan;
mod streamed;
#[cfg(test)]
mod tests;
mod whole;
mod window;

use std::sync::{Mutex, MutexGuard, PoisonError};

use fearless_simd::Level;

use self::bands::threads;
use self::executor::Observer;
use self::memory_plan::memory_plan;
use self::network::Network;
pub use self::precision::Precision;
use self::scratch::Scratch;
pub use self::self_timing::int8_speedup;
use self::stream_plan::StreamPlan;
use self::whole::Workspace;
use super::{
    Engine, KNOWN_ANSWER_LIMIT, Progress, check_planes, check_sides, finite_planes, stylize_whole,
};
use crate::error::{Error, Result};
use crate::imaging::{Photo, Planes};
use crate::style::Style;

/// The same as [`KNOWN_ANSWER_LIMIT`] for 8-bit products, which are off by 5e-3 at most with the
/// shipped compact style.
const INT8_KNOWN_ANSWER_LIMIT: f32 = 0.05;

/// Bytes that a picture may take where nothing else is said. A WebAssembly memory with threads ends
/// at 1 GiB, and holds the style and the module's own data too.
const MEMORY_BUDGET: u64 = if cfg!(target_family = "wasm") {
    975_000_000
} else {
    4_000_000_000
};

/// Runs a style on the CPU, with the best SIMD instructions that it has.
pub struct CpuEngine {
    network: Network,
    /// Shorter pictures are extended, as planes.
    min_side_px: usize,
    precision: Precision,
    memory_budget: u64,
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
            min_side_px: style.generator().min_side_px(),
            precision,
            memory_budget: MEMORY_BUDGET,
            workspace: Mutex::default(),
        }
    }

    /// With another limit to the bytes that a photo may take in [`Engine::stylize_photo`], by
    /// default 975 MB in WebAssembly and 4 GB elsewhere. Photos that would take more as a whole are
    /// streamed, which takes longer; those that take more even so are refused.
    pub fn with_memory_budget(mut self, bytes: u64) -> Self {
        self.memory_budget = bytes;
        self
    }

    /// Work of [`Engine::stylize_photo`] for a photo of this size, in multiply-accumulate operations:
    /// what is streamed makes some maps more than once.
    pub fn work(&self, width: usize, height: usize) -> f64 {
        match self.stream_plan([height, width], self.memory_budget) {
            None => self.network.macs() * width as f64 * height as f64,
            Some(plan) => plan.total_work(),
        }
    }

    fn bytes(&self, size: [usize; 2], plan: Option<&StreamPlan>) -> u64 {
        match plan {
            None => self.whole_bytes(size),
            Some(plan) => self.fixed_bytes(size).saturating_add(plan.bytes()),
        }
    }

    /// How a picture is streamed that should take no more than `budget` bytes; `None` if it is made
    /// as a whole.
    fn stream_plan(&self, size: [usize; 2], budget: u64) -> Option<StreamPlan<'_>> {
        let is_whole = self.whole_bytes(size) <= budget;
        let is_too_small = size.iter().any(|side| *side < self.min_side_px);
        // What does not fit for its photo alone is not worth a plan.
        let is_too_large = photo_bytes(size) > self.memory_budget;
        if is_whole || is_too_small || is_too_large {
            return None;
        }
        let memory = budget.saturating_sub(self.fixed_bytes(size));
        Some(StreamPlan::new(&self.network, size, memory))
    }

    /// The photo, feature maps, the last layer's rows, and the picture's planes before and after.
    fn whole_bytes(&self, size: [usize; 2]) -> u64 {
        let extended = self.extended(size);
        let planes = self.network.planes as u64 + 3;
        self.fixed_bytes(size)
            .saturating_add(self.map_bytes(extended))
            .saturating_add(whole::head_bytes(&self.network, extended))
            .saturating_add(photo_bytes(extended).saturating_mul(planes))
    }

    /// Feature maps of a picture that is made as a whole.
    fn map_bytes(&self, size: [usize; 2]) -> u64 {
        memory_plan(&self.network, size).len().saturating_mul(4)
    }

    /// The size of a photo's planes.
    fn extended(&self, size: [usize; 2]) -> [usize; 2] {
        size.map(|side| side.max(self.min_side_px))
    }

    /// The photo, and what the engine always holds.
    fn fixed_bytes(&self, size: [usize; 2]) -> u64 {
        photo_bytes(size).saturating_add(self.own_bytes())
    }

    /// Packed weights, and the threads' buffers.
    fn own_bytes(&self) -> u64 {
        let scratch = Scratch::most_bytes(self.network.widest()) * threads() as u64;
        self.network.weight_bytes() as u64 + scratch
    }

    /// Makes room for all that is needed at a time. Of the maps of earlier pictures, `used_again`
    /// bytes are among that.
    fn make_room_for(&self, needed_bytes: u64, used_again: u64) -> Result<()> {
        if needed_bytes > self.memory_budget {
            return Err(Error::Memory {
                needed_bytes,
                allowed_bytes: Some(self.memory_budget),
            });
        }
        let mut workspace = self.workspace();
        let idle = workspace.bytes().saturating_sub(used_again);
        if needed_bytes.saturating_add(idle) > self.memory_budget {
            workspace.drop_maps();
        }
        Ok(())
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
        check_sides(input, self.min_side_px)?;
        let size = [input.height(), input.width()];
        check_planes(input.count(), self.network.planes)?;
        self.make_room_for(self.whole_bytes(size), self.map_bytes(size))?;
        // Taken out, not locked, for a run may wait: another one would get memory of its own.
        let mut workspace = std::mem::take(&mut *self.workspace());
        let output = whole::run(
            &self.network,
            input.values(),
            size,
            &mut workspace,
            observer,
        );
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

    fn min_side_px(&self) -> usize {
        self.min_side_px
    }

    async fn stylize(&self, input: &Planes, progress: &mut impl Progress) -> Result<Planes> {
        self.run(input, &mut Report(progress)).await
    }

    fn make_room(&self, bytes: u64) -> Result<()> {
        self.make_room_for(bytes.saturating_add(self.own_bytes()), 0)
    }

    fn give_way(&self, bytes: u64) {
        let mut workspace = self.workspace();
        if workspace.bytes().saturating_add(bytes) > self.memory_budget {
            workspace.drop_maps();
        }
    }

    /// Whole or streamed: the photo itself, packed weights, feature maps, and what else there is at
    /// that time.
    fn peak_bytes(&self, width: usize, height: usize) -> u64 {
        let size = [height, width];
        self.bytes(size, self.stream_plan(size, self.memory_budget).as_ref())
    }

    async fn stylize_photo(
        &self,
        photo: Photo,
        guides: &[f32],
        held_bytes: u64,
        progress: &mut impl Progress,
    ) -> Result<Photo> {
        let size = [photo.height(), photo.width()];
        let area = photo.height() * photo.width();
        check_planes(3 + guides.len() / area, self.network.planes)?;
        let plan = self.stream_plan(size, self.memory_budget.saturating_sub(held_bytes));
        let maps = match plan {
            None => self.map_bytes(self.extended(size)),
            Some(_) => 0,
        };
        let bytes = self.bytes(size, plan.as_ref());
        self.make_room_for(held_bytes.saturating_add(bytes), maps)?;
        let Some(plan) = plan else {
            return stylize_whole(self, photo, guides, progress).await;
        };
        if !guides.is_empty() {
            // Faces are small: streaming guides is not worth its code.
            return Err(Error::Memory {
                needed_bytes: held_bytes.saturating_add(self.whole_bytes(size)),
                allowed_bytes: Some(self.memory_budget),
            });
        }
        // Maps of earlier pictures would be in the way.
        let mut scratches = std::mem::take(&mut *self.workspace()).scratches;
        let mut report = Report(progress);
        let output = streamed::run(&self.network, &plan, photo, &mut scratches, &mut report).await;
        self.workspace().scratches = scratches;
        output
    }
}

/// Bytes of a photo of `size` (height, width); a plane of floats takes as many.
fn photo_bytes([height, width]: [usize; 2]) -> u64 {
    (height as u64)
        .saturating_mul(width as u64)
        .saturating_mul(4)
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
