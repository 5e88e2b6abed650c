//! The shock filter (Osher and Rudin, 1990; coherent form by Weickert, 2003): each pixel takes the
//! colour of the lighter or darker side of the edge it is on, so that soft edges become crisp.

use nijigen::filter::{colours::Colours, gaussian::blur, resize};

use super::{flow::smooth_along, structure_tensor::StructureTensor};

/// Lengths and thresholds of a shock pass.
#[derive(Clone, Copy, Debug)]
pub struct Shock {
    /// Standard deviation of the blur of the lightness that decides which side a pixel is on.
    pub sigma_px: f32,
    /// How far a pixel looks across the edge.
    pub reach_px: f32,
    /// Second difference of the lightness from which a pixel takes its side fully.
    pub threshold: f32,
}

impl Shock {
    /// One pass over OKLab `colours`; `directions` are across the edges.
    ///
    /// # Panics
    /// If there isn't a direction for each pixel.
    pub fn apply(&self, colours: &Colours, directions: &[[f32; 2]]) -> Colours {
        let (width, height) = (colours.width(), colours.height());
        assert_eq!(directions.len(), width * height);
        let lightness = blur(&colours.channel(0), self.sigma_px);
        colours.map(|i, colour| {
            let (x, y) = ((i % width) as f32, (i / width) as f32);
            let [dx, dy] = directions[i];
            let at = |reach: f32| lightness.sample(x + dx * reach, y + dy * reach);
            let centre = lightness.values()[i];
            let ends = [at(self.reach_px), at(-self.reach_px)];
            let bend = ends[0] + ends[1] - 2.0 * centre;
            let share = (bend.abs() - 0.4 * self.threshold) / (0.6 * self.threshold);
            if share <= 0.0 {
                return colour;
            }
            // A valley takes the darkest colour near, a ridge the lightest.
            let better = |value: f32, than: f32| {
                if bend < 0.0 {
                    value > than
                } else {
                    value < than
                }
            };
            let half = 0.5 * self.reach_px;
            let (mut best, mut place) = (centre, 0.0);
            for (reach, value) in [
                (half, at(half)),
                (-half, at(-half)),
                (self.reach_px, ends[0]),
                (-self.reach_px, ends[1]),
            ] {
                if better(value, best) {
                    (best, place) = (value, reach);
                }
            }
            let taken = colours.sample(x + dx * place, y + dy * place);
            let share = share.min(1.0);
            std::array::from_fn(|c| colour[c] + share * (taken[c] - colour[c]))
        })
    }
}

/// `colours` with crisp edges that are smooth along their length and free of jaggies: smoothing
/// along the flow and one shock pass at twice the size, averaged down again. `scale` is 1 for
/// pictures of 512 px and grows with them.
pub fn crisp(colours: &Colours, scale: f32) -> Colours {
    let shock = Shock {
        sigma_px: 1.5 * scale,
        reach_px: 1.6 * scale,
        threshold: 0.010,
    };
    let directions = StructureTensor::of_colours(colours, 1.25 * scale)
        .doubled()
        .directions();
    let large = smooth_along(&resize::double_cubic(colours), &directions, 1.6 * scale);
    resize::halve_colours(&shock.apply(&large, &directions))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A soft edge: a logistic step at `x` 15.5.
    fn soft_edge() -> Colours {
        Colours::from_index(32, 16, |i| {
            let x = (i % 32) as f32 - 15.5;
            [0.3 + 0.4 / (1.0 + (-0.8 * x).exp()), 0.0, 0.0]
        })
    }

    fn steepest(colours: &Colours) -> f32 {
        let row: Vec<f32> = colours.pixels()[8 * 32..9 * 32]
            .iter()
            .map(|p| p[0])
            .collect();
        row.windows(2).map(|w| w[1] - w[0]).fold(0.0, f32::max)
    }

    #[test]
    fn a_soft_edge_becomes_crisp_and_nothing_overshoots() {
        let edge = soft_edge();
        for sharp in [
            Shock {
                sigma_px: 1.0,
                reach_px: 1.5,
                threshold: 0.01,
            }
            .apply(&edge, &[[1.0, 0.0]; 32 * 16]),
            crisp(&edge, 1.0),
        ] {
            assert!(
                steepest(&sharp) > 1.3 * steepest(&edge),
                "{}",
                steepest(&sharp)
            );
            assert!(sharp.pixels().iter().all(|p| (0.29..=0.71).contains(&p[0])));
        }
    }

    #[test]
    fn slopes_and_flat_places_stay() {
        let slope = Colours::from_index(32, 16, |i| [0.01 * (i % 32) as f32, 0.1, 0.0]);
        let out = Shock {
            sigma_px: 1.0,
            reach_px: 1.5,
            threshold: 0.01,
        }
        .apply(&slope, &[[1.0, 0.0]; 32 * 16]);
        for x in 8..24 {
            let i = 8 * 32 + x;
            assert!((out.pixels()[i][0] - slope.pixels()[i][0]).abs() < 1e-4);
        }
    }
}
