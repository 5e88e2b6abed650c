//! What is in a folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Files that are taken for images, by extension. Kinds that cannot be read are among them so that
/// they are reported, not silently left out.
pub const IMAGE_EXTENSIONS: [&str; 18] = [
    "jpg", "jpeg", "jpe", "jfif", "pjpeg", "pjp", "mpo", "png", "apng", "webp", "gif", "avif",
    "heic", "heif", "bmp", "tif", "tiff", "jxl",
];

/// The paths directly in a folder, sorted; hidden ones are left out.
///
/// # Errors
/// If the folder cannot be read, naming it.
pub fn visible_paths(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = || format!("cannot read the folder {}", folder.display());
    let mut paths = Vec::new();
    for item in fs::read_dir(folder).with_context(unreadable)? {
        let item = item.with_context(unreadable)?;
        if !item.file_name().to_string_lossy().starts_with('.') {
            paths.push(item.path());
        }
    }
    paths.sort();
    Ok(paths)
}

/// The paths of the images in a folder and its subfolders, sorted within each; links to folders are not followed.
///
/// # Errors
/// If a folder cannot be read, naming it.
pub fn images_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut images = Vec::new();
    for path in visible_paths(folder)? {
        if path.is_dir() && !path.is_symlink() {
            images.extend(images_below(&path)?);
        } else if is_image(&path) {
            images.push(path);
        }
    }
    Ok(images)
}

/// Whether a path is that of a file, or of a link to one, which is taken for an image.
pub fn is_image(path: &Path) -> bool {
    let extension = path
        .extension()
        .map(|extension| extension.to_string_lossy());
    let extension = extension.unwrap_or_default().to_lowercase();
    IMAGE_EXTENSIONS.contains(&extension.as_str()) && path.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_told_by_their_names() -> Result<()> {
        let folder = tempfile::tempdir()?;
        for name in ["b.JPG", "a.heic", ".c.png", "notes.txt", "png"] {
            fs::write(folder.path().join(name), "x")?;
        }
        fs::create_dir(folder.path().join("folder.png"))?;
        let paths = visible_paths(folder.path())?;
        let inner = folder.path().join("folder.png/inner.jfif");
        fs::write(&inner, "x")?;
        assert!(images_below(folder.path())?.contains(&inner));
        let images = paths.iter().filter(|path| is_image(path));
        let names: Vec<_> = images.filter_map(|path| path.file_name()).collect();
        assert_eq!(names, ["a.heic", "b.JPG"]);
        assert_eq!(paths.len(), 5);
        let missing = visible_paths(&folder.path().join("gone")).expect_err("no folder");
        assert!(missing.to_string().contains("gone"), "{missing}");
        Ok(())
    }
}
