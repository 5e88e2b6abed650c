//! The training system from end to end, as a user runs it: prepare, train, resume, export,
//! evaluate. Tiny pictures and a random backbone: it shows that the machinery works.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use image::{Rgb, RgbImage};
use serde_json::Value;

/// What is said when there is nothing to resume.
const IS_COMPLETE: &str = "the run is complete";

fn nijigen(arguments: &[&str]) -> Result<Output> {
    let output = Command::new(env!("CARGO_BIN_EXE_nijigen"))
        .args(arguments)
        // No backbone of the machine's user takes part.
        .env("NIJIGEN_CACHE", "/nonexistent")
        .output()?;
    Ok(output)
}

fn succeeds(arguments: &[&str]) -> Result<String> {
    let output = nijigen(arguments)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{arguments:?}: {text}{errors}");
    Ok(text)
}

/// The message of a command that must fail, without panicking.
fn fails(arguments: &[&str]) -> Result<String> {
    let output = nijigen(arguments)?;
    ensure!(
        output.status.code() == Some(1),
        "{arguments:?} ended with {:?}",
        output.status
    );
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A prepared set of generated pictures and one real face.
fn prepared(folder: &Path) -> Result<String> {
    let (photos, style) = (folder.join("photos"), folder.join("style"));
    fs::create_dir_all(&photos)?;
    fs::create_dir_all(&style)?;
    let face = Path::new(env!("CARGO_MANIFEST_DIR")).join("../www/samples/astronaut.jpg");
    fs::copy(face, photos.join("face.jpg"))?;
    for i in 0..6u32 {
        // Waves of different lengths and directions, so that none is another's duplicate.
        let photo = RgbImage::from_fn(160, 120, |x, y| {
            let wave = ((x * (i + 1) + y * (7 - i)) as f32 / 20.0).sin();
            let value = |phase: f32| (127.0 + 100.0 * wave * (phase + i as f32).cos()) as u8;
            Rgb([value(0.0), value(1.0), value(2.0)])
        });
        photo.save(photos.join(format!("{i}.png")))?;
        let panel = RgbImage::from_fn(160, 160, |x, y| {
            let inside = (x / (12 + 3 * i) + y / (18 - i)) % 2 == 0;
            let border = x % (12 + 3 * i) < 2 || y % (18 - i) < 2;
            match (border, inside) {
                (true, _) => Rgb([20, 10, 30]),
                (_, true) => Rgb([250, (40 * i) as u8, 90]),
                (_, false) => Rgb([90, 200, (250 - 30 * i) as u8]),
            }
        });
        panel.save(style.join(format!("{i}.png")))?;
    }
    let out = folder.join("prepared");
    let text = |path: &Path| path.to_str().map(str::to_owned).context("a plain path");
    succeeds(&[
        "prepare",
        "--photos",
        &text(&photos)?,
        "--style",
        &text(&style)?,
        "--out",
        &text(&out)?,
        "--clusters",
        "2",
        "--long-side",
        "256",
        "--hold-out",
        "0.3",
    ])?;
    text(&out)
}

fn only_run(runs: &Path) -> Result<PathBuf> {
    let mut all = fs::read_dir(runs)?;
    let run = all.next().context("a run")??.path();
    ensure!(all.next().is_none(), "expected one run");
    Ok(run)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().context("a name")?);
        if path.is_dir() {
            copy_folder(&path, &target)?;
        } else {
            fs::copy(&path, &target)?;
        }
    }
    Ok(())
}

#[test]
fn a_smoke_run_learns_resumes_exactly_and_exports() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let prepared = prepared(folder.path())?;
    let runs = folder.path().join("runs");
    let runs_text = runs.to_str().context("a plain path")?;
    succeeds(&[
        "train",
        "--config",
        "smoke",
        "--prepared",
        &prepared,
        "--runs",
        runs_text,
    ])?;
    let run = only_run(&runs)?;

    // The loss falls, and every term of every stage is in the log.
    let log: Vec<Value> = fs::read_to_string(run.join("metrics.jsonl"))?
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    ensure!(log.len() == 26, "{} lines", log.len());
    let mean = |lines: &[Value]| {
        lines
            .iter()
            .filter_map(|line| line["regression"].as_f64())
            .sum::<f64>()
            / lines.len() as f64
    };
    let (first, last) = (mean(&log[..5]), mean(&log[15..20]));
    ensure!(last < 0.8 * first, "regression went from {first} to {last}");
    for term in [
        "regression_gradient",
        "content",
        "style",
        "colour",
        "total_variation",
        "adversarial",
        "discriminator_real",
        "discriminator_fake",
        "discriminator_gray",
        "discriminator_smooth",
        "gradient_norm",
    ] {
        let value = log[25][term].as_f64();
        ensure!(value.is_some_and(f64::is_finite), "{term} is {value:?}");
    }
    ensure!(
        log[20..].iter().any(|line| line["landmark"].is_f64()),
        "no landmark loss"
    );

    // What the folder promises.
    let report = fs::read_to_string(run.join("report.html"))?;
    ensure!(report.contains("<polyline") && report.contains("data:image/jpeg;base64,"));
    ensure!(
        !report.contains("http-equiv"),
        "a finished run's report reloads"
    );
    ensure!(fs::read_dir(run.join("samples"))?.count() == 2);
    ensure!(fs::read_to_string(run.join("config.toml"))?.contains("# default: 128"));

    // From the checkpoint at step 20 a second process comes to the same weights.
    let again = folder.path().join("again");
    copy_folder(&run, &again)?;
    fs::remove_dir_all(again.join("checkpoints/step_00000026"))?;
    succeeds(&["train", "--resume", again.to_str().context("a plain path")?])?;
    for file in [
        "ema.safetensors",
        "generator.safetensors",
        "discriminator.safetensors",
    ] {
        let of = |run: &Path| fs::read(run.join("checkpoints/step_00000026").join(file));
        ensure!(of(&run)? == of(&again)?, "{file} differs after resuming");
    }
    let resumed = fs::read_to_string(again.join("metrics.jsonl"))?;
    ensure!(
        resumed.lines().count() == 26,
        "lines are missing or twice there"
    );

    // So does one that is killed again and again, ...
    let killed = folder.path().join("killed");
    let whole = |run: &Path| same_end(&run.join("checkpoints/step_00000026"), &killed);
    begin_again(&run, &killed, "step_00000010")?;
    kill_now_and_then(&killed, 3, Duration::from_secs(8), &mut 1)?;
    whole(&run)?;

    // ... one whose disk is full, ...
    #[cfg(unix)]
    {
        begin_again(&run, &killed, "step_00000010")?;
        // Files of at most 1 MB; the error in place of the signal.
        let limited = format!(
            "trap '' XFSZ; ulimit -f 1024; exec '{}' train --resume '{}'",
            env!("CARGO_BIN_EXE_nijigen"),
            killed.display()
        );
        let output = Command::new("bash").args(["-c", &limited]).output()?;
        stopped_with(
            &output,
            &["cannot write", "the earlier ones are untouched", "--resume"],
        )?;
        succeeds(&["train", "--resume", &text(&killed)?])?;
        whole(&run)?;
    }

    // ... and one whose photos are away for a while.
    begin_again(&run, &killed, "step_00000010")?;
    let config = fs::read_to_string(killed.join("config.toml"))?;
    let uncached = config.replace("cache_mb = 64", "cache_mb = 0");
    ensure!(uncached != config, "{config}");
    fs::write(killed.join("config.toml"), uncached)?;
    let mut train = Command::new(env!("CARGO_BIN_EXE_nijigen"))
        .args(["train", "--resume", &text(&killed)?])
        .env("NIJIGEN_CACHE", "/nonexistent")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    // Once the targets are there, batches are made.
    let away = folder.path().join("away");
    let log = killed.join("metrics.jsonl");
    while fs::read_to_string(&log)?.lines().count() <= 10 && train.try_wait()?.is_none() {
        std::thread::sleep(Duration::from_millis(2));
    }
    fs::rename(&prepared, &away)?;
    let output = train.wait_with_output()?;
    fs::rename(&away, &prepared)?;
    stopped_with(&output, &["cannot read", "is saved", "--resume"])?;
    succeeds(&["train", "--resume", &text(&killed)?])?;
    whole(&run)?;

    // A damaged newest checkpoint is told of, and the older one that can be read.
    let adam = killed.join("checkpoints/step_00000026/generator.adam");
    let bytes = fs::read(&adam)?;
    fs::write(&adam, &bytes[..bytes.len() / 2])?;
    let error = fails(&["train", "--resume", &text(&killed)?])?;
    ensure!(
        error.contains("step_00000020, of step 20, can") && error.contains("optimiser's state"),
        "{error}"
    );

    // A complete run says so.
    let run_text = run.to_str().context("a plain path")?;
    let error = fails(&["train", "--resume", run_text])?;
    ensure!(error.contains(IS_COMPLETE), "{error}");

    // The style file works, and its card names the run.
    let style = folder.path().join("smoke.safetensors");
    let style_text = style.to_str().context("a plain path")?;
    succeeds(&[
        "export",
        run_text,
        style_text,
        "--name",
        "smoke",
        "--provenance",
        "Generated pictures.",
        "--data-licence",
        "CC0",
        "--thumbnail",
        &format!("{}/photos/0.png", folder.path().display()),
    ])?;
    let card = fs::read_to_string(style.with_extension("md"))?;
    let name = run
        .file_name()
        .context("a name")?
        .to_string_lossy()
        .into_owned();
    ensure!(card.contains(&name) && card.contains("CC0"), "{card}");
    ensure!(image::image_dimensions(style.with_extension("png"))? == (256, 256));
    let json = folder.path().join("table.json");
    let table = succeeds(&[
        "evaluate",
        "--style",
        style_text,
        "--prepared",
        &prepared,
        "--write",
        "--json",
        json.to_str().context("a plain path")?,
    ])?;
    for row in ["photos", "procedural", "smoke"] {
        ensure!(table.contains(row), "{table}");
    }
    let rows: Value = serde_json::from_slice(&fs::read(json)?)?;
    ensure!(rows.to_string().contains("edge_recall"), "{rows}");
    let stored = nijigen::style::Style::from_bytes(&fs::read(style)?)?;
    ensure!(stored.header().metrics.contains_key("flat"));
    Ok(())
}

/// Each draws half of the batch.
#[test]
fn two_devices_train_as_one() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let prepared = prepared(folder.path())?;
    let config = folder.path().join("short.toml");
    let smoke = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/smoke.toml");
    let short = fs::read_to_string(smoke)?
        .replace("steps = 20", "steps = 2")
        .replace("steps = 6", "steps = 1");
    fs::write(&config, short)?;
    let log = |devices: &str| -> Result<Vec<Value>> {
        let runs = folder.path().join(devices);
        succeeds(&[
            "train",
            "--config",
            config.to_str().context("a plain path")?,
            "--prepared",
            &prepared,
            "--runs",
            runs.to_str().context("a plain path")?,
            "--devices",
            devices,
        ])?;
        let lines = fs::read_to_string(only_run(&runs)?.join("metrics.jsonl"))?;
        Ok(lines
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()?)
    };
    let (one, two) = (log("1")?, log("2")?);
    ensure!(one.len() == 3 && two.len() == 3, "{one:?} {two:?}");
    for (one, two) in one.iter().zip(&two) {
        let terms = one.as_object().context("a line")?;
        for (name, value) in terms.iter().filter(|(name, _)| !name.ends_with("_ms")) {
            let (Some(value), Some(other)) = (value.as_f64(), two[name].as_f64()) else {
                ensure!(*value == two[name], "{name}: {value} and {}", two[name]);
                continue;
            };
            let error = (value - other).abs();
            // Adam makes whole steps of small differences.
            ensure!(
                error <= 2e-2 * value.abs().max(0.1),
                "{name}: {value} and {other}"
            );
        }
    }
    Ok(())
}

/// Whether a run has stopped with an error in these words.
fn stopped_with(output: &Output, words: &[&str]) -> Result<()> {
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.code() == Some(1),
        "{:?}: {error}",
        output.status
    );
    for words in words {
        ensure!(error.contains(words), "{words:?} is not in {error}");
    }
    Ok(())
}

fn text(path: &Path) -> Result<String> {
    path.to_str().map(str::to_owned).context("a plain path")
}

/// Makes `to` a copy of a run as it was at a checkpoint.
fn begin_again(run: &Path, to: &Path, checkpoint: &str) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    copy_folder(run, to)?;
    for entry in fs::read_dir(to.join("checkpoints"))? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name > checkpoint) {
            fs::remove_dir_all(path)?;
        }
    }
    let step: u64 = checkpoint.trim_start_matches("step_").parse()?;
    let log = fs::read_to_string(to.join("metrics.jsonl"))?;
    let kept = log.lines().filter(|line| {
        let line: Option<Value> = serde_json::from_str(line).ok();
        line.is_some_and(|line| line["step"].as_u64() <= Some(step))
    });
    let kept: String = kept.map(|line| format!("{line}\n")).collect();
    Ok(fs::write(to.join("metrics.jsonl"), kept)?)
}

/// Resumes a run until it is complete, and kills it so many times after whiles that are random as the number is. Tells
/// after how many it was complete.
fn kill_now_and_then(
    run: &Path,
    kills: usize,
    longest: Duration,
    random: &mut u64,
) -> Result<usize> {
    for kill in 0..kills {
        *random = random
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        let mut train = Command::new(env!("CARGO_BIN_EXE_nijigen"))
            .args(["train", "--resume", &text(run)?])
            .env("NIJIGEN_CACHE", "/nonexistent")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        std::thread::sleep(longest.mul_f64((*random >> 11) as f64 / (1u64 << 53) as f64));
        if train.try_wait()?.is_some() {
            is_over(&train.wait_with_output()?)?;
            return Ok(kill);
        }
        train.kill()?;
        train.wait()?;
    }
    is_over(&nijigen(&["train", "--resume", &text(run)?])?)?;
    Ok(kills)
}

/// Whether a run has come to its end, or had before: it may have been killed after its last checkpoint.
fn is_over(output: &Output) -> Result<()> {
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success() || error.contains(IS_COMPLETE),
        "{error}"
    );
    Ok(())
}

/// Whether a run has ended with the bits of this checkpoint, and with a whole log.
fn same_end(checkpoint: &Path, run: &Path) -> Result<()> {
    let name = checkpoint.file_name().context("a name")?;
    for entry in fs::read_dir(checkpoint)? {
        let path = entry?.path();
        let file = path.file_name().context("a name")?;
        let other = run.join("checkpoints").join(name).join(file);
        // Moments have the ids of their process's parameters.
        let same =
            path.extension() == Some("adam".as_ref()) || fs::read(&path)? == fs::read(other)?;
        ensure!(same, "{} differs", path.display());
    }
    let log = fs::read_to_string(run.join("metrics.jsonl"))?;
    let steps: Vec<Option<u64>> = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).map(|line| line["step"].as_u64()))
        .collect::<Result<_, _>>()?;
    ensure!(steps.windows(2).all(|two| two[0] < two[1]), "{steps:?}");
    Ok(())
}

/// Half an hour: `cargo nextest run ... --run-ignored only -E 'test(fifty_kills)' --no-capture` (docs/reliability.md).
#[test]
#[ignore = "takes half an hour"]
fn fifty_kills_change_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let prepared = prepared(folder.path())?;
    let config = folder.path().join("often.toml");
    let smoke = include_str!("../configs/smoke.toml");
    let often = "checkpoint_every = 2\nkeep_checkpoints = 100";
    let usual = "checkpoint_every = 10\nkeep_checkpoints = 3";
    fs::write(&config, smoke.replace(usual, often))?;
    let runs = folder.path().join("runs");
    let begun = std::time::Instant::now();
    succeeds(&[
        "train",
        "--config",
        &text(&config)?,
        "--prepared",
        &prepared,
        "--runs",
        &text(&runs)?,
    ])?;
    let took = begun.elapsed();
    let run = only_run(&runs)?;
    let killed = folder.path().join("killed");
    let (mut left, mut ends, mut random) = (50, 0, 2);
    while left > 0 {
        begin_again(&run, &killed, "step_00000002")?;
        left -= kill_now_and_then(&killed, left, took.mul_f64(0.3), &mut random)?;
        same_end(&run.join("checkpoints/step_00000026"), &killed)?;
        ends += 1;
        println!("{left} kills left; {ends} runs ended with the same bits");
    }
    Ok(())
}

#[test]
fn bad_input_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let inside = |name: &str| folder.path().join(name).display().to_string();
    let config = inside("mine.toml");
    fs::write(&config, "[optimiser]\ngradient_clap = 1.0\n")?;
    let error = fails(&[
        "train",
        "--config",
        &config,
        "--prepared",
        &inside("nowhere"),
    ])?;
    ensure!(error.contains("gradient_clap"), "{error}");
    let error = fails(&[
        "train",
        "--config",
        "recipes",
        "--prepared",
        &inside("nowhere"),
    ])?;
    ensure!(
        error.contains("recipes") && error.contains("paper-hayao"),
        "{error}"
    );
    let error = fails(&["train", "--prepared", &inside("nowhere")])?;
    ensure!(error.contains("nowhere"), "{error}");
    let error = fails(&["train", "--resume", &inside("nowhere")])?;
    ensure!(error.contains("is not a training run"), "{error}");
    let prepared = prepared(folder.path())?;
    let runs = inside("runs");
    let error = fails(&[
        "train",
        "--prepared",
        &prepared,
        "--runs",
        &runs,
        "--device",
        "abacus",
    ])?;
    ensure!(error.contains("\"abacus\""), "{error}");
    let error = fails(&[
        "train",
        "--prepared",
        &prepared,
        "--runs",
        &runs,
        "--devices",
        "3",
    ])?;
    ensure!(error.contains("a multiple of the 3 devices"), "{error}");
    // The default recipe needs the backbone, which is not there: said before a run begins.
    let error = fails(&["train", "--prepared", &prepared, "--runs", &runs])?;
    ensure!(error.contains("nijigen backbone"), "{error}");
    ensure!(!Path::new(&runs).exists(), "a run was begun");
    Ok(())
}
