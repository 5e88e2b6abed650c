//! The GPU engine: the network in fused kernels on WebGPU, in browsers and natively.
//!
//! - `network`: a style's network as steps, with `weights` as the shaders read them
//! - `kernel`: the kinds of pipelines and their texts; `pipelines` compiles them; `parameters` is what they are told
//! - `size_plan`: what a picture of one size needs, before it is allocated (`workspace`)
//! - `run`: one picture, in submissions that `recorder` measures out by the device's `pace`
//! - `device`: the device, and the news of what goes wrong on it

mod bindings;
mod device;
mod kernel;
mod loaded;
mod network;
mod pace;
mod parameters;
mod picture;
mod pipelines;
mod read_back;
mod recorder;
mod run;
mod size_plan;
mod step_geometry;
#[cfg(test)]
mod traffic;
mod weights;
mod workspace;

use std::cell::{Cell, OnceCell, RefCell};

pub use self::device::{Clock, GpuDevice, GpuLimits};
pub use self::kernel::Storage;
use self::loaded::Loaded;
use self::network::Network;
use self::size_plan::{Capacity, SizePlan};
use self::workspace::Workspace;
use super::{Engine, Progress, check_planes, check_sides, finite_planes};
use crate::error::{Error, Result};
use crate::imaging::Planes;
use crate::model::GeneratorConfig;
use crate::style::{KnownAnswer, Style};

/// How often the known answer must come out right: some drivers compute only the first picture right.
const KNOWN_ANSWERS: usize = 3;
/// Largest accepted error against a style's known answer with maps in half precision.
const F16_KNOWN_ANSWER_LIMIT: f32 = 5e-3;

thread_local! {
    /// Shared by the networks of a process: a second device has caches and memory of its own.
    static DEVICE: OnceCell<GpuDevice> = const { OnceCell::new() };
}

/// Runs a style on a GPU.
pub struct GpuEngine {
    device: GpuDevice,
    loaded: Loaded,
    min_side_px: usize,
    /// In which maps are stored; by default f32 where that fits, else f16.
    storage: Option<Storage>,
    known_answer: Option<KnownAnswer>,
    /// Whether half precision reproduces that.
    f16_is_right: Cell<bool>,
    /// Kept between pictures of the same size.
    workspace: RefCell<Option<Workspace>>,
}

impl GpuEngine {
    /// Loads a style onto the device of this thread, which is acquired first if there is none yet.
    ///
    /// # Errors
    /// Those of [`GpuDevice::acquire`] and [`GpuEngine::on`].
    pub async fn new(style: &Style, now: Clock) -> Result<Self> {
        Self::on(&shared_device(now).await?, style).await
    }

    /// Acquires the device of this thread, and compiles what a network of this variant (`full`, `compact` or `tiny`) needs
    /// as a rule. Others are compiled when they are loaded.
    ///
    /// # Errors
    /// Those of [`GpuDevice::acquire`]; [`Error::EngineFailed`] if the device refuses shaders.
    pub async fn warm_up(variant: &str, now: Clock) -> Result<()> {
        let device = shared_device(now).await?;
        let config = match variant {
            "full" => GeneratorConfig::animegan2(),
            "compact" => GeneratorConfig::compact(),
            "tiny" => GeneratorConfig::tiny(),
            _ => return Ok(()),
        };
        let kernels = config
            .layers()
            .into_iter()
            .skip(1)
            .map(|layer| network::kernel(&layer));
        device
            .unless_lost(device.prepare(kernels, Storage::F32))
            .await
    }

    /// Loads a style onto a device.
    ///
    /// # Errors
    /// [`Error::EngineFailed`] if the device refuses shaders or weights; [`Error::GpuLost`] if it is gone.
    pub async fn on(device: &GpuDevice, style: &Style) -> Result<Self> {
        let network = Network::new(style.generator(), style.weights())?;
        let kernels: Vec<_> = network.steps.iter().map(|step| step.kernel).collect();
        let load = async {
            device.prepare(kernels, Storage::F32).await?;
            Loaded::new(device, network).await
        };
        Ok(Self {
            device: device.clone(),
            loaded: device.unless_lost(load).await?,
            min_side_px: style.generator().min_side_px(),
            storage: None,
            known_answer: style.header().known_answer.clone(),
            f16_is_right: Cell::new(false),
            workspace: RefCell::default(),
        })
    }

    /// With maps stored so, whether or not others would fit.
    pub fn with_storage(mut self, storage: Storage) -> Self {
        self.storage = Some(storage);
        self
    }

    /// How maps of a picture of this size are stored.
    ///
    /// # Errors
    /// [`Error::GpuCapacity`] with the numbers if the device cannot hold what is needed.
    pub fn storage_for(&self, width: usize, height: usize) -> Result<Storage> {
        Ok(self.plan([width, height])?.storage)
    }

    fn plan(&self, size: [usize; 2]) -> Result<SizePlan> {
        let capacity = Capacity::of(self.device.limits());
        match self.storage {
            None => SizePlan::new(&self.loaded.network, size, capacity),
            Some(storage) => SizePlan::stored(&self.loaded.network, size, capacity, storage),
        }
    }

    async fn draw(&self, input: &Planes, progress: &mut impl Progress) -> Result<Planes> {
        check_sides(input, self.min_side_px)?;
        check_planes(input.count(), self.loaded.network.maps[0].channels)?;
        let plan = self
            .plan([input.width(), input.height()])
            .inspect_err(|_| {
                // The engine that draws it instead may share its memory with the GPU.
                self.workspace.take();
            })?;
        if plan.storage == Storage::F16 && !self.f16_is_right.get() {
            self.check_f16().await?;
        }
        self.draw_as(plan, input, progress).await
    }

    async fn draw_as(
        &self,
        plan: SizePlan,
        input: &Planes,
        progress: &mut impl Progress,
    ) -> Result<Planes> {
        let size = [input.height(), input.width()];
        // Taken out, not borrowed, for a run may wait: another one would get buffers of its own.
        let kept = self.workspace.take();
        let kept =
            kept.filter(|kept| kept.plan.size == plan.size && kept.plan.storage == plan.storage);
        let run = async {
            let workspace = match kept {
                Some(workspace) => workspace,
                None => {
                    Workspace::new(
                        &self.device,
                        &self.loaded.network,
                        plan,
                        &self.loaded.affine,
                    )
                    .await?
                }
            };
            let output = run::run(&self.device, &self.loaded, &workspace, input, progress).await;
            self.workspace.replace(Some(workspace));
            output
        };
        finite_planes(self.name(), size, self.device.unless_lost(run).await?)
    }

    /// Compiles for maps in half precision, and tries that with the known answer.
    async fn check_f16(&self) -> Result<()> {
        let kernels = self.loaded.network.steps.iter().map(|step| step.kernel);
        self.device.prepare(kernels, Storage::F16).await?;
        if let Some(answer) = &self.known_answer {
            let input = KnownAnswer::input(self.loaded.network.maps[0].channels)?;
            let size = [input.width(), input.height()];
            let capacity = Capacity::of(self.device.limits());
            for _ in 0..KNOWN_ANSWERS {
                let plan = SizePlan::stored(&self.loaded.network, size, capacity, Storage::F16)?;
                let error = answer.error(&self.draw_as(plan, &input, &mut |_: f32| {}).await?);
                if error > F16_KNOWN_ANSWER_LIMIT {
                    return Err(Error::KnownAnswer {
                        engine: self.name(),
                        error,
                        limit: F16_KNOWN_ANSWER_LIMIT,
                    });
                }
            }
        }
        self.f16_is_right.set(true);
        Ok(())
    }
}

impl Engine for GpuEngine {
    fn name(&self) -> &'static str {
        "gpu"
    }

    fn min_side_px(&self) -> usize {
        self.min_side_px
    }

    fn known_answer_limit(&self) -> f32 {
        match self.storage {
            Some(Storage::F16) => F16_KNOWN_ANSWER_LIMIT,
            _ => super::KNOWN_ANSWER_LIMIT,
        }
    }

    async fn stylize(&self, input: &Planes, progress: &mut impl Progress) -> Result<Planes> {
        self.draw(input, progress).await
    }

    /// The largest of several runs.
    async fn known_answer_error(&self, style: &Style) -> Result<Option<f32>> {
        let Some(answer) = &style.header().known_answer else {
            return Ok(None);
        };
        let input = KnownAnswer::input(style.generator().input_channels)?;
        let mut error = 0.0_f32;
        for _ in 0..KNOWN_ANSWERS {
            let output = self.stylize(&input, &mut |_: f32| {}).await?;
            error = error.max(answer.error(&output));
        }
        Ok(Some(error))
    }
}

/// The device of this thread.
async fn shared_device(now: Clock) -> Result<GpuDevice> {
    if let Some(device) = DEVICE.with(|cell| cell.get().cloned()) {
        return Ok(device);
    }
    let device = GpuDevice::acquire(GpuLimits::default(), now).await?;
    Ok(DEVICE.with(|cell| cell.get_or_init(|| device).clone()))
}

fn failed(reason: String) -> Error {
    Error::EngineFailed {
        engine: "gpu",
        reason,
    }
}
