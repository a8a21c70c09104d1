//! `cargo xtask test`: everything that proves this workspace, with all the set-up it takes.
//!
//! The suites are data ([`suites`]): each has what it needs, a budget of time and the commands it runs.
//! What is missing is installed through apt or rustup where this machine lets us, and named where it does
//! not ([`needs`]). A suite's output goes to a log and is shown only if it fails ([`process`]). At the end
//! stands one line for each suite, and last the count ([`report`]): a suite that did not run is never
//! counted as passed, and with `--strict` one that could have run here has failed.

pub mod checks;
pub mod miri;
pub mod needs;
pub mod notice;
pub mod process;
pub mod report;
pub mod suites;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::rust;
use crate::tool::{self, NOT_RUN};
use needs::Provider;
use process::Ended;
use report::{Outcome, Report, Row};
use suites::{SUITES, Step, Suite};

/// The options of `cargo xtask test`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Run these suites only
    #[arg(long, value_name = "SUITE", num_args = 1..)]
    only: Vec<String>,
    /// List the suites, with their budgets and what they prove, and run nothing
    #[arg(long)]
    list: bool,
    /// Count a suite that did not run, but could run here, as failed
    #[arg(long)]
    strict: bool,
    /// Install nothing: suites that lack something are not run
    #[arg(long)]
    no_install: bool,
}

/// Runs the command.
///
/// # Errors
/// A suite that does not exist, or a log that cannot be written. What failed in a suite is in the report
/// and in the exit status.
pub fn command(options: &Options) -> Result<ExitCode> {
    let suites = chosen(&options.only)?;
    if options.list {
        print!("{}", report::list(&suites));
        return Ok(ExitCode::SUCCESS);
    }
    let bench = Bench::new(options.no_install)?;
    let mut provider = Provider::new(options.no_install);
    let mut rows = Vec::new();
    for suite in suites {
        let start = Instant::now();
        let outcome = bench.run(suite, &mut provider)?;
        let row = Row {
            name: suite.name,
            outcome,
            took: start.elapsed(),
            budget: suite.budget(),
        };
        println!("{}", row.line());
        rows.push(row);
    }
    let report = Report {
        rows,
        strict: options.strict,
    };
    print!("\n{}", report.text());
    Ok(if report.good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The suites of those names, in the order in which they run; all for no names.
fn chosen(names: &[String]) -> Result<Vec<&'static Suite>> {
    for name in names {
        if !SUITES.iter().any(|suite| suite.name == name) {
            let known: Vec<_> = SUITES.iter().map(|suite| suite.name).collect();
            bail!("no suite is named {name:?}; there are {}", known.join(", "));
        }
    }
    Ok(SUITES
        .iter()
        .filter(|suite| names.is_empty() || names.iter().any(|name| name == suite.name))
        .collect())
}

/// What the suites run with.
struct Bench {
    logs: PathBuf,
    /// A copy of this program: the workspace's own builds replace the one that runs.
    xtask: PathBuf,
    no_install: bool,
}

impl Bench {
    fn new(no_install: bool) -> Result<Self> {
        let logs = tool::cache_dir("test")?;
        let own = std::env::current_exe().context("finding this program's file")?;
        let xtask = logs
            .join("xtask")
            .with_extension(std::env::consts::EXE_EXTENSION);
        // Removed first: the file of a program that still runs can't be written.
        let _ = std::fs::remove_file(&xtask);
        std::fs::copy(&own, &xtask)
            .with_context(|| format!("copying {} to {}", own.display(), xtask.display()))?;
        Ok(Self {
            logs,
            xtask,
            no_install,
        })
    }

    fn run(&self, suite: &Suite, provider: &mut Provider) -> Result<Outcome> {
        let log_path = self.logs.join(suite.name).with_extension("log");
        let mut log = std::fs::File::create(&log_path)
            .with_context(|| format!("creating {}", log_path.display()))?;
        announce(suite, "setting up", Duration::ZERO);
        for need in suite.needs {
            if let Err(unmet) = provider.provide(need) {
                clear();
                writeln!(log, "NOT RUN: {}", unmet.reason)?;
                return Ok(Outcome::NotRun {
                    reason: unmet.reason,
                    could: unmet.could,
                });
            }
        }
        let mut wanting = Vec::new();
        for want in suite.wants {
            if let Err(unmet) = provider.provide(want) {
                writeln!(log, "without {want}: {}", unmet.reason)?;
                wanting.push(unmet);
            }
        }
        let start = Instant::now();
        let mut outcome = Outcome::Passed {
            note: String::new(),
        };
        for step in suite.steps {
            outcome = self.step(suite, step, start, &log_path)?;
            if !matches!(outcome, Outcome::Passed { .. }) {
                break;
            }
        }
        if let Outcome::NotRun { could, .. } = &mut outcome {
            *could |= wanting.iter().any(|unmet| unmet.could);
        }
        clear();
        if let Outcome::Failed { why } = &outcome {
            show_failure(suite, why, &log_path)?;
        }
        Ok(outcome)
    }

    /// Runs steps side by side, each with a log of its own, which the suite's then has one after the
    /// other. What went wrong in the first that did counts.
    fn beside(&self, suite: &Suite, steps: &[Step], start: Instant, log: &Path) -> Result<Outcome> {
        let logs: Vec<PathBuf> = (0..steps.len())
            .map(|index| log.with_extension(format!("{index}.log")))
            .collect();
        let outcomes: Vec<Result<Outcome>> = std::thread::scope(|scope| {
            let running: Vec<_> = steps
                .iter()
                .zip(&logs)
                .map(|(step, log)| {
                    scope.spawn(move || {
                        std::fs::write(log, "")
                            .with_context(|| format!("writing {}", log.display()))?;
                        self.step(suite, step, start, log)
                    })
                })
                .collect();
            running
                .into_iter()
                .map(|thread| thread.join().expect("no step panics"))
                .collect()
        });
        let mut all = std::fs::read(log).unwrap_or_default();
        for log in &logs {
            all.extend(std::fs::read(log).unwrap_or_default());
        }
        std::fs::write(log, all).with_context(|| format!("writing {}", log.display()))?;
        let mut good = Outcome::Passed {
            note: String::new(),
        };
        for outcome in outcomes {
            match outcome? {
                passed @ Outcome::Passed { .. } => good = passed,
                other => return Ok(other),
            }
        }
        Ok(good)
    }

    fn step(&self, suite: &Suite, step: &Step, start: Instant, log: &Path) -> Result<Outcome> {
        let mut command = match step {
            Step::Cargo(arguments) => process::program("cargo", arguments),
            Step::Test(arguments) => {
                let mut command = process::program("cargo", &suites::UNPUBLISHED);
                command.args(*arguments);
                command
            }
            Step::Rustup(toolchain, arguments) => {
                let mut command = process::program("rustup", &["run", toolchain]);
                command.args(*arguments);
                command
            }
            Step::Xtask(arguments) => process::program(&self.xtask, arguments),
            Step::Beside(steps) => return self.beside(suite, steps, start, log),
            Step::Check(check) => {
                announce(suite, "running", start.elapsed());
                return Ok(match check(log) {
                    Ok(note) => Outcome::Passed { note },
                    Err(error) => Outcome::Failed {
                        why: format!("{error:#}"),
                    },
                });
            }
        };
        command.envs(suite.env.iter().copied());
        if self.no_install {
            command.env(rust::NO_INSTALL, "1");
        }
        let line = tool::line(&command);
        let limit = suite.limit().saturating_sub(start.elapsed());
        let ended = process::run(&mut command, log, limit, || {
            announce(suite, "running", start.elapsed());
        })?;
        Ok(match ended {
            Ended::Status(status) if status.success() => Outcome::Passed {
                note: String::new(),
            },
            Ended::Status(status)
                if matches!(step, Step::Xtask(_)) && status.code() == Some(NOT_RUN.into()) =>
            {
                let text = std::fs::read_to_string(log).unwrap_or_default();
                report::outcome_of_not_run(&text, &line)
            }
            Ended::Status(status) => Outcome::Failed {
                why: format!("`{line}` failed ({status})"),
            },
            Ended::TooLong => Outcome::Failed {
                why: format!(
                    "`{line}` was ended after {} s, the suite's limit",
                    suite.limit().as_secs()
                ),
            },
        })
    }
}

/// Shows what runs: on a terminal in one line that is written over, elsewhere once a minute.
fn announce(suite: &Suite, what: &str, elapsed: Duration) {
    let mut err = std::io::stderr();
    let text = format!(
        "{:<12} {what}, {} s of {} s",
        suite.name,
        elapsed.as_secs(),
        suite.budget().as_secs()
    );
    // Nothing depends on the progress line, so an error in writing it does not matter.
    if err.is_terminal() {
        let _ = write!(err, "\r\x1b[K{text}");
    } else if elapsed.as_secs() % 60 == 0 {
        let _ = writeln!(err, "{text}");
    }
    let _ = err.flush();
}

/// Takes the progress line away.
fn clear() {
    let mut err = std::io::stderr();
    if err.is_terminal() {
        let _ = write!(err, "\r\x1b[K");
        let _ = err.flush();
    }
}

/// Prints a failed suite's output, the last of it if it is long.
fn show_failure(suite: &Suite, why: &str, log: &Path) -> Result<()> {
    const MOST: usize = 200;
    let text = std::fs::read(log).with_context(|| format!("reading {}", log.display()))?;
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let left_out = lines.len().saturating_sub(MOST);
    println!("---- {} failed: {why}", suite.name);
    if left_out > 0 {
        println!("({left_out} lines before these: {})", log.display());
    }
    for line in &lines[left_out..] {
        println!("{line}");
    }
    println!("----");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_side_by_side_all_run_and_a_failure_counts() {
        fn says(word: &'static str) -> impl Fn(&Path) -> Result<String> {
            move |log| {
                std::fs::write(log, word)?;
                Ok(word.to_owned())
            }
        }
        const GOOD: Step = Step::Check(|log| says("good ")(log));
        const BAD: Step = Step::Check(|log| {
            says("bad ")(log)?;
            bail!("it is bad")
        });
        let dir = tempfile::tempdir().unwrap();
        let bench = Bench {
            logs: dir.path().to_owned(),
            xtask: PathBuf::new(),
            no_install: true,
        };
        let run = |steps: &[Step]| {
            let log = dir.path().join("suite.log");
            std::fs::write(&log, "before ").unwrap();
            let outcome = bench.beside(&SUITES[0], steps, Instant::now(), &log);
            (outcome.unwrap(), std::fs::read_to_string(&log).unwrap())
        };
        let (outcome, log) = run(&[GOOD, GOOD]);
        assert!(matches!(outcome, Outcome::Passed { .. }), "{outcome:?}");
        assert_eq!(log, "before good good ");
        for steps in [&[GOOD, BAD], &[BAD, GOOD]] {
            let (outcome, log) = run(steps);
            assert!(
                matches!(&outcome, Outcome::Failed { why } if why == "it is bad"),
                "{outcome:?}"
            );
            assert!(log.contains("good ") && log.contains("bad "), "{log}");
        }
    }

    #[test]
    fn suites_are_chosen_by_name_in_their_own_order() {
        let names = |only: &[&str]| -> Vec<&str> {
            let only: Vec<String> = only.iter().map(|&name| name.to_owned()).collect();
            chosen(&only).unwrap().iter().map(|s| s.name).collect()
        };
        assert_eq!(names(&[]).len(), SUITES.len());
        assert_eq!(names(&["tests", "fmt"]), ["fmt", "tests"]);
        let error = chosen(&["nosuch".to_owned()]).unwrap_err().to_string();
        assert!(
            error.starts_with("no suite is named \"nosuch\"; there are fmt, "),
            "{error}"
        );
    }
}
