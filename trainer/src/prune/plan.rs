//! Which channels go: the least important ones for what they cost, until a target is met.

use anyhow::{Result, bail, ensure};
use nijigen::model::GeneratorConfig;

use super::wiring::Wiring;

/// Channels that are removed at a time, so that widths stay multiples of what registers hold.
const STEP: usize = 8;
/// Share of its channels that every group keeps at least: importance is measured once, and says
/// little when nearly all of a layer has gone.
const LEAST: f64 = 0.25;

/// Largest shares of the network that may be left; 1 where nothing is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Of the parameters.
    pub parameters: f64,
    /// Of the multiplications for a pixel.
    pub macs: f64,
}

/// What a network costs: parameters, and multiplications for a pixel.
pub fn cost(config: &GeneratorConfig) -> [f64; 2] {
    [config.parameter_count() as f64, config.macs_per_pixel()]
}

/// The channels that are kept of each group, in ascending order, given the importance of all.
///
/// # Errors
/// If the importance is not of this network, or the budget cannot be met, saying how far it goes.
pub fn plan(
    config: &GeneratorConfig,
    wiring: &Wiring,
    importance: &[Vec<f64>],
    budget: Budget,
) -> Result<Vec<Vec<usize>>> {
    let fits = importance.len() == wiring.widths.len()
        && importance
            .iter()
            .zip(&wiring.widths)
            .all(|(scores, &width)| scores.len() == width);
    ensure!(fits, "the importance is of another network");
    // The least important channels first.
    let order: Vec<Vec<usize>> = importance
        .iter()
        .map(|scores| {
            let mut order: Vec<usize> = (0..scores.len()).collect();
            order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
            order
        })
        .collect();
    let whole = cost(config);
    let limits = [whole[0] * budget.parameters, whole[1] * budget.macs];
    let mut widths = wiring.widths.clone();
    let mut now = whole;
    while now[0] > limits[0] || now[1] > limits[1] {
        let mut best: Option<(f64, usize)> = None;
        for group in 0..widths.len() {
            if !is_removable(wiring, &widths, group) {
                continue;
            }
            let removed = wiring.widths[group] - widths[group];
            let lost: f64 = order[group][removed..removed + STEP]
                .iter()
                .map(|&channel| importance[group][channel])
                .sum();
            let mut smaller = widths.clone();
            smaller[group] -= STEP;
            let then = cost(&wiring.resized(config, &smaller));
            // Only what is still too much counts.
            let saved: f64 = (0..2)
                .filter(|&i| now[i] > limits[i])
                .map(|i| (now[i] - then[i]) / whole[i])
                .sum();
            let price = lost / saved;
            if best.is_none_or(|(least, ..)| price < least) {
                best = Some((price, group));
            }
        }
        let Some((_, group)) = best else {
            bail!(
                "the target cannot be met: with every layer at {:.0} % of its channels, {:.0} % of the parameters and {:.0} % of the operations are left, expected {:.0} % and {:.0} %",
                100.0 * LEAST,
                100.0 * now[0] / whole[0],
                100.0 * now[1] / whole[1],
                100.0 * budget.parameters,
                100.0 * budget.macs
            );
        };
        widths[group] -= STEP;
        now = cost(&wiring.resized(config, &widths));
    }
    let kept = order.into_iter().zip(&widths).map(|(order, &width)| {
        let mut kept = order[order.len() - width..].to_vec();
        kept.sort_unstable();
        kept
    });
    Ok(kept.collect())
}

/// Whether the group can lose more channels.
fn is_removable(wiring: &Wiring, widths: &[usize], group: usize) -> bool {
    let least = (wiring.widths[group] as f64 * LEAST).ceil() as usize;
    !wiring.whole.contains(&group) && widths[group] >= STEP + least.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Channels of which the later ones matter more.
    fn rising(wiring: &Wiring) -> Vec<Vec<f64>> {
        let scores = |&width: &usize| (0..width).map(|i| (i + 1) as f64).collect();
        wiring.widths.iter().map(scores).collect()
    }

    #[test]
    fn budgets_are_met_with_the_channels_that_matter() {
        let config = GeneratorConfig::animegan2();
        let wiring = Wiring::new(&config);
        for budget in [
            Budget {
                parameters: 0.6,
                macs: 1.0,
            },
            Budget {
                parameters: 1.0,
                macs: 0.4,
            },
            Budget {
                parameters: 0.5,
                macs: 0.5,
            },
        ] {
            let kept = plan(&config, &wiring, &rising(&wiring), budget).expect("it can be met");
            let widths: Vec<usize> = kept.iter().map(Vec::len).collect();
            let small = wiring.resized(&config, &widths);
            small.validate().expect("valid");
            let (before, after) = (cost(&config), cost(&small));
            assert!(after[0] <= budget.parameters * before[0], "{after:?}");
            assert!(after[1] <= budget.macs * before[1], "{after:?}");
            // No more than a step too much: one of the two targets is met just so.
            let spare =
                (budget.parameters - after[0] / before[0]).min(budget.macs - after[1] / before[1]);
            assert!(spare < 0.05, "{after:?}");
            for (kept, &width) in kept.iter().zip(&wiring.widths) {
                assert_eq!(kept.last(), Some(&(width - 1)));
                assert!(kept.len() * 4 >= width);
            }
        }
    }

    #[test]
    fn what_would_leave_too_little_is_refused() {
        let config = GeneratorConfig::animegan2();
        let wiring = Wiring::new(&config);
        let budget = Budget {
            parameters: 0.001,
            macs: 1.0,
        };
        let error = plan(&config, &wiring, &rising(&wiring), budget).expect_err("too little");
        let text = error.to_string();
        assert!(text.contains("cannot be met"), "{text}");
        let error = plan(&config, &wiring, &[], budget).expect_err("another network");
        assert!(error.to_string().contains("another network"));
    }
}
