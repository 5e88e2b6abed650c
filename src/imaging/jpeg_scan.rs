//! How far the picture of a JPEG file goes that is cut off: its codes are counted (ITU-T T.81, annex F), not decoded.

/// Codes of a Huffman table have at most so many bits.
const MAX_BITS: u32 = 16;
const BLOCK_PX: usize = 8;

/// The share of the rows that are missing of a file which is in order but for its end. `None` where that cannot be told:
/// of codings without Huffman tables, or a damaged header.
pub(super) fn missing(bytes: &[u8]) -> Option<f32> {
    let mut file = File::default();
    let mut at = 2;
    while let Some((marker, contents, end)) = segment(bytes, at) {
        at = end;
        match marker {
            0xc0..=0xc2 => file.frame(contents)?,
            0xc4 => file.tables(contents),
            0xdd => {
                file.restart_interval = usize::from(u16::from_be_bytes(*contents.first_chunk()?))
            }
            0xda => {
                file.scan(contents, bytes.get(end..)?);
                at = end_of_scan(bytes, end);
            }
            _ => {}
        }
    }
    let rows = file.components.iter().map(|component| component.rows);
    let rows = rows.min()?.unwrap_or(0);
    Some(1.0 - rows.min(file.height) as f32 / file.height as f32)
}

/// The marker that begins at a place or behind fill bytes, its segment's contents, and where that ends.
fn segment(bytes: &[u8], at: usize) -> Option<(u8, &[u8], usize)> {
    let after = bytes.get(at..)?.iter().position(|byte| *byte != 0xff)?;
    let begin = at + after + 1;
    let length = usize::from(u16::from_be_bytes(*bytes.get(begin..)?.first_chunk()?));
    let contents = bytes.get(begin + 2..begin + length)?;
    Some((bytes[begin - 1], contents, begin + length))
}

/// Where the first marker stands behind codes, among which there are restarts.
fn end_of_scan(bytes: &[u8], from: usize) -> usize {
    let codes = bytes.get(from..).unwrap_or_default();
    let is_marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7 | 0xff);
    from + codes.windows(2).position(is_marker).unwrap_or(codes.len())
}

#[derive(Default)]
struct File<'a> {
    width: usize,
    height: usize,
    components: Vec<Component>,
    /// Of direct currents, and of the others.
    tables: [[Option<Table<'a>>; 4]; 2],
    /// Parts of the picture between two restarts; 0 where there are none.
    restart_interval: usize,
}

struct Component {
    id: u8,
    /// Blocks in a part of the picture.
    blocks: [usize; 2],
    /// Rows of the picture that its first scan holds, once that is found.
    rows: Option<usize>,
}

impl<'a> File<'a> {
    fn frame(&mut self, contents: &[u8]) -> Option<()> {
        let &[_, h1, h0, w1, w0, count, ref components @ ..] = contents else {
            return None;
        };
        self.width = usize::from(u16::from_be_bytes([w1, w0]));
        self.height = usize::from(u16::from_be_bytes([h1, h0]));
        let components = components.as_chunks().0.iter().take(count.into());
        let component = |&[id, sampling, _]: &[u8; 3]| Component {
            id,
            blocks: [sampling >> 4, sampling & 15].map(|blocks| usize::from(blocks.clamp(1, 4))),
            rows: None,
        };
        self.components = components.map(component).collect();
        (self.width > 0 && self.height > 0).then_some(())
    }

    fn tables(&mut self, mut contents: &'a [u8]) {
        while let [kind, rest @ ..] = contents {
            let Some((counts, rest)) = rest.split_first_chunk() else {
                return;
            };
            let length = counts.iter().map(|count| usize::from(*count)).sum();
            let Some((values, rest)) = rest.split_at_checked(length) else {
                return;
            };
            let [class, slot] = [kind >> 4, kind & 15].map(usize::from);
            if let Some(table) = self
                .tables
                .get_mut(class)
                .and_then(|tables| tables.get_mut(slot))
            {
                *table = Some(Table { counts, values });
            }
            contents = rest;
        }
    }

    /// Counts the rows of a scan that begins components, by its codes.
    fn scan(&mut self, contents: &[u8], codes: &[u8]) {
        let Some((count, rest)) = contents.split_first() else {
            return;
        };
        let Some((names, rest)) = rest.split_at_checked(2 * usize::from(*count)) else {
            return;
        };
        // A first scan has the direct currents, and all of their bits but the last few.
        let &[0, last, bits] = rest else { return };
        if bits >> 4 != 0 {
            return;
        }
        let named = |component: &Component| {
            let mut ids = names.as_chunks().0.iter();
            ids.any(|[id, _]| *id == component.id)
        };
        // Tables take a while to be read: that is done once a component.
        let mut components = self.components.iter();
        if !components.any(|component| component.rows.is_none() && named(component)) {
            return;
        }
        let rows = self.rows_of(names.as_chunks().0, last > 0, codes);
        for component in self.components.iter_mut().filter(|c| named(c)) {
            component.rows = component.rows.max(Some(rows.unwrap_or(0)));
        }
    }

    fn rows_of(&self, names: &[[u8; 2]], sequential: bool, codes: &[u8]) -> Option<usize> {
        let mut parts = Vec::new();
        for [id, tables] in names.iter().take(4) {
            let component = self
                .components
                .iter()
                .find(|component| component.id == *id)?;
            let table = |class: usize, slot: u8| {
                let table = self.tables[class].get(usize::from(slot))?.as_ref()?;
                Some(Huffman::new(table))
            };
            let direct = table(0, tables >> 4)?;
            let others = if sequential {
                Some(table(1, tables & 15)?)
            } else {
                None
            };
            parts.push((component.blocks, direct, others));
        }
        let most = |side: usize| self.components.iter().map(move |c| c.blocks[side]).max();
        let most = [most(0)?, most(1)?];
        // A scan of one component has its blocks one by one.
        let size = match parts.as_slice() {
            [([across, down], ..)] => [most[0] * BLOCK_PX / across, most[1] * BLOCK_PX / down],
            _ => most.map(|blocks| blocks * BLOCK_PX),
        };
        let single = parts.len() == 1;
        let across = self.width.div_ceil(size[0]);
        let all = across * self.height.div_ceil(size[1]);
        let mut codes = Codes::new(codes);
        let mut part = |restarts: bool| {
            if restarts {
                codes.restart()?;
            }
            for ([across, down], direct, others) in &parts {
                for _ in 0..if single { 1 } else { across * down } {
                    codes.block(direct, others.as_ref())?;
                }
            }
            Some(())
        };
        let restarts = |done: usize| done > 0 && done.checked_rem(self.restart_interval) == Some(0);
        let mut done = 0;
        while done < all && part(restarts(done)).is_some() {
            done += 1;
        }
        Some(if done == all {
            self.height
        } else {
            done / across * size[1]
        })
    }
}

/// A Huffman table: how many codes there are of each length, and what they stand for.
struct Table<'a> {
    counts: &'a [u8; 16],
    values: &'a [u8],
}

/// Length and value of the code that a number of [`MAX_BITS`] bits begins with; length 0 where there is none.
struct Huffman(Vec<[u8; 2]>);

impl Huffman {
    fn new(Table { counts, values }: &Table) -> Self {
        let mut codes = Vec::with_capacity(1 << MAX_BITS);
        let mut values = values.iter();
        for (length, count) in (1u8..).zip(*counts) {
            for value in values.by_ref().take(usize::from(*count)) {
                let end = codes.len() + (1 << (MAX_BITS - u32::from(length)));
                codes.resize(end.min(1 << MAX_BITS), [length, *value]);
            }
        }
        codes.resize(1 << MAX_BITS, [0; 2]);
        Self(codes)
    }
}

/// Bits of a scan, up to the next marker or the end.
struct Codes<'a> {
    bytes: &'a [u8],
    at: usize,
    bits: u64,
    count: u32,
}

impl<'a> Codes<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            bits: 0,
            count: 0,
        }
    }

    fn fill(&mut self) {
        while self.count <= 56 {
            let Some(byte) = self.bytes.get(self.at) else {
                return;
            };
            if *byte == 0xff {
                if self.bytes.get(self.at + 1) != Some(&0) {
                    return;
                }
                self.at += 1;
            }
            self.at += 1;
            self.bits |= u64::from(*byte) << (56 - self.count);
            self.count += 8;
        }
    }

    fn skip(&mut self, count: u32) -> Option<()> {
        if self.count < count {
            self.fill();
        }
        self.count = self.count.checked_sub(count)?;
        self.bits = self.bits.checked_shl(count).unwrap_or(0);
        Some(())
    }

    fn value(&mut self, table: &Huffman) -> Option<u8> {
        if self.count < MAX_BITS {
            self.fill();
        }
        let [length, value] = table.0[(self.bits >> (64 - MAX_BITS)) as usize];
        if length == 0 {
            return None;
        }
        self.skip(length.into())?;
        Some(value)
    }

    /// Goes over a block; one without `others` has its direct current only.
    fn block(&mut self, direct: &Huffman, others: Option<&Huffman>) -> Option<()> {
        let bits = self.value(direct)?;
        self.skip(u32::from(bits & 15))?;
        let Some(others) = others else {
            return Some(());
        };
        let mut at = 1;
        while at < 64 {
            match self.value(others)? {
                0xf0 => at += 16,
                value if value & 15 == 0 => break,
                value => {
                    at += 1 + usize::from(value >> 4);
                    self.skip(u32::from(value & 15))?;
                }
            }
        }
        Some(())
    }

    /// Goes behind the restart that must come next.
    fn restart(&mut self) -> Option<()> {
        let from = self.at;
        let marker = self
            .bytes
            .get(from..)?
            .iter()
            .position(|byte| *byte != 0xff)?;
        (marker > 0 && matches!(self.bytes[from + marker], 0xd0..=0xd7)).then(|| {
            *self = Self {
                at: from + marker + 1,
                ..Self::new(self.bytes)
            };
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_tables_and_scans_take_no_time() {
        let table = [&[0xff, 0xc4, 0, 20, 0][..], &[1], &[0; 15], &[0]].concat();
        let frame = [0xff, 0xc0, 0, 11, 8, 16, 0, 16, 0, 1, 1, 0x11, 0];
        let scan = [0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0x55];
        let mut file = [&[0xff, 0xd8][..], &frame].concat();
        for _ in 0..100_000 {
            file.extend(&table);
            file.extend(scan);
        }
        let begun = std::time::Instant::now();
        assert!(missing(&file).is_some_and(|missing| missing > 0.9));
        let took = begun.elapsed();
        assert!(took.as_secs_f32() < 1.0, "{took:?}");
    }
}
