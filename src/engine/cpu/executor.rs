//! What a whole run and a streamed one share: rows are made band by band, on all threads, and whoever
//! waits hears how much of the work is done.

use std::ops::Range;

use super::bands::{Scratches, for_each_band, threads};
use super::dense::DenseConv;
use super::scratch::Scratch;
use crate::error::Result;
use crate::kernels::moments::Moments;

/// Multiply-accumulate operations of each thread between two reports of progress: some 20 to 50 ms
/// in a browser.
pub(super) const GROUP_MACS: f64 = 1e9;

/// Is told how a run goes.
pub(super) trait Observer {
    /// The share of the work that is done, several times a step. An error ends the run.
    fn progress(&mut self, share: f32) -> impl Future<Output = Result<()>>;

    /// The step of this name is done; `macs` are the multiply-accumulate operations that it has in its
    /// direct form.
    fn step_done(&mut self, _name: &str, _macs: f64) {}
}

/// A run's threads and its progress. Work is counted in multiply-accumulate operations.
pub(super) struct Executor<'a, O> {
    scratches: &'a mut Scratches,
    observer: &'a mut O,
    done: f64,
    reported: f64,
    total: f64,
    /// Of each thread between two reports.
    between: f64,
}

/// Rows of a map that are made in bands.
pub(super) struct Bands {
    pub rows: Range<usize>,
    /// Values of a row.
    pub row_len: usize,
    /// Rows of a band.
    pub band_rows: usize,
    /// Work of all rows.
    pub work: f64,
}

impl Bands {
    /// All rows of a dense convolution's output of `size` (height, width).
    pub fn dense(conv: &DenseConv, size: [usize; 2], work: f64) -> Self {
        Self {
            rows: 0..size[0],
            row_len: size[1] * conv.channels(),
            band_rows: conv.block_size(size)[0],
            work,
        }
    }

    /// Rows of a group: between two reports, which come after `between` work of each thread.
    pub fn group_rows(&self, between: f64) -> usize {
        let count = self.rows.len().div_ceil(self.band_rows);
        let most = (between * threads() as f64 * count as f64 / self.work) as usize;
        most.clamp(threads(), count.max(threads())) * self.band_rows
    }
}

impl<'a, O: Observer> Executor<'a, O> {
    /// For a run that takes `total` work. Threads wait for each other, for the sake of progress, after
    /// `between` work of each.
    pub fn new(
        scratches: &'a mut Scratches,
        observer: &'a mut O,
        total: f64,
        between: f64,
    ) -> Self {
        Self {
            scratches,
            observer,
            done: 0.0,
            reported: 0.0,
            total,
            between,
        }
    }

    /// Fills `out` with what `make(row, band, scratch)` makes of each band, which begins in that row,
    /// group by group.
    pub async fn fill(
        &mut self,
        bands: &Bands,
        out: &mut [f32],
        make: impl Fn(usize, &mut [f32], &mut Scratch) -> Moments + Sync,
    ) -> Result<Moments> {
        let group_rows = bands.group_rows(self.between);
        let mut moments = Moments::default();
        let groups = out.chunks_mut(group_rows * bands.row_len);
        for (first, group) in bands.rows.clone().step_by(group_rows).zip(groups) {
            moments += self.fill_group(bands, first, group, &make).await?;
        }
        Ok(moments)
    }

    /// Fills `group` with the rows from `first` on.
    pub async fn fill_group(
        &mut self,
        bands: &Bands,
        first: usize,
        group: &mut [f32],
        make: &(impl Fn(usize, &mut [f32], &mut Scratch) -> Moments + Sync),
    ) -> Result<Moments> {
        let rows = group.len() / bands.row_len;
        let band_len = bands.band_rows * bands.row_len;
        let moments = self.each_band(group, band_len, |i, band, scratch| {
            make(first + i * bands.band_rows, band, scratch)
        });
        let share = rows as f64 / bands.rows.len() as f64;
        self.add(share * bands.work).await?;
        Ok(moments)
    }

    /// Calls `make(index, band, scratch)` for bands of `band_len` values. The work is not counted.
    pub fn each_band(
        &mut self,
        rows: &mut [f32],
        band_len: usize,
        make: impl Fn(usize, &mut [f32], &mut Scratch) -> Moments + Sync,
    ) -> Moments {
        for_each_band(rows, band_len, self.scratches, make)
    }

    /// Counts work, and reports it if there is enough of it.
    pub async fn add(&mut self, work: f64) -> Result<()> {
        self.done += work;
        if self.done - self.reported < self.between * threads() as f64 / 2.0 {
            return Ok(());
        }
        self.report().await
    }

    /// Reports the work that is counted but not reported.
    pub async fn report_rest(&mut self) -> Result<()> {
        if self.done > self.reported {
            self.report().await?;
        }
        Ok(())
    }

    /// Reports that all is done.
    pub async fn report_end(&mut self) -> Result<()> {
        self.observer.progress(1.0).await
    }

    async fn report(&mut self) -> Result<()> {
        self.reported = self.done;
        let share = (self.done / self.total).min(1.0);
        self.observer.progress(share as f32).await
    }

    /// Tells the observer that a step is done.
    pub fn step_done(&mut self, name: &str, macs: f64) {
        self.observer.step_done(name, macs);
    }
}
