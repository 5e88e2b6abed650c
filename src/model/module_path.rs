//! Where in the network a layer is: what names its tensors, in style files, checkpoints and Burn's
//! modules.

use std::fmt;

/// A layer's place in the network, as its tensors are named by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ModulePath {
    /// The input, which has no tensors.
    Picture,
    /// An encoder layer.
    Encoder(usize),
    /// The wide 1x1 layer of an inverted residual.
    Expand(usize),
    /// The depthwise layer of an inverted residual.
    Depthwise(usize),
    /// The last layer of an inverted residual, which adds the residual's input.
    Project(usize),
    /// A bridge layer.
    Bridge(usize),
    /// A decoder stage and its layer, the stage's last one with its skip.
    Decoder(usize, usize),
    /// The output.
    Head,
}

impl fmt::Display for ModulePath {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Picture => f.write_str("picture"),
            Self::Encoder(i) => write!(f, "encoder.{i}"),
            Self::Expand(i) => write!(f, "residuals.{i}.expand"),
            Self::Depthwise(i) => write!(f, "residuals.{i}.depthwise"),
            Self::Project(i) => write!(f, "residuals.{i}.project"),
            Self::Bridge(i) => write!(f, "bridge.{i}"),
            Self::Decoder(s, i) => write!(f, "decoder.{s}.convs.{i}"),
            Self::Head => f.write_str("head"),
        }
    }
}

impl ModulePath {
    /// The path of the layer's convolution, such as `encoder.0.conv`.
    pub fn convolution(self) -> String {
        match self {
            Self::Project(_) | Self::Head => self.to_string(),
            _ => format!("{self}.conv"),
        }
    }

    /// The path of the layer's normalisation, such as `encoder.0.norm`.
    pub fn norm(self) -> String {
        match self {
            Self::Project(_) => format!("{self}_norm"),
            _ => format!("{self}.norm"),
        }
    }

    /// The name of the weights that the layer's input is multiplied with.
    pub fn weight(self) -> String {
        format!("{}.weight", self.convolution())
    }

    /// The name of what is added to the products with the weights, for layers that add something.
    pub fn bias(self) -> String {
        format!("{}.bias", self.convolution())
    }

    /// Whether its output is that of a step: of a layer, or of a whole inverted residual.
    pub(super) fn ends_step(self) -> bool {
        !matches!(self, Self::Picture | Self::Expand(_) | Self::Depthwise(_))
    }
}
