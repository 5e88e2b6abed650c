//! Two pictures of one size into one.

use fearless_simd::Level;

use super::Photo;
use crate::kernels::blend::{ToneChange, blend_rgba8};

/// Moves the colours of `photo` towards those of `picture`, of the same size, by the share
/// `strength` (0 to 1). Alpha stays.
///
/// # Panics
/// If the sizes differ: a mistake of the caller.
pub fn mix(photo: &mut Photo, picture: &Photo, strength: f32) {
    let width = photo.width();
    let weights = vec![strength; width];
    let unchanged = ToneChange {
        gain: 1.0,
        shift: [0.0; 3],
    };
    let level = Level::new();
    assert_eq!(
        (width, photo.height()),
        (picture.width(), picture.height()),
        "pictures to be mixed"
    );
    let rows = photo.pixels_mut().chunks_exact_mut(width);
    for (row, over) in rows.zip(picture.pixels().chunks_exact(width)) {
        blend_rgba8(level, row, over, &weights, unchanged);
    }
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
            let mut mixed = under.clone();
            mix(&mut mixed, &over, strength);
            for pixel in mixed.pixels() {
                let near = |(a, b): (&u8, &u8)| a.abs_diff(*b) <= 1;
                assert!(
                    pixel.iter().zip(&expected).all(near),
                    "{strength}: {pixel:?}"
                );
            }
        }
    }
}
