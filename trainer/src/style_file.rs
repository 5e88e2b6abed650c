//! Style files as the commands use them.

use std::path::Path;

use anyhow::{Context, Result};
use nijigen::engine::CpuEngine;
use nijigen::style::{KnownAnswer, Style};

use crate::parity::output;
use crate::write_file::write_file;

/// Reads a style file.
///
/// # Errors
/// If it cannot be read or is not a style file, naming it.
pub fn open_style(path: &Path) -> Result<Style> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Style::from_bytes(&bytes).with_context(|| format!("in {}", path.display()))
}

/// The style with metrics added to its header, in place of older ones of the same names.
///
/// # Errors
/// Those of [`Style::new`].
pub fn with_metrics(
    style: &Style,
    metrics: impl IntoIterator<Item = (String, f64)>,
) -> Result<Style> {
    Ok(style.with_header(|header| header.metrics.extend(metrics))?)
}

/// Adds metrics to the header of a style file, in place of older ones of the same names; its known answer stays, which
/// other processors compute with other last digits.
///
/// # Errors
/// If the file cannot be written, which leaves the old one.
pub fn write_metrics(
    path: &Path,
    style: &Style,
    metrics: impl IntoIterator<Item = (String, f64)>,
) -> Result<()> {
    let rounded = metrics
        .into_iter()
        .map(|(name, value)| (name, (value * 1e4).round() / 1e4));
    write_file(path, &with_metrics(style, rounded)?.to_bytes()?)
}

/// The style with its weights as a file stores them, and the known answer of those.
///
/// # Errors
/// If a weight cannot be stored.
pub fn as_stored(style: &Style) -> Result<Style> {
    let stored = Style::from_bytes(&style.to_bytes()?)?;
    let input = KnownAnswer::input(stored.generator().input_channels)?;
    let answer = output(&CpuEngine::new(&stored)?, &input)?;
    Ok(stored.with_known_answer(KnownAnswer::of(&answer)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_added_and_nothing_else_changes() {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../www/styles/ink.safetensors");
        let before = open_style(&shipped).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ink.safetensors");
        let metrics = [("flat".to_owned(), 0.123_456), ("new".to_owned(), 1.0)];
        write_metrics(&path, &before, metrics).unwrap();
        let after = open_style(&path).unwrap();
        let mut expected = before.header().clone();
        expected.metrics.insert("flat".into(), 0.1235);
        expected.metrics.insert("new".into(), 1.0);
        assert!(expected.metrics.contains_key("int8_psnr"));
        assert_eq!(after.header().metrics, expected.metrics);
        assert_eq!(after.header().known_answer, before.header().known_answer);
        assert!(after.weights() == before.weights());
    }
}
