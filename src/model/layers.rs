//! The network as a list of resolved layers: the only place that knows how encoder, inverted
//! residuals, bridge, decoder and head follow one another. All else (tensors, costs, Burn's network,
//! the CPU engine, pruning, ONNX) goes through the list.
//!
//! A layer brings its input to its resolution, does what its kind says, normalises, activates, and adds
//! another layer's output to that, in this order.
//!
//! What a kind of layer computes is told here too: its tensors, its standard operator, what Burn does. To
//! add a kind, add it to [`LayerKind`], and to the configuration what asks for it; the compiler then names
//! what is missing here, and the CPU engine's builder.

#[cfg(feature = "burn")]
use burn::{nn::conv::Conv2d, tensor::Tensor};

use super::config::{
    ConvSpec, GeneratorConfig, ResidualSpec, Shortcut, StridePadding, TensorSpec, Upsampling,
};
use super::module_path::ModulePath;
use super::operator::{Attribute, Operator};
#[cfg(feature = "burn")]
use super::ops::{convolve_channels, pad_reflect};

/// A layer with everything that follows from its place in the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Its name.
    pub path: ModulePath,
    /// What it computes.
    pub kind: LayerKind,
    /// Index of the layer whose output it takes; the picture's is its own.
    pub input: usize,
    /// How its input is brought to a higher resolution first.
    pub resize: Option<Resize>,
    /// Channels that its kind is given: the input's, or what [`Upsampling`] leaves of them.
    pub channels_in: usize,
    /// Channels of its output.
    pub channels: usize,
    /// How often the picture's sides are halved at its output.
    pub level: usize,
    /// Added to the variance by its normalisation (GroupNorm with one group); `None` if it has none.
    pub norm_eps: Option<f64>,
    /// What follows the normalisation.
    pub activation: Activation,
    /// Index of an earlier layer of the same level and channels, whose output is added to what was
    /// activated.
    pub adds: Option<usize>,
}

/// Kinds of layers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LayerKind {
    /// The network's input: the photo's red, green and blue, and the guide planes if there are any. It
    /// computes nothing.
    Picture,
    /// A convolution of all channels.
    Dense(Convolution),
    /// A convolution of each channel by itself.
    Depthwise(Convolution),
}

/// What a convolution's tensors do not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// Side of the square kernel, odd.
    pub kernel: usize,
    /// 1 or 2.
    pub stride: usize,
    /// Pixels that are reflected above and on the left.
    pub pad_before: usize,
    /// Pixels that are reflected below and on the right.
    pub pad_after: usize,
    /// Whether it has a bias.
    pub bias: bool,
}

/// A change to a higher resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resize {
    /// The result has the picture's sides halved this often.
    pub level: usize,
    /// How.
    pub by: Upsampling,
}

/// What is done with a layer's normalised values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    Identity,
    /// LeakyReLU with [`super::NEGATIVE_SLOPE`].
    LeakyRelu,
    /// The hyperbolic tangent.
    Tanh,
}

impl Layer {
    /// The convolution, for kinds that are one.
    pub fn convolution(&self) -> Option<Convolution> {
        match self.kind {
            LayerKind::Picture => None,
            LayerKind::Dense(convolution) | LayerKind::Depthwise(convolution) => Some(convolution),
        }
    }

    /// Whether each output channel sees all input channels; otherwise only the one of its number.
    pub fn mixes_channels(&self) -> bool {
        match self.kind {
            LayerKind::Dense(_) => true,
            LayerKind::Picture | LayerKind::Depthwise(_) => false,
        }
    }

    /// How many groups of input channels are seen by output channels of their own.
    pub fn groups(&self) -> usize {
        match self.kind {
            LayerKind::Picture | LayerKind::Dense(_) => 1,
            LayerKind::Depthwise(_) => self.channels,
        }
    }

    /// Input channels that an output channel sees.
    fn channels_seen(&self) -> usize {
        self.channels_in / self.groups()
    }

    /// How often the picture's sides are halved at its input, when that is resized.
    pub fn level_in(&self) -> usize {
        let halves = self.convolution().is_some_and(|conv| conv.stride == 2);
        self.level - usize::from(halves)
    }

    /// Pixels of its resized input that are reflected above and on the left, and below and on the right.
    pub fn padding(&self) -> [usize; 2] {
        self.convolution()
            .map_or([0; 2], |conv| [conv.pad_before, conv.pad_after])
    }

    /// What its kind computes of its input, resized and padded; `None` for the picture.
    pub fn operator(&self) -> Option<Operator> {
        match self.kind {
            LayerKind::Picture => None,
            LayerKind::Dense(convolution) | LayerKind::Depthwise(convolution) => {
                let mut tensors = vec![self.path.weight()];
                tensors.extend(convolution.bias.then(|| self.path.bias()));
                let strides = Attribute::Ints(vec![convolution.stride as i64; 2]);
                let group = Attribute::Int(self.groups() as i64);
                Some(Operator {
                    name: "Conv",
                    attributes: vec![("strides", strides), ("group", group)],
                    tensors,
                })
            }
        }
    }

    /// What its kind makes of its resized input in Burn, whose `conv` has its tensors.
    #[cfg(feature = "burn")]
    pub(super) fn compute(&self, x: Tensor<4>, conv: &Conv2d) -> Tensor<4> {
        match self.kind {
            LayerKind::Picture => x,
            LayerKind::Dense(_) => conv.forward(pad_reflect(x, self.padding())),
            LayerKind::Depthwise(_) => convolve_channels(pad_reflect(x, self.padding()), conv),
        }
    }

    /// Names and shapes of its tensors.
    pub fn tensors(&self) -> Vec<TensorSpec> {
        let mut tensors = Vec::new();
        let mut push = |name: String, shape: &[usize]| {
            let shape = shape.to_vec();
            tensors.push(TensorSpec { name, shape });
        };
        let convolution = self.convolution();
        if let Some(Convolution { kernel, .. }) = convolution {
            let shape = [self.channels, self.channels_seen(), kernel, kernel];
            push(self.path.weight(), &shape);
        }
        if self.norm_eps.is_some() {
            let norm = self.path.norm();
            push(format!("{norm}.gamma"), &[self.channels]);
            push(format!("{norm}.beta"), &[self.channels]);
        }
        if convolution.is_some_and(|convolution| convolution.bias) {
            push(self.path.bias(), &[self.channels]);
        }
        tensors
    }

    /// Multiply-accumulate operations for one pixel of the picture.
    pub fn macs_per_pixel(&self) -> f64 {
        let Some(Convolution { kernel, .. }) = self.convolution() else {
            return 0.0;
        };
        let of_an_output_pixel = (self.channels_seen() * self.channels * kernel * kernel) as f64;
        of_an_output_pixel / 4f64.powi(self.level as i32)
    }
}

impl StridePadding {
    /// A side in pixels after a layer with stride 2.
    pub fn halved(self, side: usize) -> usize {
        match self {
            Self::RightBottom => side / 2,
            Self::Symmetric => side.div_ceil(2),
        }
    }
}

impl GeneratorConfig {
    /// The layers of a valid configuration in the order of execution. The first is the picture, the
    /// last the head, whose output is the network's.
    pub fn layers(&self) -> Vec<Layer> {
        let mut list = LayerList::new(self);
        for (i, spec) in self.encoder.iter().enumerate() {
            list.conv(ModulePath::Encoder(i), spec);
        }
        for (i, spec) in self.residuals.iter().enumerate() {
            list.residual(i, spec);
        }
        for (i, spec) in self.bridge.iter().enumerate() {
            list.conv(ModulePath::Bridge(i), spec);
        }
        for (s, stage) in self.decoder.iter().enumerate() {
            // `validate` counts the stages.
            let level = list.last().level.saturating_sub(1);
            let skip = stage.skip.then(|| list.last_of_level(level));
            list.resize = Some(Resize {
                level,
                by: self.upsampling,
            });
            for (i, spec) in stage.convs.iter().enumerate() {
                let layer = list.conv(ModulePath::Decoder(s, i), spec);
                layer.adds = skip.filter(|_| i + 1 == stage.convs.len());
            }
        }
        let head = list.convolution(self.head.kernel, 1, self.head.bias);
        let head = list.push(ModulePath::Head, LayerKind::Dense(head), 3);
        head.norm_eps = None;
        head.activation = Activation::Tanh;
        list.layers
    }

    /// The channels of the layer at `path` in this configuration, to be changed; `None` for those that
    /// the picture and the head have by their nature. Expansion and depthwise layer of an inverted
    /// residual share theirs.
    ///
    /// # Panics
    /// If there is no such layer.
    pub fn channels_mut(&mut self, path: ModulePath) -> Option<&mut usize> {
        match path {
            ModulePath::Picture | ModulePath::Head => None,
            ModulePath::Encoder(i) => Some(&mut self.encoder[i].channels),
            ModulePath::Expand(i) | ModulePath::Depthwise(i) => Some(&mut self.residuals[i].hidden),
            ModulePath::Project(i) => Some(&mut self.residuals[i].channels),
            ModulePath::Bridge(i) => Some(&mut self.bridge[i].channels),
            ModulePath::Decoder(s, i) => Some(&mut self.decoder[s].convs[i].channels),
        }
    }

    /// Sides in pixels of what is at `level`, for a picture of `size`.
    pub fn size_at(&self, size: [usize; 2], level: usize) -> [usize; 2] {
        size.map(|side| (0..level).fold(side, |side, _| self.stride_padding.halved(side)))
    }

    /// Names and shapes of all tensors of the weights, in the order of execution.
    pub fn tensors(&self) -> Vec<TensorSpec> {
        self.layers().iter().flat_map(Layer::tensors).collect()
    }

    /// Number of parameters.
    pub fn parameter_count(&self) -> usize {
        self.tensors()
            .iter()
            .map(|tensor| tensor.shape.iter().product::<usize>())
            .sum()
    }

    /// Multiply-accumulate operations for one pixel of the picture.
    pub fn macs_per_pixel(&self) -> f64 {
        self.layers().iter().map(Layer::macs_per_pixel).sum()
    }

    /// Number of steps that `Generator::forward_observed` reports: layers, or whole inverted residuals.
    pub fn step_count(&self) -> usize {
        let layers = self.layers().into_iter();
        layers.filter(|layer| layer.path.ends_step()).count()
    }

    /// Side in pixels of the square of the picture that a pixel of the output is computed from, but for
    /// the normalisations, which see all of it.
    pub fn receptive_field_px(&self) -> usize {
        let mut fields: Vec<usize> = Vec::new();
        for layer in self.layers() {
            let Some(Convolution { kernel, .. }) = layer.convolution() else {
                fields.push(1);
                continue;
            };
            let level_in = layer.level_in();
            let resized = match layer.resize.map(|resize| resize.by) {
                // Two pixels of the lower resolution on either axis.
                Some(Upsampling::AlignCorners | Upsampling::HalfPixel) => 2 << level_in,
                Some(Upsampling::DepthToSpace) | None => 0,
            };
            let field = fields[layer.input] + resized + ((kernel - 1) << level_in);
            let added = layer.adds.map_or(1, |i| fields[i]);
            fields.push(field.max(added));
        }
        fields.pop().unwrap_or(1)
    }
}

/// Collects layers.
struct LayerList<'a> {
    config: &'a GeneratorConfig,
    layers: Vec<Layer>,
    /// Of the next layer.
    resize: Option<Resize>,
}

impl<'a> LayerList<'a> {
    fn new(config: &'a GeneratorConfig) -> Self {
        let picture = Layer {
            path: ModulePath::Picture,
            kind: LayerKind::Picture,
            input: 0,
            resize: None,
            channels_in: config.input_channels,
            channels: config.input_channels,
            level: 0,
            norm_eps: None,
            activation: Activation::Identity,
            adds: None,
        };
        Self {
            config,
            layers: vec![picture],
            resize: None,
        }
    }

    fn last(&self) -> &Layer {
        &self.layers[self.layers.len() - 1]
    }

    /// Index of the last layer of this level so far: the encoder's as long as the decoder is not there.
    fn last_of_level(&self, level: usize) -> usize {
        let found = self.layers.iter().rposition(|layer| layer.level == level);
        found.unwrap_or(0)
    }

    /// A convolution with its padding. This is the only place that derives it.
    fn convolution(&self, kernel: usize, stride: usize, bias: bool) -> Convolution {
        let half = kernel / 2;
        let pad_before = match (stride, self.config.stride_padding) {
            (2, StridePadding::RightBottom) => 0,
            _ => half,
        };
        Convolution {
            kernel,
            stride,
            pad_before,
            pad_after: half,
            bias,
        }
    }

    /// Appends a layer that reads the last one and is as most are: normalised, with LeakyReLU.
    fn push(&mut self, path: ModulePath, kind: LayerKind, channels: usize) -> &mut Layer {
        let input = self.layers.len() - 1;
        let (mut channels_in, mut level) = (self.last().channels, self.last().level);
        let resize = self.resize.take();
        if let Some(resize) = resize {
            channels_in = resize.by.channels(channels_in);
            level = resize.level;
        }
        let mut layer = Layer {
            path,
            kind,
            input,
            resize,
            channels_in,
            channels,
            level,
            norm_eps: Some(self.config.norm_eps),
            activation: Activation::LeakyRelu,
            adds: None,
        };
        let halves = layer.convolution().is_some_and(|conv| conv.stride == 2);
        layer.level += usize::from(halves);
        self.layers.push(layer);
        &mut self.layers[input + 1]
    }

    fn conv(&mut self, path: ModulePath, spec: &ConvSpec) -> &mut Layer {
        let convolution = self.convolution(spec.kernel, spec.stride, false);
        self.push(path, LayerKind::Dense(convolution), spec.channels)
    }

    fn residual(&mut self, i: usize, spec: &ResidualSpec) {
        let input = self.layers.len() - 1;
        let is_as_wide = self.last().channels == spec.channels;
        let point = LayerKind::Dense(self.convolution(1, 1, false));
        let depthwise = self.convolution(3, 1, self.config.depthwise_bias);
        self.push(ModulePath::Expand(i), point, spec.hidden);
        let depthwise = LayerKind::Depthwise(depthwise);
        self.push(ModulePath::Depthwise(i), depthwise, spec.hidden);
        let project = self.push(ModulePath::Project(i), point, spec.channels);
        project.activation = Activation::Identity;
        project.adds = match spec.shortcut {
            Shortcut::WhereWidthsAgree => is_as_wide.then_some(input),
            Shortcut::Never => None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(layers: &[Layer], name: &str) -> (usize, Layer) {
        let index = layers.iter().position(|l| l.path.to_string() == name);
        let index = index.unwrap_or_else(|| panic!("there is no {name}"));
        (index, layers[index].clone())
    }

    #[test]
    fn layers_follow_one_another() {
        let layers = GeneratorConfig::compact().layers();
        assert_eq!(layers.len(), 1 + 3 + 9 * 3 + 2 + 1);
        for (i, layer) in layers.iter().enumerate().skip(1) {
            assert_eq!(layer.input, i - 1, "{}", layer.path);
            if layer.resize.is_none() {
                assert_eq!(layer.channels_in, layers[i - 1].channels);
            }
        }
        let (encoder, _) = find(&layers, "encoder.2");
        let (first, project) = find(&layers, "residuals.0.project");
        assert_eq!(project.adds, Some(encoder));
        assert_eq!(project.activation, Activation::Identity);
        let (_, project) = find(&layers, "residuals.1.project");
        assert_eq!(project.adds, Some(first));
        let (skip, _) = find(&layers, "encoder.0");
        let (_, decoder) = find(&layers, "decoder.1.convs.0");
        assert_eq!((decoder.adds, decoder.level), (Some(skip), 0));
        let by = Upsampling::HalfPixel;
        assert_eq!(decoder.resize, Some(Resize { level: 0, by }));
        let (last, head) = find(&layers, "head");
        assert_eq!(last, layers.len() - 1);
        assert_eq!((head.norm_eps, head.activation), (None, Activation::Tanh));
        assert_eq!((head.channels_in, head.channels), (24, 3));
    }

    #[test]
    fn residuals_add_their_input_where_widths_agree_and_they_may() {
        let mut config = GeneratorConfig::animegan2();
        let added = |config: &GeneratorConfig| -> Vec<bool> {
            let projections = config.layers().into_iter();
            let projections = projections.filter(|l| matches!(l.path, ModulePath::Project(_)));
            projections.map(|layer| layer.adds.is_some()).collect()
        };
        // The first one changes the width.
        assert_eq!(added(&config), [false, true, true, true]);
        config.residuals[2].shortcut = Shortcut::Never;
        assert_eq!(added(&config), [false, true, false, true]);
    }

    #[test]
    fn padding_is_resolved() {
        let conv = |config: GeneratorConfig, name| {
            let (_, layer) = find(&config.layers(), name);
            let Convolution {
                pad_before,
                pad_after,
                stride,
                ..
            } = layer.convolution().expect("a convolution");
            [pad_before, pad_after, stride]
        };
        assert_eq!(conv(GeneratorConfig::animegan2(), "encoder.0"), [3, 3, 1]);
        assert_eq!(conv(GeneratorConfig::animegan2(), "encoder.1"), [0, 1, 2]);
        assert_eq!(conv(GeneratorConfig::compact(), "encoder.1"), [1, 1, 2]);
        let depthwise = "residuals.0.depthwise";
        assert_eq!(conv(GeneratorConfig::animegan2(), depthwise), [1, 1, 1]);
        assert_eq!(conv(GeneratorConfig::animegan2(), "head"), [0, 0, 1]);
    }

    #[test]
    fn tensors_are_named_after_their_modules() {
        let config = GeneratorConfig::animegan2();
        let names = |name| -> Vec<String> {
            let (_, layer) = find(&config.layers(), name);
            layer.tensors().into_iter().map(|spec| spec.name).collect()
        };
        assert!(names("picture").is_empty());
        assert_eq!(
            names("residuals.1.depthwise"),
            [
                "residuals.1.depthwise.conv.weight",
                "residuals.1.depthwise.norm.gamma",
                "residuals.1.depthwise.norm.beta",
                "residuals.1.depthwise.conv.bias"
            ]
        );
        assert_eq!(
            names("residuals.1.project"),
            [
                "residuals.1.project.weight",
                "residuals.1.project_norm.gamma",
                "residuals.1.project_norm.beta"
            ]
        );
        assert_eq!(names("head"), ["head.weight"]);
    }

    #[test]
    fn operators_are_the_standards() {
        let layers = GeneratorConfig::animegan2().layers();
        assert_eq!(layers[0].operator(), None);
        let operator = |name| find(&layers, name).1.operator().expect("it is computed");
        let conv = |stride: i64, group: i64, tensors: &[&str]| Operator {
            name: "Conv",
            attributes: vec![
                ("strides", Attribute::Ints(vec![stride; 2])),
                ("group", Attribute::Int(group)),
            ],
            tensors: tensors.iter().map(|name| (*name).to_owned()).collect(),
        };
        let weight = "encoder.1.conv.weight";
        assert_eq!(operator("encoder.1"), conv(2, 1, &[weight]));
        let [weight, bias] =
            ["weight", "bias"].map(|name| format!("residuals.1.depthwise.conv.{name}"));
        assert_eq!(
            operator("residuals.1.depthwise"),
            conv(1, 512, &[&weight, &bias])
        );
    }

    #[test]
    fn guide_planes_widen_the_first_layer_only() {
        let plain = GeneratorConfig::deep();
        let guided = GeneratorConfig {
            input_channels: 7,
            ..plain.clone()
        };
        let (plain, guided) = (plain.tensors(), guided.tensors());
        assert_eq!(guided[0].shape, [24, 7, 3, 3]);
        assert_eq!(plain[1..], guided[1..]);
    }

    #[test]
    fn depth_to_space_takes_the_channels_apart() {
        let config = GeneratorConfig::compact().with_upsampling(Upsampling::DepthToSpace);
        let layers = config.layers();
        let (_, decoder) = find(&layers, "decoder.0.convs.0");
        assert_eq!((decoder.channels_in, decoder.channels), (128 / 4, 48));
        assert_eq!(decoder.tensors()[0].shape, [48, 32, 3, 3]);
        let (_, decoder) = find(&layers, "decoder.1.convs.0");
        assert_eq!((decoder.channels_in, decoder.channels), (48 / 4, 24));
    }

    #[test]
    fn sizes_of_levels() {
        let animegan2 = GeneratorConfig::animegan2();
        assert_eq!(animegan2.size_at([35, 47], 0), [35, 47]);
        assert_eq!(animegan2.size_at([35, 47], 2), [8, 11]);
        assert_eq!(GeneratorConfig::deep().size_at([35, 47], 3), [5, 6]);
    }

    /// Added up by hand.
    #[test]
    fn receptive_fields() {
        let field = |config: GeneratorConfig| config.receptive_field_px();
        // Encoder 33, residuals and bridge 40, first stage 12, second stage 12.
        assert_eq!(field(GeneratorConfig::animegan2()), 97);
        let smooth = GeneratorConfig::compact();
        // Encoder 9, residuals 72, first stage 8, second stage 4, head 2.
        assert_eq!(field(smooth.clone()), 95);
        let sharp = smooth.with_upsampling(Upsampling::DepthToSpace);
        assert_eq!(field(sharp), 95 - 4 - 2);
    }

    #[test]
    fn channels_can_be_changed_by_path() {
        let mut config = GeneratorConfig::animegan2();
        let channels =
            |config: &GeneratorConfig, name: &str| find(&config.layers(), name).1.channels;
        for layer in config.clone().layers() {
            let name = layer.path.to_string();
            let before = channels(&config, &name);
            match config.channels_mut(layer.path) {
                Some(channels) => *channels = before + 8,
                None => assert!(name == "picture" || name == "head"),
            }
            let fixed = name == "picture" || name == "head";
            let after = channels(&config, &name);
            assert_eq!(after, before + if fixed { 0 } else { 8 }, "{name}");
        }
        // Twice: by the expansion and by the depthwise layer.
        assert_eq!(config.residuals[0].hidden, 256 + 16);
    }
}
