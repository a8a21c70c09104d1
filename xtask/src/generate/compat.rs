//! Names and layouts that the headers give only to readers of an older interface version.
//!
//! A gate of the headers (`__XEN_INTERFACE_VERSION__ < 0x00040700`) is found by its text. For each
//! version that some gate compares with, the headers are read once just below it and once at it; what
//! differs is what the gate switches. A type that a switched one mentions is taken from the same gate if
//! it switches that too, else from the nearest later gate, else from the newest interface.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use quote::{format_ident, quote};

use super::closure;
use super::emit::{Emitter, Files, Homes, render};
use super::model::{Item, Path, Unit};
use super::read::Reader;
use crate::headers::{Abi, Mode, NEWEST, View};

const MACRO: &str = "__XEN_INTERFACE_VERSION__";

/// The versions from which on some header of the view declares something else than below, oldest first.
///
/// # Errors
/// A header can't be read, or compares the version in a form that is not known.
pub fn gates(view: &View) -> Result<BTreeSet<u32>> {
    let mut gates = BTreeSet::new();
    for header in view.all_headers()? {
        let path = view.release.include_dir().join("public").join(&header);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("reading {}", path.display()))?;
        for line in text.replace("\\\n", " ").lines() {
            gates.extend(gates_of(line).with_context(|| format!("{header}: `{line}`"))?);
        }
    }
    Ok(gates)
}

/// The gates that a preprocessor line compares with.
fn gates_of(line: &str) -> Result<Vec<u32>> {
    let directive = line.trim_start().strip_prefix('#').map(str::trim_start);
    let Some(directive) = directive.filter(|d| d.starts_with("if") || d.starts_with("elif")) else {
        return Ok(Vec::new());
    };
    let asked = directive.match_indices(MACRO);
    let gates = asked.map(|(at, _)| gate(&directive[..at], &directive[at + MACRO.len()..]));
    Ok(gates
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .flatten()
        .collect())
}

/// The first version of the newer side of a comparison: `< T` and `>= T` give `T`, `<= T` and `> T` the
/// next one. Whether the macro is defined, or newer than the newest, is no gate.
fn gate(before: &str, after: &str) -> Result<Option<u32>> {
    if before.trim_end_matches([' ', '(']).ends_with("defined")
        || before.ends_with("ifndef ")
        || before.ends_with("ifdef ")
    {
        return Ok(None);
    }
    let after = after.trim_start();
    let version = after.trim_start_matches(['<', '>', '=', '!']);
    let operator = &after[..after.len() - version.len()];
    let version = version.trim_start();
    if version.starts_with("__XEN_LATEST_INTERFACE_VERSION__") {
        return Ok(None);
    }
    let hex = version.strip_prefix("0x").unwrap_or_default();
    let end = hex
        .find(|c: char| !c.is_ascii_hexdigit())
        .unwrap_or(hex.len());
    let version = u32::from_str_radix(&hex[..end], 16);
    match (operator, version) {
        ("<" | ">=", Ok(version)) => Ok(Some(version)),
        ("<=" | ">", Ok(version)) if version < u32::MAX => Ok(Some(version + 1)),
        _ => bail!("not a comparison of {MACRO} with a version, by <, <=, > or >="),
    }
}

/// The module's name of a gate.
pub fn module(gate: u32) -> String {
    format!("before_{gate:#010x}")
}

/// Generates the modules of all gates of one ABI: files below the ABI's folder.
///
/// # Errors
/// As reading and emitting have them.
pub fn files(reader: &Reader, newest: &Unit, abi: Abi) -> Result<(Files, Vec<u32>)> {
    let view = View::new(NEWEST, abi, Mode::Guest);
    let gates = gates(&view)?;
    let mut files = Files::new();
    let mut made = Vec::new();
    // From the newest gate to the oldest, so that what a later gate switches has its place already.
    let mut later = newest.clone();
    let mut homes = Homes::new();
    let abi_name = format_ident!("{}", abi.module());
    for gate in gates.into_iter().rev() {
        let unit = reader.read(&View {
            interface: Some(gate - 1),
            ..view
        })?;
        let switched = difference(&unit, &later);
        if !switched.headers.is_empty() {
            let name = format_ident!("{}", module(gate));
            let root = quote! { crate::abi::#abi_name::compat::#name };
            let main = quote! { crate::abi::#abi_name };
            for (header, items) in &switched.headers {
                for item in items.iter().filter(|i| i.is_type()) {
                    let path = Path {
                        header: header.clone(),
                        name: item.name().to_owned(),
                    };
                    homes.insert(path, root.clone());
                }
            }
            let emitter = Emitter {
                all: &unit,
                unit: &switched,
                root: main,
                homes: homes.clone(),
                own: Some(root),
                shared: Homes::new(),
                toolstack: false,
            };
            for (path, text) in emitter.files()? {
                files.insert(format!("compat/{}/{path}", module(gate)), text);
            }
            made.push(gate);
        }
        later = unit;
    }
    made.sort_unstable();
    let names = made.iter().map(|gate| format_ident!("{}", module(*gate)));
    let docs = made.iter().map(|gate| {
        format!(
            " As it was before interface version {gate:#010x}{}.",
            since(*gate)
        )
    });
    let tables = made.iter().map(|gate| {
        let name = format_ident!("{}", module(*gate));
        quote! { &#name::layout::TABLES }
    });
    let root = quote! {
        #![doc = " Names and layouts of older interface versions, by the version that ended them."]
        #(#[doc = #docs] pub mod #names;)*
        #[doc = " The tables of all of them."]
        #[cfg(feature = "layout")]
        pub static TABLES: &[&crate::layout::types::Tables] = &[#(#tables),*];
    };
    files.insert("compat.rs".into(), render(root)?);
    Ok((files, made))
}

/// What `unit` declares otherwise than `other`, or alone, and what mentions that.
fn difference(unit: &Unit, other: &Unit) -> Unit {
    let mut switched = BTreeSet::new();
    for (header, items) in &unit.headers {
        let there = other.headers.get(header).map_or(&[][..], Vec::as_slice);
        let differing = items
            .iter()
            .filter(|item| !there.iter().any(|o| same(o, item)));
        switched.extend(differing.map(|item| closure::key(header, item)));
    }
    closure::spread(unit, &mut switched);
    let mut difference = unit.clone();
    for (header, items) in &mut difference.headers {
        items.retain(|item| switched.contains(&closure::key(header, item)));
    }
    difference.headers.retain(|_, items| !items.is_empty());
    difference
}

fn same(a: &Item, b: &Item) -> bool {
    match (a, b) {
        (Item::Constant(a), Item::Constant(b)) => a.name == b.name && a.value == b.value,
        (a, b) => a == b,
    }
}

/// The release that brought an interface version.
fn since(gate: u32) -> String {
    let releases: BTreeMap<u32, &str> = BTreeMap::from([
        (0x0003_0101, "3.0.2"),
        (0x0003_0204, "3.0.3"),
        (0x0003_0205, "3.0.4"),
        (0x0003_0207, "3.2"),
        (0x0003_0209, "3.3"),
        (0x0003_020a, "4.0"),
        (0x0004_0200, "4.2"),
        (0x0004_0300, "4.3"),
        (0x0004_0400, "4.4"),
        (0x0004_0500, "4.5.1"),
        (0x0004_0600, "4.6"),
        (0x0004_0700, "4.7"),
        (0x0004_0800, "4.8"),
        (0x0004_0900, "4.9"),
        (0x0004_0a00, "4.12"),
        (0x0004_0d00, "4.13"),
        (0x0004_0e00, "4.14"),
        (0x0004_1300, "4.19"),
    ]);
    match releases.range(gate..).next() {
        Some((_, release)) => format!(", which came with Xen {release}"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::gates_of;

    #[test]
    fn a_gate_is_the_first_version_of_the_newer_side() {
        for (line, gates) in [
            (
                "#if __XEN_INTERFACE_VERSION__ < 0x00040700",
                &[0x0004_0700][..],
            ),
            (
                "# elif __XEN_INTERFACE_VERSION__>=0x00030209 /* */",
                &[0x0003_0209],
            ),
            ("#if __XEN_INTERFACE_VERSION__ > 0x040600", &[0x0004_0601]),
            (
                "#if __XEN_INTERFACE_VERSION__ <= 0x00040d00",
                &[0x0004_0d01],
            ),
            (
                "#if __XEN_INTERFACE_VERSION__ >= 0x10 && __XEN_INTERFACE_VERSION__ < 0x20",
                &[0x10, 0x20],
            ),
            ("#elif !defined(__XEN_INTERFACE_VERSION__)", &[]),
            ("#ifndef __XEN_INTERFACE_VERSION__", &[]),
            (
                "#if __XEN_INTERFACE_VERSION__ > __XEN_LATEST_INTERFACE_VERSION__",
                &[],
            ),
            ("#endif /* __XEN_INTERFACE_VERSION__ < 0x00040700 */", &[]),
        ] {
            assert_eq!(gates_of(line).unwrap(), gates, "{line}");
        }
    }

    #[test]
    fn a_gate_of_another_form_is_not_passed_over() {
        for line in [
            "#if __XEN_INTERFACE_VERSION__ == 0x00040700",
            "#if 0x00040700 > __XEN_INTERFACE_VERSION__",
            "#if __XEN_INTERFACE_VERSION__ < NEWER",
            "#if __XEN_INTERFACE_VERSION__ < 0x100040700",
        ] {
            assert!(gates_of(line).is_err(), "{line}");
        }
    }
}
