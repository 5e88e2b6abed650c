//! `trainer manifest`: lists the style files of a directory for the page.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use nijigen::style::{Dtype, Status, Style, sha256_hex};
use serde::{Deserialize, Serialize};

use crate::write_file::write_file;

/// The version of the manifest's format.
const VERSION: u32 = 1;

/// Name of the manifest in its directory.
const FILE_NAME: &str = "manifest.json";

/// Arguments of `trainer manifest`.
#[derive(Args)]
pub struct ManifestArguments {
    /// Directory with style files (.safetensors).
    directory: PathBuf,
    /// Only fail if the manifest would change.
    #[arg(long)]
    check: bool,
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    version: u32,
    styles: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    name: String,
    file: String,
    bytes: usize,
    sha256: String,
    architecture: String,
    dtype: Dtype,
    status: Status,
    title: Title,
    credit: String,
    license: String,
}

/// What the page calls a style. Written by hand in the manifest, and kept from there.
#[derive(Clone, Serialize, Deserialize)]
struct Title {
    en: String,
    zh: String,
}

/// Writes or checks the manifest.
///
/// # Errors
/// If the directory has no styles, or one that cannot be used; if the manifest that is there is
/// damaged; with `--check`, if it would change.
pub fn run(arguments: &ManifestArguments) -> Result<()> {
    let path = arguments.directory.join(FILE_NAME);
    let present = match fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
    };
    let titles =
        titles(present.as_deref()).with_context(|| format!("{} is damaged", path.display()))?;
    let styles = entries(&arguments.directory, &titles)?;
    let count = styles.len();
    let manifest = Manifest {
        version: VERSION,
        styles,
    };
    let mut text = serde_json::to_string_pretty(&manifest)?;
    text.push('\n');
    if arguments.check {
        ensure!(
            present.as_deref() == Some(text.as_str()),
            "{} does not match the style files; run `trainer manifest {}`",
            path.display(),
            arguments.directory.display()
        );
        println!("{} is up to date", path.display());
        return Ok(());
    }
    write_file(&path, text.as_bytes())?;
    println!("wrote {} with {count} styles", path.display());
    Ok(())
}

/// Titles of the manifest that is there, by the style's name.
fn titles(present: Option<&str>) -> Result<BTreeMap<String, Title>> {
    let Some(text) = present else {
        return Ok(BTreeMap::new());
    };
    let manifest: Manifest = serde_json::from_str(text)?;
    let titles = manifest
        .styles
        .into_iter()
        .map(|entry| (entry.name, entry.title));
    Ok(titles.collect())
}

/// The styles of a directory in the order of their file names.
fn entries(directory: &Path, titles: &BTreeMap<String, Title>) -> Result<Vec<Entry>> {
    let unreadable = || format!("cannot read the directory {}", directory.display());
    let mut paths = Vec::new();
    for item in fs::read_dir(directory).with_context(unreadable)? {
        let path = item.with_context(unreadable)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "safetensors")
        {
            paths.push(path);
        }
    }
    paths.sort();
    let mut entries: Vec<Entry> = Vec::new();
    for path in &paths {
        let named = || format!("cannot use the style {}", path.display());
        let entry = entry(path, titles).with_context(named)?;
        if let Some(twin) = entries.iter().find(|other| other.name == entry.name) {
            bail!(
                "{} and {} are both named {:?}",
                twin.file,
                entry.file,
                entry.name
            );
        }
        entries.push(entry);
    }
    ensure!(
        !entries.is_empty(),
        "{} has no .safetensors files",
        directory.display()
    );
    // A page offers them in this order, and the first by default: by name, not by file name, in
    // which "a-b.safetensors" comes before "a.safetensors".
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

fn entry(path: &Path, titles: &BTreeMap<String, Title>) -> Result<Entry> {
    let bytes = fs::read(path)?;
    let style = Style::from_bytes(&bytes)?;
    let header = style.header().clone();
    let Some(file) = path.file_name().and_then(|name| name.to_str()) else {
        bail!("its file name is not UTF-8");
    };
    let title = titles.get(&header.name).cloned().unwrap_or_else(|| Title {
        en: header.name.clone(),
        zh: header.name.clone(),
    });
    Ok(Entry {
        file: file.into(),
        bytes: bytes.len(),
        sha256: sha256_hex(&bytes),
        architecture: header.architecture,
        dtype: header.dtype,
        status: header.status,
        title,
        credit: header.provenance,
        license: header.licence.data,
        name: header.name,
    })
}
