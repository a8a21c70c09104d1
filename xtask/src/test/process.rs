//! Running a suite's programs: output to a log, an end after the suite's limit.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::tool;

/// How often a running program is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Nothing that is built here is edited and built again, or stepped through with a debugger. Preparing for
/// either takes the compiler about as long as the code itself.
const ONCE: [(&str, &str); 2] = [("CARGO_INCREMENTAL", "0"), ("CARGO_PROFILE_DEV_DEBUG", "0")];

/// How a program ended.
#[derive(Debug)]
pub enum Ended {
    /// By itself.
    Status(ExitStatus),
    /// It took too long and was killed, with what it had started.
    TooLong,
}

/// A command in the workspace's root, without what cargo told this program about itself: cargo would
/// take some of it for its own, and build anew what is built. Cargo builds with `ONCE`.
pub fn program(name: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.current_dir(tool::root()).args(arguments);
    for (key, _) in std::env::vars_os() {
        let text = key.to_string_lossy();
        if [
            "CARGO_PKG_",
            "CARGO_MANIFEST_",
            "CARGO_CRATE_",
            "CARGO_BIN_",
        ]
        .iter()
        .any(|prefix| text.starts_with(prefix))
        {
            command.env_remove(&key);
        }
    }
    command.env("CARGO_TERM_COLOR", "never").envs(ONCE);
    command
}

/// Runs a command with its output added to a log, and calls `tick` about once a second.
///
/// # Errors
/// The program can't be started, or the log not be written.
pub fn run(
    command: &mut Command,
    log: &Path,
    limit: Duration,
    mut tick: impl FnMut(),
) -> Result<Ended> {
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(log)
        .with_context(|| format!("opening {}", log.display()))?;
    writeln!(file, "$ {}", tool::line(command))?;
    let output = |file: &std::fs::File| file.try_clone().map(Stdio::from);
    command
        .stdin(Stdio::null())
        .stdout(output(&file)?)
        .stderr(output(&file)?);
    let start = Instant::now();
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start `{}`", tool::line(command)))?;
    let mut ticks = 0;
    loop {
        if let Some(status) = child.try_wait().context("waiting for a program")? {
            return Ok(Ended::Status(status));
        }
        let elapsed = start.elapsed();
        if elapsed >= limit {
            end(&mut child);
            writeln!(file, "ended after {} s", elapsed.as_secs())?;
            return Ok(Ended::TooLong);
        }
        if elapsed.as_secs() >= ticks {
            tick();
            ticks = elapsed.as_secs() + 1;
        }
        std::thread::sleep(LOOK);
    }
}

/// Kills a program and all that it started, as far as the system shows that.
fn end(child: &mut Child) {
    let mut family = vec![child.id()];
    let parents = parents();
    let mut at = 0;
    while at < family.len() {
        let parent = family[at];
        family.extend(
            parents
                .iter()
                .filter(|(_, of)| *of == parent)
                .map(|(id, _)| *id),
        );
        at += 1;
    }
    // The program itself first, so that it starts nothing more; one that is gone by now is no error.
    let _ = child.kill();
    for id in &family[1..] {
        let _ = Command::new("kill")
            .args(["-KILL", &id.to_string()])
            .stderr(Stdio::null())
            .status();
    }
    let _ = child.wait();
}

/// Every process with its parent, by number; none where there is no `/proc`.
fn parents() -> Vec<(u32, u32)> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            // The name before it stands in brackets, and may have blanks and brackets itself.
            let (_, rest) = stat.rsplit_once(')')?;
            Some((id, rest.split_whitespace().nth(1)?.parse().ok()?))
        })
        .collect()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> (Ended, String) {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let ended = run(&mut program("sh", &["-c", script]), &log, limit, || ()).unwrap();
        (ended, std::fs::read_to_string(&log).unwrap())
    }

    #[test]
    fn the_log_has_command_output_and_errors() {
        let (ended, log) = shell("echo out; echo err >&2; exit 7", Duration::from_secs(20));
        assert!(matches!(ended, Ended::Status(status) if status.code() == Some(7)));
        assert_eq!(log, "$ sh -c 'echo out; echo err >&2; exit 7'\nout\nerr\n");
    }

    #[test]
    fn what_hangs_is_ended_with_all_that_it_started() {
        let start = Instant::now();
        let (ended, log) = shell("sh -c 'echo $$; sleep 600' & wait", Duration::from_secs(1));
        assert!(matches!(ended, Ended::TooLong), "{ended:?}");
        assert!(start.elapsed() < Duration::from_secs(60));
        assert!(log.ends_with("\nended after 1 s\n"), "{log}");
        let inner: u32 = log.lines().nth(1).unwrap().parse().unwrap();
        // A killed process may wait for its new parent to take note of it.
        let alive = || {
            std::fs::read_to_string(format!("/proc/{inner}/stat"))
                .is_ok_and(|stat| !stat.contains(") Z "))
        };
        while alive() {
            assert!(start.elapsed() < Duration::from_secs(60), "{inner} lives");
            std::thread::sleep(LOOK);
        }
    }

    #[test]
    fn what_cargo_told_this_program_is_not_passed_on() {
        assert!(std::env::var_os("CARGO_PKG_NAME").is_some());
        let command = program("x", &[]);
        let removed = |name: &str| {
            command
                .get_envs()
                .any(|(key, value)| key == name && value.is_none())
        };
        assert!(removed("CARGO_PKG_NAME"));
        assert!(!removed("CARGO_HOME"));
    }
}
