//! The prepared set: a folder of PNG files and a manifest that says what each of them is.
//!
//! `photos`, `style` and `faces` hold the training images, `smooth` the edge-smoothed copies of the
//! style images, `clusters` the contact sheets, `manifest.json` the rest. The manifest is written
//! last; until then the file `unfinished` marks the folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use image::{ImageReader, RgbImage};
use nijigen::style::sha256_hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::faces::FoundFace;
use crate::picture::png;
use crate::write_file::write_file;

/// The version of the manifest's format.
pub const VERSION: u32 = 1;

/// Tells the manifest from other JSON files.
const FORMAT: &str = "nijigen-prepared";

/// Name of the manifest in its folder.
pub const MANIFEST: &str = "manifest.json";

/// Name of the file that marks a set under way.
const UNFINISHED: &str = "unfinished";

/// Folder of the contact sheets.
pub const CLUSTERS: &str = "clusters";

/// Folder of the edge-smoothed style images.
pub const SMOOTH: &str = "smooth";

/// Everything that a prepared set is made of, for making room for a new one.
const FOLDERS: [&str; 5] = ["photos", "style", "faces", SMOOTH, CLUSTERS];

/// How a set is prepared: on the command line and in the manifest.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// Folder with photos (JPEG, PNG, WebP, GIF), subfolders included; may be given again.
    #[arg(long, required = true, value_name = "DIR")]
    pub photos: Vec<PathBuf>,
    /// Folder with style images; may be given again.
    #[arg(long, required = true, value_name = "DIR")]
    pub style: Vec<PathBuf>,
    /// CSV file whose first column, `file`, names the style images to use, by their paths inside
    /// the style folders.
    #[arg(long, value_name = "FILE")]
    pub style_list: Option<PathBuf>,
    /// Number of groups that the style images are sorted into by their look.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub clusters: u32,
    /// Clusters whose images are used, such as 0,2,5; all by default. See the contact sheets that
    /// the first run writes.
    #[arg(long, value_delimiter = ',', value_name = "K,K,...")]
    pub keep_clusters: Option<Vec<usize>>,
    /// Leave out images less sharp than this (variance of the Laplacian at long side 512); the
    /// manifest lists every image's value.
    #[arg(long, value_parser = parse_sharpness)]
    pub min_sharpness: Option<f32>,
    /// Bits of 64 in which two images' hashes may differ for one to be left out as a duplicate.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(0..=32))]
    pub duplicate_distance: u32,
    /// Longest side of the prepared images in pixels; they are never enlarged.
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(64..=4096))]
    pub long_side: u32,
    /// Share of the photos that is kept from training, for evaluation.
    #[arg(long, default_value_t = 0.1, value_parser = parse_share)]
    pub hold_out: f64,
    /// Seed of what is random: clusters and the choice of held-out photos.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

fn parse_sharpness(text: &str) -> Result<f32> {
    let value: f32 = text.parse()?;
    ensure!(value.is_finite() && value >= 0.0, "expected 0 or more");
    Ok(value)
}

fn parse_share(text: &str) -> Result<f64> {
    let value: f64 = text.parse()?;
    ensure!((0.0..1.0).contains(&value), "expected 0 or more, below 1");
    Ok(value)
}

/// What an image is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A photo.
    Photo,
    /// An image in the style to learn.
    Style,
    /// A face cut out of a photo, in the standard pose.
    Face,
}

impl Kind {
    /// The folder of such images in a prepared set.
    pub fn folder(self) -> &'static str {
        match self {
            Kind::Photo => "photos",
            Kind::Style => "style",
            Kind::Face => "faces",
        }
    }
}

/// Where an image comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// What it is for.
    pub kind: Kind,
    /// Which of the photo folders (or style folders), in the order given, from 0.
    pub folder: usize,
    /// Its path inside that folder.
    pub source: String,
}

/// Whether an image is for training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// For training.
    Train,
    /// Never trained on: for evaluation.
    HeldOut,
}

/// An image of the prepared set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its path inside the set.
    pub file: String,
    /// Where it comes from.
    #[serde(flatten)]
    pub origin: Origin,
    /// Whether it is for training. A face goes with its photo.
    pub split: Split,
    /// Width of the file in pixels.
    pub width: u32,
    /// Height of the file in pixels.
    pub height: u32,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub sha256: String,
    /// Variance of the Laplacian at long side 512: of the original, or of a face's crop.
    pub sharpness: f32,
    /// Cluster of a style image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<usize>,
    /// Path of a style image's edge-smoothed copy, of the same size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smooth: Option<String>,
    /// Faces in a photo, or the one in a face's crop, in pixels of the file.
    #[serde(default)]
    pub faces: Vec<FoundFace>,
}

/// A file that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The file.
    #[serde(flatten)]
    pub origin: Origin,
    /// Why.
    pub reason: String,
}

/// An image that was left out for a better copy of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DuplicateOf {
    /// The image that was left out.
    #[serde(flatten)]
    pub origin: Origin,
    /// The one that was kept.
    pub of: Origin,
    /// Bits of 64 in which their hashes differ.
    pub distance: u32,
}

/// An image that was left out because it is not sharp enough.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blurred {
    /// The image.
    #[serde(flatten)]
    pub origin: Origin,
    /// Its sharpness.
    pub sharpness: f32,
}

/// A group of style images that look alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Number of images.
    pub images: usize,
    /// Whether they are in the set.
    pub kept: bool,
}

/// How many of what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Photos in the set.
    pub photos: usize,
    /// Photos among them that are held out.
    pub held_out: usize,
    /// Faces in the set.
    pub faces: usize,
    /// Style images in the set.
    pub style: usize,
    /// Files that could not be used.
    pub skipped: usize,
    /// Duplicates left out.
    pub duplicates: usize,
    /// Blurred images left out.
    pub blurred: usize,
}

/// What a prepared set holds and how it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    format: String,
    version: u32,
    /// How the set was prepared.
    pub options: Options,
    /// What the style images were sorted by.
    pub descriptor: String,
    /// What the set holds, in summary.
    pub counts: Counts,
    /// The clusters of style images; an entry's cluster is an index into them.
    pub clusters: Vec<Cluster>,
    /// The images: photos, then style images, then faces, each in the order of their sources.
    pub entries: Vec<Entry>,
    /// Files that could not be used.
    pub skipped: Vec<Skipped>,
    /// Images left out because a better copy is there.
    pub duplicates: Vec<DuplicateOf>,
    /// Images left out because they are not sharp enough.
    pub blurred: Vec<Blurred>,
}

/// What was left out of a set.
#[derive(Default)]
pub struct LeftOut {
    /// Files that could not be used.
    pub skipped: Vec<Skipped>,
    /// Images left out because a better copy is there.
    pub duplicates: Vec<DuplicateOf>,
    /// Images left out because they are not sharp enough.
    pub blurred: Vec<Blurred>,
}

impl Manifest {
    /// A manifest of the current version; the counts are made from the lists.
    pub fn new(
        options: Options,
        descriptor: &str,
        clusters: Vec<Cluster>,
        entries: Vec<Entry>,
        left_out: LeftOut,
    ) -> Self {
        let of_kind = |kind| entries.iter().filter(move |e| e.origin.kind == kind);
        let held_out = of_kind(Kind::Photo).filter(|e| e.split == Split::HeldOut);
        Self {
            format: FORMAT.into(),
            version: VERSION,
            options,
            descriptor: descriptor.into(),
            counts: Counts {
                photos: of_kind(Kind::Photo).count(),
                held_out: held_out.count(),
                faces: of_kind(Kind::Face).count(),
                style: of_kind(Kind::Style).count(),
                skipped: left_out.skipped.len(),
                duplicates: left_out.duplicates.len(),
                blurred: left_out.blurred.len(),
            },
            clusters,
            entries,
            skipped: left_out.skipped,
            duplicates: left_out.duplicates,
            blurred: left_out.blurred,
        }
    }
}

/// A prepared set that is there.
#[derive(Debug)]
pub struct Prepared {
    folder: PathBuf,
    /// What it holds.
    pub manifest: Manifest,
}

impl Prepared {
    /// Opens a set and checks that its files are there, in the sizes that the manifest says. Their
    /// pixels are not read.
    ///
    /// # Errors
    /// If the folder holds no finished set, one of another version, or one whose files are missing
    /// or of another size.
    pub fn open(folder: &Path) -> Result<Self> {
        let named = || format!("cannot use the prepared set {}", folder.display());
        let path = folder.join(MANIFEST);
        if !path.is_file() {
            let reason = match folder.join(UNFINISHED).exists() {
                true => "it is unfinished: run `nijigen prepare` with --force again",
                false => "it has no manifest.json, expected a folder made by `nijigen prepare`",
            };
            return Err(anyhow::anyhow!(reason)).with_context(named);
        }
        let manifest = read_manifest(&path).with_context(named)?;
        let prepared = Self {
            folder: folder.into(),
            manifest,
        };
        prepared.check_files().with_context(named)?;
        Ok(prepared)
    }

    /// The path of a file of the set, such as an entry's.
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    /// The entries of a kind and a split, in the manifest's order.
    pub fn entries(&self, kind: Kind, split: Split) -> impl Iterator<Item = &Entry> {
        let entries = self.manifest.entries.iter();
        entries.filter(move |entry| entry.origin.kind == kind && entry.split == split)
    }

    fn check_files(&self) -> Result<()> {
        ensure!(!self.manifest.entries.is_empty(), "it has no images");
        for entry in &self.manifest.entries {
            for file in [Some(&entry.file), entry.smooth.as_ref()]
                .into_iter()
                .flatten()
            {
                let size = ImageReader::open(self.path(file))
                    .map_err(image::ImageError::from)
                    .and_then(ImageReader::into_dimensions)
                    .with_context(|| format!("cannot read its image {file}"))?;
                ensure!(
                    size == (entry.width, entry.height),
                    "its image {file} is {} x {} pixels, expected {} x {}",
                    size.0,
                    size.1,
                    entry.width,
                    entry.height
                );
            }
        }
        Ok(())
    }
}

/// Format and version first, so that another version is not taken for a damaged file.
fn read_manifest(path: &Path) -> Result<Manifest> {
    #[derive(Deserialize)]
    struct Head {
        format: String,
        version: u32,
    }
    let text = fs::read_to_string(path).context("cannot read manifest.json")?;
    let head: Head = serde_json::from_str(&text)
        .context("its manifest.json is damaged or is not one of `nijigen prepare`")?;
    ensure!(
        head.format == FORMAT,
        "its manifest.json is of the format {:?}, expected {FORMAT:?}",
        head.format
    );
    ensure!(
        head.version == VERSION,
        "it is of version {}, expected {VERSION}: prepare it again",
        head.version
    );
    serde_json::from_str(&text).context("its manifest.json is damaged")
}

/// The folder that a prepared set is written to.
pub struct Target {
    folder: PathBuf,
}

impl Target {
    /// Checks that a set can be written to `folder`: it is not inside one of `inputs` (a later run
    /// would take the results for sources) nor one of them inside it, it can be written to, and it is empty, or `force` is
    /// given and it holds a prepared set, finished or not. Nothing in it changes before
    /// [`Target::begin`].
    ///
    /// # Errors
    /// If one of these does not hold.
    pub fn new(folder: &Path, inputs: &[PathBuf], force: bool) -> Result<Self> {
        let named = || format!("cannot write to the folder {}", folder.display());
        fs::create_dir_all(folder).with_context(named)?;
        let whole = fs::canonicalize(folder).with_context(named)?;
        for input in inputs {
            let outer = fs::canonicalize(input)
                .with_context(|| format!("cannot read the folder {}", input.display()))?;
            ensure!(
                !whole.starts_with(&outer),
                "the folder {} lies inside the source folder {}; choose another one",
                folder.display(),
                input.display()
            );
            ensure!(
                !outer.starts_with(&whole),
                "the source folder {} lies inside the folder {}; choose another one",
                input.display(),
                folder.display()
            );
        }
        let empty = fs::read_dir(folder).with_context(named)?.next().is_none();
        let finished = is_manifest(&folder.join(MANIFEST));
        if !empty {
            let holds = match (finished, folder.join(UNFINISHED).exists()) {
                (true, _) => "a prepared set",
                (false, true) => "an unfinished prepared set",
                (false, false) => bail!(
                    "the folder {} holds files that `nijigen prepare` did not make; choose another one",
                    folder.display()
                ),
            };
            ensure!(
                force,
                "the folder {} holds {holds}; use --force to replace it",
                folder.display()
            );
        }
        // Whether files can be written is known only by writing one.
        let trial = folder.join(".trial");
        write_file(&trial, b"")?;
        fs::remove_file(&trial).with_context(named)?;
        Ok(Self {
            folder: folder.into(),
        })
    }

    /// Marks the folder as unfinished and removes the set that it holds.
    ///
    /// # Errors
    /// If that cannot be done.
    pub fn begin(&self) -> Result<()> {
        self.write(
            UNFINISHED,
            b"`nijigen prepare` is at work, or was interrupted.\n",
        )?;
        for name in FOLDERS {
            remove(&self.folder.join(name), |path| fs::remove_dir_all(path))?;
        }
        remove(&self.folder.join(MANIFEST), |path| fs::remove_file(path))
    }

    /// Writes a file of the set.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, file: &str, bytes: &[u8]) -> Result<()> {
        write_file(&self.folder.join(file), bytes)
    }

    /// Writes an image of the set as PNG; returns its SHA-256 in hexadecimal.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_png(&self, file: &str, image: &RgbImage) -> Result<String> {
        let png = png(image)?;
        self.write(file, &png)?;
        Ok(sha256_hex(&png))
    }

    /// Writes the manifest, which makes the set a finished one.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(&self, manifest: &Manifest) -> Result<()> {
        let mut text = serde_json::to_string_pretty(manifest)?;
        text.push('\n');
        self.write(MANIFEST, text.as_bytes())?;
        remove(&self.folder.join(UNFINISHED), |path| fs::remove_file(path))
    }
}

/// Whether a file is a manifest of a prepared set, of any version.
fn is_manifest(path: &Path) -> bool {
    fs::read(path)
        .ok()
        .and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok())
        .is_some_and(|value| value["format"] == FORMAT)
}

fn remove(path: &Path, by: fn(&Path) -> std::io::Result<()>) -> Result<()> {
    match by(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Whether a photo is held out: by a hash of its path and the seed, so that the choice does not
/// change when other photos come or go. A share of about `share` is.
pub fn split_of(source: &str, seed: u64, share: f64) -> Split {
    let number = hash_number(&[&seed.to_le_bytes(), source.as_bytes()]);
    // 2⁶⁴ numbers, evenly spread.
    if (number as f64) < share * 2f64.powi(64) {
        Split::HeldOut
    } else {
        Split::Train
    }
}

/// Name of the image made from a source, without extension: the source's own (letters, digits,
/// `-` and `_`), and eight digits by which namesakes from other folders differ.
pub fn output_name(folder: usize, relative: &str) -> String {
    let file = relative.rsplit('/').next().unwrap_or(relative);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let plain = |c: char| {
        if c.is_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    let stem: String = stem.chars().take(40).map(plain).collect();
    let number = hash_number(&[&(folder as u64).to_le_bytes(), relative.as_bytes()]);
    format!("{stem}-{:08x}", number >> 32)
}

fn hash_number(parts: &[&[u8]]) -> u64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let digest = hash.finalize();
    digest[..8]
        .iter()
        .fold(0, |number, &byte| number << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;
    use tempfile::{TempDir, tempdir};

    fn options() -> Options {
        Options {
            photos: vec!["p".into()],
            style: vec!["s".into()],
            style_list: None,
            clusters: 6,
            keep_clusters: None,
            min_sharpness: Some(12.5),
            duplicate_distance: 4,
            long_side: 512,
            hold_out: 0.1,
            seed: 3,
        }
    }

    fn message<T>(result: Result<T>) -> String {
        match result {
            Ok(_) => panic!("an error was expected"),
            Err(error) => format!("{error:#}"),
        }
    }

    /// A finished set of one style image, 6 × 4 pixels.
    fn small_set() -> Result<TempDir> {
        let folder = tempdir()?;
        let target = Target::new(folder.path(), &[], false)?;
        target.begin()?;
        let image = RgbImage::from_pixel(6, 4, Rgb([1, 2, 3]));
        let sha256 = target.write_png("style/a.png", &image)?;
        target.write_png("smooth/a.png", &image)?;
        let entry = Entry {
            file: "style/a.png".into(),
            origin: Origin {
                kind: Kind::Style,
                folder: 0,
                source: "a.jpg".into(),
            },
            split: Split::Train,
            width: 6,
            height: 4,
            sha256,
            sharpness: 1.5,
            cluster: Some(0),
            smooth: Some("smooth/a.png".into()),
            faces: Vec::new(),
        };
        let clusters = vec![Cluster {
            images: 1,
            kept: true,
        }];
        let left_out = LeftOut::default();
        target.finish(&Manifest::new(
            options(),
            "test",
            clusters,
            vec![entry],
            left_out,
        ))?;
        Ok(folder)
    }

    #[test]
    fn a_set_opens_as_it_was_written() -> Result<()> {
        let folder = small_set()?;
        let prepared = Prepared::open(folder.path())?;
        assert_eq!(prepared.manifest.options, options());
        assert_eq!(prepared.manifest.counts.style, 1);
        assert_eq!(prepared.manifest.counts.photos, 0);
        let entry = prepared.entries(Kind::Style, Split::Train).next();
        let entry = entry.context("an entry")?;
        assert_eq!(
            sha256_hex(&fs::read(prepared.path(&entry.file))?),
            entry.sha256
        );
        assert_eq!(prepared.entries(Kind::Photo, Split::Train).count(), 0);
        Ok(())
    }

    #[test]
    fn damaged_sets_are_refused_in_words() -> Result<()> {
        let folder = small_set()?;
        let open = || message(Prepared::open(folder.path()));
        let smooth = folder.path().join("smooth/a.png");
        RgbImage::new(6, 5).save(&smooth)?;
        assert!(open().contains("smooth/a.png is 6 x 5 pixels, expected 6 x 4"));
        fs::remove_file(&smooth)?;
        assert!(open().contains("cannot read its image smooth/a.png"));

        let path = folder.path().join(MANIFEST);
        let text = fs::read_to_string(&path)?;
        fs::write(&path, text.replace("\"version\": 1", "\"version\": 7"))?;
        assert!(open().contains("version 7, expected 1"), "{}", open());
        fs::write(&path, text.replace(FORMAT, "other"))?;
        assert!(open().contains("\"other\""), "{}", open());
        fs::write(&path, &text[..text.len() / 2])?;
        assert!(open().contains("damaged"), "{}", open());
        fs::remove_file(&path)?;
        assert!(open().contains("no manifest.json"), "{}", open());
        Ok(())
    }

    #[test]
    fn only_prepared_sets_are_replaced_and_only_by_force() -> Result<()> {
        let folder = small_set()?;
        let path = folder.path();
        assert!(message(Target::new(path, &[], false)).contains("use --force"));
        // A set of another version is a prepared set too.
        let manifest = fs::read_to_string(path.join(MANIFEST))?;
        let older = manifest.replace("\"version\": 1", "\"version\": 0");
        fs::write(path.join(MANIFEST), older)?;
        Target::new(path, &[], true)?;
        fs::write(path.join(MANIFEST), manifest)?;
        let target = Target::new(path, &[], true)?;
        // Up to here the old set is whole.
        Prepared::open(path)?;
        target.begin()?;
        assert_eq!(fs::read_dir(path)?.count(), 1);
        assert!(message(Prepared::open(path)).contains("unfinished"));
        assert!(message(Target::new(path, &[], false)).contains("an unfinished prepared set"));
        Target::new(path, &[], true)?;

        let foreign = tempdir()?;
        fs::write(foreign.path().join(MANIFEST), "{\"name\": \"page\"}")?;
        assert!(message(Target::new(foreign.path(), &[], true)).contains("did not make"));
        Ok(())
    }

    #[test]
    fn folders_that_cannot_be_written_are_refused() -> Result<()> {
        let folder = tempdir()?;
        let file = folder.path().join("file");
        fs::write(&file, "x")?;
        assert!(message(Target::new(&file, &[], true)).contains("file"));
        assert!(message(Target::new(&file.join("in"), &[], true)).contains("cannot write"));
        let inside = message(Target::new(
            &folder.path().join("out"),
            &[folder.path().into()],
            false,
        ));
        assert!(inside.contains("inside the source folder"), "{inside}");
        let set = small_set()?;
        let around = message(Target::new(set.path(), &[set.path().join("style")], true));
        assert!(around.contains("lies inside the folder"), "{around}");
        Ok(())
    }

    #[test]
    fn about_the_share_is_held_out() {
        let held = |seed| {
            let names = (0..2000).map(|index| format!("{index}.jpg"));
            let held = names.filter(|name| split_of(name, seed, 0.1) == Split::HeldOut);
            held.collect::<Vec<_>>()
        };
        assert!((150..250).contains(&held(0).len()), "{}", held(0).len());
        assert_ne!(held(0), held(1));
        assert_eq!(split_of("a.jpg", 0, 0.0), Split::Train);
    }

    #[test]
    fn names_are_plain_and_differ() {
        let name = output_name(0, "tag/schönes bild.v2.jpg");
        assert!(name.starts_with("schönes_bild_v2-"), "{name}");
        assert_ne!(output_name(0, "a.jpg"), output_name(0, "a.png"));
        assert_ne!(output_name(0, "a.jpg"), output_name(1, "a.jpg"));
        assert_eq!(output_name(0, "a.jpg"), output_name(0, "a.jpg"));
    }

    #[test]
    fn options_out_of_range_are_refused() {
        for text in ["1", "-0.1", "nan", "x"] {
            assert!(parse_share(text).is_err(), "{text}");
        }
        for text in ["-1", "inf", "x"] {
            assert!(parse_sharpness(text).is_err(), "{text}");
        }
    }
}
