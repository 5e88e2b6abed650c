//! Memory that may not be there.

use crate::error::{Error, Result};

/// The refusal of a picture of `size` (height, width) that needs so many bytes; `limit` says why they
/// cannot be had.
pub(super) fn too_large([height, width]: [usize; 2], needed: u64, limit: &str) -> Error {
    Error::EngineFailed {
        engine: "cpu",
        reason: format!(
            "a picture of {width} x {height} pixels needs {} MB of memory, {limit}",
            needed.div_ceil(1_000_000)
        ),
    }
}

/// Makes `values` at least `len` long.
///
/// # Errors
/// [`too_large`], for a picture of `size` that needs so many bytes, if there is no memory left.
pub(super) fn grow<T: Clone + Default>(
    values: &mut Vec<T>,
    len: usize,
    size: [usize; 2],
    needed: impl FnOnce() -> u64,
) -> Result<()> {
    let missing = len.saturating_sub(values.len());
    values
        .try_reserve_exact(missing)
        .map_err(|_| too_large(size, needed(), "which cannot be had"))?;
    values.resize(len.max(values.len()), T::default());
    Ok(())
}
