//! The GPU engine: burn-wgpu, on WebGPU in the browser.

use std::cell::OnceCell;
use std::sync::Mutex;

use burn::tensor::{Device, Tensor, TensorData};
use burn_wgpu::WgpuBackend;
use futures_channel::oneshot;
use futures_lite::future;
use futures_util::FutureExt;
use futures_util::future::Shared;

use super::{Engine, Progress, check_planes, check_sides, finite_planes};
use crate::error::{Error, Result};
use crate::imaging::Planes;
use crate::model::Generator;
use crate::style::Style;

thread_local! {
    /// The runtime can be registered only once in a process (or wasm instance), so it is kept.
    static CONTEXT: OnceCell<Context> = const { OnceCell::new() };
}

/// A device, and the news that it was lost.
#[derive(Clone)]
struct Context {
    device: Device,
    lost: Shared<oneshot::Receiver<String>>,
}

/// Runs a style on a GPU.
pub struct GpuEngine {
    context: Context,
    generator: Generator,
}

impl GpuEngine {
    /// Acquires the GPU (once a process) and loads a style. Which adapter is acceptable is the
    /// caller's decision: a browser's fallback adapters are slower than the CPU engine.
    ///
    /// # Errors
    /// [`Error::EngineFailed`] if there is no WebGPU device; [`Error::GpuLost`] if the device is gone; and those of
    /// [`crate::model::GeneratorConfig::init_with`].
    pub async fn new(style: &Style) -> Result<Self> {
        let context = match CONTEXT.with(|cell| cell.get().cloned()) {
            Some(context) => context,
            None => {
                let context = acquire().await?;
                CONTEXT.with(|cell| cell.get_or_init(|| context).clone())
            }
        };
        let weights = style.weights();
        let generator = style.generator().init_with(weights, &context.device)?;
        Ok(Self { context, generator })
    }
}

impl Engine for GpuEngine {
    fn name(&self) -> &'static str {
        "gpu"
    }

    fn min_side_px(&self) -> usize {
        self.generator.config().min_side_px()
    }

    async fn stylize(&self, input: &Planes, _progress: &mut impl Progress) -> Result<Planes> {
        check_sides(input, self.min_side_px())?;
        check_planes(input.count(), self.generator.config().input_channels)?;
        // Queueing says nothing of the work that is done, so no progress is reported.
        let read = async {
            let failed = |reason: String| Error::EngineFailed {
                engine: self.name(),
                reason,
            };
            let size = [input.height(), input.width()];
            let data = TensorData::new(
                input.values().to_vec(),
                [1, input.count(), size[0], size[1]],
            );
            let x = Tensor::from_data(data, &self.context.device);
            let output = self.generator.forward(x);
            let values = output
                .into_data_async()
                .await
                .map_err(|error| failed(format!("{error:?}")))?
                .try_into_vec::<f32>()
                .map_err(|error| failed(format!("{error:?}")))?;
            finite_planes(self.name(), size, values)
        };
        // Read-backs of a lost device may never complete, or fail without saying why.
        match future::or(self.context.lost(), read).await {
            Err(error) => self.context.lost().now_or_never().unwrap_or(Err(error)),
            output => output,
        }
    }
}

/// Acquires a WebGPU device and listens for its loss.
async fn acquire() -> Result<Context> {
    let (device, setup) = Device::wgpu_options()
        .graphics_api(WgpuBackend::WebGpu)
        .init_with_setup_async()
        .await
        .map_err(|error| Error::EngineFailed {
            engine: "gpu",
            reason: error.to_string(),
        })?;
    let (sender, receiver) = oneshot::channel();
    let sender = Mutex::new(Some(sender));
    setup
        .device
        .set_device_lost_callback(move |reason, message| {
            let sender = sender.lock().ok().and_then(|mut sender| sender.take());
            if let Some(sender) = sender {
                // Nobody listens if no picture is being made; the next one will hear of it.
                let _ = sender.send(format!("{reason:?}: {message}"));
            }
        });
    Ok(Context {
        device,
        lost: receiver.shared(),
    })
}

impl Context {
    /// Completes when the device is lost, never otherwise.
    async fn lost<T>(&self) -> Result<T> {
        match self.lost.clone().await {
            Ok(reason) => Err(Error::GpuLost(reason)),
            // The callback was dropped without being called.
            Err(_) => future::pending().await,
        }
    }
}
