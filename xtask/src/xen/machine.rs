//! The machines that Xen runs on: QEMU's software emulation, which needs no privileges.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::kind::{Kind, Processor};
use super::verdict::{self, Counts, End};
use crate::{apt, tool};

/// One boot to be made.
#[derive(Debug)]
pub struct Boot<'a> {
    /// A name for the folder of its logs.
    pub name: &'a str,
    /// The kind of domain 0.
    pub kind: Kind,
    /// Xen, unpacked.
    pub hypervisor: &'a Path,
    /// The kernel that runs as domain 0.
    pub kernel: &'a Path,
    /// The kernel's command line.
    pub arguments: &'a str,
    /// When to give up.
    pub time_limit: Duration,
}

/// What came of a boot.
#[derive(Debug)]
pub struct Outcome {
    /// How QEMU ended.
    pub end: End,
    /// Everything on the serial console.
    pub console: String,
    /// What QEMU itself had to say.
    pub messages: String,
    /// The console's file.
    pub log: PathBuf,
    /// How long it took.
    pub took: Duration,
    /// What the kernel counted, if it came to its end.
    pub counts: Option<Counts>,
    /// Why it does not pass; empty if it does.
    pub complaints: Vec<String>,
}

impl Outcome {
    /// The version in Xen's own banner.
    pub fn booted(&self) -> &str {
        verdict::banner(&self.console).unwrap_or("(no banner)")
    }
}

/// Makes sure that there is a QEMU for a processor, by installing it where that is allowed.
///
/// # Errors
/// What is missing and why it could not be had.
pub fn have_qemu(processor: Processor) -> Result<(), String> {
    let (qemu, package) = (processor.qemu(), processor.qemu_package());
    if tool::have(qemu) {
        return Ok(());
    }
    let installer = apt::may_install().map_err(|reason| {
        format!("{qemu} is missing (Debian package {package}) and can't be installed: {reason}")
    })?;
    eprintln!("installing {package}");
    installer
        .install(&[package])
        .map_err(|error| format!("{qemu} is missing, and installing {package}: {error:#}"))?;
    if !tool::have(qemu) {
        return Err(format!("{package} is installed, but {qemu} is not on PATH"));
    }
    Ok(())
}

/// Boots Xen with the kernel as its domain 0, and waits for the end or the time limit.
///
/// # Errors
/// A file that can't be read or written, or a QEMU that can't be started.
pub fn boot(boot: &Boot<'_>) -> Result<Outcome> {
    let dir = tool::cache_dir("xen")?.join("runs").join(boot.name);
    std::fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
    // Spaces and commas end a file name in an option, so the files are in QEMU's own folder.
    for (from, name) in [(boot.hypervisor, "xen"), (boot.kernel, "kernel")] {
        let to = dir.join(name);
        std::fs::copy(from, &to)
            .with_context(|| format!("copying {} to {}", from.display(), to.display()))?;
    }
    let log = dir.join("console.log");
    let messages = dir.join("qemu.log");
    File::create(&log).with_context(|| format!("creating {}", log.display()))?;
    let own_output =
        File::create(&messages).with_context(|| format!("creating {}", messages.display()))?;

    let mut command = boot.kind.machine(boot.arguments);
    command
        .current_dir(&dir)
        .stdin(Stdio::null())
        .stdout(own_output.try_clone().context("qemu.log")?)
        .stderr(own_output);
    let line = tool::line(&command);
    std::fs::write(dir.join("command"), format!("{line}\n")).context("writing the command")?;

    let start = Instant::now();
    let mut qemu = command
        .spawn()
        .with_context(|| format!("cannot start `{line}`"))?;
    let end = loop {
        if let Some(status) = qemu.try_wait().context("waiting for QEMU")? {
            break match status.code() {
                Some(code) => End::Status(code),
                None => End::Signal(status.signal().unwrap_or_default()),
            };
        }
        if start.elapsed() >= boot.time_limit {
            qemu.kill().context("killing QEMU")?;
            qemu.wait().context("waiting for QEMU")?;
            break End::TimeLimit(boot.time_limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let took = start.elapsed();

    let read = |path: &Path| -> Result<String> {
        let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let console = read(&log)?;
    let messages = read(&messages)?;
    let counts = verdict::counts(&console).last().copied();
    let complaints = verdict::complaints(end, &console, boot.kind.processor().farewell());
    Ok(Outcome {
        end,
        console,
        messages,
        log,
        took,
        counts,
        complaints,
    })
}
