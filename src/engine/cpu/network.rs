//! A generator as a list of steps over stored feature maps, made once from a style's weights
//! ([`super::builder`]).
//!
//! A step stores what it computes raw and sums up its moments on the way. What follows (normalisation
//! and activation, an addition, the upsampling) is done by the step that reads it, while it fills its
//! region: see [`InputSpec`].

use std::ops::Range;

use fearless_simd::Level;

use super::dense::DenseConv;
use super::depthwise::DepthwiseConv;
use crate::kernels::moments::Moments;
use crate::kernels::region::{Input, Pixels};
use crate::kernels::sum::{Affine, Term};
use crate::kernels::tanh::tanh;
use crate::kernels::upsample::Upsample;
use crate::model::{Resize, StridePadding, Upsampling};

/// A network, ready to run at any size.
pub(super) struct Network {
    pub level: Level,
    /// Planes of the picture that it is given.
    pub planes: usize,
    /// The steps whose outputs are feature maps, in the order of execution.
    pub steps: Vec<Step>,
    pub head: Head,
    pub stride_padding: StridePadding,
}

/// What is computed of what.
pub(super) struct Step {
    /// Path of the layer.
    pub name: String,
    pub operation: Operation,
    pub input: InputSpec,
    pub output: MapSpec,
    /// Multiply-accumulate operations for one pixel of the picture.
    pub macs: f64,
}

pub(super) enum Operation {
    Dense(DenseConv),
    /// In the place of its input, a single map that nobody else reads.
    Depthwise(DepthwiseConv),
    /// Adds the other maps of its input to the first, in its place, and nobody else reads that: a sum
    /// that is read several times.
    Add,
}

/// A sum of maps, possibly upsampled; the picture if there are none.
#[derive(Clone, Default)]
pub(super) struct InputSpec {
    /// The steps whose outputs are added up.
    pub maps: Vec<usize>,
    pub resize: Option<Resize>,
    /// Channels after the resize, not padded.
    pub channels: usize,
    /// The same, padded. The picture's are not.
    pub padded: usize,
}

/// A feature map.
pub(super) struct MapSpec {
    /// Channels, padded.
    pub channels: usize,
    /// How often the picture's sides were halved.
    pub halvings: usize,
    /// Applied by whoever reads the map; `None` if it holds final values.
    pub norm: Option<Norm>,
    /// Of the activation after the normalisation, below zero: 1 for none.
    pub slope: f32,
}

/// GroupNorm with one group.
pub(super) struct Norm {
    pub gamma: Vec<f32>,
    pub beta: Vec<f32>,
    pub eps: f64,
}

/// The last step, whose output is not stored: with a bias and tanh it is the picture.
pub(super) struct Head {
    pub conv: DenseConv,
    pub input: InputSpec,
    pub bias: [f32; 3],
    /// Multiply-accumulate operations for one pixel of the picture.
    pub macs: f64,
}

impl Network {
    /// Bytes of the packed weights.
    pub fn weight_bytes(&self) -> usize {
        let bytes = |step: &Step| match &step.operation {
            Operation::Dense(conv) => conv.weight_bytes(),
            Operation::Depthwise(conv) => conv.weight_bytes(),
            Operation::Add => 0,
        };
        self.steps.iter().map(bytes).sum::<usize>() + self.head.conv.weight_bytes()
    }

    /// Padded channels of the widest map.
    pub fn widest(&self) -> usize {
        let channels = self.steps.iter().map(|step| step.output.channels);
        channels.max().unwrap_or(0)
    }

    /// Multiply-accumulate operations for one pixel of a picture that is made as a whole.
    pub fn macs(&self) -> f64 {
        self.steps.iter().map(|step| step.macs).sum::<f64>() + self.head.macs
    }

    /// The size of a picture of `size` (height, width) after `halvings`.
    pub fn size_at(&self, size: [usize; 2], halvings: usize) -> [usize; 2] {
        let halved = |side, _| self.stride_padding.halved(side);
        size.map(|side| (0..halvings).fold(side, halved))
    }

    /// An input for pictures of `size`.
    pub fn sized(&self, input: &InputSpec, size: [usize; 2]) -> SizedInput {
        let first = input.maps.first().map(|map| &self.steps[*map].output);
        let from = self.size_at(size, first.map_or(0, |map| map.halvings));
        let upsample = |Resize { level, by }| {
            let to = self.size_at(size, level);
            match by {
                Upsampling::AlignCorners => Upsample::bilinear(from, to, true),
                Upsampling::HalfPixel => Upsample::bilinear(from, to, false),
                Upsampling::DepthToSpace => Upsample::DepthToSpace {
                    size: to,
                    channels: input.channels,
                },
            }
        };
        SizedInput {
            size: from,
            channels: input.padded,
            upsample: input.resize.map(upsample),
        }
    }
}

/// An [`InputSpec`] for pictures of one size.
pub(super) struct SizedInput {
    /// Height and width as it is stored.
    size: [usize; 2],
    /// Channels after upsampling, padded.
    channels: usize,
    upsample: Option<Upsample>,
}

impl SizedInput {
    /// Height after upsampling.
    pub fn height(&self) -> usize {
        let [height, _] = self.upsample.as_ref().map_or(self.size, Upsample::size);
        height
    }

    /// The stored rows that these rows after upsampling are made of.
    pub fn stored_rows(&self, rows: Range<usize>) -> Range<usize> {
        match &self.upsample {
            Some(upsample) => upsample.source_rows(rows),
            None => rows,
        }
    }

    /// As the kernels read it: the sum of the terms, or the picture's planes if there are none, of
    /// which there are these stored rows.
    pub fn of<'a>(
        &'a self,
        planes: &'a [&'a [f32]],
        terms: &'a [Term<'a>],
        rows: Range<usize>,
    ) -> Input<'a> {
        Input {
            pixels: match terms {
                [] => Pixels::Planes(planes),
                _ => Pixels::Terms(terms),
            },
            size: self.size,
            rows,
            channels: self.channels,
            upsample: self.upsample.as_ref(),
        }
    }

    /// The same with all rows.
    pub fn of_all<'a>(&'a self, planes: &'a [&'a [f32]], terms: &'a [Term<'a>]) -> Input<'a> {
        self.of(planes, terms, 0..self.size[0])
    }
}

/// What turns a stored map's values into its final ones.
pub(super) struct MapAffine {
    /// Of each padded channel.
    scale: Vec<f32>,
    shift: Vec<f32>,
    slope: f32,
}

impl MapAffine {
    /// Of a map that holds final values.
    pub fn identity(channels: usize) -> Self {
        Self {
            scale: vec![1.0; channels],
            shift: vec![0.0; channels],
            slope: 1.0,
        }
    }

    /// For the kernels.
    pub fn view(&self) -> Affine<'_> {
        self.of_first(self.scale.len())
    }

    /// Of the first `channels` only.
    pub fn of_first(&self, channels: usize) -> Affine<'_> {
        Affine {
            scale: &self.scale[..channels],
            shift: &self.shift[..channels],
            slope: self.slope,
        }
    }
}

impl MapSpec {
    /// What the map's moments, over `pixels` pixels, make of its values.
    pub fn affine(&self, moments: Moments, pixels: usize) -> MapAffine {
        let Some(Norm { gamma, beta, eps }) = &self.norm else {
            return MapAffine {
                slope: self.slope,
                ..MapAffine::identity(self.channels)
            };
        };
        let count = (pixels * gamma.len()) as f64;
        let mean = moments.sum / count;
        let variance = (moments.squares / count - mean * mean).max(0.0);
        let inverse = (variance + eps).sqrt().recip();
        let of_channel = |(gamma, beta): (&f32, &f32)| {
            let scale = f64::from(*gamma) * inverse;
            (scale as f32, (f64::from(*beta) - mean * scale) as f32)
        };
        let (mut scale, mut shift): (Vec<_>, Vec<_>) =
            gamma.iter().zip(beta).map(of_channel).unzip();
        scale.resize(self.channels, 0.0);
        shift.resize(self.channels, 0.0);
        MapAffine {
            scale,
            shift,
            slope: self.slope,
        }
    }
}

impl Head {
    /// Makes the picture's planes, in [-1, 1], of pixels of the convolution's output.
    pub fn finish(&self, level: Level, pixels: &[f32], planes: [&mut [f32]; 3]) {
        for (channel, (plane, bias)) in planes.into_iter().zip(self.bias).enumerate() {
            let pixels = pixels.chunks_exact(self.conv.channels());
            for (value, pixel) in plane.iter_mut().zip(pixels) {
                *value = pixel[channel] + bias;
            }
            tanh(level, plane);
        }
    }
}
