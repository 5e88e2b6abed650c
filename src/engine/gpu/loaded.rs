//! A network on a device.

use super::device::GpuDevice;
use super::kernel::GROUP;
use super::network::{Network, Step};
use crate::error::Result;

/// A network's weights on a device, and where its maps' affines are.
pub struct Loaded {
    pub network: Network,
    /// Of each step.
    pub weights: Vec<wgpu::Buffer>,
    /// Where the affine of each map begins, in vectors.
    pub affine_at: Vec<u32>,
    /// The status, and affines that change nothing: merges replace those of raw maps.
    pub affine: Vec<f32>,
}

impl Loaded {
    /// Uploads the weights.
    ///
    /// # Errors
    /// [`crate::Error::GpuCapacity`] if the device has no room for them.
    pub async fn new(device: &GpuDevice, network: Network) -> Result<Self> {
        // The status comes first.
        let mut affine = vec![0.0; GROUP];
        let mut affine_at = Vec::new();
        for map in &network.maps {
            affine_at.push((affine.len() / GROUP) as u32);
            for _ in 0..map.groups() {
                affine.extend([1.0; GROUP]);
                affine.extend([0.0; GROUP]);
            }
        }
        let weights = device.checked(|| {
            let upload = |step: &Step| {
                let buffer = device.device().create_buffer(&wgpu::BufferDescriptor {
                    label: None,
                    size: step.weights.bytes(),
                    usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST,
                    mapped_at_creation: false,
                });
                device
                    .queue()
                    .write_buffer(&buffer, 0, bytemuck::cast_slice(&step.weights.values));
                buffer
            };
            network.steps.iter().map(upload).collect()
        });
        Ok(Self {
            weights: weights.await?,
            affine_at,
            affine,
            network,
        })
    }
}
