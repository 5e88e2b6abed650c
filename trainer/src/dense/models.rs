//! The networks' files in MediaPipe's Python package, which anyone can download.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use zip::ZipArchive;

const FOLDER: &str = "mediapipe/modules";

/// Bytes of the networks' files.
pub struct Models {
    /// 468 points of a face.
    pub face: Vec<u8>,
    /// Points of an eye and its iris.
    pub iris: Vec<u8>,
    /// Pixels of a person.
    pub person: Vec<u8>,
}

impl Models {
    /// Reads them from the package `mediapipe` 0.10.21, a Python wheel.
    ///
    /// # Errors
    /// If the file cannot be read, or a network in it is missing or not the expected one.
    pub fn from_wheel(path: &Path) -> Result<Self> {
        let read = |name: &str, sha256: &str| {
            let mut archive = ZipArchive::new(File::open(path)?)?;
            let mut bytes = Vec::new();
            archive
                .by_name(&format!("{FOLDER}/{name}"))?
                .read_to_end(&mut bytes)?;
            read_checked(name, bytes, sha256)
        };
        let all = || -> Result<Self> {
            Ok(Self {
                face: read(
                    "face_landmark/face_landmark.tflite",
                    "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
                )?,
                iris: read(
                    "iris_landmark/iris_landmark.tflite",
                    "d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f",
                )?,
                person: read(
                    "selfie_segmentation/selfie_segmentation.tflite",
                    "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
                )?,
            })
        };
        all().with_context(|| {
            format!(
                "cannot read the networks of {}, expected the wheel of mediapipe 0.10.21",
                path.display()
            )
        })
    }
}

/// The bytes of a network's file.
///
/// # Errors
/// If it is another one.
pub fn read_checked(name: &str, bytes: Vec<u8>, sha256: &str) -> Result<Vec<u8>> {
    let found: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    ensure!(
        found == sha256,
        "{name} has the SHA-256 {found}, expected {sha256}"
    );
    Ok(bytes)
}
