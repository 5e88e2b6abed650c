//! The convolutions of VGG16 and VGG19, as a description.

use std::fmt;
use std::str::FromStr;

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};

/// Means of ImageNet's red, green and blue in [0, 255] that Caffe's VGG subtracts.
pub(super) const CAFFE_MEAN: [f32; 3] = [123.68, 116.779, 103.939];

/// Output channels of the five blocks at full width.
const CHANNELS: [usize; 5] = [64, 128, 256, 512, 512];

/// Which network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Vgg {
    /// 13 convolutions (configuration D of the paper).
    Vgg16,
    /// 16 convolutions (configuration E of the paper).
    Vgg19,
}

impl Vgg {
    /// Numbers of convolutions in the five blocks.
    pub(super) fn depths(self) -> [usize; 5] {
        match self {
            Self::Vgg16 => [2, 2, 3, 3, 3],
            Self::Vgg19 => [2, 2, 4, 4, 4],
        }
    }
}

impl fmt::Display for Vgg {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Vgg16 => "vgg16",
            Self::Vgg19 => "vgg19",
        })
    }
}

impl FromStr for Vgg {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "vgg16" => Ok(Self::Vgg16),
            "vgg19" => Ok(Self::Vgg19),
            _ => bail!("{name:?} is not a backbone, expected vgg16 or vgg19"),
        }
    }
}

/// Which network, and how wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VggConfig {
    /// Which network.
    pub kind: Vgg,
    /// Divides every layer's number of channels; 1 is the published network. A power of two up
    /// to 64.
    pub width_divisor: usize,
}

impl VggConfig {
    /// Checks the width.
    ///
    /// # Errors
    /// If the divisor is not a power of two from 1 to 64.
    pub(super) fn validate(&self) -> Result<()> {
        ensure!(
            self.width_divisor.is_power_of_two() && self.width_divisor <= CHANNELS[0],
            "the width divisor is {}, expected a power of two from 1 to {}",
            self.width_divisor,
            CHANNELS[0]
        );
        Ok(())
    }

    /// The convolutions, from the picture on.
    pub(super) fn layers(&self) -> Vec<VggConv> {
        let mut layers = Vec::new();
        let mut channels_in = 3;
        for (block, (depth, channels)) in self.kind.depths().into_iter().zip(CHANNELS).enumerate() {
            let channels_out = channels / self.width_divisor;
            for number in 1..=depth {
                layers.push(VggConv {
                    block: block + 1,
                    number,
                    channels_in,
                    channels_out,
                });
                channels_in = channels_out;
            }
        }
        layers
    }
}

/// One convolution of the network.
#[derive(Clone, Copy, Debug)]
pub(super) struct VggConv {
    /// Block, from 1.
    pub block: usize,
    /// Number within the block, from 1.
    pub number: usize,
    channels_in: usize,
    channels_out: usize,
}

impl VggConv {
    /// Shape of the weight: `[out, in, 3, 3]`.
    pub fn weight_shape(&self) -> [usize; 4] {
        [self.channels_out, self.channels_in, 3, 3]
    }

    /// Shape of the bias: `[out]`.
    pub fn bias_shape(&self) -> [usize; 1] {
        [self.channels_out]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_networks_have_their_size() {
        for (kind, expected) in [(Vgg::Vgg16, 14_714_688), (Vgg::Vgg19, 20_024_384)] {
            let config = VggConfig {
                kind,
                width_divisor: 1,
            };
            let parameters = config.layers().into_iter().map(|layer| {
                layer.weight_shape().iter().product::<usize>() + layer.bias_shape()[0]
            });
            assert_eq!(parameters.sum::<usize>(), expected);
        }
    }
}
