//! Dependencies point one way: kernels and faces know only geometry, pictures the kernels, the model knows Burn, the
//! engines know the model and the kernels, the pipeline knows the engines, the web interface knows
//! the pipeline.
#![allow(missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

/// Module, the crate's modules it may use, and whether it may use Burn.
const RULES: &[(&str, &[&str], bool)] = &[
    ("cel", &["geometry", "imaging"], false),
    ("colour", &[], false),
    (
        "drawing",
        &["colour", "error", "face", "filter", "geometry", "imaging"],
        false,
    ),
    ("error", &[], false),
    ("face", &["geometry"], false),
    ("filter", &["colour", "error", "geometry", "imaging"], false),
    ("geometry", &[], false),
    (
        "grade",
        &["colour", "error", "filter", "geometry", "imaging", "sky"],
        false,
    ),
    (
        "imaging",
        &["colour", "error", "geometry", "kernels"],
        false,
    ),
    ("kernels", &["geometry"], false),
    ("model", &["error", "geometry"], true),
    (
        "sky",
        &[
            "colour", "error", "filter", "geometry", "imaging", "strokes",
        ],
        false,
    ),
    ("strokes", &["geometry", "imaging", "kernels"], false),
    (
        "style",
        &["error", "grade", "imaging", "model", "sky"],
        false,
    ),
    (
        "engine",
        &["error", "geometry", "imaging", "kernels", "model", "style"],
        false,
    ),
    (
        "pipeline",
        &[
            "cel", "drawing", "engine", "error", "face", "grade", "imaging", "sky", "strokes",
            "style",
        ],
        false,
    ),
    (
        "web",
        &["engine", "error", "face", "imaging", "pipeline", "style"],
        false,
    ),
    ("web_threads", &[], false),
];

/// Folders in rooms: each file, and its neighbours that it may use, which stand before it, so that
/// there are no circles.
type Rooms = &'static [(&'static str, &'static [&'static str])];
const ROOMS: &[(&str, Rooms)] = &[
    (
        "src/engine/cpu",
        &[
            ("memory", &[]),
            ("precision", &[]),
            ("scratch", &[]),
            ("self_timing", &[]),
            ("bands", &["scratch"]),
            ("dense", &["precision", "scratch"]),
            ("depthwise", &["scratch"]),
            ("executor", &["bands", "dense", "scratch"]),
            ("network", &["dense", "depthwise"]),
            ("builder", &["dense", "depthwise", "network", "precision"]),
            ("memory_plan", &["network"]),
            ("stream_plan", &["bands", "dense", "depthwise", "network"]),
            (
                "whole",
                &[
                    "bands",
                    "depthwise",
                    "executor",
                    "memory",
                    "memory_plan",
                    "network",
                    "scratch",
                ],
            ),
            ("window", &["stream_plan"]),
            (
                "streamed",
                &[
                    "bands",
                    "executor",
                    "memory",
                    "network",
                    "scratch",
                    "stream_plan",
                    "window",
                ],
            ),
        ],
    ),
    (
        "src/engine/gpu",
        &[
            ("kernel", &[]),
            ("pace", &[]),
            ("parameters", &[]),
            ("weights", &["kernel"]),
            ("network", &["kernel", "weights"]),
            ("pipelines", &["kernel", "parameters"]),
            ("device", &["kernel", "pace", "pipelines"]),
            ("loaded", &["device", "kernel", "network"]),
            ("picture", &["kernel"]),
            ("read_back", &["device"]),
            ("recorder", &["device", "pace"]),
            ("step_geometry", &["network"]),
            ("size_plan", &["kernel", "network", "step_geometry"]),
            ("traffic", &["kernel", "network", "step_geometry"]),
            (
                "workspace",
                &[
                    "device",
                    "network",
                    "recorder",
                    "size_plan",
                    "step_geometry",
                ],
            ),
            ("bindings", &["device", "workspace"]),
            (
                "run",
                &[
                    "bindings",
                    "device",
                    "kernel",
                    "loaded",
                    "network",
                    "parameters",
                    "picture",
                    "read_back",
                    "recorder",
                    "step_geometry",
                    "workspace",
                ],
            ),
        ],
    ),
    (
        "trainer/src/backbone",
        &[
            ("onnx", &[]),
            ("vgg", &[]),
            ("feature_layer", &["vgg"]),
            ("weights", &["vgg"]),
            ("load", &["onnx", "vgg", "weights"]),
            ("network", &["feature_layer", "vgg", "weights"]),
            ("cache", &["network", "vgg", "weights"]),
            (
                "command",
                &[
                    "cache",
                    "load",
                    "feature_layer",
                    "network",
                    "vgg",
                    "weights",
                ],
            ),
        ],
    ),
];

fn sources(module: &str) -> Vec<PathBuf> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (file, folder) = (src.join(format!("{module}.rs")), src.join(module));
    let mut sources = if folder.is_dir() {
        files(&folder)
    } else {
        Vec::new()
    };
    sources.extend(file.is_file().then_some(file));
    assert!(!sources.is_empty(), "{module} has no sources");
    sources
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| entry.expect("an entry").path())
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn modules_use_only_what_they_may() {
    for (module, allowed, burn) in RULES {
        for path in sources(module) {
            let text = fs::read_to_string(&path).expect("a source file");
            for line in text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
            {
                for used in line.split("crate::").skip(1) {
                    let used = used
                        .split(|c: char| !c.is_alphanumeric() && c != '_')
                        .next();
                    let used = used.unwrap_or_default();
                    let known = RULES.iter().any(|(name, ..)| *name == used);
                    assert!(
                        !known || used == *module || allowed.contains(&used),
                        "{}: {module} must not use {used}",
                        path.display()
                    );
                }
                let uses_burn = line.contains("burn::");
                assert!(*burn || !uses_burn, "{}: {line}", path.display());
                assert!(
                    *module == "engine" || !line.contains("wgpu::"),
                    "{}: {line}",
                    path.display()
                );
                let uses_web = ["wasm_bindgen::", "js_sys::", "web_sys::"]
                    .iter()
                    .any(|name| line.contains(name));
                assert!(
                    module.starts_with("web") || !uses_web,
                    "{}: {line}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn every_module_has_a_rule() {
    let lib = include_str!("../src/lib.rs");
    for line in lib.lines() {
        if let Some(name) = line.trim_start_matches("pub ").strip_prefix("mod ") {
            let name = name.trim_end_matches(';');
            assert!(RULES.iter().any(|(module, ..)| *module == name), "{name}");
        }
    }
}

/// Names that follow `super::` in what is no test: one, or those of a group.
fn neighbours(text: &str) -> Vec<&str> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut names = Vec::new();
    for path in code.split("super::").skip(1) {
        match path.strip_prefix('{') {
            Some(group) => {
                let group = group.split(';').next().unwrap_or_default();
                names.extend(group.split(|c| !is_name(c)));
            }
            None => names.extend(path.split(|c| !is_name(c)).next()),
        }
    }
    names
}

#[test]
fn rooms_use_only_the_neighbours_they_may() {
    for (folder, rooms) in ROOMS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let is_rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
        for path in files(&folder).into_iter().filter(is_rust) {
            let name = path.file_stem().and_then(|name| name.to_str());
            let name = name.expect("a name in UTF-8");
            if name == "mod" || name == "tests" {
                continue;
            }
            let place = rooms.iter().position(|(room, _)| *room == name);
            let place = place.unwrap_or_else(|| panic!("{} has no rule", path.display()));
            let (_, allowed) = rooms[place];
            for used in allowed {
                let before = &rooms[..place];
                assert!(
                    before.iter().any(|(room, _)| room == used),
                    "{name} may use {used}, which does not stand before it"
                );
            }
            let text = fs::read_to_string(&path).expect("a source file");
            let is_code = |line: &&str| !line.trim_start().starts_with("//");
            let code: String = text.split_inclusive('\n').filter(is_code).collect();
            for used in neighbours(&code) {
                let is_room = rooms.iter().any(|(room, _)| *room == used);
                assert!(
                    !is_room || used == name || allowed.contains(&used),
                    "{} must not use {used}",
                    path.display()
                );
            }
        }
    }
}
