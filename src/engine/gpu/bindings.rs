//! What shaders see of buffers.

use std::ops::Range;

use super::device::GpuDevice;
use super::workspace::Workspace;

/// A part of a buffer that holds some rows.
pub struct Window<'a> {
    pub buffer: &'a wgpu::Buffer,
    pub offset: u64,
    pub bytes: u64,
    /// Elements before it.
    pub base: u32,
}

impl<'a> Window<'a> {
    /// Rows of a map, each of so many groups of channels of pixels.
    pub fn of_rows(
        device: &GpuDevice,
        workspace: &'a Workspace,
        map: usize,
        row_len: usize,
        rows: &Range<usize>,
    ) -> Self {
        let plan = &workspace.plan;
        let group_bytes = plan.storage.group_bytes();
        let row_bytes = row_len as u64 * group_bytes;
        let alignment = u64::from(device.limits().min_storage_buffer_offset_alignment);
        let offset = rows.start as u64 * row_bytes / alignment * alignment;
        Self {
            buffer: &workspace.maps[plan.of_map[map]],
            offset,
            bytes: rows.end as u64 * row_bytes - offset,
            base: (offset / group_bytes) as u32,
        }
    }

    /// As an entry of a bind group.
    pub fn binding(&self) -> wgpu::BufferBinding<'a> {
        wgpu::BufferBinding {
            buffer: self.buffer,
            offset: self.offset,
            size: wgpu::BufferSize::new(self.bytes),
        }
    }
}

/// The first of a submission's parameters; dispatches move it to theirs.
pub fn binding_of_parameters(workspace: &Workspace, bytes: usize) -> wgpu::BufferBinding<'_> {
    wgpu::BufferBinding {
        buffer: &workspace.parameters,
        offset: 0,
        size: wgpu::BufferSize::new(bytes as u64),
    }
}

/// All that a dispatch is given.
pub fn bind_group(
    device: &GpuDevice,
    layout: &wgpu::BindGroupLayout,
    bindings: &[wgpu::BufferBinding<'_>],
) -> wgpu::BindGroup {
    let entries: Vec<_> = bindings
        .iter()
        .zip(0..)
        .map(|(binding, i)| wgpu::BindGroupEntry {
            binding: i,
            resource: wgpu::BindingResource::Buffer(binding.clone()),
        })
        .collect();
    device
        .device()
        .create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout,
            entries: &entries,
        })
}
