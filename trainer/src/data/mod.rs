//! Training data: folders of photos and style images become a prepared set.

pub mod clusters;
pub mod colour_descriptor;
pub mod contact_sheet;
pub mod duplicates;
pub mod edge_smooth;
pub mod face_finder;
pub mod faces;
pub mod gram_descriptor;
pub mod prepared;
pub mod scan;
pub mod sharpness;
pub mod spread;
