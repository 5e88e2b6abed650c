//! JPEG files that end early, as a half-finished download does: they are shown where most of the photo is there.

use std::borrow::Cow;

#[cfg(feature = "decode")]
use super::Photo;
use super::jpeg::Jpeg;
use crate::error::{Error, Result};

/// Share of the rows that may be missing for a photo to be shown.
const MOST_MISSING: f32 = 0.5;
#[cfg(feature = "decode")]
const GRAY: [u8; 4] = [128, 128, 128, 255];

/// How a photo's file ends early.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EndsEarly {
    /// The share of the photo's rows, as they are stored, that are missing, 0 to 1. It is 0 where the file's last pass over
    /// the picture is missing, so that it is less sharp.
    pub missing: f32,
    /// Where they would be, in the upright photo.
    pub side: Side,
}

/// A side of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The lowest rows.
    Bottom,
    /// The first rows.
    Top,
    /// The first columns.
    Left,
    /// The last columns.
    Right,
}

impl EndsEarly {
    pub(super) fn of(jpeg: &Jpeg) -> Option<Self> {
        Some(Self {
            missing: jpeg.ends_early()?,
            side: match jpeg.orientation {
                3 | 4 => Side::Top,
                6 | 7 => Side::Left,
                5 | 8 => Side::Right,
                _ => Side::Bottom,
            },
        })
    }

    pub(super) fn refusal(self) -> Error {
        Error::PhotoUnreadable(match self.missing {
            0.0 => "the file ends early, the photo is less sharp than it could be".into(),
            missing => format!(
                "the file ends early, {:.0} % of the photo's rows are missing",
                100.0 * missing
            ),
        })
    }

    /// # Errors
    /// [`Error::PhotoUnreadable`] if more than half of the rows are missing.
    pub(super) fn check(self) -> Result<()> {
        if self.missing > MOST_MISSING {
            return Err(self.refusal());
        }
        Ok(())
    }

    /// Lays gray where rows of the upright photo are missing: what a decoder leaves there is any colour.
    #[cfg(feature = "decode")]
    pub(super) fn lay_gray(self, photo: &mut Photo) {
        let (width, height) = (photo.width(), photo.height());
        let part = |length: usize| (self.missing * length as f32).round() as usize;
        let (columns, rows) = match self.side {
            Side::Bottom => (0..width, height - part(height)..height),
            Side::Top => (0..width, 0..part(height)),
            Side::Left => (0..part(width), 0..height),
            Side::Right => (width - part(width)..width, 0..height),
        };
        for row in photo
            .pixels_mut()
            .chunks_exact_mut(width)
            .take(rows.end)
            .skip(rows.start)
        {
            row[columns.clone()].fill(GRAY);
        }
    }
}

/// A JPEG file that ends early as decoders take it, with an end.
///
/// # Errors
/// Those of [`super::probe`] for JPEG files; [`Error::PhotoUnreadable`] if more than half of the rows are missing.
pub fn mend(bytes: &[u8]) -> Result<Cow<'_, [u8]>> {
    let jpeg = Jpeg::read(bytes)?;
    if let Some(ends_early) = EndsEarly::of(&jpeg) {
        ends_early.check()?;
    }
    Ok(jpeg.bytes)
}
