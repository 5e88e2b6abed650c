//! The shape of a generator as data: everything needed to build the network and to check that a
//! file's tensors belong to it.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Slope of LeakyReLU below zero.
pub const NEGATIVE_SLOPE: f64 = 0.2;

/// Widest layer a configuration may ask for; guards against absurd files.
const MAX_CHANNELS: usize = 4096;
/// Most layers of one kind a configuration may ask for.
const MAX_LAYERS: usize = 64;
/// Largest convolution kernel. Its reflection padding must fit into the smallest feature map
/// that the pipeline produces.
const MAX_KERNEL: usize = 7;

/// Configuration of a generator: encoder, inverted residuals, bridge, decoder, head.
///
/// All convolutions pad by reflection; all but the head's are followed by a normalisation over
/// the whole image (GroupNorm with one group) and LeakyReLU 0.2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeneratorConfig {
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

/// An inverted residual block: expand (1x1), depthwise (3x3), project (1x1), and the input added
/// where the widths agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResidualSpec {
    /// Channels between expansion and projection.
    pub hidden: usize,
    /// Output channels.
    pub channels: usize,
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

/// A layer with an activation of its own, as `Generator::forward_layers` reports them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// An encoder layer.
    Encoder(usize),
    /// The wide 1x1 layer of an inverted residual.
    Expand(usize),
    /// The depthwise layer of an inverted residual.
    Depthwise(usize),
    /// An inverted residual as a whole.
    Residual(usize),
    /// A bridge layer.
    Bridge(usize),
    /// A decoder stage and its layer, the stage's last one with its skip.
    Decoder(usize, usize),
    /// The head, after tanh.
    Head,
}

impl Layer {
    /// Name of the weights that the layer's input is multiplied with; of an inverted residual as a
    /// whole, its projection's.
    pub fn weight(self) -> String {
        match self {
            Self::Encoder(i) => format!("encoder.{i}.conv.weight"),
            Self::Expand(i) => format!("residuals.{i}.expand.conv.weight"),
            Self::Depthwise(i) => format!("residuals.{i}.depthwise.conv.weight"),
            Self::Residual(i) => format!("residuals.{i}.project.weight"),
            Self::Bridge(i) => format!("bridge.{i}.conv.weight"),
            Self::Decoder(s, i) => format!("decoder.{s}.convs.{i}.conv.weight"),
            Self::Head => "head.weight".into(),
        }
    }
}

/// Where `Generator::forward_tapped` shows a layer's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tap {
    /// What the convolution takes, before padding.
    Input,
    /// What the convolution gives, with its bias, before normalisation or tanh.
    Products,
    /// What the layer gives, the decoder's with its skip.
    Activation,
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

/// Coordinates of bilinear upsampling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Upsampling {
    /// Corner pixels coincide (PyTorch's `align_corners=True`; what `face2paint` uses).
    AlignCorners,
    /// Pixels are areas (PyTorch's `align_corners=False`).
    HalfPixel,
}

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
            encoder: vec![
                conv(32, 7, 1),
                conv(64, 3, 2),
                k3(64),
                conv(128, 3, 2),
                k3(128),
                k3(128),
            ],
            residuals: [256, 512, 512, 512]
                .map(|hidden| ResidualSpec {
                    hidden,
                    channels: 256,
                })
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
            encoder: vec![conv(24, 3, 1), conv(48, 3, 2), conv(128, 3, 2)],
            residuals: vec![
                ResidualSpec {
                    hidden: 512,
                    channels: 128,
                };
                9
            ],
            bridge: vec![],
            decoder: [48, 24]
                .map(|channels| DecoderStage {
                    convs: vec![conv(channels, 3, 1)],
                    skip: true,
                })
                .to_vec(),
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

    /// For live cameras and phones: what `trainer prune` left of the style `ink` in `compact` at a
    /// fourteenth of `animegan2`'s operations (`docs/models.md`). 227,819 parameters, 31 kMAC a
    /// pixel.
    pub fn tiny() -> Self {
        let hidden = [344, 216, 152, 144, 128, 128, 128, 128, 128];
        Self {
            encoder: vec![conv(24, 3, 1), conv(48, 3, 2), conv(48, 3, 2)],
            residuals: hidden
                .map(|hidden| ResidualSpec {
                    hidden,
                    channels: 48,
                })
                .to_vec(),
            ..Self::compact()
        }
    }

    /// The same network with another upsampling.
    pub fn with_upsampling(mut self, upsampling: Upsampling) -> Self {
        self.upsampling = upsampling;
        self
    }

    /// Checks that the network can be built and run.
    ///
    /// # Errors
    /// [`Error::ConfigInvalid`], naming the layer, the value and what was expected.
    pub fn validate(&self) -> Result<()> {
        let invalid = |what: String| Err(Error::ConfigInvalid(what));
        let named = |block: &str, convs: &[ConvSpec]| -> Vec<(String, ConvSpec)> {
            let name = |(i, spec): (usize, &ConvSpec)| (format!("{block}.{i}"), *spec);
            convs.iter().enumerate().map(name).collect()
        };
        let down = named("encoder", &self.encoder);
        let mut stride_one = named("bridge", &self.bridge);
        for (i, stage) in self.decoder.iter().enumerate() {
            stride_one.extend(named(&format!("decoder.{i}.convs"), &stage.convs));
        }
        for (name, spec) in down.iter().chain(&stride_one) {
            check_channels(name, spec.channels)?;
            check_kernel(name, spec.kernel)?;
        }
        for (name, spec) in &down {
            // Stride-2 layers pad by one pixel, which fits a 3x3 kernel only.
            let allowed = spec.stride == 1 || (spec.stride == 2 && spec.kernel == 3);
            if !allowed {
                return invalid(format!(
                    "{name} has stride {} and kernel {}, expected stride 1, or stride 2 with kernel 3",
                    spec.stride, spec.kernel
                ));
            }
        }
        for (name, spec) in &stride_one {
            if spec.stride != 1 {
                return invalid(format!("{name} has stride {}, expected 1", spec.stride));
            }
        }
        for (i, block) in self.residuals.iter().enumerate() {
            check_channels(&format!("residuals.{i}.hidden"), block.hidden)?;
            check_channels(&format!("residuals.{i}"), block.channels)?;
        }
        for (name, layers) in [
            ("encoder", self.encoder.len()),
            ("residuals", self.residuals.len() + 1),
            ("bridge", self.bridge.len() + 1),
            ("decoder", self.decoder.len() + 1),
        ] {
            if layers == 0 || layers > MAX_LAYERS {
                return invalid(format!(
                    "{name} has {layers} layers, expected 1 to {MAX_LAYERS}"
                ));
            }
        }
        check_kernel("head", self.head.kernel)?;
        let halvings = self.encoder.iter().filter(|spec| spec.stride == 2).count();
        if halvings != self.decoder.len() || halvings > 2 {
            return invalid(format!(
                "{halvings} encoder layers with stride 2 and {} decoder stages, expected as many, at most 2",
                self.decoder.len()
            ));
        }
        for (i, stage) in self.decoder.iter().enumerate() {
            let Some(last) = stage.convs.last() else {
                return invalid(format!("decoder.{i} has no layers, expected at least 1"));
            };
            if stage.convs.len() > MAX_LAYERS {
                return invalid(format!("decoder.{i} has {} layers", stage.convs.len()));
            }
            let encoder = self.level_channels()[halvings - 1 - i];
            if stage.skip && i + 1 == halvings && self.encoder[0].stride == 2 {
                return invalid(format!(
                    "decoder.{i} adds the picture itself as its skip, expected a layer before the first halving"
                ));
            }
            if stage.skip && encoder != last.channels {
                return invalid(format!(
                    "decoder.{i} ends with {} channels but its skip brings {encoder}",
                    last.channels
                ));
            }
        }
        if !(self.norm_eps > 0.0 && self.norm_eps < 1.0) {
            return invalid(format!(
                "norm_eps is {}, expected above 0 and below 1",
                self.norm_eps
            ));
        }
        Ok(())
    }

    /// Channels of the encoder's last activation at each resolution, highest first; 3 (the image)
    /// where the first layer already halves.
    fn level_channels(&self) -> Vec<usize> {
        let mut levels = Vec::new();
        let mut channels = 3;
        for spec in &self.encoder {
            if spec.stride == 2 {
                levels.push(channels);
            }
            channels = spec.channels;
        }
        levels.push(channels);
        levels
    }

    /// Names and shapes of all tensors of the weights, in the order of execution.
    pub fn tensors(&self) -> Vec<TensorSpec> {
        let mut list = TensorList::default();
        let mut channels = 3;
        for (i, spec) in self.encoder.iter().enumerate() {
            list.conv_norm(&format!("encoder.{i}"), channels, spec);
            channels = spec.channels;
        }
        for (i, block) in self.residuals.iter().enumerate() {
            let name = format!("residuals.{i}");
            list.conv_norm(
                &format!("{name}.expand"),
                channels,
                &conv(block.hidden, 1, 1),
            );
            list.conv_norm(&format!("{name}.depthwise"), 1, &conv(block.hidden, 3, 1));
            if self.depthwise_bias {
                list.push(format!("{name}.depthwise.conv.bias"), &[block.hidden]);
            }
            list.push(
                format!("{name}.project.weight"),
                &[block.channels, block.hidden, 1, 1],
            );
            list.norm(&format!("{name}.project_norm"), block.channels);
            channels = block.channels;
        }
        for (i, spec) in self.bridge.iter().enumerate() {
            list.conv_norm(&format!("bridge.{i}"), channels, spec);
            channels = spec.channels;
        }
        for (s, stage) in self.decoder.iter().enumerate() {
            for (i, spec) in stage.convs.iter().enumerate() {
                list.conv_norm(&format!("decoder.{s}.convs.{i}"), channels, spec);
                channels = spec.channels;
            }
        }
        let HeadSpec { kernel, bias } = self.head;
        list.push("head.weight".into(), &[3, channels, kernel, kernel]);
        if bias {
            list.push("head.bias".into(), &[3]);
        }
        list.0
    }

    /// Number of parameters.
    pub fn parameter_count(&self) -> usize {
        self.tensors()
            .iter()
            .map(|tensor| tensor.shape.iter().product::<usize>())
            .sum()
    }

    /// Number of steps: layers, or whole residual blocks. `Generator::forward_observed` reports each.
    pub fn step_count(&self) -> usize {
        self.step_macs_per_pixel().len()
    }

    /// Multiply-accumulate operations for one input pixel, of each step in the order of
    /// execution. The share of a step in the sum is its share of the time.
    pub fn step_macs_per_pixel(&self) -> Vec<f64> {
        let mut macs = Vec::new();
        let mut channels = 3.0;
        let mut scale = 1.0;
        let dense = |macs: &mut Vec<f64>, spec: &ConvSpec, scale: f64, channels: &mut f64| {
            let (out, kernel) = (spec.channels as f64, spec.kernel as f64);
            macs.push(*channels * out * kernel * kernel * scale);
            *channels = out;
        };
        for spec in &self.encoder {
            scale /= (spec.stride * spec.stride) as f64;
            dense(&mut macs, spec, scale, &mut channels);
        }
        for block in &self.residuals {
            let (hidden, out) = (block.hidden as f64, block.channels as f64);
            macs.push((channels * hidden + hidden * 9.0 + hidden * out) * scale);
            channels = out;
        }
        for spec in &self.bridge {
            dense(&mut macs, spec, scale, &mut channels);
        }
        for stage in &self.decoder {
            scale *= 4.0;
            for spec in &stage.convs {
                dense(&mut macs, spec, scale, &mut channels);
            }
        }
        macs.push(channels * 3.0 * (self.head.kernel * self.head.kernel) as f64);
        macs
    }
}

const fn conv(channels: usize, kernel: usize, stride: usize) -> ConvSpec {
    ConvSpec {
        channels,
        kernel,
        stride,
    }
}

fn check_channels(name: &str, channels: usize) -> Result<()> {
    if channels == 0 || channels > MAX_CHANNELS {
        return Err(Error::ConfigInvalid(format!(
            "{name} has {channels} channels, expected 1 to {MAX_CHANNELS}"
        )));
    }
    Ok(())
}

fn check_kernel(name: &str, kernel: usize) -> Result<()> {
    if kernel.is_multiple_of(2) || kernel > MAX_KERNEL {
        return Err(Error::ConfigInvalid(format!(
            "{name} has kernel {kernel}, expected an odd number up to {MAX_KERNEL}"
        )));
    }
    Ok(())
}

/// Collects tensor names and shapes.
#[derive(Default)]
struct TensorList(Vec<TensorSpec>);

impl TensorList {
    fn push(&mut self, name: String, shape: &[usize]) {
        self.0.push(TensorSpec {
            name,
            shape: shape.to_vec(),
        });
    }

    fn norm(&mut self, name: &str, channels: usize) {
        self.push(format!("{name}.gamma"), &[channels]);
        self.push(format!("{name}.beta"), &[channels]);
    }

    fn conv_norm(&mut self, name: &str, channels_in: usize, spec: &ConvSpec) {
        let ConvSpec {
            channels, kernel, ..
        } = *spec;
        self.push(
            format!("{name}.conv.weight"),
            &[channels, channels_in, kernel, kernel],
        );
        self.norm(&format!("{name}.norm"), channels);
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
        let macs: f64 = full.step_macs_per_pixel().iter().sum();
        assert_eq!(macs.round(), 401_072.0);

        let compact = GeneratorConfig::compact();
        compact.validate().unwrap();
        assert_eq!(compact.parameter_count(), 1_375_027);
        assert_eq!(compact.tensors().len(), 98);
        let macs: f64 = compact.step_macs_per_pixel().iter().sum();
        assert_eq!((macs / 100.0).round(), 1079.0);

        let tiny = GeneratorConfig::tiny();
        tiny.validate().unwrap();
        assert_eq!(tiny.parameter_count(), 227_819);
        let tiny_macs: f64 = tiny.step_macs_per_pixel().iter().sum();
        assert!(tiny_macs < 0.08 * 401_072.0, "{tiny_macs}");
    }

    #[test]
    fn refusals_name_layer_and_value() {
        let check = |change: &dyn Fn(&mut GeneratorConfig), words: &str| {
            let mut config = GeneratorConfig::compact();
            change(&mut config);
            let error = config.validate().unwrap_err().to_string();
            assert!(error.contains(words), "{error:?} lacks {words:?}");
        };
        check(&|c| c.encoder[1].stride = 3, "encoder.1 has stride 3");
        check(
            &|c| c.encoder[1].kernel = 5,
            "encoder.1 has stride 2 and kernel 5",
        );
        check(&|c| c.encoder[0].kernel = 4, "encoder.0 has kernel 4");
        check(&|c| c.encoder[0].channels = 0, "encoder.0 has 0 channels");
        check(&|c| c.encoder.clear(), "encoder has 0 layers");
        check(
            &|c| c.residuals[8].hidden = 5000,
            "residuals.8.hidden has 5000",
        );
        check(
            &|c| c.decoder[1].convs[0].stride = 2,
            "decoder.1.convs.0 has stride 2",
        );
        check(
            &|c| c.decoder[0].convs[0].channels = 40,
            "its skip brings 48",
        );
        check(&|c| drop(c.decoder.pop()), "1 decoder stages");
        check(&|c| c.decoder[0].convs.clear(), "decoder.0 has no layers");
        check(&|c| c.head.kernel = 9, "head has kernel 9");
        check(&|c| c.norm_eps = f64::NAN, "norm_eps is NaN");
    }
}
