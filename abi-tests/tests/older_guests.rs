//! The guest ABI that the crate exports is the newest release's. Here its tables are held against the
//! guest headers of the older releases too, so that every name that is not there yet and everything that
//! changed is known: `data/older-guest-abi.txt` lists it, and a difference that comes or goes fails.

use std::collections::{BTreeMap, BTreeSet};

use abi_tests::compiler::FAMILIES;
use abi_tests::oracle::{Answer, Headers, Mismatch};
use abi_tests::rows::Ask;
use abi_tests::{matrix, pins};
use anyhow::{Result, ensure};
use xen_public::layout::{Record, Tables};
use xtask::headers::{ABIS, NEWEST, RELEASES};

const ABOUT: &str = "\
How the guest ABI of the newest release differs from the headers of older ones: release, ABI (`all` for
the four of them), name, and `not there` or what the older release says. A record that is not there
stands for all of its fields.";

#[test]
fn differences_from_older_guest_headers_are_known() -> Result<()> {
    let mut jobs = Vec::new();
    for release in RELEASES.into_iter().filter(|r| *r != NEWEST) {
        for tables in xen_public::layout::all().filter(|t| !t.toolstack) {
            for family in FAMILIES {
                jobs.push(matrix::Job {
                    tables,
                    headers: Headers::of_release(tables, release)?,
                    family,
                });
            }
        }
    }
    ensure!(jobs.len() == 2 * 4 * FAMILIES.len(), "{} jobs", jobs.len());
    let results = matrix::run(jobs, env!("CARGO_TARGET_TMPDIR").as_ref())?;
    matrix::print("newest guest ABI against older headers", &results);

    // Release and finding, with the ABIs that have it.
    let mut by_family = BTreeMap::new();
    for done in &results {
        let view = done.job.headers.view;
        let found: &mut BTreeMap<_, BTreeSet<_>> = by_family.entry(done.job.family).or_default();
        for finding in findings(done.job.tables, &done.outcome.mismatches) {
            let key = format!("{} {finding}", view.release);
            found.entry(key).or_default().insert(view.abi.module());
        }
    }
    let [gcc, clang] = FAMILIES.map(|f| lines(&by_family[&f]));
    let apart = pins::differences(&gcc, &clang);
    assert!(
        apart.is_empty(),
        "gcc (-) and clang (+) disagree:\n{}",
        apart.join("\n")
    );
    pins::check("older-guest-abi.txt", ABOUT, &gcc)
}

/// The mismatches of one run, with all that follows from a missing name left out.
fn findings(tables: &Tables, mismatches: &[Mismatch]) -> BTreeSet<String> {
    // What the older headers have no name for.
    let naming = [Ask::Offset, Ask::Size, Ask::Value, Ask::Text, Ask::Bits];
    let missing: BTreeSet<&str> = mismatches
        .iter()
        .filter(|m| matches!(m.c, Answer::Refused(_)) && naming.contains(&m.ask))
        .map(|m| m.subject.as_str())
        .collect();
    let absent: BTreeSet<&str> = tables
        .records
        .iter()
        .filter(|r| is_absent(r, &missing))
        .map(|r| r.name)
        .collect();
    let say = |m: &Mismatch| {
        let record = m.subject.split('.').next().unwrap_or(&m.subject);
        let subject = m.subject.as_str();
        match &m.c {
            _ if absent.contains(record) => format!("{record}: not there"),
            _ if missing.contains(subject) => format!("{subject}: not there"),
            Answer::Refused(_) => format!("{subject}: {} can't be asked", m.ask),
            Answer::Value(c) => format!("{subject}: {} was {c}, is {}", m.ask, m.rust),
        }
    };
    mismatches.iter().map(say).collect()
}

/// Whether C does not know a record: by its own name, or because nothing within it has one.
fn is_absent(record: &Record, missing: &BTreeSet<&str>) -> bool {
    if record.named {
        return missing.contains(record.name);
    }
    let fields = record
        .fields
        .iter()
        .filter(|f| !f.c.is_empty())
        .map(|f| f.name);
    let mut within = fields
        .chain(record.bitfields.iter().map(|b| b.name))
        .peekable();
    within.peek().is_some()
        && within.all(|name| missing.contains(format!("{}.{name}", record.name).as_str()))
}

/// Findings with their ABIs as lines of the list.
fn lines(found: &BTreeMap<String, BTreeSet<&str>>) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for (finding, abis) in found {
        let (release, rest) = finding.split_once(' ').expect("a release stands first");
        if abis.len() == ABIS.len() {
            lines.insert(format!("{release} all {rest}"));
        } else {
            lines.extend(abis.iter().map(|abi| format!("{release} {abi} {rest}")));
        }
    }
    lines
}
