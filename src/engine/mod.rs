//! What runs the network: `CpuEngine` and `GpuEngine` behind one trait.

#[cfg(any(feature = "cpu", feature = "gpu"))]
mod buffer_plan;
#[cfg(feature = "cpu")]
mod cpu;
#[cfg(feature = "gpu")]
mod gpu;

#[cfg(feature = "cpu")]
pub use cpu::{CpuEngine, Precision, StepTime, int8_speedup};
#[cfg(feature = "gpu")]
pub use gpu::{Clock, GpuDevice, GpuEngine, GpuLimits, Storage};

use std::future::Future;

use crate::error::{Error, Result};
use crate::imaging::{MIN_SIDE_PX, Photo, Planes};
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
    check_finite(engine, &values)?;
    Planes::new(width, height, values)
}

/// Refuses a part of an engine's output.
///
/// # Errors
/// [`Error::EngineFailed`] if a value is not finite.
fn check_finite(engine: &'static str, values: &[f32]) -> Result<()> {
    match values.iter().find(|value| !value.is_finite()) {
        None => Ok(()),
        Some(value) => Err(Error::EngineFailed {
            engine,
            reason: format!("the network's output holds {value}"),
        }),
    }
}

/// Refuses a picture of fewer or more planes than a network takes.
///
/// # Errors
/// [`Error::ArgumentInvalid`] if `given` are not as many as `taken`.
fn check_planes(given: usize, taken: usize) -> Result<()> {
    if given == taken {
        return Ok(());
    }
    Err(Error::ArgumentInvalid(format!(
        "the picture has {given} planes, expected the network's {taken}"
    )))
}

/// Refuses pictures that are too small for the reflections at the network's lowest resolution.
///
/// # Errors
/// [`Error::ArgumentInvalid`] if a side is shorter than `least_px`.
fn check_sides(input: &Planes, least_px: usize) -> Result<()> {
    let (width, height) = (input.width(), input.height());
    if width.min(height) >= least_px {
        return Ok(());
    }
    Err(Error::ArgumentInvalid(format!(
        "planes of {width} x {height} pixels, expected sides of at least {least_px}"
    )))
}

/// A photo's picture, made from all of its planes at once.
async fn stylize_whole<E: Engine>(
    engine: &E,
    photo: Photo,
    guides: &[f32],
    progress: &mut impl Progress,
) -> Result<Photo> {
    let planes = Planes::extended(&photo, engine.min_side_px())?.with_guides(guides)?;
    let output = engine.stylize(&planes, progress).await?;
    drop(planes);
    output.to_photo(photo)
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

    /// Shortest side in pixels of a picture that [`Engine::stylize`] can be given.
    fn min_side_px(&self) -> usize {
        MIN_SIDE_PX
    }

    /// Runs the network. `progress` is told where the engine can know it.
    ///
    /// # Errors
    /// [`Error::ArgumentInvalid`] if a side is shorter than [`Engine::min_side_px`] or there are not as many
    /// planes as the network takes;
    /// [`Error::Memory`] if more would be needed than may be used, or than there is;
    /// [`Error::GpuCapacity`] if the GPU cannot hold it;
    /// [`Error::EngineFailed`], [`Error::GpuLost`] if the device went away, or what `progress` says.
    fn stylize(
        &self,
        input: &Planes,
        progress: &mut impl Progress,
    ) -> impl Future<Output = Result<Planes>>;

    /// Makes room for `bytes` of the caller's: if need be, what was kept for the next picture is let go.
    ///
    /// # Errors
    /// [`Error::Memory`] if they are more than may be used.
    fn make_room(&self, _bytes: u64) -> Result<()> {
        Ok(())
    }

    /// Lets go of what was kept for the next picture if another engine's `bytes` would be too much
    /// beside it.
    fn give_way(&self, _bytes: u64) {}

    /// Bytes that a photo of this size takes at most in [`Engine::stylize_photo`]; more than may be used
    /// if it is refused. 0 where nobody can know them, as of a GPU.
    fn peak_bytes(&self, _width: usize, _height: usize) -> u64 {
        0
    }

    /// Turns a photo into a picture of its size, with its alpha and in its memory, while the caller
    /// holds `held_bytes` besides, which count as the engine's own. `guides` are planes of the
    /// photo's size for a network that takes them ([`crate::face::draw_guides`]), else none.
    ///
    /// # Errors
    /// Those of [`Engine::stylize`], [`Planes::from_photo`] and [`Planes::with_guides`].
    fn stylize_photo(
        &self,
        photo: Photo,
        guides: &[f32],
        _held_bytes: u64,
        progress: &mut impl Progress,
    ) -> impl Future<Output = Result<Photo>>
    where
        Self: Sized,
    {
        stylize_whole(self, photo, guides, progress)
    }

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
                .stylize(
                    &KnownAnswer::input(style.generator().input_channels)?,
                    &mut |_: f32| {},
                )
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
