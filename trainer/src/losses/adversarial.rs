//! Least-squares adversarial losses (LSGAN; Mao et al. 2017, "Least Squares Generative Adversarial
//! Networks"), with the two further fakes of AnimeGANv2's reference implementation.
//!
//! - discriminator: a·mean((D(real) − 1)²) + b·mean(D(fake)²) + c·mean(D(gray)²)
//!   + d·mean(D(smooth)²)
//! - generator: mean((D(fake) − 1)²)
//!
//! Gray style pictures teach the discriminator that anime is coloured; edge-smoothed ones teach it
//! that anime has clear outlines. The factor ½ of the paper is left out, as in AnimeGANv2.

use burn::tensor::Tensor;

/// The discriminator's loss on style pictures, from logits `[batch, 1, height, width]`: towards 1.
pub fn real_loss(logits: Tensor<4>) -> Tensor<1> {
    towards(logits, 1.0)
}

/// The discriminator's loss on everything else (outputs detached from the generator, gray and
/// edge-smoothed style pictures): towards 0.
pub fn fake_loss(logits: Tensor<4>) -> Tensor<1> {
    towards(logits, 0.0)
}

/// The generator's loss, from the logits of its outputs: towards 1.
pub fn generator_loss(logits: Tensor<4>) -> Tensor<1> {
    towards(logits, 1.0)
}

/// Mean squared distance of the logits from a label.
fn towards(logits: Tensor<4>, label: f32) -> Tensor<1> {
    logits.sub_scalar(label).square().mean()
}

#[cfg(test)]
mod tests {
    use super::super::finite_difference::assert_gradient;
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn by_hand() {
        let logits = |a: f32, b: f32| {
            Tensor::<1>::from_floats([a, b], &Device::flex()).reshape([1, 1, 1, 2])
        };
        let value = |loss: Tensor<1>| loss.into_scalar::<f32>();
        assert_eq!(value(real_loss(logits(1.0, 3.0))), 2.0);
        assert_eq!(value(fake_loss(logits(0.0, 1.0))), 0.5);
        assert_eq!(value(generator_loss(logits(0.0, 3.0))), 2.5);
        // A perfect discriminator has no loss.
        assert_eq!(
            value(real_loss(logits(1.0, 1.0)) + fake_loss(logits(0.0, 0.0))),
            0.0
        );
    }

    #[test]
    fn gradients() {
        for loss in [real_loss, fake_loss, generator_loss] {
            assert_gradient([2, 1, 2, 3], 1.0, loss);
        }
    }
}
