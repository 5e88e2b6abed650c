//! `nijigen prepare`: folders of photos and style images become a prepared set for training.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use image::RgbImage;
use rayon::prelude::*;

use crate::data::clusters::{Clustering, StyleDescriptor, k_means};
use crate::data::colour_descriptor::ColourDescriptor;
use crate::data::contact_sheet::{THUMBNAIL_PX, chosen, contact_sheet, encode_jpeg};
use crate::data::duplicates::{Candidate, find_duplicates, perceptual_hash};
use crate::data::edge_smooth::edge_smooth;
use crate::data::face_finder::{MtcnnFinder, cut_out_face};
use crate::data::faces::{CutOutFace, FaceFinder};
use crate::data::gram_descriptor::GramDescriptor;
use crate::data::prepared::{
    Blurred, CLUSTERS, Cluster, DuplicateOf, Entry, Kind, LeftOut, Manifest, Options, Origin,
    SMOOTH, Skipped, Split, Target, output_name, split_of,
};
use crate::data::scan::{ImageFile, fit, list, load, only_listed};
use crate::data::sharpness::{SCALE_PX, sharpness};
use crate::progress_bar::{COUNTED, progress_bar};

/// Faces narrower than this in the original photo are not cut out: enlarged to the crop's 256
/// pixels they would be blurred.
const MIN_FACE_PX: f32 = 64.0;

/// Arguments of `nijigen prepare`.
#[derive(Args)]
pub struct PrepareArguments {
    #[command(flatten)]
    options: Options,
    /// Folder for the prepared set; made if needed.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Replace the prepared set that is there.
    #[arg(long)]
    force: bool,
}

/// What looks into the images.
struct Tools<'a> {
    descriptor: &'a dyn StyleDescriptor,
    /// Without one, no faces are cut out.
    faces: Option<(&'a dyn FaceFinder, CutOutFace)>,
}

/// Prepares a set and tells what is in it.
///
/// # Errors
/// If a folder or an option cannot be used, or if no usable photo or style image is left.
pub fn run(arguments: &PrepareArguments) -> Result<()> {
    let finder = MtcnnFinder::new()?;
    let gram = GramDescriptor::open(arguments.options.seed);
    let descriptor: &dyn StyleDescriptor = match &gram {
        Ok(gram) => gram,
        Err(error) => {
            eprintln!("style images are sorted by colour, not by strokes: {error:#}");
            &ColourDescriptor
        }
    };
    let tools = Tools {
        descriptor,
        faces: Some((&finder, cut_out_face)),
    };
    let manifest = prepare(arguments, &tools)?;
    print_summary(&manifest, &arguments.out, tools.faces.is_some());
    Ok(())
}

fn prepare(arguments: &PrepareArguments, tools: &Tools) -> Result<Manifest> {
    let options = &arguments.options;
    let inputs = [options.photos.as_slice(), &options.style].concat();
    let photos = list(&options.photos)?;
    let mut style = list(&options.style)?;
    if let Some(csv) = &options.style_list {
        style = only_listed(style, csv)?;
    }
    let target = Target::new(&arguments.out, &inputs, arguments.force)?;

    let mut left_out = LeftOut::default();
    let photos = usable(Kind::Photo, &photos, options, &mut left_out)?;
    let style = usable(Kind::Style, &style, options, &mut left_out)?;
    let clustering = cluster(&style, options, tools.descriptor)?;
    let kept = kept_clusters(options, clustering.sizes.len())?;

    target.begin()?;
    write_contact_sheets(&target, &style, &clustering)?;
    let style: Vec<Image> = style
        .into_iter()
        .zip(&clustering.assignments)
        .filter(|(_, cluster)| kept[**cluster])
        .map(|(image, &cluster)| Image {
            cluster: Some(cluster),
            ..image
        })
        .collect();
    let mut entries = write_images(&target, &[photos.as_slice(), &style].concat(), options)?;
    if let Some((finder, cut_out)) = tools.faces {
        let crops = write_faces(&target, &photos, &mut entries, finder, cut_out)?;
        entries.extend(crops);
    }
    let clusters = clustering
        .sizes
        .iter()
        .zip(kept)
        .map(|(&images, kept)| Cluster { images, kept })
        .collect();
    let manifest = Manifest::new(
        options.clone(),
        tools.descriptor.name(),
        clusters,
        entries,
        left_out,
    );
    target.finish(&manifest)?;
    Ok(manifest)
}

/// An image that can be read, and what was measured on it.
#[derive(Clone)]
struct Image {
    path: PathBuf,
    origin: Origin,
    sharpness: f32,
    cluster: Option<usize>,
}

/// Measures every source and leaves out the unreadable, the blurred and the duplicates.
fn usable(
    kind: Kind,
    sources: &[ImageFile],
    options: &Options,
    left_out: &mut LeftOut,
) -> Result<Vec<Image>> {
    let bar =
        progress_bar(sources.len(), COUNTED)?.with_message(format!("looking at {}", kind.folder()));
    // Only the measurements stay in memory: each image is read again when it is written.
    let measured: Vec<Result<Candidate>> = sources
        .par_iter()
        .map(|source| {
            let candidate = measure(&source.path);
            bar.inc(1);
            candidate
        })
        .collect();
    bar.finish_and_clear();

    let mut images = Vec::new();
    let mut candidates = Vec::new();
    for (source, measured) in sources.iter().zip(measured) {
        let origin = Origin {
            kind,
            folder: source.folder,
            source: source.relative.clone(),
        };
        match measured {
            Err(error) => left_out.skipped.push(Skipped {
                origin,
                reason: format!("{error:#}"),
            }),
            Ok(candidate)
                if options
                    .min_sharpness
                    .is_some_and(|min| candidate.sharpness < min) =>
            {
                left_out.blurred.push(Blurred {
                    origin,
                    sharpness: candidate.sharpness,
                });
            }
            Ok(candidate) => {
                candidates.push(candidate);
                images.push(Image {
                    path: source.path.clone(),
                    origin,
                    sharpness: candidate.sharpness,
                    cluster: None,
                });
            }
        }
    }
    ensure!(
        !images.is_empty(),
        "no usable images for {}: {} of {} cannot be read, {} are not sharp enough{}",
        kind.folder(),
        left_out
            .skipped
            .iter()
            .filter(|s| s.origin.kind == kind)
            .count(),
        sources.len(),
        left_out
            .blurred
            .iter()
            .filter(|b| b.origin.kind == kind)
            .count(),
        match left_out.skipped.iter().find(|s| s.origin.kind == kind) {
            Some(first) => format!(" ({}: {})", first.origin.source, first.reason),
            None => String::new(),
        }
    );
    let duplicates = find_duplicates(&candidates, options.duplicate_distance);
    for duplicate in &duplicates {
        left_out.duplicates.push(DuplicateOf {
            origin: images[duplicate.index].origin.clone(),
            of: images[duplicate.of].origin.clone(),
            distance: duplicate.distance,
        });
    }
    let doubled: HashSet<usize> = duplicates.iter().map(|d| d.index).collect();
    let indexed = images.into_iter().enumerate();
    Ok(indexed
        .filter(|(index, _)| !doubled.contains(index))
        .map(|(_, image)| image)
        .collect())
}

fn measure(path: &Path) -> Result<Candidate> {
    let photo = load(path)?;
    let pixels = photo.width() as u64 * photo.height() as u64;
    let image = fit(photo, SCALE_PX)?;
    Ok(Candidate {
        hash: perceptual_hash(&image),
        pixels,
        sharpness: sharpness(&image),
    })
}

/// Sorts style images by their look.
fn cluster(
    style: &[Image],
    options: &Options,
    descriptor: &dyn StyleDescriptor,
) -> Result<Clustering> {
    let bar = progress_bar(style.len(), COUNTED)?
        .with_message(format!("describing ({})", descriptor.name()));
    let mut vectors = Vec::new();
    for image in style {
        let pixels = read_again(image, options.long_side)?;
        let vector = descriptor.describe(&pixels);
        vectors.push(vector.with_context(|| format!("cannot describe {}", image.path.display()))?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    k_means(&vectors, options.clusters as usize, options.seed)
}

/// For each cluster whether its images are used.
fn kept_clusters(options: &Options, clusters: usize) -> Result<Vec<bool>> {
    let Some(wanted) = &options.keep_clusters else {
        return Ok(vec![true; clusters]);
    };
    let mut kept = vec![false; clusters];
    for &cluster in wanted {
        ensure!(
            cluster < clusters,
            "--keep-clusters names cluster {cluster}, but the clusters are 0 to {}",
            clusters - 1
        );
        kept[cluster] = true;
    }
    Ok(kept)
}

/// One sheet a cluster, kept or not, from its most typical image to its least.
fn write_contact_sheets(target: &Target, style: &[Image], clustering: &Clustering) -> Result<()> {
    for cluster in 0..clustering.sizes.len() {
        let assignments = clustering.assignments.iter().enumerate();
        let mut members: Vec<usize> = assignments
            .filter(|(_, assigned)| **assigned == cluster)
            .map(|(index, _)| index)
            .collect();
        let distance = |index: &usize| clustering.distances[*index];
        members.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
        let shown: Vec<usize> = chosen(members.len()).map(|place| members[place]).collect();
        let thumbnails: Vec<RgbImage> = shown
            .par_iter()
            .map(|&index| read_again(&style[index], THUMBNAIL_PX))
            .collect::<Result<_>>()?;
        let jpeg = encode_jpeg(&contact_sheet(&thumbnails))?;
        target.write(&format!("{CLUSTERS}/cluster_{cluster}.jpg"), &jpeg)?;
    }
    Ok(())
}

/// Writes photos and style images, the latter with their edge-smoothed copies.
fn write_images(target: &Target, images: &[Image], options: &Options) -> Result<Vec<Entry>> {
    let bar = progress_bar(images.len(), COUNTED)?.with_message("writing images");
    let entries: Vec<Entry> = images
        .par_iter()
        .map(|image| {
            let entry = write_image(target, image, options);
            bar.inc(1);
            entry
        })
        .collect::<Result<_>>()?;
    bar.finish_and_clear();
    let mut files = HashSet::new();
    for entry in &entries {
        ensure!(
            files.insert(entry.file.to_lowercase()),
            "two images would be named {}; rename {}",
            entry.file,
            entry.origin.source
        );
    }
    Ok(entries)
}

fn write_image(target: &Target, image: &Image, options: &Options) -> Result<Entry> {
    let pixels = read_again(image, options.long_side)?;
    let origin = image.origin.clone();
    let name = output_name(origin.folder, &origin.source);
    let file = format!("{}/{name}.png", origin.kind.folder());
    let sha256 = target.write_png(&file, &pixels)?;
    let (split, smooth) = if origin.kind == Kind::Style {
        let smooth = format!("{SMOOTH}/{name}.png");
        target.write_png(&smooth, &edge_smooth(&pixels))?;
        (Split::Train, Some(smooth))
    } else {
        (
            split_of(&origin.source, options.seed, options.hold_out),
            None,
        )
    };
    Ok(Entry {
        file,
        origin,
        split,
        width: pixels.width(),
        height: pixels.height(),
        sha256,
        sharpness: image.sharpness,
        cluster: image.cluster,
        smooth,
        faces: Vec::new(),
    })
}

/// Finds the faces of the photos (`entries` begins with theirs) and writes a crop of each that is
/// large enough and looks ahead. They are found in the prepared photo and cut out of the original, whose
/// resolution is higher.
fn write_faces(
    target: &Target,
    photos: &[Image],
    entries: &mut [Entry],
    finder: &dyn FaceFinder,
    cut_out: CutOutFace,
) -> Result<Vec<Entry>> {
    let bar = progress_bar(photos.len(), COUNTED)?.with_message("finding faces");
    let mut crops = Vec::new();
    for (photo, entry) in photos.iter().zip(entries) {
        let named = || format!("cannot find faces in {}", photo.path.display());
        let original = load(&photo.path).with_context(named)?;
        let factor = original.width() as f32 / entry.width as f32;
        let prepared = fit(original.clone(), entry.width.max(entry.height))?;
        entry.faces = finder.faces(&prepared).with_context(named)?;
        let large = entry.faces.iter().map(|face| face.scaled(factor));
        for (index, face) in large
            .filter(|face| face.rect.width >= MIN_FACE_PX)
            .enumerate()
        {
            let Some(crop) = cut_out(&original, &face).with_context(named)? else {
                continue;
            };
            let name = output_name(photo.origin.folder, &photo.origin.source);
            let file = format!("{}/{name}-{index}.png", Kind::Face.folder());
            crops.push(Entry {
                sha256: target.write_png(&file, &crop.image)?,
                file,
                origin: Origin {
                    kind: Kind::Face,
                    ..photo.origin.clone()
                },
                split: entry.split,
                width: crop.image.width(),
                height: crop.image.height(),
                sharpness: sharpness(&crop.image),
                cluster: None,
                smooth: None,
                faces: vec![crop.face],
            });
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(crops)
}

/// Reads an image that could be read before.
fn read_again(image: &Image, long_side_px: u32) -> Result<RgbImage> {
    load(&image.path)
        .and_then(|photo| fit(photo, long_side_px))
        .with_context(|| format!("{} changed meanwhile", image.path.display()))
}

fn print_summary(manifest: &Manifest, out: &Path, searched_faces: bool) {
    for Skipped { origin, reason } in &manifest.skipped {
        eprintln!("skipped {}: {reason}", origin.source);
    }
    let counts = &manifest.counts;
    let clusters = manifest.clusters.len();
    if clusters < manifest.options.clusters as usize {
        eprintln!(
            "note: {clusters} clusters instead of {}: there are not more images that look different",
            manifest.options.clusters
        );
    }
    if counts.held_out == counts.photos {
        eprintln!("note: every photo is held out, none is left for training; use another --seed");
    } else if counts.held_out == 0 && manifest.options.hold_out > 0.0 {
        eprintln!("note: no photo is held out: there are too few");
    }
    let sizes: Vec<String> = manifest
        .clusters
        .iter()
        .enumerate()
        .map(|(index, cluster)| {
            let kept = if cluster.kept { "" } else { ", left out" };
            format!("{index} ({} images{kept})", cluster.images)
        })
        .collect();
    println!("prepared {}", out.display());
    println!(
        "photos        {} ({} held out)",
        counts.photos, counts.held_out
    );
    match searched_faces {
        true => println!("faces         {}", counts.faces),
        false => println!("faces         0 (no face finder)"),
    }
    println!("style images  {}", counts.style);
    println!(
        "clusters      {} (by {})",
        sizes.join(", "),
        manifest.descriptor
    );
    println!("skipped       {}", counts.skipped);
    println!("duplicates    {}", counts.duplicates);
    println!("blurred       {}", counts.blurred);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::faces::{AlignedFace, FoundFace, Rect};
    use crate::data::prepared::Prepared;
    use crate::picture::to_rgb;
    use anyhow::bail;
    use clap::Parser;
    use image::Rgb;
    use image::imageops::crop_imm;
    use nijigen::imaging::Photo;
    use tempfile::tempdir;

    #[derive(Parser)]
    struct CommandLine {
        #[command(flatten)]
        arguments: PrepareArguments,
    }

    /// A picture with a red square of the given side at (40, 30).
    fn with_square(width: u32, height: u32, side: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            if (40..40 + side).contains(&x) && (30..30 + side).contains(&y) {
                Rgb([255, 0, 0])
            } else {
                Rgb([0, (x * 255 / width) as u8, (y * 255 / height) as u8])
            }
        })
    }

    /// Takes red squares for faces, and their centre and corners for landmarks.
    struct Squares;

    impl FaceFinder for Squares {
        fn faces(&self, image: &RgbImage) -> Result<Vec<FoundFace>> {
            let red = image
                .enumerate_pixels()
                .filter(|(_, _, pixel)| pixel[0] > 128);
            let red: Vec<(f32, f32)> = red.map(|(x, y, _)| (x as f32, y as f32)).collect();
            let (Some(&(left, top)), Some(&(right, bottom))) = (red.first(), red.last()) else {
                return Ok(Vec::new());
            };
            let (right, bottom) = (right + 1.0, bottom + 1.0);
            let middle = [(left + right) / 2.0, (top + bottom) / 2.0];
            Ok(vec![FoundFace {
                rect: Rect {
                    x: left,
                    y: top,
                    width: right - left,
                    height: bottom - top,
                },
                landmarks: [
                    [left, top],
                    [right, top],
                    middle,
                    [left, bottom],
                    [right, bottom],
                ],
            }])
        }
    }

    /// Cuts out the square between the outer landmarks.
    fn cut(photo: &Photo, face: &FoundFace) -> Result<Option<AlignedFace>> {
        let image = to_rgb(photo)?;
        let [[left, top], _, _, _, [right, bottom]] = face.landmarks;
        let (width, height) = ((right - left) as u32, (bottom - top) as u32);
        let image = crop_imm(&image, left as u32, top as u32, width, height).to_image();
        let Some(face) = Squares.faces(&image)?.pop() else {
            bail!("no square at {left}, {top}");
        };
        Ok(Some(AlignedFace { image, face }))
    }

    #[test]
    fn faces_are_cut_out_of_the_originals() -> Result<()> {
        let folder = tempdir()?;
        let (photos, style, out) = (
            folder.path().join("photos"),
            folder.path().join("style"),
            folder.path().join("out"),
        );
        std::fs::create_dir_all(&photos)?;
        std::fs::create_dir_all(&style)?;
        // Twice the long side: the square of 80 pixels has 40 in the prepared photo.
        with_square(256, 192, 80).save(photos.join("large.png"))?;
        // Below the smallest size for a crop; recorded, not cut out.
        with_square(120, 100, 20).save(photos.join("small.png"))?;
        with_square(96, 128, 50).save(style.join("style.png"))?;
        let line = CommandLine::try_parse_from([
            "prepare".as_ref(),
            "--photos".as_ref(),
            photos.as_os_str(),
            "--style".as_ref(),
            style.as_os_str(),
            "--out".as_ref(),
            out.as_os_str(),
            "--long-side=128".as_ref(),
            "--duplicate-distance=0".as_ref(),
        ])?;
        let tools = Tools {
            descriptor: &ColourDescriptor,
            faces: Some((&Squares, cut)),
        };
        prepare(&line.arguments, &tools)?;

        let manifest = Prepared::open(&out)?.manifest;
        assert_eq!((manifest.counts.photos, manifest.counts.faces), (2, 1));
        let [large, small, _, face] = manifest.entries.as_slice() else {
            bail!("{} entries", manifest.entries.len());
        };
        assert_eq!((large.width, large.height), (128, 96));
        let rect = large.faces[0].rect;
        for (value, expected) in [(rect.x, 20.0), (rect.y, 15.0), (rect.width, 40.0)] {
            assert!((value - expected).abs() <= 1.0, "{rect:?}");
        }
        assert_eq!(small.faces[0].rect.width, 20.0);
        assert_eq!(face.origin.source, "large.png");
        assert_eq!(face.split, large.split);
        assert!((76..=84).contains(&face.width), "{}", face.width);
        // The crop has the original's pixels.
        let crop = image::open(out.join(&face.file))?.into_rgb8();
        assert_eq!(crop[(40, 40)], Rgb([255, 0, 0]));
        assert_eq!(crop.width(), face.width);
        assert!((face.faces[0].landmarks[2][0] - 40.0).abs() <= 3.0);
        Ok(())
    }
}
