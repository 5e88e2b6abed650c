//! PyTorch checkpoints and those in safetensors, as `nijigen import` reads them.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../trainer/src/checkpoint.rs"]
mod checkpoint;
#[path = "../../trainer/src/plain_zip.rs"]
mod plain_zip;

fuzz_target!(|bytes: &[u8]| {
    let path = std::env::temp_dir().join(format!("nijigen-fuzz-{}", std::process::id()));
    if std::fs::write(&path, bytes).is_err() {
        return;
    }
    if let Ok(mut checkpoint) = checkpoint::Checkpoint::read(&path) {
        let names: Vec<String> = checkpoint.names().map(str::to_owned).collect();
        for name in names {
            let _ = checkpoint.take(&name);
        }
    }
});
