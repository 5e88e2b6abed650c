//! What is read of a photo before anything is decoded.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nijigen::imaging::{mend, probe};

fuzz_target!(|bytes: &[u8]| {
    let _ = probe(bytes);
    let _ = mend(bytes);
});
