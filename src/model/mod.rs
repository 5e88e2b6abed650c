//! The generator network in Burn: one definition for the engines, the importer and the trainer.

mod config;
mod conv_norm_lrelu;
mod generator;
mod inverted_residual;
mod public_keys;
#[cfg(feature = "training")]
mod training_ops;
mod weights;

pub use config::{
    ConvSpec, DecoderStage, GeneratorConfig, HeadSpec, ResidualSpec, StridePadding, TensorSpec,
    Upsampling,
};
pub use conv_norm_lrelu::ConvNormLrelu;
pub use generator::Generator;
pub use inverted_residual::InvertedResidual;
pub use public_keys::{PublicLayout, public_key};
pub use weights::{TensorValues, Weights, load_weights, read_weights};
