//! ONNX models, as `nijigen import` and `nijigen onnx import` read them.
#![no_main]
#![allow(dead_code)]

use std::ops::RangeInclusive;

use libfuzzer_sys::fuzz_target;
use nijigen::model::GeneratorConfig;

#[path = "../../trainer/src/onnx/import.rs"]
mod import;
#[path = "../../trainer/src/onnx/proto.rs"]
mod proto;
#[path = "../../trainer/src/onnx/tensor.rs"]
mod tensor;
#[path = "../../trainer/src/onnx/weights.rs"]
mod weights;

/// What the modules have from the one around them.
const READ_OPSETS: RangeInclusive<i64> = 11..=28;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(model) = import::read_model(bytes) {
        let _ = import::style_file(&model);
        let _ = weights::upsampling(&model);
        let _ = weights::weights(&model, &GeneratorConfig::compact());
    }
});
