//! `nijigen evaluate --faces`: portrait styles on pairs of faces, as the pipeline draws them, beside the
//! targets and the photos.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use futures_lite::future::block_on;
use image::RgbImage;
use nijigen::drawing::frame::Frame;
use nijigen::drawing::has_iris;
use nijigen::drawing::palette::skin_colour;
use nijigen::drawing::typology::{CLASSES, typology_angle, typology_class};
use nijigen::face::GUIDE_PLANES;
use nijigen::face::mesh::distance;
use nijigen::style::Style;

use super::command::{EvaluateArguments, print, save_picture};
use super::drawn_eyes::DrawnEye;
use super::drawn_skin::SkinArea;
use super::mesh_displacement::mesh_displacement;
use super::portrait_metrics::{DrawnFace, portrait_metrics};
use super::table::Row;
use crate::colour::lab::lab_pixels;
use crate::data::face_finder::MtcnnFinder;
use crate::data::faces::{FaceFinder, FoundFace};
use crate::data::spread::spread;
use crate::dense::{DenseLandmarks, Models};
use crate::drawing_engine::DrawingDevice;
use crate::painter::Painter;
use crate::picture::{to_photo, to_rgb};
use crate::progress_bar::{COUNTED, progress_bar};
use crate::style_file::write_metrics;
use crate::train::{Pair, read_landmarks};

/// Evaluates on the pairs of a folder and prints the table. A style has two rows: as it is used, and
/// what its network draws by itself, before tones, lines and features are drawn over it.
///
/// # Errors
/// If a file cannot be read, a pair has no landmarks, or a style takes no guide planes.
pub fn run(
    arguments: &EvaluateArguments,
    styles: &[(PathBuf, Style)],
    pairs: &Path,
    wheel: &Path,
) -> Result<()> {
    let mut pairs = Pair::list(pairs)?;
    if let Some(limit) = arguments.limit.filter(|&limit| limit > 0) {
        pairs = spread(pairs, limit);
    }
    let faces: Vec<Face> = pairs.iter().map(Face::open).collect::<Result<_>>()?;
    let detector = Detector::new(wheel)?;
    let row = |name: &str, make: &dyn Fn(&Face) -> Result<RgbImage>| -> Result<Row> {
        let bar = progress_bar(faces.len(), COUNTED)?.with_message(name.to_owned());
        let mut drawn = Vec::new();
        for (i, face) in faces.iter().enumerate() {
            let picture = make(face)?;
            drawn.push(face.measure(&picture, &detector)?);
            save_picture(arguments, name, i, &picture)?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(Row {
            name: name.to_owned(),
            metrics: portrait_metrics(&drawn),
        })
    };

    let mut rows = vec![
        row("targets", &|face| Ok(face.target.clone()))?,
        row("photos", &|face| Ok(face.photo.clone()))?,
    ];
    for (path, style) in styles {
        ensure!(
            style.generator().input_channels == 3 + GUIDE_PLANES,
            "{} takes no guide planes; --faces is for portrait styles",
            path.display()
        );
        let painter =
            Painter::new(style, &DrawingDevice::Cpu).with_context(|| path.display().to_string())?;
        let network = painter.network();
        let name = &style.header().name;
        let used = row(name, &|face| {
            let (crop, mut silent) = (to_photo(&face.photo)?, |_| {});
            let drawing = network.draw_portrait(crop, &face.frame.points, None, 0, &mut silent);
            to_rgb(&block_on(drawing)?)
        })?;
        if arguments.write {
            write_metrics(path, style, used.metrics.clone())?;
        }
        rows.push(used);
        rows.push(row(&format!("{name}, network alone"), &|face| {
            let (crop, mut silent) = (to_photo(&face.photo)?, |_| {});
            let drawing = network.draw_guided(crop, &face.frame.points, 0, &mut silent);
            to_rgb(&block_on(drawing)?)
        })?);
    }
    let classes = CLASSES.iter().enumerate().map(|(class, name)| {
        let count = faces.iter().filter(|face| face.skin_class == class);
        format!("{} {}", count.count(), name.replace('_', " "))
    });
    let classes = classes.collect::<Vec<_>>().join(", ");
    print(
        arguments,
        &format!("{} faces; skin: {classes}", faces.len()),
        &rows,
    )
}

/// A pair, and where its face has what.
struct Face {
    photo: RgbImage,
    target: RgbImage,
    frame: Frame,
    skin: Option<SkinArea>,
    /// Class of the skin in the photo, an index of [`CLASSES`].
    skin_class: usize,
}

impl Face {
    fn open(pair: &Pair) -> Result<Self> {
        let (photo, target, _) = pair.open()?;
        let named = || pair.photo.display().to_string();
        let landmarks = pair.landmarks.as_ref().context("it has no landmarks");
        let points = read_landmarks(landmarks.with_context(named)?)?;
        let frame = Frame::new(photo.width() as usize, &points);
        let frame = frame.context("it has no face").with_context(named)?;
        let cheeks = skin_colour(&frame, &lab_pixels(&photo));
        Ok(Self {
            skin: SkinArea::of(&frame, &target),
            skin_class: typology_class(typology_angle(cheeks)),
            photo,
            target,
            frame,
        })
    }

    fn measure(&self, picture: &RgbImage, detector: &Detector) -> Result<DrawnFace> {
        let lab = lab_pixels(picture);
        let eye =
            |side| has_iris(&self.frame, side).then(|| DrawnEye::find(&self.frame, side, &lab));
        let skin = self.skin.as_ref().map(|skin| skin.measure(picture));
        let found = detector.find(picture, &self.frame)?;
        let width_px = self.frame.unit();
        Ok(DrawnFace {
            eyes: [0, 1].map(eye),
            skin: skin.transpose()?,
            skin_class: self.skin_class,
            displacement: found
                .map(|found| mesh_displacement(&self.frame.points, &found, width_px)),
        })
    }
}

/// What finds faces without knowing where they are.
struct Detector {
    finder: MtcnnFinder,
    mesh: DenseLandmarks,
}

impl Detector {
    fn new(wheel: &Path) -> Result<Self> {
        Ok(Self {
            finder: MtcnnFinder::new()?,
            mesh: DenseLandmarks::new(&Models::from_wheel(wheel)?)?,
        })
    }

    /// The mesh of the face that is nearest to where it should be, if it is less than half its width off
    /// and the mesh is sure of it.
    fn find(&self, picture: &RgbImage, expected: &Frame) -> Result<Option<Vec<[f32; 2]>>> {
        let off = |face: &FoundFace| {
            let rect = face.rect;
            let middle = [rect.x + rect.width / 2.0, rect.y + rect.height / 2.0];
            distance(middle, expected.face.center)
        };
        let faces = self.finder.faces(picture)?.into_iter();
        let nearest = faces.min_by(|a, b| off(a).total_cmp(&off(b)));
        match nearest.filter(|face| off(face) < expected.unit() / 2.0) {
            Some(face) => self.mesh.find(&to_photo(picture)?, &face.landmarks),
            None => Ok(None),
        }
    }
}
