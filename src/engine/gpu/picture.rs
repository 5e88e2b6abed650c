//! A picture's planes as a feature map.

use std::ops::Range;

use half::f16;

use super::kernel::{GROUP, Storage};
use crate::imaging::Planes;

/// Rows of the picture as they are stored, in `groups` groups of planes: `[row][group][column][plane of the group]`.
pub fn packed_rows(
    input: &Planes,
    rows: Range<usize>,
    groups: usize,
    storage: Storage,
) -> Vec<u32> {
    let (width, area) = (input.width(), input.width() * input.height());
    let words = match storage {
        Storage::F32 => GROUP,
        Storage::F16 => GROUP / 2,
    };
    let mut packed = Vec::with_capacity(rows.len() * groups * width * words);
    for y in rows {
        for group in 0..groups {
            for x in 0..width {
                let plane = |i: usize| {
                    let at = (group * GROUP + i) * area + y * width + x;
                    // Planes that fill the last group.
                    input.values().get(at).copied().unwrap_or(0.0)
                };
                match storage {
                    Storage::F32 => packed.extend((0..GROUP).map(|i| plane(i).to_bits())),
                    Storage::F16 => packed.extend([0, 2].map(|i| {
                        let [low, high] =
                            [i, i + 1].map(|i| u32::from(f16::from_f32(plane(i)).to_bits()));
                        high << 16 | low
                    })),
                }
            }
        }
    }
    packed
}
