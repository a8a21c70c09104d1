//! `cargo xtask test`: everything that proves this workspace, with all the set-up it takes.
//!
//! The suites are data ([`suites`]): each has what it needs, a budget of time and the commands it runs.
//! What is missing is installed through apt or rustup where this machine lets us, and named where it does
//! not ([`needs`]). Two suites run at a time where they build in different folders. A suite's output goes to a
//! log and is shown only if it fails ([`process`]). At the end stands one line for each suite, and last the
//! count ([`report`]): a suite that did not run is never counted as passed, and with `--strict` one that
//! could have run here has failed.

pub mod checks;
pub mod miri;
pub mod needs;
pub mod notice;
pub mod process;
pub mod report;
pub mod suites;

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::rust;
use crate::tool::{self, NOT_RUN};
use needs::{Need, Provider, Unmet};
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
        print!("{}", report::list(&suites, planned(&suites)));
        return Ok(ExitCode::SUCCESS);
    }
    let bench = Bench::new(options.no_install)?;
    let start = Instant::now();
    let rows = side_by_side(&suites, |suite| {
        let start = Instant::now();
        let outcome = bench.run(suite)?;
        let row = Row {
            name: suite.name,
            outcome,
            took: start.elapsed(),
            budget: suite.budget(),
        };
        say(&row.line());
        Ok(row)
    })?;
    let report = Report {
        rows,
        took: start.elapsed(),
        planned: planned(&suites),
        strict: options.strict,
    };
    print!("\n{}", report.text());
    Ok(if report.good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// How many suites run at a time. Much of what one does keeps a single processor busy.
const LANES: usize = 2;

/// The suites that wait and those that run.
struct Queue {
    waiting: Vec<(usize, &'static Suite)>,
    running: Vec<&'static Suite>,
}

impl Queue {
    fn new(suites: &[&'static Suite]) -> Self {
        Self {
            waiting: suites.iter().copied().enumerate().collect(),
            running: Vec::new(),
        }
    }

    fn ended(&mut self, suite: &Suite) {
        self.running.retain(|other| other.name != suite.name);
    }

    /// Takes out the first suite that may run beside those that do.
    fn next(&mut self) -> Option<(usize, &'static Suite)> {
        let beside = |one: &Suite| {
            self.running
                .iter()
                .all(|other| one.place.beside(other.place))
        };
        let at = self.waiting.iter().position(|(_, suite)| beside(suite))?;
        let (index, suite) = self.waiting.remove(at);
        self.running.push(suite);
        Some((index, suite))
    }
}

/// How long suites take together if each takes the time that is planned for it.
fn planned(suites: &[&'static Suite]) -> Duration {
    let mut queue = Queue::new(suites);
    let mut now = Duration::ZERO;
    let mut ends: Vec<(Duration, &Suite)> = Vec::new();
    loop {
        while ends.len() < LANES {
            let Some((_, suite)) = queue.next() else {
                break;
            };
            ends.push((now + suite.budget(), suite));
        }
        ends.sort_by_key(|(end, _)| *end);
        if ends.is_empty() {
            return now;
        }
        let (end, suite) = ends.remove(0);
        now = end;
        queue.ended(suite);
    }
}

/// Runs suites, [`LANES`] at a time as far as their places allow, each as early as it can; the results are
/// in the suites' order.
fn side_by_side<T: Send>(
    suites: &[&'static Suite],
    run: impl Fn(&'static Suite) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let queue = Mutex::new(Queue::new(suites));
    let ended = Condvar::new();
    let results = Mutex::new(BTreeMap::new());
    let lane = || {
        let mut held = queue.lock().expect("no lane panics");
        while !held.waiting.is_empty() {
            let Some((index, suite)) = held.next() else {
                // Something runs, or the first that waits would.
                held = ended.wait(held).expect("no lane panics");
                continue;
            };
            drop(held);
            // A panic must not leave the other lane waiting for this suite.
            let result = catch_unwind(AssertUnwindSafe(|| run(suite)))
                .unwrap_or_else(|_| Err(anyhow!("{} panicked", suite.name)));
            let failed = result.is_err();
            results
                .lock()
                .expect("no lane panics")
                .insert(index, result);
            held = queue.lock().expect("no lane panics");
            held.ended(suite);
            if failed {
                held.waiting.clear();
            }
            ended.notify_all();
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(lane);
        }
    });
    let results = results.into_inner().expect("no lane panics");
    results.into_values().collect()
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
    provider: Mutex<Provider>,
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
            provider: Mutex::new(Provider::new(no_install)),
        })
    }

    fn provide(&self, need: &Need) -> Result<(), Unmet> {
        self.provider.lock().expect("no lane panics").provide(need)
    }

    fn run(&self, suite: &Suite) -> Result<Outcome> {
        let log_path = self.logs.join(suite.name).with_extension("log");
        let mut log = std::fs::File::create(&log_path)
            .with_context(|| format!("creating {}", log_path.display()))?;
        announce(suite, "setting up", Duration::ZERO);
        for need in suite.needs {
            if let Err(unmet) = self.provide(need) {
                writeln!(log, "NOT RUN: {}", unmet.reason)?;
                return Ok(Outcome::NotRun {
                    reason: unmet.reason,
                    could: unmet.could,
                });
            }
        }
        let mut wanting = Vec::new();
        for want in suite.wants {
            if let Err(unmet) = self.provide(want) {
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

/// Held by whoever writes to the screen: progress is written over, what is to stay is not.
static SCREEN: Mutex<()> = Mutex::new(());

/// Prints what is to stay, in place of the progress line.
fn say(text: &str) {
    let _screen = SCREEN.lock();
    clear();
    println!("{text}");
}

/// Shows what runs: on a terminal in one line that is written over, elsewhere once a minute.
fn announce(suite: &Suite, what: &str, elapsed: Duration) {
    let _screen = SCREEN.lock();
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
    let mut shown = format!("---- {} failed: {why}\n", suite.name);
    if left_out > 0 {
        shown += &format!("({left_out} lines before these: {})\n", log.display());
    }
    for line in &lines[left_out..] {
        shown.push_str(line);
        shown.push('\n');
    }
    say(&(shown + "----"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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
            provider: Mutex::new(Provider::new(true)),
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

    /// What ran beside each suite of these names at one time or another.
    fn company(names: &[&'static str]) -> Vec<(&'static str, BTreeSet<&'static str>)> {
        let only: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let running: Mutex<BTreeSet<&'static str>> = Mutex::default();
        let met: Mutex<BTreeMap<&'static str, BTreeSet<&'static str>>> = Mutex::default();
        let note = |change: &dyn Fn(&mut BTreeSet<&'static str>)| {
            let mut running = running.lock().unwrap();
            change(&mut running);
            let mut met = met.lock().unwrap();
            for &name in running.iter() {
                let others = running.iter().copied().filter(|&other| other != name);
                met.entry(name).or_default().extend(others);
            }
        };
        let order = side_by_side(&chosen(&only).unwrap(), |suite| {
            note(&|running| assert!(running.insert(suite.name)));
            std::thread::sleep(Duration::from_millis(30));
            note(&|running| assert!(running.remove(suite.name)));
            Ok(suite.name)
        });
        let met = met.lock().unwrap();
        let order = order.unwrap().into_iter();
        order.map(|name| (name, met[name].clone())).collect()
    }

    #[test]
    fn suites_in_different_folders_run_side_by_side() {
        let all: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
        let met = company(&all);
        assert_eq!(met.iter().map(|(name, _)| *name).collect::<Vec<_>>(), all);
        let place = |name: &str| SUITES.iter().find(|s| s.name == name).unwrap().place;
        let mut pairs = 0;
        for (name, others) in met {
            pairs += others.len();
            for other in others {
                assert!(place(name).beside(place(other)), "{name} beside {other}");
            }
        }
        assert!(pairs > 0);
        assert_eq!(company(&["docs-rs"]), [("docs-rs", BTreeSet::new())]);
    }

    #[test]
    fn the_plan_for_all_is_under_half_an_hour() {
        let of = |names: &[&str]| {
            let only: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            planned(&chosen(&only).unwrap())
        };
        let budget = |name: &str| SUITES.iter().find(|s| s.name == name).unwrap().budget();
        let total = of(&[]);
        assert!(total < Duration::from_secs(30 * 60), "{total:?}");
        let sum: Duration = SUITES.iter().map(Suite::budget).sum();
        assert!(total < sum && total * 2 > sum, "{total:?} of {sum:?}");
        assert_eq!(of(&["units", "clippy"]), budget("units") + budget("clippy"));
        assert_eq!(of(&["units", "miri"]), budget("units").max(budget("miri")));
        assert_eq!(of(&["cost", "miri"]), budget("cost") + budget("miri"));
    }

    #[test]
    fn an_error_ends_all_lanes() {
        let result = side_by_side(&chosen(&[]).unwrap(), |suite| match suite.name {
            "clippy" => bail!("no disk"),
            name => Ok(name),
        });
        assert_eq!(result.unwrap_err().to_string(), "no disk");
    }

    #[test]
    fn a_panic_ends_all_lanes() {
        let result = side_by_side(&chosen(&[]).unwrap(), |suite| match suite.name {
            "clippy" => panic!("as told"),
            name => Ok(name),
        });
        assert_eq!(result.unwrap_err().to_string(), "clippy panicked");
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
