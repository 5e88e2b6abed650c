//! Memory that may not be there.

use crate::error::{Error, Result};

/// Makes `values` at least `len` long.
///
/// # Errors
/// [`Error::Memory`] if there is too little left; `needed` are all bytes of the picture.
pub(super) fn grow<T: Clone + Default>(
    values: &mut Vec<T>,
    len: usize,
    needed: impl FnOnce() -> u64,
) -> Result<()> {
    if values.len() >= len {
        return Ok(());
    }
    // Made anew, for the old and the new one would be there at a time.
    *values = Vec::new();
    values.try_reserve_exact(len).map_err(|_| Error::Memory {
        needed_bytes: needed(),
        allowed_bytes: None,
    })?;
    values.resize(len, T::default());
    Ok(())
}
