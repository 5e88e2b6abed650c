//! The engine that draws pictures: the CPU's or a GPU's.

use std::sync::OnceLock;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::ValueEnum;
use futures_lite::future::block_on;
use nijigen::engine::{CpuEngine, Engine, GpuDevice, GpuEngine, GpuLimits, Progress};
use nijigen::imaging::{Photo, Planes};
use nijigen::style::Style;

/// What pictures are drawn on, as an argument says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DeviceChoice {
    /// The processor, on all its cores.
    #[default]
    Cpu,
    /// A graphics processor, by Vulkan, Metal or Direct3D.
    Gpu,
}

/// What engines run on.
pub enum DrawingDevice {
    Cpu,
    Gpu(GpuDevice),
}

impl DrawingDevice {
    /// # Errors
    /// If there is no such device.
    pub fn acquire(choice: DeviceChoice) -> Result<Self> {
        Ok(match choice {
            DeviceChoice::Cpu => Self::Cpu,
            DeviceChoice::Gpu => Self::Gpu(
                block_on(GpuDevice::acquire(GpuLimits::default(), now))
                    .context("there is no GPU to draw with; \"--device cpu\" needs none")?,
            ),
        })
    }

    /// In words, for whoever wants to know what drew the pictures.
    pub fn description(&self) -> String {
        match self {
            Self::Cpu => "the CPU".into(),
            Self::Gpu(device) => device.description(),
        }
    }

    /// An engine with a style, whose known answer is not checked yet.
    ///
    /// # Errors
    /// If it cannot run the style.
    pub fn load(&self, style: &Style) -> nijigen::Result<DrawingEngine> {
        Ok(match self {
            Self::Cpu => DrawingEngine::Cpu(Box::new(CpuEngine::new(style)?)),
            Self::Gpu(device) => {
                DrawingEngine::Gpu(Box::new(block_on(GpuEngine::on(device, style))?))
            }
        })
    }
}

/// Milliseconds since the first call.
fn now() -> f64 {
    static STARTED: OnceLock<Instant> = OnceLock::new();
    STARTED.get_or_init(Instant::now).elapsed().as_secs_f64() * 1e3
}

/// One of the engines.
pub enum DrawingEngine {
    Cpu(Box<CpuEngine>),
    Gpu(Box<GpuEngine>),
}

/// Calls the same of the engine that it is.
macro_rules! of_either {
    ($self:ident, $engine:ident => $call:expr) => {
        match $self {
            Self::Cpu($engine) => $call,
            Self::Gpu($engine) => $call,
        }
    };
}

impl Engine for DrawingEngine {
    fn name(&self) -> &'static str {
        of_either!(self, engine => engine.name())
    }

    fn known_answer_limit(&self) -> f32 {
        of_either!(self, engine => engine.known_answer_limit())
    }

    fn min_side_px(&self) -> usize {
        of_either!(self, engine => engine.min_side_px())
    }

    async fn stylize(
        &self,
        input: &Planes,
        progress: &mut impl Progress,
    ) -> nijigen::Result<Planes> {
        of_either!(self, engine => engine.stylize(input, progress).await)
    }

    fn make_room(&self, bytes: u64) -> nijigen::Result<()> {
        of_either!(self, engine => engine.make_room(bytes))
    }

    fn give_way(&self, bytes: u64) {
        of_either!(self, engine => engine.give_way(bytes));
    }

    fn peak_bytes(&self, width: usize, height: usize) -> u64 {
        of_either!(self, engine => engine.peak_bytes(width, height))
    }

    async fn stylize_photo(
        &self,
        photo: Photo,
        guides: &[f32],
        held_bytes: u64,
        progress: &mut impl Progress,
    ) -> nijigen::Result<Photo> {
        of_either!(self, engine => engine.stylize_photo(photo, guides, held_bytes, progress).await)
    }

    async fn known_answer_error(&self, style: &Style) -> nijigen::Result<Option<f32>> {
        of_either!(self, engine => engine.known_answer_error(style).await)
    }
}
