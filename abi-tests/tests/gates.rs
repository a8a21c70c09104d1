//! The table of gates (`src/version/gates.csv`), against the headers and against a record of when names
//! came and went.
//!
//! The record, `data/gates/history.csv`, was read from the history of Xen's public headers and sources:
//! for each name its number, the first release whose headers have it, the first and the last whose
//! hypervisor does something with it, and where a hypercall's entry for a kind of guest filters what it
//! lets through, the first that lets it through. The table says more than that, and here and there
//! something else, for a reason: `data/gates/exceptions.csv`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use xtask::generate::emit::module_path;
use xtask::generate::gates::{self, Release, Row};
use xtask::generate::model::{Item, Value};
use xtask::generate::read::Reader;
use xtask::headers::{Abi, Mode, NEWEST, RELEASES, View};

/// The beginnings of names that need a row or a reason to have none.
const FAMILIES: [&str; 39] = [
    "__HYPERVISOR_",
    "CALLBACKOP_",
    "CALLBACKTYPE_",
    "CONSOLEIO_",
    "EVTCHNOP_",
    "FLASK_",
    "GNTCOPY_",
    "GNTMAP_",
    "GNTTABOP_",
    "GNTTAB_CACHE_",
    "HVMOP_",
    "HVM_PARAM_",
    "KEXEC_CMD_",
    "KEXEC_RANGE_",
    "MAP_PIRQ_TYPE_",
    "MMUEXT_",
    "MMU_",
    "PHYSDEVOP_",
    "SCHEDOP_",
    "SEGBASE_",
    "SHUTDOWN_",
    "TMEM_",
    "UVMF_",
    "VCPUOP_",
    "VMASST_",
    "XENFEAT_",
    "XENMAPSPACE_",
    "XENMEMF_",
    "XENMEM_",
    "XENNMI_",
    "XENOPROF_",
    "XENPF_",
    "XENPMU_",
    "XENVER_",
    "XEN_ARGO_OP_",
    "XEN_DMOP_",
    "XEN_HYPFS_OP_",
    "XEN_MC_",
    "DOM0_",
];

/// The numbers of a release's constants, by module and name, as x86 and as ARM sees them.
type Constants = BTreeMap<(String, String), i128>;

fn constants(reader: &Reader, release: xtask::headers::Release) -> Result<[Constants; 2]> {
    let mut both = [Constants::new(), Constants::new()];
    for (abi, constants) in [Abi::X86_64, Abi::Arm64].into_iter().zip(&mut both) {
        for (header, items) in reader.read(&View::new(release, abi, Mode::Tools))?.headers {
            let module = module_path(&header).join("::");
            for item in items {
                let Item::Constant(constant) = item else {
                    continue;
                };
                if let Some(number) = integer(&constant.value) {
                    constants.insert((module.clone(), constant.name), number);
                }
            }
        }
    }
    Ok(both)
}

fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Int { value, .. } => Some(*value),
        _ => None,
    }
}

/// What differs between the table and the headers of one release.
fn against_headers(rows: &[Row], constants: &[Constants; 2], newest: bool) -> BTreeSet<String> {
    let mut wrong = BTreeSet::new();
    for row in rows {
        let Some(header) = &row.header else {
            continue;
        };
        let key = (header.clone(), row.name.clone());
        let mut seen = false;
        for number in constants.iter().filter_map(|constants| constants.get(&key)) {
            seen = true;
            if *number != row.number.into() {
                wrong.insert(format!("{}: {} here, {number} there", row.name, row.number));
            }
        }
        if newest && !seen {
            wrong.insert(format!("{}: not in `{header}`", row.name));
        }
    }
    wrong
}

/// The names of the newest headers that have neither a row nor a reason, and reasons without a name.
fn left_out(rows: &[Row], constants: &[Constants; 2], reasons: &[(String, String)]) -> Vec<String> {
    let known: BTreeSet<_> = rows
        .iter()
        .map(|row| (row.header.clone().unwrap_or_default(), row.name.clone()))
        .collect();
    let mut used = BTreeSet::new();
    let mut wrong = BTreeSet::new();
    for (header, name) in constants.iter().flat_map(BTreeMap::keys) {
        if !FAMILIES.iter().any(|family| name.starts_with(family))
            || known.contains(&(header.clone(), name.clone()))
        {
            continue;
        }
        let reason = reasons
            .iter()
            .find(|(pattern, _)| match pattern.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => name == pattern,
            });
        match reason {
            Some((pattern, _)) => {
                used.insert(pattern);
            }
            None => {
                wrong.insert(format!("{header}: {name} has no row"));
            }
        }
    }
    let unused = reasons
        .iter()
        .filter(|(pattern, _)| !used.contains(pattern));
    wrong.extend(unused.map(|(pattern, _)| format!("{pattern} is left out, but is not there")));
    wrong.into_iter().collect()
}

fn records(name: &str) -> Result<Vec<BTreeMap<String, String>>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("data/gates")
        .join(name);
    let mut reader =
        csv::Reader::from_path(&path).with_context(|| format!("reading {}", path.display()))?;
    reader
        .deserialize()
        .map(|record| record.with_context(|| format!("reading {}", path.display())))
        .collect()
}

fn reasons(file: &str) -> Result<Vec<(String, String)>> {
    records(file)?
        .into_iter()
        .map(|record| {
            let (name, reason) = (record["name"].clone(), record["reason"].clone());
            ensure!(!reason.is_empty(), "{name} has no reason");
            Ok((name, reason))
        })
        .collect()
}

#[test]
fn numbers_and_names_are_those_of_the_headers() -> Result<()> {
    let rows = gates::rows()?;
    let reasons = reasons("left-out.csv")?;
    let reader = Reader::new()?;
    for release in RELEASES {
        let newest = release == NEWEST;
        let constants = constants(&reader, release)?;
        let wrong = against_headers(&rows, &constants, newest);
        assert!(wrong.is_empty(), "Xen {release}: {wrong:#?}");
        if !newest {
            continue;
        }
        let wrong = left_out(&rows, &constants, &reasons);
        assert!(wrong.is_empty(), "Xen {release}: {wrong:#?}");

        // Each of these is noticed.
        let mut altered = rows.clone();
        let at = altered.iter().position(|row| row.name == "EVTCHNOP_send");
        let at = at.context("no EVTCHNOP_send")?;
        altered[at].number = 14;
        assert_eq!(against_headers(&altered, &constants, newest).len(), 1);
        altered.remove(at);
        assert_eq!(left_out(&altered, &constants, &reasons).len(), 1);
    }
    Ok(())
}

/// The releases of a kind of guest: the first, and the first after them.
type Known = Option<(Release, Option<Release>)>;

const GUESTS: [&str; 3] = ["pv", "hvm", "arm"];

/// What the record says of a name.
struct Past {
    number: String,
    guests: [Known; 3],
}

fn release(text: &str) -> Result<Option<Release>> {
    if text.is_empty() {
        return Ok(None);
    }
    let release = Release::parse(text).with_context(|| format!("`{text}` is no release"))?;
    Ok(Some(release))
}

fn history() -> Result<BTreeMap<String, Past>> {
    let mut names: BTreeMap<String, Past> = BTreeMap::new();
    for record in records("history.csv")? {
        let name = &record["name"];
        let removed = release(&record["removed"])?;
        let first = match release(&record["hypervisor"])? {
            Some(first) => Some(first),
            None => release(&record["header"])?,
        };
        let code = &record["code"];
        let mut guests = [None; 3];
        for (at, guest) in GUESTS.iter().enumerate() {
            let handled = match (*guest, code.as_str()) {
                (_, "") => true,
                (_, code) if code.contains("common") => true,
                ("arm", code) => code.contains("arm"),
                (_, code) => code.contains("x86"),
            };
            let own = match record[*guest].as_str() {
                "-" => None,
                "" if handled => first,
                "" => None,
                text => release(text)?,
            };
            let Some(mut own) = own else {
                continue;
            };
            let mut end = removed;
            if !record["within"].is_empty() {
                let hypercall = names
                    .get(&record["within"])
                    .with_context(|| format!("{name} is in no hypercall"))?;
                let Some((first, limit)) = hypercall.guests[at] else {
                    continue;
                };
                own = own.max(first);
                end = match (end, limit) {
                    (Some(end), Some(limit)) => Some(end.min(limit)),
                    (end, limit) => end.or(limit),
                };
            }
            if end.is_none_or(|end| own < end) {
                guests[at] = Some((own, end));
            }
        }
        let number = record["number"].clone();
        let past = Past { number, guests };
        ensure!(
            names.insert(name.clone(), past).is_none(),
            "{name} is in the record twice"
        );
    }
    Ok(names)
}

fn written(known: Known) -> String {
    match known {
        None => "-".into(),
        Some((first, None)) => format!("{first}.."),
        Some((first, Some(end))) => format!("{first}..{end}"),
    }
}

/// Where the table and the record say different things: name, column, and what they say.
fn against_history(
    rows: &[Row],
    history: &BTreeMap<String, Past>,
) -> BTreeMap<(String, String), String> {
    let mut differences = BTreeMap::new();
    let by_name: BTreeMap<_, _> = rows.iter().map(|row| (&row.name, row)).collect();
    let mut differ = |name: &str, column: &str, what: String| {
        differences.insert((name.to_owned(), column.to_owned()), what);
    };
    for (name, past) in history {
        let Some(row) = by_name.get(name) else {
            differ(name, "row", "only in the record".into());
            continue;
        };
        if row.number.to_string() != past.number {
            let what = format!("{}, in the record {}", row.number, past.number);
            differ(name, "number", what);
        }
        for ((guest, spans), known) in GUESTS.iter().zip(&row.spans).zip(past.guests) {
            let first = spans.first().map(|span| span.first);
            let end = spans.last().and_then(|span| span.end);
            let here = first.map(|first| (first, end));
            if here != known {
                let what = format!("{}, in the record {}", written(here), written(known));
                differ(name, guest, what);
            }
        }
    }
    for row in rows.iter().filter(|row| !history.contains_key(&row.name)) {
        differ(&row.name, "row", "not in the record".into());
    }
    differences
}

#[test]
fn releases_are_those_of_the_record() -> Result<()> {
    let rows = gates::rows()?;
    let history = history()?;
    let mut differences = against_history(&rows, &history);
    let mut wrong = Vec::new();
    for exception in records("exceptions.csv")? {
        assert!(!exception["reason"].is_empty(), "{exception:?}");
        for column in exception["columns"].split_whitespace() {
            let key = (exception["name"].clone(), column.to_owned());
            if differences.remove(&key).is_none() {
                wrong.push(format!("{} {column}: no exception any more", key.0));
            }
        }
    }
    wrong.extend(
        differences
            .iter()
            .map(|((name, column), what)| format!("{name} {column}: {what}")),
    );
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));

    // Each of these is noticed.
    let at = rows
        .iter()
        .position(|row| row.name == "EVTCHNOP_init_control");
    let at = at.context("no EVTCHNOP_init_control")?;
    let count = against_history(&rows, &history).len();
    let mut altered = rows.clone();
    altered[at].spans[1][0].first = Release(4, 5, 0);
    altered[at].number += 1;
    assert_eq!(against_history(&altered, &history).len(), count + 2);
    altered.remove(at);
    assert_eq!(against_history(&altered, &history).len(), count + 1);
    Ok(())
}

/// The names that the code of the hypercalls uses, tests and the simulated hypervisor apart.
fn spoken(folder: &Path, names: &mut BTreeSet<String>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        if name.ends_with("tests") || name == "simulate" || name == "fake" {
            continue;
        }
        if path.is_dir() {
            spoken(&path, names)?;
            continue;
        }
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        names.extend(
            code.flat_map(|line| line.split(move |c| !part(c)))
                .map(str::to_owned),
        );
    }
    Ok(())
}

/// Each hypercall and each sub-op of the table is made by a function, or there is a reason why not.
#[test]
fn every_operation_has_a_function() -> Result<()> {
    let mut names = BTreeSet::new();
    spoken(&xtask::tool::root().join("src/hypercall"), &mut names)?;
    let reasons = reasons("not-called.csv")?;
    let fits = |pattern: &str, name: &str| match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    };
    let rows = gates::rows()?;
    let rows = rows
        .iter()
        .filter(|row| ["hypercall", "op"].contains(&row.kind.as_str()));
    let (called, not): (Vec<&Row>, Vec<&Row>) = rows.partition(|row| names.contains(&row.name));
    let forgotten: Vec<_> = not
        .iter()
        .filter(|row| !reasons.iter().any(|(pattern, _)| fits(pattern, &row.name)))
        .map(|row| &row.name)
        .collect();
    assert!(forgotten.is_empty(), "without a function: {forgotten:?}");
    for (pattern, _) in &reasons {
        let used = not.iter().any(|row| fits(pattern, &row.name));
        assert!(used, "{pattern} has functions, or no row");
    }
    println!(
        "{} operations are called, {} not, for a reason",
        called.len(),
        not.len()
    );
    Ok(())
}
