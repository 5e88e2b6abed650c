//! Work on rows, on as many threads as there are.

/// Calls `work` with each row of so many values, and its index.
pub(crate) fn for_each_row<T: Send>(
    values: &mut [T],
    width: usize,
    work: impl Fn((usize, &mut [T])) + Send + Sync,
) {
    #[cfg(feature = "threads")]
    {
        use rayon::prelude::*;
        values.par_chunks_mut(width).enumerate().for_each(work);
    }
    #[cfg(not(feature = "threads"))]
    values.chunks_mut(width).enumerate().for_each(work);
}
