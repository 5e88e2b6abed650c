//! `nijigen prepare` as its users run it, on generated images.
#![allow(missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use image::imageops::blur;
use image::{Rgb, RgbImage, Rgba, RgbaImage};
use nijigen::style::sha256_hex;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use tempfile::TempDir;

/// A mosaic of 6 × 6 tiles whose brightness differs with `kind`, in one of two palettes.
fn picture(width: u32, height: u32, kind: u64, warm: bool) -> RgbImage {
    let mut rng = ChaCha8Rng::seed_from_u64(kind);
    let tiles: [[u8; 6]; 6] = std::array::from_fn(|_| std::array::from_fn(|_| rng.random()));
    RgbImage::from_fn(width, height, |x, y| {
        let tile = tiles[(y * 6 / height) as usize][(x * 6 / width) as usize];
        let (high, low) = (100 + tile / 2, tile / 3);
        Rgb(if warm {
            [high, low, 20]
        } else {
            [20, low, high]
        })
    })
}

struct Folders {
    root: TempDir,
}

impl Folders {
    /// Nine usable photos, one duplicate, one blurred, two that cannot be read; five style images
    /// of two looks.
    fn new() -> Self {
        let root = TempDir::new().expect("a folder");
        let folders = Self { root };
        for name in ["photos/tag", "style"] {
            fs::create_dir_all(folders.path(name)).expect("a folder");
        }
        for kind in 0..8 {
            folders.save(
                &format!("photos/{kind}.jpg"),
                &picture(300, 200, kind, true),
            );
        }
        let large = picture(600, 400, 0, true);
        folders.save("photos/tag/0-large.png", &large);
        folders.save(
            "photos/blurred.png",
            &blur(&picture(300, 200, 20, true), 12.0),
        );
        let mut alpha = RgbaImage::from_fn(80, 60, |x, y| Rgba([x as u8 * 3, 0, y as u8 * 4, 255]));
        alpha.put_pixel(0, 0, Rgba([0, 0, 0, 0]));
        for x in (0..80).step_by(4) {
            alpha.put_pixel(x, 30, Rgba([255, 255, 255, 255]));
        }
        alpha
            .save(folders.path("photos/alpha.png"))
            .expect("written");
        fs::write(folders.path("photos/text.jpg"), "Dear diary").expect("written");
        let whole = fs::read(folders.path("photos/tag/0-large.png")).expect("a file");
        fs::write(folders.path("photos/torn.png"), &whole[..whole.len() / 2]).expect("written");
        for kind in 0..5 {
            let image = picture(240, 320, 30 + kind, kind < 3);
            folders.save(&format!("style/{kind}.png"), &image);
        }
        folders
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn save(&self, name: &str, image: &RgbImage) {
        image.save(self.path(name)).expect("an image is written");
    }

    /// Leaves a single photo, where photos do not matter.
    fn keep_one_photo(&self) {
        fs::remove_dir_all(self.path("photos")).expect("removed");
        fs::create_dir(self.path("photos")).expect("a folder");
        self.save("photos/only.png", &picture(90, 90, 3, true));
    }

    fn prepare(&self, out: &str, more: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_nijigen"))
            .arg("prepare")
            .arg("--photos")
            .arg(self.path("photos"))
            .arg("--style")
            .arg(self.path("style"))
            .arg("--out")
            .arg(self.path(out))
            .args(more)
            // Whatever backbone this machine's user has, the style images are sorted by colour.
            .env("NIJIGEN_CACHE", self.path("no-cache"))
            .output()
            .expect("the program runs")
    }

    fn manifest(&self, out: &str) -> Value {
        let text = fs::read_to_string(self.path(out).join("manifest.json")).expect("a manifest");
        serde_json::from_str(&text).expect("JSON")
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", stderr(output));
}

#[track_caller]
fn refused(output: &Output, reason: &str) {
    assert_eq!(output.status.code(), Some(1), "{}", stdout(output));
    says(&stderr(output), reason);
}

#[track_caller]
fn says(text: &str, words: &str) {
    assert!(text.contains(words), "{text}");
}

fn sources(list: &Value) -> Vec<&str> {
    let list = list.as_array().expect("a list").iter();
    list.map(|item| item["source"].as_str().expect("a source"))
        .collect()
}

fn files_in(folder: &Path) -> usize {
    fs::read_dir(folder).expect("a folder").count()
}

const OPTIONS: [&str; 4] = [
    "--long-side=256",
    "--min-sharpness=2",
    "--clusters=2",
    "--hold-out=0.3",
];

#[test]
fn folders_become_a_set() {
    let folders = Folders::new();
    let output = folders.prepare("out", &OPTIONS);
    succeeded(&output);
    let manifest = folders.manifest("out");
    assert_eq!(manifest["version"], 1);
    assert_eq!(manifest["options"]["seed"], 0);
    assert_eq!(manifest["options"]["long_side"], 256);

    assert_eq!(sources(&manifest["skipped"]), ["text.jpg", "torn.png"]);
    says(&stderr(&output), "text.jpg: ");
    says(&stderr(&output), "torn.png: ");
    // The larger copy stays.
    assert_eq!(sources(&manifest["duplicates"]), ["0.jpg"]);
    assert_eq!(manifest["duplicates"][0]["of"]["source"], "tag/0-large.png");
    assert!(manifest["duplicates"][0]["distance"].as_u64() <= Some(4));
    assert_eq!(sources(&manifest["blurred"]), ["blurred.png"]);

    let entries = manifest["entries"].as_array().expect("entries");
    let of_kind = |kind: &'static str| entries.iter().filter(move |e| e["kind"] == kind);
    let counts = &manifest["counts"];
    assert_eq!(of_kind("photo").count(), 9);
    assert_eq!(counts["photos"], 9);
    assert_eq!(counts["skipped"], 2);
    assert_eq!(counts["duplicates"], 1);
    let held_out = of_kind("photo")
        .filter(|e| e["split"] == "held_out")
        .count();
    assert_eq!(counts["held_out"], held_out);
    assert!(held_out > 0 && held_out < 9);

    let out = folders.path("out");
    for entry in entries {
        let file = out.join(entry["file"].as_str().expect("a file"));
        let bytes = fs::read(&file).expect("the entry's file");
        assert_eq!(entry["sha256"], sha256_hex(&bytes));
        let image = image::load_from_memory(&bytes).expect("a PNG").into_rgb8();
        assert_eq!(entry["width"], image.width());
        assert_eq!(entry["height"], image.height());
        assert!(image.width() <= 256 && image.height() <= 256);
        if entry["source"] == "tag/0-large.png" {
            assert_eq!(image.dimensions(), (256, 171));
        }
        if entry["source"] == "alpha.png" {
            assert_eq!(image.dimensions(), (80, 60));
            assert_eq!(image[(0, 0)], Rgb([255, 255, 255]));
        }
    }
    // No file but those of the manifest.
    assert_eq!(files_in(&out.join("photos")), 9);
    assert_eq!(
        files_in(&out),
        5,
        "photos, style, smooth, clusters, manifest.json"
    );
    says(&stdout(&output), "photos        9");
    says(&stdout(&output), "colour grid");
}

#[test]
fn looks_are_told_apart_and_chosen() {
    let folders = Folders::new();
    folders.keep_one_photo();
    let all = ["--long-side=256", "--clusters=2"];
    succeeded(&folders.prepare("out", &all));
    let manifest = folders.manifest("out");
    let style = |manifest: &Value| -> Vec<(String, u64)> {
        let entries = manifest["entries"].as_array().expect("entries").iter();
        entries
            .filter(|e| e["kind"] == "style")
            .map(|e| {
                (
                    e["source"].to_string(),
                    e["cluster"].as_u64().expect("a number"),
                )
            })
            .collect()
    };
    // Three warm images, two cold ones; the larger cluster comes first.
    let clusters: Vec<u64> = style(&manifest).iter().map(|s| s.1).collect();
    assert_eq!(clusters, [0, 0, 0, 1, 1]);
    assert_eq!(manifest["clusters"][0]["images"], 3);
    let sheet = image::open(folders.path("out/clusters/cluster_0.jpg")).expect("a sheet");
    assert_eq!((sheet.width(), sheet.height()), (3 * 164 + 4, 168));

    let again = ["--force", "--keep-clusters=1"];
    let output = folders.prepare("out", &[all.as_slice(), &again].concat());
    succeeded(&output);
    let chosen = folders.manifest("out");
    assert_eq!(style(&chosen), &style(&manifest)[3..]);
    assert_eq!(chosen["clusters"][0]["kept"], false);
    assert_eq!(files_in(&folders.path("out/style")), 2);
    assert_eq!(files_in(&folders.path("out/smooth")), 2);
    assert_eq!(files_in(&folders.path("out/clusters")), 2);
    says(&stdout(&output), "0 (3 images, left out)");

    let listed = folders.path("list.csv");
    fs::write(&listed, "file,ink\n1.png,3\n4.png,2\n").expect("written");
    let list = format!("--style-list={}", listed.display());
    succeeded(&folders.prepare("listed", &[&list]));
    let names: Vec<String> = style(&folders.manifest("listed"))
        .into_iter()
        .map(|s| s.0)
        .collect();
    assert_eq!(names, ["\"1.png\"", "\"4.png\""]);

    refused(
        &folders.prepare("none", &[all.as_slice(), &["--keep-clusters=0,2"]].concat()),
        "cluster 2, but the clusters are 0 to 1",
    );
    fs::write(&listed, "file\n9.png\n").expect("written");
    refused(&folders.prepare("none", &[&list]), "\"9.png\"");
}

#[test]
fn the_same_run_gives_the_same_set() {
    let folders = Folders::new();
    succeeded(&folders.prepare("first", &OPTIONS));
    succeeded(&folders.prepare("second", &OPTIONS));
    // The manifest holds the hash of every image.
    let read = |out: &str| fs::read(folders.path(out).join("manifest.json")).expect("a manifest");
    assert!(read("first") == read("second"));

    // Held-out photos stay so when others come.
    let held_out = |out: &str| -> Vec<String> {
        let manifest = folders.manifest(out);
        let entries = manifest["entries"].as_array().expect("entries").iter();
        entries
            .filter(|e| e["split"] == "held_out")
            .map(|e| e["source"].to_string())
            .collect()
    };
    folders.save("photos/00-new.png", &picture(300, 200, 40, true));
    succeeded(&folders.prepare("more", &OPTIONS));
    let mut more = held_out("more");
    more.retain(|source| source != "\"00-new.png\"");
    assert_eq!(more, held_out("first"));
}

#[test]
fn few_images_are_enough() {
    let folders = Folders::new();
    folders.keep_one_photo();
    for name in ["style/3.png", "style/4.png"] {
        fs::remove_file(folders.path(name)).expect("removed");
    }
    let output = folders.prepare("out", &["--clusters=6", "--hold-out=0"]);
    succeeded(&output);
    says(&stderr(&output), "3 clusters instead of 6");
    assert_eq!(folders.manifest("out")["counts"]["style"], 3);
}

#[test]
fn what_cannot_be_done_is_told() {
    let folders = Folders::new();
    folders.keep_one_photo();
    succeeded(&folders.prepare("out", &["--hold-out=0"]));
    let before = folders.manifest("out");
    refused(&folders.prepare("out", &[]), "use --force");
    // A run that fails before it writes leaves the old set alone.
    refused(
        &folders.prepare("out", &["--force", "--min-sharpness=1e9"]),
        "no usable images for photos",
    );
    assert_eq!(folders.manifest("out"), before);

    refused(
        &folders.prepare("style", &["--force"]),
        "inside the source folder",
    );
    fs::write(folders.path("file"), "x").expect("written");
    refused(&folders.prepare("file", &[]), "cannot write to the folder");
    fs::create_dir(folders.path("mine")).expect("a folder");
    fs::write(folders.path("mine/letter.txt"), "x").expect("written");
    refused(&folders.prepare("mine", &["--force"]), "did not make");
    assert!(folders.path("mine/letter.txt").exists());

    fs::create_dir(folders.path("empty")).expect("a folder");
    let empty = format!("--photos={}", folders.path("empty").display());
    refused(&folders.prepare("new", &[&empty]), "empty has no images");
    for option in [
        "--hold-out=1",
        "--clusters=0",
        "--long-side=8",
        "--keep-clusters=a",
    ] {
        let output = folders.prepare("new", &[option]);
        assert_eq!(output.status.code(), Some(2), "{option}");
    }
    assert!(!folders.path("new").exists());
}
