//! The styles that come with the program: those of the page, by their names.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Result, bail};
use nijigen::style::Style;

use crate::style_file::open_style;

/// The page's list of them, with titles and licences.
pub const MANIFEST: &str = include_str!("../../www/styles/manifest.json");

/// A style file inside the program.
#[derive(Debug)]
pub struct Shipped {
    name: &'static str,
    bytes: &'static [u8],
}

macro_rules! shipped {
    ($($name:literal)*) => {
        &[$(Shipped {
            name: $name,
            bytes: include_bytes!(concat!("../../www/styles/", $name, ".safetensors")),
        }),*]
    };
}

/// In the manifest's order: the first is the default.
const SHIPPED: &[Shipped] =
    shipped!("sky" "sky-tiny" "film" "ink" "ink-full" "ink-tiny" "portrait" "segmentation");

/// A style that an argument names.
#[derive(Clone, Debug)]
pub enum StyleArgument {
    /// One of the program's own.
    Shipped(&'static Shipped),
    /// One in a file.
    File(PathBuf),
}

impl From<OsString> for StyleArgument {
    fn from(words: OsString) -> Self {
        let shipped = SHIPPED.iter().find(|style| *style.name == *words);
        shipped.map_or_else(|| Self::File(words.into()), Self::Shipped)
    }
}

impl StyleArgument {
    /// What it was called.
    pub fn name(&self) -> String {
        match self {
            Self::Shipped(style) => style.name.into(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// Reads it.
    ///
    /// # Errors
    /// If it is neither a shipped style nor a file with one.
    pub fn open(&self) -> Result<Style> {
        match self {
            Self::Shipped(style) => Ok(Style::from_bytes(style.bytes)?),
            Self::File(path) if path.exists() => open_style(path),
            Self::File(_) => {
                let names: Vec<&str> = SHIPPED.iter().map(|style| style.name).collect();
                bail!("it is neither a file nor one of {}", names.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_own_are_those_of_the_page() {
        let manifest: serde_json::Value = serde_json::from_str(MANIFEST).unwrap();
        let listed = manifest["styles"].as_array().unwrap();
        let names: Vec<&str> = listed
            .iter()
            .map(|style| style["name"].as_str().unwrap())
            .collect();
        let own: Vec<&str> = SHIPPED.iter().map(|style| style.name).collect();
        assert_eq!(own, names);
        for (style, entry) in SHIPPED.iter().zip(listed) {
            let opened = StyleArgument::Shipped(style).open().unwrap();
            assert_eq!(opened.header().name, style.name);
            assert_eq!(style.bytes.len() as u64, entry["bytes"].as_u64().unwrap());
        }
    }

    #[test]
    fn what_is_no_style_is_told_with_the_names() {
        let unknown = StyleArgument::from(OsString::from("skye"));
        let words = format!("{:#}", unknown.open().unwrap_err());
        assert!(words.contains("sky, sky-tiny, film"), "{words}");
    }
}
