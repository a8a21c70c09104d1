//! Asking a C compiler: the rows of a table as one C file, compiled for the ABI's target, and the
//! answers read out of the object.
//!
//! A row that the compiler refuses (a name or a member that C does not have) is told apart by the line
//! of the error and reported as that row's answer; the others are then compiled without it. An error
//! anywhere else, in the headers say, ends the run with the command and its output.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use object::{Object, ObjectSection, ObjectSymbol};
use xen_public::layout::Tables;
use xtask::headers::{Mode, RELEASES, Release, View};
use xtask::tool;

use crate::compiler::Compiler;
use crate::rows::{self, Ask, Row};

/// The name of the lines of rows in the compiler's messages.
const LINES: &str = "rows";
/// Rows that may be refused before the run is called broken.
const REFUSALS_SHOWN: usize = 20;

/// The headers that C reads.
#[derive(Clone, Debug)]
pub struct Headers {
    /// Release, ABI and mode.
    pub view: View,
    /// The folder with `public/` in it: the vendored one, or an altered copy.
    pub include: PathBuf,
}

impl Headers {
    /// The vendored headers of a view.
    pub fn vendored(view: View) -> Self {
        Self {
            view,
            include: view.release.include_dir(),
        }
    }

    /// The vendored headers that a table was made from.
    ///
    /// # Errors
    /// The table names a release or ABI that is not there.
    pub fn of(tables: &Tables) -> Result<Self> {
        let release = RELEASES.into_iter().find(|r| r.0 == tables.release);
        let release = release
            .with_context(|| format!("the layout table names release `{}`", tables.release))?;
        Self::of_release(tables, release)
    }

    /// The headers of some release, read as a table's ABI and mode.
    ///
    /// # Errors
    /// As [`Headers::of`].
    pub fn of_release(tables: &Tables, release: Release) -> Result<Self> {
        let mode = if tables.toolstack {
            Mode::Tools
        } else {
            Mode::Guest
        };
        let view = View::new(release, rows::abi(tables)?, mode);
        Ok(Self::vendored(View {
            interface: tables.interface,
            ..view
        }))
    }

    /// The options, with this folder in the place of the vendored one.
    fn options(&self) -> Vec<String> {
        let vendored = format!("-I{}", self.view.release.include_dir().display());
        let mut options = self.view.common_args();
        for option in options.iter_mut().filter(|o| **o == vendored) {
            *option = format!("-I{}", self.include.display());
        }
        options
    }
}

/// A row on which Rust and C differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The record, `record.field`, alias or constant.
    pub subject: String,
    /// What about it.
    pub ask: Ask,
    /// What Rust says.
    pub rust: String,
    /// What C says.
    pub c: Answer,
}

/// C's answer to a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Another value.
    Value(String),
    /// The row does not compile, with the compiler's message.
    Refused(String),
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (subject, ask, rust) = (&self.subject, self.ask, &self.rust);
        match &self.c {
            Answer::Value(c) => write!(f, "{subject}: {ask} is {rust} in Rust, {c} in C"),
            Answer::Refused(why) => {
                write!(f, "{subject}: {ask} is {rust} in Rust, C refuses: {why}")
            }
        }
    }
}

/// What came of one run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How many rows were asked.
    pub rows: usize,
    /// Those on which C differs, in the table's order.
    pub mismatches: Vec<Mismatch>,
}

/// Has a compiler answer every row of a table from these headers. The C file and the object stay in
/// `work`, so that a person can repeat the command.
///
/// # Errors
/// The headers or the table's macros do not compile, or the object can't be read.
pub fn ask(
    tables: &Tables,
    headers: &Headers,
    compiler: &Compiler,
    work: &Path,
) -> Result<Outcome> {
    let rows = rows::of(tables)?;
    let mut refused = HashMap::new();
    // A second round answers the rows that are left; a third one would have nothing new to say.
    for _ in 0..2 {
        let source = source(headers, &rows, &refused)?;
        let (path, object) = files(headers, compiler, work);
        std::fs::create_dir_all(work).with_context(|| format!("creating {}", work.display()))?;
        std::fs::write(&path, source).with_context(|| format!("writing {}", path.display()))?;
        let mut command = compiler.command();
        command
            .args(headers.options())
            .arg("-c")
            .arg(&path)
            .arg("-o")
            .arg(&object);
        let output = command
            .output()
            .with_context(|| format!("cannot start `{}`", tool::line(&command)))?;
        let messages = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            let data =
                std::fs::read(&object).with_context(|| format!("reading {}", object.display()))?;
            let answers = answers(&data).with_context(|| format!("in {}", object.display()))?;
            return compare(&rows, &refused, &answers);
        }
        match refusals(&messages, rows.len()) {
            Some(lines) if refused.is_empty() => refused = lines,
            _ => return Err(broken(&command, &messages)),
        }
    }
    bail!(
        "{} rows do not compile, and without them still others do not: {:?} ...",
        refused.len(),
        refused.values().take(REFUSALS_SHOWN).collect::<Vec<_>>()
    )
}

/// The C file.
fn source(headers: &Headers, rows: &[Row], refused: &HashMap<usize, String>) -> Result<String> {
    let mut text = headers.view.wrapper()?;
    text += &rows::macros();
    text += &format!("#line 1 \"{LINES}\"\n");
    for (index, row) in rows.iter().enumerate() {
        if !refused.contains_key(&index) {
            text += &row.c(&format!("row_{index}"));
        }
        text.push('\n');
    }
    Ok(text)
}

fn files(headers: &Headers, compiler: &Compiler, work: &Path) -> (PathBuf, PathBuf) {
    let view = headers.view.to_string().replace(' ', "-");
    let stem = format!("{view}-{}", compiler.family);
    (
        work.join(format!("{stem}.c")),
        work.join(format!("{stem}.o")),
    )
}

fn broken(command: &Command, messages: &str) -> anyhow::Error {
    anyhow::anyhow!("`{}` failed:\n{messages}", tool::line(command))
}

/// The rows that have an error, by index; `None` if there is an error anywhere else, or none.
///
/// gcc places some errors in the definition of a macro and names the row in a note after it.
fn refusals(messages: &str, rows: usize) -> Option<HashMap<usize, String>> {
    let mut found = HashMap::new();
    // An error that no line has given a row yet.
    let mut open: Option<&str> = None;
    for line in messages.lines() {
        if let Some((_, message)) = line.split_once("error: ") {
            if open.replace(message).is_some() {
                return None;
            }
        }
        if let (Some(message), Some(index)) = (open, row_of(line, rows)) {
            found.entry(index).or_insert_with(|| message.to_owned());
            open = None;
        }
    }
    (open.is_none() && !found.is_empty()).then_some(found)
}

/// The index of the row that a line of a compiler's messages begins with.
fn row_of(line: &str, rows: usize) -> Option<usize> {
    let mut parts = line.splitn(3, ':');
    if parts.next()? != LINES {
        return None;
    }
    let index = parts.next()?.parse::<usize>().ok()?.checked_sub(1)?;
    (index < rows).then_some(index)
}

/// The bytes of every `row_N` in an object file.
fn answers(data: &[u8]) -> Result<HashMap<usize, Vec<u8>>> {
    let file = object::File::parse(data).context("reading the object file")?;
    let mut found = HashMap::new();
    for symbol in file.symbols() {
        let Some(index) = symbol.name().ok().and_then(|n| n.strip_prefix("row_")) else {
            continue;
        };
        let index: usize = index
            .parse()
            .with_context(|| format!("symbol row_{index}"))?;
        let section = symbol
            .section_index()
            .with_context(|| format!("row_{index} is in no section"))?;
        let section = file.section_by_index(section)?;
        let size = symbol.size();
        // What is all zero may stand in a section without bytes.
        let bytes = match section.data_range(symbol.address(), size)? {
            Some(bytes) => bytes.to_vec(),
            None if section.kind() == object::SectionKind::UninitializedData => {
                vec![0; usize::try_from(size)?]
            }
            None => bail!("row_{index} reaches beyond its section"),
        };
        found.insert(index, bytes);
    }
    Ok(found)
}

fn compare(
    rows: &[Row],
    refused: &HashMap<usize, String>,
    answers: &HashMap<usize, Vec<u8>>,
) -> Result<Outcome> {
    let mut mismatches = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let c = match (answers.get(&index), refused.get(&index)) {
            (Some(bytes), None) if row.want.agrees(bytes) => continue,
            (Some(bytes), None) => Answer::Value(row.want.describe(bytes)),
            (None, Some(message)) => Answer::Refused(message.clone()),
            _ => bail!(
                "the object has no answer for {} of `{}`",
                row.ask,
                row.subject
            ),
        };
        mismatches.push(Mismatch {
            subject: row.subject.clone(),
            ask: row.ask,
            rust: row.want.to_string(),
            c,
        });
    }
    Ok(Outcome {
        rows: rows.len(),
        mismatches,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_outside_the_rows_are_not_refusals() {
        let gcc = "rows:3:40: error: 'XEN_X' undeclared here (not in a function)";
        assert_eq!(
            refusals(gcc, 3),
            Some(HashMap::from([(
                2,
                "'XEN_X' undeclared here (not in a function)".into()
            )]))
        );
        assert_eq!(refusals(gcc, 2), None);
        assert_eq!(refusals("public/xen.h:3:4: error: no", 3), None);
        assert_eq!(refusals("", 3), None);
    }

    #[test]
    fn errors_in_macros_belong_to_the_row_that_uses_them() {
        let gcc =
            "rows:1:2: error: a\nrows.c:7:1: error: b\n  7 | #define\nrows:2:5: note: in expansion";
        let found = refusals(gcc, 3).unwrap();
        assert_eq!(found, HashMap::from([(0, "a".into()), (1, "b".into())]));
        let header = "rows:1:2: error: a\nxen.h:7:1: error: b\nrows:2:5: error: c";
        assert_eq!(refusals(header, 3), None);
    }
}
