//! What a style file says about itself.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::FORMAT_VERSION;
use super::activations::ConvolutionRanges;
use super::known_answer::KnownAnswer;
use crate::error::{Error, Result};
use crate::grade::PlaceLook;
use crate::model::GeneratorConfig;
use crate::sky::SkyPalette;

/// The only range of values that networks of this format have.
const VALUE_RANGE: [f32; 2] = [-1.0, 1.0];

/// Sides in pixels at which drawings are still enlarged well.
const DRAWING_SIDES_PX: RangeInclusive<u32> = 256..=4096;

/// Metadata of a style file, stored as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StyleHeader {
    /// Version of the file format, [`super::FORMAT_VERSION`].
    pub format_version: u32,
    /// Short identifier: lower-case letters, digits and hyphens.
    pub name: String,
    /// Name of the generator's family, such as `animegan2` or `compact`.
    pub architecture: String,
    /// The network, upsampling mode and normalisation epsilon included.
    pub generator: GeneratorConfig,
    /// Values that stand for black and white at the network's input and output.
    pub value_range: [f32; 2],
    /// How faces are framed before they are given to the network.
    pub alignment: Alignment,
    /// Longer side in pixels of the pictures whose strokes the network has learnt. What is larger is drawn
    /// at this size, and the drawing enlarged along the photo; without it pictures of any size are
    /// drawn as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drawing_side_px: Option<u32>,
    /// Whether the network is given photos in strokes, see [`crate::strokes`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strokes: bool,
    /// How far the network's drawings become cels, with flat tones and outlines, up to 1, see
    /// [`crate::cel`]; it is for styles with a `drawing_side_px`. Faces that a portrait network draws always do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cel: Option<f32>,
    /// In which colours the skies of its drawings are painted anew, see [`crate::sky`]; it is for styles whose
    /// photos are in strokes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sky: Option<SkyPalette>,
    /// In the colours of which look its drawings are, see [`crate::grade`]; it is for styles whose photos are in strokes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<PlaceLook>,
    /// Whether the network's answer is no picture but tells what is skin, hair and a person around a face, as red, green and blue: it
    /// takes guide planes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub segmentation: bool,
    /// How the weights are stored in the file.
    pub dtype: Dtype,
    /// Tensors that are stored as f16 although [`Dtype::Int8`] would store them in 8 bits: those
    /// that pictures suffer from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub f16_tensors: Vec<String>,
    /// Ranges of the values before and after convolutions, by the names of their weights, for
    /// runtimes that quantise activations by them. What has none is not quantised so.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub activation_ranges: BTreeMap<String, ConvolutionRanges>,
    /// Licences of the code and of the weights.
    pub licence: Licence,
    /// Whether these weights are meant to stay.
    pub status: Status,
    /// Where the weights come from: data, authors, training.
    pub provenance: String,
    /// Evaluation figures by name.
    #[serde(default)]
    pub metrics: BTreeMap<String, f64>,
    /// What the network answers to a fixed input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_answer: Option<KnownAnswer>,
}

/// Framing of faces.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alignment {
    /// Factor by which the FFHQ square around a face is enlarged.
    pub expand: f32,
}

impl Default for Alignment {
    /// The factor of the public `face2paint` demonstration.
    fn default() -> Self {
        Self { expand: 1.3 }
    }
}

/// Storage type of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// Most convolution weights as 8-bit integers with a scale for each output channel, the rest as
    /// [`Dtype::F16`].
    Int8,
}

/// What a network is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Whole pictures.
    Place,
    /// Faces, by guide planes.
    Portrait,
    /// Telling skin and hair around faces.
    Segmentation,
}

impl Role {
    fn words(self) -> &'static str {
        match self {
            Self::Place => "a network for whole pictures",
            Self::Portrait => "a portrait network, which takes guide planes",
            Self::Segmentation => "a segmentation network",
        }
    }
}

/// Licences, as SPDX expressions or names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// Licence of the code that made the weights.
    pub code: String,
    /// Licence of the weights and of the data they were trained on, with credits.
    pub data: String,
}

/// Standing of a style.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Placeholder until better weights are trained.
    Interim,
    /// Imported from somebody else's checkpoint.
    Imported,
    /// Trained, evaluated and meant to stay.
    Released,
}

impl StyleHeader {
    /// Checks that the network draws what it is to draw: whole pictures, or faces.
    ///
    /// # Errors
    /// [`Error::StyleInvalid`] if it is of another role.
    pub fn expect_role(&self, role: Role) -> Result<()> {
        let own = match self.generator.is_guided() {
            _ if self.segmentation => Role::Segmentation,
            true => Role::Portrait,
            false => Role::Place,
        };
        if own == role {
            return Ok(());
        }
        Err(Error::StyleInvalid(format!(
            "{} is {}, expected {}",
            self.name,
            own.words(),
            role.words()
        )))
    }

    /// A header with what only its maker knows; the rest is as most styles have it: weights in f32,
    /// interim, framed like `face2paint`, nothing measured. [`Style::new`](super::Style::new) checks it.
    pub fn new(
        name: impl Into<String>,
        architecture: impl Into<String>,
        generator: GeneratorConfig,
        licence: Licence,
        provenance: impl Into<String>,
    ) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            name: name.into(),
            architecture: architecture.into(),
            generator,
            value_range: VALUE_RANGE,
            alignment: Alignment::default(),
            drawing_side_px: None,
            strokes: false,
            sky: None,
            grade: None,
            cel: None,
            segmentation: false,
            dtype: Dtype::F32,
            f16_tensors: Vec::new(),
            activation_ranges: BTreeMap::new(),
            licence,
            status: Status::Interim,
            provenance: provenance.into(),
            metrics: BTreeMap::new(),
            known_answer: None,
        }
    }

    /// Checks every field that has a range.
    ///
    /// # Errors
    /// [`Error::StyleInvalid`] or [`Error::ConfigInvalid`], naming field and value.
    pub fn validate(&self) -> Result<()> {
        check_format_version(self.format_version)?;
        let valid_name = !self.name.is_empty()
            && self.name.len() <= 64
            && self
                .name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !valid_name {
            return Err(Error::StyleInvalid(format!(
                "name is {:?}, expected 1 to 64 lower-case letters, digits and hyphens",
                self.name
            )));
        }
        if self.value_range != VALUE_RANGE {
            return Err(Error::StyleInvalid(format!(
                "value_range is {:?}, expected [-1, 1]",
                self.value_range
            )));
        }
        if let Some(cel) = self.cel {
            let wrong = |expected: &str| {
                Err(Error::StyleInvalid(format!(
                    "cel is {cel}, expected {expected}"
                )))
            };
            if !(0.0..=1.0).contains(&cel) {
                return wrong("0 to 1");
            }
            if self.drawing_side_px.is_none() {
                return wrong("a drawing_side_px with it");
            }
        }
        let expand = self.alignment.expand;
        if !(0.5..=4.0).contains(&expand) {
            return Err(Error::StyleInvalid(format!(
                "alignment.expand is {expand}, expected 0.5 to 4"
            )));
        }
        if let Some(side) = self.drawing_side_px
            && !DRAWING_SIDES_PX.contains(&side)
        {
            return Err(Error::StyleInvalid(format!(
                "drawing_side_px is {side}, expected {} to {}",
                DRAWING_SIDES_PX.start(),
                DRAWING_SIDES_PX.end()
            )));
        }
        if self.segmentation && !self.generator.is_guided() {
            return Err(Error::StyleInvalid(
                "segmentation is true, expected a network with guide planes for that".into(),
            ));
        }
        for (weights, ranges) in &self.activation_ranges {
            ranges.validate(weights)?;
        }
        self.generator.validate()
    }
}

/// Refuses every version of the file format but this one.
pub(super) fn check_format_version(version: u32) -> Result<()> {
    if version == FORMAT_VERSION {
        return Ok(());
    }
    Err(Error::StyleInvalid(format!(
        "its format version is {version}, expected {FORMAT_VERSION}"
    )))
}
