//! What a device made, on the host.

use futures_channel::oneshot;

use super::device::GpuDevice;
use super::failed;
use crate::error::Result;

/// The first `bytes` of a buffer that can be mapped.
///
/// # Errors
/// [`crate::Error::EngineFailed`] if it cannot be.
pub async fn floats(device: &GpuDevice, buffer: &wgpu::Buffer, bytes: u64) -> Result<Vec<f32>> {
    let (sender, receiver) = oneshot::channel();
    buffer.map_async(wgpu::MapMode::Read, 0..bytes, move |mapped| {
        // A run that was given up does not listen.
        let _ = sender.send(mapped);
    });
    device.poll()?;
    let mapped = receiver
        .await
        .map_err(|_| failed("the device never answered".into()))?;
    mapped.map_err(|error| failed(error.to_string()))?;
    let values = buffer
        .get_mapped_range(0..bytes)
        .map(|view| bytemuck::pod_collect_to_vec(&view))
        .map_err(|error| failed(error.to_string()));
    buffer.unmap();
    values
}
