//! The crate against what Xen's own build checks: the sizes that its foreign-header generator pins, and
//! the list of structs that 32-bit and 64-bit x86 guests share or that the hypervisor translates.

use std::collections::{BTreeMap, BTreeSet};

use abi_tests::pins;
use anyhow::{Context, Result, ensure};
use xen_public::layout::{Record, Tables};
use xtask::headers::{Abi, NEWEST, RELEASES};

const SIZES: &str = "upstream-sizes.txt";
const SHARED: &str = "x86-same-layout.txt";
const TRANSLATED: &str = "x86-translated.txt";
const TRANSLATED_ABOUT: &str = "\
Structs that the hypervisor translates for 32-bit x86 guests, by release: whether the crate's x86_32 and
x86_64 layouts really differ. One that is the `same` is translated for what stands in it (a handle or a
pointer elsewhere, or a wider field's range).";

/// Structs that upstream lists as the same and that differ nevertheless, with why. Each of them has to
/// differ, or it has no business here.
const DIFFER: &[(&str, &str)] = &[
    (
        "mcinfo_logical_cpu",
        "its check is used nowhere in Xen; the 8-byte words of its array are aligned to 4 on x86_32",
    ),
    (
        "xen_mc",
        "its check leaves out the members of its union that carry a guest handle",
    ),
];

/// The tables of a release for an ABI: guest before toolstack.
fn tables(release: &str, abi: Abi) -> Vec<&'static Tables> {
    let mut found: Vec<_> = xen_public::layout::all()
        .filter(|t| t.release == release && t.abi == abi.module())
        .collect();
    found.sort_by_key(|t| t.toolstack);
    found
}

fn record(release: &str, abi: Abi, name: &str) -> Vec<(&'static Tables, &'static Record)> {
    tables(release, abi)
        .into_iter()
        .filter_map(|t| Some((t, t.records.iter().find(|r| r.name == name)?)))
        .collect()
}

#[test]
fn sizes_are_those_of_upstream() -> Result<()> {
    let abis = [Abi::X86_32, Abi::X86_64, Abi::Arm32, Abi::Arm64];
    let (mut checked, mut wrong) = (0, Vec::new());
    for line in pins::read(SIZES)? {
        let mut words = line.split_whitespace();
        let mut word = || {
            words
                .next()
                .with_context(|| format!("{SIZES}: `{line}` is too short"))
        };
        let (release, name) = (word()?, word()?);
        ensure!(
            RELEASES.iter().any(|r| r.0 == release),
            "{SIZES}: release `{release}`"
        );
        for abi in abis {
            let size = word()?;
            let found = record(release, abi, name);
            if size == "-" {
                continue;
            }
            let size: usize = size.parse().with_context(|| format!("{SIZES}: `{line}`"))?;
            // Older releases are there as far as their toolstack needs them.
            if found.is_empty() && release == NEWEST.0 {
                wrong.push(format!("{release} {} has no {name}", abi.module()));
            }
            for (t, r) in found {
                checked += 1;
                if r.size != size {
                    wrong.push(format!(
                        "{release} {} {name} (toolstack: {}) has {} bytes, upstream says {size}",
                        t.abi, t.toolstack, r.size
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{checked} sizes as upstream has them");
    Ok(())
}

/// Offset and size of all that C names in a record, and in the records within it.
fn layout(tables: &Tables, record: &Record, path: &str, at: usize, out: &mut Vec<String>) {
    for field in record
        .fields
        .iter()
        .filter(|f| !f.name.starts_with("_pad_0x"))
    {
        let offset = at + field.offset;
        let path = format!("{path}.{}", field.name);
        out.push(format!("{path} at {offset}, {} bytes", field.size));
        if let Some(inner) = tables.records.iter().find(|r| r.name == field.record) {
            layout(tables, inner, &path, offset, out);
        }
    }
    for b in record.bitfields {
        out.push(format!(
            "{path}.{} at bit {}, {} wide",
            b.name,
            at * 8 + b.bit,
            b.width
        ));
    }
}

/// What tells the x86_32 and the x86_64 layout of a record apart; `None` if one of them is not there.
fn difference(release: &str, toolstack: bool, name: &str) -> Option<Vec<String>> {
    let of = |abi| {
        let all = record(release, abi, name);
        let (t, r) = *all.iter().find(|(t, _)| t.toolstack == toolstack)?;
        let mut lines = vec![format!("size {}", r.size)];
        layout(t, r, name, 0, &mut lines);
        Some(lines.into_iter().collect::<BTreeSet<_>>())
    };
    Some(pins::differences(&of(Abi::X86_32)?, &of(Abi::X86_64)?))
}

#[test]
fn x86_guests_share_what_upstream_says_they_share() -> Result<()> {
    let (mut checked, mut wrong, mut unknown) = (BTreeMap::new(), Vec::new(), Vec::new());
    let mut translated = BTreeSet::new();
    for line in pins::read(SHARED)? {
        let mut words = line.split_whitespace();
        let name = words.next().context("an empty line")?;
        let verdict = words
            .next()
            .with_context(|| format!("{SHARED}: `{line}`"))?;
        ensure!(
            matches!(verdict, "same" | "translated"),
            "{SHARED}: `{line}`"
        );
        let exception = DIFFER.iter().any(|(n, _)| *n == name);
        for release in words {
            ensure!(
                RELEASES.iter().any(|r| r.0 == release),
                "{SHARED}: `{line}`"
            );
            let both = [false, true].map(|t| difference(release, t, name));
            // Older releases are there as far as their toolstack needs them.
            if both.iter().all(Option::is_none) && release == NEWEST.0 {
                unknown.push(name.to_owned());
            }
            for difference in both.into_iter().flatten() {
                *checked.entry(verdict.to_owned()).or_insert(0) += 1;
                match verdict {
                    "same" if exception && difference.is_empty() => {
                        wrong.push(format!("{release} {name} is the same, and no exception"));
                    }
                    "same" if !exception && !difference.is_empty() => {
                        wrong.push(format!("{release} {name}:\n  {}", difference.join("\n  ")));
                    }
                    "same" => {}
                    _ if difference.is_empty() => {
                        translated.insert(format!("{release} {name} same"));
                    }
                    _ => {
                        translated.insert(format!("{release} {name} differs"));
                    }
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "x86_32 (-) and x86_64 (+) differ in\n{}",
        wrong.join("\n")
    );
    assert!(unknown.is_empty(), "the tables have none of {unknown:?}");
    println!("{checked:?} layouts compared");
    pins::check(TRANSLATED, TRANSLATED_ABOUT, &translated)
}
