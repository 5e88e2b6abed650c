//! Pictures by an engine, and how much two of them differ.

use anyhow::Result;
use futures_lite::future::block_on;
use nijigen::engine::Engine;
use nijigen::imaging::Photo;
use nijigen::pipeline::{self, Look, Network, Options};
use nijigen::style::StyleHeader;

/// What the engine of a style makes of a photo whose longer side is at most `long_side_px`.
///
/// # Errors
/// If the engine fails.
pub fn picture(
    engine: &impl Engine,
    header: &StyleHeader,
    photo: &Photo,
    long_side_px: usize,
) -> Result<Photo> {
    let mut progress = |_: f32| {};
    let options = Options {
        long_side_px,
        ..Options::default()
    };
    let look = Look::of_network(Network::of_style(engine, header));
    let picture = pipeline::stylize(&look, photo.clone(), &options, &mut progress);
    Ok(block_on(picture)?.photo)
}

/// Peak signal-to-noise ratio of two pictures of one size in dB, alpha left out; infinite if they
/// are the same.
pub fn psnr(a: &Photo, b: &Photo) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for (a, b) in a.rgba().chunks_exact(4).zip(b.rgba().chunks_exact(4)) {
        for c in 0..3 {
            let difference = f64::from(a[c]) - f64::from(b[c]);
            sum += difference * difference;
            count += 1.0;
        }
    }
    10.0 * (255.0 * 255.0 * count / sum).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn psnr_of_known_pictures() {
        let photo = |rgb: u8| Photo::new(1, 1, vec![rgb, rgb, rgb, 255]).unwrap();
        assert_eq!(psnr(&photo(10), &photo(10)), f64::INFINITY);
        assert_eq!(psnr(&photo(0), &photo(255)), 0.0);
        assert!((psnr(&photo(100), &photo(101)) - 48.1308).abs() < 1e-3);
    }
}
