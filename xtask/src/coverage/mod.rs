//! `cargo xtask coverage`: whether every name of the headers is in the crate.
//!
//! An inventory of each view of the headers ([`inventory`]) is held against what the crate really exports,
//! which a compiled [`probe`] tells, and against two lists: `left-out.toml` ([`left_out`]) says why some
//! names are not there, `macros.toml` ([`function_macros`]) what became of each macro with parameters. A
//! name that is neither there nor in a list is missing; a list that names what is there, or what no header
//! has, is wrong. Both make the command fail. [`docs`] looks at the doc line of every generated item,
//! [`source`] at whether what stands for a macro or an inline function is found by its C name.

pub mod compare;
pub mod docs;
pub mod function_macros;
pub mod inventory;
pub mod item;
pub mod left_out;
pub mod place;
pub mod preprocess;
pub mod probe;
pub mod source;
pub mod walk;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use clang::Clang;

use self::compare::Verdict;
use self::function_macros::Fate;
use self::inventory::Inventory;
use self::item::Kind;
use self::place::{Asked, Stock};
use self::source::Source;
use crate::compiler::{Compiler, Family};
use crate::generate;
use crate::headers::{ABIS, Abi, Mode, NEWEST, RELEASES, View};

/// What the command is asked for.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Print every name that is left out, with the reason.
    #[arg(long)]
    list_left_out: bool,
}

/// The views whose names must be in the crate.
pub fn views() -> Vec<View> {
    let mut views: Vec<View> = ABIS.map(|abi| View::new(NEWEST, abi, Mode::Guest)).into();
    for release in RELEASES {
        views.extend(ABIS.map(|abi| View::new(release, abi, Mode::Tools)));
    }
    views
}

/// Inventories of every release, ABI and mode.
///
/// # Errors
/// A compiler or libclang is missing, or the headers can't be read.
pub fn stock() -> Result<Stock> {
    let clang = Clang::new().map_err(|e| {
        anyhow!("{e}\nlibclang 14 or newer is needed (Debian: libclang-14-dev or newer; or set LIBCLANG_PATH)")
    })?;
    let mut views = Vec::new();
    for abi in ABIS {
        // Any preprocessor will do; clang serves all ABIs with one program.
        let compiler = Compiler::find(Family::Clang, abi).or_else(|clang| {
            Compiler::find(Family::Gcc, abi).map_err(|gcc| anyhow!("{clang:#}; {gcc:#}"))
        })?;
        for release in RELEASES {
            for mode in [Mode::Guest, Mode::Tools] {
                views.push((compiler.clone(), View::new(release, abi, mode)));
            }
        }
        for version in older_versions(abi)? {
            let view = View {
                interface: Some(version),
                ..View::new(NEWEST, abi, Mode::Guest)
            };
            views.push((compiler.clone(), view));
        }
    }
    // The preprocessor is at the next views while libclang, which one thread must keep to itself, walks.
    let (send, receive) = mpsc::sync_channel(4);
    thread::scope(|scope| {
        scope.spawn(move || {
            for (compiler, view) in views {
                let macros = view
                    .wrapper()
                    .and_then(|text| preprocess::macros(&compiler, &view, &text));
                if send.send((view, macros)).is_err() {
                    return;
                }
            }
        });
        let mut stock = Stock::new();
        for (view, macros) in receive {
            stock.insert(view, Inventory::with_macros(&clang, view, macros?)?);
        }
        Ok(stock)
    })
}

/// The interface versions just below those at which some header of the ABI changes.
///
/// # Errors
/// A header can't be read, or compares in a way that is not understood.
fn older_versions(abi: Abi) -> Result<BTreeSet<u32>> {
    let view = View::new(NEWEST, abi, Mode::Guest);
    let gates = generate::compat::gates(&view)?;
    for header in view.all_headers()? {
        let path = view.release.include_dir().join("public").join(&header);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("reading {}", path.display()))?;
        for version in place::compared(&text) {
            if !gates.contains(&version) && !gates.contains(&(version + 1)) {
                bail!(
                    "{header} compares with interface version {version:#010x}, which has no module"
                );
            }
        }
    }
    Ok(gates.into_iter().map(|gate| gate - 1).collect())
}

/// Runs the command.
///
/// # Errors
/// Something that is needed is missing or fails. Missing names are no error but a failing exit status.
pub fn command(options: &Options) -> Result<ExitCode> {
    let start = Instant::now();
    let list = left_out::List::read()?;
    let macros = function_macros::read()?;
    let stock = stock()?;
    println!(
        "{} views of the headers read in {:.1} s",
        stock.len(),
        start.elapsed().as_secs_f32()
    );

    let mut asked: Vec<Asked<'_>> = Vec::new();
    let mut switched = HashMap::new();
    for abi in ABIS {
        let (older, by_name) = place::older(&stock, abi);
        asked.extend(older);
        switched.insert(abi, by_name);
    }
    for view in views() {
        asked.extend(place::questions(
            &stock,
            view,
            &switched[&view.abi],
            &macros,
        ));
    }
    let mut lines: BTreeSet<String> = asked.iter().flat_map(|a| a.lines.iter().cloned()).collect();
    for entry in macros.values() {
        if let Fate::Done(path) = &entry.fate {
            lines.insert(place::there(path));
        }
    }
    let instead = list
        .left_out
        .iter()
        .filter_map(|entry| entry.instead.as_ref());
    lines.extend(instead.map(|path| place::there(path)));
    let probe = probe::Probe::new("probe")?;
    let answer = probe.ask(&lines, |line| println!("{line}"))?;
    let mut verdict = compare::judge(&asked, &answer.failed, &list, &macros);
    other_macros(&stock, &macros, &answer.failed, &mut verdict)?;
    let unfound = compare::not_found_by_c_name(&Source::read()?, &macros, &list, &verdict);
    verdict.rot.extend(unfound);

    println!();
    for abi in ABIS {
        println!("{}", compare::table(&verdict, abi));
    }
    println!("{}", function_like(&verdict, &macros));
    let documented = docs::check()?;
    println!(
        "doc lines: {} generated items and {} that are another ABI's, {} without the C name and header",
        documented.items,
        documented.shared,
        documented.wrong.len()
    );
    // The probe has seen that many items by name in the generated modules, so the files must show them.
    let named = answer.named("xen_public::abi::") + answer.named("xen_public::toolstack::");
    if documented.items + documented.shared < named {
        bail!(
            "only {} items were found in the generated files, but the crate has {named}",
            documented.items + documented.shared
        );
    }
    if options.list_left_out {
        print!("\n{}", left_out_list(&verdict, &list));
    } else {
        println!("what is left out, and why: cargo xtask coverage --list-left-out");
    }

    for (what, views) in &verdict.missing {
        println!("missing: {what} ({})", in_short(views));
    }
    for what in verdict.rot.iter().chain(&documented.wrong) {
        println!("wrong: {what}");
    }
    println!("{:.1} s", start.elapsed().as_secs_f32());
    let good = verdict.is_good() && documented.wrong.is_empty();
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What else `macros.toml` must hold: an entry for what only guests of older releases see, and for each
/// entry on a condition a definition in some header's text, and its Rust path.
fn other_macros(
    stock: &Stock,
    macros: &function_macros::List,
    failed: &BTreeMap<String, String>,
    verdict: &mut Verdict,
) -> Result<()> {
    let newest = |view: &&View| view.interface.is_none();
    for view in stock.keys().filter(newest) {
        let items = stock[view].items.iter();
        for item in items.filter(|item| item.kind == Kind::FunctionMacro) {
            if !macros.contains_key(&(item.header.clone(), item.name.clone())) {
                let what = format!("macros.toml: no word of {} of {}", item.name, item.header);
                verdict.rot.insert(what);
            }
        }
    }
    for ((header, name), entry) in macros.iter().filter(|(_, m)| m.when.is_some()) {
        if !preprocess::stands_in_text(header, name)? {
            verdict.rot.insert(format!(
                "macros.toml: {name} of {header} is in no header's text"
            ));
        }
        if let Fate::Done(path) = &entry.fate {
            if failed.contains_key(&place::there(path)) {
                verdict.rot.insert(format!(
                    "macros.toml: {name} of {header}: `{path}` does not exist"
                ));
            }
        }
    }
    Ok(())
}

/// The function-like macros of all views together, in one line.
fn function_like(verdict: &Verdict, macros: &function_macros::List) -> String {
    let seen = macros.values().filter(|m| m.when.is_none());
    let mut fates = [0; 3];
    for entry in seen {
        fates[match entry.fate {
            Fate::Done(_) => 0,
            Fate::Waits(_) => 1,
            Fate::LeftOut(_) => 2,
        }] += 1;
    }
    let missing = verdict
        .missing
        .keys()
        .filter(|m| m.contains(": function-like macro "))
        .count();
    let [done, waiting, left_out] = fates;
    let unlisted = verdict
        .missing
        .keys()
        .filter(|m| m.ends_with("macros.toml"))
        .count();
    format!(
        "function-like macros of all views, by header and name: {} in headers, {} done, {waiting} waiting, {left_out} left out, {missing} missing; {} more on conditions that no view meets",
        done + waiting + left_out + unlisted,
        done - (missing - unlisted),
        macros.values().filter(|m| m.when.is_some()).count(),
    )
}

/// The left-out list with what really falls under each entry.
fn left_out_list(verdict: &Verdict, list: &left_out::List) -> String {
    let mut text = String::new();
    for (number, entry) in list.left_out.iter().enumerate() {
        let Some(items) = verdict.left_out.get(&number) else {
            continue;
        };
        text += &format!("{} ({} names)\n", entry.why(), items.len());
        for ((kind, header, name), views) in items {
            text += &format!(
                "  {header}: {} {name} ({})\n",
                compare::one(*kind),
                in_short(views)
            );
        }
    }
    text
}

/// A set of views in few words.
fn in_short(views: &BTreeSet<View>) -> String {
    let all: BTreeSet<View> = self::views().into_iter().collect();
    if *views == all {
        return "everywhere".into();
    }
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for view in views {
        let mode = match (view.mode, view.interface) {
            (_, Some(version)) => format!("below interface {:#010x}", version + 1),
            (Mode::Guest, None) => "guest".into(),
            (Mode::Tools, None) => "tools".into(),
        };
        groups
            .entry(format!("{} {mode}", view.release))
            .or_default()
            .push(view.abi.module());
    }
    let groups: Vec<String> = groups
        .into_iter()
        .map(|(view, abis)| {
            if abis.len() == ABIS.len() {
                view
            } else {
                format!("{view} {}", abis.join(" "))
            }
        })
        .collect();
    groups.join(", ")
}
