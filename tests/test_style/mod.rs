//! A style whose weights come from the formula.

use std::collections::BTreeMap;

use nijigen::model::GeneratorConfig;
use nijigen::style::{Alignment, Dtype, FORMAT_VERSION, Licence, Status, Style, StyleHeader};

use super::formula;

/// A style of the network, without a known answer.
pub fn style(config: &GeneratorConfig) -> Style {
    let weights = formula::weights(config, None);
    let header = StyleHeader {
        format_version: FORMAT_VERSION,
        name: "test-style".into(),
        architecture: "test".into(),
        generator: config.clone(),
        value_range: [-1.0, 1.0],
        alignment: Alignment::default(),
        dtype: Dtype::F32,
        f16_tensors: Vec::new(),
        activation_ranges: BTreeMap::new(),
        licence: Licence {
            code: "MIT OR Apache-2.0".into(),
            data: "CC0-1.0".into(),
        },
        status: Status::Interim,
        provenance: "a formula".into(),
        metrics: BTreeMap::new(),
        known_answer: None,
    };
    Style::new(header, weights).expect("a style")
}
