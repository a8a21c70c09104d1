//! The types of the tables that are nothing but their bytes, as Rust source: a macro call that names all
//! of them, for tests that need the types themselves and not what a table says of them.
//!
//! Left out are unions and what contains one (a union's bytes are not all initialised by every member),
//! and a struct with a flexible array inside its own padding.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;

use xen_public::layout::{Kind, Record, Tables};

/// `whole_types! { module { name ... } ... }` for all tables.
pub fn source<'a>(all: impl Iterator<Item = &'a Tables>) -> String {
    let mut modules: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for tables in all {
        let records: HashMap<_, _> = tables.records.iter().map(|r| (r.name, r)).collect();
        for record in tables.records.iter().filter(|r| is_whole(r, &records)) {
            modules
                .entry(module(tables, record))
                .or_default()
                .insert(record.name);
        }
    }
    let mut text =
        "// Written by the test `the_list_names_every_whole_type`.\nwhole_types! {\n".to_owned();
    for (module, names) in modules {
        let _ = writeln!(text, "    {module} {{");
        for name in names {
            let _ = writeln!(text, "        {name}");
        }
        text += "    }\n";
    }
    text + "}\n"
}

/// The path of the module that stands for a record's header.
fn module(tables: &Tables, record: &Record) -> String {
    let root = if tables.toolstack {
        format!(
            "toolstack::v{}::{}",
            tables.release.replace('.', "_"),
            tables.abi
        )
    } else {
        format!("abi::{}", tables.abi)
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
