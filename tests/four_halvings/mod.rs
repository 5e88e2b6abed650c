//! A network that halves four times, for tests of the engines from inside and from outside.

use super::model::{DecoderStage, GeneratorConfig, ResidualSpec};
use super::uneven::conv;

pub fn four_halvings() -> GeneratorConfig {
    GeneratorConfig {
        encoder: vec![
            conv(8, 3, 1),
            conv(9, 3, 2),
            conv(12, 3, 2),
            conv(16, 3, 2),
            conv(24, 3, 2),
        ],
        residuals: vec![ResidualSpec::new(40, 24); 2],
        decoder: [16, 12, 9, 8]
            .map(|channels| DecoderStage {
                convs: vec![conv(channels, 3, 1)],
                skip: true,
            })
            .to_vec(),
        ..GeneratorConfig::compact()
    }
}
