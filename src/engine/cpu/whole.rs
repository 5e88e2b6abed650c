//! A run with all feature maps in the memory, which share buffers as they can.
//!
//! Maps are stored raw. Depthwise steps and sums take the place of their input, the network's largest
//! maps.

use fearless_simd::Level;

use super::bands::{Scratches, threads};
use super::depthwise::{DepthwiseConv, Neighbours};
use super::executor::{Bands, Executor, GROUP_MACS, Observer};
use super::memory::grow;
use super::memory_plan::memory_plan;
use super::network::{InputSpec, MapAffine, Network, Operation, Step};
use super::scratch::Scratch;
use crate::engine::buffer_plan::BufferPlan;
use crate::error::Result;
use crate::kernels::moments::Moments;
use crate::kernels::sum::{Affine, Term, add_terms};

/// Rows of a band of a sum.
const ADDED_ROWS: usize = 16;

/// Buffers of the feature maps, kept from run to run.
#[derive(Default)]
pub(super) struct Workspace {
    buffers: Vec<Vec<f32>>,
    pub scratches: Scratches,
}

impl Workspace {
    /// Bytes of the buffers.
    pub fn bytes(&self) -> u64 {
        let lens = self.buffers.iter().map(|buffer| buffer.len() as u64);
        4 * lens.sum::<u64>()
    }

    /// Frees the buffers.
    pub fn drop_maps(&mut self) {
        self.buffers = Vec::new();
    }
}

/// Bytes of the last layer's rows that are made at a time, before they are the picture's planes.
pub(super) fn head_bytes(network: &Network, size: [usize; 2]) -> u64 {
    let bands = head_bands(network, size);
    let rows = bands.group_rows(GROUP_MACS).min(size[0]);
    4 * rows as u64 * bands.row_len as u64
}

fn head_bands(network: &Network, size: [usize; 2]) -> Bands {
    let work = network.head.macs * size[0] as f64 * size[1] as f64;
    Bands::dense(&network.head.conv, size, work)
}

/// Runs the network. `planes` is `[network.planes][height][width]` in [-1, 1], the result
/// `[3][height][width]`.
pub(super) async fn run(
    network: &Network,
    planes: &[f32],
    size: [usize; 2],
    workspace: &mut Workspace,
    observer: &mut impl Observer,
) -> Result<Vec<f32>> {
    let plan = memory_plan(network, size);
    let Workspace { buffers, scratches } = workspace;
    buffers.resize_with(plan.buffers.len().max(buffers.len()), Vec::new);
    for (buffer, len) in buffers.iter_mut().zip(&plan.buffers) {
        grow(buffer, *len, || 4 * plan.len())?;
    }
    let plane_len = size[0] * size[1];
    let work = network.macs() * plane_len as f64;
    let mut run = Run {
        maps: Maps {
            network,
            planes: planes.chunks_exact(plane_len).collect(),
            size,
            plan,
            affines: Vec::new(),
            buffers,
        },
        executor: Executor::new(scratches, observer, work, GROUP_MACS),
    };
    for (index, step) in network.steps.iter().enumerate() {
        run.step(step, index).await?;
    }
    run.head().await
}

/// What a run reads.
struct Maps<'a> {
    network: &'a Network,
    planes: Vec<&'a [f32]>,
    /// Of the picture.
    size: [usize; 2],
    plan: BufferPlan,
    /// Of the maps written so far.
    affines: Vec<MapAffine>,
    buffers: &'a mut Vec<Vec<f32>>,
}

impl Maps<'_> {
    fn terms(&self, input: &InputSpec) -> Vec<Term<'_>> {
        let term = |map: &usize| Term {
            data: &self.buffers[self.plan.of_map[*map]],
            affine: self.affines[*map].view(),
        };
        input.maps.iter().map(term).collect()
    }

    /// Multiply-accumulate operations for the picture, from those for one pixel of it.
    fn work(&self, macs: f64) -> f64 {
        macs * (self.size[0] * self.size[1]) as f64
    }
}

/// A run in progress.
struct Run<'a, O> {
    maps: Maps<'a>,
    executor: Executor<'a, O>,
}

impl<O: Observer> Run<'_, O> {
    /// Computes a step's map, which has its index.
    async fn step(&mut self, step: &Step, index: usize) -> Result<()> {
        let network = self.maps.network;
        let map = &step.output;
        let [height, width] = network.size_at(self.maps.size, map.halvings);
        let row_len = width * map.channels;
        let work = self.maps.work(step.macs);
        // The output's buffer is taken out, so that the inputs' can be borrowed.
        let buffer = self.maps.plan.of_map[index];
        let mut out = std::mem::take(&mut self.maps.buffers[buffer]);
        let rows = &mut out[..height * row_len];
        let terms = self.maps.terms(&step.input);
        let moments = match &step.operation {
            Operation::Dense(conv) => {
                let input = network.sized(&step.input, self.maps.size);
                let input = input.of_all(&self.maps.planes, &terms);
                let bands = Bands::dense(conv, [height, width], work);
                let make = |top: usize, band: &mut [f32], scratch: &mut Scratch| {
                    conv.run_band(network.level, &input, top, width, scratch, band)
                };
                let moments = self.executor.fill(&bands, rows, make).await?;
                self.executor.report_rest().await?;
                moments
            }
            Operation::Depthwise(conv) => {
                let moments = depthwise(
                    network.level,
                    conv,
                    terms[0].affine,
                    rows,
                    row_len,
                    &mut self.executor,
                );
                self.executor.add(work).await?;
                moments
            }
            Operation::Add => {
                let band_len = ADDED_ROWS * row_len;
                self.executor.each_band(rows, band_len, |i, band, _| {
                    let own = terms[0].affine;
                    add_terms(network.level, own, &terms[1..], i * band_len, band);
                    Moments::default()
                })
            }
        };
        self.executor.step_done(&step.name, work);
        let affine = map.affine(moments, height * width);
        self.maps.affines.push(affine);
        self.maps.buffers[buffer] = out;
        Ok(())
    }

    /// The last layer: planes, with bias and tanh.
    async fn head(mut self) -> Result<Vec<f32>> {
        let Network { head, level, .. } = self.maps.network;
        let size = self.maps.size;
        let [height, width] = size;
        let plane_len = height * width;
        let mut out = vec![0.0; 3 * plane_len];
        let terms = self.maps.terms(&head.input);
        let input = self.maps.network.sized(&head.input, size);
        let input = input.of_all(&self.maps.planes, &terms);
        let bands = head_bands(self.maps.network, size);
        let make = |top: usize, band: &mut [f32], scratch: &mut Scratch| {
            head.conv
                .run_band(*level, &input, top, width, scratch, band)
        };
        let group_rows = bands.group_rows(GROUP_MACS);
        let mut group = vec![0.0; group_rows.min(height) * bands.row_len];
        for first in (0..height).step_by(group_rows) {
            let rows = group_rows.min(height - first);
            let group = &mut group[..rows * bands.row_len];
            self.executor
                .fill_group(&bands, first, group, &make)
                .await?;
            let (red, rest) = out.split_at_mut(plane_len);
            let (green, blue) = rest.split_at_mut(plane_len);
            let planes = [red, green, blue];
            let planes = planes.map(|plane| &mut plane[first * width..][..rows * width]);
            head.finish(*level, group, planes);
        }
        self.executor.report_rest().await?;
        self.executor.step_done("head", bands.work);
        Ok(out)
    }
}

/// A depthwise step in place.
fn depthwise(
    level: Level,
    conv: &DepthwiseConv,
    affine: Affine,
    rows: &mut [f32],
    row_len: usize,
    executor: &mut Executor<'_, impl Observer>,
) -> Moments {
    let height = rows.len() / row_len;
    let band_len = height.div_ceil(4 * threads()) * row_len;
    // Rows next to a band, before its neighbours overwrite them.
    let borders: Vec<usize> = (band_len..rows.len()).step_by(band_len).collect();
    let kept: Vec<f32> = borders
        .iter()
        .flat_map(|border| &rows[border - row_len..border + row_len])
        .copied()
        .collect();
    let kept = |row: usize| kept.get(row * row_len..(row + 1) * row_len);
    executor.each_band(rows, band_len, |i, band, scratch| {
        let neighbours = Neighbours {
            above: i.checked_sub(1).and_then(|border| kept(2 * border)),
            below: kept(2 * i + 1),
        };
        conv.run_band(level, affine, neighbours, row_len, scratch, band)
    })
}
