//! Reading the table, and everything that can be wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Result, bail};

use super::TABLE;

/// A release of Xen: major, minor, point.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Release(pub u8, pub u8, pub u8);

/// The first release that looks at all bits of a hypercall's number.
const UNMASKED: Release = Release(3, 0, 3);

/// The minor number of the newest release.
const NEWEST: u8 = 22;

impl Release {
    /// The oldest of all.
    pub const OLDEST: Self = Self(3, 0, 0);

    /// The release of a text such as `3.0.2`, `4.0` or `4.1.3`, if there was one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = [0; 3];
        let parts: Vec<&str> = text.split('.').collect();
        if !(2..=3).contains(&parts.len()) {
            return None;
        }
        for (number, part) in numbers.iter_mut().zip(&parts) {
            *number = part.parse().ok()?;
        }
        let [major, minor, point] = numbers;
        let release = Self(major, minor, point);
        // Written as it is printed: no zeros in front, and a third number where there is one.
        (release.existed() && release.to_string() == text).then_some(release)
    }

    fn existed(self) -> bool {
        match self {
            Self(3, 0, point) => matches!(point, 0 | 2..=4),
            Self(3, 1..=4, point) => point <= 4,
            Self(4, minor, point) => minor <= NEWEST && point <= 9,
            _ => false,
        }
    }

    fn branch(self) -> (u8, u8, u8) {
        match self {
            Self(3, 0, point) => (3, 0, point),
            Self(major, minor, _) => (major, minor, 0),
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(major, minor, point) = *self;
        write!(f, "{major}.{minor}")?;
        if point != 0 || (major, minor) == (3, 0) {
            write!(f, ".{point}")?;
        }
        Ok(())
    }
}

/// Releases from `first`, and before `end` if there is one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Span {
    /// The first.
    pub first: Release,
    /// The first after them.
    pub end: Option<Release>,
}

impl Span {
    /// All releases.
    pub const ALL: Self = Self {
        first: Release::OLDEST,
        end: None,
    };

    fn within(self, other: Self) -> bool {
        let ends = match (self.end, other.end) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(end), Some(limit)) => end <= limit,
        };
        other.first <= self.first && ends
    }

    /// Whether a release is one of them.
    pub fn contains(self, release: Release) -> bool {
        self.first <= release && self.end.is_none_or(|end| release < end)
    }
}

/// How an absence shows.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Absent {
    /// This error.
    Errno(String),
    /// 0, a false success.
    FalseSuccess,
    /// Another hypercall, which has this number then.
    Other(u32),
    /// Nothing that can be relied on.
    Unseen,
}

/// What an absence shows as, in some releases.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Answer {
    /// How it shows.
    pub absent: Absent,
    /// When.
    pub releases: Span,
}

/// Something without which an operation is missing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Build {
    /// The kind of guest that it matters to, if not to all: a place among `pv`, `hvm` and `arm`.
    pub guest: Option<usize>,
    /// The option.
    pub option: String,
    /// The answer without it, and the releases in which it matters.
    pub answer: Answer,
}

/// An older way to the same end.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Way {
    /// The row that it is.
    pub name: String,
    /// The releases in which it leads there.
    pub releases: Span,
}

/// A row.
#[derive(Clone, Debug)]
pub struct Row {
    /// The line in the file.
    pub line: u64,
    /// The name in the headers.
    pub name: String,
    /// The row that it belongs to.
    pub parent: Option<String>,
    /// The module that has the name today.
    pub header: Option<String>,
    /// The number.
    pub number: u32,
    /// The number of the hypercall.
    pub hypercall: u32,
    /// What kind of thing it is.
    pub kind: String,
    /// The releases that have it, for PV, HVM and ARM.
    pub spans: [Vec<Span>; 3],
    /// The point releases of older branches that have it.
    pub points: Vec<Release>,
    /// What a caller must be.
    pub privilege: Option<String>,
    /// What can leave it out.
    pub build: Vec<Build>,
    /// How its absence shows, for PV, HVM and ARM.
    pub absent: [Vec<Answer>; 3],
    /// Whether such an error may be remembered.
    pub sticky: bool,
    /// The older ways.
    pub via: Vec<Way>,
    /// What else there is.
    pub note: String,
}

/// The columns, in their order.
pub(super) const COLUMNS: [&str; 17] = [
    "name",
    "parent",
    "header",
    "number",
    "kind",
    "pv",
    "hvm",
    "arm",
    "points",
    "privilege",
    "build",
    "absent_pv",
    "absent_hvm",
    "absent_arm",
    "sticky",
    "via",
    "note",
];

/// The kinds, and the names that Rust has for them.
pub(super) const KINDS: [(&str, &str); 8] = [
    ("hypercall", "Hypercall"),
    ("op", "Op"),
    ("param", "Param"),
    ("type", "Type"),
    ("flag", "Flag"),
    ("feature", "Feature"),
    ("assist", "Assist"),
    ("reason", "Reason"),
];

/// The privileges, and the names that Rust has for them.
pub(super) const PRIVILEGES: [(&str, &str); 3] = [
    ("control", "Control"),
    ("hardware", "Hardware"),
    ("device-model", "DeviceModel"),
];

/// The errors that a cell may name.
const ERRNOS: [&str; 10] = [
    "EPERM",
    "ENOENT",
    "ESRCH",
    "EACCES",
    "ENODEV",
    "EINVAL",
    "ENOSYS",
    "EOPNOTSUPP",
    "ENODATA",
    "EFAULT",
];

/// The columns of the kinds of guest.
const GUESTS: [&str; 3] = ["pv", "hvm", "arm"];

/// What is wrong, by line and column.
#[derive(Default)]
struct Wrong(BTreeSet<(u64, usize, String)>);

impl Wrong {
    fn say(&mut self, line: u64, column: &str, what: impl fmt::Display) {
        let at = COLUMNS.iter().position(|name| *name == column);
        let at = at.expect("a column of the table");
        self.0.insert((line, at, what.to_string()));
    }
}

/// Reads the table's text.
///
/// # Errors
/// Everything that is wrong, each with line and column.
pub fn parse(text: &str) -> Result<Vec<Row>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns = reader.headers()?;
    if columns.iter().ne(COLUMNS) {
        bail!("{TABLE}:1: the columns are not {}", COLUMNS.join(","));
    }
    let mut wrong = Wrong::default();
    let mut rows = Vec::new();
    for record in reader.records() {
        // The error names the line.
        let record = record.map_err(|error| anyhow::anyhow!("{TABLE}: {error}"))?;
        rows.push(row(&record, &mut wrong));
    }
    relations(&mut rows, &mut wrong);
    if wrong.0.is_empty() {
        return Ok(rows);
    }
    let lines: Vec<_> = wrong
        .0
        .iter()
        .map(|(line, column, what)| format!("{TABLE}:{line}: {}: {what}", COLUMNS[*column]))
        .collect();
    bail!("{}", lines.join("\n"))
}

fn row(record: &csv::StringRecord, wrong: &mut Wrong) -> Row {
    let line = record.position().map_or(0, csv::Position::line);
    let cell = |column: &str| {
        let at = COLUMNS.iter().position(|name| *name == column);
        record[at.expect("a column of the table")].to_owned()
    };
    for column in COLUMNS {
        if cell(column).trim() != cell(column) {
            wrong.say(line, column, "spaces at the edge");
        }
    }
    let optional = |column| Some(cell(column)).filter(|text| !text.is_empty());
    let number = cell("number").parse().unwrap_or_else(|error| {
        wrong.say(
            line,
            "number",
            format_args!("`{}`: {error}", cell("number")),
        );
        0
    });
    let name = cell("name");
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        wrong.say(line, "name", format_args!("`{name}` is no name of C"));
    }
    let kind = cell("kind");
    if !KINDS.iter().any(|(known, _)| *known == kind) {
        wrong.say(line, "kind", format_args!("`{kind}` is no kind"));
    }
    let privilege = optional("privilege");
    if let Some(privilege) = &privilege {
        if !PRIVILEGES.iter().any(|(known, _)| known == privilege) {
            wrong.say(line, "privilege", format_args!("`{privilege}` is none"));
        }
    }
    let spans = GUESTS.map(|guest| {
        spans(&cell(guest)).unwrap_or_else(|what| {
            wrong.say(line, guest, what);
            Vec::new()
        })
    });
    let points = cell("points")
        .split_whitespace()
        .filter_map(|text| {
            let release = Release::parse(text);
            if release.is_none() {
                wrong.say(line, "points", format_args!("`{text}` is no release"));
            }
            release
        })
        .collect();
    let absent = GUESTS.map(|guest| {
        let column = format!("absent_{guest}");
        answers(&cell(&column), number).unwrap_or_else(|what| {
            wrong.say(line, &column, what);
            Vec::new()
        })
    });
    let build = cell("build")
        .split_whitespace()
        .filter_map(|text| {
            build(text)
                .map_err(|what| wrong.say(line, "build", what))
                .ok()
        })
        .collect();
    let via = cell("via")
        .split_whitespace()
        .filter_map(|text| way(text).map_err(|what| wrong.say(line, "via", what)).ok())
        .collect();
    let sticky = match cell("sticky").as_str() {
        "" => true,
        "no" => false,
        other => {
            wrong.say(line, "sticky", format_args!("`{other}` is not `no`"));
            true
        }
    };
    Row {
        line,
        name,
        parent: optional("parent"),
        header: optional("header"),
        number,
        hypercall: number,
        kind,
        spans,
        points,
        privilege,
        build,
        absent,
        sticky,
        via,
        note: cell("note"),
    }
}

fn release(text: &str) -> Result<Release, String> {
    Release::parse(text).ok_or_else(|| format!("`{text}` is no release"))
}

fn span(text: &str) -> Result<Span, String> {
    let (first, end) = text
        .split_once("..")
        .ok_or_else(|| format!("`{text}` has no `..`"))?;
    let first = if first.is_empty() {
        Release::OLDEST
    } else {
        release(first)?
    };
    let end = if end.is_empty() {
        None
    } else {
        Some(release(end)?)
    };
    if end.is_some_and(|end| end <= first) {
        return Err(format!("`{text}` ends before it begins"));
    }
    Ok(Span { first, end })
}

/// A cell of releases.
fn spans(text: &str) -> Result<Vec<Span>, String> {
    match text {
        "-" => return Ok(Vec::new()),
        "" => return Err("empty; `-` says that it never has it".into()),
        _ => {}
    }
    let spans = text
        .split_whitespace()
        .map(|part| {
            if part.starts_with("..") {
                return Err(format!("`{part}` does not say where it begins"));
            }
            span(part)
        })
        .collect::<Result<Vec<_>, _>>()?;
    in_order(text, spans.iter().copied())?;
    Ok(spans)
}

/// Ranges come one after the other.
fn in_order(text: &str, spans: impl Iterator<Item = Span> + Clone) -> Result<(), String> {
    for (one, next) in spans.clone().zip(spans.skip(1)) {
        if one.end.is_none_or(|end| next.first < end) {
            return Err(format!("`{text}` overlaps itself"));
        }
    }
    Ok(())
}

fn answer(text: &str, number: u32) -> Result<Answer, String> {
    let (what, releases) = match text.split_once('@') {
        Some((what, releases)) => (what, span(releases)?),
        None => (text, Span::ALL),
    };
    let absent = match what {
        "0" => Absent::FalseSuccess,
        "?" => Absent::Unseen,
        "OTHER" => Absent::Other(number),
        errno if ERRNOS.contains(&errno) => Absent::Errno(errno.into()),
        _ => return Err(format!("`{what}` is no answer")),
    };
    Ok(Answer { absent, releases })
}

fn answers(text: &str, number: u32) -> Result<Vec<Answer>, String> {
    let answers = text
        .split_whitespace()
        .map(|part| answer(part, number))
        .collect::<Result<Vec<_>, _>>()?;
    in_order(text, answers.iter().map(|answer| answer.releases))?;
    Ok(answers)
}

fn way(text: &str) -> Result<Way, String> {
    let (name, releases) = match text.split_once('@') {
        Some((name, releases)) => (name, span(releases)?),
        None => (text, Span::ALL),
    };
    Ok(Way {
        name: name.to_owned(),
        releases,
    })
}

fn build(text: &str) -> Result<Build, String> {
    let (guest, text) = match text.split_once(':') {
        Some((guest, rest)) if GUESTS.contains(&guest) => {
            (GUESTS.iter().position(|&name| name == guest), rest)
        }
        _ => (None, text),
    };
    let (option, answer) = match text.split_once('(') {
        Some((option, rest)) => {
            let inner = rest
                .strip_suffix(')')
                .ok_or_else(|| format!("`{text}` has no `)`"))?;
            (option, self::answer(inner, 0)?)
        }
        None => (text, self::answer("ENOSYS", 0)?),
    };
    if !matches!(answer.absent, Absent::Errno(_)) {
        return Err(format!("`{text}` does not name an error"));
    }
    Ok(Build {
        guest,
        option: option.into(),
        answer,
    })
}

/// What rows say of each other.
fn relations(rows: &mut [Row], wrong: &mut Wrong) {
    let mut places = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        if let Some(other) = places.insert(row.name.clone(), at) {
            let line = rows[other].line;
            wrong.say(
                row.line,
                "name",
                format_args!("`{}` is in line {line} too", row.name),
            );
        }
    }
    for at in 0..rows.len() {
        let row = &rows[at];
        let Some(name) = &row.parent else {
            if row.kind != "hypercall" {
                wrong.say(row.line, "parent", "only a hypercall belongs to nothing");
            }
            continue;
        };
        if row.kind == "hypercall" {
            wrong.say(row.line, "parent", "a hypercall belongs to nothing");
        }
        // So that numbers of hypercalls are known when they are asked for, and nothing is its own.
        match places.get(name) {
            Some(&parent) if parent < at => {
                let hypercall = rows[parent].hypercall;
                rows[at].hypercall = hypercall;
                inside(&rows[at], &rows[parent], wrong);
            }
            Some(_) => wrong.say(row.line, "parent", format_args!("`{name}` comes later")),
            None => wrong.say(row.line, "parent", format_args!("`{name}` has no row")),
        }
    }
    for row in &*rows {
        masked(row, wrong);
        points(row, &places, rows, wrong);
        for Way { name, .. } in &row.via {
            if !places.contains_key(name) {
                wrong.say(row.line, "via", format_args!("`{name}` has no row"));
            }
        }
        if let Some(path) = looped(row, &places, rows) {
            wrong.say(row.line, "via", format_args!("goes in circles: {path}"));
        }
    }
}

/// A row has no release that what it belongs to has not.
fn inside(row: &Row, parent: &Row, wrong: &mut Wrong) {
    for (guest, (spans, limits)) in GUESTS.iter().zip(row.spans.iter().zip(&parent.spans)) {
        for span in spans {
            if !limits.iter().any(|limit| span.within(*limit)) {
                let what = format!("has releases that `{}` has not", parent.name);
                wrong.say(row.line, guest, what);
            }
        }
    }
}

/// Releases that mask the number of a hypercall don't offer one above 31.
fn masked(row: &Row, wrong: &mut Wrong) {
    for (guest, spans) in GUESTS.iter().zip(&row.spans) {
        if row.hypercall > 31 && spans.iter().any(|span| span.first < UNMASKED) {
            let what = format!("hypercall {} before {UNMASKED} is another", row.hypercall);
            wrong.say(row.line, guest, what);
        }
    }
}

/// A point release that has something is of a branch that otherwise has it not, and each kind of guest
/// has it from the same release on, or from the one on that has what it belongs to.
fn points(row: &Row, places: &BTreeMap<String, usize>, rows: &[Row], wrong: &mut Wrong) {
    let firsts = || row.spans.iter().filter_map(|spans| spans.first());
    let Some(first) = firsts().map(|span| span.first).min() else {
        return;
    };
    for point in &row.points {
        if point.branch() >= first.branch() {
            wrong.say(
                row.line,
                "points",
                format_args!("{point} is not before {first}"),
            );
        }
    }
    let parent = row.parent.as_ref().and_then(|name| places.get(name));
    let Some(parent) = parent.filter(|_| !row.points.is_empty()) else {
        return;
    };
    for (guest, (spans, limits)) in GUESTS
        .iter()
        .zip(row.spans.iter().zip(&rows[*parent].spans))
    {
        let begins = spans.first().map(|span| span.first);
        if begins.is_some_and(|begins| begins != first)
            && begins != limits.first().map(|span| span.first)
        {
            let what = format!("begins later than {first}: whose point releases are they?");
            wrong.say(row.line, guest, what);
        }
    }
}

/// The names along which the older ways of a row lead back to it.
fn looped(row: &Row, places: &BTreeMap<String, usize>, rows: &[Row]) -> Option<String> {
    let mut paths = vec![vec![row.name.as_str()]];
    let mut seen = BTreeSet::new();
    while let Some(path) = paths.pop() {
        let last = path.last().and_then(|name| places.get(*name));
        for Way { name, .. } in last.map_or(&[][..], |at| &rows[*at].via) {
            let mut longer = path.clone();
            longer.push(name);
            if *name == row.name {
                return Some(longer.join(" -> "));
            }
            if seen.insert(name) {
                paths.push(longer);
            }
        }
    }
    None
}
