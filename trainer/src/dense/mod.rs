//! All that a portrait's target needs to know of a photo: the dense points of its face and the
//! pixels of the person, by networks of MediaPipe (Apache-2.0) from its Python package.

mod landmarks;
mod models;
mod person;

pub use landmarks::DenseLandmarks;
pub use models::Models;
pub use person::PersonSegmentation;
