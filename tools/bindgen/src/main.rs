//! `bindgen MODULE.wasm FOLDER`: writes a module that browsers load, its JavaScript and its types into a folder.

use std::env;
use std::path::PathBuf;

use anyhow::{Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let arguments: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [module, folder] = arguments.as_slice() else {
        bail!("usage: bindgen MODULE.wasm FOLDER");
    };
    Bindgen::new()
        .input_path(module)
        .web(true)?
        .typescript(true)
        // Bundlers would make another copy of the module of its address.
        .omit_default_module_path(true)
        .generate(folder)
}
