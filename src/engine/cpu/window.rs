//! The rows of a streamed run's maps that are still needed.

use std::ops::Range;

use super::stream_plan::{Making, Node, StreamPlan, Sweep};
use crate::imaging::over_white;

/// Some rows of a node.
#[derive(Default)]
pub(super) struct Window<'a> {
    /// `[rows][width][channels]`, or the picture's planes, `[planes][rows][width]`, with room for more
    /// rows.
    values: &'a mut [f32],
    planes: usize,
    pub rows: Range<usize>,
    /// Values of a row, in a plane.
    pub row_len: usize,
}

impl<'a> Window<'a> {
    /// One for each node, as a sweep needs them, out of one memory.
    pub fn all(plan: &StreamPlan, sweep: &Sweep, mut memory: &'a mut [f32]) -> Vec<Self> {
        let window = |(node, rows): (&Node, &usize)| {
            let (values, rest) = std::mem::take(&mut memory).split_at_mut(rows * node.row_len);
            memory = rest;
            let planes = match node.making {
                Making::Picture => node.row_len / node.size[1],
                _ => 1,
            };
            Window {
                values,
                planes,
                rows: 0..0,
                row_len: node.row_len / planes,
            }
        };
        plan.nodes
            .iter()
            .zip(&sweep.window_rows)
            .map(window)
            .collect()
    }

    /// Gives up the rows before `start`, and makes room for those up to `end`, which it returns.
    pub fn slide(&mut self, Range { start, end }: Range<usize>) -> Range<usize> {
        let kept = self.place(&(start..self.rows.end));
        for plane in self
            .values
            .chunks_exact_mut(self.values.len() / self.planes)
        {
            plane.copy_within(kept.clone(), 0);
        }
        let new = self.rows.end..end;
        self.rows = start..end;
        new
    }

    /// Where rows are in a plane.
    fn place(&self, rows: &Range<usize>) -> Range<usize> {
        let at = |row: usize| (row - self.rows.start) * self.row_len;
        at(rows.start)..at(rows.end)
    }

    /// These of the rows.
    pub fn values(&self, rows: &Range<usize>) -> &[f32] {
        &self.values[self.place(rows)]
    }

    /// One of the rows.
    pub fn row(&self, row: usize) -> &[f32] {
        self.values(&(row..row + 1))
    }

    /// These of the rows, to be written.
    pub fn values_mut(&mut self, rows: &Range<usize>) -> &mut [f32] {
        let place = self.place(rows);
        &mut self.values[place]
    }

    /// These of the picture's rows, plane by plane.
    pub fn planes(&self, rows: &Range<usize>) -> Vec<&[f32]> {
        let place = self.place(rows);
        let planes = self.values.chunks_exact(self.values.len() / self.planes);
        planes.map(|plane| &plane[place.clone()]).collect()
    }

    /// Makes rows of the picture from the photo.
    pub fn unpack(&mut self, rgba: &[u8], rows: Range<usize>) {
        let (width, plane_len) = (self.row_len, self.values.len() / 3);
        for y in rows {
            let place = self.place(&(y..y + 1));
            let (red, rest) = self.values.split_at_mut(plane_len);
            let (green, blue) = rest.split_at_mut(plane_len);
            let planes = [red, green, blue].map(|plane| &mut plane[place.clone()]);
            over_white(&rgba[4 * y * width..][..4 * width], planes);
        }
    }
}
