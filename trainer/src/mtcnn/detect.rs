//! The cascade: P-Net over a pyramid of sizes, R-Net and O-Net over crops of what it proposes.

use anyhow::{Result, ensure};
use burn::tensor::{Device, Tensor, TensorData};
use image::RgbImage;

use super::area::{PixelRect, resize_into};
use super::boxes::{Bounds, Overlap, extent, pixel_extent, shifted, squared, suppress};
use super::networks::{ONet, PNet, RNet};
use crate::picture::tensor_values;

/// Ratio of neighbouring sizes of the pyramid.
const PYRAMID_FACTOR: f64 = 0.709;
/// Boxes that a size of the pyramid, and then the whole image, may hand on: the best ones. Photos
/// of crowds have hundreds.
const MAX_CANDIDATES: usize = 2048;
/// Crops that go through R-Net or O-Net at once.
const BATCH: usize = 128;
/// Pixels that go through P-Net at once, or 12 rows if these are more.
const STRIP_PX: usize = 1 << 19;

/// Finds upright faces and their landmarks in photos.
#[derive(Debug)]
pub struct Mtcnn {
    pnet: PNet,
    rnet: RNet,
    onet: ONet,
    device: Device,
}

/// What to look for.
#[derive(Clone, Debug, PartialEq)]
pub struct DetectOptions {
    /// Side of the smallest face in pixels, at least 12. The time of the first stage falls with its
    /// square.
    pub min_face_px: usize,
    /// Least probabilities of a face for P-, R- and O-Net, each in [0, 1].
    pub thresholds: [f32; 3],
}

/// A face that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Face {
    /// O-Net's probability that this is a face.
    pub score: f32,
    /// Left, top, right, bottom in pixels; may reach beyond the image.
    pub rect: [f32; 4],
    /// `[x, y]` in pixels from the image's top left corner, in the order of
    /// [`nijigen::face::aligned_landmarks`]; may lie outside the image.
    pub landmarks: [[f32; 2]; 5],
}

impl Default for DetectOptions {
    /// Faces from 20 pixels, and the usual thresholds 0.6, 0.7 and 0.7.
    fn default() -> Self {
        Self {
            min_face_px: 20,
            thresholds: [0.6, 0.7, 0.7],
        }
    }
}

impl DetectOptions {
    fn validate(&self) -> Result<()> {
        ensure!(
            self.min_face_px >= PNet::WINDOW_PX,
            "the smallest face is {} pixels, expected at least {}",
            self.min_face_px,
            PNet::WINDOW_PX
        );
        for threshold in self.thresholds {
            ensure!(
                (0.0..=1.0).contains(&threshold),
                "a threshold is {threshold}, expected a number from 0 to 1"
            );
        }
        Ok(())
    }
}

/// A window that P-Net takes for a face.
struct Proposal {
    rect: Bounds,
    score: f32,
    offsets: [f32; 4],
}

impl Mtcnn {
    /// The trained networks on `device`.
    ///
    /// # Errors
    /// If the weights are damaged.
    pub fn new(device: &Device) -> Result<Self> {
        Ok(Self {
            pnet: PNet::new(device)?,
            rnet: RNet::new(device)?,
            onet: ONet::new(device)?,
            device: device.clone(),
        })
    }

    /// Faces of `image`, by falling product of score and area; the same for the same image. None
    /// if the image is smaller than the smallest face.
    ///
    /// # Errors
    /// If an option is out of its range or the device fails.
    pub fn detect(&self, image: &RgbImage, options: &DetectOptions) -> Result<Vec<Face>> {
        options.validate()?;
        let [propose, refine, output] = options.thresholds;
        let proposed = self.propose(image, options.min_face_px, propose)?;
        let refined = self.refine(image, &proposed, refine)?;
        let mut faces = self.output(image, &refined, output)?;
        let weight = |face: &Face| face.score * extent(face.rect).iter().product::<f32>();
        faces.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
        Ok(faces)
    }

    /// First stage: squares that P-Net takes for faces.
    fn propose(&self, image: &RgbImage, min_face_px: usize, threshold: f32) -> Result<Vec<Bounds>> {
        let mut found = Vec::new();
        for scale in pyramid(image, min_face_px) {
            found.extend(keep(self.scan(image, scale, threshold, STRIP_PX)?, 0.5));
        }
        let mut found = keep(found, 0.7);
        found.truncate(MAX_CANDIDATES);
        let square = |p: &Proposal| squared(shifted(p.rect, p.offsets, extent(p.rect)));
        Ok(found.iter().map(square).collect())
    }

    /// The best windows of the image resized by `scale`. It goes through P-Net in strips of about
    /// `strip_px` pixels that overlap, which changes nothing: a window's result depends on its own
    /// pixels only.
    fn scan(
        &self,
        image: &RgbImage,
        scale: f64,
        threshold: f32,
        strip_px: usize,
    ) -> Result<Vec<Proposal>> {
        let (old_width, old_height) = (image.width() as usize, image.height() as usize);
        let resized = |side: usize| (side as f64 * scale + 1.0) as usize;
        let (width, height) = (resized(old_width), resized(old_height));
        let whole = PixelRect {
            x: 0..old_width,
            y: 0..old_height,
        };
        let (rows, columns) = (PNet::windows(height), PNet::windows(width));
        let overlap_px = PNet::WINDOW_PX - PNet::STRIDE_PX;
        let strip_rows = (strip_px / width)
            .saturating_sub(overlap_px)
            .div_ceil(PNet::STRIDE_PX)
            .max(1);
        let mut proposals = Vec::new();
        for first_row in (0..rows).step_by(strip_rows) {
            let top = first_row * PNet::STRIDE_PX;
            let bottom = (top + strip_rows * PNet::STRIDE_PX + overlap_px).min(height);
            let mut planes = Vec::new();
            resize_into(&mut planes, image, &whole, [height, width], top..bottom);
            let input = TensorData::new(planes, [1, 3, bottom - top, width]);
            let (probabilities, offsets) =
                self.pnet.forward(Tensor::from_data(input, &self.device));
            let (probabilities, offsets) = (tensor_values(probabilities)?, tensor_values(offsets)?);
            let cells = probabilities.len();
            for (cell, &score) in probabilities.iter().enumerate() {
                if score >= threshold {
                    proposals.push(Proposal {
                        rect: window(first_row + cell / columns, cell % columns, scale),
                        score,
                        offsets: [0, 1, 2, 3].map(|side| offsets[side * cells + cell]),
                    });
                }
            }
            proposals.sort_by(|a, b| b.score.total_cmp(&a.score));
            proposals.truncate(MAX_CANDIDATES);
        }
        Ok(proposals)
    }

    /// Second stage: those of `rects` that R-Net takes for faces, moved to where it sees them.
    fn refine(&self, image: &RgbImage, rects: &[Bounds], threshold: f32) -> Result<Vec<Bounds>> {
        let mut boxes = Vec::new();
        let mut moved = Vec::new();
        for batch in crops(image, rects).chunks(BATCH) {
            let (probabilities, offsets) =
                self.rnet.forward(self.cropped(image, batch, RNet::SIDE_PX));
            let (probabilities, offsets) = (tensor_values(probabilities)?, tensor_values(offsets)?);
            let (offsets, _) = offsets.as_chunks();
            for ((crop, &score), &offsets) in batch.iter().zip(&probabilities).zip(offsets) {
                if score > threshold {
                    boxes.push((crop.rect, score));
                    moved.push(squared(shifted(
                        crop.rect,
                        offsets,
                        pixel_extent(crop.rect),
                    )));
                }
            }
        }
        let kept = suppress(&boxes, 0.7, Overlap::Union);
        Ok(kept.into_iter().map(|index| moved[index]).collect())
    }

    /// Third stage: faces by falling score.
    fn output(&self, image: &RgbImage, rects: &[Bounds], threshold: f32) -> Result<Vec<Face>> {
        let mut faces = Vec::new();
        for batch in crops(image, rects).chunks(BATCH) {
            let (probabilities, offsets, landmarks) =
                self.onet.forward(self.cropped(image, batch, ONet::SIDE_PX));
            let probabilities = tensor_values(probabilities)?;
            let (offsets, landmarks) = (tensor_values(offsets)?, tensor_values(landmarks)?);
            let offsets = offsets.as_chunks().0.iter();
            let landmarks = landmarks.as_chunks::<10>().0.iter();
            let outputs = probabilities.iter().zip(offsets).zip(landmarks);
            for (crop, ((&score, &offsets), landmarks)) in batch.iter().zip(outputs) {
                if score > threshold {
                    let rect = crop.rect;
                    let size = pixel_extent(rect);
                    faces.push(Face {
                        score,
                        rect: shifted(rect, offsets, size),
                        landmarks: [0, 1, 2, 3, 4].map(|i| {
                            [0, 1]
                                .map(|axis| size[axis] * landmarks[5 * axis + i] + rect[axis] - 1.0)
                        }),
                    });
                }
            }
        }
        let boxes: Vec<_> = faces.iter().map(|face| (face.rect, face.score)).collect();
        let kept = suppress(&boxes, 0.7, Overlap::Smaller);
        Ok(kept.into_iter().map(|index| faces[index].clone()).collect())
    }

    /// The crops resized to a side of `side_px`: `[batch, 3, side_px, side_px]`.
    fn cropped(&self, image: &RgbImage, crops: &[Crop], side_px: usize) -> Tensor<4> {
        let mut planes = Vec::with_capacity(crops.len() * 3 * side_px * side_px);
        for crop in crops {
            let size = [side_px; 2];
            resize_into(&mut planes, image, &crop.region, size, 0..side_px);
        }
        let shape = [crops.len(), 3, side_px, side_px];
        Tensor::from_data(TensorData::new(planes, shape), &self.device)
    }
}

/// A box and what the image has of it.
struct Crop {
    rect: Bounds,
    region: PixelRect,
}

/// Crops of the boxes; those without a pixel in the image are left out.
fn crops(image: &RgbImage, rects: &[Bounds]) -> Vec<Crop> {
    // Coordinates count from 1, and both ends belong to the box.
    let side = |low: f32, high: f32, length: u32| {
        let low = (low.trunc() as i64).max(1) - 1;
        let high = (high.trunc() as i64).min(i64::from(length));
        (low < high).then_some(low as usize..high as usize)
    };
    let crop = |&rect: &Bounds| {
        let region = PixelRect {
            x: side(rect[0], rect[2], image.width())?,
            y: side(rect[1], rect[3], image.height())?,
        };
        Some(Crop { rect, region })
    };
    rects.iter().filter_map(crop).collect()
}

/// Scales that make faces of `min_face_px` and more as large as P-Net's window, the largest first.
fn pyramid(image: &RgbImage, min_face_px: usize) -> Vec<f64> {
    let window = PNet::WINDOW_PX as f64;
    let first = window / min_face_px as f64;
    let mut side = f64::from(image.width().min(image.height())) * first;
    let mut scales = Vec::new();
    let mut scale = first;
    while side >= window {
        scales.push(scale);
        scale *= PYRAMID_FACTOR;
        side *= PYRAMID_FACTOR;
    }
    scales
}

/// The pixels of the image that P-Net sees at a position when the image is resized by `scale`.
fn window(row: usize, column: usize, scale: f64) -> Bounds {
    let corner = [column, row].map(|i| (PNet::STRIDE_PX * i) as f32);
    let low = corner.map(|v| ((v + 1.0) / scale as f32).floor());
    let high = corner.map(|v| ((v + PNet::WINDOW_PX as f32) / scale as f32).floor());
    [low[0], low[1], high[0], high[1]]
}

/// Non-maximum suppression of proposals.
fn keep(proposals: Vec<Proposal>, threshold: f32) -> Vec<Proposal> {
    let boxes: Vec<_> = proposals.iter().map(|p| (p.rect, p.score)).collect();
    let mut proposals: Vec<_> = proposals.into_iter().map(Some).collect();
    suppress(&boxes, threshold, Overlap::Union)
        .into_iter()
        .filter_map(|index| proposals[index].take())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use image::imageops::{crop_imm, replace};
    use serde::Deserialize;

    use super::*;

    /// A case of make_golden.py.
    #[derive(Deserialize)]
    struct Case {
        photos: Vec<String>,
        crop: Option<[u32; 4]>,
        min_face_px: usize,
        faces: Vec<GoldenFace>,
    }

    #[derive(Deserialize)]
    struct GoldenFace {
        score: f32,
        rect: [f32; 4],
        landmarks: [[f32; 2]; 5],
    }

    impl Case {
        /// The photos side by side, cropped.
        fn image(&self) -> RgbImage {
            let photos: Vec<_> = self.photos.iter().map(|name| photo(name)).collect();
            let width = photos.iter().map(RgbImage::width).sum();
            let height = photos.iter().map(RgbImage::height).max();
            let mut image = RgbImage::new(width, height.expect("a case has photos"));
            let mut x = 0;
            for photo in &photos {
                replace(&mut image, photo, x, 0);
                x += i64::from(photo.width());
            }
            match self.crop {
                Some([x, y, width, height]) => crop_imm(&image, x, y, width, height).to_image(),
                None => image,
            }
        }
    }

    fn photo(name: &str) -> RgbImage {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
        image::open(path).expect("a committed photo").into_rgb8()
    }

    fn mtcnn() -> Mtcnn {
        Mtcnn::new(&Device::flex()).expect("the weights are sound")
    }

    fn smallest(min_face_px: usize) -> DetectOptions {
        DetectOptions {
            min_face_px,
            ..DetectOptions::default()
        }
    }

    #[test]
    fn faces_are_facenet_pytorchs() {
        let text = include_str!("../../tests/golden/mtcnn/faces.json");
        let cases: Vec<Case> = serde_json::from_str(text).expect("the golden file is sound");
        let mtcnn = mtcnn();
        for case in cases {
            let named = format!("{:?} {:?} {}", case.photos, case.crop, case.min_face_px);
            let faces = mtcnn
                .detect(&case.image(), &smallest(case.min_face_px))
                .unwrap();
            assert_eq!(faces.len(), case.faces.len(), "{named}");
            for (face, golden) in faces.iter().zip(&case.faces) {
                assert!(
                    (face.score - golden.score).abs() < 0.02,
                    "{named}: {face:?}"
                );
                let found = face.rect.iter().chain(face.landmarks.as_flattened());
                let expected = golden.rect.iter().chain(golden.landmarks.as_flattened());
                for (found, expected) in found.zip(expected) {
                    assert!(
                        (found - expected).abs() < 0.3,
                        "{named}: {found}, not {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn small_images_have_no_faces() {
        let mtcnn = mtcnn();
        for (width, height) in [(0, 0), (0, 9), (1, 1), (19, 300), (300, 19)] {
            let image = RgbImage::new(width, height);
            assert_eq!(mtcnn.detect(&image, &smallest(20)).unwrap(), []);
        }
        // Just large enough: it is looked at.
        assert_eq!(pyramid(&RgbImage::new(20, 300), 20).len(), 1);
        assert_eq!(
            mtcnn
                .detect(&RgbImage::new(20, 300), &smallest(20))
                .unwrap(),
            []
        );
    }

    #[test]
    fn strips_find_what_the_whole_image_does() {
        let image = photo("tests/browser/fixtures/astronaut-256.png");
        let mtcnn = mtcnn();
        let whole = mtcnn.scan(&image, 0.43, 0.3, usize::MAX).unwrap();
        assert!(whole.len() > 20, "{} windows", whole.len());
        for strip_px in [1, 2500] {
            let strips = mtcnn.scan(&image, 0.43, 0.3, strip_px).unwrap();
            assert_eq!(strips.len(), whole.len());
            for (a, b) in strips.iter().zip(&whole) {
                assert_eq!(a.rect, b.rect);
                assert!((a.score - b.score).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn bad_options_are_told() {
        let (mtcnn, image) = (mtcnn(), RgbImage::new(50, 50));
        let told = |options| mtcnn.detect(&image, &options).unwrap_err().to_string();
        assert!(told(smallest(11)).contains("11 pixels, expected at least 12"));
        for wrong in [f32::NAN, -0.1, 1.5] {
            let mut options = DetectOptions::default();
            options.thresholds[1] = wrong;
            assert!(told(options).contains(&format!("is {wrong}")));
        }
    }

    #[test]
    fn boxes_outside_the_image_have_no_crop() {
        let image = RgbImage::new(40, 30);
        let rects = [
            [-20.0, 5.0, -2.0, 20.0],
            [3.9, -4.0, 60.0, 12.0],
            [45.0, 2.0, 60.0, 9.0],
            [5.0, 31.0, 9.0, 40.0],
        ];
        let found = crops(&image, &rects);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].region, PixelRect { x: 2..40, y: 0..12 });
    }
}
