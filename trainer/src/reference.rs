//! Reading the pictures that a checkpoint's own code saw and made, from NumPy files.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, Result, bail};
use nijigen::imaging::Planes;
use npyz::{NpyFile, Order};

/// Most values of a reference picture: far above any sensible size, far below any memory.
const MAX_VALUES: u64 = 3 * 4096 * 4096;

/// Reads a `.npy` file with one picture: f32, `[1, 3, height, width]` or `[3, height, width]`.
///
/// # Errors
/// If the file cannot be read or holds something else.
pub fn read_planes(path: &Path) -> Result<Planes> {
    let named = || format!("cannot read the reference {}", path.display());
    let file =
        NpyFile::new(BufReader::new(File::open(path).with_context(named)?)).with_context(named)?;
    let shape = file.shape().to_vec();
    let (height, width) = match shape[..] {
        [1, 3, height, width] | [3, height, width] if file.len() <= MAX_VALUES => (height, width),
        _ => bail!(
            "{} has the shape {shape:?}, expected [1, 3, height, width] and at most {MAX_VALUES} values",
            path.display()
        ),
    };
    if file.order() != Order::C {
        bail!("{} is in Fortran order, expected C order", path.display());
    }
    let values = file.into_vec::<f32>().with_context(named)?;
    Ok(Planes::new(width as usize, height as usize, values)?)
}
