//! `cargo xtask xen`: boots real hypervisors with our guests as their domain 0, and reports.
//!
//! The hypervisors are Debian's packages of Xen 4.14, 4.17 and 4.20 ([`hypervisor`]) or a given
//! file; the machines are QEMU's software emulation ([`machine`]); the guests, of five kinds
//! ([`kind`]), are built from `guests/` ([`kernel`]). Each boot takes a second or two, and two run at a
//! time. Exit status and console decide together ([`verdict`]); a boot that hangs is killed at the time
//! limit and its console shown. A boot that could not be made here is NOT RUN, with the reason, and
//! never a pass.
//!
//! `--self-test` turns the question round ([`self_test`]): guests that must fail, in every way we
//! know of, are booted, and it is an error if one of them passes or fails for another reason.
//!
//! Exit status: 0 all passed, 1 something failed, 3 nothing failed but something was not run.

pub mod hypervisor;
pub mod kernel;
pub mod kind;
pub mod machine;
pub mod self_test;
pub mod verdict;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::apt::Apt;
use crate::tool::{self, NOT_RUN};
use hypervisor::{Hypervisor, PINS};
use kernel::Kernel;
use kind::{Kind, Processor};
use machine::{Boot, Outcome};
use self_test::Control;

/// How many boots run at a time: a machine of QEMU's keeps one processor busy.
const WORKERS: usize = 2;

/// The options of `cargo xtask xen`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Boot this release (4.14, 4.17 or 4.20) only; may be given more than once. With --hypervisor,
    /// the release that the file must turn out to be
    #[arg(long, value_name = "X.Y")]
    release: Vec<String>,
    /// Boot this kind of guest only; may be given more than once
    #[arg(long, value_enum)]
    kind: Vec<Kind>,
    /// Boot this hypervisor (an ELF multiboot kernel or an arm64 image, compressed or not) instead of
    /// the packages
    #[arg(long, value_name = "FILE")]
    hypervisor: Option<PathBuf>,
    /// Kill a boot after this many seconds and report it as failed
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// Boot guests that must fail, on one release, and see that they are reported as failed
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
}

/// A hypervisor to boot.
struct Subject {
    /// The release as it stands in the report and in the log's name.
    name: String,
    /// The processor, if it is known.
    processor: Option<Processor>,
    /// What the guest is told to expect.
    arguments: String,
    hypervisor: Result<Hypervisor, hypervisor::Error>,
}

/// A boot to be made.
struct Job<'a> {
    kind: Kind,
    subject: &'a Subject,
    kernel: &'a Kernel,
    /// If the boot must fail: how.
    control: Option<&'static Control>,
}

/// What came of a job.
enum Answer {
    /// The boot was made.
    Booted(Result<Outcome>),
    /// It could not be made here.
    NotRun(String),
    /// It could not be made, and should have been.
    Failed(String),
}

/// Runs the command.
///
/// # Errors
/// Options that don't go together, a guest that does not compile, files that can't be written.
pub fn command(options: &Options) -> Result<ExitCode> {
    let start = Instant::now();
    check(options)?;
    // Each run unpacks, copies and boots files of the same names.
    let _alone = tool::alone(&tool::cache_dir("xen")?, "`cargo xtask xen`")?;
    let kinds: Vec<Kind> = Kind::ALL
        .into_iter()
        .filter(|kind| options.kind.is_empty() || options.kind.contains(kind))
        .collect();
    let wanted = |processor| kinds.iter().any(|kind| kind.processor() == processor);
    let mut subjects = subjects(options, wanted);
    if options.self_test {
        // What is under test is the command, not the hypervisor: the newest one will do.
        let newest = |subject: &Subject| {
            let same = |other: &&Subject| other.processor == subject.processor;
            subjects
                .iter()
                .rev()
                .find(same)
                .map(|other| other.name.clone())
        };
        let keep: Vec<bool> = subjects
            .iter()
            .map(|subject| newest(subject).is_some_and(|name| name == subject.name))
            .collect();
        let mut keep = keep.into_iter();
        subjects.retain(|_| keep.next().unwrap_or_default());
    }
    let kernels = kernels(&kinds, &subjects)?;
    let mut jobs = Vec::new();
    for &kind in &kinds {
        let fits = |subject: &&Subject| subject.processor.is_none_or(|is| is == kind.processor());
        for subject in subjects.iter().filter(fits) {
            let job = |control| Job {
                kind,
                subject,
                kernel: &kernels[&kind],
                control,
            };
            if options.self_test {
                jobs.extend(self_test::controls(kind).map(|control| job(Some(control))));
            } else {
                jobs.push(job(None));
            }
        }
    }
    let mut tally = Tally::default();
    let time_limit = Duration::from_secs(options.timeout);
    in_order(
        &jobs,
        |job| job.run(time_limit),
        |job, answer| job.report(&mut tally, answer),
    )?;
    println!(
        "{} passed, {} failed, {} not run, in {:.1} s",
        tally.passed,
        tally.failed,
        tally.not_run,
        start.elapsed().as_secs_f32()
    );
    Ok(tally.exit_code())
}

/// Runs `work` for each item, [`WORKERS`] at a time, and hands each result to `report` on this thread, in
/// the items' order and as early as that allows.
fn in_order<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
    mut report: impl FnMut(&T, R) -> Result<()>,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let (send, receive) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            let send = send.clone();
            scope.spawn(|| {
                let send = send;
                while let Some((index, item)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    items.get(index).map(|item| (index, item))
                } {
                    // Whoever does not listen any more has seen an error.
                    if send.send((index, work(item))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        let mut waiting = BTreeMap::new();
        let mut done = 0;
        for (index, result) in receive {
            waiting.insert(index, result);
            while let Some(result) = waiting.remove(&done) {
                report(&items[done], result)?;
                done += 1;
            }
        }
        Ok(())
    })
}

/// The kernels of the kinds, as far as there is a hypervisor and a QEMU to boot them.
fn kernels(kinds: &[Kind], subjects: &[Subject]) -> Result<BTreeMap<Kind, Kernel>> {
    let mut missing: BTreeMap<Kind, Kernel> = BTreeMap::new();
    for processor in Processor::ALL {
        if !kinds.iter().any(|kind| kind.processor() == processor) {
            continue;
        }
        let fits = |subject: &Subject| {
            subject.hypervisor.is_ok() && subject.processor.is_none_or(|is| is == processor)
        };
        let have = if subjects.iter().any(fits) {
            machine::have_qemu(processor)
        } else {
            Err("there is no hypervisor for it".to_owned())
        };
        if let Err(reason) = have {
            missing.extend(
                kinds
                    .iter()
                    .filter(|kind| kind.processor() == processor)
                    .map(|&kind| (kind, Err(reason.clone()))),
            );
        }
    }
    let rest: Vec<Kind> = kinds
        .iter()
        .copied()
        .filter(|kind| !missing.contains_key(kind))
        .collect();
    missing.extend(kernel::build(&rest)?);
    Ok(missing)
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
            let mut known: Vec<_> = PINS.iter().map(|pin| pin.release).collect();
            known.sort_unstable();
            known.dedup();
            bail!(
                "no package is known for Xen {release:?}, only for {}; --hypervisor takes a file",
                known.join(", ")
            );
        }
    }
    Ok(())
}

/// The hypervisors that the options ask for, for the processors that are wanted.
fn subjects(options: &Options, wanted: impl Fn(Processor) -> bool) -> Vec<Subject> {
    if let Some(file) = &options.hypervisor {
        let expect = options.release.first().map_or("any", String::as_str);
        return vec![given(file, expect)];
    }
    let apt = Apt::machine();
    PINS.iter()
        .filter(|pin| {
            let asked = |release: &String| release == pin.release;
            (options.release.is_empty() || options.release.iter().any(asked))
                && wanted(pin.processor)
        })
        .map(|pin| Subject {
            name: pin.release.to_owned(),
            processor: Some(pin.processor),
            // Debian's packages have hypfs; a given file may not. A comma would have to be doubled.
            arguments: format!(
                "expect={} need=hypfs without={}",
                pin.release,
                pin.without.join("+")
            ),
            hypervisor: match &apt {
                Ok(apt) => hypervisor::fetch(apt, pin),
                Err(error) => Err(hypervisor::Error::Missing(error.to_string())),
            },
        })
        .collect()
}

/// The hypervisor in a file.
fn given(file: &Path, expect: &str) -> Subject {
    let hypervisor = hypervisor::from_file(file).map_err(hypervisor::Error::Wrong);
    Subject {
        name: "file".to_owned(),
        processor: hypervisor.as_ref().ok().map(|found| found.processor),
        arguments: format!("expect={expect}"),
        hypervisor,
    }
}

impl Job<'_> {
    /// Makes the boot.
    fn run(&self, time_limit: Duration) -> Answer {
        let Subject {
            name,
            arguments,
            hypervisor,
            ..
        } = self.subject;
        let hypervisor = match hypervisor {
            Ok(hypervisor) => hypervisor,
            Err(error @ hypervisor::Error::Missing(_)) => return Answer::NotRun(error.to_string()),
            Err(error @ hypervisor::Error::Wrong(_)) => return Answer::Failed(error.to_string()),
        };
        let kernel = match self.kernel {
            Ok(kernel) => kernel,
            Err(reason) => return Answer::NotRun(reason.clone()),
        };
        let folder = match self.control {
            None => format!("xen-{name}-{}", self.kind),
            Some(control) => format!("xen-{name}-{}-{}", self.kind, control.name),
        };
        Answer::Booted(machine::boot(&Boot {
            name: &folder,
            kind: self.kind,
            hypervisor: &hypervisor.file,
            kernel,
            arguments: self.control.map_or(arguments, |control| control.arguments),
            time_limit: self
                .control
                .map_or(time_limit, |control| control.time_limit(time_limit)),
        }))
    }

    /// One line for a boot, and more if it failed.
    fn report(&self, tally: &mut Tally, answer: Answer) -> Result<()> {
        let title = format!("Xen {:<5} {:<10}", self.subject.name, self.kind);
        let outcome = match answer {
            Answer::Booted(outcome) => outcome?,
            Answer::NotRun(reason) => {
                tally.not_run += 1;
                println!("{title}  NOT RUN: {reason}");
                return Ok(());
            }
            Answer::Failed(reason) => {
                tally.failed += 1;
                println!("{title}  FAIL: {reason}");
                return Ok(());
            }
        };
        let took = outcome.took.as_secs_f32();
        let good = match self.control {
            None => {
                let good = outcome.complaints.is_empty();
                let counts = outcome.counts.map(|counts| counts.to_string());
                println!(
                    "{title}  booted {}  {}  {took:.1} s  {}",
                    outcome.booted(),
                    counts.as_deref().unwrap_or("no operations counted"),
                    if good { "PASS" } else { "FAIL" }
                );
                if let Ok(Hypervisor {
                    drift: Some(drift), ..
                }) = &self.subject.hypervisor
                {
                    println!("    drift: {drift}");
                }
                if !good {
                    show(&outcome);
                }
                good
            }
            Some(control) => {
                let wrong = control.wrong(&outcome);
                println!(
                    "{title}  control {:<14} {took:.1} s  {}",
                    control.name,
                    if wrong.is_empty() {
                        "fails, as it must"
                    } else {
                        "NOT AS IT MUST"
                    }
                );
                for line in &wrong {
                    println!("    {line}");
                }
                if !wrong.is_empty() {
                    println!("    what was found: {:?}", outcome.complaints);
                    println!("    the console is in {}", shown(&outcome.log).display());
                }
                wrong.is_empty()
            }
        };
        if good {
            tally.passed += 1;
        } else {
            tally.failed += 1;
        }
        Ok(())
    }
}

/// Why a boot failed, and what was to be seen last.
fn show(outcome: &Outcome) {
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
    fn reports_keep_the_order_whoever_ends_first() {
        let items: Vec<u64> = (0..20).collect();
        let mut seen = Vec::new();
        let slow = |item: &u64| {
            std::thread::sleep(Duration::from_millis(if item % 3 == 0 { 20 } else { 1 }));
            item * 2
        };
        in_order(&items, slow, |&item, result| {
            assert_eq!(result, item * 2);
            seen.push(item);
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, items);
        let error = in_order(&items, slow, |&item, _| {
            if item == 4 {
                bail!("enough");
            }
            Ok(())
        });
        assert_eq!(error.unwrap_err().to_string(), "enough");
    }

    #[test]
    fn releases_without_a_package_are_refused() {
        let options = |release: &[&str], hypervisor: Option<&str>| Options {
            release: release.iter().map(|&release| release.to_owned()).collect(),
            kind: Vec::new(),
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
