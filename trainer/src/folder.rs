//! What is in a folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Files that are taken for images, by extension. Kinds that cannot be read are among them so that
/// they are reported, not silently left out.
pub const IMAGE_EXTENSIONS: [&str; 9] = [
    "jpg", "jpeg", "png", "webp", "gif", "avif", "heic", "heif", "bmp",
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
        let images = paths.iter().filter(|path| is_image(path));
        let names: Vec<_> = images.filter_map(|path| path.file_name()).collect();
        assert_eq!(names, ["a.heic", "b.JPG"]);
        assert_eq!(paths.len(), 5);
        let missing = visible_paths(&folder.path().join("gone")).expect_err("no folder");
        assert!(missing.to_string().contains("gone"), "{missing}");
        Ok(())
    }
}
