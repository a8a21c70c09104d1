//! Counting instructions: this program again, under callgrind, which writes down what was executed
//! between two marks.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use xtask::tool;

use crate::cases::{Bench, CASES, Case};
use crate::sides::Side;

/// The argument with which this program runs itself.
pub(crate) const ARGUMENT: &str = "--between-marks";

/// Rounds of the two runs of a case; their difference has neither beginning nor end in it.
const FEW: u64 = 16;
const MANY: u64 = 16 + 256;

/// A function by whose name callgrind knows that it shall write down its counts and begin anew.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn ring_benchmark_mark() {
    std::hint::black_box(());
}

/// The cases that have a count.
fn counted() -> impl Iterator<Item = &'static Case> {
    CASES.iter().filter(|case| case.is_alone())
}

/// Runs every case with a mark before and after, in the program that callgrind watches.
pub(crate) fn between_marks(sides: &[Side]) -> Result<()> {
    let mut bench = Bench::new();
    for case in counted() {
        for side in sides {
            for rounds in [FEW, MANY] {
                ring_benchmark_mark();
                let _ = bench.run(case, side, rounds)?;
                ring_benchmark_mark();
            }
        }
    }
    Ok(())
}

/// Instructions for one operation, by case and side: a list for each case of [`CASES`], empty for
/// those that are not counted.
///
/// # Errors
/// valgrind is missing or failed, or wrote something else than expected.
pub(crate) fn instructions(sides: &[Side]) -> Result<Vec<Vec<f64>>> {
    ensure!(
        tool::have("valgrind"),
        "valgrind is missing (Debian package `valgrind`), so no instructions are counted"
    );
    let dir = tempfile::tempdir().context("making a folder for callgrind")?;
    let out = dir.path().join("out");
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--dump-before=ring_benchmark_mark"]);
    command.arg(format!("--callgrind-out-file={}", out.display()));
    command.arg(std::env::current_exe().context("finding this program")?);
    tool::run(command.arg(ARGUMENT))?;
    let mut dumps = 1..;
    let mut counts = Vec::new();
    for case in CASES {
        let sides = if case.is_alone() { sides } else { &[] };
        let mut row = Vec::new();
        for _ in sides {
            let mut between = [0; 2];
            for count in &mut between {
                // The first mark wrote down what came before it.
                dumps.next();
                let number = dumps.next().unwrap_or_default();
                *count = total(&dir.path().join(format!("out.{number}")))?;
            }
            let [few, many] = between;
            ensure!(many > few, "{}: {few} and {many} instructions", case.name);
            row.push((many - few) as f64 / ((MANY - FEW) * case.operations) as f64);
        }
        counts.push(row);
    }
    Ok(counts)
}

/// The instructions in one of callgrind's files.
fn total(path: &Path) -> Result<u64> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let line = text.lines().find_map(|line| line.strip_prefix("summary: "));
    let count = line.with_context(|| format!("{} has no summary", path.display()))?;
    count
        .trim()
        .parse()
        .with_context(|| format!("{count:?} in {}", path.display()))
}
