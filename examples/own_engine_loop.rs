//! Many pictures with one engine, by the network alone and without the pipeline, until the time is up:
//! `cargo run --release --example own_engine_loop -- 10` for ten seconds

use std::time::{Duration, Instant};
use std::{env, error::Error, fs};

use futures_lite::future::block_on;
use nijigen::engine::{CpuEngine, Engine, Progress};
use nijigen::imaging::{Photo, Planes};
use nijigen::style::Style;

/// Stops a picture in its middle when the time is up.
struct Until(Instant);

impl Progress for Until {
    async fn report(&mut self, _share: f32) -> nijigen::Result<()> {
        match Instant::now() < self.0 {
            true => Ok(()),
            false => Err(nijigen::Error::Cancelled),
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let seconds = env::args().nth(1).map_or(Ok(5), |words| words.parse())?;
    let style = Style::from_bytes(&fs::read("www/styles/sky-tiny.safetensors")?)?;
    let engine = CpuEngine::new(&style)?;
    block_on(engine.check_known_answer(&style))?;

    let (width, height) = (320, 180);
    println!("{} bytes at most", engine.peak_bytes(width, height));
    let mut until = Until(Instant::now() + Duration::from_secs(seconds));
    // Frames of a video, say: here a gray that gets lighter.
    for frame in (0..=u8::MAX).cycle() {
        let photo = Photo::new(
            width,
            height,
            [frame, frame, frame, 255].repeat(width * height),
        )?;
        let drawn = match block_on(engine.stylize(&Planes::from_photo(&photo)?, &mut until)) {
            Ok(planes) => planes.to_photo(photo)?,
            Err(nijigen::Error::Cancelled) => break,
            Err(error) => return Err(error.into()),
        };
        println!("frame {frame}: {:?} in the corner", drawn.pixels()[0]);
    }
    Ok(())
}
