//! SHA-256 of style files.

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// SHA-256 in lower-case hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// Compares the SHA-256 of `bytes` with the one that was promised, in hexadecimal.
///
/// # Errors
/// [`Error::StyleHash`] if they differ.
pub fn verify_sha256(bytes: &[u8], expected: &str) -> Result<()> {
    let actual = sha256_hex(bytes);
    if actual.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    Err(Error::StyleHash {
        actual,
        expected: expected.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_vector() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_hex(b"abc"), abc);
        verify_sha256(b"abc", &abc.to_uppercase()).unwrap();
        let error = verify_sha256(b"abd", abc).unwrap_err();
        assert_eq!(error.code(), "style-hash");
        assert!(error.to_string().contains(abc));
    }
}
