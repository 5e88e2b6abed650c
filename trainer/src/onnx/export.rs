//! A style file as an ONNX model.
//!
//! Weights keep their names and their bytes. Those in f16 are widened by a `Cast`, those in 8 bits
//! by a `DequantizeLinear` for each output channel: a runtime does so once, when it loads the model,
//! and computes in f32.
//!
//! Where the style names ranges of activations, what a convolution of 8-bit weights takes and gives is
//! quantised to 8 bits and widened again. Runtimes make one convolution of integers of these nodes.
//! Padding is done in between, on a quarter of the bytes.
//!
//! ONNX 17 has no normalisation over a whole image. PyTorch's exporter writes an
//! `InstanceNormalization` of a reshaped map; runtimes add its millions of values up in one f32, on one
//! thread. Here moments are taken of each row, then of the rows, which is as fast and a hundred times
//! as exact, and applied as one scale and one shift a channel.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use nijigen::model::{
    Activation, Attribute, GeneratorConfig, Layer, ModulePath, NEGATIVE_SLOPE, Operator, Resize,
    Upsampling,
};
use nijigen::style::{ConvolutionRanges, METADATA_KEY, SCALE_SUFFIX, Style, ValueRange};
use prost::Message;
use safetensors::{Dtype, SafeTensors};

use super::OPSET;
use super::proto::{
    AttributeProto, Dimension, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorProto, TensorShapeProto, TensorType, TypeProto, ValueInfoProto,
    attribute_type,
};
use super::tensor::data_type;

/// The version of the file format that came with [`OPSET`].
const IR_VERSION: i64 = 8;

/// The model that computes what the style's network does.
///
/// Its input `input` and its output `output` are f32, `[batch, 3, height, width]` with values in
/// [-1, 1], all but the 3 chosen at run time; the input may have guide planes behind the three. Sides
/// are at least [`GeneratorConfig::min_side_px`].
///
/// # Errors
/// If `style_file` is no style file.
pub fn export(style_file: &[u8]) -> Result<Vec<u8>> {
    let style = Style::from_bytes(style_file)?;
    let (_, metadata) = SafeTensors::read_metadata(style_file)?;
    let header = metadata
        .metadata()
        .as_ref()
        .and_then(|entries| entries.get(METADATA_KEY))
        .context("the style file has no header")?;
    let mut builder = Builder {
        config: style.generator(),
        ranges: &style.header().activation_ranges,
        file: SafeTensors::deserialize(style_file)?,
        graph: GraphProto {
            name: style.header().name.clone(),
            input: vec![picture("input", style.generator().input_channels)],
            output: vec![picture("output", 3)],
            ..Default::default()
        },
    };
    builder.network()?;
    let model = ModelProto {
        ir_version: IR_VERSION,
        producer_name: "nijigen".into(),
        graph: Some(builder.graph),
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: OPSET,
        }],
        metadata_props: vec![StringStringEntryProto {
            key: METADATA_KEY.into(),
            value: header.clone(),
        }],
    };
    Ok(model.encode_to_vec())
}

/// Adds the network's nodes one after another. Values have the names of their nodes.
struct Builder<'a> {
    config: &'a GeneratorConfig,
    ranges: &'a BTreeMap<String, ConvolutionRanges>,
    file: SafeTensors<'a>,
    graph: GraphProto,
}

impl Builder<'_> {
    fn network(&mut self) -> Result<()> {
        // Of each layer, the value of its output.
        let mut outputs: Vec<String> = Vec::new();
        for layer in self.config.layers() {
            let output = match layer.operator() {
                None => "input".into(),
                Some(operator) => self.layer(&layer, &operator, &outputs)?,
            };
            outputs.push(output);
        }
        Ok(())
    }

    /// An operator and all that is done before and after it; gives the name of the result.
    fn layer(&mut self, layer: &Layer, operator: &Operator, outputs: &[String]) -> Result<String> {
        let mut x = outputs[layer.input].clone();
        if layer.level > layer.level_in() {
            // The decoder comes back to it.
            let start = vec![int("start", 2)];
            self.node(level_size(layer.level_in()), "Shape", &[&x], start);
        }
        if let Some(resize) = layer.resize {
            x = self.resize(&x, resize, &resized_name(layer.path));
        }
        x = self.padded(&x, layer, operator)?;
        if let Some(eps) = layer.norm_eps {
            x = self.norm(&x, &layer.path.norm(), eps)?;
        }
        x = match layer.activation {
            Activation::Identity => x,
            Activation::LeakyRelu => {
                let slope = vec![float("alpha", NEGATIVE_SLOPE as f32)];
                self.node(layer.path.to_string(), "LeakyRelu", &[&x], slope)
            }
            Activation::Tanh => self.node("output".into(), "Tanh", &[&x], vec![]),
        };
        let Some(added) = layer.adds.map(|i| &outputs[i]) else {
            return Ok(x);
        };
        let terms = match layer.path {
            ModulePath::Project(_) => [added, &x],
            _ => [&x, added],
        };
        Ok(self.node(
            sum_name(layer.path),
            "Add",
            &terms.map(String::as_str),
            vec![],
        ))
    }

    /// Pads by reflection, `before` pixels above and on the left, `after` below and on the right.
    fn pad(&mut self, x: &str, name: &str, padding: [usize; 2]) -> String {
        if padding == [0; 2] {
            return x.into();
        }
        let [before, after] = padding.map(|pixels| pixels as i64);
        let pads = self.constant(
            &format!("pads.{before}.{before}.{after}.{after}"),
            data_type::INT64,
            &[8],
            &[0, 0, before, before, 0, 0, after, after]
                .map(i64::to_le_bytes)
                .concat(),
        );
        let reflect = vec![string("mode", "reflect")];
        self.node(name.into(), "Pad", &[x, &pads], reflect)
    }

    /// Padding and operator, of integers if the style says so.
    fn padded(&mut self, x: &str, layer: &Layer, operator: &Operator) -> Result<String> {
        let pad = format!("{}.pad", layer.path);
        let name = layer.path.convolution();
        let weight = layer.path.weight();
        let tensor = self.file.tensor(&weight);
        let in_8_bits = tensor.is_ok_and(|tensor| tensor.dtype() == Dtype::I8);
        let Some(ranges) = self.ranges.get(&weight).filter(|_| in_8_bits) else {
            let x = self.pad(x, &pad, layer.padding());
            return self.operator(&x, name, operator);
        };
        let input = self.affine(&format!("{name}/input"), ranges.input);
        let products = format!("{name}/products");
        let x = self.affine_node("QuantizeLinear", x, &input, "integers");
        let x = self.pad(&x, &pad, layer.padding());
        let x = self.affine_node("DequantizeLinear", &x, &input, "f32");
        let x = self.operator(&x, name, operator)?;
        let products = self.affine(&products, ranges.products);
        let x = self.affine_node("QuantizeLinear", &x, &products, "integers");
        Ok(self.affine_node("DequantizeLinear", &x, &products, "f32"))
    }

    fn operator(&mut self, x: &str, name: String, operator: &Operator) -> Result<String> {
        let mut inputs = vec![x.to_owned()];
        for tensor in &operator.tensors {
            inputs.push(self.weight(tensor, 0)?);
        }
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let attributes = operator.attributes.iter().map(|(name, value)| match value {
            Attribute::Int(value) => int(name, *value),
            Attribute::Ints(values) => ints(name, values),
        });
        Ok(self.node(name, operator.name, &inputs, attributes.collect()))
    }

    /// The constants of the integers that a range is cut into.
    fn affine(&mut self, name: &str, range: ValueRange) -> AffineConstants {
        let affine = range.affine();
        let scale = affine.scale.to_le_bytes();
        AffineConstants {
            name: name.into(),
            scale: self.constant(&format!("{name}.scale"), data_type::FLOAT, &[], &scale),
            zero_point: self.constant(
                &format!("{name}.zero_point"),
                data_type::UINT8,
                &[],
                &[affine.zero_point],
            ),
        }
    }

    /// A node from or to integers.
    fn affine_node(
        &mut self,
        op_type: &str,
        x: &str,
        affine: &AffineConstants,
        what: &str,
    ) -> String {
        let AffineConstants {
            name,
            scale,
            zero_point,
        } = affine;
        let inputs = [x, scale, zero_point];
        self.node(format!("{name}/{what}"), op_type, &inputs, vec![])
    }

    /// Normalises each picture of a batch over channels, height and width, then each channel by its
    /// own scale and shift.
    fn norm(&mut self, x: &str, name: &str, eps: f64) -> Result<String> {
        let part = |part: &str| format!("{name}/{part}");
        let rows = || vec![ints("axes", &[3])];
        let all = || vec![ints("axes", &[1, 2, 3])];
        let gamma = self.weight(&format!("{name}.gamma"), 2)?;
        let beta = self.weight(&format!("{name}.beta"), 2)?;
        let eps = (eps as f32).to_le_bytes();
        let eps = self.constant("norm_eps", data_type::FLOAT, &[], &eps);

        let mean = self.node(part("row_means"), "ReduceMean", &[x], rows());
        let mean = self.node(part("mean"), "ReduceMean", &[&mean], all());
        // The sum of a row's squares, which takes no map of squares as their mean would.
        let squares = self.node(part("row_squares"), "ReduceSumSquare", &[x], rows());
        let squares = self.node(part("squares"), "ReduceMean", &[&squares], all());
        let width = self.node(part("shape"), "Shape", &[x], vec![int("start", 3)]);
        let to_float = vec![int("to", i64::from(data_type::FLOAT))];
        let width = self.node(part("width"), "Cast", &[&width], to_float);
        let squares = self.node(part("mean_square"), "Div", &[&squares, &width], vec![]);
        let squared = self.node(part("squared_mean"), "Mul", &[&mean, &mean], vec![]);
        let variance = self.node(part("difference"), "Sub", &[&squares, &squared], vec![]);
        // Rounding must not make it negative.
        let variance = self.node(part("variance"), "Relu", &[&variance], vec![]);
        let variance = self.node(part("with_eps"), "Add", &[&variance, &eps], vec![]);
        let deviation = self.node(part("deviation"), "Sqrt", &[&variance], vec![]);
        let scale = self.node(part("scale"), "Div", &[&gamma, &deviation], vec![]);
        let mean = self.node(part("scaled_mean"), "Mul", &[&mean, &scale], vec![]);
        let shift = self.node(part("shift"), "Sub", &[&beta, &mean], vec![]);
        let scaled = self.node(part("scaled"), "Mul", &[x, &scale], vec![]);
        Ok(self.node(name.into(), "Add", &[&scaled, &shift], vec![]))
    }

    /// Changes the resolution to that of a level.
    fn resize(&mut self, x: &str, resize: Resize, name: &str) -> String {
        let size = level_size(resize.level);
        match resize.by {
            Upsampling::AlignCorners => self.bilinear(x, &size, name, "align_corners"),
            Upsampling::HalfPixel => self.bilinear(x, &size, name, "half_pixel"),
            Upsampling::DepthToSpace => self.depth_to_space(x, &size, name),
        }
    }

    /// Bilinear resize to `size`, the value `[height, width]`.
    fn bilinear(&mut self, x: &str, size: &str, name: &str, coordinates: &str) -> String {
        let kept = self.node(format!("{name}/kept"), "Shape", &[x], vec![int("end", 2)]);
        let axis = vec![int("axis", 0)];
        let sizes = self.node(format!("{name}/sizes"), "Concat", &[&kept, size], axis);
        let attributes = vec![
            string("mode", "linear"),
            string("coordinate_transformation_mode", coordinates),
        ];
        self.node(name.into(), "Resize", &[x, "", "", &sizes], attributes)
    }

    /// Pixels of channels, cut to `size`, the value `[height, width]`.
    fn depth_to_space(&mut self, x: &str, size: &str, name: &str) -> String {
        let attributes = vec![int("blocksize", 2), string("mode", "CRD")];
        let pixels = self.node(format!("{name}/pixels"), "DepthToSpace", &[x], attributes);
        let pair = |values: [i64; 2]| values.map(i64::to_le_bytes).concat();
        let starts = self.constant("corner", data_type::INT64, &[2], &pair([0, 0]));
        let axes = self.constant("sides", data_type::INT64, &[2], &pair([2, 3]));
        self.node(
            name.into(),
            "Slice",
            &[&pixels, &starts, size, &axes],
            vec![],
        )
    }

    /// A tensor of the style file in f32, with dimensions of 1 added behind its own.
    fn weight(&mut self, name: &str, more_dims: usize) -> Result<String> {
        let tensor = self.file.tensor(name)?;
        let mut shape = tensor.shape().to_vec();
        shape.resize(shape.len() + more_dims, 1);
        let (stored, bytes) = (tensor.dtype(), tensor.data().to_vec());
        let widened = format!("{name}/f32");
        match stored {
            Dtype::F32 => Ok(self.constant(name, data_type::FLOAT, &shape, &bytes)),
            Dtype::I8 => {
                let scale_name = format!("{name}{SCALE_SUFFIX}");
                let scale = self.file.tensor(&scale_name)?;
                let (scale_shape, scales) = (scale.shape().to_vec(), scale.data().to_vec());
                let integers = self.constant(name, data_type::INT8, &shape, &bytes);
                let scale = self.constant(&scale_name, data_type::FLOAT, &scale_shape, &scales);
                let axis = vec![int("axis", 0)];
                Ok(self.node(widened, "DequantizeLinear", &[&integers, &scale], axis))
            }
            // The reader of style files knows no other type.
            _ => {
                let half = self.constant(name, data_type::FLOAT16, &shape, &bytes);
                let to_float = vec![int("to", i64::from(data_type::FLOAT))];
                Ok(self.node(widened, "Cast", &[&half], to_float))
            }
        }
    }

    /// Adds an initialiser unless there is one of that name; returns the name.
    fn constant(&mut self, name: &str, data_type: i32, shape: &[usize], bytes: &[u8]) -> String {
        if !self
            .graph
            .initializer
            .iter()
            .any(|known| known.name == name)
        {
            self.graph.initializer.push(TensorProto {
                dims: shape.iter().map(|dim| *dim as i64).collect(),
                data_type,
                name: name.into(),
                raw_data: bytes.to_vec(),
                ..Default::default()
            });
        }
        name.into()
    }

    /// Adds a node; returns the name of its only output, which is its own.
    fn node(
        &mut self,
        name: String,
        op_type: &str,
        inputs: &[&str],
        attribute: Vec<AttributeProto>,
    ) -> String {
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|input| (*input).to_owned()).collect(),
            output: vec![name.clone()],
            name: name.clone(),
            op_type: op_type.into(),
            attribute,
        });
        name
    }
}

/// Names of the constants that integers are widened with.
struct AffineConstants {
    /// What the integers stand for.
    name: String,
    scale: String,
    zero_point: String,
}

/// The name of the value `[height, width]` at a level.
fn level_size(level: usize) -> String {
    format!("level.{level}.size")
}

/// The name of a layer's input at the layer's resolution.
fn resized_name(path: ModulePath) -> String {
    match path {
        ModulePath::Decoder(stage, _) => format!("decoder.{stage}.upsample"),
        _ => format!("{path}.upsample"),
    }
}

/// The name of a layer's output where it adds another's.
fn sum_name(path: ModulePath) -> String {
    match path {
        ModulePath::Project(i) => format!("residuals.{i}"),
        ModulePath::Decoder(stage, _) => format!("decoder.{stage}.skip"),
        _ => format!("{path}.sum"),
    }
}

/// The type `[batch, channels, height, width]` of f32.
fn picture(name: &str, channels: usize) -> ValueInfoProto {
    let named = |name: &str| Dimension {
        dim_value: None,
        dim_param: Some(name.into()),
    };
    let channels = Dimension {
        dim_value: Some(channels as i64),
        dim_param: None,
    };
    let shape = TensorShapeProto {
        dim: vec![named("batch"), channels, named("height"), named("width")],
    };
    ValueInfoProto {
        name: name.into(),
        kind: Some(TypeProto {
            tensor_type: Some(TensorType {
                elem_type: data_type::FLOAT,
                shape: Some(shape),
            }),
        }),
    }
}

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        i: Some(value),
        ..attribute(name, attribute_type::INT)
    }
}

fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        ints: values.to_vec(),
        ..attribute(name, attribute_type::INTS)
    }
}

fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        f: Some(value),
        ..attribute(name, attribute_type::FLOAT)
    }
}

fn string(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        s: Some(value.into()),
        ..attribute(name, attribute_type::STRING)
    }
}

/// An attribute without its value.
fn attribute(name: &str, kind: i32) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        kind,
        ..Default::default()
    }
}
