//! The segments of a JPEG file (ITU-T T.81, annex B), read and put in order before a decoder sees them. Files
//! that every viewer opens, but that strict decoders refuse, become what those expect.

use std::borrow::Cow;

use super::jpeg_scan;
use crate::error::{Error, Result};

const START: [u8; 2] = [0xff, 0xd8];
const END: [u8; 2] = [0xff, 0xd9];
const TABLES: u8 = 0xc4;
const SCAN: u8 = 0xda;
const APP1: u8 = 0xe1;
const EXIF: &[u8] = b"Exif\0\0";
/// Zeros at the end of a file from this many on are room that a download has not filled.
const NEVER_WRITTEN: usize = 64;

/// A JPEG file, read from its first segment to its end.
#[derive(Debug)]
pub(super) struct Jpeg<'a> {
    /// `[width, height]` in pixels.
    pub size: [usize; 2],
    /// The file with what decoders stumble over put in order: no fill bytes, the first EXIF segment only,
    /// Huffman tables before the first scan, an end.
    pub bytes: Cow<'a, [u8]>,
    /// Whether the file has an end of its own.
    pub ends: bool,
    /// Whether it comes in several passes, each of which sharpens the picture.
    pub progressive: bool,
    /// How the EXIF orientation lays the picture, 1 to 8.
    pub orientation: u8,
    /// What it takes to decode it that few decoders can, if anything.
    // Browsers find out by themselves.
    #[cfg_attr(not(feature = "decode"), expect(dead_code))]
    pub rare: Option<&'static str>,
}

impl<'a> Jpeg<'a> {
    /// Reads the segments. Pixels are not looked at.
    ///
    /// # Errors
    /// [`Error::PhotoUnreadable`] if it is cut off or damaged before the first scan.
    pub fn read(bytes: &'a [u8]) -> Result<Self> {
        let mut reader = Reader {
            bytes,
            at: START.len(),
            copied: 0,
            out: Vec::new(),
        };
        let (mut size, mut rare, mut progressive) = (None, None, false);
        let (mut tables, mut exif, mut scanned) = (false, None, false);
        let mut ends = false;
        while let Some(marker) = reader.next_marker(scanned) {
            let begin = reader.at - 2;
            match marker {
                // Restarts, and a stray start, have no length.
                0x01 | 0xd0..=0xd8 => continue,
                0xd9 => {
                    ends = scanned;
                    break;
                }
                _ => {}
            }
            let Some(contents) = reader.segment() else {
                break;
            };
            match marker {
                // All frames but the tables (C4), the extension (C8) and arithmetic conditioning (CC).
                0xc0..=0xcf if ![TABLES, 0xc8, 0xcc].contains(&marker) && size.is_none() => {
                    let &[precision, h1, h0, w1, w0, ..] = contents else {
                        break;
                    };
                    let side = |high, low| usize::from(u16::from_be_bytes([high, low]));
                    size = Some([side(w1, w0), side(h1, h0)]);
                    rare = rarity(marker, precision);
                    progressive = marker == 0xc2;
                }
                TABLES => tables = true,
                APP1 if contents.starts_with(EXIF) => {
                    if exif.is_some() {
                        reader.leave_out(begin);
                    }
                    exif = exif.or(Some(orientation(&contents[EXIF.len()..])));
                }
                SCAN => {
                    if !tables && !scanned {
                        reader.insert(begin, &standard_tables());
                    }
                    scanned = true;
                }
                _ => {}
            }
        }
        let Some(size) = size.filter(|_| scanned) else {
            return Err(Error::PhotoUnreadable(
                "the JPEG file ends, or is damaged, before its picture begins".into(),
            ));
        };
        Ok(Self {
            size,
            bytes: reader.finish(ends),
            ends,
            progressive,
            orientation: exif.flatten().unwrap_or(1),
            rare,
        })
    }

    /// If the file ends early: the share of the picture's rows that are missing; 0 where passes are missing that would
    /// sharpen it.
    pub fn ends_early(&self) -> Option<f32> {
        if self.ends {
            return None;
        }
        let missing = jpeg_scan::missing(&self.bytes)?;
        (self.progressive || missing > 0.0).then_some(missing)
    }
}

/// The orientation in an EXIF segment's TIFF structure, 1 to 8.
fn orientation(tiff: &[u8]) -> Option<u8> {
    const ORIENTATION: u16 = 0x0112;
    let little = tiff.starts_with(b"II");
    let word = |at: usize| {
        let bytes = *tiff.get(at..)?.first_chunk()?;
        let read = if little {
            u16::from_le_bytes
        } else {
            u16::from_be_bytes
        };
        Some(read(bytes))
    };
    let [first, second] = [word(4)?, word(6)?].map(usize::from);
    let directory = if little {
        second << 16 | first
    } else {
        first << 16 | second
    };
    let entries = usize::from(word(directory)?);
    let mut entries = (0..entries).map(|entry| directory + 2 + 12 * entry);
    let entry = entries.find(|entry| word(*entry) == Some(ORIENTATION))?;
    word(entry + 8)
        .and_then(|value| u8::try_from(value).ok())
        .filter(|value| (1..=8).contains(value))
}

/// Why few decoders can read a frame of this kind.
fn rarity(marker: u8, precision: u8) -> Option<&'static str> {
    match marker {
        0xc3 | 0xc7 | 0xcb | 0xcf => Some("lossless coding"),
        0xc5..=0xc7 | 0xcd..=0xcf => Some("hierarchical coding"),
        0xc9..=0xcb => Some("arithmetic coding"),
        _ if precision != 8 => Some("12 bits a sample"),
        _ => None,
    }
}

/// Where in the file we are, and what is to become of it.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Up to where the file is in `out`, which stays empty as long as nothing is changed.
    copied: usize,
    out: Vec<u8>,
}

impl<'a> Reader<'a> {
    /// Goes behind the next marker. Between segments there should be nothing but fill bytes, which are left
    /// out; `within_scan`, anything else is the picture's.
    fn next_marker(&mut self, within_scan: bool) -> Option<u8> {
        loop {
            let from = self.at + self.bytes.get(self.at..)?.iter().position(|b| *b == 0xff)?;
            let after = self.bytes.get(from..)?.iter().position(|b| *b != 0xff)?;
            let marker = self.bytes[from + after];
            self.at = from + after + 1;
            if marker == 0 && (within_scan || after == 1) {
                continue;
            }
            // `after` bytes of FF, of which a marker needs one.
            if after > 1 {
                self.copy(from);
                self.copied = from + after - 1;
            }
            return Some(marker);
        }
    }

    /// The contents of the segment that begins here, and goes behind it.
    fn segment(&mut self) -> Option<&'a [u8]> {
        let length = self.bytes.get(self.at..self.at + 2)?;
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        let contents = self.bytes.get(self.at + 2..self.at + length)?;
        self.at += length;
        Some(contents)
    }

    /// Copies what comes before a place.
    fn copy(&mut self, to: usize) {
        self.out.extend_from_slice(&self.bytes[self.copied..to]);
        self.copied = to;
    }

    /// Leaves out what is between a place and here.
    fn leave_out(&mut self, from: usize) {
        self.copy(from);
        self.copied = self.at;
    }

    /// Puts more before a place.
    fn insert(&mut self, at: usize, more: &[u8]) {
        self.copy(at);
        self.out.extend_from_slice(more);
    }

    /// The whole file, with an end. What is nothing but zeros before a missing end was never written.
    fn finish(mut self, ends: bool) -> Cow<'a, [u8]> {
        if ends && self.copied == 0 {
            return Cow::Borrowed(self.bytes);
        }
        self.copy(self.bytes.len());
        if !ends {
            let zeros = self.out.iter().rev().take_while(|byte| **byte == 0).count();
            if zeros >= NEVER_WRITTEN {
                self.out.truncate(self.out.len() - zeros);
            }
            self.out.extend(END);
        }
        Cow::Owned(self.out)
    }
}

/// The segment of the Huffman tables of T.81's annex K.3, which frames of webcams (Motion JPEG) leave out.
fn standard_tables() -> Vec<u8> {
    let tables: [(u8, [u8; 16], &[u8]); 4] = [
        (
            0x00,
            [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0],
            &DC_VALUES,
        ),
        (
            0x10,
            [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d],
            &AC_LUMINANCE,
        ),
        (
            0x01,
            [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0],
            &DC_VALUES,
        ),
        (
            0x11,
            [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77],
            &AC_CHROMINANCE,
        ),
    ];
    let length = 2 + tables.iter().map(|(.., v)| 17 + v.len()).sum::<usize>();
    let mut segment = vec![0xff, TABLES];
    segment.extend((length as u16).to_be_bytes());
    for (kind, counts, values) in tables {
        segment.push(kind);
        segment.extend(counts);
        segment.extend(values);
    }
    segment
}

const DC_VALUES: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

#[rustfmt::skip]
const AC_LUMINANCE: [u8; 162] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22, 0x71,
    0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0, 0x24, 0x33, 0x62, 0x72,
    0x82, 0x09, 0x0a, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x34, 0x35, 0x36, 0x37,
    0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59,
    0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x83,
    0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3,
    0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3,
    0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe1, 0xe2,
    0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa,
];

#[rustfmt::skip]
const AC_CHROMINANCE: [u8; 162] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13, 0x22,
    0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0, 0x15, 0x62, 0x72, 0xd1,
    0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1, 0x17, 0x18, 0x19, 0x1a, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x35, 0x36,
    0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58,
    0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a,
    0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a,
    0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba,
    0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda,
    0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa,
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn segment(marker: u8, contents: &[u8]) -> Vec<u8> {
        let length = (contents.len() as u16 + 2).to_be_bytes();
        [&[0xff, marker], &length[..], contents].concat()
    }

    fn frame(marker: u8, precision: u8) -> Vec<u8> {
        segment(marker, &[precision, 0, 20, 1, 4, 1, 1, 0x11, 0])
    }

    fn scan(end: &[u8]) -> Vec<u8> {
        [
            &segment(SCAN, &[1, 1, 0, 0, 63, 0]),
            &[0x12, 0xff, 0, 7][..],
            end,
        ]
        .concat()
    }

    #[test]
    fn files_in_order_are_left_as_they_are() {
        let file = [
            &START[..],
            &frame(0xc0, 8),
            &segment(TABLES, &[0]),
            &scan(&END),
            b"and a second picture",
        ]
        .concat();
        let jpeg = Jpeg::read(&file).unwrap();
        assert_eq!((jpeg.size, jpeg.ends, jpeg.rare), ([260, 20], true, None));
        assert!(matches!(jpeg.bytes, Cow::Borrowed(bytes) if bytes == file));
    }

    #[test]
    fn what_decoders_stumble_over_is_put_in_order() {
        let exif = |text: &[u8]| segment(APP1, &[EXIF, text].concat());
        let fill = [0xff; 3];
        let tables = segment(TABLES, &[0]);
        let wild = [
            &START[..],
            &exif(b"first"),
            &fill,
            &exif(b"second"),
            &fill,
            &frame(0xc0, 8),
            &tables,
            &fill,
            &scan(&[]),
        ]
        .concat();
        let tidy = [
            &START[..],
            &exif(b"first"),
            &frame(0xc0, 8),
            &tables,
            &scan(&END),
        ]
        .concat();
        let jpeg = Jpeg::read(&wild).unwrap();
        assert_eq!(jpeg.bytes, tidy);
        assert!(!jpeg.ends);
    }

    #[test]
    fn frames_without_tables_get_those_of_the_standard() {
        let file = [&START[..], &frame(0xc0, 8), &scan(&END)].concat();
        let jpeg = Jpeg::read(&file).unwrap();
        let tables = standard_tables();
        assert_eq!(jpeg.bytes.len(), file.len() + tables.len());
        assert!(jpeg.bytes.windows(tables.len()).any(|part| part == tables));
        // Each table has as many values as codes.
        assert_eq!(tables.len(), 4 + 4 * 17 + 2 * 12 + 2 * 162);
    }

    #[test]
    fn rare_codings_are_named() {
        for (marker, precision, expected) in [
            (0xc0, 8, None),
            (0xc2, 8, None),
            (0xc1, 12, Some("12 bits a sample")),
            (0xc9, 8, Some("arithmetic coding")),
            (0xca, 8, Some("arithmetic coding")),
            (0xc3, 8, Some("lossless coding")),
        ] {
            let file = [&START[..], &frame(marker, precision), &scan(&END)].concat();
            assert_eq!(Jpeg::read(&file).unwrap().rare, expected, "{marker:x}");
        }
    }

    #[test]
    fn files_without_a_picture_are_refused() {
        let whole = [&START[..], &frame(0xc0, 8), &scan(&END)].concat();
        for length in 2..whole.len() - 8 {
            let error = Jpeg::read(&whole[..length]).unwrap_err().to_string();
            assert!(error.contains("before its picture begins"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(prop_oneof![Just(0xff), any::<u8>()], 0..300)) {
            if let Ok(jpeg) = Jpeg::read(&bytes) {
                // What was put in order is in order.
                let again = Jpeg::read(&jpeg.bytes).unwrap();
                prop_assert_eq!(again.size, jpeg.size);
                prop_assert!(again.ends);
            }
        }
    }
}
