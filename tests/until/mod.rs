//! A listener that cancels.

use nijigen::engine::Progress;
use nijigen::{Error, Result};

/// Loses interest after so many reports.
pub struct Until(pub usize);

impl Progress for Until {
    async fn report(&mut self, _share: f32) -> Result<()> {
        self.0 = self.0.checked_sub(1).ok_or(Error::Cancelled)?;
        Ok(())
    }
}
