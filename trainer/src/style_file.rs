//! Style files as the commands use them.

use std::path::Path;

use anyhow::{Context, Result};
use nijigen::engine::CpuEngine;
use nijigen::style::{KnownAnswer, Style};

use crate::parity::output;

/// Reads a style file.
///
/// # Errors
/// If it cannot be read or is not a style file, naming it.
pub fn open_style(path: &Path) -> Result<Style> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Style::from_bytes(&bytes).with_context(|| format!("in {}", path.display()))
}

/// The style with its weights as a file stores them, and the known answer of those.
///
/// # Errors
/// If a weight cannot be stored.
pub fn as_stored(style: &Style) -> Result<Style> {
    let stored = Style::from_bytes(&style.to_bytes()?)?;
    let answer = output(&CpuEngine::new(&stored)?, &KnownAnswer::input()?)?;
    Ok(stored.with_known_answer(KnownAnswer::of(&answer)))
}
