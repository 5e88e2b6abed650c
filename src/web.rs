//! The WebAssembly interface; the only file that knows `wasm_bindgen`.
//!
//! Built with the `gpu` feature, and with `cpu` for several instruction sets, with and without
//! `threads`. All modules export the same names but for what starts threads and measures layers.
//! Thrown values are JavaScript `Error`s with a `code`, see [`crate::Error::code`].

use std::cell::OnceCell;

#[cfg(feature = "cpu")]
use js_sys::Array;
use js_sys::{Float32Array, Function, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[cfg(feature = "cpu")]
use crate::engine::StepTime;
use crate::engine::{Engine, Progress};
use crate::error::{Error, Result};
use crate::face::GUIDE_PLANES;
use crate::imaging::{self, Photo, Planes};
use crate::pipeline::{
    self, FaceMode, FaceOptions, Faces, Look, Network, Options, Outcome, Picture, Presentation,
};
use crate::style::{Role, Style, verify_sha256};

#[cfg(not(feature = "gpu"))]
type ModuleEngine = crate::engine::CpuEngine;
#[cfg(feature = "gpu")]
type ModuleEngine = crate::engine::GpuEngine;

#[cfg(not(feature = "gpu"))]
async fn start_engine(style: &Style, int8: bool) -> Result<ModuleEngine> {
    use crate::engine::{CpuEngine, Precision};
    let precision = if int8 {
        Precision::Int8
    } else {
        Precision::F32
    };
    Ok(CpuEngine::with_precision(style, precision))
}
#[cfg(feature = "gpu")]
async fn start_engine(style: &Style, _int8: bool) -> Result<ModuleEngine> {
    crate::engine::GpuEngine::new(style, now).await
}

/// Milliseconds, by which submissions are measured out.
#[cfg(feature = "gpu")]
fn now() -> f64 {
    js_sys::Date::now()
}

/// Has shaders compiled while the style is on its way: those of the network that a style of this variant (`full`,
/// `compact` or `tiny`) has, as far as is known.
#[cfg(feature = "gpu")]
#[wasm_bindgen]
pub async fn warm_up(variant: &str) -> std::result::Result<(), JsValue> {
    crate::engine::GpuEngine::warm_up(variant, now)
        .await
        .map_err(to_js)
}

/// A JavaScript `Error` with the error's words and code.
fn to_js(error: Error) -> JsValue {
    let js = js_sys::Error::new(&error.to_string());
    // Setting a property of a fresh, extensible object cannot fail.
    let _ = Reflect::set(&js, &"code".into(), &error.code().into());
    js.into()
}

/// Panics are programming errors; their message belongs on the console, not only "unreachable".
#[wasm_bindgen(start)]
fn start() {
    std::panic::set_hook(Box::new(|info| {
        web_sys::console::error_1(&info.to_string().into());
    }));
}

/// What [`probe_photo`] found.
#[wasm_bindgen(getter_with_clone)]
pub struct PhotoHeader {
    /// Name of the file format.
    pub format: String,
    /// Width in pixels, before orientation.
    pub width: u32,
    /// Height in pixels, before orientation.
    pub height: u32,
    /// If the file ends early: the share of rows that are missing.
    pub missing: Option<f32>,
    /// And on which side of the upright photo: `bottom`, `top`, `left` or `right`.
    #[wasm_bindgen(js_name = missingSide)]
    pub missing_side: Option<String>,
}

/// Reads a photo file's header and refuses what cannot be handled, before any decoder allocates.
#[wasm_bindgen]
pub fn probe_photo(bytes: &[u8]) -> std::result::Result<PhotoHeader, JsValue> {
    let header = imaging::probe(bytes).map_err(to_js)?;
    Ok(PhotoHeader {
        format: header.format.into(),
        width: header.width as u32,
        height: header.height as u32,
        missing: header.ends_early.map(|ends_early| ends_early.missing),
        missing_side: header
            .ends_early
            .map(|ends_early| format!("{:?}", ends_early.side).to_lowercase()),
    })
}

/// A JPEG file that ends early as decoders take it; refused where more than half of the photo is missing.
#[wasm_bindgen]
pub fn mend_photo(bytes: &[u8]) -> std::result::Result<Vec<u8>, JsValue> {
    imaging::mend(bytes)
        .map(std::borrow::Cow::into_owned)
        .map_err(to_js)
}

/// A style on this module's engine, and perhaps a portrait network beside it.
#[wasm_bindgen]
pub struct Stylizer {
    engine: ModuleEngine,
    style: Style,
    portrait: OnceCell<(ModuleEngine, Style)>,
    segmentation: OnceCell<(ModuleEngine, Style)>,
}

/// Verifies and reads a style file, starts an engine and checks it against the style's known
/// answer.
async fn load(style: &[u8], sha256: &str, role: Role, int8: bool) -> Result<(ModuleEngine, Style)> {
    if !sha256.is_empty() {
        verify_sha256(style, sha256)?;
    }
    let style = Style::from_bytes(style)?;
    style.header().expect_role(role)?;
    let planes = style.generator().input_channels;
    if role != Role::Place && planes != 3 + GUIDE_PLANES {
        return Err(Error::StyleInvalid(format!(
            "networks with guide planes take {} planes, this one {planes}",
            3 + GUIDE_PLANES
        )));
    }
    let engine = start_engine(&style, int8).await?;
    engine.check_known_answer(&style).await?;
    Ok((engine, style))
}

/// A network that has been loaded.
fn network_of(loaded: &OnceCell<(ModuleEngine, Style)>) -> Option<Network<'_, ModuleEngine>> {
    let (engine, style) = loaded.get()?;
    Some(Network::of_style(engine, style.header()))
}

#[wasm_bindgen]
impl Stylizer {
    /// Verifies and reads a style file, starts the engine and checks it against the style's known
    /// answer. An empty `sha256` skips the verification, for files that the user chose. `int8`
    /// asks for 8-bit products, which a GPU does not have.
    pub async fn create(
        style: Vec<u8>,
        sha256: String,
        int8: bool,
    ) -> std::result::Result<Stylizer, JsValue> {
        let (engine, style) = load(&style, &sha256, Role::Place, int8)
            .await
            .map_err(to_js)?;
        Ok(Stylizer {
            engine,
            style,
            portrait: OnceCell::new(),
            segmentation: OnceCell::new(),
        })
    }

    /// Adds a portrait network, which draws the faces from then on whose mesh is given. Its file is
    /// treated as in [`Stylizer::create`].
    ///
    /// Codes of its own: `argument-invalid` if there is one; `style-invalid` if the network takes no
    /// guide planes.
    pub async fn add_portrait(
        &self,
        style: Vec<u8>,
        sha256: String,
        int8: bool,
    ) -> std::result::Result<(), JsValue> {
        let loading = load(&style, &sha256, Role::Portrait, int8);
        let set = loading.await.and_then(|loaded| {
            self.portrait
                .set(loaded)
                .map_err(|_| Error::ArgumentInvalid("there is a portrait network already".into()))
        });
        set.map_err(to_js)
    }

    /// Adds a segmentation network, which tells skin and hair around the faces that the portrait network draws. Its file is
    /// treated as in [`Stylizer::create`].
    ///
    /// Codes of its own: `argument-invalid` if there is one; `style-invalid` if it is none.
    pub async fn add_segmentation(
        &self,
        style: Vec<u8>,
        sha256: String,
        int8: bool,
    ) -> std::result::Result<(), JsValue> {
        let loading = load(&style, &sha256, Role::Segmentation, int8);
        let set = loading.await.and_then(|loaded| {
            let there_is_one = || "there is a segmentation network already".into();
            self.segmentation
                .set(loaded)
                .map_err(|_| Error::ArgumentInvalid(there_is_one()))
        });
        set.map_err(to_js)
    }

    /// `cpu` or `gpu`.
    #[wasm_bindgen(getter, unchecked_return_type = "\"cpu\" | \"gpu\"")]
    pub fn engine(&self) -> String {
        self.engine.name().into()
    }

    /// The style's header as JSON.
    #[wasm_bindgen(getter)]
    pub fn style_header(&self) -> std::result::Result<String, JsValue> {
        serde_json::to_string(self.style.header())
            .map_err(|error| to_js(Error::StyleInvalid(error.to_string())))
    }

    /// Largest absolute error against the style's known answer, in units of the [-1, 1] range;
    /// `undefined` if the style has none.
    pub async fn known_answer_error(&self) -> std::result::Result<Option<f32>, JsValue> {
        self.engine
            .known_answer_error(&self.style)
            .await
            .map_err(to_js)
    }

    /// Runs the network alone. `planes` is `[3][height][width]` in [-1, 1], as is the result.
    pub async fn run(
        &self,
        planes: Vec<f32>,
        width: u32,
        height: u32,
    ) -> std::result::Result<Vec<f32>, JsValue> {
        let run = async {
            let planes = Planes::new(width as usize, height as usize, planes)?;
            let output = self.engine.stylize(&planes, &mut |_: f32| {}).await?;
            Ok(output.values().to_vec())
        };
        run.await.map_err(to_js)
    }

    /// Turns RGBA pixels, row by row from the top left, into an anime picture.
    ///
    /// Codes of its own: `argument-invalid` if an option is missing or wrong; `faces-invalid` if kind
    /// or number of landmarks are; `no-face` if no face can be used in mode `faces`.
    pub async fn stylize(
        &self,
        rgba: Uint8Array,
        width: u32,
        height: u32,
        #[wasm_bindgen(unchecked_param_type = "StylizeOptions")] options: JsValue,
    ) -> std::result::Result<StylizedPhoto, JsValue> {
        let stylize = async {
            let expand = self.style.header().alignment.expand;
            let (options, mut progress) = stylize_options(&options, expand)?;
            let photo = self.photo(&rgba, width as usize, height as usize)?;
            let look = Look {
                place: self.network(),
                portrait: network_of(&self.portrait),
                segmentation: network_of(&self.segmentation),
            };
            pipeline::stylize(&look, photo, &options, &mut progress).await
        };
        stylize.await.map(StylizedPhoto::new).map_err(to_js)
    }
}

impl Stylizer {
    /// The network for places.
    fn network(&self) -> Network<'_, ModuleEngine> {
        Network::of_style(&self.engine, self.style.header())
    }

    /// Copies pixels into the module's memory, if there is room.
    fn photo(&self, rgba: &Uint8Array, width: usize, height: usize) -> Result<Photo> {
        let bytes = rgba.length();
        self.engine.make_room(bytes.into())?;
        let mut pixels = Vec::new();
        let reserved = pixels.try_reserve_exact(bytes as usize);
        reserved.map_err(|_| Error::Memory {
            needed_bytes: bytes.into(),
            allowed_bytes: None,
        })?;
        pixels.resize(bytes as usize, 0);
        rgba.copy_to(&mut pixels);
        Photo::new(width, height, pixels)
    }
}

#[wasm_bindgen(typescript_custom_section)]
const STYLIZE_OPTIONS: &str = r#"
/** What {@link Stylizer.stylize} is to make of a photo. */
export interface StylizeOptions {
  /** Limit of the picture's longer side in pixels, a whole number above 0. A photo is never enlarged. */
  longSide: number;
  /** Share of the picture in a mixture with the photo, 0 to 1. */
  strength: number;
  /** Whether the photo is put at the picture's left. */
  sideBySide: boolean;
  /** Faces that are drawn by themselves. */
  faces?: {
    /**
     * `faces`: the portrait of the largest usable face, 512 pixels a side or at most `longSide`.
     * `both`: the whole picture, with each usable face painted over it.
     * `live`: the same for live pictures, faster and without the portrait network.
     */
    mode: "faces" | "both" | "live";
    /** Landmarks of a face. A portrait network needs those of the mesh, 468 or, with the irises, 478. */
    kind: 5 | 68 | 468 | 478;
    /** Their x and y, in pixels of the photo from its top left corner; the first pixel's centre is at 0.5. */
    landmarks: Float32Array;
    /** How much of their own proportions faces keep that a portrait network draws: 0, a drawing's, to 1, all. */
    likeness: number;
  };
  /**
   * Is told the share of the work that is done, 0 to 1. A promise is waited for; `false`, given or
   * promised, stops the conversion.
   */
  onProgress: (share: number) => unknown;
}

/** What became of a face: "unused" is one that is not the largest of a portrait's photo. */
export type FaceOutcome = "done" | "unused" | "too_small" | "turned_away" | "invalid";
"#;

/// Reads a `StylizeOptions`.
///
/// # Errors
/// [`Error::ArgumentInvalid`] naming what is missing or wrong, and those of [`Faces::new`].
fn stylize_options(options: &JsValue, expand: f32) -> Result<(Options, Callback)> {
    let option = |name| property("options", options, name);
    let side_by_side = option("sideBySide")?;
    let presentation = Presentation {
        strength: number("strength", &option("strength")?, "a number from 0 to 1")?,
        side_by_side: side_by_side
            .as_bool()
            .ok_or_else(|| wrong("sideBySide", &side_by_side, "true or false"))?,
    };
    let options = Options {
        long_side_px: whole_number("longSide", &option("longSide")?)?,
        presentation,
        faces: match option("faces")? {
            faces if faces.is_undefined() => None,
            faces => Some(face_options(&faces, expand)?),
        },
    };
    let on_progress = option("onProgress")?
        .dyn_into()
        .map_err(|value| wrong("onProgress", &value, "a function"))?;
    Ok((options, Callback(on_progress)))
}

/// Reads the `faces` of a `StylizeOptions`, of which squares are enlarged by `expand`.
fn face_options(faces: &JsValue, expand: f32) -> Result<FaceOptions> {
    let option = |name| property("faces", faces, name);
    let mode = option("mode")?;
    let mode = match mode.as_string().as_deref() {
        Some("faces") => FaceMode::Portrait,
        Some("both") => FaceMode::Both,
        Some("live") => FaceMode::Live,
        _ => return Err(wrong("mode", &mode, "\"faces\", \"both\" or \"live\"")),
    };
    let landmarks: Float32Array = option("landmarks")?
        .dyn_into()
        .map_err(|value| wrong("landmarks", &value, "a Float32Array"))?;
    Ok(FaceOptions {
        mode,
        faces: Faces::new(whole_number("kind", &option("kind")?)?, landmarks.to_vec())?,
        expand,
        likeness: number("likeness", &option("likeness")?, "a number from 0 to 1")?,
    })
}

/// A property of the option `name`.
fn property(name: &str, object: &JsValue, property: &str) -> Result<JsValue> {
    Reflect::get(object, &property.into()).map_err(|_| wrong(name, object, "an object"))
}

fn number(name: &str, value: &JsValue, expected: &str) -> Result<f32> {
    let number = value.as_f64().ok_or_else(|| wrong(name, value, expected))?;
    Ok(number as f32)
}

fn whole_number(name: &str, value: &JsValue) -> Result<usize> {
    match value.as_f64() {
        Some(number) if number.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(&number) => {
            Ok(number as usize)
        }
        _ => Err(wrong(name, value, "a whole number above 0")),
    }
}

/// The error of a wrong option.
fn wrong(name: &str, value: &JsValue, expected: &str) -> Error {
    let value = match (value.as_string(), value.as_f64(), value.as_bool()) {
        (Some(text), _, _) => format!("{text:?}"),
        (_, Some(number), _) => number.to_string(),
        (_, _, Some(flag)) => flag.to_string(),
        _ if value.is_null() => "null".into(),
        _ => value.js_typeof().as_string().unwrap_or_default(),
    };
    Error::ArgumentInvalid(format!("{name} is {value}, expected {expected}"))
}

/// How much faster 8-bit products are here, with `now`, a clock in milliseconds; not a number if it
/// cannot be measured.
#[cfg(feature = "cpu")]
#[wasm_bindgen]
pub fn int8_speedup(now: Function) -> f64 {
    let clock = || now.call0(&JsValue::NULL).ok().and_then(|ms| ms.as_f64());
    crate::engine::int8_speedup(|| clock().unwrap_or(f64::NAN))
}

#[cfg(feature = "cpu")]
#[wasm_bindgen]
impl Stylizer {
    /// Measures the layers on a gray picture with `now`, a clock in milliseconds: an array of
    /// `[module path, multiply-accumulate operations, milliseconds]`.
    pub async fn profile(
        &self,
        width: u32,
        height: u32,
        now: Function,
    ) -> std::result::Result<Array, JsValue> {
        let (width, height) = (width as usize, height as usize);
        let clock = || now.call0(&JsValue::NULL).ok().and_then(|ms| ms.as_f64());
        let profile = async {
            let gray = Planes::gray(width, height)?;
            let now = || clock().unwrap_or(f64::NAN);
            self.engine.profile(&gray, now).await
        };
        let steps = profile.await.map_err(to_js)?;
        let row =
            |step: StepTime| Array::of3(&step.name.into(), &step.macs.into(), &step.ms.into());
        Ok(steps.into_iter().map(row).collect())
    }

    /// Work of the network for a picture of this size, in multiply-accumulate operations.
    pub fn work(&self, width: u32, height: u32) -> f64 {
        let [width, height] = self.network().drawn_size([width as usize, height as usize]);
        self.engine.work(width, height)
    }

    /// Bytes that the engine needs at most for a picture of this size.
    pub fn peak_bytes(&self, width: u32, height: u32) -> f64 {
        let [width, height] = self.network().drawn_size([width as usize, height as usize]);
        self.engine.peak_bytes(width, height) as f64
    }
}

/// Passes progress on to JavaScript.
struct Callback(Function);

impl Progress for Callback {
    async fn report(&mut self, share: f32) -> Result<()> {
        // What the callback throws is the caller's own affair.
        let Ok(mut answer) = self.0.call1(&JsValue::NULL, &share.into()) else {
            return Ok(());
        };
        if let Some(promise) = answer.dyn_ref::<Promise>() {
            answer = JsFuture::from(promise.clone()).await.unwrap_or_default();
        }
        match answer.as_bool() {
            Some(false) => Err(Error::Cancelled),
            _ => Ok(()),
        }
    }
}

/// A finished picture.
#[wasm_bindgen]
pub struct StylizedPhoto {
    /// Width in pixels.
    #[wasm_bindgen(readonly)]
    pub width: u32,
    /// Height in pixels.
    #[wasm_bindgen(readonly)]
    pub height: u32,
    rgba: Vec<u8>,
    outcomes: Vec<&'static str>,
}

impl StylizedPhoto {
    fn new(picture: Picture) -> Self {
        Self {
            width: picture.photo.width() as u32,
            height: picture.photo.height() as u32,
            rgba: picture.photo.into_rgba(),
            outcomes: picture.outcomes.iter().map(Outcome::word).collect(),
        }
    }
}

#[wasm_bindgen]
impl StylizedPhoto {
    /// The RGBA pixels. They move out: a second call gives an empty array.
    #[wasm_bindgen(unchecked_return_type = "Uint8Array<ArrayBuffer>")]
    pub fn take_rgba(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.rgba)
    }

    /// What became of each face, in their order; empty without faces.
    #[wasm_bindgen(getter, unchecked_return_type = "FaceOutcome[]")]
    pub fn outcomes(&self) -> Vec<String> {
        self.outcomes.iter().map(|word| (*word).into()).collect()
    }
}
