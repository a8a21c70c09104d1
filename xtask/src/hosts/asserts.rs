//! Const asserts made from the rows of one host, for hosts that can't be run: a crate that compiles
//! only where every size, alignment, offset and constant is the same, one line a row.
//!
//! Beside it stands a second crate with [`super::dump::Dump::seeded`] rows: it has to fail, in just the
//! lines that are wrong.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::dump::{Dump, Row, Table};
use crate::generate::emit::{ident, module_path};
use crate::{rust, tool};

/// The crate with all rows.
pub const ALL: &str = "layout-asserts";
/// The crate with the seeded rows.
pub const SEEDED: &str = "layout-asserts-seeded";

/// The two crates, written.
#[derive(Clone, Debug)]
pub struct Asserts {
    /// The workspace of both.
    pub dir: PathBuf,
    /// How many asserts there are in the first.
    pub rows: usize,
    /// The subjects of the wrong rows in the second, by line.
    seeds: HashMap<usize, String>,
}

/// How a check of one of them ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// All asserts hold.
    Holds,
    /// Some do not: file and line of each.
    Fails(Vec<(String, usize)>),
}

impl Asserts {
    /// Writes both crates for the rows of a host.
    ///
    /// # Errors
    /// A file can't be written, or there are no rows to seed errors in.
    pub fn write(dir: &Path, dump: &Dump) -> Result<Self> {
        let mut rows = 0;
        let mut root = String::from(HEAD);
        for (index, table) in dump.tables.iter().enumerate() {
            let text = source(table, |_| true);
            rows += text.lines().filter(|line| is_row(line)).count();
            tool::write_changed(&dir.join(format!("all/src/t{index}.rs")), &text)?;
            let _ = writeln!(root, "// {}\nmod t{index};", table.title());
        }
        tool::write_changed(&dir.join("all/src/lib.rs"), &root)?;
        tool::write_changed(&dir.join("all/Cargo.toml"), &manifest(ALL))?;

        let (seeded, subjects) = dump.seeded()?;
        let text = source(&seeded.tables[0], |name| subjects.iter().any(|s| s == name));
        let right = source(&dump.tables[0], |name| subjects.iter().any(|s| s == name));
        let lines = text.lines().zip(right.lines()).enumerate();
        let seeds = lines
            .filter(|(_, (wrong, right))| wrong != right)
            .map(|(index, (wrong, _))| (index + 1, wrong.trim().to_owned()))
            .collect();
        tool::write_changed(
            &dir.join("seeded/src/lib.rs"),
            &format!("{HEAD}mod seeded;\n"),
        )?;
        tool::write_changed(&dir.join("seeded/src/seeded.rs"), &text)?;
        tool::write_changed(&dir.join("seeded/Cargo.toml"), &manifest(SEEDED))?;

        tool::write_changed(&dir.join("Cargo.toml"), WORKSPACE)?;
        lock(dir)?;
        Ok(Self {
            dir: dir.to_path_buf(),
            rows,
            seeds,
        })
    }

    /// Compiles one of the crates for a target.
    ///
    /// # Errors
    /// It fails for another reason than an assert: the command and its output.
    pub fn check(&self, package: &str, target: &str, core: rust::Core) -> Result<Checked> {
        let mut cargo = core.cargo();
        cargo
            .current_dir(&self.dir)
            .args(["check", "--quiet", "--offline", "--message-format=short"])
            .args(["--package", package, "--target", target, "--target-dir"])
            .arg(self.dir.join("target").join(target))
            .args(core.options());
        let output = cargo
            .output()
            .with_context(|| format!("cannot start `{}`", tool::line(&cargo)))?;
        if output.status.success() {
            return Ok(Checked::Holds);
        }
        let messages = String::from_utf8_lossy(&output.stderr);
        match failures(&messages) {
            Some(lines) => Ok(Checked::Fails(lines)),
            None => anyhow::bail!("`{}` failed:\n{messages}", tool::line(&cargo)),
        }
    }

    /// The row at a place of the first crate.
    pub fn row(&self, file: &str, line: usize) -> String {
        let text = std::fs::read_to_string(self.dir.join(file)).unwrap_or_default();
        let row = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        format!("{file}:{line}: {}", row.trim())
    }

    /// Whether the failures of the second crate are just its wrong rows; if not, what is amiss.
    ///
    /// # Errors
    /// What was not found, or found though it is right.
    pub fn caught(&self, checked: &Checked) -> Result<(), String> {
        let found: Vec<usize> = match checked {
            Checked::Holds => Vec::new(),
            Checked::Fails(lines) => lines.iter().map(|(_, line)| *line).collect(),
        };
        for (line, row) in &self.seeds {
            if !found.contains(line) {
                return Err(format!("a wrong row went unnoticed: {row}"));
            }
        }
        match found.iter().find(|line| !self.seeds.contains_key(line)) {
            Some(line) => Err(format!("a right row failed: seeded.rs:{line}")),
            None => Ok(()),
        }
    }
}

const HEAD: &str = "#![no_std]\n#![allow(unused_imports)]\n";

const WORKSPACE: &str = "[workspace]\nmembers = [\"all\", \"seeded\"]\nresolver = \"3\"\n\n\
    # The asserts are checked as a whole, and xen-public's tables are slow when incremental.\n\
    [profile.dev]\nincremental = false\n";

fn manifest(name: &str) -> String {
    let path = tool::root().join("xen-public");
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n\
         xen-public = {{ path = {:?}, default-features = false, features = [\"toolstack\"] }}\n",
        path.display().to_string()
    )
}

/// Gives the crates the versions that the workspace has locked, so that no registry is asked.
fn lock(dir: &Path) -> Result<()> {
    let from = tool::root().join("Cargo.lock");
    std::fs::copy(&from, dir.join("Cargo.lock"))
        .with_context(|| format!("copying {}", from.display()))?;
    // Takes out what the crates do not need, before several commands read it at once.
    let mut metadata = rust::cargo();
    metadata
        .current_dir(dir)
        .args(["metadata", "--quiet", "--offline", "--format-version=1"]);
    tool::run(&mut metadata)?;
    Ok(())
}

/// Whether a line of a crate's source is an assert.
fn is_row(line: &str) -> bool {
    line.starts_with("holds(")
}

/// The asserts of a table's records, aliases and constants of some names.
fn source(table: &Table, wanted: impl Fn(&str) -> bool) -> String {
    let root = if table.tools {
        let release = table.release.replace('.', "_");
        format!("xen_public::toolstack::v{release}::{}", table.abi)
    } else {
        let compat = match table.interface {
            // The module is named by the version that ended it.
            Some(version) => format!("::compat::before_{:#010x}", version + 1),
            None => String::new(),
        };
        format!("xen_public::abi::{}{compat}", table.abi)
    };
    let mut text = format!("use core::mem::{{align_of, offset_of, size_of}};\nuse {root} as a;\n");
    let path = |header: &str, name: &str| {
        let mut path = String::from("a");
        for part in module_path(header) {
            let _ = write!(path, "::{}", ident(&part));
        }
        let _ = write!(path, "::{}", ident(name));
        path
    };
    // A block per record and per so many of the others: a block each is slower to compile.
    let mut open = Open::Nothing;
    let mut skipped = false;
    for row in &table.rows {
        match row {
            Row::Record {
                header,
                name,
                size,
                align,
                ..
            } => {
                open.close(&mut text);
                skipped = !wanted(name);
                if skipped {
                    continue;
                }
                let _ = writeln!(text, "const _: () = {{ type T = {};", path(header, name));
                let _ = writeln!(text, "holds(size_of::<T>() == {size});");
                let _ = writeln!(text, "holds(align_of::<T>() == {align});");
                open = Open::Record;
            }
            Row::Field { name, offset, .. } if !skipped => {
                let name = ident(name);
                let _ = writeln!(text, "holds(offset_of!(T, {name}) == {offset});");
            }
            Row::Field { .. } | Row::Bits { .. } => {}
            Row::Alias { header, name, size } if wanted(name) => {
                open.line(&mut text);
                let path = path(header, name);
                let _ = writeln!(text, "holds(size_of::<{path}>() == {size});");
            }
            Row::Constant {
                header,
                name,
                ty,
                value,
            } if wanted(name) => {
                open.line(&mut text);
                let path = path(header, name);
                let _ = match ty.as_str() {
                    "&str" => writeln!(text, "holds(same({path}, {value}));"),
                    ty => writeln!(text, "holds({path} == {value}{ty});"),
                };
            }
            Row::Alias { .. } | Row::Constant { .. } => {}
        }
    }
    open.close(&mut text);
    text += FUNCTIONS;
    text
}

/// What the rows call. The place of a failure is the caller's; an `assert!` in each row is the same and
/// takes the compiler half as long again.
const FUNCTIONS: &str = "\
#[allow(dead_code)]
#[track_caller]
const fn holds(row: bool) {
    assert!(row);
}
#[allow(dead_code)]
const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut i = 0;
    while i < a.len() && i < b.len() && a[i] == b[i] {
        i += 1;
    }
    i == a.len() && i == b.len()
}
";

/// The block that is being written.
enum Open {
    Nothing,
    Record,
    Lines(usize),
}

impl Open {
    const MOST: usize = 64;

    fn close(&mut self, text: &mut String) {
        if !matches!(self, Self::Nothing) {
            text.push_str("};\n");
        }
        *self = Self::Nothing;
    }

    /// Makes room for one more line of no record.
    fn line(&mut self, text: &mut String) {
        match self {
            Self::Lines(n) if *n < Self::MOST => *n += 1,
            _ => {
                self.close(text);
                text.push_str("const _: () = {\n");
                *self = Self::Lines(1);
            }
        }
    }
}

/// File and line of each failed assert; `None` if something else failed too, or nothing.
fn failures(messages: &str) -> Option<Vec<(String, usize)>> {
    let mut found = Vec::new();
    for line in messages.lines().filter(|l| l.contains("error")) {
        // The sum at the end, which names no place.
        if line.starts_with("error: could not compile") || line.starts_with("error: aborting") {
            continue;
        }
        // `E0080` a panic in a constant, `E0308` a constant of another type.
        if !line.contains("error[E0080]") && !line.contains("error[E0308]") {
            return None;
        }
        let mut parts = line.split(':');
        let file = parts.next()?;
        let row = parts.next()?.parse().ok()?;
        found.push((file.to_owned(), row));
    }
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failed_asserts_count_as_failures() {
        let assert = "all/src/t0.rs:7:1: error[E0080]: evaluation panicked: assertion failed";
        let sum = "error: could not compile `layout-asserts` (lib) due to 1 previous error";
        let both = format!("{assert}\n{sum}\n");
        let at = vec![("all/src/t0.rs".to_owned(), 7)];
        assert_eq!(failures(&both), Some(at));
        let other = "all/src/t0.rs:9:1: error[E0433]: failed to resolve";
        assert_eq!(failures(&format!("{both}{other}")), None);
        assert_eq!(failures(sum), None);
        assert_eq!(failures(""), None);
    }

    #[test]
    fn each_row_has_a_line_of_its_own() {
        let dump = Dump::parse(
            "table 4.20 x86_32 guest newest\n\
             struct io/9pfs.h a 8 4 0\n\
             field ref 4 4\n\
             alias xen.h c 2\n\
             const xen.h N u8 5\n\
             const xen.h S &str \"x\"\n",
        );
        let text = source(&dump.unwrap().tables[0], |_| true);
        for line in [
            "const _: () = { type T = a::io::_9pfs::a;",
            "holds(size_of::<T>() == 8);",
            "holds(align_of::<T>() == 4);",
            "holds(offset_of!(T, r#ref) == 4);",
            "holds(size_of::<a::xen::c>() == 2);",
            "holds(a::xen::N == 5u8);",
            "holds(same(a::xen::S, \"x\"));",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
        assert_eq!(text.lines().filter(|line| is_row(line)).count(), 6);
    }
}
