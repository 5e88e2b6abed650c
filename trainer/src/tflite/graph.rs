//! What a TensorFlow Lite file says: its operators in order, and the constants that they take.
//! Places of fields and numbers of operators are those of TensorFlow's `schema.fbs`.

use anyhow::{Context, Result, bail, ensure};
use half::f16;

use super::flatbuffer::Table;

/// A constant, or the shape of what is computed.
#[derive(Clone, Debug)]
pub struct TensorInfo {
    /// Sides, channels last.
    pub shape: Vec<usize>,
    /// Values of a constant; those of integers too.
    pub constant: Option<Vec<f32>>,
}

/// One operator.
#[derive(Clone, Debug)]
pub struct Operator {
    /// What it does.
    pub kind: Kind,
    /// Tensors that it takes.
    pub inputs: Vec<usize>,
    /// The tensors that it makes.
    pub outputs: Vec<usize>,
}

/// What an operator does.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "the names are TensorFlow's")]
pub enum Kind {
    Add(Activation),
    Mul(Activation),
    AveragePool(Window),
    MaxPool(Window),
    MaxPoolingWithArgmax,
    MaxUnpooling,
    Concatenation,
    Conv(Window, Activation),
    DepthwiseConv(Window, Activation),
    TransposeConv(Window),
    Dequantize,
    Logistic,
    Relu,
    HardSwish,
    Prelu,
    Reshape,
    Pad,
    ResizeBilinear { half_pixel_centers: bool },
}

/// What follows an operator.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "the names are TensorFlow's")]
pub enum Activation {
    None,
    Relu,
    Relu6,
}

/// How a window moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Whether the input is padded so that nothing but the stride makes it smaller.
    pub same: bool,
    /// Pixels from one place to the next, down and to the right.
    pub stride: [usize; 2],
    /// Height and width of a pool's window.
    pub size: [usize; 2],
    /// Pixels from one place in a filter to the next, down and to the right.
    pub dilation: [usize; 2],
}

/// All that a file says.
#[derive(Clone, Debug)]
pub struct Graph {
    /// All tensors.
    pub tensors: Vec<TensorInfo>,
    /// In an order in which they can be computed.
    pub operators: Vec<Operator>,
    /// The only input.
    pub input: usize,
    /// The outputs.
    pub outputs: Vec<usize>,
}

impl Graph {
    /// Reads a file.
    ///
    /// # Errors
    /// If it is damaged or has what is not known here, which is named.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        ensure!(
            bytes.get(4..8) == Some(b"TFL3"),
            "it is no TensorFlow Lite file"
        );
        let model = Table::root(bytes)?;
        let codes = model.tables(1)?;
        let buffers = model.tables(4)?;
        let graphs = model.tables(2)?;
        let [graph] = &graphs[..] else {
            bail!("it has {} graphs, expected one", graphs.len());
        };
        let tensors = graph
            .tables(0)?
            .iter()
            .map(|tensor| read_tensor(tensor, &buffers))
            .collect::<Result<Vec<_>>>()?;
        let operators = graph
            .tables(3)?
            .iter()
            .map(|operator| {
                let code = codes
                    .get(operator.int(0)? as usize)
                    .context("an operator without a code")?;
                Ok(Operator {
                    kind: read_kind(code, operator)?,
                    inputs: indices(operator.ints(1)?, tensors.len())?,
                    outputs: indices(operator.ints(2)?, tensors.len())?,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let inputs = indices(graph.ints(1)?, tensors.len())?;
        let [input] = inputs[..] else {
            bail!("it has {} inputs, expected one", inputs.len());
        };
        Ok(Self {
            input,
            outputs: indices(graph.ints(2)?, tensors.len())?,
            tensors,
            operators,
        })
    }
}

fn indices(values: Vec<i32>, count: usize) -> Result<Vec<usize>> {
    let index = |v: i32| usize::try_from(v).ok().filter(|v| *v < count);
    values
        .into_iter()
        .map(|v| index(v).with_context(|| format!("there is no tensor {v}")))
        .collect()
}

fn read_tensor(tensor: &Table, buffers: &[Table]) -> Result<TensorInfo> {
    let shape: Vec<usize> = tensor.ints(0)?.iter().map(|v| *v as usize).collect();
    let buffer = buffers
        .get(tensor.int(2)? as usize)
        .context("a tensor without a buffer")?;
    let bytes = buffer.bytes(0)?;
    if bytes.is_empty() {
        return Ok(TensorInfo {
            shape,
            constant: None,
        });
    }
    let values: Vec<f32> = match tensor.byte(1)? {
        0 => four(bytes).map(f32::from_le_bytes).collect(),
        1 => bytes
            .as_chunks()
            .0
            .iter()
            .map(|v| f16::from_le_bytes(*v).to_f32())
            .collect(),
        2 => four(bytes).map(|v| i32::from_le_bytes(v) as f32).collect(),
        other => bail!("a tensor has the unknown type {other}"),
    };
    let count = shape
        .iter()
        .try_fold(1usize, |count, side| count.checked_mul(*side));
    ensure!(
        count == Some(values.len()),
        "a tensor of shape {shape:?} has {} values",
        values.len()
    );
    Ok(TensorInfo {
        shape,
        constant: Some(values),
    })
}

fn four(bytes: &[u8]) -> impl Iterator<Item = [u8; 4]> + '_ {
    bytes.as_chunks().0.iter().copied()
}

fn read_kind(code: &Table, operator: &Table) -> Result<Kind> {
    // The older, shorter field is used for small numbers.
    let number = code.int(3)?.max(i32::from(code.byte(0)?));
    let options = operator.table(4)?;
    let byte = |field: usize| options.map_or(Ok(0), |options| options.byte(field));
    let int = |field: usize| options.map_or(Ok(0), |options| options.int(field));
    let window = |size: [usize; 2]| -> Result<Window> {
        Ok(Window {
            same: byte(0)? == 0,
            stride: [int(2)?.max(1) as usize, int(1)?.max(1) as usize],
            size,
            dilation: [1; 2],
        })
    };
    let pool = || window([int(4)? as usize, int(3)? as usize]);
    // The field of the dilation to the right is followed by that down.
    let filter = |field: usize| -> Result<Window> {
        let [right, down] = [int(field)?, int(field + 1)?];
        Ok(Window {
            dilation: [down, right].map(|v| v.max(1) as usize),
            ..window([0; 2])?
        })
    };
    let activation = |field: usize| {
        Ok(match byte(field)? {
            0 => Activation::None,
            1 => Activation::Relu,
            3 => Activation::Relu6,
            other => bail!("the activation {other} is not known"),
        })
    };
    Ok(match number {
        0 => Kind::Add(activation(0)?),
        1 => Kind::AveragePool(pool()?),
        2 => {
            let axis = int(0)?;
            ensure!(
                [-1, 3].contains(&axis),
                "only channels are concatenated, not axis {axis}"
            );
            Kind::Concatenation
        }
        3 => Kind::Conv(filter(4)?, activation(3)?),
        4 => Kind::DepthwiseConv(filter(5)?, activation(4)?),
        6 => Kind::Dequantize,
        14 => Kind::Logistic,
        17 => Kind::MaxPool(pool()?),
        18 => Kind::Mul(activation(0)?),
        19 => Kind::Relu,
        22 => Kind::Reshape,
        23 => Kind::ResizeBilinear {
            half_pixel_centers: byte(3)? != 0,
        },
        34 => Kind::Pad,
        54 => Kind::Prelu,
        117 => Kind::HardSwish,
        32 => read_custom(&String::from_utf8_lossy(code.bytes(1)?), operator.bytes(5)?)?,
        other => bail!("the operator {other} is not known"),
    })
}

/// MediaPipe's own operators, whose options are the bytes of structures of TensorFlow Lite.
fn read_custom(name: &str, options: &[u8]) -> Result<Kind> {
    let options: Vec<i32> = four(options).map(i32::from_le_bytes).collect();
    match (name, &options[..]) {
        // Padding, then strides to the right and down.
        ("Convolution2DTransposeBias", [padding, right, down]) => Ok(Kind::TransposeConv(Window {
            same: *padding == 1,
            stride: [*down, *right].map(|v| v.max(1) as usize),
            size: [0; 2],
            dilation: [1; 2],
        })),
        // Padding, strides and sizes to the right and down.
        ("MaxPoolingWithArgmax2D", [_, 2, 2, 2, 2, ..]) => Ok(Kind::MaxPoolingWithArgmax),
        ("MaxUnpooling2D", [_, 2, 2, 2, 2, ..]) => Ok(Kind::MaxUnpooling),
        _ => bail!("the operator {name} with the options {options:?} is not known"),
    }
}
