//! Finds images that are nearly the same picture.

use std::cmp::Reverse;

use image::RgbImage;
use image_hasher::{HashAlg, HasherConfig};

/// What decides whether images are duplicates, and which one stays.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// From [`perceptual_hash`].
    pub hash: u64,
    /// Width times height of the original.
    pub pixels: u64,
    /// From [`super::sharpness::sharpness`].
    pub sharpness: f32,
}

/// A candidate that is left out for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// Index of the candidate that is left out.
    pub index: usize,
    /// Index of the one that is kept for it.
    pub of: usize,
    /// Bits in which their hashes differ.
    pub distance: u32,
}

/// The 64-bit pHash: which of the 8 × 8 lowest frequencies (discrete cosine transform of luma
/// shrunk to 16 × 16) are above their median. Copies that differ in size, compression, brightness
/// or colour differ in few bits, unrelated pictures in about 32. Portraits taken in the same pose
/// before the same background are the hard case: different people may come as near as 4 bits.
pub fn perceptual_hash(image: &RgbImage) -> u64 {
    let hasher = HasherConfig::with_bytes_type::<[u8; 8]>()
        .hash_size(8, 8)
        .hash_alg(HashAlg::Median)
        .preproc_dct()
        .to_hasher();
    let hash = hasher.hash_image(image);
    hash.as_bytes()
        .iter()
        .fold(0, |bits, &byte| bits << 8 | u64::from(byte))
}

/// Goes through the candidates from the largest to the smallest (equally large ones from the
/// sharpest on, then in order) and leaves out each whose hash is within `distance` bits of one that
/// is kept; it counts as a duplicate of the nearest. Returns them in the candidates' order.
pub fn find_duplicates(candidates: &[Candidate], distance: u32) -> Vec<Duplicate> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by(|&a, &b| {
        let (a, b) = (&candidates[a], &candidates[b]);
        let larger = Reverse(a.pixels).cmp(&Reverse(b.pixels));
        larger.then(b.sharpness.total_cmp(&a.sharpness))
    });
    let mut kept: Vec<usize> = Vec::new();
    let mut duplicates = Vec::new();
    for index in order {
        let bits = |&of: &usize| (candidates[index].hash ^ candidates[of].hash).count_ones();
        let nearest = kept.iter().copied().min_by_key(bits);
        match nearest.map(|of| (of, bits(&of))) {
            Some((of, found)) if found <= distance => duplicates.push(Duplicate {
                index,
                of,
                distance: found,
            }),
            _ => kept.push(index),
        }
    }
    duplicates.sort_by_key(|duplicate| duplicate.index);
    duplicates
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;
    use image::imageops::{FilterType, flip_horizontal, resize};

    /// A few soft waves: a picture with low and middle frequencies.
    fn picture(phase: f32) -> RgbImage {
        RgbImage::from_fn(200, 150, |x, y| {
            let (x, y) = (x as f32 / 200.0, y as f32 / 150.0);
            let wave = (7.0 * x + phase).sin()
                + (9.0 * y * x + 2.0 * phase).cos()
                + (5.0 * y - 3.0 * phase).sin();
            Rgb([(128.0 + 40.0 * wave) as u8, (120.0 + 35.0 * wave) as u8, 90])
        })
    }

    fn distance(a: &RgbImage, b: &RgbImage) -> u32 {
        (perceptual_hash(a) ^ perceptual_hash(b)).count_ones()
    }

    #[test]
    fn hash_ignores_size_and_brightness_but_not_content() {
        let original = picture(0.3);
        let smaller = resize(&original, 120, 90, FilterType::Triangle);
        let mut brighter = original.clone();
        brighter.iter_mut().for_each(|v| *v = v.saturating_add(15));
        assert!(distance(&original, &smaller) <= 4);
        assert!(distance(&original, &brighter) <= 4);
        assert!(distance(&original, &picture(1.9)) > 10);
        assert!(distance(&original, &flip_horizontal(&original)) > 10);
    }

    #[test]
    fn the_larger_then_the_sharper_stays() {
        let candidate = |hash, pixels, sharpness| Candidate {
            hash,
            pixels,
            sharpness,
        };
        let candidates = [
            candidate(0b0000, 100, 9.0),
            candidate(0b0001, 400, 1.0),
            candidate(0b0011, 400, 2.0),
            candidate(u64::MAX, 1, 0.0),
            candidate(u64::MAX, 1, 0.0),
        ];
        let found = find_duplicates(&candidates, 1);
        let of = |index, of, distance| Duplicate {
            index,
            of,
            distance,
        };
        // 2 stays, being sharper than 1; 0 is 2 bits from it, and 1 is not kept to be near to.
        assert_eq!(found, [of(1, 2, 1), of(4, 3, 0)]);
        assert_eq!(
            find_duplicates(&candidates, 2),
            [of(0, 2, 2), of(1, 2, 1), of(4, 3, 0)]
        );
        assert!(find_duplicates(&[], 4).is_empty());
    }
}
