//! The style file: what is written is read again, and nothing else is accepted.
#![allow(missing_docs)]

mod formula;
mod test_style;

use std::collections::{BTreeMap, HashMap};

use nijigen::model::{
    ConvSpec, DecoderStage, GeneratorConfig, ResidualSpec, TensorValues, Weights,
};
use nijigen::style::{ConvolutionRanges, Dtype, Style};
use proptest::prelude::*;
use safetensors::tensor::TensorView;

/// A small network, so that thousands of files can be tried.
fn config() -> GeneratorConfig {
    let conv = |channels, stride| ConvSpec {
        channels,
        kernel: 3,
        stride,
    };
    GeneratorConfig {
        encoder: vec![conv(4, 1), conv(6, 2)],
        residuals: vec![ResidualSpec::new(8, 6)],
        decoder: vec![DecoderStage {
            convs: vec![conv(4, 1)],
            skip: true,
        }],
        ..GeneratorConfig::compact()
    }
}

fn style(dtype: Dtype) -> Style {
    test_style::style(&config())
        .with_header(|header| {
            header.dtype = dtype;
            header.metrics = BTreeMap::from([("flat".into(), 0.5)]);
        })
        .expect("a valid style")
}

/// The bytes of a safetensors file with the given metadata and tensors, valid or not as a style.
fn file(metadata: HashMap<String, String>, weights: &Weights) -> Vec<u8> {
    let stored: Vec<(&String, &TensorValues, Vec<u8>)> = weights
        .iter()
        .map(|(name, t)| {
            (
                name,
                t,
                t.values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            )
        })
        .collect();
    let views = stored.iter().map(|(name, t, bytes)| {
        let view = TensorView::new(safetensors::Dtype::F32, t.shape.clone(), bytes);
        (*name, view.expect("a tensor"))
    });
    safetensors::serialize(views, Some(metadata)).expect("a file")
}

/// The metadata of a valid f32 file.
fn metadata() -> HashMap<String, String> {
    let header = serde_json::to_string(style(Dtype::F32).header()).expect("JSON");
    HashMap::from([("nijigen".into(), header)])
}

fn refusal(bytes: &[u8]) -> String {
    let error = Style::from_bytes(bytes).expect_err("refused");
    assert_eq!(error.code(), "style-invalid");
    error.to_string()
}

#[test]
fn f32_round_trip_is_exact() {
    let style = style(Dtype::F32);
    let bytes = style.to_bytes().expect("bytes");
    assert_eq!(Style::from_bytes(&bytes).expect("a style"), style);
    // The same style gives the same bytes.
    assert!(bytes == file(metadata(), style.weights()));
}

#[test]
fn f16_round_trip_rounds_once() {
    let original = style(Dtype::F16);
    let bytes = original.to_bytes().expect("bytes");
    let read = Style::from_bytes(&bytes).expect("a style");
    for (name, tensor) in read.weights() {
        for (a, b) in tensor.values.iter().zip(&original.weights()[name].values) {
            // Half precision keeps 11 significant bits.
            assert!((a - b).abs() <= b.abs() / 2048.0 + 1e-7, "{name}: {a} {b}");
        }
    }
    assert!(read.to_bytes().expect("bytes") == bytes);
}

/// A network of which some layers are wide enough for 8 bits.
fn int8_style() -> Style {
    let mut header = style(Dtype::Int8).header().clone();
    header.generator.encoder[1].channels = 16;
    header.generator.residuals[0] = ResidualSpec::new(72, 16);
    let weights = formula::weights(&header.generator, None);
    Style::new(header, weights).expect("a valid style")
}

#[test]
fn int8_round_trip_rounds_once() {
    let original = int8_style();
    let bytes = original.to_bytes().expect("bytes");
    let read = Style::from_bytes(&bytes).expect("a style");
    let name = "residuals.0.project.weight";
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("a file");
    let stored = |name: &str| file.tensor(name).expect("a tensor").dtype();
    assert_eq!(stored(name), safetensors::Dtype::I8);
    assert_eq!(stored("head.weight"), safetensors::Dtype::F16);
    let pairs = read.weights()[name].values.chunks_exact(72);
    for (read, exact) in pairs.zip(original.weights()[name].values.chunks_exact(72)) {
        let largest = exact.iter().fold(0.0, |most: f32, w| most.max(w.abs()));
        for (a, b) in read.iter().zip(exact) {
            assert!((a - b).abs() <= largest / 253.0, "{a} {b}");
        }
    }
    assert!(read.to_bytes().expect("bytes") == bytes);
}

#[test]
fn int8_keeps_the_named_tensors_in_f16() {
    let name = "residuals.0.project.weight";
    let style = int8_style();
    assert!(style.quantisable_tensors().any(|tensor| tensor == name));
    let mut header = style.header().clone();
    header.f16_tensors = vec![name.to_owned()];
    let kept = Style::new(header.clone(), style.weights().clone()).expect("a valid style");
    let bytes = kept.to_bytes().expect("bytes");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("a file");
    let stored = file.tensor(name).expect("a tensor").dtype();
    assert_eq!(stored, safetensors::Dtype::F16);
    let read = Style::from_bytes(&bytes).expect("a style");
    assert_eq!(read.header(), kept.header());

    header.f16_tensors = vec!["no.such.weight".to_owned()];
    let refused = Style::new(header, style.weights().clone()).expect_err("an unknown tensor");
    assert!(
        refused
            .to_string()
            .contains("f16_tensors names \"no.such.weight\""),
        "{refused}"
    );
}

#[test]
fn activation_ranges_are_kept_and_checked() {
    let style = int8_style();
    let name = "residuals.0.project.weight";
    let with_range = |name: &str, input: [f32; 2], products: [f32; 2]| {
        let ranges = ConvolutionRanges {
            input: input.into(),
            products: products.into(),
        };
        style.with_header(|header| {
            header.activation_ranges = BTreeMap::from([(name.to_owned(), ranges)]);
        })
    };
    let calibrated = with_range(name, [-0.1, 3.7], [-9.0, 12.5]).expect("a style");
    let bytes = calibrated.to_bytes().expect("bytes");
    let read = Style::from_bytes(&bytes).expect("a style");
    assert_eq!(read.header(), calibrated.header());
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).expect("metadata");
    let json = &metadata.metadata().as_ref().expect("entries")["nijigen"];
    let written = r#""activation_ranges":{"residuals.0.project.weight":{"input":[-0.1,3.7],"#;
    assert!(json.contains(written), "{json}");
    // A style without ranges has no field for them.
    let bytes = style.to_bytes().expect("bytes");
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).expect("metadata");
    let json = &metadata.metadata().as_ref().expect("entries")["nijigen"];
    assert!(!json.contains("activation_ranges"), "{json}");

    let refused = |name: &str, input, products| {
        let refused = with_range(name, input, products);
        refused.expect_err("a bad range").to_string()
    };
    for unknown in ["no.such.weight", "residuals.0.project_norm.gamma"] {
        let words = refused(unknown, [0.0, 1.0], [0.0, 1.0]);
        assert!(
            words.contains(&format!("activation_ranges names {unknown:?}")),
            "{words}"
        );
    }
    let words = refused(name, [1.5, -2.0], [0.0, 1.0]);
    assert!(
        words.contains(&format!("of {name}: input is [1.5, -2]")),
        "{words}"
    );
    for products in [[0.5, 0.5], [0.0, f32::INFINITY], [f32::NAN, 0.0]] {
        let words = refused(name, [0.0, 1.0], products);
        assert!(
            words.contains("products is [") && words.contains("expected finite"),
            "{words}"
        );
    }
    // Numbers that JSON can write and f32 cannot hold.
    let mut header = serde_json::to_value(style.header()).expect("JSON");
    header["activation_ranges"] =
        serde_json::json!({ name: { "input": [0.0, 1e39], "products": [0.0, 1.0] } });
    let metadata = HashMap::from([("nijigen".to_owned(), header.to_string())]);
    let words = refusal(&file(metadata, style.weights()));
    assert!(words.contains("input is [0, inf]"), "{words}");
}

#[test]
fn int8_needs_its_scales() {
    let bytes = int8_style().to_bytes().expect("bytes");
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).expect("metadata");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("a file");
    let scale = "residuals.0.project.weight.scale";
    let refused = |change: &dyn Fn(&str) -> Option<String>| {
        let tensors = file.iter().filter_map(|(name, view)| {
            let name = if name == scale {
                change(name)?
            } else {
                name.to_owned()
            };
            Some((name, view))
        });
        refusal(&safetensors::serialize(tensors, metadata.metadata().clone()).expect("a file"))
    };
    assert!(refused(&|_| None).contains("weight.scale is missing"));
    // Which of the two is found first is up to the library's order.
    assert!(refused(&|_| Some("head.weight.scale".into())).contains("weight.scale is"));
    // Scales of another layer.
    let short = [1.0f32; 3].map(f32::to_le_bytes).concat();
    let short = TensorView::new(safetensors::Dtype::F32, vec![3], &short).expect("a tensor");
    let tensors = file
        .iter()
        .map(|(name, view)| (name, if name == scale { short.clone() } else { view }));
    let bytes = safetensors::serialize(tensors, metadata.metadata().clone()).expect("a file");
    assert!(refusal(&bytes).contains("has 3 values, expected one for each of 16"));
}

#[test]
fn refusals_name_what_is_wrong() {
    let style = style(Dtype::F32);
    let weights = style.weights();
    let with_json = |json: &str| {
        refusal(&file(
            HashMap::from([("nijigen".into(), json.into())]),
            weights,
        ))
    };
    assert!(with_json(r#"{"format_version": 2, "novelty": []}"#).contains("is 2, expected 1"));
    assert!(with_json(r#"{"format_version": 1}"#).contains("missing field"));
    assert!(with_json("{}").contains("missing field `format_version`"));
    assert!(with_json("not json").contains("header is damaged"));
    assert!(refusal(&file(HashMap::new(), weights)).contains("no header"));

    let with_header = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut header = serde_json::to_value(style.header()).expect("JSON");
        change(&mut header);
        let mut metadata = metadata();
        metadata.insert("nijigen".into(), header.to_string());
        refusal(&file(metadata, weights))
    };
    assert!(with_header(&|h| h["name"] = "Bad Name".into()).contains("\"Bad Name\""));
    assert!(with_header(&|h| h["surprise"] = 1.into()).contains("surprise"));
    assert!(with_header(&|h| h["value_range"] = serde_json::json!([0, 1])).contains("[0.0, 1.0]"));
    assert!(with_header(&|h| h["dtype"] = "f16".into()).contains("stored as F32"));
    assert!(with_header(&|h| h["dtype"] = "f64".into()).contains("f64"));
    assert!(with_header(&|h| h["alignment"]["expand"] = 99.into()).contains("99"));
    assert!(
        with_header(&|h| h["drawing_side_px"] = 20.into())
            .contains("drawing_side_px is 20, expected 256 to 4096")
    );
    assert!(with_header(&|h| h["cel"] = 2.into()).contains("cel is 2, expected 0 to 1"));
    let without_a_side = with_header(&|h| h["cel"] = 0.5.into());
    assert!(without_a_side.contains("cel is 0.5, expected a drawing_side_px"));
    assert!(
        with_header(&|h| h["generator"]["encoder"][0]["channels"] = 1_000_000_000.into())
            .contains("encoder.0 has 1000000000 channels")
    );

    let with_weights = |change: &dyn Fn(&mut Weights)| {
        let mut weights = weights.clone();
        change(&mut weights);
        refusal(&file(metadata(), &weights))
    };
    let first = "encoder.0.conv.weight";
    assert!(with_weights(&|w| drop(w.remove(first))).contains("encoder.0.conv.weight is missing"));
    assert!(
        with_weights(&|w| drop(w.insert("extra".into(), w[first].clone())))
            .contains("tensor extra does not belong")
    );
    assert!(
        with_weights(&|w| w.get_mut(first).unwrap().shape = vec![3, 4, 3, 3]).contains("shape")
    );
    for value in [f32::NAN, f32::INFINITY] {
        let words = with_weights(&|w| w.get_mut(first).unwrap().values[7] = value);
        assert!(words.contains("at 7, expected finite"), "{words}");
    }
}

#[test]
fn weights_beyond_f16_are_not_written() {
    let mut weights = style(Dtype::F16).weights().clone();
    weights.get_mut("head.bias").unwrap().values[0] = 1e6;
    let style = Style::new(style(Dtype::F16).header().clone(), weights).unwrap();
    assert!(
        style
            .to_bytes()
            .unwrap_err()
            .to_string()
            .contains("head.bias")
    );
}

#[test]
fn every_truncation_is_refused() {
    let bytes = style(Dtype::F32).to_bytes().expect("bytes");
    for cut in 0..bytes.len() {
        assert!(Style::from_bytes(&bytes[..cut]).is_err(), "{cut}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(Style::from_bytes(&longer).is_err());
}

#[test]
fn oversized_is_refused_before_it_is_read() {
    let words = refusal(&vec![0; nijigen::style::MAX_STYLE_BYTES + 1]);
    assert!(words.contains("expected at most"), "{words}");
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Style::from_bytes(&bytes).is_err());
    }

    #[test]
    fn damage_is_refused_or_harmless(
        int8: bool,
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let style = if int8 { int8_style() } else { style(Dtype::F32) };
        let mut bytes = style.to_bytes().expect("bytes");
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(style) = Style::from_bytes(&bytes) {
            for tensor in style.weights().values() {
                prop_assert!(tensor.values.iter().all(|v| v.is_finite()));
            }
        }
    }
}
