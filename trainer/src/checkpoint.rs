//! Reading checkpoints: PyTorch's `.pt` in all its containers, and safetensors.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use half::{bf16, f16};
use nijigen::model::TensorValues;
use pytorch_reader::PytorchReader;
use safetensors::SafeTensors;
use tempfile::NamedTempFile;

use crate::plain_zip::plain_zip;

/// Names that training code nests the generator's weights under, alone or inside each other.
const WRAPPERS: [&str; 13] = [
    "state_dict",
    "model_state_dict",
    "params_ema",
    "g_ema",
    "ema",
    "params",
    "model",
    "generator",
    "netG",
    "G",
    "net",
    "module",
    // What torch.compile puts before every name.
    "_orig_mod",
];

/// Tensors of a checkpoint by name, without the names they are nested under.
pub struct Checkpoint(BTreeMap<String, StoredTensor>);

/// A tensor as it is stored.
struct StoredTensor {
    encoding: Encoding,
    shape: Vec<usize>,
    /// Row-major, little-endian.
    bytes: Vec<u8>,
}

/// How a tensor's values are stored.
enum Encoding {
    F64,
    F32,
    F16,
    Bf16,
    /// Something that weights are not made of.
    Other(String),
}

impl Encoding {
    /// By the name that safetensors and PyTorch's reader both have for the type.
    fn named(name: String) -> Self {
        match name.as_str() {
            "F64" => Self::F64,
            "F32" => Self::F32,
            "F16" => Self::F16,
            "BF16" => Self::Bf16,
            _ => Self::Other(name),
        }
    }
}

impl Checkpoint {
    /// Reads a checkpoint file, whichever format its contents have.
    ///
    /// # Errors
    /// If the file cannot be read, is neither format, or has no tensors.
    pub fn read(path: &Path) -> Result<Self> {
        let named = || format!("cannot read the checkpoint {}", path.display());
        let bytes = fs::read(path).with_context(named)?;
        // A safetensors file begins with the length of its header, which is a JSON object.
        let tensors = if bytes.get(8) == Some(&b'{') {
            read_safetensors(&bytes).with_context(named)?
        } else {
            read_pytorch(path, &bytes).with_context(named)?
        };
        if tensors.is_empty() {
            bail!("the checkpoint {} has no tensors", path.display());
        }
        Ok(Self(tensors))
    }

    /// Takes a tensor out, its values converted to f32; `None` if there is none of that name.
    ///
    /// # Errors
    /// If it is not made of floating-point numbers, or of more or fewer than its shape says.
    pub fn take(&mut self, name: &str) -> Result<Option<TensorValues>> {
        let Some(StoredTensor {
            encoding,
            shape,
            bytes,
        }) = self.0.remove(name)
        else {
            return Ok(None);
        };
        let values: Vec<f32> = match encoding {
            Encoding::F64 => decode(&bytes, |b| f64::from_le_bytes(b) as f32),
            Encoding::F32 => decode(&bytes, f32::from_le_bytes),
            Encoding::F16 => decode(&bytes, |b| f16::from_le_bytes(b).to_f32()),
            Encoding::Bf16 => decode(&bytes, |b| bf16::from_le_bytes(b).to_f32()),
            Encoding::Other(other) => {
                bail!("tensor {name} is stored as {other}, expected floating-point numbers")
            }
        };
        Ok(Some(TensorValues { shape, values }))
    }

    /// Names of the tensors that have not been taken, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

fn decode<const SIZE: usize>(bytes: &[u8], value: impl Fn([u8; SIZE]) -> f32) -> Vec<f32> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|chunk| value(*chunk))
        .collect()
}

fn read_safetensors(bytes: &[u8]) -> Result<BTreeMap<String, StoredTensor>> {
    let file = SafeTensors::deserialize(bytes)?;
    unwrapped(file.iter().collect(), |view| {
        Ok(StoredTensor {
            encoding: Encoding::named(format!("{:?}", view.dtype())),
            shape: view.shape().to_vec(),
            bytes: view.data().to_vec(),
        })
    })
}

fn read_pytorch(path: &Path, bytes: &[u8]) -> Result<BTreeMap<String, StoredTensor>> {
    if is_torchscript(bytes) {
        bail!(
            "it is a TorchScript program, which holds code beside its weights; load it in Python with \
             model = torch.jit.load(...), write torch.save(model.state_dict(), \"weights.pt\"), and import that file"
        );
    }
    let error = match PytorchReader::new(path) {
        Ok(file) => return pytorch_tensors(&file),
        Err(error) => error,
    };
    let Some(plain) = plain_zip(bytes) else {
        return Err(error.into());
    };
    let mut copy = NamedTempFile::new().context("cannot make a temporary file")?;
    copy.write_all(&plain)
        .context("cannot write a temporary file")?;
    pytorch_tensors(&PytorchReader::new(copy.path())?)
}

/// Whether the bytes are an archive of `torch.jit.save`: no other has a table of constants.
fn is_torchscript(bytes: &[u8]) -> bool {
    const CONSTANTS: &[u8] = b"/constants.pkl";
    bytes.starts_with(b"PK") && bytes.windows(CONSTANTS.len()).any(|name| name == CONSTANTS)
}

fn pytorch_tensors(file: &PytorchReader) -> Result<BTreeMap<String, StoredTensor>> {
    let tensors = file.tensors().iter();
    let tensors = tensors.map(|(name, tensor)| (name.as_str(), tensor));
    unwrapped(tensors.collect(), |tensor| {
        Ok(StoredTensor {
            encoding: Encoding::named(format!("{:?}", tensor.dtype())),
            shape: tensor.shape().to_vec(),
            bytes: tensor.read()?,
        })
    })
}

/// The generator's tensors, without the names that all of them are nested under. Of the others nothing
/// is read.
fn unwrapped<T>(
    tensors: Vec<(&str, T)>,
    read: impl Fn(T) -> Result<StoredTensor>,
) -> Result<BTreeMap<String, StoredTensor>> {
    let prefix = wrapping_prefix(tensors.iter().map(|(name, _)| *name));
    let tensors = tensors.into_iter();
    tensors
        .filter_map(|(name, tensor)| Some((name.strip_prefix(&prefix)?.to_owned(), tensor)))
        .map(|(name, tensor)| Ok((name, read(tensor)?)))
        .collect()
}

/// The prefix that the generator's tensors have, such as `state_dict.module.`; empty if none.
/// Tensors without it (an optimiser's, a discriminator's) are none of the generator's.
fn wrapping_prefix<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let mut prefix = String::new();
    while let Some(longer) = WRAPPERS
        .iter()
        .map(|wrapper| format!("{prefix}{wrapper}."))
        .find(|longer| names.iter().any(|name| name.starts_with(longer)))
    {
        prefix = longer;
    }
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_weights_are_nested_under() {
        assert_eq!(wrapping_prefix(["a.weight", "b.weight"]), "");
        assert_eq!(
            wrapping_prefix(["state_dict.module.a.weight", "optimizer.state.0"]),
            "state_dict.module."
        );
        assert_eq!(wrapping_prefix(["modular.weight"]), "");
        // Averaged weights are taken before those that they are averages of.
        assert_eq!(
            wrapping_prefix(["params.a.weight", "params_ema._orig_mod.a.weight"]),
            "params_ema._orig_mod."
        );
        for wrapper in ["params", "g_ema", "G", "net", "ema"] {
            let name = format!("{wrapper}.a.weight");
            assert_eq!(wrapping_prefix([name.as_str()]), format!("{wrapper}."));
        }
    }

    #[test]
    fn archives_with_odd_padding_are_read() -> Result<()> {
        let name = "tests/fixtures/name_of_21_characters.pt";
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let mut checkpoint = Checkpoint::read(&path)?;
        let names: Vec<String> = checkpoint.names().map(str::to_owned).collect();
        assert!(!names.is_empty());
        for name in names {
            let tensor = checkpoint.take(&name)?.expect("listed");
            let count: usize = tensor.shape.iter().product();
            assert_eq!(count, tensor.values.len(), "{name}");
        }
        Ok(())
    }

    #[test]
    fn damaged_files_are_refused_or_read() -> Result<()> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        let names = [
            "zip.pt",
            "legacy.pt",
            "nested.pt",
            "name_of_21_characters.pt",
        ];
        let seeds = names.map(|name| fs::read(folder.join(name)));
        let mut seeds = seeds.into_iter().collect::<std::io::Result<Vec<_>>>()?;
        let values = [0; 24];
        let tensor =
            safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![2, 3], &values)?;
        seeds.push(safetensors::serialize([("module.a.weight", tensor)], None)?);
        let file = NamedTempFile::new()?;
        crate::mutate::feed("checkpoint", &seeds, |bytes| {
            fs::write(file.path(), bytes).expect("room for a file");
            if let Ok(mut checkpoint) = Checkpoint::read(file.path()) {
                let names: Vec<String> = checkpoint.names().map(str::to_owned).collect();
                for name in names {
                    let _ = checkpoint.take(&name);
                }
            }
        });
        Ok(())
    }

    #[test]
    fn converts_every_float() {
        assert_eq!(
            decode(&1.5f64.to_le_bytes(), |b| f64::from_le_bytes(b) as f32),
            [1.5]
        );
        let half = [f16::from_f32(-2.0), f16::from_f32(0.25)].map(f16::to_le_bytes);
        assert_eq!(
            decode(half.as_flattened(), |b| f16::from_le_bytes(b).to_f32()),
            [-2.0, 0.25]
        );
        let brain = bf16::from_f32(3.0).to_le_bytes();
        assert_eq!(decode(&brain, |b| bf16::from_le_bytes(b).to_f32()), [3.0]);
    }
}
