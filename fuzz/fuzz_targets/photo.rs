//! The native decoders: which one a file goes to, its first bytes say.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = nijigen::imaging::decode_partial(bytes);
});
