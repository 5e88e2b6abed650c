//! `nijigen onnx`: styles to ONNX models for other runtimes, and back.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use nijigen::style::{Style, StyleHeader, sha256_hex};

use super::export::export;
use super::import::{read_model, style_file};
use crate::import::DtypeArgument;
use crate::style_file::as_stored;
use crate::write_file::write_file;

/// Arguments of `nijigen onnx`.
#[derive(Args)]
pub struct OnnxArguments {
    #[command(subcommand)]
    direction: Direction,
}

#[derive(Subcommand)]
enum Direction {
    /// Write a style as an ONNX model: operator set 17, any batch, height and width.
    Export(ExportArguments),
    /// Make the style file again that an ONNX model was exported from.
    Import(ImportArguments),
}

#[derive(Args)]
struct ExportArguments {
    /// The style file.
    style: PathBuf,
    /// The ONNX model to write; an existing one is replaced.
    model: PathBuf,
    /// How the model stores weights; by default as the style file does.
    #[arg(long, value_enum)]
    dtype: Option<DtypeArgument>,
}

#[derive(Args)]
struct ImportArguments {
    /// An ONNX model that `nijigen onnx export` wrote.
    model: PathBuf,
    /// The style file to write; an existing one is replaced.
    style: PathBuf,
}

/// Exports or imports.
///
/// # Errors
/// If a file cannot be read or written, or is not what was expected, naming it.
pub fn run(arguments: &OnnxArguments) -> Result<()> {
    let (source, out) = match &arguments.direction {
        Direction::Export(arguments) => (&arguments.style, &arguments.model),
        Direction::Import(arguments) => (&arguments.model, &arguments.style),
    };
    let file = fs::read(source).with_context(|| format!("cannot read {}", source.display()))?;
    let written = match &arguments.direction {
        Direction::Export(arguments) => model(file, arguments.dtype),
        Direction::Import(_) => read_model(&file).and_then(|model| style_file(&model)),
    };
    let written = written.with_context(|| format!("in {}", source.display()))?;
    write_file(out, &written)?;
    println!(
        "wrote {} ({} bytes, SHA-256 {})",
        out.display(),
        written.len(),
        sha256_hex(&written)
    );
    Ok(())
}

/// The model of a style file, its weights first stored in another type if one is given.
fn model(style_file: Vec<u8>, dtype: Option<DtypeArgument>) -> Result<Vec<u8>> {
    let Some(dtype) = dtype else {
        return export(&style_file);
    };
    let style = Style::from_bytes(&style_file)?;
    let header = StyleHeader {
        dtype: dtype.dtype(),
        ..style.header().clone()
    };
    if header.dtype == style.header().dtype {
        return export(&style_file);
    }
    let converted = as_stored(&Style::new(header, style.weights().clone())?)?;
    export(&converted.to_bytes()?)
}
