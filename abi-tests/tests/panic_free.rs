//! No path of the rings and of blkif can panic, whatever the other end writes.
//!
//! `panic-probe` takes all of them with values that the compiler knows nothing about. It is linked in a
//! release build for targets without a system, where the linker drops what is not reached. If any
//! path could panic, the function that handles panics, or one of those in `core` that lead there, would be
//! in the program.
//!
//! Texts of errors are left out: `core::fmt` has panics of its own, and no peer makes anybody print.

use std::collections::BTreeSet;

use abi_tests::disassembly::probes;
use anyhow::{Context, Result, anyhow, ensure};
use object::{Object, ObjectSymbol, SymbolKind};
use xtask::{rust, tool};

/// Names that stand in the symbol of each function by which Rust panics.
const PANICS: [&str; 3] = ["panicking", "rust_begin_unwind", "rust_panic"];

/// Functions of the probe, by which a path left out would be noticed.
const PATHS: [&str; 15] = [
    "sizes",
    "ring_ends",
    "front_end",
    "back_end",
    "blkif_backend",
    "blkif_frontend",
    "blkif_indirect",
    "blkif_names",
    "blkif_nodes",
    "flex_ends",
    "console_ends",
    "xenstore_ends",
    "vchan_ends",
    "event_pages",
    "fbif_head",
];

/// The names of all functions in the linked probe.
fn functions(target: &str, control: bool) -> Result<BTreeSet<String>> {
    let core = rust::find_core(target)?.map_err(|why| anyhow!("NOT RUN for {target}: {why}"))?;
    let folder = probes(target)?;
    let mut cargo = core.cargo();
    cargo
        .args(["build", "--quiet", "--release", "--package", "panic-probe"])
        .args(["--target", target, "--target-dir"])
        .arg(&folder)
        .args(core.options());
    if control {
        cargo.args(["--features", "control"]);
    }
    tool::run(&mut cargo)?;
    let path = folder.join(target).join("release/panic-probe");
    let bytes = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    let file = object::File::parse(&*bytes)?;
    let text = file
        .symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition())
        .map(|symbol| symbol.name().map(str::to_owned));
    Ok(text.collect::<Result<_, _>>()?)
}

/// Those of the functions by which the program panics.
fn panics(functions: &BTreeSet<String>) -> Vec<&String> {
    let leads = |name: &&String| PANICS.iter().any(|part| name.contains(part));
    functions.iter().filter(leads).collect()
}

fn check(target: &str) -> Result<()> {
    let plain = functions(target, false)?;
    for path in PATHS {
        // Of either way to mangle, this is how a function in a module is written.
        let mangled = format!("{}{path}", path.len());
        ensure!(
            plain.iter().any(|name| name.contains(&mangled)),
            "{target}: the probe takes no path {path}"
        );
    }
    let found = panics(&plain);
    ensure!(
        found.is_empty(),
        "{target}: these can be reached: {found:#?}"
    );

    let control = functions(target, true)?;
    ensure!(
        !panics(&control).is_empty(),
        "{target}: an index without a check is not noticed"
    );
    println!(
        "{target}: {} functions, none of which panics; the control has {:?}",
        plain.len(),
        panics(&control)
    );
    Ok(())
}

#[test]
fn on_a_host_of_64_bits() -> Result<()> {
    check("x86_64-unknown-none")
}

#[test]
fn on_a_host_of_32_bits() -> Result<()> {
    check("armv7a-none-eabi")
}
