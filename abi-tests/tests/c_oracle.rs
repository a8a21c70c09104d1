//! gcc and clang on every layout table: each claim about the Rust types, held against the vendored
//! headers that the types were made from, on the ABI's own target.

use std::collections::BTreeSet;

use abi_tests::compiler::FAMILIES;
use abi_tests::oracle::Headers;
use abi_tests::{matrix, padding};
use anyhow::{Result, ensure};
use xtask::headers::{ABIS, NEWEST, RELEASES};

#[test]
fn every_abi_and_release_has_a_table() {
    let found: Vec<_> = xen_public::layout::all()
        .map(|t| (t.toolstack, t.release, t.abi))
        .collect();
    let guests = ABIS.map(|abi| (false, NEWEST.0, abi.module()));
    let toolstacks = RELEASES
        .into_iter()
        .flat_map(|release| ABIS.map(|abi| (true, release.0, abi.module())));
    let due: BTreeSet<_> = guests.into_iter().chain(toolstacks).collect();
    assert_eq!(found.len(), due.len(), "{found:?}");
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), due);
}

#[test]
fn gcc_and_clang_agree_with_every_table() -> Result<()> {
    let mut jobs = Vec::new();
    for tables in xen_public::layout::all() {
        ensure!(
            !tables.records.is_empty() && !tables.constants.is_empty(),
            "the {} {} table is empty",
            tables.release,
            tables.abi
        );
        for family in FAMILIES {
            jobs.push(matrix::Job {
                tables,
                headers: Headers::of(tables)?,
                family,
            });
        }
    }
    agree("C oracles", jobs)
}

/// Names and layouts that only readers of an older interface version see.
#[test]
fn gcc_and_clang_agree_with_every_older_interface() -> Result<()> {
    let mut jobs = Vec::new();
    for tables in xen_public::layout::compat() {
        ensure!(
            tables.interface.is_some(),
            "a table of module compat is of the newest interface"
        );
        for family in FAMILIES {
            jobs.push(matrix::Job {
                tables,
                headers: Headers::of(tables)?,
                family,
            });
        }
    }
    ensure!(!jobs.is_empty(), "there is no table of module compat");
    agree("C oracles, older interface versions", jobs)
}

fn agree(title: &str, jobs: Vec<matrix::Job>) -> Result<()> {
    let results = matrix::run(jobs, env!("CARGO_TARGET_TMPDIR").as_ref())?;
    matrix::print(title, &results);
    let wrong = matrix::mismatches(&results);
    assert!(
        wrong.is_empty(),
        "{} mismatches:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    Ok(())
}

#[test]
fn no_type_has_hidden_padding() {
    let mut records = 0;
    for tables in xen_public::layout::all() {
        let hidden = padding::hidden(tables);
        assert!(
            hidden.is_empty(),
            "{} {} (toolstack: {}):\n{}",
            tables.release,
            tables.abi,
            tables.toolstack,
            hidden.join("\n")
        );
        records += tables.records.len();
    }
    assert!(records > 0);
}
