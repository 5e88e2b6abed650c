//! Writing files so that no half-written one is ever found under its final name.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use nijigen::style::sha256_hex;

/// Writes `bytes` to `path` through a temporary file beside it. Its directory is made if needed.
///
/// # Errors
/// If the directory or the file cannot be written, or if `path` has no file name.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let Some(name) = path.file_name() else {
        bail!("cannot write {}: it has no file name", path.display());
    };
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)
            .with_context(|| format!("cannot make the directory {}", directory.display()))?;
    }
    let mut partial = OsString::from(".");
    partial.push(name);
    partial.push(format!(".{}.partial", std::process::id()));
    let partial = path.with_file_name(partial);
    let written = fs::write(&partial, bytes).and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        // The error that matters is the one above; the partial file may not even exist.
        let _ = fs::remove_file(&partial);
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// [`write_file`] for what a command was asked for: tells path, size and SHA-256.
///
/// # Errors
/// Those of [`write_file`].
pub fn write_and_tell(path: &Path, bytes: &[u8]) -> Result<()> {
    write_file(path, bytes)?;
    println!(
        "wrote {} ({} bytes, SHA-256 {})",
        path.display(),
        bytes.len(),
        sha256_hex(bytes)
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_whole_files_and_leaves_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/a.txt");
        write_file(&path, b"first").unwrap();
        write_file(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn failure_is_told_and_cleaned_up() {
        let directory = tempfile::tempdir().unwrap();
        let taken = directory.path().join("taken");
        fs::create_dir(&taken).unwrap();
        let error = write_file(&taken, b"x").unwrap_err();
        assert!(format!("{error:#}").contains("taken"), "{error:#}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
