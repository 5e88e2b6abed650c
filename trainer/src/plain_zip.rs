//! PyTorch's archives as plain ones. `torch.save` streams its entries, and pads them so that tensors are aligned;
//! for some lengths of the file's name, readers take the padding for something else.

/// The archive with the same entries, without padding, extra fields and 64-bit records; `None` if the bytes are no
/// archive of stored entries below 4 GB.
pub fn plain_zip(bytes: &[u8]) -> Option<Vec<u8>> {
    let end = bytes.windows(4).rposition(|word| word == b"PK\x05\x06")?;
    let count = u16_at(bytes, end + 10)?;
    let mut at = usize::try_from(u32_at(bytes, end + 16)?).ok()?;
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let entry = bytes.get(at..at + 46)?;
        let [stored, size] = [u32_at(entry, 20)?, u32_at(entry, 24)?];
        if !entry.starts_with(b"PK\x01\x02") || u16_at(entry, 10)? != 0 || stored != size {
            return None;
        }
        let [name_length, extra, comment] =
            [28, 30, 32].map(|field| u16_at(entry, field).map(usize::from));
        let name = bytes.get(at + 46..at + 46 + name_length?)?;
        at += 46 + name_length? + extra? + comment?;
        let local = usize::try_from(u32_at(entry, 42)?).ok()?;
        let data = local
            + 30
            + usize::from(u16_at(bytes, local + 26)?)
            + usize::from(u16_at(bytes, local + 28)?);
        let data = bytes.get(data..data.checked_add(size as usize)?)?;
        if out.len() + data.len() > bytes.len() {
            // Entries that share their data would fill the memory.
            return None;
        }
        let begin = u32::try_from(out.len()).ok()?;
        // What both headers have: version, flags, method, time, checksum, sizes, lengths of the name and of nothing.
        let mut common = vec![20, 0, 0, 0, 0, 0];
        common.extend(&entry[12..28]);
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name);
        out.extend(data);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(begin.to_le_bytes());
        directory.extend(name);
    }
    let begin = u32::try_from(out.len()).ok()?;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count.to_le_bytes(), count.to_le_bytes()].as_flattened());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(begin.to_le_bytes());
    out.extend([0, 0]);
    Some(out)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(bytes.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_off_archives_are_none() {
        let file = include_bytes!("../tests/fixtures/name_of_21_characters.pt");
        assert!(plain_zip(file).is_some());
        for length in 0..file.len() - 22 {
            assert!(plain_zip(&file[..length]).is_none(), "{length}");
        }
    }

    #[test]
    fn entries_that_share_their_data_are_none() {
        let data = vec![7; 10_000];
        let local = [&b"PK\x03\x04"[..], &[0; 26], &data].concat();
        let mut entry = b"PK\x01\x02".to_vec();
        entry.resize(46, 0);
        for field in [20, 24] {
            entry[field..field + 4].copy_from_slice(&(data.len() as u32).to_le_bytes());
        }
        let mut file = local.clone();
        for _ in 0..60_000 {
            file.extend(&entry);
        }
        file.extend(b"PK\x05\x06\0\0\0\0\x60\xea\x60\xea\0\0\0\0");
        file.extend((local.len() as u32).to_le_bytes());
        file.extend([0, 0]);
        // 600 MB of 3.
        assert!(plain_zip(&file).is_none());
    }
}
