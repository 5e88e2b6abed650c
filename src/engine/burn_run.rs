//! Running a [`Generator`] on a Burn device; shared by the engines.

use burn::tensor::{Device, Tensor, TensorData};

use crate::error::{Error, Result};
use crate::imaging::Planes;
use crate::model::Generator;

/// Queues the network for `input` on `device`. On the CPU the work is done when this returns, and
/// `progress` is told its share by the cost of the layers; on a GPU it is merely queued.
pub(super) fn forward(
    generator: &Generator,
    device: &Device,
    input: &Planes,
    mut progress: impl FnMut(f32),
) -> Tensor<4> {
    let costs = generator.config().step_macs_per_pixel();
    let total: f64 = costs.iter().sum();
    let mut done = 0.0;
    let shape = [1, 3, input.height(), input.width()];
    let x = Tensor::from_data(TensorData::new(input.values().to_vec(), shape), device);
    generator.forward_observed(x, |step, _| {
        done += costs[step];
        progress((done / total) as f32);
    })
}

/// Reads the network's output. The only read-back that works in a browser is the asynchronous one.
pub(super) async fn read(engine: &'static str, output: Tensor<4>) -> Result<Planes> {
    let failed = |reason: String| Error::EngineFailed { engine, reason };
    let [_, _, height, width] = output.dims();
    let values = output
        .into_data_async()
        .await
        .map_err(|error| failed(format!("{error:?}")))?
        .try_into_vec::<f32>()
        .map_err(|error| failed(format!("{error:?}")))?;
    if let Some(value) = values.iter().find(|value| !value.is_finite()) {
        return Err(failed(format!("the network's output holds {value}")));
    }
    Planes::new(width, height, values)
}
