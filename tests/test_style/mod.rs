//! A style whose weights come from the formula.

use nijigen::model::GeneratorConfig;
use nijigen::style::{Licence, Style, StyleHeader};

use super::formula;

/// A style of the network, without a known answer.
pub fn style(config: &GeneratorConfig) -> Style {
    let weights = formula::weights(config, None);
    let licence = Licence {
        code: "MIT OR Apache-2.0".into(),
        data: "CC0-1.0".into(),
    };
    let header = StyleHeader::new("test-style", "test", config.clone(), licence, "a formula");
    Style::new(header, weights).expect("a style")
}
