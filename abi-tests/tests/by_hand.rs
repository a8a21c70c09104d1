//! The oracle on a small table written by hand, with a row of every kind, right and wrong.

use anyhow::Result;

use abi_tests::alter;
use abi_tests::compiler::{Compiler, FAMILIES};
use abi_tests::oracle::{self, Answer, Headers, Mismatch};
use abi_tests::rows::Ask;
use xen_public::layout::{Alias, Bitfield, Constant, Field, Kind, Record, Tables, Value};
use xtask::headers::Abi;

const fn field(name: &'static str, ty: &'static str, offset: usize, size: usize) -> Field {
    Field {
        name,
        ty,
        c: name,
        offset,
        size,
        record: "",
    }
}

const RECORD: Record = Record {
    name: "",
    header: "",
    kind: Kind::Struct,
    repr: "C",
    size: 0,
    align: 4,
    c: "",
    named: true,
    base: 0,
    fields: &[],
    bitfields: &[],
};

const REDIRECT: &str = "union vioapic_redir_entry";

const TABLES: Tables = Tables {
    abi: "x86_32",
    release: "4.20",
    toolstack: false,
    interface: None,
    records: &[
        Record {
            name: "blkif_request_segment",
            size: 8,
            c: "struct blkif_request_segment",
            fields: &[
                field("gref", "crate::abi::x86_32::grant_table::grant_ref_t", 0, 4),
                field("first_sect", "u8", 4, 1),
                field("last_sect", "u8", 5, 1),
            ],
            ..RECORD
        },
        Record {
            name: "blkif_request",
            size: 108,
            c: "blkif_request_t",
            fields: &[
                field("nr_segments", "u8", 1, 1),
                field("id", "u64", 4, 8),
                field("seg", "[blkif_request_segment; 11]", 20, 88),
            ],
            ..RECORD
        },
        Record {
            name: "vioapic_redir_entry_fields",
            c: REDIRECT,
            named: false,
            fields: &[],
            bitfields: &[
                Bitfield {
                    name: "delivery_mode",
                    c: "fields.delivery_mode",
                    storage: "",
                    bit: 8,
                    width: 3,
                },
                Bitfield {
                    name: "dest_id",
                    c: "fields.dest_id",
                    storage: "",
                    bit: 56,
                    width: 8,
                },
            ],
            ..RECORD
        },
        Record {
            name: "argo_ring",
            size: 64,
            c: "struct xen_argo_ring",
            fields: &[field("ring", "[u8; 0]", 64, 0)],
            ..RECORD
        },
    ],
    aliases: &[
        Alias {
            name: "grant_ref_t",
            header: "grant_table.h",
            c: "grant_ref_t",
            ty: "u32",
            size: 4,
        },
        Alias {
            name: "blkif_vdev_t",
            header: "io/blkif.h",
            c: "blkif_vdev_t",
            ty: "u16",
            size: 2,
        },
    ],
    constants: &[
        Constant {
            name: "BLKIF_OP_WRITE",
            header: "io/blkif.h",
            value: Value::I32(1),
        },
        Constant {
            name: "DOMID_SELF",
            header: "xen.h",
            value: Value::U32(0x7ff0),
        },
        Constant {
            name: "XENFEAT_writable_page_tables",
            header: "features.h",
            value: Value::I32(0),
        },
        Constant {
            name: "XEN_IO_PROTO_ABI_X86_32",
            header: "io/protocols.h",
            value: Value::Str("x86_32-abi"),
        },
        Constant {
            name: "machine_to_phys_mapping",
            header: "arch-x86/xen-x86_32.h",
            value: Value::U32(0xf580_0000),
        },
    ],
};

/// What each compiler says to a table, which has to be the same.
fn ask(tables: &Tables) -> Result<Vec<Mismatch>> {
    let work = tempfile::tempdir()?;
    let mut answers = Vec::new();
    for family in FAMILIES {
        let compiler = Compiler::find(family, Abi::X86_32)?;
        let outcome = oracle::ask(tables, &Headers::of(tables)?, &compiler, work.path())?;
        assert_eq!(outcome.rows, 42, "rows of the table");
        answers.push(outcome.mismatches);
    }
    let plain = |m: &Mismatch| (m.subject.clone(), m.ask, m.rust.clone());
    let [gcc, clang] = [&answers[0], &answers[1]].map(|a| a.iter().map(plain).collect::<Vec<_>>());
    assert_eq!(gcc, clang, "gcc and clang disagree");
    Ok(answers.swap_remove(0))
}

/// That exactly one row of the table differs.
fn one(tables: &Tables, subject: &str, about: Ask, c: &str) -> Result<()> {
    let found = ask(tables)?;
    let [found] = found.as_slice() else {
        panic!("one mismatch for {subject} was due, there are {found:#?}");
    };
    assert_eq!((found.subject.as_str(), found.ask), (subject, about));
    assert_eq!(found.c, Answer::Value(c.into()));
    Ok(())
}

#[test]
fn a_right_table_has_no_mismatch() -> Result<()> {
    assert_eq!(ask(&TABLES)?, []);
    Ok(())
}

#[test]
fn wrong_records_are_noticed() -> Result<()> {
    let request = |change: fn(&mut Record)| alter::record(&TABLES, "blkif_request", change);
    one(
        &request(|r| r.size = 112)?,
        "blkif_request",
        Ask::Size,
        "108",
    )?;
    one(
        &request(|r| r.align = 8)?,
        "blkif_request",
        Ask::Alignment,
        "4",
    )?;
    Ok(())
}

#[test]
fn wrong_fields_are_noticed() -> Result<()> {
    let field = |index: usize, change: fn(&mut Field)| {
        alter::record(&TABLES, "blkif_request", |r| {
            let mut fields = r.fields.to_vec();
            change(&mut fields[index]);
            r.fields = fields.leak();
        })
    };
    one(
        &field(1, |f| f.offset = 8)?,
        "blkif_request.id",
        Ask::Offset,
        "4",
    )?;
    one(
        &field(2, |f| f.size = 80)?,
        "blkif_request.seg",
        Ask::Size,
        "88",
    )?;
    one(
        &field(1, |f| f.ty = "i64")?,
        "blkif_request.id",
        Ask::Type,
        "unsigned long long",
    )?;
    one(
        &field(2, |f| f.ty = "[argo_ring; 11]")?,
        "blkif_request.seg",
        Ask::Type,
        "another type",
    )?;
    let flexible = alter::record(&TABLES, "blkif_request_segment", |r| {
        r.fields = [Field {
            ty: "[u32; 0]",
            size: 0,
            ..r.fields[0]
        }]
        .to_vec()
        .leak();
    })?;
    // The rows of the two other fields are gone, so this table is asked directly.
    let work = tempfile::tempdir()?;
    for family in FAMILIES {
        let compiler = Compiler::find(family, Abi::X86_32)?;
        let headers = Headers::of(&flexible)?;
        let found = oracle::ask(&flexible, &headers, &compiler, work.path())?.mismatches;
        assert!(found.iter().any(|m| m.ask == Ask::Flexible), "{found:#?}");
    }
    Ok(())
}

#[test]
fn wrong_bitfields_are_noticed() -> Result<()> {
    let bit = |change: fn(&mut Bitfield)| {
        alter::record(&TABLES, "vioapic_redir_entry_fields", |r| {
            let mut members = r.bitfields.to_vec();
            change(&mut members[0]);
            r.bitfields = members.leak();
        })
    };
    let subject = "vioapic_redir_entry_fields.delivery_mode";
    one(&bit(|b| b.bit = 9)?, subject, Ask::Bits, "3 from bit 8")?;
    one(&bit(|b| b.width = 2)?, subject, Ask::Bits, "3 from bit 8")?;
    Ok(())
}

#[test]
fn wrong_names_and_values_are_noticed() -> Result<()> {
    let constant = |name: &str, value: Value| alter::constant(&TABLES, name, |c| c.value = value);
    let write = "BLKIF_OP_WRITE";
    one(&constant(write, Value::I32(2))?, write, Ask::Value, "1")?;
    one(&constant(write, Value::U32(1))?, write, Ask::Type, "int")?;
    one(&constant(write, Value::I64(1))?, write, Ask::Type, "int")?;
    let protocol = "XEN_IO_PROTO_ABI_X86_32";
    one(
        &constant(protocol, Value::Str("x86_32-ABI"))?,
        protocol,
        Ask::Text,
        "\"x86_32-abi\\0\"",
    )?;
    let aliases: Vec<Alias> = TABLES
        .aliases
        .iter()
        .map(|a| Alias { size: 4, ..*a })
        .collect();
    let wide = Tables {
        aliases: aliases.leak(),
        ..TABLES
    };
    one(&wide, "blkif_vdev_t", Ask::Size, "2")?;
    Ok(())
}

#[test]
fn names_that_c_lacks_are_noticed() -> Result<()> {
    let unknown = alter::constant(&TABLES, "DOMID_SELF", |c| c.name = "DOMID_NOBODY")?;
    let found = ask(&unknown)?;
    assert_eq!(found.len(), 2, "{found:#?}");
    for mismatch in found {
        assert_eq!(mismatch.subject, "DOMID_NOBODY");
        assert!(matches!(mismatch.c, Answer::Refused(_)), "{mismatch}");
    }
    Ok(())
}
