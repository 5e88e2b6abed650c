//! A style's network as the page runs it.

use anyhow::{Context, Result};
use futures_lite::future::block_on;
use nijigen::engine::Engine;
use nijigen::pipeline::Network;
use nijigen::style::{Role, Style, StyleHeader};

use crate::drawing_engine::{DrawingDevice, DrawingEngine};
use crate::shipped::StyleArgument;

/// A network and what its style says of it.
pub struct Painter {
    engine: DrawingEngine,
    header: StyleHeader,
}

impl Painter {
    /// Of a style, once its known answer is checked.
    ///
    /// # Errors
    /// If the device's engine cannot run it, or gives another answer.
    pub fn new(style: &Style, device: &DrawingDevice) -> Result<Self> {
        let engine = device.load(style)?;
        block_on(engine.check_known_answer(style))?;
        Ok(Self {
            engine,
            header: style.header().clone(),
        })
    }

    /// Of the style that an argument names.
    ///
    /// # Errors
    /// If it cannot be opened or is for something else, or those of [`Self::new`], naming it.
    pub fn of(style: &StyleArgument, role: Role, device: &DrawingDevice) -> Result<Self> {
        let opened = style.open().and_then(|style| {
            style.header().expect_role(role)?;
            Self::new(&style, device)
        });
        opened.with_context(|| format!("cannot use the style {}", style.name()))
    }

    /// The network, to draw with.
    pub fn network(&self) -> Network<'_, DrawingEngine> {
        Network::of_style(&self.engine, &self.header)
    }
}
