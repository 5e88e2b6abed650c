//! Finds the images of folders and reads them, one at a time.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use image::RgbImage;
use nijigen::imaging::{Photo, decode, fit_long_side};

use crate::folder::{IMAGE_EXTENSIONS, images_below};
use crate::picture::to_rgb;

/// An image file in one of the folders that were given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFile {
    /// Which of the folders, from 0.
    pub folder: usize,
    /// The file.
    pub path: PathBuf,
    /// Its path inside the folder, with `/` between the parts.
    pub relative: String,
}

/// The image files of all `folders`, subfolders included; within a folder sorted by relative path.
///
/// Hidden files and folders are left out, and links to folders are not followed.
///
/// # Errors
/// If a folder cannot be read or has no images.
pub fn list(folders: &[PathBuf]) -> Result<Vec<ImageFile>> {
    let mut sources = Vec::new();
    for (index, folder) in folders.iter().enumerate() {
        let paths = images_below(folder)?;
        ensure!(
            !paths.is_empty(),
            "the folder {} has no images (expected files named {})",
            folder.display(),
            IMAGE_EXTENSIONS
                .map(|extension| format!(".{extension}"))
                .join(", ")
        );
        let mut found = Vec::new();
        for path in paths {
            let parts = path.strip_prefix(folder)?.iter();
            let parts: Vec<_> = parts.map(|part| part.to_string_lossy()).collect();
            let relative = parts.join("/");
            found.push(ImageFile {
                folder: index,
                path,
                relative,
            });
        }
        found.sort_by(|a, b| a.relative.cmp(&b.relative));
        sources.extend(found);
    }
    Ok(sources)
}

/// Keeps the sources whose relative path is in the first column, named `file`, of a CSV file.
///
/// # Errors
/// If the list cannot be read, has no such column, is empty, or names files that no source is.
pub fn only_listed(sources: Vec<ImageFile>, list: &Path) -> Result<Vec<ImageFile>> {
    let named = || format!("cannot use the list {}", list.display());
    let text = fs::read_to_string(list).with_context(named)?;
    let mut lines = text
        .trim_start_matches('\u{feff}')
        .lines()
        .filter(|line| !line.trim().is_empty());
    let header = lines.next().map(first_column).unwrap_or_default();
    ensure!(
        header == "file",
        "cannot use the list {}: its first column is named {header:?}, expected \"file\"",
        list.display()
    );
    let files: BTreeSet<String> = lines.map(first_column).collect();
    ensure!(!files.is_empty(), "the list {} is empty", list.display());
    let present: BTreeSet<&str> = sources.iter().map(|s| s.relative.as_str()).collect();
    let missing: Vec<&String> = files
        .iter()
        .filter(|file| !present.contains(file.as_str()))
        .collect();
    ensure!(
        missing.is_empty(),
        "the list {} names {} of {} files that are in no style folder, the first is {:?}",
        list.display(),
        missing.len(),
        files.len(),
        missing[0]
    );
    Ok(sources
        .into_iter()
        .filter(|source| files.contains(&source.relative))
        .collect())
}

/// The first field of a CSV line; quotes around it are taken off.
fn first_column(line: &str) -> String {
    let Some(quoted) = line.trim_start().strip_prefix('"') else {
        return line.split(',').next().unwrap_or_default().trim().into();
    };
    // A doubled quote stands for one; the first single one ends the field.
    let mut field = String::new();
    let mut letters = quoted.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '"' && letters.next_if_eq(&'"').is_none() {
            break;
        }
        field.push(letter);
    }
    field
}

/// Reads an image: upright, sRGB, at its full size. Transparent pixels are laid on white, so every
/// pixel is opaque.
///
/// # Errors
/// If the file cannot be read or is no image that can be decoded.
pub fn load(path: &Path) -> Result<Photo> {
    Ok(decode(&fs::read(path).context("cannot read the file")?)?.over_white())
}

/// Shrinks an opaque photo (Lanczos-3) to a longer side of at most `long_side_px`; it is never
/// enlarged.
///
/// # Errors
/// If `long_side_px` is 0.
pub fn fit(photo: Photo, long_side_px: u32) -> Result<RgbImage> {
    to_rgb(&fit_long_side(photo, long_side_px as usize)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgba, RgbaImage};
    use tempfile::tempdir;

    fn relatives(sources: &[ImageFile]) -> Vec<&str> {
        sources.iter().map(|s| s.relative.as_str()).collect()
    }

    #[test]
    fn lists_folders_sorted_and_recursively() -> Result<()> {
        let (first, second) = (tempdir()?, tempdir()?);
        fs::create_dir_all(first.path().join("b/.hidden"))?;
        for name in [
            "z.JPG",
            "a.png",
            "b/c.webp",
            "b/.hidden/d.png",
            ".e.png",
            "notes.txt",
        ] {
            fs::write(first.path().join(name), "x")?;
        }
        fs::write(second.path().join("photo.heic"), "x")?;
        let sources = list(&[first.path().into(), second.path().into()])?;
        assert_eq!(
            relatives(&sources),
            ["a.png", "b/c.webp", "z.JPG", "photo.heic"]
        );
        assert_eq!(sources[2].folder, 0);
        assert_eq!(sources[3].folder, 1);
        assert_eq!(sources[1].path, first.path().join("b/c.webp"));
        Ok(())
    }

    #[test]
    fn empty_and_missing_folders_are_named() -> Result<()> {
        let folder = tempdir()?;
        let empty = list(&[folder.path().into()]).expect_err("no images");
        let name = folder.path().display().to_string();
        assert!(empty.to_string().contains(&name) && empty.to_string().contains("no images"));
        let missing = list(&[folder.path().join("gone")]).expect_err("no folder");
        assert!(missing.to_string().contains("gone"), "{missing}");
        Ok(())
    }

    #[test]
    fn a_list_chooses_files() -> Result<()> {
        let folder = tempdir()?;
        for name in ["a.png", "b, \"c\".png", "d.png"] {
            fs::write(folder.path().join(name), "x")?;
        }
        let sources = list(&[folder.path().into()])?;
        let csv = folder.path().join("list.csv");
        fs::write(
            &csv,
            "\u{feff}file,ink\r\nd.png,3.0\r\n\"b, \"\"c\"\".png\",2\r\n\r\n",
        )?;
        let chosen = only_listed(sources.clone(), &csv)?;
        assert_eq!(relatives(&chosen), ["b, \"c\".png", "d.png"]);

        let refused = |text: &str| -> Result<String> {
            fs::write(&csv, text)?;
            let error = only_listed(sources.clone(), &csv).expect_err("a bad list");
            Ok(error.to_string())
        };
        assert!(refused("file\na.png\nq.png\n")?.contains("\"q.png\""));
        assert!(refused("name\na.png\n")?.contains("\"name\""));
        assert!(refused("file\n")?.contains("is empty"));
        assert!(refused("")?.contains("expected \"file\""));
        Ok(())
    }

    #[test]
    fn transparency_is_laid_on_white() -> Result<()> {
        let folder = tempdir()?;
        let path = folder.path().join("a.png");
        let mut image = RgbaImage::from_pixel(3, 1, Rgba([10, 20, 30, 255]));
        image.put_pixel(1, 0, Rgba([0, 0, 0, 0]));
        image.put_pixel(2, 0, Rgba([0, 100, 255, 51]));
        image.save(&path)?;
        let rgb = fit(load(&path)?, 512)?;
        assert_eq!(rgb.into_raw(), [10, 20, 30, 255, 255, 255, 204, 224, 255]);
        Ok(())
    }

    #[test]
    fn fits_and_never_enlarges() -> Result<()> {
        let photo = Photo::new(40, 20, vec![255; 3200])?;
        assert_eq!(fit(photo.clone(), 10)?.dimensions(), (10, 5));
        assert_eq!(fit(photo, 100)?.dimensions(), (40, 20));
        Ok(())
    }
}
