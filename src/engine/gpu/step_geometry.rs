//! Sizes of what a step reads and makes, and which rows it makes of which.

use std::ops::Range;

use super::network::{Network, Step};
use crate::geometry::{BilinearTap, bilinear_taps};
use crate::model::Upsampling;

/// Sizes of what a step reads and makes, each width and height.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    pub stored: [usize; 2],
    pub logical: [usize; 2],
    pub out: [usize; 2],
}

impl Geometry {
    /// For a picture of `size`.
    pub fn new(network: &Network, step: &Step, size: [usize; 2]) -> Self {
        let stored = network.size_at(size, network.maps[step.terms[0]].level);
        Self {
            stored,
            logical: step
                .resize
                .map_or(stored, |resize| network.size_at(size, resize.level)),
            out: network.size_at(size, step.level),
        }
    }

    /// Rows of the resized input that rows of the output are made of.
    fn logical_rows(&self, step: &Step, rows: &Range<usize>) -> Range<usize> {
        let first = (rows.start * step.stride) as isize - step.pad as isize;
        let end = ((rows.end - 1) * step.stride + step.side) as isize - step.pad as isize;
        let last = self.logical[1] as isize - 1;
        let reflected = (first..end).map(|row| {
            if row < 0 {
                -row
            } else {
                row.min(2 * last - row)
            }
        });
        let (least, most) = reflected.fold((last, 0), |(least, most), row| {
            (least.min(row), most.max(row))
        });
        least.max(0) as usize..most.max(0) as usize + 1
    }

    /// The stored rows that rows of the output are made of.
    pub fn stored_rows(&self, step: &Step, rows: &Range<usize>) -> Range<usize> {
        let rows = self.logical_rows(step, rows);
        match step.resize.map(|resize| resize.by) {
            None => rows,
            Some(Upsampling::DepthToSpace) => rows.start / 2..rows.end.div_ceil(2),
            Some(by) => {
                let taps = row_taps(self, by);
                taps[rows.start].low..taps[rows.end - 1].high + 1
            }
        }
    }

    /// The last row and column of the resized input, before reflection, that rows of the output need.
    pub fn last_input(&self, step: &Step, rows: &Range<usize>) -> [usize; 2] {
        let last = |end: usize| ((end - 1) * step.stride + step.side - 1).saturating_sub(step.pad);
        [last(rows.end), last(self.out[0])]
    }
}

/// Taps of the rows of a bilinear resize.
pub fn row_taps(geometry: &Geometry, by: Upsampling) -> Vec<BilinearTap> {
    let align_corners = by == Upsampling::AlignCorners;
    bilinear_taps(geometry.stored[1], geometry.logical[1], align_corners).collect()
}

/// Taps of rows and columns of a bilinear resize as the shaders read them: the place before, and the share of the one
/// after.
pub fn taps(geometry: &Geometry, by: Upsampling) -> Vec<u32> {
    let align_corners = by == Upsampling::AlignCorners;
    let columns = bilinear_taps(geometry.stored[0], geometry.logical[0], align_corners);
    let rows = row_taps(geometry, by).into_iter();
    rows.chain(columns)
        .flat_map(|tap| [tap.low as u32, tap.weight.to_bits()])
        .collect()
}
