//! The native decoders: which one a file goes to, its first bytes say.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nijigen::imaging::{PhotoHeader, decode_partial, probe};

/// Pictures of a few bytes may have a hundred megapixels, which take longer and more memory than an input should.
const MOST_PIXELS: usize = 1 << 20;

fuzz_target!(
    // A panic of a decoder is caught and becomes a refusal; libFuzzer's hook would end the process before.
    init: drop(std::panic::take_hook()),
    |bytes: &[u8]| {
        let is_large = |header: PhotoHeader| header.width * header.height > MOST_PIXELS;
        if !probe(bytes).is_ok_and(is_large) {
            let _ = decode_partial(bytes);
        }
    }
);
