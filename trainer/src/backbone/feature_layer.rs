//! Places in a VGG network where features are read.

use std::fmt;

use anyhow::{Result, bail, ensure};

use super::vgg::Vgg;

/// A place where features are read: a convolution's output, before or after its ReLU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureLayer {
    block: usize,
    number: usize,
    rectified: bool,
}

impl FeatureLayer {
    /// Reads a name such as `relu3_3` (block 3, third convolution, after its ReLU) or `conv4_4`
    /// (before it).
    ///
    /// # Errors
    /// If the name is neither, or if `kind` has no such convolution.
    pub fn parse(name: &str, kind: Vgg) -> Result<Self> {
        let (rectified, place) = match (name.strip_prefix("relu"), name.strip_prefix("conv")) {
            (Some(place), _) => (true, place),
            (None, Some(place)) => (false, place),
            (None, None) => bail!(malformed(name)),
        };
        let &[block @ b'1'..=b'9', b'_', number @ b'1'..=b'9'] = place.as_bytes() else {
            bail!(malformed(name));
        };
        let [block, number] = [block, number].map(|digit| usize::from(digit - b'0'));
        let depths = kind.depths();
        ensure!(
            depths.get(block - 1).is_some_and(|depth| number <= *depth),
            "{kind} has no layer {name:?}: its blocks 1 to {} have {depths:?} convolutions",
            depths.len()
        );
        Ok(Self {
            block,
            number,
            rectified,
        })
    }

    /// Block and number of the convolution within it, both from 1.
    pub(super) fn layer(self) -> (usize, usize) {
        (self.block, self.number)
    }

    /// Whether features are read after the ReLU.
    pub(super) fn is_rectified(self) -> bool {
        self.rectified
    }
}

fn malformed(name: &str) -> String {
    format!(
        "{name:?} is not a layer of VGG, expected a name such as relu3_3 (after the ReLU) or \
         conv4_4 (before it)"
    )
}

impl fmt::Display for FeatureLayer {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let part = if self.rectified { "relu" } else { "conv" };
        write!(f, "{part}{}_{}", self.block, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() -> Result<()> {
        for name in ["relu1_1", "conv4_3", "relu5_3"] {
            assert_eq!(FeatureLayer::parse(name, Vgg::Vgg16)?.to_string(), name);
        }
        assert_ne!(
            FeatureLayer::parse("relu3_1", Vgg::Vgg16)?,
            FeatureLayer::parse("conv3_1", Vgg::Vgg16)?
        );
        assert_eq!(FeatureLayer::parse("conv4_4", Vgg::Vgg19)?.layer(), (4, 4));
        Ok(())
    }

    #[test]
    fn unknown_names_and_lacking_layers_are_told() {
        for wrong in [
            "", "relu", "relu3", "relu3_", "pool3_1", "relu0_1", "relu3_0", "relu3_33", "Relu3_3",
            "relu3-3", "conv+_1",
        ] {
            let error = FeatureLayer::parse(wrong, Vgg::Vgg19)
                .expect_err(wrong)
                .to_string();
            assert!(error.contains(&format!("{wrong:?} is not")), "{error}");
        }
        for lacking in ["conv4_4", "relu6_1", "relu2_3"] {
            let error = FeatureLayer::parse(lacking, Vgg::Vgg16)
                .expect_err(lacking)
                .to_string();
            assert!(error.contains("vgg16 has no layer"), "{error}");
            assert!(error.contains(lacking), "{error}");
        }
    }
}
