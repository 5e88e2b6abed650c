//! A generator as a list of steps over stored feature maps, made once from a style's weights.
//!
//! A layer stores its convolution raw and sums up its moments on the way. What follows it (its
//! normalisation and activation, a skip, the upsampling) is done by the layer that reads it, while
//! it fills its region: see [`Source`].

use fearless_simd::Level;

use super::Precision;
use super::bands::{Scratches, for_each_band, threads};
use super::depthwise::{Depthwise, Neighbours};
use super::layer::{Dense, Layer};
use super::memory::{Lifetime, MemoryPlan};
use crate::error::{Error, Result};
use crate::kernels::moments::Moments;
use crate::kernels::region::{Input, Pixels, Term, Upsample, add_terms};
use crate::kernels::tanh::tanh;
use crate::kernels::{lanes, padded};
use crate::model::{ConvSpec, GeneratorConfig, NEGATIVE_SLOPE, StridePadding, Upsampling, Weights};

/// Rows of a band of a residual sum.
const ADDED_ROWS: usize = 16;

/// Multiply-accumulate operations of each thread between two reports of progress: some 20 to 50 ms
/// in a browser.
pub(super) const GROUP_MACS: f64 = 1e9;

/// A network, ready to run at any size.
pub(super) struct Network {
    pub level: Level,
    pub steps: Vec<Step>,
    /// The output of each step.
    pub maps: Vec<MapSpec>,
    pub head: Head,
    stride_padding: StridePadding,
    upsampling: Upsampling,
}

/// One stored feature map.
pub(super) struct MapSpec {
    /// Channels, padded.
    pub channels: usize,
    /// How often the picture's sides were halved.
    pub halvings: usize,
    /// Applied by whoever reads the map; `None` if it holds final values.
    pub norm: Option<Norm>,
    /// Of the activation after the normalisation, below zero: 1 for none.
    pub slope: f32,
    /// Whether it lies inside a residual block, which its input goes around.
    pub in_block: bool,
}

/// GroupNorm with one group.
pub(super) struct Norm {
    gamma: Vec<f32>,
    beta: Vec<f32>,
    eps: f64,
}

/// What is computed.
pub(super) struct Step {
    /// Module path.
    pub name: String,
    pub operation: Operation,
    pub input: Source,
    /// Multiply-accumulate operations for one pixel of the picture.
    pub macs: f64,
}

pub(super) enum Operation {
    Layer(Layer),
    /// In the place of its input, a single map.
    Depthwise(Depthwise),
    /// Adds the other terms of its input to the first, in its place: a residual block's sum, which
    /// is read twice.
    Add,
}

/// A sum of stored maps, possibly resized; the picture if there are none.
#[derive(Clone, Default)]
pub(super) struct Source {
    pub maps: Vec<usize>,
    /// Resized to the picture's size halved this often.
    pub upsampled_to: Option<usize>,
}

/// The last layer: no normalisation, tanh, three planes.
pub(super) struct Head {
    pub layer: Layer,
    pub bias: [f32; 3],
    pub input: Source,
    pub macs: f64,
}

/// Is told how a run goes.
pub(super) trait Observer {
    /// The share of the work that is done, several times a step. An error ends the run.
    fn progress(&mut self, share: f32) -> impl Future<Output = Result<()>>;

    /// The layer at this module path is done; `macs` are the multiply-accumulate operations that
    /// it has in its direct form.
    fn step_done(&mut self, _name: &str, _macs: f64) {}
}

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

impl Network {
    /// Packs the weights, which [`GeneratorConfig::check_weights`] has accepted, for `level`.
    pub fn new(
        config: &GeneratorConfig,
        weights: &Weights,
        level: Level,
        precision: Precision,
    ) -> Self {
        Builder {
            config,
            weights,
            level,
            precision,
            steps: Vec::new(),
            maps: Vec::new(),
            source: Source::default(),
            channels: 3,
            halvings: 0,
        }
        .build()
    }

    /// Bytes of the packed weights.
    pub fn weight_bytes(&self) -> usize {
        let bytes = |step: &Step| match &step.operation {
            Operation::Layer(layer) => layer.weight_bytes(),
            Operation::Depthwise(layer) => layer.weight_bytes(),
            Operation::Add => 0,
        };
        self.steps.iter().map(bytes).sum::<usize>() + self.head.layer.weight_bytes()
    }

    /// Bytes of the feature maps for a picture of `size` (height, width).
    pub fn map_bytes(&self, size: [usize; 2]) -> u64 {
        self.memory_plan(size).bytes()
    }

    /// Bytes of the last layer's rows that are made at a time, before they are the picture's planes.
    pub fn head_bytes(&self, [height, width]: [usize; 2]) -> u64 {
        let (_, rows) = self.head_rows([height, width]);
        4 * rows as u64 * width as u64 * self.head.layer.channels() as u64
    }

    /// Rows of a band of the last layer, and of the bands that are made at a time.
    fn head_rows(&self, [height, width]: [usize; 2]) -> (usize, usize) {
        let [rows, _] = self.head.layer.block_size([height, width]);
        let macs = self.head.macs * height as f64 * width as f64;
        (rows, rows * bands_in_group(height.div_ceil(rows), macs))
    }

    /// Multiply-accumulate operations for one pixel of a picture that is made as a whole.
    pub fn macs(&self) -> f64 {
        self.steps.iter().map(|step| step.macs).sum::<f64>() + self.head.macs
    }

    /// Runs the network. `planes` is `[3][height][width]` in [-1, 1].
    pub async fn run(
        &self,
        planes: &[f32],
        size: [usize; 2],
        workspace: &mut Workspace,
        observer: &mut impl Observer,
    ) -> Result<Vec<f32>> {
        let plan = self.memory_plan(size);
        let Workspace { buffers, scratches } = workspace;
        buffers.resize_with(plan.buffers.len().max(buffers.len()), Vec::new);
        for (buffer, len) in buffers.iter_mut().zip(&plan.buffers) {
            if buffer.len() >= *len {
                continue;
            }
            // Not grown, for the old and the new one would be there at a time.
            *buffer = Vec::new();
            buffer.try_reserve_exact(*len).map_err(|_| Error::Memory {
                needed_bytes: plan.bytes(),
                allowed_bytes: None,
            })?;
            buffer.resize(*len, 0.0);
        }
        let mut run = Run {
            maps: Maps {
                network: self,
                planes,
                size,
                plan,
                affine: Vec::new(),
                buffers,
            },
            scratches,
            progress: Progress {
                done: 0.0,
                total: self.macs(),
                pixels: (size[0] * size[1]) as f64,
                observer,
            },
        };
        for (map, step) in self.steps.iter().enumerate() {
            run.step(step, map).await?;
        }
        run.head().await
    }

    /// The picture's size after `halvings`.
    pub fn halved(&self, size: [usize; 2], halvings: usize) -> [usize; 2] {
        (0..halvings).fold(size, |size, _| match self.stride_padding {
            StridePadding::RightBottom => size.map(|side| side / 2),
            StridePadding::Symmetric => size.map(|side| side.div_ceil(2)),
        })
    }

    /// Size of a source as it is stored, for a picture of `size`.
    pub fn stored_size(&self, source: &Source, size: [usize; 2]) -> [usize; 2] {
        let halvings = source
            .maps
            .first()
            .map_or(0, |map| self.maps[*map].halvings);
        self.halved(size, halvings)
    }

    /// How a source is resized, for a picture of `size`.
    pub fn upsample(&self, source: &Source, size: [usize; 2]) -> Option<Upsample> {
        let to = self.halved(size, source.upsampled_to?);
        let align_corners = self.upsampling == Upsampling::AlignCorners;
        let from = self.stored_size(source, size);
        Some(Upsample::new(from, to, align_corners))
    }

    /// Buffers of the maps; a map computed in place shares that of its input.
    fn memory_plan(&self, size: [usize; 2]) -> MemoryPlan {
        let mut lifetimes: Vec<Lifetime> = Vec::new();
        // Of each map, its place in `lifetimes`.
        let mut place: Vec<usize> = Vec::new();
        let sources = self.steps.iter().map(|step| &step.input);
        for (i, source) in sources.chain([&self.head.input]).enumerate() {
            for map in &source.maps {
                lifetimes[place[*map]].last = i;
            }
            let Some(step) = self.steps.get(i) else { break };
            let in_place = !matches!(step.operation, Operation::Layer(_));
            if let (true, Some(map)) = (in_place, source.maps.first()) {
                place.push(place[*map]);
                continue;
            }
            let map = &self.maps[i];
            let [height, width] = self.halved(size, map.halvings);
            place.push(lifetimes.len());
            lifetimes.push(Lifetime {
                first: i,
                last: i,
                len: height.saturating_mul(width).saturating_mul(map.channels),
            });
        }
        let mut plan = MemoryPlan::new(&lifetimes);
        plan.of_map = place.iter().map(|i| plan.of_map[*i]).collect();
        plan
    }
}

/// Scale and shift of each padded channel.
pub(super) struct Affine {
    pub scale: Vec<f32>,
    pub shift: Vec<f32>,
}

impl MapSpec {
    /// What turns the stored values, of `pixels` pixels, into the map's.
    pub fn affine(&self, moments: Moments, pixels: usize) -> Affine {
        let (mut scale, mut shift) = match &self.norm {
            None => (vec![1.0; self.channels], Vec::new()),
            Some(norm) => {
                let count = (pixels * norm.gamma.len()) as f64;
                let mean = moments.sum / count;
                let variance = (moments.squares / count - mean * mean).max(0.0);
                let inverse = (variance + norm.eps).sqrt().recip();
                norm.gamma
                    .iter()
                    .zip(&norm.beta)
                    .map(|(gamma, beta)| {
                        let scale = f64::from(*gamma) * inverse;
                        (scale as f32, (f64::from(*beta) - mean * scale) as f32)
                    })
                    .unzip()
            }
        };
        scale.resize(self.channels, 0.0);
        shift.resize(self.channels, 0.0);
        Affine { scale, shift }
    }
}

/// The stored maps of a run, as inputs.
struct Maps<'a> {
    network: &'a Network,
    planes: &'a [f32],
    size: [usize; 2],
    plan: MemoryPlan,
    /// Of the maps written so far.
    affine: Vec<Affine>,
    buffers: &'a mut Vec<Vec<f32>>,
}

impl Maps<'_> {
    fn terms(&self, source: &Source) -> Vec<Term<'_>> {
        let term = |map: &usize| Term {
            data: &self.buffers[self.plan.of_map[*map]],
            scale: &self.affine[*map].scale,
            shift: &self.affine[*map].shift,
            slope: self.network.maps[*map].slope,
        };
        source.maps.iter().map(term).collect()
    }

    /// Size of the source as it is stored.
    fn stored_size(&self, source: &Source) -> [usize; 2] {
        self.network.stored_size(source, self.size)
    }

    fn upsample(&self, source: &Source) -> Option<Upsample> {
        self.network.upsample(source, self.size)
    }

    fn input<'b>(
        &'b self,
        source: &Source,
        terms: &'b [Term<'b>],
        upsample: Option<&'b Upsample>,
    ) -> Input<'b> {
        let size = self.stored_size(source);
        let plane = size[0] * size[1];
        Input {
            pixels: match terms {
                [] => Pixels::Planes([0, 1, 2].map(|i| &self.planes[i * plane..][..plane])),
                terms => Pixels::Terms(terms),
            },
            size,
            rows: 0..size[0],
            channels: terms.first().map_or(3, |term| term.scale.len()),
            upsample,
        }
    }
}

/// A run in progress.
struct Run<'a, O> {
    maps: Maps<'a>,
    scratches: &'a mut Scratches,
    progress: Progress<'a, O>,
}

/// How much of the work is done, in multiply-accumulate operations for one pixel.
struct Progress<'a, O> {
    done: f64,
    total: f64,
    pixels: f64,
    observer: &'a mut O,
}

impl<O: Observer> Progress<'_, O> {
    /// Reports that `share` of a step is done.
    async fn within_step(&mut self, macs: f64, share: f64) -> Result<()> {
        let share = (self.done + share * macs) / self.total;
        self.observer.progress(share as f32).await
    }

    /// Reports that a step is done.
    fn step_done(&mut self, name: &str, macs: f64) {
        self.done += macs;
        self.observer.step_done(name, macs * self.pixels);
    }
}

impl<O: Observer> Run<'_, O> {
    /// Computes a step's map, which has its index.
    async fn step(&mut self, step: &Step, index: usize) -> Result<()> {
        let network = self.maps.network;
        let map = &network.maps[index];
        let [height, width] = network.halved(self.maps.size, map.halvings);
        let row_len = width * map.channels;
        // The output's buffer is taken out, so that the inputs' can be borrowed.
        let buffer = self.maps.plan.of_map[index];
        let mut out = std::mem::take(&mut self.maps.buffers[buffer]);
        let rows = &mut out[..height * row_len];
        let moments = match &step.operation {
            Operation::Layer(layer) => self.layer(step, layer, rows, width).await?,
            Operation::Depthwise(layer) => self.depthwise(step, layer, rows, row_len),
            Operation::Add => {
                let terms = self.maps.terms(&step.input);
                let band_len = ADDED_ROWS * row_len;
                for_each_band(rows, band_len, self.scratches, |i, band, _| {
                    add_terms(network.level, terms[0], &terms[1..], i * band_len, band);
                    Moments::default()
                })
            }
        };
        self.progress.step_done(&step.name, step.macs);
        let affine = map.affine(moments, height * width);
        self.maps.affine.push(affine);
        self.maps.buffers[buffer] = out;
        Ok(())
    }

    /// A dense layer into `out`, rows of `width` pixels.
    async fn layer(
        &mut self,
        step: &Step,
        layer: &Layer,
        out: &mut [f32],
        width: usize,
    ) -> Result<Moments> {
        let level = self.maps.network.level;
        let row_len = width * layer.channels();
        let height = out.len() / row_len;
        let terms = self.maps.terms(&step.input);
        let upsample = self.maps.upsample(&step.input);
        let input = self.maps.input(&step.input, &terms, upsample.as_ref());
        let [rows, _] = layer.block_size([height, width]);
        // Threads meet after each group, for the sake of progress.
        let macs = step.macs * self.progress.pixels;
        let group_rows = rows * bands_in_group(height.div_ceil(rows), macs);
        let mut moments = Moments::default();
        for (group, out) in out.chunks_mut(group_rows * row_len).enumerate() {
            let first = group * group_rows;
            moments += for_each_band(out, rows * row_len, self.scratches, |i, band, scratch| {
                layer.run_band(level, &input, first + i * rows, width, scratch, band)
            });
            let share = (first + group_rows).min(height) as f64 / height as f64;
            self.progress.within_step(step.macs, share).await?;
        }
        Ok(moments)
    }

    /// A depthwise layer in place.
    fn depthwise(
        &mut self,
        step: &Step,
        layer: &Depthwise,
        rows: &mut [f32],
        row_len: usize,
    ) -> Moments {
        let level = self.maps.network.level;
        let terms = self.maps.terms(&step.input);
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
        for_each_band(rows, band_len, self.scratches, |i, band, scratch| {
            let neighbours = Neighbours {
                above: i.checked_sub(1).and_then(|border| kept(2 * border)),
                below: kept(2 * i + 1),
            };
            layer.run_band(level, terms[0], neighbours, row_len, scratch, band)
        })
    }

    /// The last layer: planes, with bias and tanh.
    async fn head(mut self) -> Result<Vec<f32>> {
        let network = self.maps.network;
        let (head, level) = (&network.head, network.level);
        let [height, width] = self.maps.size;
        let mut out = vec![0.0; 3 * height * width];
        let terms = self.maps.terms(&head.input);
        let upsample = self.maps.upsample(&head.input);
        let input = self.maps.input(&head.input, &terms, upsample.as_ref());
        let row_len = width * head.layer.channels();
        let (rows, group_rows) = network.head_rows([height, width]);
        let mut group = vec![0.0; group_rows * row_len];
        for first in (0..height).step_by(group_rows) {
            let group_rows = group_rows.min(height - first);
            let group = &mut group[..group_rows * row_len];
            for_each_band(group, rows * row_len, self.scratches, |i, band, scratch| {
                let top = first + i * rows;
                head.layer
                    .run_band(level, &input, top, width, scratch, band)
            });
            let planes = out.chunks_exact_mut(height * width);
            for (c, (plane, bias)) in planes.zip(head.bias).enumerate() {
                let plane = &mut plane[first * width..][..group_rows * width];
                let pixels = group.chunks_exact(head.layer.channels());
                for (value, pixel) in plane.iter_mut().zip(pixels) {
                    *value = pixel[c] + bias;
                }
                tanh(level, plane);
            }
            let share = (first + group_rows) as f64 / height as f64;
            self.progress.within_step(head.macs, share).await?;
        }
        self.progress.step_done("head", head.macs);
        Ok(out)
    }
}

/// How many of a step's `bands` are computed between two reports of progress. Threads wait for each
/// other there, so it should not be often; `macs` are those of all of them.
pub(super) fn bands_in_group(bands: usize, macs: f64) -> usize {
    let most = (GROUP_MACS * threads() as f64 * bands as f64 / macs) as usize;
    most.clamp(threads(), bands.max(threads()))
}

/// Makes the steps, following [`crate::model::Generator::forward`].
struct Builder<'a> {
    config: &'a GeneratorConfig,
    weights: &'a Weights,
    level: Level,
    precision: Precision,
    steps: Vec<Step>,
    maps: Vec<MapSpec>,
    /// What the next layer reads, its channels, and its size.
    source: Source,
    channels: usize,
    halvings: usize,
}

impl Builder<'_> {
    fn build(mut self) -> Network {
        let config = self.config;
        // The encoder's last activation of each resolution, for the decoder to come back to.
        let mut skips = Vec::new();
        for (i, spec) in config.encoder.iter().enumerate() {
            if spec.stride == 2 {
                skips.push(self.source.clone());
            }
            self.conv_norm(&format!("encoder.{i}"), *spec);
        }
        for (i, block) in config.residuals.iter().enumerate() {
            self.residual(&format!("residuals.{i}"), block.hidden, block.channels);
        }
        for (i, spec) in config.bridge.iter().enumerate() {
            self.conv_norm(&format!("bridge.{i}"), *spec);
        }
        for (s, stage) in config.decoder.iter().enumerate() {
            self.halvings -= 1;
            self.source.upsampled_to = Some(self.halvings);
            let skip = skips.pop().unwrap_or_default();
            for (i, spec) in stage.convs.iter().enumerate() {
                self.conv_norm(&format!("decoder.{s}.convs.{i}"), *spec);
            }
            if stage.skip {
                self.source.maps.extend(skip.maps);
            }
        }
        let kernel = config.head.kernel;
        let geometry = self.geometry(3, kernel, 1, kernel / 2);
        let macs = (self.channels * 3 * kernel * kernel) as f64;
        let mut bias = [0.0; 3];
        if let Some(tensor) = self.weights.get("head.bias") {
            bias.copy_from_slice(&tensor.values);
        }
        Network {
            head: Head {
                layer: Layer::dense(
                    self.level,
                    self.precision,
                    geometry,
                    self.tensor("head.weight"),
                ),
                bias,
                input: self.source,
                macs,
            },
            level: self.level,
            steps: self.steps,
            maps: self.maps,
            stride_padding: config.stride_padding,
            upsampling: config.upsampling,
        }
    }

    /// A tensor that `check_weights` has found.
    fn tensor(&self, name: &str) -> &[f32] {
        &self.weights[name].values
    }

    fn geometry(&self, channels: usize, kernel: usize, stride: usize, before: usize) -> Dense {
        let padded_in = match self.source.maps.first() {
            Some(_) => padded(self.channels, lanes(self.level)),
            None => 3,
        };
        Dense {
            channels_in: self.channels,
            padded_in,
            channels_out: channels,
            kernel,
            stride,
            before,
        }
    }

    /// A dense convolution with normalisation and activation.
    fn conv_norm(&mut self, name: &str, spec: ConvSpec) {
        let before = match (spec.stride, self.config.stride_padding) {
            (2, StridePadding::RightBottom) => 0,
            _ => spec.kernel / 2,
        };
        let geometry = self.geometry(spec.channels, spec.kernel, spec.stride, before);
        let weights = self.tensor(&format!("{name}.conv.weight"));
        let layer = Layer::dense(self.level, self.precision, geometry, weights);
        let macs = self.channels * spec.channels * spec.kernel * spec.kernel;
        self.halvings += spec.stride - 1;
        let norm = format!("{name}.norm");
        self.push(
            name,
            Operation::Layer(layer),
            macs,
            spec.channels,
            &norm,
            NEGATIVE_SLOPE as f32,
        );
    }

    fn residual(&mut self, name: &str, hidden: usize, channels: usize) {
        let (input, channels_in) = (self.source.clone(), self.channels);
        let first_inside = self.maps.len();
        let expand = ConvSpec {
            channels: hidden,
            kernel: 1,
            stride: 1,
        };
        self.conv_norm(&format!("{name}.expand"), expand);
        let bias = self.weights.get(&format!("{name}.depthwise.conv.bias"));
        let layer = Depthwise::new(
            self.level,
            hidden,
            self.tensor(&format!("{name}.depthwise.conv.weight")),
            bias.map(|tensor| tensor.values.as_slice()),
        );
        let norm = format!("{name}.depthwise.norm");
        self.push(
            &format!("{name}.depthwise"),
            Operation::Depthwise(layer),
            hidden * 9,
            hidden,
            &norm,
            NEGATIVE_SLOPE as f32,
        );
        let geometry = self.geometry(channels, 1, 1, 0);
        let weights = self.tensor(&format!("{name}.project.weight"));
        let layer = Layer::dense(self.level, self.precision, geometry, weights);
        let norm = format!("{name}.project_norm");
        let macs = hidden * channels;
        self.push(
            &format!("{name}.project"),
            Operation::Layer(layer),
            macs,
            channels,
            &norm,
            1.0,
        );
        let has_sum = channels == channels_in;
        let last_inside = self.maps.len() - usize::from(!has_sum);
        for map in &mut self.maps[first_inside..last_inside] {
            map.in_block = true;
        }
        if has_sum {
            self.source.maps.extend(input.maps);
            let output = self.map(channels, None, 1.0);
            self.steps.push(Step {
                name: format!("{name}.sum"),
                operation: Operation::Add,
                input: std::mem::replace(&mut self.source, output),
                macs: 0.0,
            });
        }
    }

    /// Appends a layer that reads the source and becomes it. `macs` are those of one output pixel.
    fn push(
        &mut self,
        name: &str,
        operation: Operation,
        macs: usize,
        channels: usize,
        norm: &str,
        slope: f32,
    ) {
        let norm = Norm {
            gamma: self.tensor(&format!("{norm}.gamma")).to_vec(),
            beta: self.tensor(&format!("{norm}.beta")).to_vec(),
            eps: self.config.norm_eps,
        };
        let output = self.map(channels, Some(norm), slope);
        self.steps.push(Step {
            name: name.to_owned(),
            operation,
            input: std::mem::replace(&mut self.source, output),
            macs: macs as f64 / (1 << (2 * self.halvings)) as f64,
        });
        self.channels = channels;
    }

    /// Adds a map at the current resolution, as a source.
    fn map(&mut self, channels: usize, norm: Option<Norm>, slope: f32) -> Source {
        self.maps.push(MapSpec {
            channels: padded(channels, lanes(self.level)),
            halvings: self.halvings,
            norm,
            slope,
            in_block: false,
        });
        Source {
            maps: vec![self.maps.len() - 1],
            upsampled_to: None,
        }
    }
}
