//! The one error type of the crate. Every error names the offending value and what was expected,
//! and carries a stable code that JavaScript and scripts can branch on.

use thiserror::Error;

/// What can go wrong between a photo and its picture.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not a picture, or the picture is damaged.
    #[error("this photo cannot be read: {0}")]
    PhotoUnreadable(String),
    /// A picture, but of a kind that is not handled.
    #[error("this kind of photo is not supported: {0}")]
    PhotoUnsupported(String),
    /// More pixels than can be held in memory.
    #[error(
        "this photo is {width} x {height} pixels, more than the limit of {limit_megapixels} megapixels"
    )]
    PhotoTooLarge {
        /// Width in pixels, as the file's header says.
        width: u64,
        /// Height in pixels, as the file's header says.
        height: u64,
        /// The limit, in millions of pixels.
        limit_megapixels: u64,
    },
    /// A mistake of the caller: a size of zero, a slice of the wrong length, an option out of its range.
    #[error("wrong argument: {0}")]
    ArgumentInvalid(String),
    /// Too little memory. No other engine of this device has more, and a second try neither.
    #[error("not enough memory: {}", needed_and_allowed(*.needed_bytes, *.allowed_bytes))]
    Memory {
        /// Bytes that are needed at the same time.
        needed_bytes: u64,
        /// Bytes that may be used; `None` if they may, and there are not as many.
        allowed_bytes: Option<u64>,
    },
    /// A style file that is damaged, inconsistent or of another format version.
    #[error("this style file cannot be used: {0}")]
    StyleInvalid(String),
    /// A style file whose bytes are not the ones that were promised.
    #[error("the style file's SHA-256 is {actual}, expected {expected}")]
    StyleHash {
        /// Hash of the bytes at hand, lower-case hexadecimal.
        actual: String,
        /// Hash that was promised.
        expected: String,
    },
    /// A network configuration that cannot be built.
    #[error("the generator's configuration is invalid: {0}")]
    ConfigInvalid(String),
    /// An engine could not start, or failed while running.
    #[error("the {engine} engine failed: {reason}")]
    EngineFailed {
        /// Name of the engine.
        engine: &'static str,
        /// What it said.
        reason: String,
    },
    /// An engine computes something else than it should.
    #[error(
        "the {engine} engine is off by {error} from the style's known answer, at most {limit} is accepted"
    )]
    KnownAnswer {
        /// Name of the engine.
        engine: &'static str,
        /// Maximum absolute error, in units of the network's [-1, 1] range.
        error: f32,
        /// The limit that was exceeded.
        limit: f32,
    },
    /// More than this GPU can hold. It draws smaller pictures as before.
    #[error("too large for this GPU: {0}")]
    GpuCapacity(String),
    /// The GPU device went away.
    #[error("the GPU was lost: {0}")]
    GpuLost(String),
    /// Landmarks that are not as many as they should be, or of no known kind.
    #[error("these faces cannot be used: {0}")]
    FacesInvalid(String),
    /// A portrait was asked for, and there is no face for it.
    #[error("no face for a portrait: {0}")]
    NoFace(String),
    /// Whoever was told the progress wanted no more.
    #[error("the conversion was cancelled")]
    Cancelled,
}

impl Error {
    /// A stable code, the same in Rust and in JavaScript.
    pub fn code(&self) -> &'static str {
        match self {
            Error::PhotoUnreadable(_) => "photo-unreadable",
            Error::PhotoUnsupported(_) => "photo-unsupported",
            Error::PhotoTooLarge { .. } => "photo-too-large",
            Error::ArgumentInvalid(_) => "argument-invalid",
            Error::Memory { .. } => "memory",
            Error::StyleInvalid(_) | Error::ConfigInvalid(_) => "style-invalid",
            Error::StyleHash { .. } => "style-hash",
            Error::EngineFailed { .. } => "engine-failed",
            Error::KnownAnswer { .. } => "engine-known-answer",
            Error::GpuCapacity(_) => "gpu-capacity",
            Error::GpuLost(_) => "gpu-lost",
            Error::FacesInvalid(_) => "faces-invalid",
            Error::NoFace(_) => "no-face",
            Error::Cancelled => "cancelled",
        }
    }
}

fn needed_and_allowed(needed_bytes: u64, allowed_bytes: Option<u64>) -> String {
    let needed = needed_bytes.div_ceil(1_000_000);
    match allowed_bytes {
        Some(allowed) => format!(
            "{needed} MB are needed, at most {} MB may be used",
            allowed / 1_000_000
        ),
        None => format!("{needed} MB are needed, which cannot be had"),
    }
}

/// Result with the crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
