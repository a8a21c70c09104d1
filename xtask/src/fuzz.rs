//! `cargo xtask fuzz`: each target of `fuzz/` under libFuzzer for a moment, from its committed corpus on.
//!
//! Two compiler options that every toolchain has put the counters into the code which libFuzzer steers by,
//! so this needs neither nightly nor cargo-fuzz: a C++ compiler is enough, for libFuzzer itself. What it
//! finds on the way stays below cargo's target folder.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::rust;
use crate::tool::{self, NOT_RUN};

/// The options of `cargo xtask fuzz`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Run these targets only
    #[arg(value_name = "TARGET")]
    only: Vec<String>,
    /// How many inputs each target is given, its corpus included
    #[arg(long, default_value_t = 20_000)]
    runs: u64,
    /// How long each target may take at most, in seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

/// What puts libFuzzer's counters into the code.
const COVERAGE: [&str; 7] = [
    "--cfg=fuzzing",
    "-Cdebug-assertions",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// The longest input.
const LONGEST: u32 = 256;

/// Whether a C++ compiler is there that libFuzzer can be built with; if not, why.
///
/// # Errors
/// What is missing.
pub fn find_compiler() -> Result<(), String> {
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    tool::run(Command::new(&compiler).arg("--version"))
        .map(|_| ())
        .map_err(|_| {
            format!(
                "the C++ compiler `{}` is missing",
                compiler.to_string_lossy()
            )
        })
}

/// The command: prints a line for each target.
///
/// # Errors
/// A target that does not exist or does not compile, and what libFuzzer found.
pub fn command(options: &Options) -> Result<ExitCode> {
    let targets = chosen(&targets()?, &options.only)?;
    if !cfg!(any(target_os = "linux", target_os = "macos")) {
        println!("NOT RUN: libFuzzer is for Linux and macOS");
        return Ok(ExitCode::from(NOT_RUN));
    }
    if let Err(missing) = find_compiler() {
        println!("NOT RUN: {missing}, which libFuzzer takes");
        return Ok(ExitCode::from(NOT_RUN));
    }
    let work = tool::cache_dir("fuzz")?;
    let host = host()?;
    build(&work, &host)?;
    println!(
        "{:<16} {:>9} {:>8} {:>8}",
        "target", "inputs", "coverage", "seconds"
    );
    for target in &targets {
        let start = Instant::now();
        let program = work.join(&host).join("release").join(target);
        let found = run(&program, target, &work, options)?;
        println!(
            "{target:<16} {:>9} {:>8} {:>8.1}",
            found.inputs,
            found.coverage,
            start.elapsed().as_secs_f64()
        );
    }
    println!("{} targets, no crash", targets.len());
    Ok(ExitCode::SUCCESS)
}

/// The targets' names: those of their programs.
fn targets() -> Result<Vec<String>> {
    let folder = tool::root().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let stem = path.file_stem().context("a file without a name")?;
        names.push(stem.to_string_lossy().into_owned());
    }
    ensure!(!names.is_empty(), "{} is empty", folder.display());
    names.sort();
    Ok(names)
}

/// Those of these names, or all.
fn chosen(targets: &[String], only: &[String]) -> Result<Vec<String>> {
    for name in only {
        ensure!(
            targets.contains(name),
            "no target is named {name:?}; there are {}",
            targets.join(", ")
        );
    }
    let wanted = |name: &&String| only.is_empty() || only.contains(name);
    Ok(targets.iter().filter(wanted).cloned().collect())
}

/// The target that rustc compiles for by itself.
fn host() -> Result<String> {
    let output = tool::run(rust::rustc().arg("-vV"))?;
    let text = String::from_utf8(output.stdout).context("rustc's output")?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc names no host")?.to_owned())
}

/// Compiles all programs. Naming the target keeps the counters out of build scripts.
fn build(work: &Path, host: &str) -> Result<()> {
    let mut cargo = rust::cargo();
    cargo.args(["build", "--release", "--package", "xen-abi-fuzz", "--bins"]);
    cargo.args(["--features", "libfuzzer", "--target", host, "--target-dir"]);
    cargo.arg(work);
    cargo.env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo.env("RUSTFLAGS", COVERAGE.join(" "));
    tool::run(&mut cargo)?;
    Ok(())
}

/// What libFuzzer says at its end.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    inputs: u64,
    coverage: u64,
}

fn run(program: &Path, target: &str, work: &Path, options: &Options) -> Result<Found> {
    // New inputs go to the first folder. It begins empty, so that a run does not depend on the last.
    let new = work.join("new").join(target);
    if new.exists() {
        std::fs::remove_dir_all(&new).with_context(|| new.display().to_string())?;
    }
    std::fs::create_dir_all(&new).with_context(|| new.display().to_string())?;
    let mut fuzzer = Command::new(program);
    fuzzer.current_dir(tool::root());
    fuzzer.arg(format!("-runs={}", options.runs));
    fuzzer.arg(format!("-max_total_time={}", options.seconds));
    fuzzer.arg(format!("-max_len={LONGEST}"));
    // No input takes a hundredth of that.
    fuzzer.args(["-timeout=10", "-print_final_stats=1"]);
    fuzzer.arg(format!("-artifact_prefix={}/{target}-", work.display()));
    fuzzer.arg(&new);
    fuzzer.arg(Path::new("fuzz/corpus").join(target));
    let output = tool::run(&mut fuzzer)?;
    let said = String::from_utf8_lossy(&output.stderr);
    read(&said).with_context(|| format!("`{}` said:\n{said}", tool::line(&fuzzer)))
}

/// Reads what libFuzzer printed. Without counters it would run all the same, but blindly.
fn read(said: &str) -> Result<Found> {
    let after = |line: &str, word: &str| -> Option<u64> {
        let (_, rest) = line.split_once(word)?;
        rest.split_whitespace().next()?.parse().ok()
    };
    let inputs = said
        .lines()
        .find_map(|line| after(line, "stat::number_of_executed_units:"))
        .context("it did not say how many inputs it ran")?;
    let coverage = said
        .lines()
        .filter_map(|line| after(line, " cov: "))
        .max()
        .context("it did not say what it covered")?;
    ensure!(inputs > 0, "it ran no input");
    ensure!(
        coverage > 100,
        "{coverage} counters went up: it saw nothing of the code"
    );
    Ok(Found { inputs, coverage })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_chosen_by_name() {
        let all = targets().unwrap();
        assert!(
            all.len() > 5 && all.contains(&"back_ring".to_owned()),
            "{all:?}"
        );
        assert_eq!(chosen(&all, &[]).unwrap(), all);
        assert_eq!(chosen(&all, &all[1..3]).unwrap(), all[1..3]);
        let error = chosen(&all, &["nosuch".to_owned()])
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("no target is named \"nosuch\"; there are "),
            "{error}"
        );
    }

    #[test]
    fn what_libfuzzer_prints_is_read() {
        let said = "#2\tINITED cov: 90 ft: 91 corp: 1/1b exec/s: 0 rss: 26Mb\n\
                    #20000\tDONE   cov: 532 ft: 2 corp: 3/4b\n\
                    stat::number_of_executed_units: 20000\n";
        let found = Found {
            inputs: 20_000,
            coverage: 532,
        };
        assert_eq!(read(said).unwrap(), found);
        let blind = said.replace("532", "0").replace("90", "0");
        assert!(
            read(&blind)
                .unwrap_err()
                .to_string()
                .contains("saw nothing")
        );
        assert!(read("").is_err());
        assert!(read(&said.replace(": 20000", ": 0")).is_err());
    }
}
