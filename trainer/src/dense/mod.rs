//! All that a portrait's target needs to know of a photo: the dense points of its face, the
//! pixels of the person and those of hair, by networks of MediaPipe (Apache-2.0).

mod hair;
mod landmarks;
mod models;
mod person;

pub use hair::HairSegmentation;
pub use landmarks::DenseLandmarks;
pub use models::Models;
pub use person::PersonSegmentation;
