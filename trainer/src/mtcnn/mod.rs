//! Finding faces in photos and turning them upright: MTCNN (Zhang et al. 2016, arXiv:1604.02878)
//! with the weights and the behaviour of facenet-pytorch 2.6.0. It does not work on drawings.

pub mod align;
mod area;
mod boxes;
pub mod detect;
mod networks;
mod weights;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use burn::tensor::Device;
    use nijigen::face::aligned_landmarks;
    use nijigen::geometry::SimilarityTransform;

    use super::align::align_face;
    use super::detect::{DetectOptions, Mtcnn};

    #[test]
    fn an_aligned_face_has_its_landmarks_where_they_belong() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../www/samples/astronaut.jpg");
        let photo = image::open(path).expect("a committed photo").into_rgb8();
        let mtcnn = Mtcnn::new(&Device::flex()).expect("the weights are sound");
        let options = DetectOptions {
            min_face_px: 60,
            ..DetectOptions::default()
        };
        let face = &mtcnn.detect(&photo, &options).unwrap()[0];
        let aligned = align_face(&photo, &face.landmarks, 192).unwrap();
        let again = &mtcnn.detect(&aligned, &options).unwrap()[0];
        // A face has not quite the template's proportions.
        let to_aligned = SimilarityTransform::fit(&face.landmarks, &aligned_landmarks(192.0));
        let expected = face.landmarks.map(|p| to_aligned.expect("a face").apply(p));
        for (found, expected) in again.landmarks.iter().zip(&expected) {
            let distance = (found[0] - expected[0]).hypot(found[1] - expected[1]);
            assert!(distance < 3.0, "{found:?}, not {expected:?}");
        }
    }
}
