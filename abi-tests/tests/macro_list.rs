//! The list of function-like macros, `xtask/macros.toml`, against the preprocessor.
//!
//! Every macro with arguments that any release, ABI and mode defines must be in the
//! list, and every entry must be one of those. Entries that tell a condition (`when`)
//! are the ones that this reading does not meet; their definition must stand in the
//! header's text.

use std::collections::BTreeSet;
use std::path::Path;

use abi_tests::compiler::{Compiler, Family};
use anyhow::{Context, Result};
use serde::Deserialize;
use xtask::headers::{ABIS, Mode, RELEASES, View};
use xtask::tool;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    r#macro: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    header: String,
    name: String,
    rust: Option<String>,
    waits: Option<String>,
    left_out: Option<String>,
    when: Option<String>,
}

type Name = (String, String);

impl Entry {
    fn name(&self) -> Name {
        (self.header.clone(), self.name.clone())
    }
}

fn list() -> Result<List> {
    let path = tool::root().join("xtask/macros.toml");
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("in {}", path.display()))
}

/// The function-like macros that a preprocessor's output (`-E -dD`) defines in headers
/// below `public`.
fn defined(output: &str, public: &Path) -> BTreeSet<Name> {
    let mut names = BTreeSet::new();
    let mut header = None;
    for line in output.lines() {
        if let Some(rest) = line.strip_prefix("# ") {
            let file = rest.split('"').nth(1).unwrap_or_default();
            header = Path::new(file).strip_prefix(public).ok().map(normal);
        } else if let (Some(rest), Some(header)) = (line.strip_prefix("#define "), &header) {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            if let Some(end) = end.filter(|&end| rest[end..].starts_with('(')) {
                names.insert((header.clone(), rest[..end].to_owned()));
            }
        }
    }
    names
}

/// The path without `..`, of which `hvm/../arch-x86/hvm/save.h` has one.
fn normal(path: &Path) -> String {
    let mut parts = Vec::new();
    for part in path.iter().map(|part| part.to_string_lossy()) {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

/// What all releases, ABIs and modes define.
fn seen() -> Result<BTreeSet<Name>> {
    let mut all = BTreeSet::new();
    for release in RELEASES {
        let public = release.include_dir().join("public");
        let mut names = BTreeSet::new();
        for abi in ABIS {
            for mode in [Mode::Guest, Mode::Tools] {
                let view = View::new(release, abi, mode);
                let dir = tempfile::tempdir()?;
                let wrapper = dir.path().join("wrapper.c");
                std::fs::write(&wrapper, view.wrapper()?)?;
                let mut gcc = Compiler::find(Family::Gcc, abi)?.command();
                gcc.args(["-E", "-dD"]).args(view.common_args());
                let output = tool::run(gcc.arg(&wrapper)).with_context(|| view.to_string())?;
                names.extend(defined(&String::from_utf8(output.stdout)?, &public));
            }
        }
        println!("{release}: {} function-like macros by header", names.len());
        all.extend(names);
    }
    Ok(all)
}

#[test]
fn each_entry_says_one_thing_and_stands_in_its_place() -> Result<()> {
    let list = list()?.r#macro;
    for entry in &list {
        let said = [&entry.rust, &entry.waits, &entry.left_out];
        let said = said.into_iter().flatten().collect::<Vec<_>>();
        let name = entry.name();
        assert_eq!(said.len(), 1, "{name:?} needs one of rust, waits, left_out");
        assert!(!said[0].is_empty(), "{name:?} says nothing");
    }
    for pair in list.windows(2) {
        let (a, b) = (pair[0].name(), pair[1].name());
        assert!(a < b, "{b:?} must not come after {a:?}");
    }
    Ok(())
}

#[test]
fn the_list_is_what_the_preprocessor_sees() -> Result<()> {
    let (conditional, plain): (Vec<_>, Vec<_>) = list()?
        .r#macro
        .into_iter()
        .partition(|entry| entry.when.is_some());
    let listed = plain.iter().map(Entry::name).collect::<BTreeSet<_>>();
    let seen = seen()?;
    let missing = seen.difference(&listed).collect::<Vec<_>>();
    assert!(missing.is_empty(), "not in the list: {missing:?}");
    let gone = listed.difference(&seen).collect::<Vec<_>>();
    assert!(gone.is_empty(), "in no header: {gone:?}");
    for entry in conditional {
        let name = entry.name();
        let in_text = RELEASES.iter().any(|release| {
            let path = release.include_dir().join("public").join(&entry.header);
            let text = std::fs::read_to_string(path).unwrap_or_default();
            text.contains(&format!("define {}(", entry.name))
        });
        assert!(in_text, "{name:?} is in no release's header");
    }
    Ok(())
}

#[test]
fn definitions_are_told_from_uses_and_other_files() {
    let output = "# 1 \"/v/public/hvm/../arch-x86/xen.h\" 1\n\
        #define F(x) G(x)\n\
        #define OBJECT (1)\n\
        #define EMPTY\n\
        #undef F\n\
        use(x)\n\
        # 1 \"/usr/include/other.h\" 1\n\
        #define H(x) x\n";
    let names = defined(output, Path::new("/v/public"));
    let wanted = [("arch-x86/xen.h".to_owned(), "F".to_owned())];
    assert_eq!(names, BTreeSet::from(wanted));
}
