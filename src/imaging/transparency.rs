//! What a network sees where a photo is transparent: the colours beside it, not the white of a page. Else cut-outs with
//! soft edges would get a white halo.

use super::{Photo, zeros};
use crate::error::Result;

/// Colours of less opaque pixels count by their alpha: 8-bit files have kept little of them.
const TRUSTED_ALPHA: u16 = 64;
const WHITE: [u8; 4] = [255; 4];

/// Pixels whose alpha is the weight of their colours.
struct Level {
    width: usize,
    height: usize,
    pixels: Vec<[u8; 4]>,
}

impl Photo {
    pub(crate) fn is_transparent(&self) -> bool {
        self.pixels().iter().any(|pixel| pixel[3] < 255)
    }

    /// Makes the photo opaque and gives its alpha: colours of visible pixels stay, and are extended to where there are
    /// none. What shows nothing becomes white.
    ///
    /// # Errors
    /// [`crate::Error::Memory`] if there is too little, see [`transparency_bytes`].
    pub(crate) fn take_alpha(&mut self) -> Result<Vec<u8>> {
        let mut alphas = zeros(self.width * self.height)?;
        for (alpha, pixel) in alphas.iter_mut().zip(self.pixels_mut()) {
            *alpha = pixel[3];
            pixel[3] = weight(u16::from(pixel[3]) * 255 / TRUSTED_ALPHA);
        }
        let mut levels: Vec<Level> = Vec::new();
        loop {
            let (width, height, pixels) = match levels.last() {
                Some(level) => (level.width, level.height, level.pixels.as_slice()),
                None => (self.width, self.height, self.pixels()),
            };
            if width == 1 && height == 1 {
                break;
            }
            levels.push(halved(width, height, pixels)?);
        }
        let mut above = Level {
            width: 1,
            height: 1,
            pixels: vec![WHITE],
        };
        while let Some(mut level) = levels.pop() {
            fill(&mut level.pixels, level.width, &above);
            above = level;
        }
        let width = self.width;
        fill(self.pixels_mut(), width, &above);
        Ok(alphas)
    }

    /// Gives the photo this alpha.
    pub(crate) fn put_alpha(&mut self, alphas: &[u8]) {
        for (pixel, alpha) in self.pixels_mut().iter_mut().zip(alphas) {
            pixel[3] = *alpha;
        }
    }
}

/// Bytes at a time while the alpha of a photo of so many bytes is taken, besides its own, and those of the alpha.
pub(crate) fn transparency_bytes(photo: u64) -> [u64; 2] {
    let alpha = photo / 4;
    // Halved sides are rounded up.
    [alpha + photo / 2, alpha]
}

fn weight(sum: u16) -> u8 {
    sum.min(255) as u8
}

/// A quarter of the pixels. A pixel is as heavy as those it stands for together.
fn halved(width: usize, height: usize, pixels: &[[u8; 4]]) -> Result<Level> {
    let size = [width.div_ceil(2), height.div_ceil(2)];
    let mut level = Level {
        width: size[0],
        height: size[1],
        pixels: zeros(size[0] * size[1])?,
    };
    let rows = level.pixels.chunks_exact_mut(size[0]);
    for (row, below) in rows.zip(pixels.chunks(2 * width)) {
        let (first, second) = below.split_at(width);
        for (x, pixel) in row.iter_mut().enumerate() {
            let mut sums = [0u32; 4];
            for row in [first, second] {
                for [r, g, b, weight] in row.iter().skip(2 * x).take(2) {
                    let weight = u32::from(*weight);
                    for (sum, value) in sums.iter_mut().zip([r, g, b]) {
                        *sum += u32::from(*value) * weight;
                    }
                    sums[3] += weight;
                }
            }
            if sums[3] > 0 {
                let mean = |sum: u32| ((sum + sums[3] / 2) / sums[3]) as u8;
                *pixel = [
                    mean(sums[0]),
                    mean(sums[1]),
                    mean(sums[2]),
                    sums[3].min(255) as u8,
                ];
            }
        }
    }
    Ok(level)
}

/// Makes pixels opaque with the colours of a level of half the size, as far as their own are missing.
fn fill(pixels: &mut [[u8; 4]], width: usize, above: &Level) {
    for (y, row) in pixels.chunks_exact_mut(width).enumerate() {
        let ys = beside(y, above.height);
        for (x, pixel) in row
            .iter_mut()
            .enumerate()
            .filter(|(_, pixel)| pixel[3] < 255)
        {
            let xs = beside(x, above.width);
            let at = |x: usize, y: usize| above.pixels[y * above.width + x];
            let [a, b, c, d] = [
                at(xs[0], ys[0]),
                at(xs[1], ys[0]),
                at(xs[0], ys[1]),
                at(xs[1], ys[1]),
            ];
            let own = u32::from(pixel[3]);
            for (channel, value) in pixel[..3].iter_mut().enumerate() {
                let [a, b, c, d] = [a, b, c, d].map(|pixel| u32::from(pixel[channel]));
                // In sixteenths.
                let around = 9 * a + 3 * (b + c) + d;
                let sum = 16 * own * u32::from(*value) + (255 - own) * around;
                *value = ((sum + 8 * 255) / (16 * 255)) as u8;
            }
            pixel[3] = 255;
        }
    }
}

/// The place in a line of half the length that a place lies in, and the next nearest.
fn beside(at: usize, length: usize) -> [usize; 2] {
    let nearest = (at / 2).min(length - 1);
    let next = if at.is_multiple_of(2) {
        nearest.saturating_sub(1)
    } else {
        (nearest + 1).min(length - 1)
    };
    [nearest, next]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo(width: usize, height: usize, pixel: impl Fn(usize, usize) -> [u8; 4]) -> Photo {
        let pixels = (0..width * height).flat_map(|i| pixel(i % width, i / width));
        Photo::new(width, height, pixels.collect()).unwrap()
    }

    #[test]
    fn colours_go_on_under_the_transparency() {
        for (width, height) in [(40, 30), (1, 1), (1, 7), (33, 2)] {
            // Red that ends softly at the left, and nothing but white without alpha beyond.
            let before = photo(width, height, |x, y| match x {
                0..4 => [200, 30, 60, (255 - 50 * x as u32) as u8],
                _ if y == 0 => [255, 255, 255, 0],
                _ => [0, 255, 0, 0],
            });
            let mut after = before.clone();
            let alphas = after.take_alpha().unwrap();
            assert!(!after.is_transparent());
            for pixel in after.pixels() {
                let far = [200u8, 30, 60]
                    .iter()
                    .zip(pixel)
                    .any(|(a, b)| a.abs_diff(*b) > 2);
                assert!(!far, "{width} x {height}: {pixel:?}");
            }
            after.put_alpha(&alphas);
            for (after, before) in after.pixels().iter().zip(before.pixels()) {
                assert_eq!(after[3], before[3]);
                assert!(before[3] < 64 || after == before);
            }
        }
    }

    #[test]
    fn what_shows_nothing_is_white() {
        let mut nothing = photo(9, 5, |x, _| [x as u8, 3, 7, 0]);
        nothing.take_alpha().unwrap();
        assert!(nothing.pixels().iter().all(|pixel| *pixel == WHITE));
    }

    #[test]
    fn nearer_colours_weigh_more() {
        let mut two = photo(64, 8, |x, _| match x {
            0..4 => [250, 0, 0, 255],
            60.. => [0, 0, 250, 255],
            _ => [0; 4],
        });
        two.take_alpha().unwrap();
        let [left, right] = [10, 53].map(|x| two.pixels()[4 * 64 + x]);
        assert!(
            left[0] > left[2] + 100 && right[2] > right[0] + 100,
            "{left:?} {right:?}"
        );
    }
}
