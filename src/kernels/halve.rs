//! Pictures at half their size: each pixel the mean of four.

use fearless_simd::{Level, Simd, SimdBase, dispatch};

use super::rgba8;
use super::warp::RgbaView;

/// The bytes of a word that are summed at once, with room for their sums between them.
const EVEN_BYTES: u32 = 0x00ff_00ff;

/// Means of 2 x 2 pixels, rounded; of an odd number of rows or columns the last counts twice. The
/// result has `width.div_ceil(2)` by `height.div_ceil(2)` pixels.
///
/// # Panics
/// If there are not `width * height` pixels: a mistake of the caller.
pub fn halve_rgba8(level: Level, source: RgbaView) -> Vec<[u8; 4]> {
    let RgbaView {
        pixels,
        width,
        height,
    } = source;
    assert_eq!(pixels.len(), width * height);
    let (out_width, out_height) = (width.div_ceil(2), height.div_ceil(2));
    let mut out = vec![[0; 4]; out_width * out_height];
    for (y, out) in out.chunks_exact_mut(out_width.max(1)).enumerate() {
        let rows = [2 * y, (2 * y + 1).min(height - 1)].map(|y| &pixels[y * width..][..width]);
        let done = dispatch!(level, simd => whole_registers_at(simd, rows, out));
        for (x, out) in out.iter_mut().enumerate().skip(done) {
            *out = mean(rows, x);
        }
    }
    out
}

fn mean(rows: [&[[u8; 4]]; 2], x: usize) -> [u8; 4] {
    let next = (2 * x + 1).min(rows[0].len() - 1);
    [0, 1, 2, 3].map(|c| {
        let sum: u16 = rows
            .iter()
            .map(|row| u16::from(row[2 * x][c]) + u16::from(row[next][c]))
            .sum();
        ((sum + 2) / 4) as u8
    })
}

/// Fills what is whole registers and returns how many pixels that are.
#[inline(always)]
fn whole_registers_at<S: Simd>(simd: S, rows: [&[[u8; 4]]; 2], out: &mut [[u8; 4]]) -> usize {
    let lanes = S::u32s::LEN;
    let mut done = 0;
    let pairs = rows[0]
        .chunks_exact(2 * lanes)
        .zip(rows[1].chunks_exact(2 * lanes));
    for ((upper, lower), out) in pairs.zip(out.chunks_exact_mut(lanes)) {
        let mut even = S::u32s::splat(simd, 0x0002_0002);
        let mut odd = even;
        for row in [upper, lower] {
            let (a, b) =
                rgba8::load(simd, &row[..lanes]).deinterleave(rgba8::load(simd, &row[lanes..]));
            even += (a & EVEN_BYTES) + (b & EVEN_BYTES);
            odd += ((a >> 8) & EVEN_BYTES) + ((b >> 8) & EVEN_BYTES);
        }
        let words = ((even >> 2) & EVEN_BYTES) | (((odd >> 2) & EVEN_BYTES) << 8);
        rgba8::store::<S>(words, out);
        done += lanes;
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::oracle::{levels, noise};

    #[test]
    fn agrees_with_the_mean() {
        for level in levels() {
            for (width, height) in [(1, 1), (2, 1), (1, 3), (7, 4), (32, 2), (33, 5), (67, 6)] {
                let pixels: Vec<[u8; 4]> = noise(4 * width * height, 1)
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|pixel| pixel.map(|v| ((v + 1.0) * 128.0) as u8))
                    .collect();
                let source = RgbaView {
                    pixels: &pixels,
                    width,
                    height,
                };
                let out = halve_rgba8(level, source);
                let out_width = width.div_ceil(2);
                assert_eq!(out.len(), out_width * height.div_ceil(2));
                for (i, got) in out.iter().enumerate() {
                    let (x, y) = (i % out_width, i / out_width);
                    let rows = [2 * y, (2 * y + 1).min(height - 1)];
                    let columns = [2 * x, (2 * x + 1).min(width - 1)];
                    for c in 0..4 {
                        let sum: f64 = rows
                            .iter()
                            .flat_map(|y| columns.map(|x| f64::from(pixels[y * width + x][c])))
                            .sum();
                        let off = f64::from(got[c]) - sum / 4.0;
                        assert!(
                            off.abs() <= 0.5,
                            "{level:?} {width}x{height} {i} {c}: {off}"
                        );
                    }
                }
            }
        }
    }
}
