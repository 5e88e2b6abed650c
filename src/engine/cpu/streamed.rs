//! The network on pictures whose maps do not fit into the memory as a whole: the same kernels and,
//! but for the rounding of stored maps to half precision, the same numbers.
//!
//! A [`StreamPlan`] says what is stored and in which order rows are made. Here they are made. A
//! window holds final values, normalised and activated, since the moments of every map are known
//! when a later sweep makes its rows again. Only a sweep's target is raw, and is stored raw.
//!
//! The photo's memory becomes the picture's. That is safe, and so is a map that takes the place of
//! the one it is made from: rows that are still needed are in a window before they are given up.
//!
//! Memory: the photo, at least one map at the lowest resolution in half precision (16 bytes for a
//! pixel of the photo if that is a quarter with 128 channels), and the windows. Work: what lies
//! between two stored maps is made again for each of its steps. With the least memory that is
//! three times the work of the compact network, and less with every map more that can be stored.

use std::ops::Range;

use super::bands::Scratches;
use super::executor::{Bands, Executor, GROUP_MACS, Observer};
use super::memory::grow;
use super::network::{MapAffine, Network};
use super::scratch::Scratch;
use super::stream_plan::{Making, Node, StreamPlan, Sweep};
use super::window::Window;
use crate::engine::check_finite;
use crate::error::Result;
use crate::imaging::{Photo, set_colours};
use crate::kernels::f16::{narrow, widen};
use crate::kernels::moments::Moments;
use crate::kernels::sum::{Term, sum_terms};

/// Runs the network over a photo of the plan's size.
pub(super) async fn run(
    network: &Network,
    plan: &StreamPlan<'_>,
    photo: Photo,
    scratches: &mut Scratches,
    observer: &mut impl Observer,
) -> Result<Photo> {
    let [height, width] = plan.nodes[0].size;
    // Half as much between two reports as of a whole picture: sweeps begin with small layers, slow for
    // their work.
    let executor = Executor::new(scratches, observer, plan.total_work(), GROUP_MACS / 2.0);
    let mut run = Run {
        network,
        plan,
        rgba: photo.into_rgba(),
        stored: plan.nodes.iter().map(|_| Vec::new()).collect(),
        affines: Vec::new(),
        identity: MapAffine::identity(network.widest()),
        executor,
    };
    for sweep in &plan.sweeps {
        // Not kept from one to the next: the largest windows do not meet the largest stored maps.
        let mut memory = zeros(sweep.window_values(&plan.nodes) as usize, plan)?;
        run.sweep(sweep, &mut memory).await?;
    }
    run.executor.report_end().await?;
    Photo::new(width, height, run.rgba)
}

struct Run<'a, O> {
    network: &'a Network,
    plan: &'a StreamPlan<'a>,
    /// The photo, and more and more of the picture.
    rgba: Vec<u8>,
    /// Rows of each node, in half precision. Those that nobody will read are empty.
    stored: Vec<Vec<Vec<u16>>>,
    /// Of the maps whose moments are known.
    affines: Vec<MapAffine>,
    /// For reading final values.
    identity: MapAffine,
    executor: Executor<'a, O>,
}

impl<O: Observer> Run<'_, O> {
    /// Makes all rows of the target: sums up their moments, and stores them if that is planned.
    async fn sweep(&mut self, sweep: &Sweep, memory: &mut [f32]) -> Result<()> {
        let (plan, target) = (self.plan, sweep.target);
        let mut windows = Window::all(plan, sweep, memory);
        let mut ranges = vec![0..0; plan.nodes.len()];
        let mut moments = Moments::default();
        while plan.advance(sweep, &mut ranges) {
            for &node in &sweep.nodes {
                let new = windows[node].slide(ranges[node].clone());
                if new.is_empty() {
                    continue;
                }
                let made = self.make(sweep, node, new, &mut windows).await?;
                if node == target {
                    moments += made;
                }
            }
            // All nodes but the first and the last are maps.
            if target > self.network.steps.len() {
                self.write(&windows[target])?;
            } else if plan.is_stored(target) {
                self.store(target, &windows[target])?;
            }
        }
        for (node, rows) in self.stored.iter_mut().enumerate() {
            if plan.reads_last(sweep, node) {
                *rows = Vec::new();
            }
        }
        if let Some(step) = self.network.steps.get(target - 1) {
            let [height, width] = plan.nodes[target].size;
            let affine = step.output.affine(moments, height * width);
            self.affines.push(affine);
        }
        self.executor.report_rest().await
    }

    /// Makes rows of a node, for which there is room in its window.
    async fn make(
        &mut self,
        sweep: &Sweep,
        index: usize,
        rows: Range<usize>,
        windows: &mut [Window<'_>],
    ) -> Result<Moments> {
        let (plan, level) = (self.plan, self.network.level);
        let node = &plan.nodes[index];
        let is_read = plan.reads(sweep, index);
        let bands = Bands {
            rows: rows.clone(),
            row_len: node.row_len,
            band_rows: if is_read { 1 } else { node.block_rows },
            work: rows.len() as f64 * plan.row_work(sweep, index),
        };
        if matches!(node.making, Making::Picture) {
            windows[index].unpack(&self.rgba, rows);
            self.executor.add(bands.work).await?;
            return Ok(Moments::default());
        }
        // Taken out, so that the others can be borrowed.
        let mut window = std::mem::take(&mut windows[index]);
        let out = window.values_mut(&rows);
        // The moments of all but the target are known.
        let affine = (index != sweep.target).then(|| self.affines[index - 1].view());
        let finish = |band: &mut [f32]| {
            if let Some(affine) = affine {
                affine.apply(level, band);
            }
        };
        let moments = if is_read {
            let stored = &self.stored[index];
            let read = |top: usize, band: &mut [f32], _: &mut Scratch| {
                for (row, halves) in band.chunks_exact_mut(node.row_len).zip(&stored[top..]) {
                    widen(level, halves, row);
                }
                finish(band);
                Moments::default()
            };
            self.executor.fill(&bands, out, read).await?
        } else {
            let there = rows_there(node, windows);
            let first = &windows[node.inputs[0]];
            let source = &plan.nodes[node.inputs[0]];
            let (planes, terms) = match source.making {
                Making::Picture => (first.planes(&there), Vec::new()),
                _ => {
                    let identity = self.identity.of_first(source.row_len / source.size[1]);
                    let term = |input: &usize| Term {
                        data: windows[*input].values(&there),
                        affine: identity,
                    };
                    (Vec::new(), node.inputs.iter().map(term).collect())
                }
            };
            let input = node.input.of(&planes, &terms, there.clone());
            let compute = |top: usize, band: &mut [f32], scratch: &mut Scratch| {
                let moments = match node.making {
                    Making::Dense(conv) => {
                        conv.run_band(level, &input, top, node.size[1], scratch, band)
                    }
                    Making::Depthwise(conv) => {
                        conv.run_rows(level, |y| first.row(y), node.size, top, band)
                    }
                    Making::Add => {
                        sum_terms(level, &terms, (top - there.start) * node.row_len, band);
                        Moments::default()
                    }
                    Making::Picture => Moments::default(),
                };
                finish(band);
                moments
            };
            self.executor.fill(&bands, out, compute).await?
        };
        windows[index] = window;
        if plan.reads_last(sweep, index) {
            for row in &mut self.stored[index][rows] {
                // `fill` would keep the memory.
                *row = Vec::new();
            }
        }
        Ok(moments)
    }

    /// Stores the rows in the window of a sweep's target.
    fn store(&mut self, target: usize, window: &Window) -> Result<()> {
        for y in window.rows.clone() {
            let mut row = zeros(window.row_len, self.plan)?;
            narrow(self.network.level, window.row(y), &mut row);
            self.stored[target].push(row);
        }
        Ok(())
    }

    /// Writes the head's output over the photo.
    fn write(&mut self, window: &Window) -> Result<()> {
        let width = self.plan.nodes[0].size[1];
        let mut planes = [0, 1, 2].map(|_| vec![0.0; width]);
        for y in window.rows.clone() {
            let [red, green, blue] = &mut planes;
            let pixels = window.row(y);
            self.network
                .head
                .finish(self.network.level, pixels, [red, green, blue]);
            for plane in &planes {
                check_finite("cpu", plane)?;
            }
            let planes = [0, 1, 2].map(|channel| planes[channel].as_slice());
            set_colours(planes, &mut self.rgba[4 * y * width..][..4 * width]);
        }
        Ok(())
    }
}

/// The rows that the windows of all inputs of a node hold.
fn rows_there(node: &Node, windows: &[Window<'_>]) -> Range<usize> {
    node.inputs.iter().fold(0..usize::MAX, |rows, input| {
        let there = &windows[*input].rows;
        rows.start.max(there.start)..rows.end.min(there.end)
    })
}

/// Memory of the plan.
fn zeros<T: Clone + Default>(len: usize, plan: &StreamPlan) -> Result<Vec<T>> {
    let mut values = Vec::new();
    grow(&mut values, len, || plan.bytes())?;
    Ok(values)
}
