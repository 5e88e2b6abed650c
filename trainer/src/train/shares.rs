//! Data parallelism: each device takes a share of a batch, and their gradients are averaged.

use std::panic;
use std::thread;

use anyhow::{Result, ensure};
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{Device, Tensor};

use super::loader::Batch;

impl Batch {
    /// Equal parts of a batch of `samples`, in order.
    ///
    /// # Errors
    /// If it cannot be divided so.
    pub fn shares(self, samples: usize, count: usize) -> Result<Vec<Self>> {
        if count == 1 {
            return Ok(vec![self]);
        }
        ensure!(
            samples.is_multiple_of(count),
            "data.batch is {samples}, expected a multiple of the {count} devices"
        );
        let part = |values: &[f32], i: usize| {
            let len = values.len() / count;
            values[i * len..(i + 1) * len].to_vec()
        };
        let len = samples / count;
        Ok((0..count)
            .map(|i| Self {
                photo: part(&self.photo, i),
                target: part(&self.target, i),
                style: part(&self.style, i),
                smooth: part(&self.smooth, i),
                style_weights: part(&self.style_weights, i),
                guides: part(&self.guides, i),
                regression_weights: part(&self.regression_weights, i),
                landmarks: self.landmarks[i * len..(i + 1) * len].to_vec(),
            })
            .collect())
    }
}

/// Does `work` for all of `parts`, at the same time if there are several. The results are in their order.
///
/// # Errors
/// The first of theirs.
pub fn at_once<T: Send, R: Send>(
    parts: Vec<T>,
    work: impl Fn(usize, T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    if parts.len() == 1 {
        return parts.into_iter().map(|part| work(0, part)).collect();
    }
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = parts
            .into_iter()
            .enumerate()
            .map(|(i, part)| scope.spawn(move || work(i, part)))
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|why| panic::resume_unwind(why))
            })
            .collect()
    })
}

/// A module for a device whose gradients are to be averaged with those of others: the module itself on its own device.
pub fn replica<M: Module>(module: &M, index: usize, device: &Device) -> M {
    match index {
        0 => module.clone(),
        _ => module.clone().fork(device),
    }
}

/// The mean of gradients of a module's replicas, on the module's device.
pub fn mean<M: Module>(
    module: &M,
    gradients: Vec<GradientsParams>,
    device: &Device,
) -> GradientsParams {
    let count = gradients.len();
    let mut sum = GradientsAccumulator::new();
    for gradients in gradients {
        if count == 1 {
            return gradients;
        }
        sum.accumulate(module, gradients.to_device(device, module));
    }
    let mut gradients = sum.grads();
    module.visit(&mut Scale {
        gradients: &mut gradients,
        factor: 1.0 / count as f32,
    });
    gradients
}

/// Multiplies each gradient.
pub struct Scale<'a> {
    pub gradients: &'a mut GradientsParams,
    pub factor: f32,
}

impl ModuleVisitor for Scale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.gradients
                .register(param.id, gradient.mul_scalar(self.factor));
        }
    }
}
