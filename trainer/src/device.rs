//! The device that tensors are computed on.

use anyhow::{Result, bail, ensure};
use burn::tensor::Device;
#[cfg(any(feature = "cuda", feature = "vulkan", feature = "wgpu"))]
use burn::tensor::DeviceType;

/// Devices by name, and the Cargo feature each needs.
const DEVICES: &str = "flex, or with the Cargo feature of the same name tch, cuda, vulkan, wgpu";

/// The device called `name`.
///
/// # Errors
/// If there is no such device, or this build lacks it.
pub fn device(name: &str) -> Result<Device> {
    match name {
        "flex" => Ok(Device::flex()),
        #[cfg(feature = "tch")]
        "tch" => Ok(libtorch()),
        #[cfg(feature = "cuda")]
        "cuda" => Ok(Device::cuda(0)),
        #[cfg(feature = "vulkan")]
        "vulkan" => Ok(Device::vulkan(burn::tensor::DeviceKind::DefaultDevice)),
        #[cfg(feature = "wgpu")]
        "wgpu" => Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
        // Those that no arm above has taken.
        #[allow(unreachable_patterns)]
        "tch" | "cuda" | "vulkan" | "wgpu" => bail!(
            "this build lacks the device {name}: build with `cargo build --release -p trainer --features {name}`"
        ),
        _ => bail!("there is no device {name:?}, expected {DEVICES}"),
    }
}

/// So many devices called `name`: for flex and tch, which are the processor, the same one again.
///
/// # Errors
/// Those of [`device`], or if there are not as many.
pub fn devices(name: &str, count: usize) -> Result<Vec<Device>> {
    let first = device(name)?;
    if count == 1 {
        return Ok(vec![first]);
    }
    let found = match name {
        #[cfg(feature = "cuda")]
        "cuda" => Device::enumerate(DeviceType::Cuda).into_vec(),
        #[cfg(feature = "vulkan")]
        "vulkan" => Device::enumerate(DeviceType::Vulkan).into_vec(),
        #[cfg(feature = "wgpu")]
        "wgpu" => Device::enumerate(DeviceType::Wgpu).into_vec(),
        _ => vec![first; count],
    };
    ensure!(
        found.len() >= count,
        "there are {} devices {name}, expected {count}",
        found.len()
    );
    Ok(found.into_iter().take(count).collect())
}

/// libtorch on the CPU. Burn calls it deprecated; no other backend is as fast on CPUs yet.
#[cfg(feature = "tch")]
#[allow(deprecated)]
fn libtorch() -> Device {
    Device::libtorch()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_devices_are_named() {
        assert!(device("flex").is_ok());
        let error = device("abacus").expect_err("no such device").to_string();
        assert!(
            error.contains("\"abacus\"") && error.contains("wgpu"),
            "{error}"
        );
    }
}
