//! Small networks from TensorFlow Lite files, run by Burn: those of MediaPipe that find the points
//! of faces and the pixels of people. Only the operators that these use are known.

mod flatbuffer;
mod graph;
mod network;

pub use network::{Network, Values};
