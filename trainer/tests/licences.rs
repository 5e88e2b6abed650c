//! Every crate has a licence that deny.toml allows.
#![allow(missing_docs)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Whether `expression` (SPDX) can be met with licences that `is_allowed`.
fn is_met(expression: &str, is_allowed: &dyn Fn(&str) -> bool) -> bool {
    // Of old, alternatives were parted by slashes.
    let expression = expression.replace('/', " OR ");
    let words = expression.replace('(', " ( ").replace(')', " ) ");
    let mut words = words.split_whitespace().peekable();
    let met = any(&mut words, is_allowed);
    met && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words, is_allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut met = all(words, is_allowed);
    while words.next_if_eq(&"OR").is_some() {
        met |= all(words, is_allowed);
    }
    met
}

fn all(words: &mut Words, is_allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut met = one(words, is_allowed);
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words, is_allowed);
    }
    met
}

fn one(words: &mut Words, is_allowed: &dyn Fn(&str) -> bool) -> bool {
    if words.next_if_eq(&"(").is_some() {
        let met = any(words, is_allowed);
        return words.next_if_eq(&")").is_some() && met;
    }
    let mut name = words.next().unwrap_or("nothing").to_owned();
    if words.next_if_eq(&"WITH").is_some() {
        name = format!("{name} WITH {}", words.next().unwrap_or("nothing"));
    }
    is_allowed(&name)
}

#[test]
fn expressions_are_read_as_spdx_means_them() {
    let mit = |name: &str| name == "MIT";
    for (expression, expected) in [
        ("MIT", true),
        ("ISC", false),
        ("ISC OR MIT", true),
        ("MIT/Apache-2.0", true),
        ("MIT AND ISC", false),
        ("ISC OR MIT AND MIT", true),
        ("(ISC OR MIT) AND ISC", false),
        ("(MIT OR ISC) AND (ISC OR MIT)", true),
        ("MIT WITH exception", false),
        ("MIT MIT", false),
        ("", false),
    ] {
        assert_eq!(is_met(expression, &mit), expected, "{expression}");
    }
}

#[test]
fn every_crate_has_a_licence_that_is_allowed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let rules = std::fs::read_to_string(root.join("deny.toml")).expect("the rules");
    let rules: Value = toml::from_str(&rules).expect("TOML");
    let rules = &rules["licenses"];
    let list = |value: &Value| -> Vec<String> {
        serde_json::from_value(value.clone()).expect("a list of names")
    };
    let allowed = list(&rules["allow"]);
    let of_crate = |table: &str, name: &str| {
        let entries = rules[table].as_array().expect("entries");
        entries
            .iter()
            .find(|entry| entry["crate"] == *name)
            .cloned()
    };
    // Of the crates that are compiled here: others need not be on this machine.
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--workspace", "--edges", "normal,build"])
        .args(["--prefix", "none", "--no-dedupe", "--format", "{p}\t{l}"])
        .output()
        .expect("cargo runs");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    let lines = String::from_utf8(output.stdout).expect("UTF-8");
    let crates: BTreeSet<&str> = lines.lines().filter(|line| !line.is_empty()).collect();
    assert!(crates.len() > 100, "there are {} crates", crates.len());
    for line in crates {
        let (named, licence) = line.split_once('\t').expect("a crate and its licence");
        let name = named.split(' ').next().expect("a name");
        let clarified = of_crate("clarify", name).map(|entry| entry["expression"].clone());
        let expression = clarified.unwrap_or_else(|| licence.into());
        let excepted = of_crate("exceptions", name).map(|entry| list(&entry["allow"]));
        let is_allowed = |licence: &str| {
            let mut names = allowed.iter().chain(excepted.iter().flatten());
            names.any(|name| name == licence)
        };
        let expression = expression.as_str().expect("an expression");
        assert!(
            is_met(expression, &is_allowed),
            "{named} is under {expression:?}, which deny.toml does not allow"
        );
    }
}
