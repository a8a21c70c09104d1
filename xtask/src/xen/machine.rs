//! The machine that Xen runs on: QEMU's software emulation, which needs no privileges.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::verdict::{self, End};
use crate::{apt, tool};

/// The emulator of x86_64 machines.
const QEMU: &str = "qemu-system-x86_64";
/// The Debian package that has it.
const QEMU_PACKAGE: &str = "qemu-system-x86";

/// One boot to be made.
#[derive(Debug)]
pub struct Boot<'a> {
    /// A name for the folder of its logs.
    pub name: &'a str,
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
    /// Why it does not pass; empty if it does.
    pub complaints: Vec<String>,
}

impl Outcome {
    /// The version in Xen's own banner.
    pub fn booted(&self) -> &str {
        verdict::banner(&self.console).unwrap_or("(no banner)")
    }
}

/// Makes sure that there is a QEMU, by installing it where that is allowed.
///
/// # Errors
/// What is missing and why it could not be had.
pub fn have_qemu() -> Result<(), String> {
    if tool::have(QEMU) {
        return Ok(());
    }
    let installer = apt::may_install().map_err(|reason| {
        format!(
            "{QEMU} is missing (Debian package {QEMU_PACKAGE}) and can't be installed: {reason}"
        )
    })?;
    eprintln!("installing {QEMU_PACKAGE}");
    installer
        .install(&[QEMU_PACKAGE])
        .map_err(|error| format!("{QEMU} is missing, and installing {QEMU_PACKAGE}: {error:#}"))?;
    if !tool::have(QEMU) {
        return Err(format!(
            "{QEMU_PACKAGE} is installed, but {QEMU} is not on PATH"
        ));
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
    // Spaces and commas end a file name in -initrd, so the files are in QEMU's own folder.
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

    let mut command = Command::new(QEMU);
    command
        .args("-accel tcg -M pc -cpu qemu64 -m 512 -smp 1 -nic none -no-reboot".split(' '))
        .args("-display none -monitor none -serial file:console.log -kernel xen".split(' '))
        .arg("-append")
        .arg("console=com1 com1=115200,8n1 loglvl=all guest_loglvl=all dom0_mem=64M")
        .arg("-initrd")
        .arg(format!("kernel {}", boot.arguments).replace(',', ",,"))
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
    let complaints = verdict::complaints(end, &console);
    Ok(Outcome {
        end,
        console,
        messages,
        log,
        took,
        complaints,
    })
}
