//! The rows of an ABI as const asserts under bindgen's output, compiled for the ABI's own target.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};
use xtask::headers::Abi;
use xtask::{rust, tool};

use crate::pair::Row;

/// A module to compile: bindgen's output and what it has to fulfil.
#[derive(Clone, Debug)]
pub struct Unit<'a> {
    /// The module's name.
    pub name: String,
    /// What bindgen wrote.
    pub bindings: &'a str,
    /// The claims on it.
    pub rows: &'a [Row],
}

/// A row that does not hold: unit and row, or no row if bindgen's own asserts fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Index of the unit.
    pub unit: usize,
    /// Index of the row.
    pub row: Option<usize>,
    /// What rustc says.
    pub message: String,
}

/// rustc's name of the target whose C has an ABI.
pub fn target(abi: Abi) -> &'static str {
    match abi {
        Abi::X86_32 => "i686-unknown-linux-gnu",
        Abi::X86_64 => "x86_64-unknown-linux-gnu",
        Abi::Arm32 => "armv7-unknown-linux-gnueabihf",
        Abi::Arm64 => "aarch64-unknown-linux-gnu",
    }
}

/// Compiles the units of one ABI. Of the rows of one record only the first that fails is found.
///
/// # Errors
/// The target is missing, or something else than a row does not compile.
pub fn check(abi: Abi, units: &[Unit<'_>], work: &Path) -> Result<Vec<Failure>> {
    let target = target(abi);
    let core = match rust::find_core(target)? {
        Ok(core) => core,
        Err(reason) => bail!("{reason}"),
    };
    let mut first_lines = Vec::new();
    let mut root = "#![no_std]\n#![allow(warnings)]\n".to_owned();
    for unit in units {
        let (text, first) = source(unit);
        tool::write_changed(&work.join(format!("src/{}.rs", unit.name)), &text)?;
        writeln!(root, "mod {};", unit.name)?;
        first_lines.push(first);
    }
    tool::write_changed(&work.join("src/lib.rs"), &root)?;
    tool::write_changed(&work.join("Cargo.toml"), MANIFEST)?;
    let mut cargo = core.cargo();
    cargo
        .current_dir(work)
        .args(["check", "--quiet", "--offline", "--message-format=short"])
        .args(["--target", target, "--target-dir"])
        .arg(work.join("target"))
        .args(core.options());
    let output = cargo
        .output()
        .with_context(|| format!("cannot start `{}`", tool::line(&cargo)))?;
    if output.status.success() {
        return Ok(Vec::new());
    }
    let messages = String::from_utf8_lossy(&output.stderr);
    match failures(&messages, units, &first_lines) {
        Some(found) => Ok(found),
        None => bail!("`{}` failed:\n{messages}", tool::line(&cargo)),
    }
}

const MANIFEST: &str = "[package]\nname = \"bindgen-rows\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n\
    [workspace]\n\n[profile.dev]\nincremental = false\n";

/// A unit's text, and the line of its first row.
fn source(unit: &Unit<'_>) -> (String, usize) {
    let mut text = unit.bindings.trim_end().to_owned();
    text += "\nuse core::mem::{align_of, offset_of, size_of};\n";
    let first = text.lines().count() + 1;
    // One constant for the rows of a record: one each takes several times as long.
    for rows in unit.rows.chunk_by(|a, b| a.record() == b.record()) {
        let lines: Vec<String> = rows
            .iter()
            .map(|row| format!("assert!({});", row.claim))
            .collect();
        text += &format!("const _: () = {{ {} }};\n", lines.join("\n"));
    }
    (text, first)
}

/// The failed rows; `None` if there is an error of another kind, or none.
fn failures(messages: &str, units: &[Unit<'_>], first_lines: &[usize]) -> Option<Vec<Failure>> {
    let mut found = Vec::new();
    for line in messages.lines().filter(|l| l.contains("error")) {
        if line.starts_with("error: could not compile") || line.starts_with("error: aborting") {
            continue;
        }
        let (place, message) = line.split_once(": error[E0080]: ")?;
        let mut parts = place.strip_prefix("src/")?.split(':');
        let name = parts.next()?.strip_suffix(".rs")?;
        let at: usize = parts.next()?.parse().ok()?;
        let unit = units.iter().position(|u| u.name == name)?;
        found.push(Failure {
            unit,
            row: at.checked_sub(first_lines[unit]),
            message: message.to_owned(),
        });
    }
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pair::About;

    fn rows() -> Vec<Row> {
        ["a", "a.x", "b", "c", "c.y"]
            .map(|name| Row {
                about: About::Type,
                name: name.into(),
                claim: format!("{name} == 1"),
            })
            .into()
    }

    #[test]
    fn each_row_has_its_line() {
        let rows = rows();
        let unit = Unit {
            name: "m".into(),
            bindings: "one\ntwo",
            rows: &rows,
        };
        let (text, first) = source(&unit);
        let lines: Vec<&str> = text.lines().skip(first - 1).collect();
        assert_eq!(
            lines,
            [
                "const _: () = { assert!(a == 1);",
                "assert!(a.x == 1); };",
                "const _: () = { assert!(b == 1); };",
                "const _: () = { assert!(c == 1);",
                "assert!(c.y == 1); };",
            ]
        );
    }

    #[test]
    fn errors_are_found_by_line() {
        let rows = rows();
        let units = [Unit {
            name: "m".into(),
            bindings: "",
            rows: &rows,
        }];
        let text = "src/m.rs:12:3: error[E0080]: evaluation panicked: no\nerror: could not compile";
        let found = failures(text, &units, &[10]).unwrap();
        assert_eq!((found[0].unit, found[0].row), (0, Some(2)));
        assert_eq!(failures(text, &units, &[14]).unwrap()[0].row, None);
        let other = "src/m.rs:12:3: error[E0425]: cannot find value `x`";
        assert_eq!(failures(&format!("{text}\n{other}"), &units, &[10]), None);
        assert_eq!(failures("", &units, &[10]), None);
    }
}
