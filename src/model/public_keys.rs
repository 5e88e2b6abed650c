//! Tensor names of checkpoints made with PyTorch, for the importer.

/// Naming schemes of PyTorch checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicLayout {
    /// `bryandlee/animegan2-pytorch`: `block_a.0.1.weight`, ...
    Animegan2,
    /// The exploratory PyTorch code of the compact generator: `s0.0.weight`, `m.0.l.0.0.weight`, ...
    Compact,
}

/// The name that the tensor `name` (a module path, see [`super::GeneratorConfig::tensors`]) has in
/// a checkpoint of the given layout; `None` if that layout has no such tensor.
pub fn public_key(layout: PublicLayout, name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split('.').collect();
    match layout {
        PublicLayout::Animegan2 => animegan2_key(&parts),
        PublicLayout::Compact => compact_key(&parts),
    }
}

/// Position of the convolution (0) or normalisation (1) in its sequence, and the field's name.
fn layer(parts: &[&str]) -> Option<(usize, &'static str)> {
    match *parts {
        ["conv", "weight"] => Some((0, "weight")),
        ["conv", "bias"] => Some((0, "bias")),
        ["norm", "gamma"] => Some((1, "weight")),
        ["norm", "beta"] => Some((1, "bias")),
        _ => None,
    }
}

fn animegan2_key(parts: &[&str]) -> Option<String> {
    // Each ConvNormLReLU is a sequence of padding (0), convolution (1) and normalisation (2).
    let conv_norm = |block: &str, rest: &[&str]| {
        let (i, field) = layer(rest)?;
        Some(format!("{block}.{}.{field}", i + 1))
    };
    match *parts {
        ["encoder", i, ref rest @ ..] => {
            let block =
                *["a.0", "a.1", "a.2", "b.0", "b.1", "c.0"].get(i.parse::<usize>().ok()?)?;
            conv_norm(&format!("block_{block}"), rest)
        }
        ["bridge", "0", ref rest @ ..] => conv_norm("block_c.5", rest),
        ["decoder", stage, "convs", i, ref rest @ ..] => {
            let block = *["block_d", "block_e"].get(stage.parse::<usize>().ok()?)?;
            conv_norm(&format!("{block}.{i}"), rest)
        }
        ["residuals", i, ref rest @ ..] => {
            let block = format!("block_c.{}.layers", i.parse::<usize>().ok()? + 1);
            residual_key(&block, rest, conv_norm, ["2", "3"])
        }
        ["head", field] => Some(format!("out_layer.0.{field}")),
        _ => None,
    }
}

fn compact_key(parts: &[&str]) -> Option<String> {
    let conv_norm = |block: &str, rest: &[&str]| {
        let (i, field) = layer(rest)?;
        Some(format!("{block}.{i}.{field}"))
    };
    match *parts {
        ["encoder", i, ref rest @ ..] => conv_norm(&format!("s{i}"), rest),
        ["decoder", "0", "convs", "0", ref rest @ ..] => conv_norm("d1", rest),
        ["decoder", "1", "convs", "0", ref rest @ ..] => conv_norm("d0", rest),
        ["residuals", i, ref rest @ ..] => {
            residual_key(&format!("m.{i}.l"), rest, conv_norm, ["2.0", "2.1"])
        }
        ["head", field] => Some(format!("o.{field}")),
        _ => None,
    }
}

/// The key of an inverted residual's tensor `parts`, whose projection and its normalisation are called
/// `last` in `block`; those of its other layers are `conv_norm`'s.
fn residual_key(
    block: &str,
    parts: &[&str],
    conv_norm: impl Fn(&str, &[&str]) -> Option<String>,
    last: [&str; 2],
) -> Option<String> {
    let [project, norm] = last;
    match *parts {
        ["expand", ref rest @ ..] => conv_norm(&format!("{block}.0"), rest),
        ["depthwise", ref rest @ ..] => conv_norm(&format!("{block}.1"), rest),
        ["project", "weight"] => Some(format!("{block}.{project}.weight")),
        ["project_norm", "gamma"] => Some(format!("{block}.{norm}.weight")),
        ["project_norm", "beta"] => Some(format!("{block}.{norm}.bias")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::GeneratorConfig;

    #[test]
    fn every_tensor_has_a_key_of_its_own() {
        for (layout, config) in [
            (PublicLayout::Animegan2, GeneratorConfig::animegan2()),
            (PublicLayout::Compact, GeneratorConfig::compact()),
        ] {
            let specs = config.tensors();
            let keys: BTreeSet<String> = specs
                .iter()
                .map(|spec| public_key(layout, &spec.name).unwrap())
                .collect();
            assert_eq!(keys.len(), specs.len());
        }
    }

    #[test]
    fn known_keys() {
        let key = |name| public_key(PublicLayout::Animegan2, name);
        assert_eq!(key("encoder.5.norm.beta").unwrap(), "block_c.0.2.bias");
        assert_eq!(
            key("residuals.0.depthwise.conv.bias").unwrap(),
            "block_c.1.layers.1.1.bias"
        );
        assert_eq!(key("head.weight").unwrap(), "out_layer.0.weight");
        assert_eq!(key("encoder.6.conv.weight"), None);
        assert_eq!(key("head"), None);
    }
}
