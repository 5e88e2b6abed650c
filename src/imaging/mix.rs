//! Two pictures of one size into one.

use fearless_simd::Level;

use super::Photo;
use crate::error::{Error, Result};
use crate::kernels::blend::{ToneChange, blend_rgba8};

/// Makes of `picture` its mixture with `photo`, of the same size: the photo's colours, moved towards
/// the picture's by the share `strength` (0 to 1), and the photo's alpha.
///
/// # Errors
/// [`Error::ArgumentInvalid`] if the sizes differ.
pub fn mix(photo: &Photo, picture: &mut Photo, strength: f32) -> Result<()> {
    let width = photo.width();
    if (width, photo.height()) != (picture.width(), picture.height()) {
        return Err(Error::ArgumentInvalid(format!(
            "a photo of {width} x {} pixels to be mixed with a picture of {} x {}",
            photo.height(),
            picture.width(),
            picture.height()
        )));
    }
    let weights = vec![strength; width];
    let unchanged = ToneChange {
        gain: 1.0,
        shift: [0.0; 3],
    };
    let level = Level::new();
    let mut mixed = vec![[0; 4]; width];
    let rows = picture.pixels_mut().chunks_exact_mut(width);
    for (row, under) in rows.zip(photo.pixels().chunks_exact(width)) {
        mixed.copy_from_slice(under);
        blend_rgba8(level, &mut mixed, row, &weights, unchanged);
        row.copy_from_slice(&mixed);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_move_by_the_share_and_alpha_stays() {
        let under = Photo::new(7, 3, [0, 100, 200, 40].repeat(21)).unwrap();
        let over = Photo::new(7, 3, [100, 0, 250, 255].repeat(21)).unwrap();
        for (strength, expected) in [
            (0.0, [0, 100, 200, 40]),
            (0.25, [25, 75, 213, 40]),
            (1.0, [100, 0, 250, 40]),
        ] {
            let mut mixed = over.clone();
            mix(&under, &mut mixed, strength).unwrap();
            for pixel in mixed.pixels() {
                let near = |(a, b): (&u8, &u8)| a.abs_diff(*b) <= 1;
                assert!(
                    pixel.iter().zip(&expected).all(near),
                    "{strength}: {pixel:?}"
                );
            }
        }
    }

    #[test]
    fn pictures_of_other_sizes_are_refused() {
        let photo = Photo::new(7, 3, vec![0; 84]).unwrap();
        let mut turned = Photo::new(3, 7, vec![0; 84]).unwrap();
        let error = mix(&photo, &mut turned, 0.5).unwrap_err();
        assert_eq!(error.code(), "argument-invalid");
        assert!(error.to_string().contains("7 x 3"), "{error}");
    }
}
