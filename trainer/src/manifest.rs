//! `nijigen manifest`: lists the style files of a directory for the page.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use nijigen::model::GeneratorConfig;
use nijigen::style::{Dtype, Status, Style, sha256_hex};
use serde::{Deserialize, Serialize};

use crate::compare::milliseconds;
use crate::folder::visible_paths;
use crate::write_file::write_file;

/// The version of the manifest's format.
const VERSION: u32 = 1;

/// Name of the manifest in its directory.
const FILE_NAME: &str = "manifest.json";

/// Arguments of `nijigen manifest`.
#[derive(Args)]
pub struct ManifestArguments {
    /// Directory with style files (.safetensors).
    directory: PathBuf,
    /// Only fail if the manifest would change.
    #[arg(long)]
    check: bool,
    /// Measure how long each style takes for 512 x 512 pixels in the CPU engine, on all threads;
    /// without this, times of files that have not changed are kept.
    #[arg(long, conflicts_with = "check")]
    time: bool,
}

/// A list of styles, as the page reads it.
#[derive(Serialize, Deserialize)]
pub struct Manifest {
    version: u32,
    /// The first is the default.
    pub styles: Vec<Entry>,
}

/// A style in the list.
#[derive(Serialize, Deserialize)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// What the variants of one style have in common, such as `ink`.
    #[serde(default)]
    pub family: String,
    #[serde(default)]
    variant: Variant,
    file: String,
    /// The file's size.
    pub bytes: usize,
    sha256: String,
    architecture: String,
    dtype: Dtype,
    status: Status,
    title: Words,
    /// What its pictures look like, in a line; one network of a family says it for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    about: Option<Words>,
    credit: String,
    license: String,
    /// Milliseconds for 512 x 512 pixels, where measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ms_512: Option<f64>,
}

impl Entry {
    /// The option of "nijigen convert" that takes it, if it is not `--look`: it is for faces alone.
    pub fn option_for_faces(&self) -> Option<&'static str> {
        match self.variant {
            Variant::Portrait => Some("--portrait"),
            Variant::Segmentation => Some("--segmentation"),
            Variant::Full | Variant::Compact | Variant::Tiny => None,
        }
    }

    /// What its pictures look like, in English.
    pub fn about(&self) -> Option<&str> {
        self.about.as_ref().map(|about| about.en.as_str())
    }
}

/// What a style's network is for, and how much work it is: what a page offers as quality.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Variant {
    /// For computers.
    #[default]
    Full,
    /// For most devices.
    Compact,
    /// For phones and live pictures.
    Tiny,
    /// For faces, by guide planes. The family `portrait` is for all families that have none.
    Portrait,
    /// Tells skin and hair around faces. The family `segmentation` is for all families that have none.
    Segmentation,
}

/// A network of at most so many multiplications for a pixel is tiny: a tenth of `animegan2`'s.
const TINY_MACS: f64 = 40_107.0;
/// The same for compact.
const COMPACT_MACS: f64 = 150_000.0;

impl Variant {
    /// By what the network answers, the planes that it takes, and its cost.
    fn of(config: &GeneratorConfig, is_segmentation: bool) -> Self {
        let macs = config.macs_per_pixel();
        if is_segmentation {
            Self::Segmentation
        } else if config.is_guided() {
            Self::Portrait
        } else if macs <= TINY_MACS {
            Self::Tiny
        } else if macs <= COMPACT_MACS {
            Self::Compact
        } else {
            Self::Full
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Compact => "compact",
            Self::Tiny => "tiny",
            Self::Portrait => "portrait",
            Self::Segmentation => "segmentation",
        }
    }
}

/// The family of a style: its name without the variant's at the end, as in `ink-tiny`.
fn family(name: &str, variant: Variant) -> &str {
    name.strip_suffix(variant.name())
        .and_then(|rest| rest.strip_suffix('-'))
        .filter(|rest| !rest.is_empty())
        .unwrap_or(name)
}

/// What the page says of a style. Written by hand in the manifest, and kept from there.
#[derive(Clone, Serialize, Deserialize)]
struct Words {
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
    let known =
        known(present.as_deref()).with_context(|| format!("{} is damaged", path.display()))?;
    let styles = entries(&arguments.directory, &known, arguments.time)?;
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
            "{} does not match the style files; run `nijigen manifest {}`",
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

/// Entries of the manifest that is there, in its order.
fn known(present: Option<&str>) -> Result<Vec<Entry>> {
    let Some(text) = present else {
        return Ok(Vec::new());
    };
    let manifest: Manifest = serde_json::from_str(text)?;
    Ok(manifest.styles)
}

/// The styles of a directory in the manifest's order, of which the first is the default; new ones
/// follow by name.
fn entries(directory: &Path, known: &[Entry], time: bool) -> Result<Vec<Entry>> {
    let mut paths = visible_paths(directory)?;
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "safetensors")
    });
    let mut entries: Vec<Entry> = Vec::new();
    for path in &paths {
        let named = || format!("cannot use the style {}", path.display());
        let entry = entry(path, known, time).with_context(named)?;
        if let Some(twin) = entries.iter().find(|other| other.name == entry.name) {
            bail!(
                "{} and {} are both named {:?}",
                twin.file,
                entry.file,
                entry.name
            );
        }
        let is_same =
            |other: &&Entry| (&other.family, other.variant) == (&entry.family, entry.variant);
        if let Some(twin) = entries.iter().find(is_same) {
            bail!(
                "{} and {} are both the variant {:?} of {:?}",
                twin.file,
                entry.file,
                entry.variant.name(),
                entry.family
            );
        }
        entries.push(entry);
    }
    ensure!(
        !entries.is_empty(),
        "{} has no .safetensors files",
        directory.display()
    );
    // By name, not by file name, in which "a-b.safetensors" comes before "a.safetensors".
    let place = |entry: &Entry| {
        let before = known.iter().position(|other| other.name == entry.name);
        before.unwrap_or(known.len())
    };
    entries.sort_by(|a, b| (place(a), &a.name).cmp(&(place(b), &b.name)));
    Ok(entries)
}

fn entry(path: &Path, known: &[Entry], time: bool) -> Result<Entry> {
    let bytes = fs::read(path)?;
    let style = Style::from_bytes(&bytes)?;
    let header = style.header().clone();
    let Some(file) = path.file_name().and_then(|name| name.to_str()) else {
        bail!("its file name is not UTF-8");
    };
    let sha256 = sha256_hex(&bytes);
    let before = known.iter().find(|entry| entry.name == header.name);
    let title = before.map_or_else(
        || Words {
            en: header.name.clone(),
            zh: header.name.clone(),
        },
        |entry| entry.title.clone(),
    );
    let about = before.and_then(|entry| entry.about.clone());
    let ms_512 = match time {
        true => Some(milliseconds(&style)?.round()),
        false => before
            .filter(|entry| entry.sha256 == sha256)
            .and_then(|entry| entry.ms_512),
    };
    let variant = Variant::of(&header.generator, header.segmentation);
    Ok(Entry {
        family: family(&header.name, variant).to_owned(),
        variant,
        file: file.into(),
        bytes: bytes.len(),
        sha256,
        architecture: header.architecture,
        dtype: header.dtype,
        status: header.status,
        title,
        about,
        credit: header.provenance,
        license: header.licence.data,
        ms_512,
        name: header.name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_names_without_the_variant() {
        let of = |config: GeneratorConfig, name: &str| {
            let variant = Variant::of(&config, false);
            (family(name, variant).to_owned(), variant)
        };
        let full = GeneratorConfig::animegan2;
        let guided = || GeneratorConfig {
            input_channels: 7,
            ..GeneratorConfig::tiny()
        };
        for (name, config, expected) in [
            ("ink-full", full(), ("ink", Variant::Full)),
            ("ink", GeneratorConfig::compact(), ("ink", Variant::Compact)),
            ("ink-tiny", GeneratorConfig::tiny(), ("ink", Variant::Tiny)),
            // Not what it says.
            ("ink-tiny", full(), ("ink-tiny", Variant::Full)),
            ("full", full(), ("full", Variant::Full)),
            ("-full", full(), ("-full", Variant::Full)),
            ("wistful", full(), ("wistful", Variant::Full)),
            ("ink-portrait", guided(), ("ink", Variant::Portrait)),
            ("portrait", guided(), ("portrait", Variant::Portrait)),
            ("ink-portrait", full(), ("ink-portrait", Variant::Full)),
        ] {
            assert_eq!(of(config, name), (expected.0.to_owned(), expected.1));
        }
    }
}
