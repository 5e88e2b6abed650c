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

use fearless_simd::Level;

use super::bands::{Scratches, for_each_band, threads};
use super::layer::Scratch;
use super::network::{Affine, GROUP_MACS, Network, Observer, bands_in_group};
use super::sweeps::{Making, Node, StreamPlan, Sweep};
use crate::engine::check_finite;
use crate::error::{Error, Result};
use crate::imaging::{Photo, over_white, set_colours};
use crate::kernels::f16::{narrow, widen};
use crate::kernels::moments::Moments;
use crate::kernels::region::{Input, Pixels, Term, add_terms, sum_terms};
use crate::kernels::tanh::tanh;

/// Runs the network over a photo of the plan's size.
pub(super) async fn run(
    network: &Network,
    plan: &StreamPlan<'_>,
    photo: Photo,
    scratches: &mut Scratches,
    observer: &mut impl Observer,
) -> Result<Photo> {
    let [height, width] = plan.nodes[0].size;
    let channels = network.maps.iter().map(|map| map.channels);
    let channels = channels.max().unwrap_or(0);
    let mut run = Run {
        network,
        plan,
        rgba: photo.into_rgba(),
        stored: plan.nodes.iter().map(|_| Vec::new()).collect(),
        affine: Vec::new(),
        identity: Affine {
            scale: vec![1.0; channels],
            shift: vec![0.0; channels],
        },
        scratches,
        progress: Progress {
            done: 0.0,
            reported: 0.0,
            total: plan.total_work(),
            observer,
        },
    };
    for sweep in &plan.sweeps {
        // Not kept from one to the next: the largest windows do not meet the largest stored maps.
        let mut memory = zeros(sweep.window_values(&plan.nodes) as usize, plan)?;
        run.sweep(sweep, &mut memory).await?;
    }
    run.progress.observer.progress(1.0).await?;
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
    affine: Vec<Affine>,
    /// For reading final values.
    identity: Affine,
    scratches: &'a mut Scratches,
    progress: Progress<'a, O>,
}

/// How much of the work is done, in multiply-accumulate operations.
struct Progress<'a, O> {
    done: f64,
    reported: f64,
    total: f64,
    observer: &'a mut O,
}

impl<O: Observer> Progress<'_, O> {
    async fn add(&mut self, work: f64) -> Result<()> {
        self.done += work;
        if self.done - self.reported < GROUP_MACS * threads() as f64 / 4.0 {
            return Ok(());
        }
        self.report().await
    }

    async fn report(&mut self) -> Result<()> {
        self.reported = self.done;
        let share = (self.done / self.total).min(1.0);
        self.observer.progress(share as f32).await
    }
}

/// Some rows of a node.
#[derive(Default)]
struct Window<'a> {
    /// `[rows][width][channels]`, or the picture's planes, `[3][rows][width]`, with room for more
    /// rows.
    values: &'a mut [f32],
    planes: usize,
    rows: Range<usize>,
    /// Values of a row, in a plane.
    row_len: usize,
}

impl<'a> Window<'a> {
    /// One for each node, as a sweep needs them, out of one memory.
    fn all(plan: &StreamPlan, sweep: &Sweep, mut memory: &'a mut [f32]) -> Vec<Self> {
        let window = |(node, rows): (&Node, &usize)| {
            let (values, rest) = std::mem::take(&mut memory).split_at_mut(rows * node.row_len);
            memory = rest;
            let planes = match node.making {
                Making::Picture => 3,
                _ => 1,
            };
            Window {
                values,
                planes,
                rows: 0..0,
                row_len: node.row_len / planes,
            }
        };
        plan.nodes
            .iter()
            .zip(&sweep.window_rows)
            .map(window)
            .collect()
    }

    /// Gives up the rows before `start`, and makes room for those up to `end`, which it returns.
    fn slide(&mut self, Range { start, end }: Range<usize>) -> Range<usize> {
        let kept = self.place(&(start..self.rows.end));
        for plane in self
            .values
            .chunks_exact_mut(self.values.len() / self.planes)
        {
            plane.copy_within(kept.clone(), 0);
        }
        let new = self.rows.end..end;
        self.rows = start..end;
        new
    }

    /// Where rows are in a plane.
    fn place(&self, rows: &Range<usize>) -> Range<usize> {
        let at = |row: usize| (row - self.rows.start) * self.row_len;
        at(rows.start)..at(rows.end)
    }

    fn rows(&self, rows: &Range<usize>) -> &[f32] {
        &self.values[self.place(rows)]
    }

    fn row(&self, row: usize) -> &[f32] {
        self.rows(&(row..row + 1))
    }

    fn rows_mut(&mut self, rows: &Range<usize>) -> &mut [f32] {
        let place = self.place(rows);
        &mut self.values[place]
    }

    /// Rows of the picture.
    fn planes(&self, rows: &Range<usize>) -> [&[f32]; 3] {
        let plane_len = self.values.len() / 3;
        [0, 1, 2].map(|i| &self.values[i * plane_len..][self.place(rows)])
    }

    /// Makes rows of the picture from the photo.
    fn unpack(&mut self, rgba: &[u8], rows: Range<usize>) {
        let (width, plane_len) = (self.row_len, self.values.len() / 3);
        for y in rows {
            let place = self.place(&(y..y + 1));
            let (red, rest) = self.values.split_at_mut(plane_len);
            let (green, blue) = rest.split_at_mut(plane_len);
            let planes = [red, green, blue].map(|plane| &mut plane[place.clone()]);
            over_white(&rgba[4 * y * width..][..4 * width], planes);
        }
    }
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
            if target > self.network.maps.len() {
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
        if let Some(map) = self.network.maps.get(target - 1) {
            let [height, width] = plan.nodes[target].size;
            self.affine.push(map.affine(moments, height * width));
        }
        self.progress.report().await
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
        let row_work = plan.row_work(sweep, index);
        if matches!(node.making, Making::Picture) {
            windows[index].unpack(&self.rgba, rows.clone());
            self.progress.add(rows.len() as f64 * row_work).await?;
            return Ok(Moments::default());
        }
        // Taken out, so that the others can be borrowed.
        let mut window = std::mem::take(&mut windows[index]);
        let is_read = plan.reads(sweep, index);
        let bands = Bands {
            level,
            rows: rows.clone(),
            row_len: node.row_len,
            block_rows: if is_read { 1 } else { node.block_rows },
            row_work,
            affine: (index != sweep.target)
                .then(|| final_values(self.network, &self.affine, index)),
        };
        let out = window.rows_mut(&rows);
        let (scratches, progress) = (&mut *self.scratches, &mut self.progress);
        let moments = if is_read {
            let stored = &self.stored[index];
            let read = |top: usize, band: &mut [f32], _: &mut Scratch| {
                for (row, halves) in band.chunks_exact_mut(node.row_len).zip(&stored[top..]) {
                    widen(level, halves, row);
                }
                Moments::default()
            };
            bands.fill(out, scratches, progress, read).await?
        } else {
            let there = rows_there(node, windows);
            let source = &plan.nodes[node.inputs[0]];
            let channels = source.row_len / source.size[1];
            let term = |input: &usize| Term {
                data: windows[*input].rows(&there),
                scale: &self.identity.scale[..channels],
                shift: &self.identity.shift[..channels],
                slope: 1.0,
            };
            let terms: Vec<Term> = node.inputs.iter().map(term).collect();
            let input = Input {
                pixels: match source.making {
                    Making::Picture => Pixels::Planes(windows[node.inputs[0]].planes(&there)),
                    _ => Pixels::Terms(&terms),
                },
                size: source.size,
                rows: there.clone(),
                channels,
                upsample: node.upsample.as_ref(),
            };
            let compute = |top: usize, band: &mut [f32], scratch: &mut Scratch| match node.making {
                Making::Dense(layer) => {
                    layer.run_band(level, &input, top, node.size[1], scratch, band)
                }
                Making::Depthwise(layer) => {
                    let mut moments = Moments::default();
                    let row = |y: usize| windows[node.inputs[0]].row(y);
                    let last = node.size[0] - 1;
                    for (y, out) in (top..).zip(band.chunks_exact_mut(node.row_len)) {
                        let above = y.checked_sub(1).unwrap_or(last.min(1));
                        let below = if y < last { y + 1 } else { above };
                        layer.convolve_row(level, [above, y, below].map(row), out);
                        moments += Moments::of(level, out);
                    }
                    moments
                }
                Making::Add => {
                    sum_terms(level, &terms, (top - there.start) * node.row_len, band);
                    Moments::default()
                }
                Making::Picture => Moments::default(),
            };
            bands.fill(out, scratches, progress, compute).await?
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
        let head = &self.network.head;
        let width = self.plan.nodes[0].size[1];
        let mut planes = [0, 1, 2].map(|_| vec![0.0; width]);
        for y in window.rows.clone() {
            for (channel, plane) in planes.iter_mut().enumerate() {
                let pixels = window.row(y).chunks_exact(head.layer.channels());
                for (value, pixel) in plane.iter_mut().zip(pixels) {
                    *value = pixel[channel] + head.bias[channel];
                }
                tanh(self.network.level, plane);
                check_finite("cpu", plane)?;
            }
            let planes = [0, 1, 2].map(|channel| planes[channel].as_slice());
            set_colours(planes, &mut self.rgba[4 * y * width..][..4 * width]);
        }
        Ok(())
    }
}

/// Bands of rows of a node that are made together.
struct Bands<'a> {
    level: Level,
    rows: Range<usize>,
    row_len: usize,
    /// Rows of a band.
    block_rows: usize,
    /// Work of a row.
    row_work: f64,
    /// What makes final values of those computed, if that is wanted.
    affine: Option<Term<'a>>,
}

impl Bands<'_> {
    /// Fills `out` with what `compute(row, band, scratch)` makes of each band, which begins in that
    /// row. Threads meet after each group of bands, for the sake of progress.
    async fn fill(
        &self,
        out: &mut [f32],
        scratches: &mut Scratches,
        progress: &mut Progress<'_, impl Observer>,
        compute: impl Fn(usize, &mut [f32], &mut Scratch) -> Moments + Sync,
    ) -> Result<Moments> {
        // Half as much as of a whole picture: sweeps begin with small layers, slow for their work.
        let work = 2.0 * self.rows.len() as f64 * self.row_work;
        let group_bands = bands_in_group(self.rows.len().div_ceil(self.block_rows), work);
        let group_rows = group_bands * self.block_rows;
        let mut moments = Moments::default();
        let groups = out.chunks_mut(group_rows * self.row_len);
        for (first, group) in self.rows.clone().step_by(group_rows).zip(groups) {
            let band_len = self.block_rows * self.row_len;
            moments += for_each_band(group, band_len, scratches, |i, band, scratch| {
                let moments = compute(first + i * self.block_rows, band, scratch);
                if let Some(affine) = self.affine {
                    add_terms(self.level, affine, &[], 0, band);
                }
                moments
            });
            let rows = group.len() / self.row_len;
            progress.add(rows as f64 * self.row_work).await?;
        }
        Ok(moments)
    }
}

/// What makes final values of a node's raw ones.
fn final_values<'a>(network: &Network, affine: &'a [Affine], node: usize) -> Term<'a> {
    let affine = &affine[node - 1];
    Term {
        data: &[],
        scale: &affine.scale,
        shift: &affine.shift,
        slope: network.maps[node - 1].slope,
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
    values.try_reserve_exact(len).map_err(|_| Error::Memory {
        needed_bytes: plan.bytes(),
        allowed_bytes: None,
    })?;
    values.resize(len, T::default());
    Ok(values)
}

#[cfg(test)]
mod tests {
    use futures_lite::future::block_on;

    use super::*;
    use crate::engine::cpu::Precision;
    use crate::engine::cpu::network::Workspace;
    use crate::imaging::Planes;
    use crate::kernels::oracle::noise;
    use crate::model::{
        ConvSpec, DecoderStage, GeneratorConfig, HeadSpec, ResidualSpec, StridePadding,
        TensorValues, Upsampling, Weights,
    };

    struct Nobody;

    impl Observer for Nobody {
        async fn progress(&mut self, _share: f32) -> Result<()> {
            Ok(())
        }
    }

    fn weights(config: &GeneratorConfig) -> Weights {
        let tensors = config.tensors().into_iter().enumerate();
        tensors
            .map(|(seed, spec)| {
                let scale = match spec.shape[..] {
                    [_, fan_in, kh, kw] => (3.0 / (fan_in * kh * kw) as f32).sqrt(),
                    _ => 0.2,
                };
                let offset = f32::from(spec.name.ends_with(".gamma"));
                let values = noise(spec.shape.iter().product(), seed as u32 + 1);
                let values = values.iter().map(|v| offset + v * scale).collect();
                let shape = spec.shape;
                (spec.name, TensorValues { shape, values })
            })
            .collect()
    }

    fn photo([height, width]: [usize; 2]) -> Photo {
        let noise = noise(height * width * 4, 5);
        let byte = |(i, noise): (usize, &f32)| {
            let (x, y, channel) = (i / 4 % width, i / 4 / width, i % 4);
            match channel {
                3 => [255, 255, 128][x % 3],
                _ => ((x * 3 + y * (channel + 1)) % 200) as u8 + (noise * 27.0 + 27.0) as u8,
            }
        };
        let rgba = noise.iter().enumerate().map(byte).collect();
        Photo::new(width, height, rgba).unwrap()
    }

    /// The network as a whole.
    fn whole(network: &Network, photo: &Photo) -> Photo {
        let size = [photo.height(), photo.width()];
        let planes = Planes::from_photo(photo).unwrap();
        let (mut workspace, mut nobody) = (Workspace::default(), Nobody);
        let output = network.run(planes.values(), size, &mut workspace, &mut nobody);
        let output = Planes::new(size[1], size[0], block_on(output).unwrap()).unwrap();
        output.to_photo(photo.clone()).unwrap()
    }

    /// Streamed with no memory, some, and enough for every map.
    fn streamed(network: &Network, photo: &Photo) -> [Photo; 3] {
        let size = [photo.height(), photo.width()];
        let most = network.map_bytes(size);
        [0, most, 4 * most].map(|memory| {
            let plan = StreamPlan::new(network, size, memory);
            let (mut scratches, mut nobody) = (Scratches::default(), Nobody);
            let output = run(network, &plan, photo.clone(), &mut scratches, &mut nobody);
            block_on(output).unwrap()
        })
    }

    /// Largest difference of two pictures' bytes, and the mean of the squares.
    fn difference(a: &Photo, b: &Photo) -> (u8, f64) {
        let pairs = a.rgba().iter().zip(b.rgba());
        let errors: Vec<u8> = pairs.map(|(a, b)| a.abs_diff(*b)).collect();
        let squares: f64 = errors.iter().map(|error| f64::from(*error).powi(2)).sum();
        (
            errors.iter().copied().max().unwrap_or(0),
            squares / errors.len() as f64,
        )
    }

    fn check(name: &str, config: &GeneratorConfig, sizes: &[[usize; 2]]) {
        config.validate().unwrap();
        let network = Network::new(config, &weights(config), Level::new(), Precision::F32);
        for size in sizes.iter().copied() {
            let photo = photo(size);
            let expected = whole(&network, &photo);
            for (output, memory) in streamed(&network, &photo).iter().zip(["no", "some", "all"]) {
                let (worst, squares) = difference(output, &expected);
                assert!(
                    worst <= 1,
                    "{name} {size:?} with {memory} memory: off by {worst}"
                );
                // Half precision moves few values across the border of two levels.
                assert!(
                    squares < 0.05,
                    "{name} {size:?} with {memory} memory: {squares}"
                );
            }
        }
    }

    fn conv(channels: usize, kernel: usize, stride: usize) -> ConvSpec {
        ConvSpec {
            channels,
            kernel,
            stride,
        }
    }

    /// Skips and upsampling of the other kind, layers of every kernel before and after.
    fn uneven() -> GeneratorConfig {
        GeneratorConfig {
            encoder: vec![conv(5, 7, 1), conv(9, 5, 1), conv(19, 3, 2), conv(21, 3, 2)],
            residuals: [(30, 23), (17, 23), (33, 10)]
                .map(|(hidden, channels)| ResidualSpec { hidden, channels })
                .to_vec(),
            bridge: vec![conv(11, 1, 1)],
            decoder: vec![
                DecoderStage {
                    convs: vec![conv(13, 1, 1), conv(19, 3, 1)],
                    skip: true,
                },
                DecoderStage {
                    convs: vec![conv(9, 7, 1)],
                    skip: true,
                },
            ],
            head: HeadSpec {
                kernel: 7,
                bias: true,
            },
            upsampling: Upsampling::AlignCorners,
            ..GeneratorConfig::compact()
        }
    }

    #[test]
    fn compact() {
        let sizes = [[16, 16], [97, 61], [33, 210], [17, 1000]];
        check("compact", &GeneratorConfig::compact(), &sizes);
    }

    #[test]
    fn animegan2() {
        let config = GeneratorConfig::animegan2();
        check("animegan2", &config, &[[16, 16], [67, 50], [18, 301]]);
        let config = config.with_upsampling(Upsampling::HalfPixel);
        check("animegan2", &config, &[[45, 83]]);
    }

    /// Rounding to 8 bits is a step that the smallest difference moves a value across, so with random
    /// weights two runs differ by as much as 8 bits cost. What counts is that they do not cost more.
    #[test]
    fn in_8_bits() {
        for config in [GeneratorConfig::compact(), GeneratorConfig::animegan2()] {
            let weights = weights(&config);
            let network = |precision| Network::new(&config, &weights, Level::new(), precision);
            let photo = photo([50, 83]);
            let exact = whole(&network(Precision::F32), &photo);
            let network = network(Precision::Int8);
            let (_, cost) = difference(&whole(&network, &photo), &exact);
            for output in streamed(&network, &photo) {
                let (_, squares) = difference(&output, &exact);
                assert!(squares < 1.25 * cost, "{squares}, as a whole {cost}");
            }
        }
    }

    #[test]
    fn networks_of_other_shapes() {
        check("uneven", &uneven(), &[[40, 19], [61, 133]]);
        for halvings in [0, 1] {
            let shallow = GeneratorConfig {
                encoder: vec![conv(8, 3, 1), conv(12, 3, 1 + halvings)],
                residuals: vec![],
                bridge: vec![],
                decoder: vec![
                    DecoderStage {
                        convs: vec![conv(8, 3, 1)],
                        skip: true,
                    };
                    halvings
                ],
                stride_padding: StridePadding::RightBottom,
                ..uneven()
            };
            check("shallow", &shallow, &[[16, 17], [47, 30]]);
        }
    }

    /// The least memory of a photo of 24 megapixels, on any machine.
    #[test]
    fn the_compact_network_takes_16_bytes_for_a_pixel() {
        let config = GeneratorConfig::compact();
        let network = Network::new(&config, &weights(&config), Level::new(), Precision::F32);
        let plan = StreamPlan::new(&network, [4000, 6000], 0);
        let stored = 1500 * 1000 * 128 * 2;
        let bytes = plan.bytes();
        assert!(stored < bytes && bytes < stored + 80_000_000, "{bytes}");
    }
}
