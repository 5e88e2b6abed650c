//! What runs the network: `CpuEngine` and `GpuEngine` behind one trait.

#[cfg(feature = "cpu")]
mod cpu;
#[cfg(feature = "gpu")]
mod gpu;

#[cfg(feature = "cpu")]
pub use cpu::{CpuEngine, Precision, StepTime, int8_speedup};
#[cfg(feature = "gpu")]
pub use gpu::GpuEngine;

use std::future::Future;

use crate::error::{Error, Result};
use crate::imaging::Planes;
use crate::style::{KnownAnswer, Style};

/// Largest accepted error against a style's known answer, in units of the [-1, 1] range. GPUs
/// may reorder sums and use fast transcendental functions, which costs up to some 1e-5; a wrong
/// kernel is off by far more.
pub const KNOWN_ANSWER_LIMIT: f32 = 2e-3;

/// An engine's output as planes of `[height, width]`.
///
/// # Errors
/// [`Error::EngineFailed`] if a value is not finite, or there are not as many as there should be.
fn finite_planes(
    engine: &'static str,
    [height, width]: [usize; 2],
    values: Vec<f32>,
) -> Result<Planes> {
    if let Some(value) = values.iter().find(|value| !value.is_finite()) {
        let reason = format!("the network's output holds {value}");
        return Err(Error::EngineFailed { engine, reason });
    }
    Planes::new(width, height, values)
}

/// Is told how a conversion goes.
pub trait Progress {
    /// The share of the work that is done (0 to 1).
    ///
    /// # Errors
    /// Any error, such as [`Error::Cancelled`], ends the conversion.
    fn report(&mut self, share: f32) -> impl Future<Output = Result<()>>;
}

impl<F: FnMut(f32)> Progress for F {
    async fn report(&mut self, share: f32) -> Result<()> {
        self(share);
        Ok(())
    }
}

/// A style loaded onto a device, ready to run.
pub trait Engine {
    /// `cpu` or `gpu`.
    fn name(&self) -> &'static str;

    /// Largest accepted error against a style's known answer.
    fn known_answer_limit(&self) -> f32 {
        KNOWN_ANSWER_LIMIT
    }

    /// Runs the network. `progress` is told where the engine can know it.
    ///
    /// # Errors
    /// [`Error::EngineFailed`], [`Error::GpuLost`] if the device went away, or what `progress`
    /// says.
    fn stylize(
        &self,
        input: &Planes,
        progress: &mut impl Progress,
    ) -> impl Future<Output = Result<Planes>>;

    /// Error against the style's known answer; `None` if it has none.
    ///
    /// # Errors
    /// Those of [`Engine::stylize`].
    fn known_answer_error(&self, style: &Style) -> impl Future<Output = Result<Option<f32>>> {
        async {
            let Some(answer) = &style.header().known_answer else {
                return Ok(None);
            };
            let output = self
                .stylize(&KnownAnswer::input()?, &mut |_: f32| {})
                .await?;
            Ok(Some(answer.error(&output)))
        }
    }

    /// Refuses an engine that does not reproduce the style's known answer.
    ///
    /// # Errors
    /// [`Error::KnownAnswer`] with the error found, or those of [`Engine::stylize`].
    fn check_known_answer(&self, style: &Style) -> impl Future<Output = Result<()>> {
        async {
            let limit = self.known_answer_limit();
            match self.known_answer_error(style).await? {
                Some(error) if error > limit => Err(Error::KnownAnswer {
                    engine: self.name(),
                    error,
                    limit,
                }),
                _ => Ok(()),
            }
        }
    }
}
