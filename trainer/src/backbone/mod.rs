//! The perceptual backbone: VGG16 or VGG19 feature maps that training losses compare pictures by.
//!
//! The network is Simonyan and Zisserman's ("Very Deep Convolutional Networks for Large-Scale
//! Image Recognition", 2015). Its weights are not part of this project: `nijigen backbone`
//! converts a file that the user has into one format, kept in a cache folder.

mod cache;
mod command;
mod feature_layer;
mod load;
mod network;
mod onnx;
mod vgg;
mod weights;

pub use command::{BackboneArguments, run};
pub use feature_layer::FeatureLayer;
pub use network::Backbone;
pub use vgg::{Vgg, VggConfig};
