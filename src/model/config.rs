//! The shape of a generator as data: everything needed to build the network and to check that a
//! file's tensors belong to it. What follows from it is in [`super::layers`].

use serde::{Deserialize, Serialize};

/// Slope of LeakyReLU below zero.
pub const NEGATIVE_SLOPE: f64 = 0.2;

/// Planes of a picture: red, green, blue.
pub(super) const COLOURS: usize = 3;

/// Configuration of a generator: encoder, inverted residuals, bridge, decoder, head.
///
/// All convolutions pad by reflection; all but the head's are followed by a normalisation over
/// the whole image (GroupNorm with one group) and LeakyReLU 0.2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeneratorConfig {
    /// Planes that the network is given: the photo's three, then guide planes if there are any.
    #[serde(default = "colours", skip_serializing_if = "is_colours")]
    pub input_channels: usize,
    /// Layers down from the image; those with stride 2 halve the resolution.
    pub encoder: Vec<ConvSpec>,
    /// Inverted residual blocks at the lowest resolution.
    pub residuals: Vec<ResidualSpec>,
    /// Stride-1 layers at the lowest resolution, after the residual blocks.
    pub bridge: Vec<ConvSpec>,
    /// One stage for each halving of the encoder, from the lowest resolution up.
    pub decoder: Vec<DecoderStage>,
    /// The last layer, to RGB and tanh.
    pub head: HeadSpec,
    /// Whether depthwise convolutions have a bias.
    pub depthwise_bias: bool,
    /// Where layers with stride 2 pad.
    pub stride_padding: StridePadding,
    /// How the decoder doubles the resolution.
    pub upsampling: Upsampling,
    /// Added to the variance in every normalisation.
    pub norm_eps: f64,
}

/// A convolution with normalisation and LeakyReLU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvSpec {
    /// Output channels.
    pub channels: usize,
    /// Side of the square kernel, odd.
    pub kernel: usize,
    /// 1 or 2.
    pub stride: usize,
}

/// An inverted residual block: expand (1x1), depthwise (3x3), project (1x1), and the input added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResidualSpec {
    /// Channels between expansion and projection.
    pub hidden: usize,
    /// Output channels.
    pub channels: usize,
    /// Whether the input is added.
    #[serde(default, skip_serializing_if = "Shortcut::is_default")]
    pub shortcut: Shortcut,
}

impl ResidualSpec {
    /// Adding the input where the widths agree.
    pub const fn new(hidden: usize, channels: usize) -> Self {
        Self {
            hidden,
            channels,
            shortcut: Shortcut::WhereWidthsAgree,
        }
    }
}

/// Which inverted residuals add their input to what they make of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shortcut {
    /// Those that have as many channels as their input.
    #[default]
    WhereWidthsAgree,
    /// None.
    Never,
}

impl Shortcut {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Upsampling to the next higher resolution of the encoder, then stride-1 layers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecoderStage {
    /// The layers after the upsampling.
    pub convs: Vec<ConvSpec>,
    /// Whether the encoder's last activation of that resolution is added at the end.
    pub skip: bool,
}

/// The output convolution, followed by tanh only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadSpec {
    /// Side of the square kernel, odd.
    pub kernel: usize,
    /// Whether the convolution has a bias.
    pub bias: bool,
}

/// Where a stride-2 convolution pads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StridePadding {
    /// One pixel on the right and one at the bottom, as AnimeGANv2 does: sides round down.
    RightBottom,
    /// One pixel on every side: sides round up.
    Symmetric,
}

/// How the decoder doubles the resolution: bilinearly, with one of two coordinates, or by channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Upsampling {
    /// Corner pixels coincide (PyTorch's `align_corners=True`; what `face2paint` uses).
    AlignCorners,
    /// Pixels are areas (PyTorch's `align_corners=False`).
    HalfPixel,
    /// Four channels become the four pixels of one channel, row by row (PyTorch's `PixelShuffle`), cut
    /// to the size that is needed. Only with [`StridePadding::Symmetric`], whose sides come out large
    /// enough.
    DepthToSpace,
}

impl Upsampling {
    /// Channels of the result.
    pub(super) fn channels(self, channels: usize) -> usize {
        match self {
            Self::AlignCorners | Self::HalfPixel => channels,
            Self::DepthToSpace => channels / PIXELS_OF_DEPTH,
        }
    }
}

/// Channels that [`Upsampling::DepthToSpace`] makes one of.
pub(super) const PIXELS_OF_DEPTH: usize = 4;

/// Name and shape of one tensor of the weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorSpec {
    /// The module path, such as `encoder.0.conv.weight`.
    pub name: String,
    /// Dimensions; convolution weights are `[out, in / groups, kernel, kernel]`.
    pub shape: Vec<usize>,
}

impl GeneratorConfig {
    /// The AnimeGANv2 generator of the public PyTorch checkpoints: 2,143,552 parameters,
    /// 401 kMAC a pixel.
    pub fn animegan2() -> Self {
        let k3 = |channels| conv(channels, 3, 1);
        Self {
            input_channels: COLOURS,
            encoder: vec![
                conv(32, 7, 1),
                conv(64, 3, 2),
                k3(64),
                conv(128, 3, 2),
                k3(128),
                k3(128),
            ],
            residuals: [256, 512, 512, 512]
                .map(|hidden| ResidualSpec::new(hidden, 256))
                .to_vec(),
            bridge: vec![k3(128)],
            decoder: vec![
                DecoderStage {
                    convs: vec![k3(128), k3(128)],
                    skip: false,
                },
                DecoderStage {
                    convs: vec![k3(64), k3(64), conv(32, 7, 1)],
                    skip: false,
                },
            ],
            head: HeadSpec {
                kernel: 1,
                bias: false,
            },
            depthwise_bias: true,
            stride_padding: StridePadding::RightBottom,
            upsampling: Upsampling::AlignCorners,
            norm_eps: 1e-5,
        }
    }

    /// A light generator with nine inverted residuals: 1,375,027 parameters, 108 kMAC a pixel,
    /// most of them at a quarter of the resolution, and additive skips.
    pub fn compact() -> Self {
        Self {
            input_channels: COLOURS,
            encoder: vec![conv(24, 3, 1), conv(48, 3, 2), conv(128, 3, 2)],
            residuals: vec![ResidualSpec::new(512, 128); 9],
            bridge: vec![],
            decoder: [48, 24].map(stage).to_vec(),
            head: HeadSpec {
                kernel: 3,
                bias: true,
            },
            depthwise_bias: false,
            stride_padding: StridePadding::Symmetric,
            upsampling: Upsampling::HalfPixel,
            norm_eps: 1e-5,
        }
    }

    /// For live cameras and phones: what `nijigen prune` left of the style `ink` in `compact` at a
    /// fourteenth of `animegan2`'s operations (`docs/models.md`). 227,819 parameters, 31 kMAC a
    /// pixel.
    pub fn tiny() -> Self {
        let hidden = [344, 216, 152, 144, 128, 128, 128, 128, 128];
        Self {
            encoder: vec![conv(24, 3, 1), conv(48, 3, 2), conv(48, 3, 2)],
            residuals: hidden.map(|hidden| ResidualSpec::new(hidden, 48)).to_vec(),
            ..Self::compact()
        }
    }

    /// With a third halving, so that every pixel sees twice as far as in `compact` for half of its
    /// operations: 1,663,731 parameters, 58 kMAC a pixel.
    pub fn deep() -> Self {
        Self {
            encoder: vec![
                conv(24, 3, 1),
                conv(48, 3, 2),
                conv(96, 3, 2),
                conv(160, 3, 2),
            ],
            residuals: vec![ResidualSpec::new(480, 160); 8],
            decoder: [96, 48, 24].map(stage).to_vec(),
            ..Self::compact()
        }
    }

    /// Whether it is given guide planes besides the photo's.
    pub fn is_guided(&self) -> bool {
        self.input_channels > COLOURS
    }

    /// The same network with another upsampling.
    pub fn with_upsampling(mut self, upsampling: Upsampling) -> Self {
        self.upsampling = upsampling;
        self
    }
}

fn colours() -> usize {
    COLOURS
}

fn is_colours(channels: &usize) -> bool {
    *channels == COLOURS
}

const fn conv(channels: usize, kernel: usize, stride: usize) -> ConvSpec {
    ConvSpec {
        channels,
        kernel,
        stride,
    }
}

/// One 3x3 layer and a skip.
fn stage(channels: usize) -> DecoderStage {
    DecoderStage {
        convs: vec![conv(channels, 3, 1)],
        skip: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_figures() {
        let full = GeneratorConfig::animegan2();
        full.validate().unwrap();
        assert_eq!(full.parameter_count(), 2_143_552);
        assert_eq!(full.tensors().len(), 77);
        assert_eq!(full.step_count(), 17);
        assert_eq!(full.macs_per_pixel().round(), 401_072.0);

        let compact = GeneratorConfig::compact();
        compact.validate().unwrap();
        assert_eq!(compact.parameter_count(), 1_375_027);
        assert_eq!(compact.tensors().len(), 98);
        assert_eq!((compact.macs_per_pixel() / 100.0).round(), 1079.0);

        let tiny = GeneratorConfig::tiny();
        tiny.validate().unwrap();
        assert_eq!(tiny.parameter_count(), 227_819);
        assert!(tiny.macs_per_pixel() < 0.08 * 401_072.0);

        let deep = GeneratorConfig::deep();
        deep.validate().unwrap();
        assert_eq!(deep.parameter_count(), 1_663_731);
        assert_eq!((deep.macs_per_pixel() / 100.0).round(), 578.0);
    }

    /// What a style file of before says means the same, and is written as it was.
    #[test]
    fn only_what_differs_from_earlier_files_is_stored() {
        let compact = GeneratorConfig::compact();
        let json = serde_json::to_string(&compact).unwrap();
        assert!(!json.contains("input_channels") && !json.contains("shortcut"));
        let read: GeneratorConfig = serde_json::from_str(&json).unwrap();
        assert_eq!(read, compact);
        let mut other = compact.with_upsampling(Upsampling::DepthToSpace);
        other.input_channels = 7;
        other.residuals[1].shortcut = Shortcut::Never;
        let json = serde_json::to_string(&other).unwrap();
        let stored = [
            r#"{"input_channels":7,"encoder""#,
            r#""channels":128,"shortcut":"never"}"#,
            r#""upsampling":"depth_to_space""#,
        ];
        for part in stored {
            assert!(json.contains(part), "{json} lacks {part}");
        }
        let read: GeneratorConfig = serde_json::from_str(&json).unwrap();
        assert_eq!(read, other);
    }
}
