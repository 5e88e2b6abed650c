//! Networks that registers and blocks do not divide, for tests of the CPU engine from inside and from
//! outside.

use super::model::{
    ConvSpec, DecoderStage, GeneratorConfig, HeadSpec, ResidualSpec, StridePadding, Upsampling,
};

pub fn conv(channels: usize, kernel: usize, stride: usize) -> ConvSpec {
    ConvSpec {
        channels,
        kernel,
        stride,
    }
}

/// Widths as pruning leaves them, layers of every kernel before and after skips, a residual block that
/// changes the width.
pub fn uneven() -> GeneratorConfig {
    GeneratorConfig {
        encoder: vec![conv(5, 7, 1), conv(9, 5, 1), conv(19, 3, 2), conv(21, 3, 2)],
        residuals: [(30, 23), (17, 23), (33, 10)]
            .map(|(hidden, channels)| ResidualSpec::new(hidden, channels))
            .to_vec(),
        bridge: vec![conv(11, 1, 1)],
        decoder: vec![
            DecoderStage {
                convs: vec![conv(13, 1, 1), conv(19, 3, 1)],
                skip: true,
            },
            DecoderStage {
                convs: vec![conv(9, 7, 1)],
                skip: true,
            },
        ],
        head: HeadSpec {
            kernel: 7,
            bias: true,
        },
        depthwise_bias: true,
        upsampling: Upsampling::AlignCorners,
        ..GeneratorConfig::compact()
    }
}

/// No halving at all, and one only.
pub fn shallow(halvings: usize) -> GeneratorConfig {
    GeneratorConfig {
        encoder: vec![conv(8, 3, 1), conv(12, 3, 1 + halvings)],
        residuals: vec![],
        bridge: vec![],
        decoder: vec![
            DecoderStage {
                convs: vec![conv(8, 3, 1)],
                skip: true,
            };
            halvings
        ],
        stride_padding: StridePadding::RightBottom,
        upsampling: Upsampling::HalfPixel,
        ..uneven()
    }
}
