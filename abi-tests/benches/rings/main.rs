//! Rings side by side: Rust and, compiled by gcc and clang, C with the macros of Xen's headers.
//!
//! `cargo bench -p abi-tests` times each case on each side, counts the instructions of those that run
//! on one thread, and prints a table. `cargo test -p abi-tests --bench rings` runs each case once and
//! holds the results of all sides against each other.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use criterion::{BenchmarkId, Criterion};

mod cases;
mod count;
mod loops;
mod sides;
mod table;

use cases::{Bench, CASES};
use loops::BROKEN;
use sides::Side;

fn main() -> Result<()> {
    let sides = sides::all()?;
    if std::env::args().any(|argument| argument == count::ARGUMENT) {
        return count::between_marks(&sides);
    }
    let equal = compare(&sides)?;
    let timed = std::env::args().any(|argument| argument == "--bench")
        && !std::env::args().any(|argument| argument == "--test");
    let home = xtask::tool::cache_dir("criterion")?;
    let mut criterion = Criterion::default()
        .output_directory(&home)
        .without_plots()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .configure_from_args();
    let mut bench = Bench::new();
    for case in CASES {
        let mut group = criterion.benchmark_group(case.name);
        for side in &sides {
            group.bench_function(BenchmarkId::from_parameter(&side.name), |bencher| {
                bencher.iter_custom(|rounds| {
                    let (_, time) = bench.run(case, side, rounds).expect("it ran before");
                    time
                });
            });
        }
        group.finish();
    }
    criterion.final_summary();
    println!("{equal} runs gave the same on all sides");
    let counts = count::instructions(&sides);
    if timed {
        let counts = counts.unwrap_or_else(|error| {
            println!("{error:#}");
            vec![Vec::new(); CASES.len()]
        });
        table::print(&home, &sides, &counts)
    } else {
        counts.map(drop).context("counting instructions")
    }
}

/// Runs each case on all sides and holds results and rings against each other. Returns how many runs.
fn compare(sides: &[Side]) -> Result<usize> {
    let mut bench = Bench::new();
    let mut runs = 0;
    for case in CASES {
        let mut first = None;
        for side in sides {
            let (sum, _) = bench.run(case, side, 1000)?;
            let mut header = bench.header().to_vec();
            if !case.is_alone() {
                // Who is how far ahead is a matter of time; the producers' indices are not.
                header.truncate(4);
            }
            ensure!(
                sum != BROKEN,
                "{}: {} found its ring out of order",
                case.name,
                side.name
            );
            let result = (sum, header);
            runs += 1;
            let expected = first.get_or_insert_with(|| result.clone());
            ensure!(
                *expected == result,
                "{}: {} gives {result:x?}, {} {expected:x?}",
                case.name,
                side.name,
                sides[0].name
            );
        }
    }
    Ok(runs)
}
