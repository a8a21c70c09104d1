//! What a crate really exports, asked of the compiler.
//!
//! A scratch crate that depends on `xen-public` and `xen-abi` has one line for each question: a `use`, a constant of a
//! given type, an `offset_of!`, an accessor. The compiler checks it; a line with an error is a no. The
//! compiler stops at its first phase that finds errors, so failing lines are taken out and the rest is
//! checked again until nothing fails.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::item::Shape;
use crate::generate::emit::ident;
use crate::tool;

/// The line that asks whether a module has something of this shape under this name.
pub fn question(module: &str, name: &str, shape: &Shape) -> String {
    let path = |name: &str| format!("{module}::{}", ident(name));
    match shape {
        Shape::Name => format!("use {} as _;", path(name)),
        Shape::Value(ty) => format!("const _: {ty} = {};", path(name)),
        Shape::Field { of, field } => {
            format!(
                "const _: usize = core::mem::offset_of!({}, {});",
                path(of),
                ident(field)
            )
        }
        Shape::Bitfield { of, field } => {
            let of = path(of);
            format!(
                "const _: () = {{ let _ = {of}::{} as fn(&{of}) -> _; }};",
                ident(field)
            )
        }
    }
}

/// The module of a header: `arch-x86/xen.h` is `arch_x86::xen`, `io/9pfs.h` is `io::_9pfs`.
pub fn module(root: &str, header: &str) -> String {
    let mut path = root.to_owned();
    for part in header.trim_end_matches(".h").split('/') {
        let digit = part.starts_with(|c: char| c.is_ascii_digit());
        path += if digit { "::_" } else { "::" };
        path += &part.replace('-', "_");
    }
    path
}

/// The scratch crate.
pub struct Probe {
    dir: PathBuf,
    target: PathBuf,
}

/// What the compiler said of the lines.
#[derive(Debug)]
pub struct Answer {
    /// The lines that failed, with the first message about each.
    pub failed: BTreeMap<String, String>,
    /// The lines that did not.
    pub passed: BTreeSet<String>,
}

impl Answer {
    /// How many types and values there are under a path.
    pub fn named(&self, path: &str) -> usize {
        let starts = |line: &&String| {
            let named = line.strip_prefix("use ").or_else(|| {
                let (_, value) = line.strip_prefix("const _: ")?.split_once(" = ")?;
                Some(value)
            });
            named.is_some_and(|rest| rest.starts_with(path))
        };
        self.passed.iter().filter(starts).count()
    }
}

impl Probe {
    /// Sets a crate of that name up below cargo's target folder, with the workspace's own lock file.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn new(name: &str) -> Result<Self> {
        let cache = tool::cache_dir("coverage")?;
        let dir = cache.join(name);
        let source = dir.join("src");
        std::fs::create_dir_all(&source)
            .with_context(|| format!("creating {}", source.display()))?;
        let manifest = format!(
            "[package]\nname = \"coverage-{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
             [workspace]\n\
             [dependencies.xen-public]\npath = {:?}\nfeatures = [\"toolstack\"]\ndefault-features = false\n\
             [dependencies.xen-abi]\npath = {:?}\ndefault-features = false\n",
            tool::root().join("xen-public"),
            tool::root()
        );
        write(&dir.join("Cargo.toml"), &manifest)?;
        let lock = tool::root().join("Cargo.lock");
        let text = std::fs::read(&lock).with_context(|| format!("reading {}", lock.display()))?;
        let copy = dir.join("Cargo.lock");
        std::fs::write(&copy, text).with_context(|| format!("writing {}", copy.display()))?;
        let target = cache.join("target");
        Ok(Self { dir, target })
    }

    /// Asks all questions.
    ///
    /// # Errors
    /// cargo fails for another reason than a failing line.
    pub fn ask(
        &self,
        questions: &BTreeSet<String>,
        mut progress: impl FnMut(&str),
    ) -> Result<Answer> {
        let mut failed = BTreeMap::new();
        for round in 1.. {
            let lines: Vec<&String> = questions
                .iter()
                .filter(|q| !failed.contains_key(*q))
                .collect();
            let start = Instant::now();
            let failures = self.round(&lines)?;
            progress(&format!(
                "probe round {}: {} lines, {} fail, {:.1} s",
                round,
                lines.len(),
                failures.len(),
                start.elapsed().as_secs_f32()
            ));
            if failures.is_empty() {
                let passed = lines.into_iter().cloned().collect();
                return Ok(Answer { failed, passed });
            }
            for (i, message) in failures {
                failed.insert(lines[i].clone(), message);
            }
        }
        unreachable!("each round takes lines away")
    }

    /// Checks the crate with these lines: the numbers of those that fail, with messages.
    fn round(&self, lines: &[&String]) -> Result<BTreeMap<usize, String>> {
        let mut text = PROLOGUE.to_owned();
        let first = text.lines().count() + 1;
        for line in lines {
            text += line;
            text.push('\n');
        }
        let source = self.dir.join("src/lib.rs");
        write(&source, &text)?;
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command
            .current_dir(&self.dir)
            // Each run asks other questions: nothing to keep for the next.
            .env("CARGO_INCREMENTAL", "0")
            .args(["check", "--quiet", "--message-format=json", "--target-dir"])
            .arg(&self.target);
        let output = command
            .output()
            .with_context(|| format!("cannot start `{}`", tool::line(&command)))?;
        let mut failures = BTreeMap::new();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let message: Message = serde_json::from_str(line)
                .with_context(|| format!("reading what cargo says: {line}"))?;
            let Some(Diagnostic {
                level,
                message,
                spans,
                ..
            }) = message.message
            else {
                continue;
            };
            if !level.starts_with("error") || message.starts_with("aborting due to") {
                continue;
            }
            let here = spans
                .iter()
                .filter(|s| s.is_primary && s.file_name == "src/lib.rs");
            let mut placed = false;
            for span in here {
                match span.line_start.checked_sub(first) {
                    Some(i) if i < lines.len() => {
                        failures.entry(i).or_insert_with(|| message.clone());
                        placed = true;
                    }
                    _ => {}
                }
            }
            if !placed {
                bail!("the probe fails apart from its questions: {message}");
            }
        }
        if failures.is_empty() && !output.status.success() {
            bail!(
                "`{}` failed ({}):\n{}",
                tool::line(&command),
                output.status,
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(failures)
    }
}

const PROLOGUE: &str = "#![no_std]\n#![allow(warnings)]\n";

/// A line of cargo's, as far as it matters here.
#[derive(Deserialize)]
struct Message {
    message: Option<Diagnostic>,
}

#[derive(Deserialize)]
struct Diagnostic {
    level: String,
    message: String,
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    line_start: usize,
    is_primary: bool,
}

/// Writes a file that is not yet as wanted, so that cargo sees only real changes.
fn write(path: &Path, text: &str) -> Result<()> {
    if std::fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_and_questions() {
        let root = "xen_public::abi::x86_64";
        let blkif = module(root, "io/blkif.h");
        assert_eq!(blkif, "xen_public::abi::x86_64::io::blkif");
        assert_eq!(
            module(root, "arch-x86/xen-x86_64.h"),
            "xen_public::abi::x86_64::arch_x86::xen_x86_64"
        );
        assert_eq!(module("a", "io/9pfs.h"), "a::io::_9pfs");
        assert_eq!(question("a", "b", &Shape::Name), "use a::b as _;");
        assert_eq!(
            question("a", "B", &Shape::Value("&str".into())),
            "const _: &str = a::B;"
        );
        let of = "t".to_owned();
        let field = "type".to_owned();
        assert_eq!(
            question(
                "a",
                "t.type",
                &Shape::Field {
                    of: of.clone(),
                    field: field.clone()
                }
            ),
            "const _: usize = core::mem::offset_of!(a::t, r#type);"
        );
        assert_eq!(
            question("a", "t.type", &Shape::Bitfield { of, field }),
            "const _: () = { let _ = a::t::r#type as fn(&a::t) -> _; };"
        );
    }
}
