//! Where a photo shows the sky, and how sure that is.
//!
//! The search runs on a small copy. Seeds are smooth regions in a colour of the sky that touch the
//! top. What else is sky follows from two questions about each pixel: do the seeds or the rest of
//! the picture have more of its colour, and is the way to it shorter (geodesically, along which
//! colours change little) from the sky or from the ground? The second keeps pale buildings out of
//! pale clouds. Gaps between branches have no way from the top; they are found by colour.

use crate::colour::oklab;
use crate::filter::colours::Colours;
use crate::filter::components::Components;
use crate::filter::gaussian::{blur, weighted_blur_colours};
use crate::filter::guided::guided_filter;
use crate::filter::morphology::{self, Window};
use crate::filter::plane::Plane;
use crate::filter::resize;
use crate::filter::thresholds::hue_bump;
use crate::geometry::smoothstep;

/// Longer side of the copy that is searched, in pixels.
const SEARCHED_PX: f32 = 256.0;
/// Share of the picture below which a region of sky is not worth painting.
const SMALLEST_SHARE: f64 = 0.02;
/// How often the region is found anew from the colours of the last.
const PASSES: usize = 3;
/// Bins of the colour models in lightness and in either opponent.
const BINS: [usize; 3] = [24, 32, 32];

/// The share of sky in each pixel of a photo in OKLab, and the confidence that it is sky; both 0
/// to 1.
pub fn find(photo: &Colours, scale: f32) -> (Plane, f32) {
    let (width, height) = (photo.width(), photo.height());
    let none = || (Plane::from_index(width, height, |_| 0.0), 0.0);
    let shrink = (SEARCHED_PX / width.max(height) as f32).min(1.0);
    let side = |length: usize| ((length as f32 * shrink).round() as usize).max(1);
    let small = Features::of(resize::resize_colours(photo, side(width), side(height)));
    let seeds = small.seeds();
    if seeds.mean() < SMALLEST_SHARE {
        return none();
    }
    let likely = small.with_clouds(&seeds);
    // The colours of what was found tell more of the sky, as in GrabCut.
    let mut region = likely.clone();
    for _ in 0..PASSES {
        region = small.region(&seeds, &likely, &region);
    }
    if region.mean() < SMALLEST_SHARE {
        return none();
    }
    let confidence = small.confidence(&region, &seeds);
    if confidence < 0.03 {
        return none();
    }
    let rough = resize::resize(&region, width, height);
    let radius = (6.0 * scale) as usize;
    let by_lightness = guided_filter(&photo.channel(0), &rough, radius, 1e-3);
    let by_blue = guided_filter(&photo.plane(|[_, _, b]| 3.0 * b), &rough, radius, 1e-3);
    let snapped = Plane::from_index(width, height, |i| {
        let mean = 0.5 * (by_lightness.values()[i] + by_blue.values()[i]);
        smoothstep(mean, 0.25, 0.75)
    });
    (matte(photo, &snapped, scale), confidence)
}

/// A small copy of the photo, and what each pixel looks like.
struct Features {
    colours: Colours,
    lightness: Plane,
    chroma: Plane,
    /// Hue in degrees.
    hue: Plane,
    roughness: Plane,
    blue: Plane,
    warm: Plane,
    /// How much there are leaves and branches around each pixel, 0 to 1.
    leafy: Plane,
    /// Mean lightness around each pixel.
    around: Plane,
    /// How much each pixel looks like sky by itself, 0 to 1.
    prior: Plane,
}

impl Features {
    fn of(colours: Colours) -> Self {
        let (width, height) = (colours.width(), colours.height());
        let lightness = colours.channel(0);
        let (chroma, hue) = (colours.plane(oklab::chroma), colours.plane(oklab::hue));
        let mean = blur(&lightness, 2.0);
        let square = blur(&lightness.map(|l| l * l), 2.0);
        let plane = |value: &(dyn Fn(f32, f32, f32) -> f32 + Sync)| {
            Plane::from_index(width, height, |i| {
                value(lightness.values()[i], chroma.values()[i], hue.values()[i])
            })
        };
        let roughness = Plane::from_index(width, height, |i| {
            let mean = mean.values()[i];
            (square.values()[i] - mean * mean).max(0.0).sqrt()
        });
        let blue = colours.plane(blue);
        let bright = plane(&|l, chroma, hue| {
            let straw = hue_bump(hue, 112.0, 45.0) * smoothstep(chroma, 0.018, 0.04);
            smoothstep(l, 0.70, 0.86) * (1.0 - smoothstep(chroma, 0.05, 0.10)) * (1.0 - straw)
        });
        let warm = plane(&|l, chroma, hue| {
            // Balloons and signs are redder than any dusk.
            smoothstep(l, 0.45, 0.6)
                * sunset(hue, 65.0)
                * smoothstep(chroma, 0.02, 0.05)
                * (1.0 - smoothstep(chroma, 0.16, 0.21))
        });
        let leafy = plane(&|l, chroma, hue| {
            let green = hue_bump(hue, 124.0, 50.0) * smoothstep(chroma, 0.021, 0.046);
            green.max(1.0 - smoothstep(l, 0.35, 0.50))
        });
        let leafy = blur(&leafy, 3.0);
        let around = blur(&lightness, 4.0);
        let prior = Plane::from_index(width, height, |i| {
            let (blue, bright) = (blue.values()[i], bright.values()[i]);
            blue.max(bright).max(0.8 * warm.values()[i])
                * (1.0 - smoothstep(roughness.values()[i], 0.03, 0.07))
                * (1.0 - 0.6 * smoothstep(down(i, width, height), 0.45, 0.9))
        });
        Self {
            colours,
            lightness,
            chroma,
            hue,
            roughness,
            blue,
            warm,
            leafy,
            around,
            prior,
        }
    }

    fn plane(&self, value: impl Fn(usize) -> f32 + Sync) -> Plane {
        Plane::from_index(self.colours.width(), self.colours.height(), value)
    }

    /// How far down pixel `i` is, 0 to 1.
    fn down(&self, i: usize) -> f32 {
        down(i, self.colours.width(), self.colours.height())
    }

    /// Smooth regions in a colour of the sky that touch the top.
    fn seeds(&self) -> Plane {
        let height = self.colours.height();
        let found = Components::of(&self.prior.map(|p| f32::from(p > 0.45)), false);
        let smallest = 0.004 * self.prior.values().len() as f32;
        let top = (0.02 * height as f32).max(2.0) as usize;
        self.plane(|i| match found.labels[i] {
            0 => 0.0,
            label => {
                let part = found.parts[label as usize - 1];
                f32::from(part.rows[0] <= top && part.area as f32 > smallest)
            }
        })
    }

    /// The seeds with the clouds that touch them, which may be grey and textured.
    fn with_clouds(&self, seeds: &Plane) -> Plane {
        let anchored =
            self.mean_inside(seeds, |i| self.blue.values()[i].max(self.warm.values()[i]));
        if anchored <= 0.12 {
            return seeds.clone();
        }
        let dusk = f32::from(self.mean_inside(seeds, |i| self.warm.values()[i]) > 0.1);
        let cloudy = self.plane(|i| {
            let colour = self.colours.pixels()[i];
            let (chroma, hue) = (self.chroma.values()[i], self.hue.values()[i]);
            let grey = smoothstep(colour[0], 0.46, 0.58)
                * (1.0 - smoothstep(chroma, 0.05, 0.09))
                * (1.0 - smoothstep(colour[2], 0.010, 0.035));
            let lit = dusk * smoothstep(colour[0], 0.40, 0.52) * sunset(hue, 75.0);
            let green = hue_bump(hue, 128.0, 48.0) * smoothstep(chroma, 0.03, 0.06);
            let likely = grey
                .max(self.blue.values()[i])
                .max(self.prior.values()[i])
                .max(0.9 * lit)
                * (1.0 - smoothstep(self.roughness.values()[i], 0.085, 0.15))
                * (1.0 - 0.9 * smoothstep(self.down(i), 0.50, 0.78))
                * (1.0 - green);
            f32::from(likely > 0.45)
        });
        let opened = morphology::open(&cloudy, &Window::disc(1.5));
        let both = self.plane(|i| opened.values()[i].max(seeds.values()[i]));
        keep_parts(&both, 0.04, seeds)
    }

    /// The region of sky: 0 or 1. Its colours are those of `model`.
    fn region(&self, seeds: &Plane, likely: &Plane, model: &Plane) -> Plane {
        let posterior = self.posterior(model);
        let sky_sources = morphology::erode(seeds, &Window::disc(2.0));
        let last_rows = 0.93;
        let ground_sources = self.plane(|i| {
            let green = hue_bump(self.hue.values()[i], 130.0, 45.0)
                * smoothstep(self.chroma.values()[i], 0.04, 0.07);
            let unlike = self.prior.values()[i] < 0.02
                && (self.roughness.values()[i] > 0.09 && posterior.values()[i] < 0.5
                    || posterior.values()[i] < 0.02);
            let below = self.down(i) > last_rows;
            f32::from(
                (unlike || green > 0.5 || below)
                    && seeds.values()[i] < 0.5
                    && (likely.values()[i] < 0.5 || below),
            )
        });
        let steps = self.steps(&posterior);
        let from_sky = self.ways(&sky_sources, &steps);
        let from_ground = self.ways(&ground_sources, &steps);
        let logit = self.plane(|i| {
            let p = posterior.values()[i].clamp(0.02, 0.98);
            let (sky, ground) = (from_sky.values()[i], from_ground.values()[i]);
            let nearer = (ground - sky) / (ground + sky + 1e-3);
            // The same colours below are more often water, sand and snow, and what is rough is rock.
            let ground = 1.2 * smoothstep(self.down(i), 0.35, 0.85)
                + 4.0 * smoothstep(self.roughness.values()[i], 0.05, 0.10);
            0.6 * (p / (1.0 - p)).ln() + 4.0 * nearer + 1.5 * (likely.values()[i] - 0.35) - ground
        });
        let decided = self.plane(|i| 1.0 / (1.0 + (-logit.values()[i]).exp()));
        let decided = guided_filter(&self.lightness, &decided, 3, 4e-4);
        let region = decided.map(|v| f32::from(v > 0.5));
        // What hangs together with no seed is water below a horizon rather than sky; gaps in leaves come later.
        let region = keep_parts(&region, 0.0, seeds);
        let region = self.without_specks(&region, &posterior);
        self.with_gaps(&region, &posterior)
    }

    /// How much more of each pixel's colour there is in the sky than elsewhere, 0 to 1.
    fn posterior(&self, likely: &Plane) -> Plane {
        let [lightness_bins, a_bins, b_bins] = BINS;
        let bin = |colour: [f32; 3]| {
            let along = |v: f32, low: f32, high: f32, bins: usize| {
                ((v - low) / (high - low) * bins as f32).clamp(0.0, bins as f32 - 1.0) as usize
            };
            let l = along(colour[0], 0.0, 1.0, lightness_bins);
            let a = along(colour[1], -0.16, 0.16, a_bins);
            let b = along(colour[2], -0.20, 0.20, b_bins);
            (l * a_bins + a) * b_bins + b
        };
        let count = |inside: &dyn Fn(usize) -> f32| {
            let mut counts = vec![0.0f32; lightness_bins * a_bins * b_bins];
            for (i, colour) in self.colours.pixels().iter().enumerate() {
                counts[bin(*colour)] += inside(i);
            }
            for stride in [1, b_bins, a_bins * b_bins] {
                counts = spread(&spread(&counts, stride), stride);
            }
            let total: f32 = counts.iter().sum::<f32>().max(1.0);
            counts.into_iter().map(|c| c / total).collect::<Vec<f32>>()
        };
        let sky = count(&|i| likely.values()[i]);
        let ground = count(&|i| 1.0 - likely.values()[i]);
        let share = likely.mean().clamp(0.2, 0.8) as f32;
        let posterior = self.plane(|i| {
            let bin = bin(self.colours.pixels()[i]);
            let (sky, ground) = (share * sky[bin], (1.0 - share) * ground[bin]);
            (sky + 1e-7) / (sky + ground + 2e-7)
        });
        blur(&posterior, 0.6)
    }

    /// What the steps from each pixel to the one at its right, and to the one below, cost: changes of colour and of
    /// likelihood. Where there is no such pixel it is not used.
    fn steps(&self, posterior: &Plane) -> [Plane; 2] {
        let width = self.colours.width();
        [1, width].map(|stride| {
            self.plane(|from| {
                let to = (from + stride).min(self.colours.pixels().len() - 1);
                let (p, q) = (self.colours.pixels()[from], self.colours.pixels()[to]);
                let change: [f32; 3] = std::array::from_fn(|c| p[c] - q[c]);
                let likelihood = posterior.values()[from] - posterior.values()[to];
                0.004 + change[0].abs() + 2.0 * oklab::chroma(change) + 0.15 * likelihood.abs()
            })
        })
    }

    /// The shortest way to each pixel from the pixels of `sources`, along which the costs of `steps` add up.
    fn ways(&self, sources: &Plane, [right, below]: &[Plane; 2]) -> Plane {
        let (width, height) = (self.colours.width(), self.colours.height());
        let mut ways: Vec<f32> = sources
            .values()
            .iter()
            .map(|v| if *v > 0.5 { 0.0 } else { 1e3 })
            .collect();
        let (right, below) = (right.values(), below.values());
        // Sweeps in the four diagonal orders (Danielsson), until ways hardly shorten any more.
        for sweep in 0..8 {
            let (rightward, downward) = (sweep % 2 == 0, sweep / 2 % 2 == 0);
            for row in 0..height {
                let y = if downward { row } else { height - 1 - row };
                for column in 0..width {
                    let x = if rightward {
                        column
                    } else {
                        width - 1 - column
                    };
                    let i = y * width + x;
                    let mut best = ways[i];
                    if rightward && x > 0 {
                        best = best.min(ways[i - 1] + right[i - 1]);
                    } else if !rightward && x + 1 < width {
                        best = best.min(ways[i + 1] + right[i]);
                    }
                    if downward && y > 0 {
                        best = best.min(ways[i - width] + below[i - width]);
                    } else if !downward && y + 1 < height {
                        best = best.min(ways[i + width] + below[i]);
                    }
                    ways[i] = best;
                }
            }
        }
        Plane::from_index(width, height, |i| ways[i])
    }

    /// `region` with small holes of its own colour closed.
    fn without_specks(&self, region: &Plane, posterior: &Plane) -> Plane {
        let holes = Components::of(&region.map(|v| 1.0 - v), false);
        let likelihood = holes.sums(|i| posterior.values()[i]);
        let roughness = holes.sums(|i| self.roughness.values()[i]);
        let chroma = holes.sums(|i| self.chroma.values()[i]);
        let largest = 0.012 * region.values().len() as f32;
        self.plane(|i| match holes.labels[i] {
            0 => 1.0,
            label => {
                let hole = holes.parts[label as usize - 1];
                let area = hole.area as f32;
                let [likelihood, roughness, chroma] =
                    [&likelihood, &roughness, &chroma].map(|sums| sums[label as usize - 1] / area);
                // Dark patches of clouds are smooth and grey.
                let cloud = area < 2.0 * largest && roughness < 0.035 && chroma < 0.04;
                f32::from(hole.area < 6 || (area < largest && likelihood > 0.6) || cloud)
            }
        })
    }

    /// `region` with the gaps between branches: small parts of the sky's colour near the sky,
    /// lighter than the leaves and branches around them.
    fn with_gaps(&self, region: &Plane, posterior: &Plane) -> Plane {
        let (local, near) = weighted_blur_colours(&self.colours, region, 14.0);
        let candidates = self.plane(|i| {
            let colour = self.colours.pixels()[i];
            let away = [0, 1, 2].map(|c| colour[c] - local.pixels()[i][c]);
            let like = away[0] > -0.10 && away[1].hypot(away[2]) < 0.05;
            let gap = region.values()[i] < 0.5
                && posterior.values()[i] > 0.6
                && near.values()[i] > 0.03
                && like
                && colour[0] > self.around.values()[i] + 0.02
                && self.leafy.values()[i] > 0.3;
            f32::from(gap)
        });
        let found = Components::of(&candidates, true);
        let largest = 0.006 * region.values().len() as f32;
        self.plane(|i| match found.labels[i] {
            0 => region.values()[i],
            label => f32::from((found.parts[label as usize - 1].area as f32) < largest),
        })
    }

    /// How sure it is that `region` is the sky: it spans the top, is smooth, is blue or clearly
    /// lighter than the ground, ends at a skyline, and does not reach the bottom.
    fn confidence(&self, region: &Plane, seeds: &Plane) -> f32 {
        let (width, height) = (self.colours.width(), self.colours.height());
        let inside = |value: &dyn Fn(usize) -> f32| self.mean_inside(region, value);
        let rest = region.map(|v| 1.0 - v);
        let lightness = &self.lightness;
        let sky_lightness = inside(&|i| lightness.values()[i]);
        let rest_lightness = if rest.mean() * rest.values().len() as f64 > 50.0 {
            self.mean_inside(&rest, |i| lightness.values()[i])
        } else {
            0.4
        };
        let smooth_sky = self.plane(|i| region.values()[i].min(seeds.values()[i]));
        let blue = inside(&|i| self.blue.values()[i])
            .max(0.75 * self.mean_inside(&smooth_sky, |i| self.blue.values()[i]));
        let rough = smoothstep(inside(&|i| self.roughness.values()[i]), 0.030, 0.055)
            * (1.0 - (2.0 * blue).min(1.0));
        let rows = (height / 30).max(2).min(height);
        let top = region.values()[..rows * width].iter().sum::<f32>() / (rows * width) as f32;
        let lighter = sky_lightness - rest_lightness;
        let looks = (0.9 * smoothstep(blue, 0.25, 0.6) + 0.1 * f32::from(lighter > 0.0))
            .max(smoothstep(lighter, 0.05, 0.22));
        // Backdrops and mist reach far down beside what stands before them; a sky of its own
        // colour may.
        let low = (0.80 * height as f32) as usize * width;
        let bottom = region.values()[low..].iter().sum::<f32>()
            / (region.values().len() - low).max(1) as f32;
        let plain = 1.0 - smoothstep(blue, 0.3, 0.6);
        let grounded = 1.0 - plain * smoothstep(bottom, 0.03, 0.20);
        // A wall or a ceiling rarely fills the top from side to side.
        let wide = 1.0 - plain * (1.0 - smoothstep(top, 0.75, 0.95));
        let (skyline, crispness) = self.skyline(region);
        let crisp = if skyline < 10 {
            1.0
        } else {
            1.0 - (1.0 - smoothstep(crispness, 0.25, 0.55)) * (0.35 + 0.65 * plain)
        };
        (1.0 - rough) * smoothstep(top, 0.10, 0.35) * looks * wide * grounded * crisp
    }

    /// The pixels along the border of `region`, and the share of them at which the colour changes
    /// within five pixels at least 0.6 times as much as within thirteen: the rest is blurred.
    fn skyline(&self, region: &Plane) -> (usize, f32) {
        let (width, height) = (self.colours.width(), self.colours.height());
        let colour = |x: usize, y: usize| self.colours.pixels()[y * width + x];
        let change = |p: [f32; 3], q: [f32; 3]| {
            let [l, a, b] = [0, 1, 2].map(|c| p[c] - q[c]);
            l.hypot(2.0 * a.hypot(b))
        };
        let (mut count, mut crisp) = (0, 0);
        for x in 0..width {
            for y in 7..height.saturating_sub(8) {
                let above = region.row(y)[x] > 0.5;
                if above && region.row(y + 1)[x] <= 0.5 {
                    let near = change(colour(x, y - 2), colour(x, y + 3));
                    let far = change(colour(x, y - 6), colour(x, y + 7));
                    count += 1;
                    crisp += usize::from(near > 0.6 * far && near > 0.05 || near > 0.2);
                }
            }
        }
        (count, crisp as f32 / count.max(1) as f32)
    }

    /// Mean of `value` where `region` is above 1/2; 0 where that is nowhere.
    fn mean_inside(&self, region: &Plane, value: impl Fn(usize) -> f32) -> f32 {
        let (mut sum, mut count) = (0.0f64, 0);
        for (i, _) in region
            .values()
            .iter()
            .enumerate()
            .filter(|(_, v)| **v > 0.5)
        {
            sum += f64::from(value(i));
            count += 1;
        }
        (sum / f64::from(count.max(1))) as f32
    }
}

/// How much a colour is one of a blue sky, 0 to 1.
pub(super) fn blue(colour: [f32; 3]) -> f32 {
    smoothstep(oklab::chroma(colour), 0.02, 0.05)
        * hue_bump(oklab::hue(colour), 255.0, 52.0)
        * smoothstep(colour[0], 0.22, 0.40)
}

/// How far down pixel `i` is, 0 to 1.
fn down(i: usize, width: usize, height: usize) -> f32 {
    (i / width) as f32 / (height.max(2) - 1) as f32
}

/// How near a hue is to those of the sky at dusk, 0 to 1.
fn sunset(hue: f32, width: f32) -> f32 {
    (hue_bump(hue, 45.0, width) + hue_bump(hue, 330.0, 60.0)).min(1.0)
}

/// Counts smoothed by 1, 2, 1 over the neighbours `stride` away.
fn spread(counts: &[f32], stride: usize) -> Vec<f32> {
    (0..counts.len())
        .map(|i| {
            let before = i.checked_sub(stride).map_or(0.0, |j| counts[j]);
            let after = counts.get(i + stride).copied().unwrap_or(0.0);
            0.25 * (before + 2.0 * counts[i] + after)
        })
        .collect()
}

/// The parts of `region` of which more than the share `least` is inside `anchor`.
fn keep_parts(region: &Plane, least: f32, anchor: &Plane) -> Plane {
    let found = Components::of(region, false);
    let inside = found.sums(|i| anchor.values()[i]);
    Plane::from_index(region.width(), region.height(), |i| match found.labels[i] {
        0 => 0.0,
        label => {
            let part = label as usize - 1;
            f32::from(inside[part] > least * found.parts[part].area as f32)
        }
    })
}

/// `mask` with soft borders that follow the picture: in a band around its border each pixel is
/// placed on the line between the colours of the ground and of the sky nearby.
fn matte(photo: &Colours, mask: &Plane, scale: f32) -> Plane {
    let (width, height) = (photo.width(), photo.height());
    let at = |plane: &Plane, i: usize| plane.values()[i];
    let window = Window::disc(6.0 * scale);
    let binary = mask.map(|v| f32::from(v > 0.5));
    let sky = morphology::erode(&binary, &window);
    let ground = morphology::dilate(&binary, &window).map(|v| 1.0 - v);
    let sigma = 7.0 * scale;
    let (sky_means, sky_near) = weighted_blur_colours(photo, &sky, sigma);
    let (ground_means, ground_near) = weighted_blur_colours(photo, &ground, sigma);
    Plane::from_index(width, height, |i| {
        if at(&sky, i) > 0.5 {
            return 1.0;
        }
        if at(&ground, i) > 0.5 {
            return 0.0;
        }
        let (mut along, mut length) = (0.0, 0.0);
        let (sky, ground) = (sky_means.pixels()[i], ground_means.pixels()[i]);
        for (c, weight) in [1.0, 8.0, 8.0].into_iter().enumerate() {
            let way = sky[c] - ground[c];
            along += weight * way * (photo.pixels()[i][c] - ground[c]);
            length += weight * way * way;
        }
        let share = smoothstep(along / (length + 1e-4), 0.30, 0.75);
        let known = at(&sky_near, i).min(at(&ground_near, i));
        let trusted = smoothstep(known, 0.01, 0.06) * smoothstep(length.sqrt(), 0.05, 0.12);
        at(mask, i) + trusted * (share - at(mask, i))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of 200 x 150 in OKLab.
    fn scene(colour: impl Fn(f32, f32) -> u32 + Sync) -> Colours {
        Colours::from_index(200, 150, |i| {
            oklab::from_hex(colour((i % 200) as f32, (i / 200) as f32))
        })
    }

    /// A dark and light pattern.
    fn rough(x: f32, y: f32) -> u32 {
        if ((x * 0.9).sin() + (y * 1.3).cos()) > 0.0 {
            0x6a5538
        } else {
            0x2e2a1c
        }
    }

    #[test]
    fn a_pale_building_and_a_gap_between_branches_are_told_apart() {
        let photo = scene(|x, y| {
            let building = (120.0..170.0).contains(&x) && (50.0..110.0).contains(&y);
            let outline = (118.0..172.0).contains(&x) && (48.0..110.0).contains(&y);
            let tree = (x - 45.0).hypot(y - 60.0) < 32.0;
            let gap = (x - 40.0).hypot(y - 60.0) < 5.0;
            match () {
                () if gap => 0xaecbf0,
                () if tree => 0x24401c,
                () if building => 0xe4e6ea,
                () if outline => 0x6c6a70,
                () if y < 95.0 => 0xaecbf0,
                () => rough(x, y),
            }
        });
        let (mask, confidence) = find(&photo, 200.0 / 512.0);
        assert!(confidence > 0.8, "{confidence}");
        assert!(
            mask.row(20)[100] > 0.95 && mask.row(60)[40] > 0.8,
            "{}",
            mask.row(60)[40]
        );
        assert!(mask.row(80)[145] < 0.05 && mask.row(60)[60] < 0.05 && mask.row(130)[80] < 0.05);
    }

    #[test]
    fn mist_is_not_surely_sky_and_a_wood_has_none() {
        let mist = Colours::from_index(200, 150, |i| {
            let (x, y) = ((i % 200) as f32, (i / 200) as f32);
            let lightness = 0.95 - 0.7 * smoothstep(y, 40.0, 140.0);
            [
                lightness + 0.02 * (x * 0.7).sin() * smoothstep(y, 60.0, 140.0),
                0.0,
                0.0,
            ]
        });
        let (_, confidence) = find(&mist, 200.0 / 512.0);
        assert!(confidence < 0.8, "{confidence}");
        let (mask, confidence) = find(&scene(rough), 200.0 / 512.0);
        assert_eq!((mask.mean(), confidence), (0.0, 0.0));
    }
}
