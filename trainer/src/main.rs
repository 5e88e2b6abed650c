//! Command line tool: converts photos, imports public checkpoints, lists styles for the page.

mod checkpoint;
mod convert;
mod import;
mod manifest;
mod parity;
mod reference;
mod write_file;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Nijigen's tool for photos and styles.
#[derive(Parser)]
#[command(name = "trainer", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Turn photos into anime pictures, on the CPU.
    Convert(convert::ConvertArguments),
    /// Make a style file from a PyTorch checkpoint.
    Import(import::ImportArguments),
    /// List the style files of a directory in its manifest.json.
    Manifest(manifest::ManifestArguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Convert(arguments) => convert::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Manifest(arguments) => manifest::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
