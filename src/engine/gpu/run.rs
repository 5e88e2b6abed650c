//! One picture through the network.

use std::ops::Range;

use super::bindings::{Window, bind_group, binding_of_parameters};
use super::device::GpuDevice;
use super::failed;
use super::kernel::{GROUP, Kernel};
use super::loaded::Loaded;
use super::network::{Network, Step};
use super::parameters::{MERGE_BYTES, MergeParameters, PARAMETER_BYTES, Parameters};
use super::picture::packed_rows;
use super::read_back::floats;
use super::recorder::{Dispatch, Recorder};
use super::step_geometry::Geometry;
use super::workspace::{DRAWN_BYTES, VECTOR_BYTES, Workspace};
use crate::engine::Progress;
use crate::error::Result;
use crate::imaging::Planes;
use crate::model::Upsampling;

/// Work of a stored value besides its products.
const VALUE_COST: f64 = 16.0;
/// Bytes of the picture that are given to the device at a time.
const UPLOAD_BYTES: usize = 8 << 20;

/// Draws a picture. The result is `[3][height][width]`.
///
/// # Errors
/// [`crate::Error::EngineFailed`] if the device refused any of it, or did not do all of it; what `progress` says.
pub async fn run(
    device: &GpuDevice,
    loaded: &Loaded,
    workspace: &Workspace,
    input: &Planes,
    progress: &mut impl Progress,
) -> Result<Vec<f32>> {
    let size = workspace.plan.size;
    let steps = &loaded.network.steps;
    let total = steps
        .iter()
        .map(|step| cost(&loaded.network, step, size))
        .sum();
    let mut run = Run {
        device,
        loaded,
        workspace,
        recorder: Recorder::new(device, &workspace.parameters, progress, total),
    };
    run.upload(input).await?;
    let (head, maps) = steps
        .split_last()
        .ok_or_else(|| failed("a network without layers".into()))?;
    let mut merges = 0;
    for (i, step) in maps.iter().enumerate() {
        run.map(i, step).await?;
        merges += u32::from(run.merge(i, step).await?);
    }
    let drawn = run.head(maps.len(), head, merges).await?;
    run.recorder.end().await?;
    Ok(drawn)
}

/// A run in progress.
struct Run<'a, P> {
    device: &'a GpuDevice,
    loaded: &'a Loaded,
    workspace: &'a Workspace,
    recorder: Recorder<'a, P>,
}

/// A part of a step's output.
struct Band {
    rows: Range<usize>,
    /// Blocks of channels.
    blocks: Range<usize>,
    /// Where its moments begin.
    partial: u32,
    /// The row with which the buffer of finished rows begins.
    drawn_from: usize,
}

impl<P: Progress> Run<'_, P> {
    /// Gives the picture and a fresh status to the device.
    async fn upload(&mut self, input: &Planes) -> Result<()> {
        let (device, workspace) = (self.device, self.workspace);
        let [width, height] = workspace.plan.size;
        let groups = self.loaded.network.maps[0].groups();
        let row_bytes = width as u64 * groups as u64 * workspace.plan.storage.group_bytes();
        let rows = (UPLOAD_BYTES / row_bytes as usize).clamp(1, height);
        let written = device.checked(|| {
            device
                .queue()
                .write_buffer(&workspace.affine, 0, &[0; VECTOR_BYTES as usize]);
            for first in (0..height).step_by(rows) {
                let rows = first..(first + rows).min(height);
                let words = packed_rows(input, rows, groups, workspace.plan.storage);
                let buffer = &workspace.maps[workspace.plan.of_map[0]];
                device.queue().write_buffer(
                    buffer,
                    first as u64 * row_bytes,
                    bytemuck::cast_slice(&words),
                );
            }
        });
        written.await
    }

    /// The dispatches of a step whose output is a map.
    async fn map(&mut self, index: usize, step: &Step) -> Result<()> {
        let geometry = Geometry::new(&self.loaded.network, step, self.workspace.plan.size);
        let mut partial = 0;
        let mut first = 0;
        while first < geometry.out[1] {
            let rows = self.band(index, step, &geometry, first..geometry.out[1]);
            first = rows.end;
            let blocks = step.kernel.blocks(step.channels_out);
            let mut block = 0;
            while block < blocks {
                let share = self.share(step, &geometry, &rows);
                let in_time = (self.recorder.pace().dispatch() / share * blocks as f64) as usize;
                let part = block..blocks.min(block + in_time.max(1));
                block = part.end;
                let band = Band {
                    rows: rows.clone(),
                    blocks: part,
                    partial,
                    drawn_from: 0,
                };
                partial += self.convolve(index, step, &geometry, band).await?;
            }
        }
        Ok(())
    }

    /// Work of rows of a step.
    fn share(&self, step: &Step, geometry: &Geometry, rows: &Range<usize>) -> f64 {
        let all = cost(&self.loaded.network, step, self.workspace.plan.size);
        all * rows.len() as f64 / geometry.out[1] as f64
    }

    /// The first of these rows, as many as a dispatch may make.
    fn band(
        &self,
        index: usize,
        step: &Step,
        geometry: &Geometry,
        rows: Range<usize>,
    ) -> Range<usize> {
        let tile = step.kernel.tile_height();
        let of_a_row =
            cost(&self.loaded.network, step, self.workspace.plan.size) / geometry.out[1] as f64;
        let in_time = (self.recorder.pace().dispatch() / of_a_row) as usize / tile * tile;
        let count = in_time.max(tile).min(self.workspace.plan.band_rows[index]);
        rows.start..rows.end.min(rows.start + count)
    }

    /// Makes a part of a step's output. Returns how many moments there are of it.
    async fn convolve(
        &mut self,
        index: usize,
        step: &Step,
        geometry: &Geometry,
        band: Band,
    ) -> Result<u32> {
        let Self {
            device,
            loaded,
            workspace,
            ..
        } = *self;
        let (network, plan) = (&loaded.network, &workspace.plan);
        let Band {
            rows,
            blocks,
            partial,
            drawn_from,
        } = band;
        let groups_out = step.channels_out.div_ceil(GROUP);
        let read = geometry.stored_rows(step, &rows);
        let terms = [step.terms[0], step.terms[step.terms.len() - 1]];
        let window = |map: usize, columns: usize, rows: &Range<usize>| {
            let groups = network.maps[map].groups();
            Window::of_rows(device, workspace, map, columns * groups, rows)
        };
        let [first, second] = terms.map(|map| window(map, geometry.stored[0], &read));
        let nothing = |i: usize| Window {
            buffer: &workspace.nothing[i],
            offset: 0,
            bytes: VECTOR_BYTES,
            base: 0,
        };
        let out = match step.output {
            Some(map) => window(map, geometry.out[0], &rows),
            None => Window {
                buffer: &workspace.drawn,
                offset: 0,
                bytes: plan.read_rows as u64 * geometry.out[0] as u64 * DRAWN_BYTES,
                base: (3 * drawn_from * geometry.out[0]) as u32,
            },
        };
        let sum = match step.stores_sum {
            Some(map) => window(map, geometry.stored[0], &rows),
            None => nothing(0),
        };
        let taps = match &workspace.taps[index] {
            Some(buffer) => Window {
                buffer,
                offset: 0,
                bytes: buffer.size(),
                base: 0,
            },
            None => nothing(1),
        };
        let parameters = Parameters {
            stored: geometry.stored.map(|side| side as u32),
            logical: geometry.logical.map(|side| side as u32),
            out: geometry.out.map(|side| side as u32),
            first_row: rows.start as u32,
            end_row: rows.end as u32,
            last_input: geometry.last_input(step, &rows).map(|at| at as u32),
            pad: step.pad as u32,
            groups_in: step.channels_in.div_ceil(GROUP) as u32,
            groups_stored: network.maps[terms[0]].groups() as u32,
            groups_out: groups_out as u32,
            channels_out: step.channels_out as u32,
            base_first: first.base,
            base_second: second.base,
            base_out: out.base,
            base_sum: sum.base,
            affine: terms.map(|map| loaded.affine_at[map]),
            slope: terms.map(|map| network.maps[map].slope),
            bias: step.weights.bias,
            terms: step.terms.len() as u32,
            resize: match step.resize.map(|resize| resize.by) {
                None => 0,
                Some(Upsampling::AlignCorners | Upsampling::HalfPixel) => 1,
                Some(Upsampling::DepthToSpace) => 2,
            },
            stores_sum: u32::from(step.stores_sum.is_some()),
            partial,
            first_block: blocks.start as u32,
        };
        let bind_group = bind_group(
            device,
            &device.pipelines().layout,
            &[
                binding_of_parameters(workspace, PARAMETER_BYTES),
                first.binding(),
                second.binding(),
                workspace.affine.as_entire_buffer_binding(),
                loaded.weights[index].as_entire_buffer_binding(),
                taps.binding(),
                out.binding(),
                workspace.partials.as_entire_buffer_binding(),
                sum.binding(),
            ],
        );
        let missing = || failed(format!("{} has no pipeline", step.name));
        let pipeline = device
            .pipelines()
            .convolution(step.kernel, plan.storage)
            .ok_or_else(missing)?;
        let [across, down, _] = step
            .kernel
            .workgroups(geometry.out[0], rows.len(), groups_out);
        let workgroups = [across, down, blocks.len() as u32];
        let of_blocks = blocks.len() as f64 / step.kernel.blocks(step.channels_out) as f64;
        let dispatch = Dispatch {
            pipeline: &pipeline,
            bind_group: &bind_group,
            parameters: &parameters.words(),
            workgroups,
            cost: of_blocks * self.share(step, geometry, &rows),
        };
        self.recorder.dispatch(dispatch).await?;
        Ok(workgroups.iter().product())
    }

    /// Merges the moments of a step's whole output, if that is normalised. Returns whether it is.
    async fn merge(&mut self, index: usize, step: &Step) -> Result<bool> {
        let Self {
            device,
            loaded,
            workspace,
            ..
        } = *self;
        let Some(map) = step.output.filter(|map| loaded.network.maps[*map].is_raw) else {
            return Ok(false);
        };
        let [columns, rows] = Geometry::new(&loaded.network, step, workspace.plan.size).out;
        let groups = loaded.network.maps[map].groups();
        let parameters = MergeParameters {
            partials: step
                .kernel
                .workgroups(columns, rows, groups)
                .iter()
                .product(),
            groups: groups as u32,
            gamma: step.weights.gamma,
            affine: loaded.affine_at[map],
            eps: step.eps,
            largest: workspace.plan.storage.largest(),
        };
        let bind_group = bind_group(
            device,
            &device.pipelines().merge_layout,
            &[
                binding_of_parameters(workspace, MERGE_BYTES),
                loaded.weights[index].as_entire_buffer_binding(),
                workspace.partials.as_entire_buffer_binding(),
                workspace.affine.as_entire_buffer_binding(),
            ],
        );
        let missing = || failed("nothing to merge moments with".into());
        let dispatch = Dispatch {
            pipeline: &device.pipelines().merge().ok_or_else(missing)?,
            bind_group: &bind_group,
            parameters: &parameters.words(),
            workgroups: [1; 3],
            cost: 0.0,
        };
        self.recorder.dispatch(dispatch).await?;
        Ok(true)
    }

    /// The last step: planes of the picture, read as they are finished. `merges` were asked for before.
    async fn head(&mut self, index: usize, step: &Step, merges: u32) -> Result<Vec<f32>> {
        let workspace = self.workspace;
        let plan = &workspace.plan;
        let [width, height] = plan.size;
        let geometry = Geometry::new(&self.loaded.network, step, plan.size);
        let mut planes = vec![0.0; 3 * width * height];
        for drawn_from in (0..height).step_by(plan.read_rows) {
            let end = height.min(drawn_from + plan.read_rows);
            let mut first = drawn_from;
            while first < end {
                let rows = self.band(index, step, &geometry, first..end);
                first = rows.end;
                let band = Band {
                    rows,
                    blocks: 0..1,
                    partial: 0,
                    drawn_from,
                };
                self.convolve(index, step, &geometry, band).await?;
            }
            let bytes = (end - drawn_from) as u64 * width as u64 * DRAWN_BYTES;
            self.recorder
                .copy(&workspace.drawn, &workspace.read, 0, bytes);
            self.recorder
                .copy(&workspace.affine, &workspace.read, bytes, VECTOR_BYTES);
            self.recorder.submit().await?;
            let values = floats(self.device, &workspace.read, bytes + VECTOR_BYTES).await?;
            let (rows, status) = values.split_at((bytes / 4) as usize);
            check_status(status, merges)?;
            for (y, row) in (drawn_from..end).zip(rows.chunks_exact(3 * width)) {
                for (plane, values) in planes
                    .chunks_exact_mut(width * height)
                    .zip(row.chunks_exact(width))
                {
                    plane[y * width..][..width].copy_from_slice(values);
                }
            }
        }
        Ok(planes)
    }
}

/// Work of a step for a picture, in multiply-accumulate operations.
fn cost(network: &Network, step: &Step, size: [usize; 2]) -> f64 {
    let [width, height] = size.map(|side| side as f64);
    let [out_width, out_height] = network.size_at(size, step.level).map(|side| side as f64);
    let values = out_width * out_height * step.channels_out as f64;
    let values = match step.kernel {
        // Each is made of nine that are normalised for it.
        Kernel::Depthwise { .. } => 2.0 * values,
        _ => values,
    };
    step.macs * width * height + VALUE_COST * values
}

/// Whether every layer was made, and of values that could be stored. What a device left out, or was refused without a
/// word, would be missing here.
fn check_status(status: &[f32], merges: u32) -> Result<()> {
    let [done, too_large, ..] = *status else {
        return Err(failed("the status is missing".into()));
    };
    if done != merges as f32 {
        return Err(failed(format!("{done} of {merges} layers were normalised")));
    }
    if too_large != 0.0 {
        return Err(failed(format!(
            "{too_large} layers have values that cannot be stored"
        )));
    }
    Ok(())
}
