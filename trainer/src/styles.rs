//! `nijigen styles`: the looks that come with the program.

use anyhow::Result;
use clap::Args;

use crate::manifest::Manifest;
use crate::shipped::MANIFEST;

/// Arguments of `nijigen styles`.
#[derive(Args)]
pub struct StylesArguments {
    /// Print all that is known of them as JSON.
    #[arg(long)]
    json: bool,
}

/// Lists the styles.
///
/// # Errors
/// None that a user could cause: the list is inside the program.
pub fn run(arguments: &StylesArguments) -> Result<()> {
    if arguments.json {
        print!("{MANIFEST}");
        return Ok(());
    }
    let manifest: Manifest = serde_json::from_str(MANIFEST)?;
    for entry in &manifest.styles {
        println!(
            "{:<10} {:>4.1} MB  {}{}",
            entry.name,
            entry.bytes as f64 / 1e6,
            entry.about(),
            match entry.is_portrait() {
                true => " (--portrait)",
                false => "",
            }
        );
    }
    println!("\n--json adds their licences, sources and times.");
    Ok(())
}
