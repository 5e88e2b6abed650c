//! A style's network as the page runs it, by the CPU engine.

use std::path::Path;

use anyhow::{Context, Result};
use futures_lite::future::block_on;
use nijigen::engine::{CpuEngine, Engine};
use nijigen::pipeline::Network;
use nijigen::style::{Style, StyleHeader};

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

    /// Of a style file.
    ///
    /// # Errors
    /// If it cannot be read, is not a style file, or those of [`Self::new`], naming it.
    pub fn load(path: &Path) -> Result<Self> {
        let named = || format!("cannot use the style {}", path.display());
        let bytes = std::fs::read(path).with_context(named)?;
        let style = Style::from_bytes(&bytes).with_context(named)?;
        Self::new(&style).with_context(named)
    }

    /// The network, to draw with.
    pub fn network(&self) -> Network<'_, CpuEngine> {
        Network::of_style(&self.engine, &self.header)
    }
}
