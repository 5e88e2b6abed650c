//! The faces of a photo as the pipeline takes them.

use std::path::Path;

use anyhow::{Context, Result};
use nijigen::imaging::Photo;
use nijigen::pipeline::Faces;

use crate::data::face_finder::MtcnnFinder;
use crate::data::faces::FaceFinder;
use crate::dense::{DenseLandmarks, Models};
use crate::picture::to_rgb;

/// Finds faces by MTCNN and, if there are models for that, the mesh of each.
pub struct PhotoFaces {
    finder: MtcnnFinder,
    mesh: Option<DenseLandmarks>,
}

impl PhotoFaces {
    /// With the wheel of mediapipe 0.10.21, faces have the 478 points of mesh and irises, which portrait
    /// networks need; without, MTCNN's five.
    ///
    /// # Errors
    /// If the wheel cannot be read.
    pub fn new(wheel: Option<&Path>) -> Result<Self> {
        let mesh = match wheel {
            Some(wheel) => {
                let named = || format!("cannot use the models of {}", wheel.display());
                let models = Models::from_wheel(wheel).with_context(named)?;
                Some(DenseLandmarks::new(&models).with_context(named)?)
            }
            None => None,
        };
        Ok(Self {
            finder: MtcnnFinder::new()?,
            mesh,
        })
    }

    /// The faces of a photo. One that no mesh fits is none.
    ///
    /// # Errors
    /// If the photo cannot be searched.
    pub fn find(&self, photo: &Photo) -> Result<Faces> {
        let found = self.finder.faces(&to_rgb(photo)?)?;
        let mut values = Vec::new();
        let Some(mesh) = &self.mesh else {
            values.extend(found.iter().flat_map(|face| face.landmarks.as_flattened()));
            return Ok(Faces::new(5, values)?);
        };
        for face in &found {
            if let Some(points) = mesh.find(photo, &face.landmarks)? {
                values.extend_from_slice(points.as_flattened());
            }
        }
        Ok(Faces::new(478, values)?)
    }
}
