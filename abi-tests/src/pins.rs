//! Pinned lists: sorted lines in a file under `data/` that a test's findings have to match exactly.
//!
//! A line that came and a line that went both fail, so a difference that is expected stays visible in
//! review. With `ABI_TESTS_PIN=1` in the environment the file is written instead, for a person to read
//! and commit.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// A file below `abi-tests/data`.
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("data")
        .join(name)
}

/// The lines of such a file, without comments (`#`) and empty lines.
///
/// # Errors
/// The file can't be read.
pub fn read(name: &str) -> Result<Vec<String>> {
    let path = path(name);
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    Ok(text
        .lines()
        .map(str::trim_end)
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
        .map(str::to_owned)
        .collect())
}

/// Holds what was found against the list; `about` is the comment at the file's top.
///
/// # Errors
/// A line that is not in the list, one of the list that was not found, or a file that can't be read or
/// written.
pub fn check(name: &str, about: &str, found: &BTreeSet<String>) -> Result<()> {
    if writing() {
        let mut text: String = about.lines().map(|l| format!("# {l}\n")).collect();
        for line in found {
            text += line;
            text.push('\n');
        }
        return write(name, &text);
    }
    let pinned: BTreeSet<String> = read(name)?.into_iter().collect();
    let difference = differences(&pinned, found);
    if !difference.is_empty() {
        bail!(
            "abi-tests/data/{name} does not say what was found (ABI_TESTS_PIN=1 writes it anew):\n{}",
            difference.join("\n")
        );
    }
    Ok(())
}

/// Holds a whole text against a file.
///
/// # Errors
/// They differ, with the lines that do, or the file can't be read or written.
pub fn check_text(name: &str, text: &str) -> Result<()> {
    if writing() {
        return write(name, text);
    }
    let path = path(name);
    let pinned =
        std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let Some(line) = first_difference(&pinned, text) else {
        return Ok(());
    };
    let lines = |t: &str| t.lines().map(str::to_owned).collect();
    bail!(
        "abi-tests/data/{name} is not what it should be from line {line} on (ABI_TESTS_PIN=1 writes it \
         anew):\n{}",
        differences(&lines(&pinned), &lines(text)).join("\n")
    )
}

/// The number of the first line in which two texts differ.
fn first_difference(a: &str, b: &str) -> Option<usize> {
    if a == b {
        return None;
    }
    let same = a.lines().zip(b.lines()).take_while(|(a, b)| a == b);
    Some(same.count() + 1)
}

/// Whether lists are to be written, not compared.
fn writing() -> bool {
    std::env::var_os("ABI_TESTS_PIN").is_some_and(|v| v == "1")
}

fn write(name: &str, text: &str) -> Result<()> {
    let path = path(name);
    std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
}

/// What came (`+`) and what went (`-`).
pub fn differences(pinned: &BTreeSet<String>, found: &BTreeSet<String>) -> Vec<String> {
    let came = found.difference(pinned).map(|l| format!("+ {l}"));
    let went = pinned.difference(found).map(|l| format!("- {l}"));
    came.chain(went).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_differ_from_a_line_on() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n"), Some(2));
        assert_eq!(first_difference("a\n", "a\nb\n"), Some(2));
        assert_eq!(first_difference("a\n", "a"), Some(2));
    }

    #[test]
    fn lines_come_and_go() {
        let set = |t: &[&str]| t.iter().map(|l| (*l).to_owned()).collect();
        let difference = differences(&set(&["a", "b"]), &set(&["b", "c"]));
        assert_eq!(difference, ["+ c", "- a"]);
    }
}
