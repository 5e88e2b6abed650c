//! Models written, run by onnxruntime (the golden files, see `make_golden.py` there), and read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use nijigen::engine::CpuEngine;
use nijigen::imaging::Planes;
use nijigen::model::{GeneratorConfig, PublicLayout, Upsampling};
use nijigen::style::{ConvolutionRanges, Dtype, KnownAnswer, Style, StyleHeader};
use prost::Message;

use super::export::export;
use super::import::{read_model, style_file};
use super::proto::{ModelProto, TensorProto};
use super::tensor::{bytes, data_type};
use super::{upsampling, weights};
use crate::calibrate::calibrated_engine;
use crate::parity::output;
use crate::{formula, mutate, test_style};

/// Narrow networks with all that the two architectures have, in widths that pruning leaves.
fn animegan2() -> GeneratorConfig {
    let mut config = GeneratorConfig::animegan2();
    let widths = [5, 8, 7, 9, 8, 10];
    for (spec, channels) in config.encoder.iter_mut().zip(widths) {
        spec.channels = channels;
    }
    for (spec, hidden) in config.residuals.iter_mut().zip([11, 16, 9, 12]) {
        (spec.hidden, spec.channels) = (hidden, 12);
    }
    config.bridge[0].channels = 8;
    for stage in &mut config.decoder {
        for (spec, channels) in stage.convs.iter_mut().zip([9, 8, 6]) {
            spec.channels = channels;
        }
    }
    config
}

fn compact() -> GeneratorConfig {
    let mut config = GeneratorConfig::compact();
    let widths = [6, 8, 9];
    for (spec, channels) in config.encoder.iter_mut().zip(widths) {
        spec.channels = channels;
    }
    config.residuals.truncate(2);
    for spec in &mut config.residuals {
        (spec.hidden, spec.channels) = (70, 9);
    }
    for (stage, channels) in config.decoder.iter_mut().zip([8, 6]) {
        stage.convs[0].channels = channels;
    }
    config
}

/// The bytes of a style file with weights from the formula.
fn style(generator: GeneratorConfig, dtype: Dtype) -> Vec<u8> {
    let style = test_style::style(&generator);
    let header = StyleHeader {
        dtype,
        metrics: BTreeMap::from([("flat".into(), 0.25)]),
        ..style.header().clone()
    };
    let style = Style::new(header, style.weights().clone()).unwrap();
    style.to_bytes().unwrap()
}

/// The same with ranges around the layers of 8 bits, given by hand so that every machine writes the
/// same model; all but the last decoder layer's.
fn calibrated_style() -> Vec<u8> {
    let mut config = compact();
    // Wide enough for the layer behind to be in 8 bits, here the head with its bias.
    config.encoder[0].channels = 8;
    config.decoder[1].convs[0].channels = 8;
    let style = Style::from_bytes(&style(config, Dtype::Int8)).unwrap();
    let ranges = ConvolutionRanges {
        input: [-2.0, 6.0].into(),
        products: [-8.0, 7.5].into(),
    };
    let measured = style
        .quantisable_tensors()
        .filter(|name| !name.starts_with("decoder.1"));
    let header = StyleHeader {
        activation_ranges: measured.map(|name| (name.to_owned(), ranges)).collect(),
        ..style.header().clone()
    };
    let style = Style::new(header, style.weights().clone()).unwrap();
    style.to_bytes().unwrap()
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/onnx")
        .join(name)
}

/// Styles whose models are golden files.
fn golden_styles() -> [(&'static str, Vec<u8>); 4] {
    [
        ("animegan2-f32", style(animegan2(), Dtype::F32)),
        ("compact-f16", style(compact(), Dtype::F16)),
        ("compact-int8", style(compact(), Dtype::Int8)),
        ("compact-int8-calibrated", calibrated_style()),
    ]
}

/// A picture whose sides no halving divides.
fn odd_picture() -> Planes {
    let values = formula::values("picture", 3 * 35 * 45);
    let values = values.into_iter().map(|v| v as f32).collect();
    Planes::new(45, 35, values).unwrap()
}

#[test]
#[ignore = "writes the golden models, after a change of what is exported"]
fn write_golden_models() {
    for (name, file) in golden_styles() {
        let path = golden(&format!("{name}.onnx"));
        fs::write(path, export(&file).unwrap()).unwrap();
    }
}

#[test]
fn exports_are_the_models_that_onnxruntime_ran() {
    for (name, file) in golden_styles() {
        let expected = fs::read(golden(&format!("{name}.onnx"))).unwrap();
        assert!(export(&file).unwrap() == expected, "{name}");
    }
}

#[test]
fn onnxruntime_computes_what_the_engine_computes() {
    let answers: BTreeMap<String, BTreeMap<String, Vec<f32>>> =
        serde_json::from_slice(&fs::read(golden("onnxruntime.json")).unwrap()).unwrap();
    let pictures = [
        ("32x32", KnownAnswer::input(3).unwrap()),
        ("45x35", odd_picture()),
    ];
    for (name, file) in golden_styles() {
        let style = Style::from_bytes(&file).unwrap();
        let engine = CpuEngine::new(&style).unwrap();
        for (size, picture) in &pictures {
            let ours = output(&engine, picture).unwrap();
            let theirs = &answers[name][*size];
            if style.header().activation_ranges.is_empty() {
                let [largest, _] = differences(&ours, theirs);
                assert!(largest < 1e-5, "{name} {size}: {largest}");
                continue;
            }
            // Integers at the edge between two may fall to either side, and with them others behind.
            let rounded = calibrated_engine(&style, &Device::flex()).unwrap();
            let rounded = output(&rounded, picture).unwrap();
            let [largest, mean] = differences(&rounded, theirs);
            let [_, unrounded] = differences(&ours, theirs);
            assert!(
                largest < 0.05 && mean < 2e-3,
                "{name} {size}: {largest} {mean}"
            );
            assert!(unrounded > 5.0 * mean, "{name} {size}: {mean} {unrounded}");
        }
    }
}

/// The largest and the mean difference of a picture and the values of it that are stored.
fn differences(picture: &Planes, stored: &[f32]) -> [f32; 2] {
    assert_eq!(stored.len(), picture.values().len().div_ceil(13));
    let pairs = picture.values().iter().step_by(13).zip(stored);
    let differences = pairs.map(|(a, b)| (a - b).abs());
    let sum: f32 = differences.clone().sum();
    [differences.fold(0.0, f32::max), sum / stored.len() as f32]
}

/// What the golden models do not have: guide planes, a third halving, depth-to-space.
#[test]
fn other_layouts_are_exported() {
    let mut config = GeneratorConfig::deep().with_upsampling(Upsampling::DepthToSpace);
    config.input_channels = 7;
    let file = style(config.clone(), Dtype::F32);
    let model = read_model(&export(&file).unwrap()).unwrap();
    assert_eq!(upsampling(&model).unwrap(), Some(Upsampling::DepthToSpace));
    let style = Style::from_bytes(&file).unwrap();
    assert!(&weights(&model, &config).unwrap() == style.weights());
    assert!(style_file(&model).unwrap() == file);
    let graph = model.graph.unwrap();
    let input = graph.input[0].kind.as_ref().unwrap();
    let input = input.tensor_type.as_ref().unwrap().shape.as_ref().unwrap();
    assert_eq!(input.dim[1].dim_value, Some(7));
    let nodes = |op_type| graph.node.iter().filter(move |n| n.op_type == op_type);
    let names: Vec<&str> = nodes("Slice").map(|node| node.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "decoder.0.upsample",
            "decoder.1.upsample",
            "decoder.2.upsample"
        ]
    );
    let sizes: Vec<&str> = nodes("Slice").map(|node| node.input[2].as_str()).collect();
    assert_eq!(sizes, ["level.2.size", "level.1.size", "level.0.size"]);
}

#[test]
fn convolutions_with_ranges_take_and_give_integers() {
    let model = read_model(&export(&calibrated_style()).unwrap()).unwrap();
    let graph = model.graph.unwrap();
    let makers = |name: &str| graph.node.iter().find(|node| node.output[0] == name);
    let mut of_integers = 0;
    for conv in graph.node.iter().filter(|node| node.op_type == "Conv") {
        let ranged = conv.input[1] != "decoder.1.convs.0.conv.weight/f32"
            && makers(&conv.input[1]).unwrap().op_type == "DequantizeLinear";
        of_integers += usize::from(ranged);
        let input = makers(&conv.input[0]).unwrap();
        assert_eq!(input.op_type == "DequantizeLinear", ranged, "{}", conv.name);
        let user = graph
            .node
            .iter()
            .find(|node| node.input[0] == conv.output[0])
            .unwrap();
        assert_eq!(user.op_type == "QuantizeLinear", ranged, "{}", conv.name);
    }
    assert_eq!(of_integers, 6);
    // In floating point there is nothing to quantise.
    let style = Style::from_bytes(&calibrated_style()).unwrap();
    let header = StyleHeader {
        dtype: Dtype::F16,
        ..style.header().clone()
    };
    let in_f16 = Style::new(header, style.weights().clone()).unwrap();
    let model = read_model(&export(&in_f16.to_bytes().unwrap()).unwrap()).unwrap();
    let nodes = model.graph.unwrap().node;
    assert!(nodes.iter().all(|node| !node.op_type.ends_with("eLinear")));
}

#[test]
fn a_style_comes_back_byte_by_byte() {
    let mut files = vec![calibrated_style()];
    for config in [animegan2(), compact()] {
        for dtype in [Dtype::F32, Dtype::F16, Dtype::Int8] {
            files.push(style(config.clone(), dtype));
        }
    }
    for file in files {
        let model = export(&file).unwrap();
        let again = style_file(&read_model(&model).unwrap()).unwrap();
        assert!(again == file);
    }
}

/// Other tools may move values to the field of their type.
#[test]
fn a_rewritten_model_is_the_same_style() {
    for (name, file) in golden_styles() {
        let mut model = read_model(&export(&file).unwrap()).unwrap();
        for tensor in &mut model.graph.as_mut().unwrap().initializer {
            let raw = std::mem::take(&mut tensor.raw_data);
            match tensor.data_type {
                data_type::FLOAT => {
                    let values = raw.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b));
                    tensor.float_data = values.collect();
                }
                data_type::FLOAT16 => {
                    let bits = raw.as_chunks().0.iter().map(|b| u16::from_le_bytes(*b));
                    tensor.int32_data = bits.map(i32::from).collect();
                }
                data_type::INT8 => {
                    let values = raw.iter().map(|b| i32::from(b.cast_signed()));
                    tensor.int32_data = values.collect();
                }
                _ => tensor.raw_data = raw,
            }
        }
        let model = read_model(&model.encode_to_vec()).unwrap();
        assert!(style_file(&model).unwrap() == file, "{name}");
    }
}

/// Models that `torch.onnx` made of the public generator's code in narrow widths: with constants
/// folded, where parameters have lost their names, and without.
#[test]
fn exports_of_pytorch_give_their_weights() {
    let expected = formula::weights(&animegan2(), Some(PublicLayout::Animegan2));
    for name in [
        "torch-folded.onnx",
        "torch-unfolded.onnx",
        "torch-opset18.onnx",
    ] {
        let model = read_model(&fs::read(golden(name)).unwrap()).unwrap();
        assert!(weights(&model, &animegan2()).unwrap() == expected, "{name}");
        let found = upsampling(&model).unwrap();
        assert_eq!(found, Some(Upsampling::AlignCorners), "{name}");
        let error = style_file(&model).unwrap_err().to_string();
        assert!(error.contains("nijigen import"), "{error}");
    }
}

#[test]
fn exports_without_their_header_still_give_their_weights() {
    let file = style(compact(), Dtype::F16);
    let model = read_model(&export(&file).unwrap()).unwrap();
    let style = Style::from_bytes(&file).unwrap();
    assert!(&weights(&model, &compact()).unwrap() == style.weights());
    let found = upsampling(&model).unwrap();
    assert_eq!(found, Some(Upsampling::HalfPixel));
}

fn exported(dtype: Dtype) -> ModelProto {
    read_model(&export(&style(compact(), dtype)).unwrap()).unwrap()
}

fn initializer<'a>(model: &'a mut ModelProto, name: &str) -> &'a mut TensorProto {
    let initializers = &mut model.graph.as_mut().unwrap().initializer;
    initializers.iter_mut().find(|t| t.name == name).unwrap()
}

fn refused<T>(result: anyhow::Result<T>, expected: &str) {
    let error = format!("{:#}", result.err().expect(expected));
    assert!(error.contains(expected), "{error}\nexpected {expected}");
}

#[test]
fn damaged_files_are_refused() {
    let file = export(&style(compact(), Dtype::Int8)).unwrap();
    for length in (0..file.len()).step_by(101) {
        let read = read_model(&file[..length]).and_then(|model| style_file(&model));
        assert!(read.is_err(), "{length} bytes");
    }
    refused(read_model(b"\x89PNG\r\n\x1a\n"), "not a whole ONNX model");
    refused(read_model(b""), "not an ONNX model: it has no graph");
    let half = &file[..file.len() / 2];
    refused(read_model(half), "not a whole ONNX model");
}

#[test]
fn other_operator_sets_are_refused() {
    for (version, expected) in [
        (9, "operator set is 9, expected 11 to 28"),
        (99, "operator set is 99"),
    ] {
        let mut model = exported(Dtype::F32);
        model.opset_import[0].version = version;
        refused(read_model(&model.encode_to_vec()), expected);
    }
    let mut model = exported(Dtype::F32);
    model.opset_import[0].domain = "com.example".into();
    refused(read_model(&model.encode_to_vec()), "names no operator set");
}

#[test]
fn a_style_s_model_that_was_changed_is_refused() {
    type Change = fn(&mut ModelProto);
    let changes: [(Change, &str); 8] = [
        (
            |model| initializer(model, "residuals.1.expand.conv.weight").dims = vec![35, 18, 1, 1],
            "tensor residuals.1.expand.conv.weight has the shape [35, 18, 1, 1], but the header \
             says [70, 9, 1, 1]",
        ),
        (
            |model| initializer(model, "encoder.1.norm.gamma").dims = vec![1, 8],
            "tensor encoder.1.norm.gamma has the shape [1, 8], but the header says [8]",
        ),
        (
            |model| initializer(model, "encoder.0.norm.beta").name = "else".into(),
            "tensor encoder.0.norm.beta is missing",
        ),
        (
            |model| initializer(model, "head.bias").data_type = 6,
            "tensor head.bias has ONNX's data type 6",
        ),
        (
            |model| initializer(model, "head.bias").data_location = 1,
            "tensor head.bias keeps its values in another file",
        ),
        (
            |model| {
                initializer(model, "head.bias").raw_data.pop();
            },
            "tensor head.bias has 11 bytes, expected 4 for each value of its shape [3]",
        ),
        (
            |model| {
                let bias = initializer(model, "head.bias");
                bias.data_type = data_type::FLOAT16;
                bias.raw_data.truncate(6);
            },
            "tensor head.bias is stored as F16, but the header says F32",
        ),
        (
            |model| model.metadata_props[0].value.truncate(100),
            "its header is damaged",
        ),
    ];
    for (change, expected) in changes {
        let mut model = exported(Dtype::F32);
        change(&mut model);
        refused(style_file(&model), expected);
    }
    let mut model = exported(Dtype::Int8);
    initializer(&mut model, "residuals.0.project.weight.scale").name = "else".into();
    refused(
        style_file(&model),
        "tensor residuals.0.project.weight.scale is missing or not f32",
    );
}

#[test]
fn models_of_other_networks_are_refused() {
    let model = exported(Dtype::F32);
    let refusal = weights(&model, &animegan2());
    refused(refusal, "it has 12 convolutions, expected 25");
    let mut wider = compact();
    wider.residuals[1].hidden = 72;
    refused(
        weights(&model, &wider),
        "convolution \"residuals.1.expand.conv\" has weights of the shape [70, 9, 1, 1], expected \
         [72, 9, 1, 1] (residuals.1.expand.conv.weight)",
    );
    let mut biased = compact();
    biased.depthwise_bias = true;
    refused(
        weights(&model, &biased),
        "convolution \"residuals.0.depthwise.conv\" has no bias",
    );
    let mut plain = compact();
    plain.head.bias = false;
    refused(
        weights(&model, &plain),
        "a bias, a scale or a shift too many",
    );
    refused(
        weights(&exported(Dtype::Int8), &compact()),
        "has weights that the graph computes",
    );
    let mut integers = exported(Dtype::F32);
    initializer(&mut integers, "head.weight").data_type = 6;
    refused(weights(&integers, &compact()), "ONNX's data type 6");
}

#[test]
fn other_upsamplings_are_refused() {
    let mut model = exported(Dtype::F32);
    assert_eq!(upsampling(&ModelProto::default()).unwrap(), None);
    let nodes = &mut model.graph.as_mut().unwrap().node;
    let resize = nodes.iter_mut().find(|n| n.op_type == "Resize").unwrap();
    resize.attribute[1].s = Some("asymmetric".into());
    let named = "node \"decoder.0.upsample\" resizes with the coordinates \"asymmetric\"";
    refused(upsampling(&model), named);
    let nodes = &mut model.graph.as_mut().unwrap().node;
    let resize = nodes.iter_mut().find(|n| n.op_type == "Resize").unwrap();
    resize.attribute[0].s = Some("cubic".into());
    refused(upsampling(&model), "resizes by \"cubic\"");
    let config = GeneratorConfig::compact().with_upsampling(Upsampling::DepthToSpace);
    let mut model = read_model(&export(&style(config, Dtype::F32)).unwrap()).unwrap();
    let nodes = &mut model.graph.as_mut().unwrap().node;
    let mut nodes = nodes.iter_mut();
    let resize = nodes.find(|n| n.op_type == "DepthToSpace").unwrap();
    resize.attribute[1].s = Some("DCR".into());
    refused(upsampling(&model), "depth to space in the order \"DCR\"");
}

#[test]
fn impossible_shapes_are_told() {
    for dims in [vec![-1], vec![i64::MAX, i64::MAX]] {
        let tensor = TensorProto {
            dims,
            data_type: data_type::FLOAT,
            name: "a".into(),
            ..Default::default()
        };
        assert!(
            bytes(&tensor)
                .unwrap_err()
                .to_string()
                .contains("tensor a has")
        );
    }
}

#[test]
fn damaged_models_are_refused_or_read() -> anyhow::Result<()> {
    let small = style(small_config(), Dtype::F32);
    let int8 = style(small_config(), Dtype::Int8);
    let seeds = [export(&small)?, export(&int8)?];
    mutate::feed("onnx", &seeds, |bytes| {
        if let Ok(model) = read_model(bytes) {
            let _ = style_file(&model);
            let _ = upsampling(&model);
            let _ = weights(&model, &small_config());
        }
    });
    Ok(())
}

/// The smallest network there is, so that faults hit more than weights.
fn small_config() -> GeneratorConfig {
    let mut config = GeneratorConfig::compact();
    config.encoder.truncate(2);
    config.residuals.truncate(1);
    config.decoder.truncate(1);
    for spec in &mut config.encoder {
        spec.channels = 4;
    }
    for spec in &mut config.residuals {
        (spec.hidden, spec.channels) = (4, 4);
    }
    for stage in &mut config.decoder {
        stage.convs[0].channels = 4;
    }
    config
}
