//! Bands of rows, computed by as many threads as there are.

use std::sync::Mutex;

#[cfg(feature = "threads")]
use rayon::prelude::*;

use super::scratch::Scratch;
use crate::kernels::moments::Moments;

/// Buffers for each thread, kept from run to run.
#[derive(Default)]
pub(super) struct Scratches(Vec<Mutex<Scratch>>);

/// Number of threads that compute.
pub(super) fn threads() -> usize {
    #[cfg(feature = "threads")]
    let threads = rayon::current_num_threads();
    #[cfg(not(feature = "threads"))]
    let threads = 1;
    threads
}

/// Cuts `rows` into bands of `band_len` values and calls `compute(index, band, scratch)` for each.
/// The moments are added up in the order of the bands, so that the number of threads does not
/// change the result.
pub(super) fn for_each_band(
    rows: &mut [f32],
    band_len: usize,
    scratches: &mut Scratches,
    compute: impl Fn(usize, &mut [f32], &mut Scratch) -> Moments + Sync,
) -> Moments {
    scratches.0.resize_with(threads(), Mutex::default);
    let scratches = &scratches.0;
    let compute = |(index, band): (usize, &mut [f32])| {
        #[cfg(feature = "threads")]
        let thread = rayon::current_thread_index().unwrap_or(0);
        #[cfg(not(feature = "threads"))]
        let thread = 0;
        // Nobody else holds a thread's own buffers; what a panic left in them is overwritten.
        let mut scratch = scratches[thread]
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        compute(index, band, &mut scratch)
    };
    #[cfg(feature = "threads")]
    let moments: Vec<Moments> = {
        let bands = rows.par_chunks_mut(band_len).enumerate();
        bands.with_max_len(1).map(compute).collect()
    };
    #[cfg(not(feature = "threads"))]
    let moments = rows.chunks_mut(band_len).enumerate().map(compute);
    let mut total = Moments::default();
    for part in moments {
        total += part;
    }
    total
}
