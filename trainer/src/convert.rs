//! `nijigen convert`: photos in, anime pictures out.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, ValueEnum};
use futures_lite::future::block_on;
use indicatif::ProgressBar;
use nijigen::engine::Progress;
use nijigen::imaging::{Photo, decode_partial};
use nijigen::pipeline::{self, FaceMode, FaceOptions, Look, Options};
use nijigen::style::{Alignment, Role};
use serde_json::{Value, json};

use crate::drawing_engine::{DeviceChoice, DrawingDevice};
use crate::folder::images_below;
use crate::painter::Painter;
use crate::photo_faces::PhotoFaces;
use crate::picture::photo_png;
use crate::progress_bar::{COUNTED, progress_bar};
use crate::shipped::StyleArgument;
use crate::write_file::write_file;

/// Ends the name of every picture that is written.
const OUTPUT_SUFFIX: &str = "-anime.png";

/// Steps of the progress bar of a single photo.
const BAR_STEPS: usize = 1000;

/// Arguments of `nijigen convert`.
#[derive(Args)]
pub struct ConvertArguments {
    /// Photos (JPEG, PNG, WebP, GIF), or folders, whose photos are taken with those of their subfolders.
    #[arg(required = true, value_name = "PHOTO")]
    photos: Vec<PathBuf>,
    /// Look: a name that "nijigen looks" lists, or the style file of another network.
    #[arg(long, alias = "style", value_name = "LOOK", default_value = "sky", value_parser = style())]
    look: StyleArgument,
    /// Folder for the pictures; made if needed.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    out: PathBuf,
    /// Longest side of the pictures in pixels; photos are never enlarged.
    #[arg(long, value_name = "PIXELS", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=8192))]
    size: u32,
    /// What becomes of faces.
    #[arg(long, value_enum, default_value_t)]
    faces: FacesChoice,
    /// The Python wheel of mediapipe 0.10.21, whose networks find the points of faces: with it, faces are drawn by a
    /// network of their own, as on the page. "pip download --no-deps mediapipe==0.10.21" fetches it.
    #[arg(long, value_name = "WHEEL")]
    models: Option<PathBuf>,
    /// That network: a name that "nijigen looks" lists, or a style file.
    #[arg(long, value_name = "STYLE", default_value = "portrait", requires = "models", value_parser = style())]
    portrait: StyleArgument,
    /// The network that tells skin and hair around such faces: a name that "nijigen looks" lists, or a style file.
    #[arg(long, value_name = "STYLE", default_value = "segmentation", requires = "models", value_parser = style())]
    segmentation: StyleArgument,
    /// How much of its own proportions a face keeps that is drawn by it: 0, those of a drawing, to 1, all.
    #[arg(long, value_name = "SHARE", default_value_t = 0.25)]
    likeness: f32,
    /// What draws them.
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
    /// Replace pictures that exist already.
    #[arg(long)]
    force: bool,
    /// Tell of each photo in a line of JSON on standard output, and nothing else there.
    #[arg(long)]
    json: bool,
}

/// Styles by their names, or files.
fn style() -> impl TypedValueParser<Value = StyleArgument> {
    OsStringValueParser::new().map(StyleArgument::from)
}

/// What is made of the faces in a photo.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum FacesChoice {
    /// No more than of the rest.
    Off,
    /// Each is also drawn by itself and put back into the whole picture.
    #[default]
    Both,
    /// The portrait of the largest is the picture.
    Faces,
}

/// What draws the photos, as the arguments say.
struct Studio {
    device: DrawingDevice,
    place: Painter,
    portrait: Option<Painter>,
    segmentation: Option<Painter>,
    /// Finds the faces, unless they are off.
    faces: Option<(FaceMode, PhotoFaces)>,
    likeness: f32,
    long_side_px: usize,
}

impl Studio {
    fn new(arguments: &ConvertArguments) -> Result<Self> {
        ensure!(
            (0.0..=1.0).contains(&arguments.likeness),
            "--likeness is {}, expected 0 to 1",
            arguments.likeness
        );
        let mode = match arguments.faces {
            FacesChoice::Off => None,
            FacesChoice::Both => Some(FaceMode::Both),
            FacesChoice::Faces => Some(FaceMode::Portrait),
        };
        let faces = match mode {
            Some(mode) => Some((mode, PhotoFaces::new(arguments.models.as_deref())?)),
            None => None,
        };
        let device = DrawingDevice::acquire(arguments.device)?;
        // Only what finds meshes of faces makes use of the networks for these.
        let for_meshes = |style: &StyleArgument, role| -> Result<Option<Painter>> {
            let models = arguments.models.as_ref();
            models
                .map(|_| Painter::of(style, role, &device))
                .transpose()
        };
        Ok(Self {
            place: Painter::of(&arguments.look, Role::Place, &device)?,
            portrait: for_meshes(&arguments.portrait, Role::Portrait)?,
            segmentation: for_meshes(&arguments.segmentation, Role::Segmentation)?,
            device,
            faces,
            likeness: arguments.likeness,
            long_side_px: arguments.size as usize,
        })
    }

    /// The picture of a photo.
    fn draw(&self, photo: Photo, progress: &mut impl Progress) -> Result<Photo> {
        let faces = match &self.faces {
            Some((mode, finder)) => Some(FaceOptions {
                mode: *mode,
                faces: finder.find(&photo)?,
                expand: Alignment::default().expand,
                likeness: self.likeness,
            }),
            None => None,
        };
        let options = Options {
            long_side_px: self.long_side_px,
            faces,
            ..Options::default()
        };
        let look = Look {
            place: self.place.network(),
            portrait: self.portrait.as_ref().map(Painter::network),
            segmentation: self.segmentation.as_ref().map(Painter::network),
        };
        Ok(block_on(pipeline::stylize(&look, photo, &options, progress))?.photo)
    }
}

/// Converts all photos; one that fails does not stop the others.
///
/// # Errors
/// If the style or the output directory cannot be used, or, after all, if a photo failed.
pub fn run(arguments: &ConvertArguments) -> Result<()> {
    let started = Instant::now();
    let studio = Studio::new(arguments)?;
    fs::create_dir_all(&arguments.out)
        .with_context(|| format!("cannot make the directory {}", arguments.out.display()))?;

    let (photos, mut failures) = expand(&arguments.photos);
    let bar = match arguments.json {
        true => ProgressBar::hidden(),
        false => bar_of(photos.len())?,
    };
    let mut taken = HashSet::new();
    let mut converted = 0;
    for Source { path, folder } in &photos {
        bar.set_message(path.display().to_string());
        let mut progress = |share: f32| {
            if photos.len() == 1 {
                bar.set_position((f64::from(share) * BAR_STEPS as f64) as u64);
            }
        };
        let out = arguments.out.join(folder);
        let begun = Instant::now();
        let done = convert_one(arguments, &studio, path, &out, &mut taken, &mut progress);
        match &done {
            Ok(_) => converted += 1,
            Err(_) => failures += 1,
        }
        if arguments.json {
            println!("{}", json_line(path, &done, begun.elapsed()));
        } else {
            match &done {
                Ok(Converted {
                    ends_early: Some(missing),
                    ..
                }) => bar.suspend(|| eprintln!("{}: {}", path.display(), warning(*missing))),
                Ok(_) => {}
                Err(error) => bar.suspend(|| eprintln!("{}: {error:#}", path.display())),
            }
        }
        if photos.len() > 1 {
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    if !arguments.json {
        println!(
            "{converted} of {} converted in {:.1} s by {}, to {}",
            counted(converted + failures),
            started.elapsed().as_secs_f64(),
            studio.device.description(),
            arguments.out.display()
        );
    }
    ensure!(
        failures == 0,
        "{} could not be converted",
        counted(failures)
    );
    Ok(())
}

/// A picture that was written.
struct Converted {
    picture: PathBuf,
    size: [usize; 2],
    /// If the photo's file ends early: the share of its rows that are missing.
    ends_early: Option<f32>,
}

/// What became of a photo, for programs.
fn json_line(photo: &Path, done: &Result<Converted>, took: Duration) -> Value {
    match done {
        Ok(Converted {
            picture,
            size: [width, height],
            ends_early,
        }) => json!({
            "photo": photo.to_string_lossy(),
            "picture": picture.to_string_lossy(),
            "width": width,
            "height": height,
            "seconds": took.as_secs_f64(),
            "missing": ends_early,
        }),
        Err(error) => json!({
            "photo": photo.to_string_lossy(),
            "error": format!("{error:#}"),
            "code": error.chain().find_map(|cause| cause.downcast_ref()).map(nijigen::Error::code),
        }),
    }
}

fn counted(photos: usize) -> String {
    match photos {
        1 => "1 photo".into(),
        many => format!("{many} photos"),
    }
}

/// A photo, and the subdirectory of the output directory that its picture goes to.
struct Source {
    path: PathBuf,
    folder: PathBuf,
}

/// The photos that the arguments name, directories replaced by the photos in them, each file
/// once. What cannot be listed is reported and counted.
fn expand(arguments: &[PathBuf]) -> (Vec<Source>, usize) {
    let mut photos = Vec::new();
    let mut failures = 0;
    for path in arguments {
        if !path.is_dir() {
            photos.push(Source {
                path: path.clone(),
                folder: PathBuf::new(),
            });
            continue;
        }
        match photos_of(path) {
            Ok(found) => photos.extend(found),
            Err(error) => {
                eprintln!("{}: {error:#}", path.display());
                failures += 1;
            }
        }
    }
    let mut seen = HashSet::new();
    photos.retain(|Source { path, .. }| {
        seen.insert(fs::canonicalize(path).unwrap_or_else(|_| path.clone()))
    });
    (photos, failures)
}

/// Photos in a directory and its subdirectories; pictures that this program made are left out.
fn photos_of(directory: &Path) -> Result<Vec<Source>> {
    let mut photos = images_below(directory)?;
    photos.retain(|path| !is_output(path));
    ensure!(!photos.is_empty(), "the directory has no photos");
    let source = |path: PathBuf| {
        let inside = path.strip_prefix(directory).ok().and_then(Path::parent);
        Source {
            folder: inside.unwrap_or(Path::new("")).to_owned(),
            path,
        }
    };
    Ok(photos.into_iter().map(source).collect())
}

/// What is said of a photo whose file ends early, with so large a share of its rows missing.
fn warning(missing: f32) -> String {
    if missing == 0.0 {
        return "the file ends early: the picture is less sharp than it could be".into();
    }
    format!(
        "the file ends early: {:.0} % of the photo's rows are missing",
        100.0 * missing
    )
}

fn is_output(path: &Path) -> bool {
    let name = path.to_string_lossy().to_lowercase();
    name.ends_with(OUTPUT_SUFFIX)
}

/// A bar for the work on one photo, or one that counts many.
fn bar_of(photos: usize) -> Result<ProgressBar> {
    match photos {
        1 => progress_bar(BAR_STEPS, "{percent:>3} % {wide_msg}"),
        many => progress_bar(many, COUNTED),
    }
}

/// Converts one photo, into the directory `out`, which is made if needed. `taken` holds the outputs of this run,
/// as file systems without upper case see them.
fn convert_one(
    arguments: &ConvertArguments,
    studio: &Studio,
    path: &Path,
    out: &Path,
    taken: &mut HashSet<String>,
    progress: &mut impl Progress,
) -> Result<Converted> {
    let Some(stem) = path.file_stem() else {
        bail!("it has no file name");
    };
    let mut name = OsString::from(stem);
    name.push(OUTPUT_SUFFIX);
    let output = out.join(&name);
    ensure!(
        taken.insert(output.to_string_lossy().to_lowercase()),
        "its picture would replace {}, made from another photo of this run; rename one of them",
        output.display()
    );
    ensure!(
        arguments.force || !output.exists(),
        "{} exists already; use --force to replace it",
        output.display()
    );
    let decoded = decode_partial(&fs::read(path).context("cannot read the file")?)?;
    let drawn = studio.draw(decoded.photo, progress)?;
    let picture = photo_png(&drawn)?;
    fs::create_dir_all(out)
        .with_context(|| format!("cannot make the directory {}", out.display()))?;
    write_file(&output, &picture)?;
    Ok(Converted {
        picture: output,
        size: [drawn.width(), drawn.height()],
        ends_early: decoded.ends_early,
    })
}
