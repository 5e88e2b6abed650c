//! ONNX models, as `nijigen import` and `nijigen onnx import` read them.
#![no_main]
#![allow(dead_code)]

use libfuzzer_sys::fuzz_target;
use nijigen::model::GeneratorConfig;

mod onnx {
    #[path = "../../../trainer/src/onnx/import.rs"]
    pub mod import;
    #[path = "../../../trainer/src/onnx/proto.rs"]
    pub mod proto;
    #[path = "../../../trainer/src/onnx/tensor.rs"]
    pub mod tensor;
    #[path = "../../../trainer/src/onnx/weights.rs"]
    pub mod weights;

    const READ_OPSETS: std::ops::RangeInclusive<i64> = 11..=28;
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(model) = onnx::import::read_model(bytes) {
        let _ = onnx::import::style_file(&model);
        let _ = onnx::weights::upsampling(&model);
        let _ = onnx::weights::weights(&model, &GeneratorConfig::compact());
    }
});
