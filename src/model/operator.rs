//! What a layer computes in the words of the ONNX standard (<https://onnx.ai/onnx/operators>), for
//! whoever passes a network on.

/// An operator of one map and some tensors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The standard's name, such as `Conv`.
    pub name: &'static str,
    /// Names and values of its attributes; all others have the standard's defaults.
    pub attributes: Vec<(&'static str, Attribute)>,
    /// Names of the layer's tensors that it takes behind the map, in the standard's order.
    pub tensors: Vec<String>,
}

/// Value of an operator's attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// One integer.
    Int(i64),
    /// Several integers.
    Ints(Vec<i64>),
}
