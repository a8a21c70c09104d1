//! The tests of the rings and of blkif under Miri, which knows undefined behaviour when it comes to it.
//!
//! What touches memory runs as three processors do, which differ in the width and the alignment of words:
//! x86_64, i686 and aarch64. Code that only parses has nothing of that, and runs as one. Miri is some
//! thousand times slower than a processor, so that properties are tried on a few small cases here, and the
//! tests themselves do less; what they find is found by the same tests outside Miri, on many more. A test
//! with a race on purpose shows that Miri looks.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::process::{self, Ended};
use crate::rust;
use crate::tool;

/// The tests' pages are never freed, so that no mapping outlives one. Properties that say nothing else are
/// tried once, on values of at most ten parts: the first alone goes through all of their code.
const FLAGS: &str = "-Zmiri-ignore-leaks -Zmiri-env-set=QUICKCHECK_TESTS=1 \
     -Zmiri-env-set=QUICKCHECK_GENERATOR_SIZE=10";

/// What touches memory.
const MEMORY: &[&str] = &["barrier::", "ring::", "blkif::tests::"];

/// What parses and prints.
const TEXT: &[&str] = &[
    "blkif::decimal::",
    "blkif::excerpt::",
    "blkif::negotiation::",
    "blkif::protocol::",
    "blkif::vbd::",
];

/// The test with the race, by which it is called, and what Miri says to it.
const RACE: &str = "a_write_past_the_mapping_is_a_race";
const REPORT: &str = "Undefined Behavior: Data race detected";

/// Far more than any run takes, on a machine that does other things too.
const LIMIT: Duration = Duration::from_secs(1800);

/// One run of Miri.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// The end of its log's name.
    name: &'static str,
    target: &'static str,
    /// The beginnings of the names of its tests.
    tests: &'static [&'static str],
    /// Further options of the test program.
    options: &'static [&'static str],
}

/// All runs; the longest first, as two go at a time.
const RUNS: [Run; 5] = [
    Run {
        name: "x86_64",
        target: "x86_64-unknown-linux-gnu",
        tests: MEMORY,
        options: &[],
    },
    Run {
        name: "i686",
        target: "i686-unknown-linux-gnu",
        tests: MEMORY,
        options: &[],
    },
    Run {
        name: "aarch64",
        target: "aarch64-unknown-linux-gnu",
        tests: MEMORY,
        options: &[],
    },
    Run {
        name: "text",
        target: "x86_64-unknown-linux-gnu",
        tests: TEXT,
        options: &[],
    },
    Run {
        name: "race",
        target: "x86_64-unknown-linux-gnu",
        tests: &[RACE],
        options: &["--ignored"],
    },
];

/// All runs, two at a time.
///
/// # Errors
/// What Miri found, or that it found no race where there is one; the output is in the log.
pub fn check(log: &Path) -> Result<String> {
    let waiting = Mutex::new(RUNS.iter());
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().expect("no thread panics").next();
                    let Some(run) = next else { break };
                    let result = run.result(log).with_context(|| run.name);
                    results.lock().expect("no thread panics").push(result);
                }
            });
        }
    });
    // The suite's log has one run after the other.
    let mut all = String::new();
    for run in RUNS {
        all += &std::fs::read_to_string(run.log(log)).unwrap_or_default();
    }
    std::fs::write(log, all).with_context(|| log.display().to_string())?;
    let mut notes = Vec::new();
    let mut wrong = Vec::new();
    for result in results.into_inner().expect("no thread panics") {
        match result {
            Ok(note) => notes.push(note),
            Err(error) => wrong.push(format!("{error:#}")),
        }
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("; "));
    }
    Ok(notes.join(", "))
}

impl Run {
    /// Where its output goes at first.
    fn log(self, suite: &Path) -> PathBuf {
        suite.with_extension(format!("{}.log", self.name))
    }

    fn command(self) -> Result<Command> {
        let mut cargo = rust::nightly_cargo();
        cargo
            .args(["miri", "test", "--package", "xen-abi", "--lib"])
            .args(["--target", self.target, "--target-dir"])
            .arg(tool::cache_dir("miri")?)
            .arg("--")
            .args(self.options)
            .args(self.tests)
            .env("CARGO_TERM_COLOR", "never")
            .env("MIRIFLAGS", FLAGS);
        Ok(cargo)
    }

    /// Runs it and looks at what came of it.
    fn result(self, suite: &Path) -> Result<String> {
        let log = self.log(suite);
        std::fs::write(&log, "").with_context(|| log.display().to_string())?;
        let ended = process::run(&mut self.command()?, &log, LIMIT, || ())?;
        let Ended::Status(status) = ended else {
            bail!("ended after {} s", LIMIT.as_secs());
        };
        self.judge(status.success(), &std::fs::read_to_string(&log)?)
    }

    /// Whether this is what had to come.
    fn judge(self, success: bool, text: &str) -> Result<String> {
        if self.tests == [RACE] {
            ensure!(!success, "Miri lets a race pass");
            ensure!(text.contains(REPORT), "no race is reported");
            return Ok("a race is noticed".to_owned());
        }
        ensure!(success, "failed");
        let ran: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... ok"))
            .collect();
        for part in self.tests {
            ran.iter()
                .find(|test| test.starts_with(part))
                .ok_or_else(|| anyhow!("no test of {part} ran"))?;
        }
        Ok(format!("{} {}", self.name, ran.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_has_to_run() {
        let [x86_64, .., race] = RUNS;
        let text = "test barrier::a ... ok\ntest ring::b ... ok\ntest blkif::tests::c ... ok\n";
        assert_eq!(x86_64.judge(true, text).unwrap(), "x86_64 3");
        let error = x86_64.judge(true, &text.replace("ring", "ping"));
        assert_eq!(error.unwrap_err().to_string(), "no test of ring:: ran");
        assert!(x86_64.judge(false, text).is_err());

        assert!(race.judge(true, "test x ... ok\n").is_err());
        assert!(race.judge(false, "test x ... FAILED\n").is_err());
        let text = "error: Undefined Behavior: Data race detected between ...\n";
        assert!(race.judge(false, text).is_ok());
    }

    #[test]
    fn all_modules_with_tests_are_in_a_run() {
        let modules = |folder: &str| -> Vec<String> {
            std::fs::read_dir(tool::root().join(folder))
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.is_file())
                .filter(|path| std::fs::read_to_string(path).unwrap().contains("mod tests"))
                .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
                .filter(|name| name != "mod")
                .collect()
        };
        let covered = |name: &str| MEMORY.iter().chain(TEXT).any(|part| name.starts_with(part));
        let found = modules("src/blkif");
        assert!(found.contains(&"vbd".to_owned()), "{found:?}");
        for module in found {
            assert!(covered(&format!("blkif::{module}::")), "{module}");
        }
    }
}
