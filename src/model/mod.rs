//! The generator network: its configuration and weights as data, and its one definition in Burn
//! for the WebGPU engine, the trainer and the tests.

mod config;
#[cfg(feature = "burn")]
mod conv_norm_lrelu;
#[cfg(feature = "burn")]
mod generator;
#[cfg(feature = "burn")]
mod inverted_residual;
#[cfg(feature = "burn")]
mod module_weights;
mod public_keys;
#[cfg(feature = "training")]
mod training_ops;
mod weights;

pub use config::{
    ConvSpec, DecoderStage, GeneratorConfig, HeadSpec, Layer, NEGATIVE_SLOPE, ResidualSpec,
    StridePadding, Tap, TensorSpec, Upsampling,
};
#[cfg(feature = "burn")]
pub use conv_norm_lrelu::ConvNormLrelu;
#[cfg(feature = "burn")]
pub use generator::Generator;
#[cfg(feature = "burn")]
pub use inverted_residual::InvertedResidual;
#[cfg(feature = "burn")]
pub use module_weights::{load_weights, read_weights};
pub use public_keys::{PublicLayout, public_key};
pub use weights::{TensorValues, Weights};
