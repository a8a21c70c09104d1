//! Negative controls: one thing wrong in a table or in the headers, and both compilers notice it, for
//! every ABI, and notice nothing else.

use std::collections::BTreeSet;

use abi_tests::compiler::{Compiler, FAMILIES};
use abi_tests::oracle::{self, Headers};
use abi_tests::{alter, padding};
use anyhow::{Context, Result};
use xen_public::layout::{Record, Tables, Value};
use xtask::headers::{ABIS, Abi};

/// The guest table of an ABI.
fn guest(abi: Abi) -> &'static Tables {
    xen_public::layout::all()
        .find(|t| !t.toolstack && t.abi == abi.module())
        .expect("every ABI has a guest table")
}

/// What a compiler finds wrong, as `subject ask`.
fn found(tables: &Tables, headers: &Headers, compiler: &Compiler) -> Result<BTreeSet<String>> {
    let work = tempfile::tempdir()?;
    let outcome = oracle::ask(tables, headers, compiler, work.path())
        .with_context(|| format!("{compiler}"))?;
    let name = |m: &oracle::Mismatch| format!("{} {}", m.subject, m.ask);
    Ok(outcome.mismatches.iter().map(name).collect())
}

/// The table with a wrong offset, a wrong bitfield, a wrong value, a wrong sign, a wrong width and a
/// wrong string; and how they are due to be noticed.
fn altered(tables: &Tables) -> Result<(Tables, BTreeSet<String>)> {
    let mut due = BTreeSet::new();
    let mut table = alter::record(tables, "blkif_request_segment", |r| {
        let mut fields = r.fields.to_vec();
        fields[1].offset += 1;
        r.fields = fields.leak();
    })?;
    due.insert("blkif_request_segment.first_sect offset".to_owned());

    let holder = tables.records.iter().find(|r| !r.bitfields.is_empty());
    let holder = holder.with_context(|| format!("{} has no bitfield", tables.abi))?;
    let member = holder.bitfields[0].name;
    table = alter::record(&table, holder.name, |r| {
        let mut members = r.bitfields.to_vec();
        members[0].bit += 1;
        r.bitfields = members.leak();
    })?;
    due.insert(format!("{}.{member} bits", holder.name));

    for (name, value, ask) in [
        ("BLKIF_OP_WRITE", Value::I32(2), "value"),
        ("BLKIF_OP_FLUSH_DISKCACHE", Value::U32(3), "type"),
        ("BLKIF_OP_DISCARD", Value::I64(5), "type"),
        ("XEN_IO_PROTO_ABI_X86_32", Value::Str("x86_32-api"), "text"),
    ] {
        table = alter::constant(&table, name, |c| {
            assert_ne!(c.value, value, "{name} is to be altered");
            c.value = value;
        })?;
        due.insert(format!("{name} {ask}"));
    }
    Ok((table, due))
}

#[test]
fn a_wrong_table_is_noticed() -> Result<()> {
    for abi in ABIS {
        let (table, due) = altered(guest(abi))?;
        for family in FAMILIES {
            let compiler = Compiler::find(family, abi)?;
            assert_eq!(
                found(&table, &Headers::of(&table)?, &compiler)?,
                due,
                "{compiler}"
            );
        }
    }
    Ok(())
}

/// Edits of the headers, with what is due to be noticed.
const EDITS: &[(&str, &str, &str, &[&str])] = &[
    // Two fields change places.
    (
        "io/blkif.h",
        "uint8_t     first_sect, last_sect;",
        "uint8_t     last_sect, first_sect;",
        &[
            "blkif_request_segment.first_sect offset",
            "blkif_request_segment.last_sect offset",
        ],
    ),
    // A field becomes wider, in what was padding.
    (
        "sched.h",
        "domid_t domain_id;         /* Remote domain ID */",
        "uint32_t domain_id;",
        &[
            "sched_remote_shutdown.domain_id size",
            "sched_remote_shutdown.domain_id type",
        ],
    ),
    // A field becomes signed.
    (
        "sched.h",
        "uint32_t timeout;           /* timeout */",
        "int32_t timeout;",
        &["sched_watchdog.timeout type"],
    ),
    // Constants get another value and another type.
    (
        "io/blkif.h",
        "#define BLKIF_OP_WRITE             1",
        "#define BLKIF_OP_WRITE 7",
        &["BLKIF_OP_WRITE value"],
    ),
    (
        "io/blkif.h",
        "#define BLKIF_OP_DISCARD           5",
        "#define BLKIF_OP_DISCARD 5u",
        &["BLKIF_OP_DISCARD type"],
    ),
];

#[test]
fn an_edited_header_is_noticed() -> Result<()> {
    for abi in ABIS {
        let tables = guest(abi);
        let mut headers = Headers::of(tables)?;
        let copy = tempfile::tempdir()?;
        alter::copy(&headers.include, copy.path())?;
        let mut due = BTreeSet::new();
        for (header, old, new, noticed) in EDITS {
            alter::edit(&copy.path().join("public").join(header), old, new)?;
            due.extend(noticed.iter().map(|n| (*n).to_owned()));
        }
        headers.include = copy.path().to_owned();
        for family in FAMILIES {
            let compiler = Compiler::find(family, abi)?;
            assert_eq!(found(tables, &headers, &compiler)?, due, "{compiler}");
        }
    }
    Ok(())
}

#[test]
fn a_broken_header_is_no_answer() -> Result<()> {
    let tables = guest(Abi::X86_64);
    let mut headers = Headers::of(tables)?;
    let copy = tempfile::tempdir()?;
    alter::copy(&headers.include, copy.path())?;
    alter::edit(
        &copy.path().join("public/sched.h"),
        "typedef struct sched_watchdog sched_watchdog_t;",
        "typedef struct sched_watchdog sched_watchdog_t",
    )?;
    headers.include = copy.path().to_owned();
    for family in FAMILIES {
        let compiler = Compiler::find(family, Abi::X86_64)?;
        let error = found(tables, &headers, &compiler).expect_err("the header does not compile");
        let text = format!("{error:#}");
        assert!(text.contains("sched.h") && text.contains(" -c "), "{text}");
    }
    Ok(())
}

#[test]
fn hidden_padding_is_noticed() -> Result<()> {
    let tables = guest(Abi::X86_64);
    let changed = |name: &str, change: fn(&mut Record)| {
        alter::record(tables, name, change).map(|t| padding::hidden(&t))
    };
    let drop_last: fn(&mut Record) = |r| r.fields = &r.fields[..r.fields.len() - 1];
    let request = changed("sched_remote_shutdown", drop_last)?;
    assert!(
        request
            .iter()
            .any(|l| l.starts_with("sched_remote_shutdown ")),
        "{request:?}"
    );
    let union = tables
        .records
        .iter()
        .find(|r| r.kind == xen_public::layout::Kind::Union);
    let union = union.context("the table has unions")?.name;
    let bytes = changed(union, |r| r.fields = &[])?;
    assert_eq!(bytes, [format!("{union} is a union without `_bytes`")]);
    Ok(())
}
