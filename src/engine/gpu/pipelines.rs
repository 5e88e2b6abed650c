//! Pipelines of a device, made once each.

use std::cell::RefCell;
use std::collections::HashMap;

use super::kernel::{Kernel, MERGE_TEXT, Storage};
use super::parameters::{MERGE_BYTES, PARAMETER_BYTES};

/// The binding of a convolution's output, and that of the sum that it stores.
const READ_AND_WRITTEN: [u32; 3] = [6, 7, 8];

/// What a device has compiled.
pub struct Pipelines {
    /// Of all convolutions.
    pub layout: wgpu::BindGroupLayout,
    pub merge_layout: wgpu::BindGroupLayout,
    pipeline_layout: wgpu::PipelineLayout,
    merge_pipeline_layout: wgpu::PipelineLayout,
    convolutions: RefCell<HashMap<(Kernel, Storage), wgpu::ComputePipeline>>,
    merge: RefCell<Option<wgpu::ComputePipeline>>,
}

impl Pipelines {
    /// None yet.
    pub fn new(device: &wgpu::Device) -> Self {
        let layout = layout(device, 8, &READ_AND_WRITTEN, PARAMETER_BYTES as u64);
        let merge_layout = self::layout(device, 3, &[3], MERGE_BYTES as u64);
        let pipeline_layout = |layout| {
            device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: None,
                bind_group_layouts: &[Some(layout)],
                immediate_size: 0,
            })
        };
        Self {
            pipeline_layout: pipeline_layout(&layout),
            merge_pipeline_layout: pipeline_layout(&merge_layout),
            layout,
            merge_layout,
            convolutions: RefCell::default(),
            merge: RefCell::default(),
        }
    }

    /// Compiles what is missing. A browser does so beside whatever else happens.
    pub fn prepare(
        &self,
        device: &wgpu::Device,
        kernels: impl IntoIterator<Item = Kernel>,
        storage: Storage,
    ) {
        for kernel in kernels {
            self.convolutions
                .borrow_mut()
                .entry((kernel, storage))
                .or_insert_with(|| compile(device, &self.pipeline_layout, &kernel.text(storage)));
        }
        self.merge
            .borrow_mut()
            .get_or_insert_with(|| compile(device, &self.merge_pipeline_layout, MERGE_TEXT));
    }

    /// One that was prepared.
    pub fn convolution(&self, kernel: Kernel, storage: Storage) -> Option<wgpu::ComputePipeline> {
        self.convolutions.borrow().get(&(kernel, storage)).cloned()
    }

    /// What merges moments, if it was prepared.
    pub fn merge(&self) -> Option<wgpu::ComputePipeline> {
        self.merge.borrow().clone()
    }
}

/// Parameters, and so many storage buffers.
fn layout(
    device: &wgpu::Device,
    storage_buffers: u32,
    read_and_written: &[u32],
    parameter_bytes: u64,
) -> wgpu::BindGroupLayout {
    let entry = |binding: u32| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer {
            ty: match binding {
                0 => wgpu::BufferBindingType::Uniform,
                _ => wgpu::BufferBindingType::Storage {
                    read_only: !read_and_written.contains(&binding),
                },
            },
            has_dynamic_offset: binding == 0,
            min_binding_size: match binding {
                0 => wgpu::BufferSize::new(parameter_bytes),
                _ => None,
            },
        },
        count: None,
    };
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: None,
        entries: &(0..=storage_buffers).map(entry).collect::<Vec<_>>(),
    })
}

fn compile(
    device: &wgpu::Device,
    layout: &wgpu::PipelineLayout,
    text: &str,
) -> wgpu::ComputePipeline {
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: None,
        source: wgpu::ShaderSource::Wgsl(text.into()),
    });
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: None,
        layout: Some(layout),
        module: &module,
        entry_point: Some("main"),
        compilation_options: wgpu::PipelineCompilationOptions {
            // No shader reads a workgroup's memory that it has not written.
            zero_initialize_workgroup_memory: false,
            ..Default::default()
        },
        cache: None,
    })
}
