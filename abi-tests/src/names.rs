//! Every exported name with its layout or value, as text for review: what came, went or moved.
//!
//! One file for each ABI, and for each ABI of each toolstack release, by header and name; what older
//! interface versions have instead follows in a file of its own, by the version that ended it. A record is a line with kind, `repr`, size and
//! alignment, followed by a line for each field with offset, size and type, and for each member of a
//! bitfield with its bits; an alias is a line with size and type; a constant is one with type and value.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use xen_public::layout::{Alias, Constant, Kind, Record, Tables, Value};

/// What is at the top of each file.
const ABOUT: &str = "\
# struct or union: repr, size / alignment in bytes; below it field: offset + size, type, or bits of the record
# type: size, what it stands for
# const: type, value
";

/// The text of some tables.
pub fn text<'a>(tables: impl IntoIterator<Item = &'a Tables>) -> String {
    let mut text = ABOUT.to_owned();
    for tables in tables {
        if let Some(version) = tables.interface {
            text += &format!("\n{BEFORE}{:#010x}\n", version + 1);
        }
        table(tables, &mut text);
    }
    text
}

/// Begins the line above what an older interface version has.
const BEFORE: &str = "before interface version ";

fn table(tables: &Tables, text: &mut String) {
    // By header, then types before constants, then by name.
    let mut lines: BTreeMap<(&str, bool, &str), String> = BTreeMap::new();
    for item in tables.records {
        lines.insert((item.header, false, item.name), record(item));
    }
    for item in tables.aliases {
        lines.insert((item.header, false, item.name), alias(item));
    }
    for item in tables.constants {
        lines.insert((item.header, true, item.name), constant(item));
    }
    let mut current = "";
    for ((header, ..), lines) in &lines {
        if *header != current {
            *text += &format!("\n{header}\n");
            current = header;
        }
        *text += lines;
    }
}

/// What came (`+`) and what went (`-`), each with the place where it stands.
pub fn differences(pinned: &str, found: &str) -> Vec<String> {
    let (pinned, found) = (placed(pinned), placed(found));
    let came = found.difference(&pinned).map(|line| format!("+ {line}"));
    let went = pinned.difference(&found).map(|line| format!("- {line}"));
    came.chain(went).collect()
}

/// Each line with the interface version, header and record that it stands below.
fn placed(text: &str) -> BTreeSet<String> {
    let (mut version, mut header, mut item) = ("", "", "");
    let mut placed = BTreeSet::new();
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    while let Some(line) = lines.next() {
        if let Some(field) = line.strip_prefix("  ") {
            let record = item.split(':').next().unwrap_or(item);
            placed.insert(
                format!("{version} {header} {record}: {field}")
                    .trim_start()
                    .to_owned(),
            );
        } else if line.is_empty() {
            let Some(next) = lines.next() else { break };
            if next.starts_with(BEFORE) {
                version = next;
            } else {
                header = next;
            }
        } else {
            item = line;
            placed.insert(format!("{version} {header} {line}").trim_start().to_owned());
        }
    }
    placed
}

fn record(record: &Record) -> String {
    let kind = match record.kind {
        Kind::Struct => "struct",
        Kind::Union => "union",
    };
    let mut text = format!(
        "{kind} {}: {}, {} / {}\n",
        record.name, record.repr, record.size, record.align
    );
    for field in record.fields {
        let ty = short(field.ty);
        let _ = writeln!(
            text,
            "  {}: {} + {}, {ty}",
            field.name, field.offset, field.size
        );
    }
    for member in record.bitfields {
        let last = member.bit + member.width - 1;
        let _ = writeln!(text, "  {}: bits {} to {last}", member.name, member.bit);
    }
    text
}

fn alias(alias: &Alias) -> String {
    format!("type {}: {}, {}\n", alias.name, alias.size, short(alias.ty))
}

fn constant(constant: &Constant) -> String {
    let ty = constant.value.type_name();
    match constant.value {
        Value::Str(text) => format!("const {}: {ty}, {text:?}\n", constant.name),
        number => {
            let number = number.as_i128().expect("all but strings are numbers");
            format!("const {}: {ty}, {number}\n", constant.name)
        }
    }
}

/// A Rust type without the paths, which say nothing that the names do not.
fn short(ty: &str) -> String {
    let mut text = String::new();
    let mut word = String::new();
    for c in ty.chars().filter(|c| !c.is_whitespace()) {
        match c {
            ':' => word.clear(),
            c if c.is_alphanumeric() || c == '_' || c == '#' => word.push(c),
            c => {
                text += &std::mem::take(&mut word);
                text.push(c);
                if c == ';' {
                    text.push(' ');
                }
            }
        }
    }
    text + &word
}

#[cfg(test)]
mod tests {
    use super::{differences, short};

    #[test]
    fn types_without_paths() {
        assert_eq!(short("u32"), "u32");
        assert_eq!(
            short("[crate::abi::x86_64::xen::xen_ulong_t; 32]"),
            "[xen_ulong_t; 32]"
        );
        assert_eq!(
            short("crate :: handle :: Handle64 < crate::abi::arm32::xen::r#type >"),
            "Handle64<r#type>"
        );
    }

    #[test]
    fn differences_tell_their_place() {
        let old = "# about\n\nxen.h\nstruct a: C, 8 / 4\n  x: 0 + 4, u32\n  y: 4 + 4, u32\n\
            struct b: C, 4 / 4\n  x: 0 + 4, u32\n\nbefore interface version 0x00040700\n\
            \nxen.h\nconst A: i32, 1\n";
        assert!(differences(old, old).is_empty());
        let moved = old.replace("  y: 4 + 4", "  y: 4 + 2");
        assert_eq!(
            differences(old, &moved),
            [
                "+ xen.h struct a: y: 4 + 2, u32",
                "- xen.h struct a: y: 4 + 4, u32"
            ]
        );
        // A line that another record has too.
        let gone = old.replacen("  x: 0 + 4, u32\n", "", 1);
        assert_eq!(differences(old, &gone), ["- xen.h struct a: x: 0 + 4, u32"]);
        let older = old.replace("A: i32, 1", "A: i32, 2");
        assert_eq!(
            differences(old, &older)[0],
            "+ before interface version 0x00040700 xen.h const A: i32, 2"
        );
    }
}
