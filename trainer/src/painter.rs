//! A style's network as the page runs it, by the CPU engine.

use anyhow::{Context, Result};
use futures_lite::future::block_on;
use nijigen::engine::{CpuEngine, Engine};
use nijigen::pipeline::Network;
use nijigen::style::{Style, StyleHeader};

use crate::shipped::StyleArgument;

/// A network and what its style says of it.
pub struct Painter {
    engine: CpuEngine,
    header: StyleHeader,
}

impl Painter {
    /// Of a style, once its known answer is checked.
    ///
    /// # Errors
    /// If the engine cannot run it, or gives another answer.
    pub fn new(style: &Style) -> Result<Self> {
        let engine = CpuEngine::new(style)?;
        block_on(engine.check_known_answer(style))?;
        Ok(Self {
            engine,
            header: style.header().clone(),
        })
    }

    /// Of the style that an argument names.
    ///
    /// # Errors
    /// If it cannot be opened, or those of [`Self::new`], naming it.
    pub fn of(style: &StyleArgument) -> Result<Self> {
        let opened = style.open().and_then(|style| Self::new(&style));
        opened.with_context(|| format!("cannot use the style {}", style.name()))
    }

    /// The network, to draw with.
    pub fn network(&self) -> Network<'_, CpuEngine> {
        Network::of_style(&self.engine, &self.header)
    }
}
