//! The reader of style files.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = nijigen::style::Style::from_bytes(bytes);
});
