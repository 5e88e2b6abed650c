//! Reading FlatBuffers, the format of TensorFlow Lite files, with every bound checked: offsets in
//! a file may be anything. <https://flatbuffers.dev/internals/>

use anyhow::{Context, Result};

/// A table of a buffer: fields by their place in the schema.
#[derive(Clone, Copy)]
pub struct Table<'a> {
    bytes: &'a [u8],
    at: usize,
    offsets: usize,
    fields: usize,
}

impl<'a> Table<'a> {
    /// The root of a buffer.
    ///
    /// # Errors
    /// If it lies outside of the buffer, as do all methods.
    pub fn root(bytes: &'a [u8]) -> Result<Self> {
        Self::at(bytes, 0)
    }

    /// The table that the offset at `place` leads to.
    fn at(bytes: &'a [u8], place: usize) -> Result<Self> {
        let at = follow(bytes, place)?;
        let back = i64::from(u32_at(bytes, at)? as i32);
        let offsets = usize::try_from(at as i64 - back).context("a table without fields")?;
        let fields = (usize::from(u16_at(bytes, offsets)?).saturating_sub(4)) / 2;
        Ok(Self {
            bytes,
            at,
            offsets,
            fields,
        })
    }

    /// Where a field lies; `None` if it has its default.
    fn place(&self, field: usize) -> Result<Option<usize>> {
        if field >= self.fields {
            return Ok(None);
        }
        let offset = usize::from(u16_at(self.bytes, self.offsets + 4 + 2 * field)?);
        Ok((offset > 0).then_some(self.at + offset))
    }

    /// A field of one byte, 0 by default.
    pub fn byte(&self, field: usize) -> Result<u8> {
        match self.place(field)? {
            Some(place) => self
                .bytes
                .get(place)
                .copied()
                .context("the file ends early"),
            None => Ok(0),
        }
    }

    /// A field of four bytes, 0 by default.
    pub fn int(&self, field: usize) -> Result<i32> {
        match self.place(field)? {
            Some(place) => Ok(u32_at(self.bytes, place)? as i32),
            None => Ok(0),
        }
    }

    /// A table; `None` by default.
    pub fn table(&self, field: usize) -> Result<Option<Table<'a>>> {
        self.place(field)?
            .map(|place| Self::at(self.bytes, place))
            .transpose()
    }

    /// Bytes or a text, empty by default.
    pub fn bytes(&self, field: usize) -> Result<&'a [u8]> {
        let Some((start, length)) = self.vector(field)? else {
            return Ok(&[]);
        };
        self.bytes
            .get(start..start.saturating_add(length))
            .context("the file ends early")
    }

    /// Integers, empty by default.
    pub fn ints(&self, field: usize) -> Result<Vec<i32>> {
        let (start, length) = self.vector(field)?.unwrap_or_default();
        (0..length)
            .map(|i| Ok(u32_at(self.bytes, start + 4 * i)? as i32))
            .collect()
    }

    /// Tables, empty by default.
    pub fn tables(&self, field: usize) -> Result<Vec<Table<'a>>> {
        let (start, length) = self.vector(field)?.unwrap_or_default();
        (0..length)
            .map(|i| Self::at(self.bytes, start + 4 * i))
            .collect()
    }

    /// Start and length of a vector.
    fn vector(&self, field: usize) -> Result<Option<(usize, usize)>> {
        let Some(place) = self.place(field)? else {
            return Ok(None);
        };
        let at = follow(self.bytes, place)?;
        Ok(Some((at + 4, u32_at(self.bytes, at)? as usize)))
    }
}

fn follow(bytes: &[u8], place: usize) -> Result<usize> {
    Ok(place + u32_at(bytes, place)? as usize)
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32> {
    let four = bytes.get(at..).and_then(<[u8]>::first_chunk);
    Ok(u32::from_le_bytes(*four.context("the file ends early")?))
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16> {
    let two = bytes.get(at..).and_then(<[u8]>::first_chunk);
    Ok(u16::from_le_bytes(*two.context("the file ends early")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table with a byte 7, a missing field, and a vector of 3 and -4.
    fn example() -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(16u32.to_le_bytes()); // to the table
        bytes.extend([10, 0, 16, 0]); // offsets: own length, the table's length,
        bytes.extend([12, 0, 0, 0, 4, 0, 0, 0]); // then a field each
        bytes.extend(12i32.to_le_bytes()); // the table: back to the offsets
        bytes.extend(12u32.to_le_bytes()); // to the vector
        bytes.extend([0; 4]);
        bytes.extend([7, 0, 0, 0]);
        bytes.extend(2u32.to_le_bytes());
        bytes.extend(3i32.to_le_bytes());
        bytes.extend((-4i32).to_le_bytes());
        bytes
    }

    #[test]
    fn fields_are_found_and_default() -> Result<()> {
        let bytes = example();
        let table = Table::root(&bytes)?;
        assert_eq!(table.byte(0)?, 7);
        assert_eq!((table.byte(1)?, table.int(1)?, table.int(9)?), (0, 0, 0));
        assert_eq!(table.ints(2)?, [3, -4]);
        assert!(table.table(1)?.is_none());
        Ok(())
    }

    #[test]
    fn cut_files_are_refused() {
        let bytes = example();
        for length in 0..bytes.len() {
            let read = Table::root(&bytes[..length]).and_then(|table| table.ints(2));
            assert!(read.is_err(), "{length}");
        }
    }
}
