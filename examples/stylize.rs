//! A photo in, a picture out: `cargo run --release --example stylize -- photo.jpg picture.png`

use std::{env, error::Error, fs};

use futures_lite::future::block_on;
use image::ColorType;
use nijigen::engine::CpuEngine;
use nijigen::imaging::decode;
use nijigen::pipeline::{Look, Network, Options, stylize};
use nijigen::style::Style;

fn main() -> Result<(), Box<dyn Error>> {
    let [photo, picture] = [(1, "photo.jpg"), (2, "picture.png")]
        .map(|(i, default)| env::args().nth(i).unwrap_or(default.into()));
    let style = Style::from_bytes(&fs::read("www/styles/sky-tiny.safetensors")?)?;
    let engine = CpuEngine::new(&style)?;
    let look = Look::of_network(Network::of_style(&engine, style.header()));
    let photo = decode(&fs::read(photo)?)?;
    let options = Options::default();
    let drawn = block_on(stylize(&look, photo, &options, &mut |_: f32| {}))?.photo;
    let (width, height) = (drawn.width() as u32, drawn.height() as u32);
    image::save_buffer(picture, drawn.rgba(), width, height, ColorType::Rgba8)?;
    Ok(())
}
