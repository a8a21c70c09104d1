//! `cargo xtask hosts`: the types of all four ABIs on every kind of host.
//!
//! The C compilers prove what the types are on x86_64 Linux (`abi-tests`). This holds every other host
//! against that one. Where a host's programs run, on this machine or under QEMU, the layout-dump program
//! has to print the very same bytes there, and the unit tests of `xen-public` and of the hypercalls have to
//! pass; where none run, const asserts of every row have to compile ([`asserts`]); big-endian is
//! interpreted by Miri, which has to come to the same digests. Each of these also has to notice three rows
//! that are wrong on purpose. Hosts without an ABI of Xen's have to compile the crates.
//!
//! A host whose tools are missing is reported as not run, with the reason. Exit status: 0 all passed,
//! 1 a host failed, 3 none failed but some were not run ([`tool::NOT_RUN`]).

pub mod asserts;
pub mod dump;
pub mod list;

use std::collections::VecDeque;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};

use crate::{rust, tool};
use asserts::{Asserts, Checked};
use dump::{Dump, SEEDS};
use list::{Foreign, HOSTS, Host, REFERENCE, Way};

/// Rows that are shown of those that differ.
const MOST: usize = 20;

/// The unit tests that run on a host, as cargo wants them named. Rings and blkif are the same on all, and
/// Miri runs them as three.
const PUBLIC: &[&str] = &["--package", "xen-public", "--lib"];
const CALLS: &[&str] = &[
    "--package",
    "xen-abi",
    "--lib",
    "--features",
    "simulate,toolstack",
    "--",
    "hypercall::",
    "version::",
];

/// Which hosts.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Options {
    /// Only hosts with this in their target's name or in the way they are looked at; can be given more
    /// than once. The x86_64 one runs in any case, for all others are held against it.
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
}

/// How a host fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All is as it has to be.
    Passed,
    /// What is not.
    Failed(String),
    /// Why nothing can be said.
    NotRun(String),
}

/// A host and how it fared.
#[derive(Clone, Debug)]
pub struct HostOutcome {
    /// The host.
    pub host: Host,
    /// What was compared there.
    pub compared: Compared,
    /// How long it took, compiling included.
    pub seconds: f64,
    /// How it ended.
    pub verdict: Verdict,
}

/// What was compared on a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Rows of the layout tables.
    pub rows: usize,
    /// Seeded errors that were caught.
    pub caught: usize,
    /// Unit tests that passed.
    pub tests: usize,
}

/// Why a host has no comparison.
enum Stop {
    NotRun(String),
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl HostOutcome {
    fn new(host: Host, start: Instant, end: Result<Compared, Stop>) -> Self {
        let (compared, verdict) = match end {
            Ok(compared) => (compared, Verdict::Passed),
            Err(Stop::NotRun(why)) => (Compared::default(), Verdict::NotRun(why)),
            Err(Stop::Failed(error)) => {
                (Compared::default(), Verdict::Failed(format!("{error:#}")))
            }
        };
        Self {
            host,
            compared,
            seconds: start.elapsed().as_secs_f64(),
            verdict,
        }
    }
}

impl fmt::Display for HostOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let some = |n: usize| if n == 0 { "-".into() } else { n.to_string() };
        let seeded = match self.compared.caught {
            0 => "-".into(),
            n => format!("{n}/{}", SEEDS.len()),
        };
        let verdict = match &self.verdict {
            Verdict::Passed => "passed".to_owned(),
            Verdict::Failed(why) => format!("FAILED: {why}"),
            Verdict::NotRun(why) => format!("NOT RUN: {why}"),
        };
        write!(
            f,
            "{:<30} {:<16} {:>6} {:>6} {:>5} {:>7.1}  {verdict}",
            self.host.target,
            self.host.way.name(),
            some(self.compared.rows),
            seeded,
            some(self.compared.tests),
            self.seconds
        )
    }
}

/// The titles over the lines of outcomes.
pub fn heading() -> String {
    format!(
        "{:<30} {:<16} {:>6} {:>6} {:>5} {:>7}  result",
        "host", "how", "rows", "seeded", "tests", "seconds"
    )
}

/// The command: prints a line a host and a sum.
///
/// # Errors
/// As [`run`].
pub fn command(options: &Options) -> Result<ExitCode> {
    println!("{}", heading());
    let start = Instant::now();
    let outcomes = run(options, &|outcome| println!("{outcome}"))?;
    let count =
        |wanted: fn(&Verdict) -> bool| outcomes.iter().filter(|o| wanted(&o.verdict)).count();
    let failed = count(|v| matches!(v, Verdict::Failed(_)));
    let not_run = count(|v| matches!(v, Verdict::NotRun(_)));
    println!(
        "{} passed, {failed} failed, {not_run} not run, in {:.0} s",
        outcomes.len() - failed - not_run,
        start.elapsed().as_secs_f64()
    );
    Ok(match (failed, not_run) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(tool::NOT_RUN),
        _ => ExitCode::FAILURE,
    })
}

/// Checks the hosts, as many at a time as there are CPUs, and tells of each as it ends.
///
/// # Errors
/// A name in `only` that fits no host, or a reference host that does not work: nothing can be said of
/// any other then.
pub fn run(
    options: &Options,
    progress: &(dyn Fn(&HostOutcome) + Sync),
) -> Result<Vec<HostOutcome>> {
    let hosts = chosen(options)?;
    let start = Instant::now();
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        let why = "this machine is not the one that all others are held against".to_owned();
        let outcome = HostOutcome::new(REFERENCE, start, Err(Stop::NotRun(why)));
        progress(&outcome);
        return Ok(vec![outcome]);
    }
    let work = tool::cache_dir("hosts")?;
    let text = layout_dump(REFERENCE, rust::Core::Installed, &work, &[])
        .context("the host that all others are held against")?;
    let reference = Reference {
        dump: Dump::parse(&text)?,
        text,
        work,
    };
    let asserts = Asserts::write(&reference.work.join("asserts"), &reference.dump)?;
    let first = HostOutcome::new(REFERENCE, start, reference.itself());
    progress(&first);
    let queue: Mutex<VecDeque<Host>> = Mutex::new(hosts.into());
    let outcomes = Mutex::new(vec![first]);
    let worker = || {
        loop {
            let next = queue.lock().expect("no worker panics").pop_front();
            let Some(host) = next else { return };
            let start = Instant::now();
            let outcome = HostOutcome::new(host, start, reference.check(host, &asserts));
            let mut outcomes = outcomes.lock().expect("no worker panics");
            progress(&outcome);
            outcomes.push(outcome);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(worker);
        }
    });
    Ok(outcomes.into_inner().expect("no worker panics"))
}

/// The hosts that the options name.
fn chosen(options: &Options) -> Result<Vec<Host>> {
    let fits = |host: &Host, name: &str| host.target.contains(name) || host.way.name() == name;
    for name in &options.only {
        if !HOSTS
            .iter()
            .chain([&REFERENCE])
            .any(|host| fits(host, name))
        {
            let known: Vec<&str> = HOSTS.iter().map(|h| h.target).collect();
            bail!("no host is called `{name}`; there are {}", known.join(", "));
        }
    }
    let wanted =
        |host: &Host| options.only.is_empty() || options.only.iter().any(|name| fits(host, name));
    Ok(HOSTS.into_iter().filter(wanted).collect())
}

/// What all hosts are held against.
struct Reference {
    text: String,
    dump: Dump,
    work: PathBuf,
}

impl Reference {
    fn check(&self, host: Host, asserts: &Asserts) -> Result<Compared, Stop> {
        match host.way {
            Way::Native | Way::QemuUser => self.ran(host),
            Way::ConstAsserts => self.asserted(host, asserts),
            Way::Miri => self.interpreted(host),
            Way::MiriTests => self.interpreted_tests(host),
            Way::Compiles => self.compiled(host),
        }
    }

    /// The reference host: its own rows, and the unit tests.
    fn itself(&self) -> Result<Compared, Stop> {
        Ok(Compared {
            rows: self.dump.rows(),
            caught: self.caught(&self.dump)?,
            // Those of the hypercalls run wherever `cargo test` does.
            tests: unit_tests(REFERENCE, rust::Core::Installed, &self.work, &[], PUBLIC)?,
        })
    }

    /// A host whose programs run.
    fn ran(&self, host: Host) -> Result<Compared, Stop> {
        let core = rust::find_core(host.target)?.map_err(Stop::NotRun)?;
        let runner = match host.foreign {
            Some(foreign) => runner(foreign).map_err(Stop::NotRun)?,
            None => Vec::new(),
        };
        let text = layout_dump(host, core, &self.work, &runner)?;
        let dump = Dump::parse(&text)?;
        if text != self.text {
            return Err(Stop::Failed(different(&self.dump.differences(&dump, MOST))));
        }
        Ok(Compared {
            rows: dump.rows(),
            caught: self.caught(&dump)?,
            tests: unit_tests(host, core, &self.work, &runner, PUBLIC)?
                + unit_tests(host, core, &self.work, &runner, CALLS)?,
        })
    }

    /// How many of the seeded errors show in what a host printed: all, and nothing else.
    fn caught(&self, dump: &Dump) -> Result<usize> {
        let (seeded, _) = self.dump.seeded()?;
        let found = seeded.differences(dump, usize::MAX);
        if found.len() != SEEDS.len() {
            bail!(
                "{} rows are wrong on purpose ({}), but these were found: {}",
                SEEDS.len(),
                SEEDS.join(", "),
                found.join("; ")
            );
        }
        Ok(found.len())
    }

    /// A host for which asserts are compiled.
    fn asserted(&self, host: Host, asserts: &Asserts) -> Result<Compared, Stop> {
        let core = rust::find_core(host.target)?.map_err(Stop::NotRun)?;
        if let Checked::Fails(lines) = asserts.check(asserts::ALL, host.target, core)? {
            let rows: Vec<String> = lines
                .iter()
                .take(MOST)
                .map(|(file, line)| asserts.row(file, *line))
                .collect();
            return Err(Stop::Failed(different(&rows)));
        }
        let seeded = asserts.check(asserts::SEEDED, host.target, core)?;
        asserts.caught(&seeded).map_err(|why| anyhow!(why))?;
        Ok(Compared {
            rows: asserts.rows,
            caught: SEEDS.len(),
            tests: 0,
        })
    }

    /// A host that Miri interprets.
    fn interpreted(&self, host: Host) -> Result<Compared, Stop> {
        rust::find_miri().map_err(Stop::NotRun)?;
        let mut cargo = self.miri("run", host);
        cargo
            .args(["--package", "layout-dump", "--", "digest"])
            // The program has no unsafe code; without these checks it takes half the time.
            .env(
                "MIRIFLAGS",
                "-Zmiri-disable-stacked-borrows -Zmiri-disable-validation",
            );
        let found = stdout(&mut cargo)?;
        let wanted = self.dump.digests();
        let differences = lines_apart(&wanted, &found);
        if !differences.is_empty() {
            return Err(Stop::Failed(different(&differences)));
        }
        // Offset and size stand in the digest of one header's records, the constant in another's.
        let (seeded, _) = self.dump.seeded()?;
        let expected = lines_apart(&wanted, &seeded.digests());
        let noticed = lines_apart(&found, &seeded.digests());
        if expected.is_empty() || noticed != expected {
            return Err(Stop::Failed(anyhow!(
                "the digests of wrong rows are not noticed: {}",
                expected.join("; ")
            )));
        }
        Ok(Compared {
            rows: self.dump.rows(),
            caught: self.caught_by_digest()?,
            tests: 0,
        })
    }

    /// Each seeded error by itself changes the digests.
    fn caught_by_digest(&self) -> Result<usize> {
        let wanted = self.dump.digests();
        for (what, seeded) in SEEDS.iter().zip(self.dump.seeded_singly()?) {
            if lines_apart(&wanted, &seeded.digests()).len() != 1 {
                bail!("{what} that is wrong does not change one digest");
            }
        }
        Ok(SEEDS.len())
    }

    /// The unit tests on a host that Miri interprets.
    fn interpreted_tests(&self, host: Host) -> Result<Compared, Stop> {
        rust::find_miri().map_err(Stop::NotRun)?;
        let mut cargo = self.miri("test", host);
        cargo.args(PUBLIC);
        Ok(Compared {
            tests: passed(&stdout(&mut cargo)?)?,
            ..Compared::default()
        })
    }

    fn miri(&self, what: &str, host: Host) -> Command {
        let mut cargo = rust::nightly_cargo();
        cargo
            .args(["miri", what, "--quiet", "--target", host.target])
            .arg("--target-dir")
            .arg(self.work.join("miri").join(host.target));
        cargo
    }

    /// A host that only has to compile.
    fn compiled(&self, host: Host) -> Result<Compared, Stop> {
        let core = rust::find_core(host.target)?.map_err(Stop::NotRun)?;
        let mut cargo = core.cargo();
        cargo
            .args(["check", "--quiet", "--target", host.target])
            .args(["--package", "xen-public", "--package", "xen-abi"])
            .arg("--target-dir")
            .arg(self.work.join("compiles").join(host.target))
            .args(core.options());
        tool::run(&mut cargo)?;
        Ok(Compared::default())
    }
}

fn different(rows: &[String]) -> anyhow::Error {
    anyhow!(
        "not as on {}:\n    {}",
        REFERENCE.target,
        rows.join("\n    ")
    )
}

/// The lines that differ, each side's, with the table that they are in.
fn lines_apart(wanted: &str, found: &str) -> Vec<String> {
    let (mut wanted, mut found) = (wanted.lines(), found.lines());
    let mut apart = Vec::new();
    let mut table = "";
    loop {
        let (a, b) = (wanted.next(), found.next());
        if let Some(title) = a.and_then(|line| line.strip_prefix("table ")) {
            table = title;
        }
        match (a, b) {
            (None, None) => return apart,
            (a, b) if a == b => {}
            (a, b) => {
                let say = |line: Option<&str>| line.unwrap_or("nothing").to_owned();
                apart.push(format!("{table}: {}, not {}", say(b), say(a)));
            }
        }
    }
}

/// What the foreign Linuxes lack here: in words, and as Debian packages.
pub fn lacking() -> (Vec<String>, Vec<&'static str>) {
    let (mut missing, mut packages) = (Vec::new(), Vec::new());
    for foreign in HOSTS.iter().filter_map(|host| host.foreign) {
        if let Err(reason) = runner(foreign) {
            missing.push(reason);
            packages.extend([foreign.linker.1, foreign.libc.1, foreign.runner.1]);
        }
    }
    packages.sort_unstable();
    packages.dedup();
    (missing, packages)
}

/// Linker and runner of a foreign Linux, or what is missing.
fn runner(foreign: Foreign) -> Result<Vec<String>, String> {
    let (linker, package) = foreign.linker;
    if !tool::have(linker) {
        return Err(format!("there is no {linker} (Debian: {package})"));
    }
    let (libc, package) = foreign.libc;
    if !Path::new(libc).is_file() {
        return Err(format!("there is no {libc} (Debian: {package})"));
    }
    let (line, package) = foreign.runner;
    let mut line: Vec<String> = line.iter().map(|&word| word.to_owned()).collect();
    let there = |program: &str| Path::new(program).is_file() || tool::have(program);
    if !there(&line[0]) {
        // The package without statically linked programs.
        let other = line[0].trim_end_matches("-static").to_owned();
        if !there(&other) {
            return Err(format!("there is no {} (Debian: {package})", line[0]));
        }
        line[0] = other;
    }
    Ok(line)
}

/// A cargo command for a host, in a folder of that host's own so that hosts can build side by side.
fn cargo(host: Host, core: rust::Core, work: &Path, what: &str) -> Command {
    let mut cargo = core.cargo();
    cargo
        .args([what, "--quiet", "--target", host.target, "--target-dir"])
        .arg(work.join("build").join(host.target))
        .args(core.std_options());
    if let Some(foreign) = host.foreign {
        cargo.env(variable(host, "LINKER"), foreign.linker.0);
    }
    cargo
}

/// The environment variable that cargo reads a setting of a target from.
fn variable(host: Host, setting: &str) -> String {
    let target = host.target.to_uppercase().replace('-', "_");
    format!("CARGO_TARGET_{target}_{setting}")
}

/// Builds the layout-dump program for a host, runs it there and returns what it printed.
fn layout_dump(host: Host, core: rust::Core, work: &Path, runner: &[String]) -> Result<String> {
    let mut build = cargo(host, core, work, "build");
    build.args(["--package", "layout-dump"]);
    tool::run(&mut build)?;
    let program = work
        .join("build")
        .join(host.target)
        .join(host.target)
        .join("debug/layout-dump");
    let mut run = match runner.split_first() {
        Some((first, rest)) => {
            let mut command = Command::new(first);
            command.args(rest).arg(&program);
            command
        }
        None => Command::new(&program),
    };
    stdout(&mut run)
}

/// Runs a package's unit tests on a host; how many there were.
fn unit_tests(
    host: Host,
    core: rust::Core,
    work: &Path,
    runner: &[String],
    package: &[&str],
) -> Result<usize> {
    let mut test = cargo(host, core, work, "test");
    test.args(package);
    if !runner.is_empty() {
        test.env(variable(host, "RUNNER"), runner.join(" "));
    }
    passed(&stdout(&mut test)?)
}

fn stdout(command: &mut Command) -> Result<String> {
    let output = tool::run(command)?;
    String::from_utf8(output.stdout).with_context(|| format!("`{}`", tool::line(command)))
}

/// How many tests a test program says have passed.
fn passed(text: &str) -> Result<usize> {
    let found = text
        .lines()
        .filter_map(|line| line.strip_prefix("test result: ok. "))
        .filter_map(|rest| rest.split_once(" passed"))
        .filter_map(|(number, _)| number.parse::<usize>().ok())
        .sum();
    if found == 0 {
        bail!("no test ran:\n{text}");
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_chosen_by_name_and_by_way() {
        let only = |name: &str| {
            chosen(&Options {
                only: vec![name.to_owned()],
            })
        };
        let targets =
            |name| -> Vec<&str> { only(name).unwrap().iter().map(|h| h.target).collect() };
        assert_eq!(targets("netbsd"), ["x86_64-unknown-netbsd"]);
        assert_eq!(targets("miri"), ["s390x-unknown-linux-gnu"]);
        assert_eq!(targets("qemu-user").len(), 2);
        assert_eq!(chosen(&Options::default()).unwrap().len(), HOSTS.len());
        let error = only("plan9").unwrap_err().to_string();
        assert!(
            error.contains("`plan9`") && error.contains("illumos"),
            "{error}"
        );
    }

    #[test]
    fn no_test_is_no_pass() {
        let text = "running 2 tests\ntest result: ok. 2 passed; 0 failed; 0 ignored\n";
        assert_eq!(passed(text).unwrap(), 2);
        assert!(passed("test result: ok. 0 passed; 0 failed\n").is_err());
        assert!(passed("").is_err());
    }

    #[test]
    fn lines_apart_are_shown_from_both_sides() {
        let text = "table t\na\nb\n";
        assert!(lines_apart(text, text).is_empty());
        assert_eq!(
            lines_apart(text, "table t\na\nc\nd\n"),
            ["t: c, not b", "t: d, not nothing"]
        );
    }
}
