//! The program as its users run it.
#![allow(missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nijigen::style::Style;
use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn photo(name: &str) -> PathBuf {
    root().join("tests/fixtures/photos").join(name)
}

fn style() -> PathBuf {
    root().join("www/styles/ink.safetensors")
}

fn nijigen() -> Command {
    Command::new(env!("CARGO_BIN_EXE_nijigen"))
}

fn convert(photos: &[PathBuf], out: &Path, more: &[&str]) -> Output {
    nijigen()
        .arg("convert")
        .args(photos)
        .arg("--style")
        .arg(style())
        .arg("--out")
        .arg(out)
        .args(more)
        .output()
        .expect("the program runs")
}

fn import(checkpoint: &Path, style: &Path, more: &[&str]) -> Output {
    nijigen()
        .arg("import")
        .args([checkpoint, style])
        .args(more)
        .output()
        .expect("the program runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The program must have ended with an error that names the file and the reason.
#[track_caller]
fn refused(output: &Output, file: &Path, reason: &str) {
    assert_eq!(output.status.code(), Some(1));
    let words = stderr(output);
    let name = file.file_name().expect("a file").to_string_lossy();
    assert!(words.contains(&*name) && words.contains(reason), "{words}");
}

/// Size and whether the PNG has alpha.
fn read_png(path: &Path) -> (u32, u32, bool) {
    let png = image::ImageReader::open(path)
        .expect("a picture")
        .decode()
        .expect("a PNG");
    (png.width(), png.height(), png.color().has_alpha())
}

#[test]
fn bad_photos_do_not_stop_good_ones() {
    let out = TempDir::new().unwrap();
    let photos = [
        "text.jpg",
        "plain.png",
        "truncated.png",
        "huge-header.png",
        "empty.png",
        "one-pixel.png",
        "alpha.png",
        "exif-rotated.jpg",
        "cmyk.jpg",
        "animated.gif",
        "sixteen-bit.png",
    ];
    let output = convert(&photos.map(photo), out.path(), &["--size", "48"]);
    assert_eq!(output.status.code(), Some(1));
    let words = stderr(&output);
    for (name, reason) in [
        ("text.jpg", "not a picture"),
        ("truncated.png", "damaged"),
        ("huge-header.png", "20000 x 20000"),
        ("empty.png", "empty"),
    ] {
        let told = words
            .lines()
            .any(|line| line.contains(name) && line.contains(reason));
        assert!(told, "{name}: {words}");
    }
    assert!(words.contains("4 photos could not be converted"), "{words}");
    let size = |name: &str| read_png(&out.path().join(name));
    assert_eq!(size("plain-anime.png"), (48, 48, false));
    assert_eq!(size("one-pixel-anime.png"), (1, 1, false));
    assert_eq!(size("alpha-anime.png"), (48, 48, true));
    assert_eq!(size("exif-rotated-anime.png"), (29, 48, false));
    assert_eq!(size("cmyk-anime.png"), (48, 32, false));
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 7);
}

/// One that is emulated in software does.
#[test]
fn a_gpu_draws_the_same_pictures() {
    let out = TempDir::new().unwrap();
    let photos = ["plain.png", "alpha.png", "one-pixel.png"].map(photo);
    let draw = |device: &str| {
        let options = ["--size", "64", "--faces", "off", "--device", device];
        convert(&photos, &out.path().join(device), &options)
    };
    let drawn = draw("cpu");
    assert!(drawn.status.success(), "{}", stderr(&drawn));
    let drawn = draw("gpu");
    if stderr(&drawn).contains("there is no GPU") {
        eprintln!("skipped: {}", stderr(&drawn));
        return;
    }
    assert!(drawn.status.success(), "{}", stderr(&drawn));
    let said = String::from_utf8_lossy(&drawn.stdout).into_owned();
    assert!(
        said.contains("3 photos") && !said.contains("the CPU"),
        "{said}"
    );
    for name in ["plain-anime.png", "alpha-anime.png", "one-pixel-anime.png"] {
        let [cpu, gpu] = ["cpu", "gpu"].map(|device| {
            let path = out.path().join(device).join(name);
            image::open(path).expect("a picture").into_rgba8()
        });
        let worst = cpu.iter().zip(gpu.iter()).map(|(a, b)| a.abs_diff(*b));
        assert!(worst.max() <= Some(2), "{name}");
        assert_eq!(cpu.dimensions(), gpu.dimensions());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn without_a_gpu_the_words_say_so() {
    let out = TempDir::new().unwrap();
    let output = nijigen()
        .args(["convert", "--device", "gpu", "--out"])
        .arg(out.path())
        .arg(photo("plain.png"))
        // The loader of Vulkan finds no driver.
        .env("VK_DRIVER_FILES", "/nowhere.json")
        .env("VK_ICD_FILENAMES", "/nowhere.json")
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(1));
    let words = stderr(&output);
    assert!(
        words.contains("there is no GPU to draw with; \"--device cpu\" needs none"),
        "{words}"
    );
}

#[test]
fn nothing_is_overwritten_silently() {
    let out = TempDir::new().unwrap();
    // Both would become plain-anime.png.
    let both = [photo("plain.png"), photo("plain.jpg")];
    let output = convert(&both, out.path(), &["--size", "32"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("another photo of this run"),
        "{}",
        stderr(&output)
    );
    let output = convert(&both[..1], out.path(), &["--size", "32"]);
    assert!(
        stderr(&output).contains("exists already"),
        "{}",
        stderr(&output)
    );
    let output = convert(&both[..1], out.path(), &["--size", "24", "--force"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(read_png(&out.path().join("plain-anime.png")).0, 24);
}

#[test]
fn a_folder_is_taken_as_its_photos() {
    let (folder, out) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    for name in ["plain.jpg", "photo.webp"] {
        fs::copy(photo(name), folder.path().join(name)).unwrap();
    }
    fs::write(folder.path().join("notes.txt"), "not a photo").unwrap();
    let photos = [folder.path().to_owned()];
    let output = convert(&photos, out.path(), &["--size", "32"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 2);
}

#[test]
fn a_style_that_cannot_be_used_is_named() {
    let folder = TempDir::new().unwrap();
    let damaged = folder.path().join("damaged.safetensors");
    let bytes = fs::read(style()).unwrap();
    fs::write(&damaged, &bytes[..bytes.len() / 2]).unwrap();
    for (path, reason) in [
        (damaged, "not a whole safetensors file"),
        (
            folder.path().join("missing.safetensors"),
            "neither a file nor one of sky",
        ),
        (photo("plain.png"), "not a whole safetensors file"),
    ] {
        let output = nijigen()
            .args(["convert", "--look"])
            .arg(&path)
            .arg("--out")
            .arg(folder.path())
            .arg(photo("plain.png"))
            .output()
            .expect("the program runs");
        refused(&output, &path, reason);
    }
}

#[test]
fn without_options_the_default_style_draws_into_this_folder() {
    let folder = TempDir::new().unwrap();
    let run = |more: &[&str]| {
        nijigen()
            .current_dir(folder.path())
            .arg("convert")
            .arg(photo("plain.jpg"))
            .args(["--size", "32"])
            .args(more)
            .output()
            .expect("the program runs")
    };
    assert!(run(&[]).status.success());
    let picture = folder.path().join("plain-anime.png");
    let by_default = fs::read(&picture).unwrap();
    let drawn_in = |style: &str| {
        let output = run(&["--force", "--look", style]);
        assert!(output.status.success(), "{}", stderr(&output));
        fs::read(&picture).unwrap()
    };
    assert!(drawn_in("sky") == by_default);
    assert!(drawn_in("ink") != by_default);
}

#[test]
fn programs_are_told_of_each_photo_in_a_line() {
    let out = TempDir::new().unwrap();
    let photos = [photo("plain.png"), photo("empty.png")];
    let output = convert(&photos, out.path(), &["--size", "32", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<serde_json::Value> = words
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [drawn, failed] = lines.as_slice() else {
        panic!("{words}");
    };
    assert_eq!(
        (&drawn["width"], &drawn["height"]),
        (&32.into(), &32.into())
    );
    assert!(Path::new(drawn["picture"].as_str().unwrap()).exists());
    assert_eq!(failed["photo"], *photos[1].to_string_lossy());
    assert_eq!(failed["code"], "photo-unreadable");
}

#[test]
fn looks_are_listed_with_the_names_of_their_networks() {
    let list = |arguments: &[&str]| {
        let output = nijigen().arg("looks").args(arguments).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let words = list(&[]);
    for start in ["sky  ", "ink  ", "faces  "] {
        assert!(words.lines().any(|line| line.starts_with(start)), "{words}");
    }
    for network in [
        "--look sky-tiny ",
        "--look ink ",
        "--portrait portrait ",
        "--segmentation segmentation ",
    ] {
        assert!(words.contains(network), "{words}");
    }
    let listed: serde_json::Value = serde_json::from_str(&list(&["--json"])).unwrap();
    assert_eq!(listed["styles"][0]["name"], "sky");
}

#[test]
fn shells_and_man_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = nijigen().args(["completions", shell]).output().unwrap();
        let words = String::from_utf8(output.stdout).unwrap();
        assert!(
            words.contains("convert") && words.contains("likeness"),
            "{shell}"
        );
    }
    let folder = TempDir::new().unwrap();
    let output = nijigen().arg("man").arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let page = fs::read_to_string(folder.path().join("nijigen-convert.1")).unwrap();
    assert!(page.contains("likeness"), "{page}");
}

#[test]
fn sizes_out_of_range_are_refused() {
    let out = TempDir::new().unwrap();
    for size in ["0", "9000", "big"] {
        let output = convert(&[photo("plain.png")], out.path(), &["--size", size]);
        assert_eq!(output.status.code(), Some(2), "{size}");
        assert!(stderr(&output).contains(size), "{}", stderr(&output));
    }
}

/// Checkpoints as PyTorch writes them, made by `fixtures/make_checkpoints.py`: a pruned-down layout
/// is no public network, so the importer must read them whole and then say what is missing.
#[test]
fn pytorch_checkpoints_are_read_in_both_containers() {
    let out = TempDir::new().unwrap();
    for name in ["zip.pt", "legacy.pt", "nested.pt"] {
        let checkpoint = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures")
            .join(name);
        let style = out.path().join("style.safetensors");
        let output = import(&checkpoint, &style, &["--name", "test"]);
        assert_eq!(output.status.code(), Some(1));
        let words = stderr(&output);
        // Two tensors of the network are in the file; the unknown one is named.
        assert!(words.contains("75 tensors are missing"), "{name}: {words}");
        assert!(
            words.contains("1 are unknown (surprise.weight)"),
            "{name}: {words}"
        );
    }
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0);
}

/// As `torch.jit.save` writes it: code and constants beside the weights.
#[test]
fn a_torchscript_program_is_named() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("program.pt");
    let mut archive = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, contents) in [
        ("data.pkl", &b"\x80\x02c__torch__\nGenerator\n)\x81."[..]),
        ("code/__torch__.py", b"class Generator(Module):\n"),
        ("constants.pkl", b"\x80\x02)."),
        ("version", b"3\n"),
    ] {
        archive
            .start_file(format!("program/{name}"), stored)
            .unwrap();
        std::io::Write::write_all(&mut archive, contents).unwrap();
    }
    archive.finish().unwrap();
    let output = import(&path, &folder.path().join("style"), &["--name", "test"]);
    refused(&output, &path, "TorchScript");
    let words = stderr(&output);
    assert!(words.contains("torch.save(model.state_dict()"), "{words}");
}

/// Half of a download is drawn with a warning where most is there.
#[test]
fn photos_that_end_early_are_told_of() {
    let out = TempDir::new().unwrap();
    let photos = [
        "four-fifths.jpg",
        "turned-cut.jpg",
        "never-written.jpg",
        "truncated.jpg",
    ];
    let output = convert(&photos.map(photo), out.path(), &["--size", "48"]);
    assert_eq!(output.status.code(), Some(1));
    let words = stderr(&output);
    for name in photos {
        let told = words
            .lines()
            .any(|line| line.contains(name) && line.contains("ends early"));
        assert!(told, "{name}: {words}");
    }
    assert!(words.contains("1 photo could not be converted"), "{words}");
}

#[test]
fn a_checkpoint_becomes_a_style_that_reproduces_its_answer() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("again.safetensors");
    // A style's own weights under their public names make a checkpoint.
    let style = Style::from_bytes(&fs::read(style()).unwrap()).unwrap();
    let layout = nijigen::model::PublicLayout::Compact;
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = style
        .weights()
        .iter()
        .map(|(name, tensor)| {
            let key = nijigen::model::public_key(layout, name).unwrap();
            let bytes = tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect();
            (key, tensor.shape.clone(), bytes)
        })
        .collect();
    let views = tensors.iter().map(|(key, shape, bytes)| {
        let view =
            safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes);
        (key, view.unwrap())
    });
    let checkpoint = folder.path().join("checkpoint.safetensors");
    fs::write(&checkpoint, safetensors::serialize(views, None).unwrap()).unwrap();

    // Products of 8-bit integers and scales are no f16 values.
    let compact = ["--name=again", "--architecture=compact", "--dtype=f32"];
    let output = import(&checkpoint, &path, &compact);
    assert!(output.status.success(), "{}", stderr(&output));
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(
        report.contains("98 tensors, 1375027 parameters"),
        "{report}"
    );
    let again = Style::from_bytes(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(again.weights(), style.weights());
    // Another processor's SIMD sums in another order.
    let answer = |style: &Style| -> Vec<f32> {
        let answer = serde_json::to_value(&style.header().known_answer).unwrap();
        serde_json::from_value(answer).unwrap()
    };
    let (answer, expected) = (answer(&again), answer(&style));
    assert_eq!(answer.len(), expected.len());
    for (got, expected) in answer.iter().zip(&expected) {
        assert!((got - expected).abs() < 1e-5, "{got} {expected}");
    }

    let wrong = folder.path().join("wrong.safetensors");
    let animegan2 = ["--name=wrong", "--architecture=animegan2"];
    let wrong = import(&checkpoint, &wrong, &animegan2);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(
        stderr(&wrong).contains("not one of animegan2"),
        "{}",
        stderr(&wrong)
    );
}

#[test]
fn a_style_survives_onnx() {
    let folder = TempDir::new().unwrap();
    let (model, again) = (
        folder.path().join("ink.onnx"),
        folder.path().join("again.safetensors"),
    );
    let onnx = |direction: &str, from: &Path, to: &Path, more: &[&str]| {
        let mut command = nijigen();
        command
            .args(["onnx", direction])
            .arg(from)
            .arg(to)
            .args(more);
        command.output().expect("the program runs")
    };
    let output = onnx("export", &style(), &model, &[]);
    assert!(output.status.success(), "{}", stderr(&output));
    let output = onnx("import", &model, &again, &[]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(fs::read(&again).unwrap() == fs::read(style()).unwrap());

    // In another type, the model's known answer is that of the weights it holds.
    let output = onnx("export", &style(), &model, &["--dtype", "f16"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let output = onnx("import", &model, &again, &[]);
    assert!(output.status.success(), "{}", stderr(&output));
    let style_as_f16 = Style::from_bytes(&fs::read(&again).unwrap()).unwrap();
    assert_eq!(style_as_f16.header().dtype, nijigen::style::Dtype::F16);
    let shipped = Style::from_bytes(&fs::read(style()).unwrap()).unwrap();
    let answer = |style: &Style| style.header().known_answer.clone();
    assert_ne!(answer(&style_as_f16), answer(&shipped));
}

fn quantize(style: &Path, out: &Path, photos: &Path, more: &[&str]) -> Output {
    nijigen()
        .arg("quantize")
        .args([style, out])
        .arg("--photos")
        .arg(photos)
        .args(more)
        .output()
        .expect("the program runs")
}

#[test]
fn calibrated_activations_are_stored_where_pictures_allow_it() {
    let (folder, photos) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    fs::copy(photo("plain.jpg"), photos.path().join("plain.jpg")).unwrap();
    let tiny = root().join("www/styles/ink-tiny.safetensors");
    let out = folder.path().join("int8.safetensors");
    let calibrated = |least_psnr: &str| {
        let arguments = ["--calibrate", "min-max", "--min-psnr", least_psnr];
        let output = quantize(&tiny, &out, photos.path(), &arguments);
        assert!(output.status.success(), "{}", stderr(&output));
        Style::from_bytes(&fs::read(&out).unwrap()).unwrap()
    };
    let style = calibrated("10");
    let ranges = &style.header().activation_ranges;
    assert!(ranges.keys().eq(style.quantisable_tensors()));
    let psnr = style.header().metrics["calibrated_psnr"];
    assert!(
        psnr >= 10.0 && psnr < style.header().metrics["int8_psnr"],
        "{psnr}"
    );

    // A model of it is the same style again.
    let model = folder.path().join("model.onnx");
    let again = folder.path().join("again.safetensors");
    for (direction, from, to) in [("export", &out, &model), ("import", &model, &again)] {
        let output = nijigen()
            .args(["onnx", direction])
            .args([from, to])
            .output()
            .expect("the program runs");
        assert!(output.status.success(), "{}", stderr(&output));
    }
    assert!(fs::read(&again).unwrap() == fs::read(&out).unwrap());

    // A quarter of the error needs some layers in floating point.
    let least = format!("{:.1}", psnr + 6.0);
    let style = calibrated(&least);
    let (some, all) = (style.header().activation_ranges.len(), ranges.len());
    assert!(some > 0 && some < all, "{some} of {all}");
    assert!(style.header().metrics["calibrated_psnr"] >= psnr + 5.9);

    let refused = |style: &Path, photos: &Path, more: &[&str], reason: &str| {
        let output = quantize(style, &again, photos, more);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(reason), "{}", stderr(&output));
    };
    let method = ["--calibrate", "percentile", "--percentile", "20"];
    refused(&out, photos.path(), &method[..2], "quantised already");
    let reason = "--percentile is 20, expected above 50 and at most 100";
    refused(&tiny, photos.path(), &method, reason);
    let method = ["--calibrate", "min-max", "--percentile", "99"];
    refused(
        &tiny,
        photos.path(),
        &method,
        "expected --calibrate percentile",
    );
    let empty = TempDir::new().unwrap();
    refused(&tiny, empty.path(), &method[..2], "has no images");
    let elsewhere = empty.path().to_string_lossy();
    let method = ["--calibrate", "min-max", "--calibration-photos", &elsewhere];
    refused(&tiny, photos.path(), &method, "has no images");
}

#[test]
fn onnx_models_that_cannot_be_used_are_named() {
    let folder = TempDir::new().unwrap();
    let model = folder.path().join("ink.onnx");
    let output = nijigen()
        .args(["onnx", "export"])
        .args([&style(), &model])
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{}", stderr(&output));
    let cut = folder.path().join("cut.onnx");
    let bytes = fs::read(&model).unwrap();
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let torch = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/onnx/torch-folded.onnx");
    let out = folder.path().join("out.safetensors");
    let back: &[&str] = &["onnx", "import"];
    let import: &[&str] = &["import", "--name", "a"];
    for (arguments, model, reason) in [
        (back, &cut, "not a whole ONNX model"),
        (back, &photo("plain.png"), "not a whole ONNX model"),
        (back, &torch, "it was not made of a style file"),
        (import, &model, "nijigen onnx import makes that file again"),
        (import, &cut, "not a whole ONNX model"),
        (
            import,
            &torch,
            "has weights of the shape [5, 3, 7, 7], expected [32, 3, 7, 7]",
        ),
    ] {
        let output = nijigen()
            .args(arguments)
            .args([model, &out])
            .output()
            .expect("the program runs");
        refused(&output, model, reason);
    }
    assert!(!out.exists());
}

#[test]
fn the_page_s_manifest_is_up_to_date() {
    let output = nijigen()
        .args(["manifest", "--check"])
        .arg(root().join("www/styles"))
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{}", stderr(&output));
}

/// A file whose header tells of other widths than its tensors have, as careless pruning makes it.
#[test]
fn pruned_files_with_inconsistent_shapes_are_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("inconsistent.safetensors");
    let mut bytes = fs::read(style()).unwrap();
    let (told, other) = (br#"hidden\":512"#, br#"hidden\":504"#);
    let at = bytes
        .windows(told.len())
        .position(|window| window == told)
        .expect("the header tells widths");
    bytes[at..at + told.len()].copy_from_slice(other);
    fs::write(&path, bytes).unwrap();
    let refused = |arguments: &[&str]| {
        let output = nijigen()
            .args(arguments)
            .args(["--prepared", "nowhere"])
            .output()
            .expect("the program runs");
        assert_eq!(output.status.code(), Some(1));
        let words = stderr(&output);
        assert!(words.contains("inconsistent.safetensors"), "{words}");
        assert!(
            words.contains("residuals.0.") && words.contains("504"),
            "{words}"
        );
    };
    let path = path.to_str().unwrap();
    let out = folder.path().join("out.safetensors");
    let out = out.to_str().unwrap();
    refused(&["distill", "--teacher", path, "--student", path]);
    refused(&["prune", path, out, "--name", "x", "--fewer-macs", "50"]);
}

#[test]
fn pruning_away_everything_is_refused() {
    let output = nijigen()
        .args(["prune", "in.safetensors", "out.safetensors", "--name", "x"])
        .args(["--prepared", "nowhere", "--fewer-parameters", "100"])
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(1));
    let words = stderr(&output);
    assert!(words.contains("--fewer-parameters is 100 %"), "{words}");
}
