//! The types of the tables that are nothing but their bytes, as Rust source: a macro call that names all
//! of them, for tests that need the types themselves and not what a table says of them.
//!
//! Left out are unions and what contains one (a union's bytes are not all initialised by every member),
//! and a struct with a flexible array inside its own padding. What is left consists of integers, arrays
//! of them, padding and guest handles, side by side without a gap; a field of any other kind is an error.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;

use anyhow::{Context, Result, ensure};
use xen_public::layout::{Kind, Record, Tables};

use crate::padding;
use crate::rows::Names;

/// `whole_types! { module { name ... } ... }` for some tables.
///
/// # Errors
/// A field whose type is not known to take any bytes, or a type with hidden padding.
pub fn source<'a>(all: impl Iterator<Item = &'a Tables>) -> Result<String> {
    let mut modules: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for tables in all {
        let hidden = padding::hidden(tables);
        ensure!(hidden.is_empty(), "hidden padding: {}", hidden.join(", "));
        let names = Names::new(tables)?;
        for record in tables
            .records
            .iter()
            .filter(|r| is_whole(r, &names.records))
        {
            for field in record.fields {
                let known = field.ty.ends_with('>') && field.ty.contains("Pad<");
                ensure!(
                    known || names.resolve(field.ty).is_ok(),
                    "{}.{} is of type `{}`, which may not take every byte",
                    record.name,
                    field.name,
                    field.ty
                );
            }
            let module = module(tables, record);
            modules.entry(module).or_default().insert(record.name);
        }
    }
    let mut text =
        "// Written by the test `the_lists_name_every_whole_type`.\nwhole_types! {\n".to_owned();
    for (module, names) in modules {
        writeln!(text, "    {module} {{").context("writing to a string")?;
        for name in names {
            writeln!(text, "        {name}").context("writing to a string")?;
        }
        text += "    }\n";
    }
    Ok(text + "}\n")
}

/// The path of the module that stands for a record's header.
fn module(tables: &Tables, record: &Record) -> String {
    let root = if tables.toolstack {
        let release = tables.release.replace('.', "_");
        format!("toolstack::v{release}::{}", tables.abi)
    } else {
        format!("abi::{}", tables.abi)
    };
    let root = match tables.interface {
        Some(last) => format!("{root}::compat::before_{:#010x}", last + 1),
        None => root,
    };
    let header = record.header.trim_end_matches(".h");
    let parts = header.split('/').map(|part| {
        let name = part.replace(['-', '.'], "_");
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            format!("_{name}")
        } else {
            name
        }
    });
    parts.fold(format!("xen_public::{root}"), |path, part| {
        path + "::" + &part
    })
}

fn is_whole(record: &Record, records: &HashMap<&str, &Record>) -> bool {
    let tail = record
        .fields
        .iter()
        .position(|f| f.size == 0 && f.ty.starts_with('['));
    record.kind == Kind::Struct
        && tail.is_none_or(|at| at + 1 == record.fields.len())
        && record.fields.iter().all(|f| match records.get(f.record) {
            Some(inner) => is_whole(inner, records),
            None => true,
        })
}
