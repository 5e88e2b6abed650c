#![doc = include_str!("../docs/library.md")]
//!
//! ## Where things are
//!
//! The order of steps is in [`pipeline`]; the network in [`model`]; what a trained style is in
//! [`style`]; what runs it in [`engine`], on the CPU with [`kernels`]; pictures in [`imaging`];
//! what a painting's strokes are in [`strokes`], what a cel is in [`cel`];
//! faces in [`face`]; where things lie in [`geometry`].

pub mod cel;
pub mod colour;
pub mod drawing;
pub mod engine;
mod error;
pub mod face;
pub mod filter;
pub mod geometry;
pub mod grade;
pub mod imaging;
pub mod kernels;
pub mod model;
pub mod pipeline;
pub mod sky;
pub mod strokes;
pub mod style;
#[cfg(target_arch = "wasm32")]
mod web;
#[cfg(all(target_arch = "wasm32", feature = "threads"))]
mod web_threads;

pub use error::{Error, Result};
