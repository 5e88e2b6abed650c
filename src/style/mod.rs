//! The style file: a trained generator with all that is needed to use it rightly.
//!
//! One safetensors file. Its `__metadata__` holds the [`StyleHeader`] as JSON under `nijigen`.
//! Tensor names are module paths (`encoder.0.conv.weight`); see [`GeneratorConfig::tensors`].
//! Weights are stored as f32, f16, or 8-bit integers.

mod activations;
mod hash;
mod header;
mod int8;
mod known_answer;
mod read;
mod write;

pub use activations::{Affine, ConvolutionRanges, ValueRange};
pub use hash::{sha256_hex, verify_sha256};
pub use header::{Alignment, Dtype, Licence, Role, Status, StyleHeader};
pub use int8::SCALE_SUFFIX;
pub use known_answer::KnownAnswer;

use self::int8::is_quantisable;
use crate::error::{Error, Result};
use crate::model::{GeneratorConfig, Weights};

/// The version of the format that is written, and the only one that is read.
pub const FORMAT_VERSION: u32 = 1;

/// Where the header is in the safetensors metadata.
pub const METADATA_KEY: &str = "nijigen";

/// Larger files are refused: the full generator in f32 has 8.2 MiB.
pub const MAX_STYLE_BYTES: usize = 64 << 20;

/// A style in memory. Weights are f32 whatever the file stores.
#[derive(Clone, Debug, PartialEq)]
pub struct Style {
    header: StyleHeader,
    weights: Weights,
}

impl Style {
    /// Joins header and weights.
    ///
    /// # Errors
    /// [`crate::Error::StyleInvalid`] or [`crate::Error::ConfigInvalid`], naming what does not
    /// fit.
    pub fn new(header: StyleHeader, weights: Weights) -> Result<Self> {
        header.validate()?;
        header.generator.check_weights(&weights)?;
        if let Some(unknown) = header
            .f16_tensors
            .iter()
            .find(|&t| !weights.contains_key(t))
        {
            return Err(Error::StyleInvalid(format!(
                "f16_tensors names {unknown:?}, which the network does not have"
            )));
        }
        let is_convolution = |name: &String| {
            let tensor = weights.get(name);
            tensor.is_some_and(|tensor| tensor.shape.len() == 4)
        };
        let mut measured = header.activation_ranges.keys();
        if let Some(unknown) = measured.find(|&name| !is_convolution(name)) {
            return Err(Error::StyleInvalid(format!(
                "activation_ranges names {unknown:?}, expected weights of a convolution of the network"
            )));
        }
        Ok(Self { header, weights })
    }

    /// Everything but the weights.
    pub fn header(&self) -> &StyleHeader {
        &self.header
    }

    /// The network's configuration.
    pub fn generator(&self) -> &GeneratorConfig {
        &self.header.generator
    }

    /// The tensors that [`Dtype::Int8`] stores in 8 bits unless
    /// [`f16_tensors`](StyleHeader::f16_tensors) names them.
    pub fn quantisable_tensors(&self) -> impl Iterator<Item = &str> {
        let quantisable = self
            .weights
            .iter()
            .filter(|(_, tensor)| is_quantisable(&tensor.shape));
        quantisable.map(|(name, _)| name.as_str())
    }

    /// The weights by module path.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The same weights under a changed header.
    ///
    /// # Errors
    /// Those of [`Style::new`].
    pub fn with_header(&self, change: impl FnOnce(&mut StyleHeader)) -> Result<Self> {
        let mut header = self.header.clone();
        change(&mut header);
        Self::new(header, self.weights.clone())
    }

    /// The same style with a known answer, for engines to check themselves against.
    pub fn with_known_answer(mut self, answer: KnownAnswer) -> Self {
        self.header.known_answer = Some(answer);
        self
    }
}
