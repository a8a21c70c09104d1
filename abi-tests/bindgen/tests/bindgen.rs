//! bindgen's types, fields and constants are ours, and a wrong one of ours is noticed.

use std::collections::BTreeSet;

use anyhow::Result;
use bindgen_oracle::pair::{About, Finding, What};
use bindgen_oracle::report::{self, Line, Outputs};
use xen_public::layout::{self, Bitfield, Constant, Field, Record, Tables, Value};
use xtask::headers::{ABIS, Abi, Mode, NEWEST, View};
use xtask::tool;

#[test]
fn bindgen_agrees_on_every_type_field_and_constant() -> Result<()> {
    let work = tool::cache_dir("bindgen")?;
    let lines = report::run(&ABIS, &work, |_| {})?;
    let table: Vec<String> = lines.iter().map(Line::to_string).collect();
    println!("{}\n{}", report::heading(), table.join("\n"));
    let mut mismatches = Vec::new();
    for line in &lines {
        let found = line.mismatches.iter();
        mismatches.extend(found.map(|finding| format!("{}: {finding}", line.view)));
        // A view that is all but empty proves nothing.
        let paired = line.paired;
        let fewest = paired.types.min(paired.fields).min(paired.constants);
        assert!(fewest >= 300, "{line}");
        // A row for an alias or a bitfield, two for any other type or field.
        assert!(line.rows > paired.types + paired.fields, "{line}");
    }
    assert!(mismatches.is_empty(), "{}", mismatches.join("\n"));
    Ok(())
}

/// The guest's table of an ABI.
fn table(abi: Abi) -> &'static Tables {
    let found = layout::all().find(|t| t.abi == abi.module() && !t.toolstack);
    found.expect("every ABI has a guest's table")
}

/// A table with one record changed. It lives as long as the test, as the real ones do.
fn with_record(tables: &Tables, name: &str, change: impl FnOnce(&mut Record)) -> Tables {
    let mut records = tables.records.to_vec();
    let record = records.iter_mut().find(|r| r.name == name);
    change(record.unwrap_or_else(|| panic!("no record {name}")));
    Tables {
        records: records.leak(),
        ..*tables
    }
}

/// A table with one field of a record changed.
fn with_field(
    tables: &Tables,
    record: &str,
    name: &str,
    change: impl FnOnce(&mut Field),
) -> Tables {
    with_record(tables, record, |record| {
        let mut fields = record.fields.to_vec();
        let field = fields.iter_mut().find(|f| f.name == name);
        change(field.unwrap_or_else(|| panic!("no field {name}")));
        record.fields = fields.leak();
    })
}

/// A table whose nth record with bitfields has the first of them changed; and the member's name.
fn with_bits(tables: &Tables, nth: usize, change: impl FnOnce(&mut Bitfield)) -> (Tables, String) {
    let mut found = tables.records.iter().filter(|r| !r.bitfields.is_empty());
    let record = found.nth(nth).expect("x86 has some records with bitfields");
    let mut bits = record.bitfields.to_vec();
    change(&mut bits[0]);
    let subject = format!("{}.{}", record.name, bits[0].name);
    let change = |record: &mut Record| record.bitfields = bits.leak();
    (with_record(tables, record.name, change), subject)
}

/// A table with one constant of another value.
fn with_constant(tables: &Tables, name: &str, value: Value) -> Tables {
    let mut constants: Vec<Constant> = tables.constants.to_vec();
    let constant = constants.iter_mut().find(|c| c.name == name);
    constant
        .unwrap_or_else(|| panic!("no constant {name}"))
        .value = value;
    Tables {
        constants: constants.leak(),
        ..*tables
    }
}

/// A table without the records, aliases and constants of some names.
fn without(tables: &Tables, names: &[&str]) -> Tables {
    fn left<T: Copy + 'static>(all: &[T], keep: impl Fn(&T) -> bool) -> &'static [T] {
        let kept: Vec<T> = all.iter().filter(|one| keep(one)).copied().collect();
        kept.leak()
    }
    Tables {
        records: left(tables.records, |r| !names.contains(&r.name)),
        aliases: left(tables.aliases, |a| !names.contains(&a.name)),
        constants: left(tables.constants, |c| !names.contains(&c.name)),
        ..*tables
    }
}

/// How findings print.
fn shown(findings: &BTreeSet<Finding>) -> Vec<String> {
    findings.iter().map(Finding::to_string).collect()
}

#[test]
fn wrong_figures_of_ours_are_found_and_nothing_else() -> Result<()> {
    let abi = Abi::X86_32;
    let view = View::new(NEWEST, abi, Mode::Guest);
    let work = tool::cache_dir("bindgen-controls")?;
    let right = table(abi);
    // Each in a record of its own: rustc shows the first of a record.
    let wrong = with_field(right, "blkif_request", "id", |f| f.offset = 8);
    let wrong = with_field(&wrong, "sched_poll", "nr_ports", |f| f.size = 2);
    let wrong = with_record(&wrong, "start_info", |r| r.size += 4);
    let wrong = with_record(&wrong, "vcpu_time_info", |r| r.align = 8);
    let (wrong, moved) = with_bits(&wrong, 0, |bits| bits.bit += 1);
    let (wrong, wider) = with_bits(&wrong, 1, |bits| bits.width += 1);
    let wrong = with_constant(&wrong, "BLKIF_OP_WRITE", Value::I32(2));
    let wrong = with_constant(&wrong, "HVM_XS_BIOS", Value::Str("hvmloader/boot"));
    let outputs = Outputs::generate(&[view], &work)?;
    let compared = outputs.compare(abi, &[right, &wrong], &work)?;
    let [(_, usual), (_, pairs)] = compared.as_slice() else {
        panic!("{} comparisons of two tables", compared.len());
    };
    assert!(usual.findings.is_subset(&pairs.findings));
    let more = &pairs.findings - &usual.findings;
    let found: BTreeSet<(About, &str)> = more.iter().map(|f| (f.about, &*f.name)).collect();
    let expected = BTreeSet::from([
        (About::Field, "blkif_request.id"),
        (About::Field, "sched_poll.nr_ports"),
        (About::Type, "start_info"),
        (About::Type, "vcpu_time_info"),
        (About::Field, &*moved),
        (About::Field, &*wider),
        (About::Constant, "BLKIF_OP_WRITE"),
        (About::Constant, "HVM_XS_BIOS"),
    ]);
    assert_eq!(found, expected, "{:?}", shown(&more));
    let values = more.iter().filter(|f| matches!(f.what, What::Value(_)));
    assert_eq!(values.count(), more.len(), "{:?}", shown(&more));
    Ok(())
}

#[test]
fn what_only_one_side_has_is_found() -> Result<()> {
    let abi = Abi::Arm64;
    let view = View::new(NEWEST, abi, Mode::Guest);
    let work = tool::cache_dir("bindgen-one-sided")?;
    let right = table(abi);
    let outputs = Outputs::generate(&[view], &work)?;
    let usual = outputs.pair(right)?.findings;
    let check = |tables: &Tables, expected: &[&str]| -> Result<()> {
        let found = outputs.pair(tables)?.findings;
        assert!(usual.is_subset(&found));
        assert_eq!(shown(&(&found - &usual)), expected);
        Ok(())
    };
    // Ours lacks something.
    check(
        &without(right, &["sched_poll", "domid_t", "DOMID_SELF"]),
        &[
            "type domid_t not-in-ours",
            "type sched_poll not-in-ours",
            "constant DOMID_SELF not-in-ours",
        ],
    )?;
    check(
        &with_record(right, "sched_poll", |r| r.fields = &r.fields[1..]),
        &["field sched_poll.ports not-in-ours"],
    )?;
    // Ours has something under a name that bindgen does not know.
    check(
        &with_record(right, "sched_poll", |r| r.name = "sched_pull"),
        &[
            "type sched_poll not-in-ours",
            "type sched_pull not-in-bindgen",
        ],
    )?;
    check(
        &with_field(right, "sched_poll", "timeout", |f| f.name = "time_out"),
        &[
            "field sched_poll.time_out not-in-bindgen",
            "field sched_poll.timeout not-in-ours",
        ],
    )
}
