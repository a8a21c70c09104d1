//! `cargo xtask xen`: boots real hypervisors with our guest as their domain 0, and reports.
//!
//! The hypervisors are Debian's packages of Xen 4.14, 4.17 and 4.20 ([`hypervisor`]) or a given
//! file; the machine is QEMU's software emulation ([`machine`]); the guest is built from `guests/`
//! ([`kernel`]). Each boot takes a second or two. Exit status and console decide together
//! ([`verdict`]); a boot that hangs is killed at the time limit and its console shown. A boot that
//! could not be made here is NOT RUN, with the reason, and never a pass.
//!
//! `--self-test` turns the question round ([`self_test`]): guests that must fail, in every way we
//! know of, are booted, and it is an error if one of them passes or fails for another reason.
//!
//! Exit status: 0 all passed, 1 something failed, 3 nothing failed but something was not run.

pub mod hypervisor;
pub mod kernel;
pub mod machine;
pub mod self_test;
pub mod verdict;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::apt::Apt;
use crate::tool::{self, NOT_RUN};
use hypervisor::{Hypervisor, PINS};
use machine::{Boot, Outcome};

/// The kind of guest, for the report.
const GUEST: &str = "x86_64 PV";

/// The options of `cargo xtask xen`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Boot this release (4.14, 4.17 or 4.20) only; may be given more than once. With --hypervisor,
    /// the release that the file must turn out to be
    #[arg(long, value_name = "X.Y")]
    release: Vec<String>,
    /// Boot this hypervisor (an ELF multiboot kernel, compressed or not) instead of the packages
    #[arg(long, value_name = "FILE")]
    hypervisor: Option<PathBuf>,
    /// Kill a boot after this many seconds and report it as failed
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// Boot guests that must fail, and see that they are reported as failed
    #[arg(long)]
    self_test: bool,
}

/// How the boots went.
#[derive(Debug, Default)]
struct Tally {
    passed: u32,
    failed: u32,
    not_run: u32,
}

impl Tally {
    fn exit_code(&self) -> ExitCode {
        match self {
            Tally { failed: 1.., .. } => ExitCode::from(1),
            Tally { not_run: 1.., .. } => ExitCode::from(NOT_RUN),
            // Nothing at all is no success.
            Tally { passed: 0, .. } => ExitCode::from(NOT_RUN),
            _ => ExitCode::SUCCESS,
        }
    }

    fn not_run(&mut self, name: &str, reason: &str) {
        self.not_run += 1;
        println!("Xen {name:<5} {GUEST}  NOT RUN: {reason}");
    }

    fn failed(&mut self, name: &str, reason: &str) {
        self.failed += 1;
        println!("Xen {name:<5} {GUEST}  FAIL: {reason}");
    }
}

/// A hypervisor to boot.
struct Subject {
    /// The release as it stands in the report and in the log's name.
    name: String,
    /// What the guest is told to expect.
    arguments: String,
    hypervisor: Result<Hypervisor, hypervisor::Error>,
}

/// Runs the command.
///
/// # Errors
/// Options that don't go together, a guest that does not compile, files that can't be written.
pub fn command(options: &Options) -> Result<ExitCode> {
    let start = Instant::now();
    check(options)?;
    let _alone = alone(&tool::cache_dir("xen")?)?;
    let mut tally = Tally::default();
    let kernel = match machine::have_qemu() {
        Ok(()) => kernel::build()?,
        Err(reason) => Err(reason),
    };
    let kernel = match kernel {
        Ok(kernel) => kernel,
        Err(reason) => {
            tally.not_run("", &reason);
            return Ok(tally.exit_code());
        }
    };
    let time_limit = Duration::from_secs(options.timeout);
    for subject in subjects(options) {
        let Subject {
            name,
            arguments,
            hypervisor,
        } = &subject;
        let hypervisor = match hypervisor {
            Ok(hypervisor) => hypervisor,
            Err(error @ hypervisor::Error::Missing(_)) => {
                tally.not_run(name, &error.to_string());
                continue;
            }
            Err(error @ hypervisor::Error::Wrong(_)) => {
                tally.failed(name, &error.to_string());
                continue;
            }
        };
        if options.self_test {
            let (passed, failed) = self_test::run(name, &hypervisor.file, &kernel, time_limit)?;
            tally.passed += passed;
            tally.failed += failed;
            // What is under test is the command, not the hypervisor: one of them will do.
            break;
        }
        let outcome = machine::boot(&Boot {
            name: &format!("xen-{name}"),
            hypervisor: &hypervisor.file,
            kernel: &kernel,
            arguments,
            time_limit,
        })?;
        report(&mut tally, name, hypervisor, &outcome);
    }
    println!(
        "{} passed, {} failed, {} not run, in {:.1} s",
        tally.passed,
        tally.failed,
        tally.not_run,
        start.elapsed().as_secs_f32()
    );
    Ok(tally.exit_code())
}

/// Waits until no other run uses the folder, in which each unpacks, copies and boots files of the same
/// names; the folder is this run's until the file is closed.
fn alone(dir: &Path) -> Result<File> {
    use rustix::fs::{FlockOperation, flock};
    let path = dir.join("lock");
    let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        eprintln!("another `cargo xtask xen` is at work in {}", dir.display());
        flock(&file, FlockOperation::LockExclusive)
            .with_context(|| format!("locking {}", path.display()))?;
    }
    Ok(file)
}

/// Refuses options that can't be met.
fn check(options: &Options) -> Result<()> {
    if options.hypervisor.is_some() {
        if options.release.len() > 1 {
            bail!("--hypervisor names one file, so --release can be given only once");
        }
        return Ok(());
    }
    for release in &options.release {
        if !PINS.iter().any(|pin| pin.release == release) {
            let known: Vec<_> = PINS.iter().map(|pin| pin.release).collect();
            bail!(
                "no package is known for Xen {release:?}, only for {}; --hypervisor takes a file",
                known.join(", ")
            );
        }
    }
    Ok(())
}

/// The hypervisors that the options ask for, one after the other as they are taken.
fn subjects(options: &Options) -> Box<dyn Iterator<Item = Subject> + '_> {
    if let Some(file) = &options.hypervisor {
        let expect = options.release.first().map_or("any", String::as_str);
        return Box::new(std::iter::once(given(file, expect)));
    }
    let wanted = |release: &str| {
        options.release.is_empty() || options.release.iter().any(|wanted| wanted == release)
    };
    let apt = Apt::machine();
    Box::new(
        PINS.iter()
            .filter(move |pin| wanted(pin.release))
            .map(move |pin| Subject {
                name: pin.release.to_owned(),
                // Debian's packages have hypfs; a given file may not.
                arguments: format!("expect={} need=hypfs", pin.release),
                hypervisor: match &apt {
                    Ok(apt) => hypervisor::fetch(apt, pin),
                    Err(error) => Err(hypervisor::Error::Missing(error.to_string())),
                },
            }),
    )
}

/// The hypervisor in a file.
fn given(file: &Path, expect: &str) -> Subject {
    Subject {
        name: "file".to_owned(),
        arguments: format!("expect={expect}"),
        hypervisor: hypervisor::from_file(file).map_err(hypervisor::Error::Wrong),
    }
}

/// One line for a boot, and more if it failed.
fn report(tally: &mut Tally, name: &str, hypervisor: &Hypervisor, outcome: &Outcome) {
    let verdict = if outcome.complaints.is_empty() {
        "PASS"
    } else {
        "FAIL"
    };
    println!(
        "Xen {name:<5} {GUEST}  booted {}  {:.1} s  {verdict}",
        outcome.booted(),
        outcome.took.as_secs_f32()
    );
    if let Some(drift) = &hypervisor.drift {
        println!("    drift: {drift}");
    }
    if outcome.complaints.is_empty() {
        tally.passed += 1;
        return;
    }
    tally.failed += 1;
    for complaint in &outcome.complaints {
        println!("    {complaint}");
    }
    for line in last(&outcome.messages, 40) {
        println!("    QEMU: {}", line.trim_end());
    }
    println!("    the end of {}:", shown(&outcome.log).display());
    for line in last(&outcome.console, 40) {
        println!("    | {}", line.trim_end());
    }
}

/// A path as it reads best from the workspace's root.
fn shown(path: &Path) -> &Path {
    path.strip_prefix(tool::root()).unwrap_or(path)
}

/// The last `count` lines of a text.
fn last(text: &str, count: usize) -> impl Iterator<Item = &str> {
    text.lines()
        .skip(text.lines().count().saturating_sub(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(passed: u32, failed: u32, not_run: u32) -> String {
        format!(
            "{:?}",
            Tally {
                passed,
                failed,
                not_run
            }
            .exit_code()
        )
    }

    #[test]
    fn failures_outweigh_what_was_not_run_and_that_what_passed() {
        let is = |status: u8| format!("{:?}", ExitCode::from(status));
        assert_eq!(code(3, 0, 0), is(0));
        assert_eq!(code(2, 1, 0), is(1));
        assert_eq!(code(1, 1, 1), is(1));
        assert_eq!(code(2, 0, 1), is(3));
        assert_eq!(code(0, 0, 0), is(3));
    }

    #[test]
    fn one_run_at_a_time_has_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        let first = alone(path).unwrap();
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let second = alone(path);
                send.send(second.is_ok()).unwrap();
            });
            let waiting = receive.recv_timeout(Duration::from_millis(200));
            assert!(waiting.is_err(), "{waiting:?}");
            drop(first);
            assert_eq!(receive.recv_timeout(Duration::from_secs(20)), Ok(true));
        });
    }

    #[test]
    fn releases_without_a_package_are_refused() {
        let options = |release: &[&str], hypervisor: Option<&str>| Options {
            release: release.iter().map(|&release| release.to_owned()).collect(),
            hypervisor: hypervisor.map(PathBuf::from),
            timeout: 1,
            self_test: false,
        };
        check(&options(&["4.17", "4.20"], None)).unwrap();
        check(&options(&["4.19"], Some("xen"))).unwrap();
        let error = check(&options(&["4.19"], None)).unwrap_err().to_string();
        assert!(
            error.contains("\"4.19\", only for 4.14, 4.17, 4.20"),
            "{error}"
        );
        assert!(check(&options(&["4.17", "4.20"], Some("xen"))).is_err());
    }

    #[test]
    fn the_end_of_a_console_is_its_last_lines() {
        assert_eq!(last("a\nb\nc\n", 2).collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(last("a\n", 2).collect::<Vec<_>>(), ["a"]);
    }
}
