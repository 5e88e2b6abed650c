//! `nijigen import`: a PyTorch checkpoint or an ONNX model becomes a style file, with a report on its
//! fidelity.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use nijigen::engine::CpuEngine;
use nijigen::model::{GeneratorConfig, PublicLayout, Upsampling, Weights, public_key};
use nijigen::style::{Dtype, KnownAnswer, Licence, Status, Style, StyleHeader};

use crate::checkpoint::Checkpoint;
use crate::config::Architecture;
use crate::onnx;
use crate::parity::{Difference, formula_photo, output};
use crate::reference::read_planes;
use crate::style_file::as_stored;
use crate::write_file::write_and_tell;

/// Arguments of `nijigen import`.
#[derive(Args)]
pub struct ImportArguments {
    /// The checkpoint: PyTorch (.pt, .pth), safetensors, or an ONNX model (.onnx) made of it.
    checkpoint: PathBuf,
    /// The style file to write; an existing one is replaced.
    style: PathBuf,
    /// Short name: lower-case letters, digits and hyphens.
    #[arg(long)]
    name: String,
    /// The network that the checkpoint belongs to.
    #[arg(long, value_enum, default_value_t = Architecture::Animegan2)]
    architecture: Architecture,
    /// Coordinates of upsampling; by default those of the ONNX model, or those that the
    /// architecture was trained with.
    #[arg(long, value_enum)]
    upsampling: Option<UpsamplingArgument>,
    /// Added to the variance in every normalisation.
    #[arg(long, default_value_t = 1e-5)]
    norm_eps: f64,
    /// How weights are stored in the style file.
    #[arg(long, value_enum, default_value_t = DtypeArgument::F16)]
    dtype: DtypeArgument,
    /// Whether the weights are meant to stay.
    #[arg(long, value_enum, default_value_t = StatusArgument::Imported)]
    status: StatusArgument,
    /// Where the weights come from: data, authors, training.
    #[arg(long, default_value = "not stated")]
    provenance: String,
    /// Licence of the weights and of their training data, with credits.
    #[arg(long, default_value = "not stated")]
    data_licence: String,
    /// Licence of the code that made the weights.
    #[arg(long, default_value = "MIT OR Apache-2.0")]
    code_licence: String,
    /// An evaluation figure to keep in the file; may be given again.
    #[arg(long = "metric", value_name = "NAME=NUMBER", value_parser = parse_metric)]
    metrics: Vec<(String, f64)>,
    /// Input of the checkpoint's own code (.npy, f32, [1, 3, height, width]); may be given again.
    #[arg(long, value_name = "NPY")]
    reference_input: Vec<PathBuf>,
    /// What the checkpoint's own code made of the reference input; as many, in the same order.
    #[arg(long, value_name = "NPY")]
    reference_output: Vec<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum UpsamplingArgument {
    AlignCorners,
    HalfPixel,
}

/// How weights are stored.
#[derive(Clone, Copy, ValueEnum)]
pub enum DtypeArgument {
    /// Single precision.
    F32,
    /// Half precision.
    F16,
    /// 8-bit integers, the rest in half precision.
    Int8,
}

impl DtypeArgument {
    /// As style files name it.
    pub fn dtype(self) -> Dtype {
        match self {
            Self::F32 => Dtype::F32,
            Self::F16 => Dtype::F16,
            Self::Int8 => Dtype::Int8,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum StatusArgument {
    Imported,
    Interim,
}

/// The names of tensors in public checkpoints of an architecture; without such, they are our own.
fn layout(architecture: Architecture) -> Option<PublicLayout> {
    match architecture {
        Architecture::Animegan2 => Some(PublicLayout::Animegan2),
        Architecture::Compact | Architecture::Tiny => Some(PublicLayout::Compact),
        Architecture::Deep => None,
    }
}

/// Reads `NAME=NUMBER`.
fn parse_metric(text: &str) -> Result<(String, f64), String> {
    let expected = || format!("{text:?} is not a metric, expected NAME=NUMBER");
    let (name, number) = text.split_once('=').ok_or_else(expected)?;
    match number.parse() {
        Ok(number) if !name.is_empty() && f64::is_finite(number) => Ok((name.into(), number)),
        _ => Err(expected()),
    }
}

/// Imports a checkpoint and prints the report.
///
/// # Errors
/// If the checkpoint cannot be read or does not belong to the architecture, naming the tensor; if
/// a reference cannot be read; if the style file cannot be written.
pub fn run(arguments: &ImportArguments) -> Result<()> {
    ensure!(
        arguments.reference_input.len() == arguments.reference_output.len(),
        "{} reference inputs and {} reference outputs were given, expected as many",
        arguments.reference_input.len(),
        arguments.reference_output.len()
    );
    let mut header = header(arguments);
    // The header's own fields are told apart from the checkpoint's faults before reading it.
    header.validate()?;
    let weights = if arguments.checkpoint.extension() == Some("onnx".as_ref()) {
        onnx_weights(arguments, &mut header.generator)
            .with_context(|| format!("in {}", arguments.checkpoint.display()))?
    } else {
        let mut checkpoint = Checkpoint::read(&arguments.checkpoint)?;
        map_weights(&mut checkpoint, arguments.architecture, &header.generator)?
    };
    let exact = Style::new(header, weights)?;

    // Everything below is about the weights as the file will hold them.
    let stored = as_stored(&exact)?;
    let exact_engine = CpuEngine::new(&exact)?;
    let stored_engine = CpuEngine::new(&stored)?;
    let known_input = KnownAnswer::input(3)?;
    let known_output = output(&stored_engine, &known_input)?;
    let bytes = stored.to_bytes()?;

    println!(
        "read     {} tensors, {} parameters ({})",
        exact.weights().len(),
        exact.generator().parameter_count(),
        arguments.architecture.name()
    );
    println!(
        "rounding largest change of a weight by {:?}: {:.3e}",
        stored.header().dtype,
        largest_change(exact.weights(), stored.weights())
    );
    let known = Difference::between(&output(&exact_engine, &known_input)?, &known_output);
    println!("parity   stored against f32 weights, known-answer input: {known}");
    let photo = formula_photo()?;
    let formula = Difference::between(
        &output(&exact_engine, &photo)?,
        &output(&stored_engine, &photo)?,
    );
    println!("parity   stored against f32 weights, 256 x 256 formula photo: {formula}");
    let references = arguments
        .reference_input
        .iter()
        .zip(&arguments.reference_output);
    for (input_path, output_path) in references {
        let (input, expected) = (read_planes(input_path)?, read_planes(output_path)?);
        let size = format!("{} x {} reference", input.width(), input.height());
        let exact = Difference::between(&output(&exact_engine, &input)?, &expected);
        println!("parity   f32 weights against the {size}: {exact}");
        let stored = Difference::between(&output(&stored_engine, &input)?, &expected);
        println!("parity   stored weights against the {size}: {stored}");
    }
    write_and_tell(&arguments.style, &bytes)
}

fn header(arguments: &ImportArguments) -> StyleHeader {
    let mut generator = arguments.architecture.config();
    generator.norm_eps = arguments.norm_eps;
    match arguments.upsampling {
        Some(UpsamplingArgument::AlignCorners) => generator.upsampling = Upsampling::AlignCorners,
        Some(UpsamplingArgument::HalfPixel) => generator.upsampling = Upsampling::HalfPixel,
        None => {}
    }
    let licence = Licence {
        code: arguments.code_licence.clone(),
        data: arguments.data_licence.clone(),
    };
    StyleHeader {
        dtype: arguments.dtype.dtype(),
        status: match arguments.status {
            StatusArgument::Imported => Status::Imported,
            StatusArgument::Interim => Status::Interim,
        },
        metrics: BTreeMap::from_iter(arguments.metrics.iter().cloned()),
        ..StyleHeader::new(
            &arguments.name,
            arguments.architecture.name(),
            generator,
            licence,
            &arguments.provenance,
        )
    }
}

/// Takes the network's tensors out of an ONNX model that was made of a checkpoint, and how it
/// upsamples, unless the arguments say otherwise.
fn onnx_weights(arguments: &ImportArguments, generator: &mut GeneratorConfig) -> Result<Weights> {
    let model = onnx::read_model(&fs::read(&arguments.checkpoint)?)?;
    ensure!(
        !onnx::is_style(&model),
        "it was made of a style file: nijigen onnx import makes that file again, with its header"
    );
    if arguments.upsampling.is_none()
        && let Some(upsampling) = onnx::upsampling(&model)?
    {
        generator.upsampling = upsampling;
    }
    onnx::weights(&model, generator)
}

/// Takes the network's tensors out of the checkpoint, which must hold nothing else.
fn map_weights(
    checkpoint: &mut Checkpoint,
    architecture: Architecture,
    generator: &GeneratorConfig,
) -> Result<Weights> {
    let mut weights = Weights::new();
    let mut missing = Vec::new();
    for spec in generator.tensors() {
        let key = layout(architecture).and_then(|layout| public_key(layout, &spec.name));
        let key = key.unwrap_or(spec.name.clone());
        match checkpoint.take(&key)? {
            Some(tensor) if tensor.shape == spec.shape => {
                weights.insert(spec.name, tensor);
            }
            Some(tensor) => bail!(
                "tensor {key} has the shape {:?}, expected {:?} for {}",
                tensor.shape,
                spec.shape,
                architecture.name()
            ),
            None => missing.push(key),
        }
    }
    let unknown: Vec<&str> = checkpoint.names().collect();
    match (&missing[..], &unknown[..]) {
        ([], []) => Ok(weights),
        _ => bail!(
            "the checkpoint is not one of {}: {}; {}",
            architecture.name(),
            listed("tensors are missing", &missing),
            listed("are unknown", &unknown)
        ),
    }
}

/// A count and the first names, for a message.
fn listed(what: &str, names: &[impl AsRef<str>]) -> String {
    const SHOWN: usize = 5;
    if names.is_empty() {
        return format!("0 {what}");
    }
    let shown: Vec<&str> = names.iter().take(SHOWN).map(AsRef::as_ref).collect();
    let more = if names.len() > SHOWN { ", ..." } else { "" };
    format!("{} {what} ({}{more})", names.len(), shown.join(", "))
}

/// Largest absolute difference between weights of one network.
fn largest_change(a: &Weights, b: &Weights) -> f32 {
    let pairs = a.values().zip(b.values());
    pairs
        .flat_map(|(a, b)| a.values.iter().zip(&b.values))
        .fold(0.0, |worst, (a, b)| worst.max((a - b).abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_names_and_numbers() {
        assert_eq!(parse_metric("flat=0.231"), Ok(("flat".into(), 0.231)));
        for wrong in ["flat", "=1", "flat=much", "flat=NaN"] {
            assert!(parse_metric(wrong).unwrap_err().contains("NAME=NUMBER"));
        }
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(listed("are unknown", &[""; 0]), "0 are unknown");
        assert_eq!(listed("are unknown", &["a", "b"]), "2 are unknown (a, b)");
        assert!(listed("are unknown", &["a"; 9]).ends_with("a, ...)"));
    }
}
