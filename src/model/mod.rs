//! The generator network: its configuration and weights as data, and its one definition in Burn
//! for the WebGPU engine, the trainer and the tests.

mod config;
#[cfg(feature = "burn")]
mod generator;
mod layers;
#[cfg(feature = "burn")]
mod module_weights;
#[cfg(feature = "burn")]
mod ops;
mod public_keys;
#[cfg(feature = "burn")]
mod resize;
#[cfg(feature = "training")]
mod training_ops;
mod validate;
mod weights;

pub use config::{
    ConvSpec, DecoderStage, GeneratorConfig, HeadSpec, NEGATIVE_SLOPE, ResidualSpec, Shortcut,
    StridePadding, TensorSpec, Upsampling,
};
#[cfg(feature = "burn")]
pub use generator::{Generator, Tap};
pub use layers::{Activation, Convolution, Layer, LayerKind, ModulePath, Resize};
#[cfg(feature = "burn")]
pub use module_weights::{load_weights, read_weights};
pub use public_keys::{PublicLayout, public_key};
pub use weights::{TensorValues, Weights};
