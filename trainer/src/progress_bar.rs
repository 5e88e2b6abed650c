//! The bar of a command that takes a while.

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

/// What a bar tells of work that is counted, such as photos.
pub const COUNTED: &str = "{pos}/{len}, {eta} left {wide_msg}";

/// A bar of `steps` steps with `text` behind it, in which `indicatif` fills in the names in braces.
/// Hidden where stderr is no terminal.
///
/// # Errors
/// If `text` names what there is not.
pub fn progress_bar(steps: usize, text: &str) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template(&format!("{{bar:40}} {text}"))?;
    Ok(ProgressBar::new(steps as u64).with_style(style))
}
