//! `nijigen looks`: the looks that come with the program, each a place's network in one or more sizes; faces are drawn by
//! a network of their own.

use anyhow::Result;
use clap::Args;

use crate::manifest::{Entry, Manifest};
use crate::shipped::MANIFEST;

/// Arguments of `nijigen looks`.
#[derive(Args)]
pub struct LooksArguments {
    /// Print all that is known of their networks as JSON.
    #[arg(long)]
    json: bool,
}

/// Lists the looks.
///
/// # Errors
/// None that a user could cause: the list is inside the program.
pub fn run(arguments: &LooksArguments) -> Result<()> {
    if arguments.json {
        print!("{MANIFEST}");
        return Ok(());
    }
    let manifest: Manifest = serde_json::from_str(MANIFEST)?;
    let (of_faces, places): (Vec<&Entry>, Vec<&Entry>) = manifest
        .styles
        .iter()
        .partition(|entry| entry.option_for_faces().is_some());
    let mut families: Vec<&str> = places.iter().map(|entry| entry.family.as_str()).collect();
    families.dedup();
    for family in families {
        let of_family = || places.iter().filter(|entry| entry.family == family);
        for about in of_family().filter_map(|entry| entry.about()) {
            println!("{family:<9} {about}");
        }
        for entry in of_family() {
            println!("{:<9}   --look {}", "", sized(entry));
        }
    }
    for entry in of_faces {
        let option = entry.option_for_faces().unwrap_or_default();
        println!("faces     {}", entry.about().unwrap_or_default());
        println!("{:<9}   {option} {}", "", sized(entry));
    }
    println!("\n--json adds licences, sources and times of the networks.");
    Ok(())
}

/// A network's name and size.
fn sized(entry: &Entry) -> String {
    format!("{:<10} {:>4.1} MB", entry.name, entry.bytes as f64 / 1e6)
}
