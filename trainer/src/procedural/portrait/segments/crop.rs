//! What is known of a face crop before its parts are told apart.

use nijigen::drawing::{
    frame::{Frame, enlarged},
    palette::skin_colour,
    pen::closed_spline,
};
use nijigen::face::mesh::{CHIN, LIPS_OUTER, OVAL};
use nijigen::filter::plane::Plane;
use nijigen::filter::{colours::Colours, gaussian::blur};

use crate::procedural::portrait::mixture::Look;

/// A face crop, pixel by pixel.
pub struct Crop<'a> {
    /// Where the face is.
    pub frame: &'a Frame,
    /// Colour and texture.
    pub looks: Vec<Look>,
    /// Share of a person.
    pub person: &'a [f32],
    /// Place from the middle of the face, see [`Frame::place`].
    pub at: Vec<[f32; 2]>,
    /// Place from the chin.
    pub below: Vec<[f32; 2]>,
    /// Whether it is inside of the face's outline.
    pub oval: Vec<bool>,
    /// Whether it belongs to eyes, brows or lips rather than to skin.
    pub features: Vec<bool>,
    /// The outline of the lips.
    pub lips: Vec<[f32; 2]>,
    /// Median of the cheeks in CIE L*a*b*.
    pub skin_colour: [f32; 3],
}

impl<'a> Crop<'a> {
    /// Of a crop in CIE L*a*b*, as it is and a little blurred, and the share of a person.
    pub fn new(frame: &'a Frame, lab: &Colours, smooth: &Colours, person: &'a Plane) -> Self {
        let looks = looks(lab, smooth, frame.unit());
        let count = looks.len();
        let chin = frame.points[CHIN];
        let at = (0..count).map(|i| frame.place(i, frame.face.center));
        let below = (0..count).map(|i| frame.place(i, chin));

        let skin_colour = skin_colour(frame, lab.pixels());
        let lips = frame.at(LIPS_OUTER);
        let features = [
            frame.eye_polygon(0, 1.35),
            frame.eye_polygon(1, 1.35),
            frame.brow_polygon(0, 0.02),
            frame.brow_polygon(1, 0.02),
            enlarged(&lips, 1.12),
        ];
        Self {
            frame,
            person: person.values(),
            at: at.collect(),
            below: below.collect(),
            oval: inside(frame, &closed_spline(&frame.at(OVAL))),
            features: inside_any(frame, &features),
            lips,
            skin_colour,
            looks,
        }
    }

    /// How far the opponents are from those of this skin under the same light.
    pub fn off_hue(&self, look: &Look) -> f32 {
        let [l0, a0, b0] = self.skin_colour;
        let f = (look[0] / l0).clamp(0.3, 1.3).powf(0.7);
        (look[1] - a0 * f).hypot(look[2] - b0 * f)
    }

    /// The looks of the pixels in the region.
    pub fn select(&self, region: impl Fn(usize) -> bool) -> Vec<Look> {
        (0..self.looks.len())
            .filter(|i| region(*i))
            .map(|i| self.looks[i])
            .collect()
    }

    /// The share of the region's pixels of which `holds` is true; `otherwise` of hardly any pixels.
    pub fn share(
        &self,
        region: impl Fn(usize) -> bool,
        holds: impl Fn(usize) -> bool,
        otherwise: f32,
    ) -> f32 {
        let (mut all, mut yes) = (0, 0);
        for i in (0..self.looks.len()).filter(|i| region(*i)) {
            all += 1;
            yes += usize::from(holds(i));
        }
        if all > 20 {
            yes as f32 / all as f32
        } else {
            otherwise
        }
    }
}

/// Which pixels are inside of a polygon.
pub fn inside(frame: &Frame, polygon: &[[f32; 2]]) -> Vec<bool> {
    let area = frame.region(polygon);
    area.values().iter().map(|v| *v > 0.5).collect()
}

/// Which pixels are inside of any of the polygons.
fn inside_any(frame: &Frame, polygons: &[Vec<[f32; 2]>]) -> Vec<bool> {
    let mut region = vec![false; frame.side * frame.side];
    for polygon in polygons {
        for (all, one) in region.iter_mut().zip(inside(frame, polygon)) {
            *all |= one;
        }
    }
    region
}

/// Colour and texture of each pixel.
fn looks(lab: &Colours, smooth: &Colours, unit: f32) -> Vec<Look> {
    let lightness = lab.channel(0);
    let low = blur(&lightness, 0.016 * unit);
    let squares = Plane::from_index(lab.width(), lab.height(), |i| {
        (lightness.values()[i] - low.values()[i]).powi(2)
    });
    let (energy, level) = (blur(&squares, 0.018 * unit), blur(&lightness, 0.02 * unit));
    let texture = |i: usize| {
        let contrast = energy.values()[i].max(0.0).sqrt() / (0.02 * level.values()[i] + 0.4);
        6.0 * contrast.ln_1p()
    };
    smooth
        .pixels()
        .iter()
        .enumerate()
        .map(|(i, [l, a, b])| [*l, *a, *b, texture(i)])
        .collect()
}
