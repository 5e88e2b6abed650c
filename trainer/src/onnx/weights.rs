//! The weights inside ONNX models that other tools made of a generator's PyTorch code.
//!
//! Exporters rename and reshape parameters, and fold some of them into constants, but they keep the
//! order of execution. So weights are taken from the graph in that order: each convolution's, and the
//! scale and shift behind it.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};
use nijigen::model::{GeneratorConfig, TensorSpec, TensorValues, Upsampling, Weights};

use super::proto::{GraphProto, ModelProto, NodeProto, TensorProto};
use super::tensor::floats;

/// What a graph says of a convolution and the normalisation behind it.
struct ConvTensors<'a> {
    node: &'a NodeProto,
    weight: TensorValues,
    bias: Option<TensorValues>,
    gamma: Option<TensorValues>,
    beta: Option<TensorValues>,
}

/// Takes the weights of the network `generator` out of a model.
///
/// # Errors
/// If the model is one of another network, or its weights are not stored as floating-point numbers,
/// naming the node and the tensor.
pub fn weights(model: &ModelProto, generator: &GeneratorConfig) -> Result<Weights> {
    let graph = model.graph.as_ref().context("it has no graph")?;
    let found = layers(graph)?;
    let expected = expected_layers(generator.tensors());
    ensure!(
        found.len() == expected.len(),
        "it is of another network: it has {} convolutions, expected {}",
        found.len(),
        expected.len()
    );
    let mut weights = Weights::new();
    for (layer, specs) in found.into_iter().zip(expected) {
        let ConvTensors {
            node,
            weight,
            mut bias,
            mut gamma,
            mut beta,
        } = layer;
        let mut weight = Some(weight);
        for TensorSpec { name, shape } in specs {
            let (what, tensor) = match name.rsplit('.').next() {
                Some("weight") => ("weights", weight.take()),
                Some("bias") => ("bias", bias.take()),
                Some("gamma") => ("scale behind it", gamma.take()),
                _ => ("shift behind it", beta.take()),
            };
            let node = &node.name;
            let tensor = tensor.with_context(|| {
                format!("it is of another network: convolution {node:?} has no {what} ({name})")
            })?;
            // Exporters add dimensions of 1 to vectors.
            let fits = if shape.len() == 1 {
                tensor.values.len() == shape[0]
            } else {
                tensor.shape == shape
            };
            ensure!(
                fits,
                "it is of another network: convolution {node:?} has {what} of the shape {:?}, \
                 expected {shape:?} ({name})",
                tensor.shape
            );
            let values = tensor.values;
            weights.insert(name, TensorValues { shape, values });
        }
        let left = [bias, gamma, beta].into_iter().flatten().count();
        ensure!(
            left == 0,
            "it is of another network: convolution {:?} has a bias, a scale or a shift too many",
            node.name
        );
    }
    Ok(weights)
}

/// How the model upsamples; `None` if it does not.
///
/// # Errors
/// If its coordinates are none that the networks here know.
pub fn upsampling(model: &ModelProto) -> Result<Option<Upsampling>> {
    let nodes = model.graph.iter().flat_map(|graph| &graph.node);
    let resizes = |node: &&NodeProto| ["Resize", "DepthToSpace"].contains(&node.op_type.as_str());
    let Some(resize) = nodes.into_iter().find(resizes) else {
        return Ok(None);
    };
    let attribute = |name: &str| {
        let found = resize.attribute.iter().find(|a| a.name == name);
        found.and_then(|a| a.s.clone())
    };
    let text = |value: Option<Vec<u8>>, default: &str| {
        value.map_or(default.to_owned(), |v| String::from_utf8_lossy(&v).into())
    };
    if resize.op_type == "DepthToSpace" {
        let order = text(attribute("mode"), "DCR");
        ensure!(
            order == "CRD",
            "node {:?} takes depth to space in the order {order:?}, expected \"CRD\"",
            resize.name
        );
        return Ok(Some(Upsampling::DepthToSpace));
    }
    let mode = text(attribute("mode"), "nearest");
    ensure!(
        mode == "linear",
        "node {:?} resizes by {mode:?}, expected \"linear\"",
        resize.name
    );
    let name = "coordinate_transformation_mode";
    match &*text(attribute(name), "half_pixel") {
        "align_corners" => Ok(Some(Upsampling::AlignCorners)),
        "half_pixel" | "pytorch_half_pixel" => Ok(Some(Upsampling::HalfPixel)),
        other => bail!(
            "node {:?} resizes with the coordinates {other:?}, expected \"align_corners\" or \
             \"half_pixel\"",
            resize.name
        ),
    }
}

/// The tensors of each convolution with the normalisation behind it, the convolution's weights first.
fn expected_layers(specs: Vec<TensorSpec>) -> Vec<Vec<TensorSpec>> {
    let mut layers: Vec<Vec<TensorSpec>> = Vec::new();
    for spec in specs {
        match layers.last_mut() {
            Some(layer) if spec.shape.len() == 1 => layer.push(spec),
            _ => layers.push(vec![spec]),
        }
    }
    layers
}

/// The graph's convolutions in order.
fn layers(graph: &GraphProto) -> Result<Vec<ConvTensors<'_>>> {
    let mut known: HashMap<&str, &TensorProto> = graph
        .initializer
        .iter()
        .map(|tensor| (tensor.name.as_str(), tensor))
        .collect();
    let mut layers: Vec<ConvTensors> = Vec::new();
    for node in &graph.node {
        let input = |i: usize| node.input.get(i).and_then(|name| known.get(name.as_str()));
        match node.op_type.as_str() {
            "Constant" => {
                let mut attributes = node.attribute.iter();
                let value = attributes.find_map(|a| a.t.as_ref());
                if let (Some(output), Some(value)) = (node.output.first(), value) {
                    known.insert(output, value);
                }
            }
            // The same values in another shape or precision.
            "Identity" | "Unsqueeze" | "Squeeze" | "Reshape" | "Cast" => {
                if let (Some(output), Some(value)) = (node.output.first(), input(0).copied()) {
                    known.insert(output, value);
                }
            }
            "Conv" => {
                let weight = input(1).with_context(|| {
                    format!(
                        "convolution {:?} has weights that the graph computes, expected \
                         floating-point numbers in the model",
                        node.name
                    )
                })?;
                layers.push(ConvTensors {
                    node,
                    weight: floats(weight)?,
                    bias: input(2).map(|bias| floats(bias)).transpose()?,
                    gamma: None,
                    beta: None,
                });
            }
            "Mul" | "Div" | "Add" | "Sub" | "GroupNormalization" => {
                let Some(layer) = layers.last_mut() else {
                    continue;
                };
                let channels = layer.weight.shape.first().copied();
                let whole = node.op_type == "GroupNormalization";
                for (i, name) in node.input.iter().enumerate() {
                    let Some(tensor) = known.get(name.as_str()) else {
                        continue;
                    };
                    if element_count(&tensor.dims) != channels {
                        continue;
                    }
                    let scales = match node.op_type.as_str() {
                        "Mul" | "Div" => true,
                        _ => whole && i == 1,
                    };
                    let place = if scales {
                        &mut layer.gamma
                    } else {
                        &mut layer.beta
                    };
                    if place.is_none() {
                        *place = Some(floats(tensor)?);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(layers)
}

/// How many elements a tensor of these sizes has; `None` of a size below 0, and where there are more than can be counted.
fn element_count(dims: &[i64]) -> Option<usize> {
    let sizes = dims.iter().map(|size| usize::try_from(*size).ok());
    sizes
        .reduce(|all, size| all?.checked_mul(size?))
        .unwrap_or(Some(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_a_damaged_model_claims_are_not_multiplied_beyond_what_can_be_counted() {
        assert_eq!(element_count(&[3, 4]), Some(12));
        assert_eq!(element_count(&[]), Some(1));
        assert_eq!(element_count(&[i64::MAX, 4, 4]), None);
        assert_eq!(element_count(&[-1, 4]), None);
    }
}
