//! Collects dispatches, and submits as many at a time as the device does in a fraction of a second.

use super::device::GpuDevice;
use super::pace::Pace;
use crate::engine::Progress;
use crate::error::Result;

/// Bytes from one dispatch's parameters to the next one's: to such multiples every device can bind.
const SLOT_BYTES: u64 = 256;
/// Dispatches of a submission.
const SLOTS: u64 = 256;
/// Bytes of the parameters of a submission.
pub const SLOTS_BYTES: u64 = SLOTS * SLOT_BYTES;

/// What a dispatch is made of.
pub struct Dispatch<'a> {
    pub pipeline: &'a wgpu::ComputePipeline,
    pub bind_group: &'a wgpu::BindGroup,
    pub parameters: &'a [u32],
    pub workgroups: [u32; 3],
    /// Work of it.
    pub cost: f64,
}

/// A run's dispatches.
pub struct Recorder<'a, P> {
    device: &'a GpuDevice,
    parameters: &'a wgpu::Buffer,
    progress: &'a mut P,
    encoder: wgpu::CommandEncoder,
    /// Of the dispatches that are not submitted yet.
    words: Vec<u32>,
    cost: f64,
    done: f64,
    total: f64,
}

impl<'a, P: Progress> Recorder<'a, P> {
    /// For a run whose work is `total`, with a buffer of [`SLOTS_BYTES`].
    pub fn new(
        device: &'a GpuDevice,
        parameters: &'a wgpu::Buffer,
        progress: &'a mut P,
        total: f64,
    ) -> Self {
        Self {
            device,
            parameters,
            progress,
            encoder: encoder(device),
            words: Vec::new(),
            cost: 0.0,
            done: 0.0,
            total,
        }
    }

    /// The work of one dispatch, and what is left for this submission.
    pub fn pace(&self) -> Pace {
        self.device.pace()
    }

    /// Adds a dispatch, after submitting those before it if there are enough.
    ///
    /// # Errors
    /// Those of [`Recorder::submit`].
    pub async fn dispatch(&mut self, dispatch: Dispatch<'_>) -> Result<()> {
        let is_full = self.words.len() as u64 * 4 >= SLOTS_BYTES;
        let is_enough = self.cost > 0.0 && self.cost + dispatch.cost > self.pace().submission();
        if is_full || is_enough {
            self.submit().await?;
        }
        let slot = self.words.len() as u32 * 4;
        self.words.extend(dispatch.parameters);
        let slots = self.words.len().next_multiple_of(SLOT_BYTES as usize / 4);
        self.words.resize(slots, 0);
        let mut pass = self
            .encoder
            .begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(dispatch.pipeline);
        pass.set_bind_group(0, dispatch.bind_group, &[slot]);
        let [x, y, z] = dispatch.workgroups;
        pass.dispatch_workgroups(x, y, z);
        self.cost += dispatch.cost;
        Ok(())
    }

    /// Adds a copy.
    pub fn copy(&mut self, from: &wgpu::Buffer, to: &wgpu::Buffer, at: u64, bytes: u64) {
        self.encoder.copy_buffer_to_buffer(from, 0, to, at, bytes);
    }

    /// Submits what was collected, and waits for it.
    ///
    /// # Errors
    /// [`crate::Error::EngineFailed`] if any of it was invalid, or what the progress says.
    pub async fn submit(&mut self) -> Result<()> {
        let device = self.device;
        let encoder = std::mem::replace(&mut self.encoder, encoder(device));
        let started = device.now();
        let words = std::mem::take(&mut self.words);
        let submitted = device.checked(|| {
            device
                .queue()
                .write_buffer(self.parameters, 0, bytemuck::cast_slice(&words));
            device.queue().submit([encoder.finish()]);
        });
        // Both at a time: what was invalid is told when it was submitted.
        submitted.await?;
        device.done().await?;
        device.check()?;
        let learned = self.pace().learned(self.cost, device.now() - started);
        device.set_pace(learned);
        self.done += self.cost;
        self.cost = 0.0;
        let share = (self.done / self.total).min(1.0);
        self.progress.report(share as f32).await
    }

    /// Reports the end.
    ///
    /// # Errors
    /// What the progress says.
    pub async fn end(self) -> Result<()> {
        self.progress.report(1.0).await
    }
}

fn encoder(device: &GpuDevice) -> wgpu::CommandEncoder {
    device
        .device()
        .create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
}
