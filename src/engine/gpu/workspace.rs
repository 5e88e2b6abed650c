//! The buffers of pictures of one size.

use super::device::GpuDevice;
use super::network::Network;
use super::recorder::SLOTS_BYTES;
use super::size_plan::{PARTIAL_BYTES, SizePlan};
use super::step_geometry::{Geometry, taps};
use crate::error::Result;
use crate::model::Upsampling;

/// Bytes of a picture's column in a finished row.
pub const DRAWN_BYTES: u64 = 12;
/// Bytes of a vector of four floats.
pub const VECTOR_BYTES: u64 = 16;

/// Kept from picture to picture of the same size.
pub struct Workspace {
    pub plan: SizePlan,
    pub maps: Vec<wgpu::Buffer>,
    /// Of each step with a bilinear resize.
    pub taps: Vec<Option<wgpu::Buffer>>,
    /// The status, and then for each map's groups of channels a factor and a summand.
    pub affine: wgpu::Buffer,
    pub partials: wgpu::Buffer,
    pub parameters: wgpu::Buffer,
    /// Finished rows.
    pub drawn: wgpu::Buffer,
    /// The same and the status, for the host.
    pub read: wgpu::Buffer,
    /// Bound where nothing is read or written.
    pub nothing: [wgpu::Buffer; 2],
}

impl Workspace {
    /// Allocates what the plan says.
    ///
    /// # Errors
    /// [`crate::Error::GpuCapacity`] if the device has too little memory.
    pub async fn new(
        device: &GpuDevice,
        network: &Network,
        plan: SizePlan,
        affine: &[f32],
    ) -> Result<Self> {
        use wgpu::BufferUsages as Usages;
        let buffer = |bytes: u64, usage| {
            device.device().create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size: bytes.max(VECTOR_BYTES).next_multiple_of(4),
                usage,
                mapped_at_creation: false,
            })
        };
        let with = |bytes: &[u8], usage| {
            let made = buffer(bytes.len() as u64, usage | Usages::COPY_DST);
            device.queue().write_buffer(&made, 0, bytes);
            made
        };
        let row_bytes = plan.size[0] as u64 * DRAWN_BYTES;
        let drawn_bytes = plan.read_rows as u64 * row_bytes;
        let made = device.checked(|| {
            let bilinear = network.steps.iter().map(|step| {
                let by = step
                    .resize
                    .map(|resize| resize.by)
                    .filter(|by| *by != Upsampling::DepthToSpace)?;
                let geometry = Geometry::new(network, step, plan.size);
                Some(with(
                    bytemuck::cast_slice(&taps(&geometry, by)),
                    Usages::STORAGE,
                ))
            });
            Self {
                maps: plan
                    .buffers
                    .iter()
                    .map(|bytes| buffer(*bytes, Usages::STORAGE | Usages::COPY_DST))
                    .collect(),
                taps: bilinear.collect(),
                affine: with(
                    bytemuck::cast_slice(affine),
                    Usages::STORAGE | Usages::COPY_SRC,
                ),
                partials: buffer(plan.partials * PARTIAL_BYTES, Usages::STORAGE),
                parameters: buffer(SLOTS_BYTES, Usages::UNIFORM | Usages::COPY_DST),
                drawn: buffer(drawn_bytes, Usages::STORAGE | Usages::COPY_SRC),
                read: buffer(
                    drawn_bytes + VECTOR_BYTES,
                    Usages::MAP_READ | Usages::COPY_DST,
                ),
                nothing: [(); 2].map(|()| buffer(VECTOR_BYTES, Usages::STORAGE)),
                plan,
            }
        });
        made.await
    }
}

/// Not when somebody collects the garbage: the next picture's buffers may need the room.
impl Drop for Workspace {
    fn drop(&mut self) {
        let others = [
            &self.affine,
            &self.partials,
            &self.parameters,
            &self.drawn,
            &self.read,
        ];
        let all = self
            .maps
            .iter()
            .chain(self.taps.iter().flatten())
            .chain(&self.nothing)
            .chain(others);
        all.for_each(wgpu::Buffer::destroy);
    }
}
