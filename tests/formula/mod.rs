//! Weights and inputs from a formula, the same as in `golden/make_golden.py`: nothing has to be
//! stored but the outputs.

use nijigen::model::{GeneratorConfig, PublicLayout, TensorValues, Weights, public_key};

/// `count` numbers in [-1, 1) that depend on nothing but `name`.
pub fn values(name: &str, count: usize) -> Vec<f64> {
    let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (0..count as u64)
        .map(|i| {
            let unit = (splitmix64(seed.wrapping_add(i)) >> 40) as f64 / f64::from(1 << 24);
            2.0 * unit - 1.0
        })
        .collect()
}

fn splitmix64(z: u64) -> u64 {
    let z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The formula's weights for a network: named after the public keys where a layout is given,
/// after the module paths otherwise.
pub fn weights(config: &GeneratorConfig, layout: Option<PublicLayout>) -> Weights {
    let tensor = |spec: nijigen::model::TensorSpec| {
        let key = match layout {
            Some(layout) => public_key(layout, &spec.name).expect("the layout has every tensor"),
            None => spec.name.clone(),
        };
        let scale = match spec.shape[..] {
            [_, fan_in, kh, kw] => (3.0 / (fan_in * kh * kw) as f64).sqrt(),
            _ => 0.2,
        };
        let offset = if spec.name.ends_with(".gamma") {
            1.0
        } else {
            0.0
        };
        let values = values(&key, spec.shape.iter().product())
            .into_iter()
            .map(|v| (offset + v * scale) as f32)
            .collect();
        (
            spec.name,
            TensorValues {
                shape: spec.shape,
                values,
            },
        )
    };
    config.tensors().into_iter().map(tensor).collect()
}
