//! `nijigen completions` and `nijigen man`: what shells and `man` know of the commands.

use std::fs;
use std::io;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::Arguments;

/// Arguments of `nijigen completions`.
#[derive(Args)]
pub struct CompletionsArguments {
    /// The shell. For bash: nijigen completions bash > ~/.local/share/bash-completion/completions/nijigen
    shell: Shell,
}

/// Prints a shell's completions.
///
/// # Errors
/// Never: where they cannot be printed, the program ends.
pub fn complete(arguments: &CompletionsArguments) -> Result<()> {
    let mut command = Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "nijigen", &mut io::stdout());
    Ok(())
}

/// Arguments of `nijigen man`.
#[derive(Args)]
pub struct ManArguments {
    /// Folder for the pages, such as ~/.local/share/man/man1; made if needed.
    #[arg(value_name = "FOLDER")]
    out: PathBuf,
}

/// Writes a page of the manual for each command.
///
/// # Errors
/// If they cannot be written.
pub fn write_manual(arguments: &ManArguments) -> Result<()> {
    let ManArguments { out } = arguments;
    let named = || format!("cannot write the manual into {}", out.display());
    fs::create_dir_all(out).with_context(named)?;
    clap_mangen::generate_to(Arguments::command(), out).with_context(named)
}
