//! The Rust toolchain: cargo and rustc as this command was started with, and `core` for other targets.
//!
//! A target's `core` comes from rustup, which is asked for it if it is missing. Without rustup, where
//! the sources of the standard library are there, it is built along (`-Zbuild-std`).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, Result};

use crate::tool;

/// Where a target's `core` comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Core {
    /// It stands compiled in the toolchain, with `std` if the target has one.
    Installed,
    /// cargo compiles it from the toolchain's sources.
    Built,
    /// cargo compiles it from the nightly toolchain's sources.
    BuiltByNightly,
}

impl Core {
    /// cargo, as it has to be called to find this `core`.
    pub fn cargo(self) -> Command {
        let mut command = match self {
            Self::Installed | Self::Built => cargo(),
            Self::BuiltByNightly => nightly_cargo(),
        };
        if self == Self::Built {
            command.env("RUSTC_BOOTSTRAP", "1");
        }
        command
    }

    /// The options that a cargo command for the target needs.
    pub fn options(self) -> &'static [&'static str] {
        match self {
            Self::Installed => &[],
            Self::Built | Self::BuiltByNightly => &["-Zbuild-std=core"],
        }
    }

    /// The same for a program that needs `std`.
    pub fn std_options(self) -> &'static [&'static str] {
        match self {
            Self::Installed => &[],
            Self::Built | Self::BuiltByNightly => &["-Zbuild-std=std,panic_abort"],
        }
    }
}

/// The variable that forbids to install anything; `cargo xtask test --no-install` sets it for what it runs.
pub const NO_INSTALL: &str = "XTASK_NO_INSTALL";

/// Held while rustup may install something: it does not expect another of itself beside it.
static INSTALLING: Mutex<()> = Mutex::new(());

/// cargo in the workspace's root.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(tool::root());
    cargo
}

/// rustc as cargo would use it, in the workspace's root.
pub fn rustc() -> Command {
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.current_dir(tool::root());
    rustc
}

/// The nightly toolchain's cargo, through rustup.
pub fn nightly_cargo() -> Command {
    let mut cargo = nightly();
    cargo.arg("cargo");
    cargo
}

fn nightly() -> Command {
    let mut rustup = Command::new("rustup");
    // Each is the running toolchain's, and would win over rustup's choice.
    for name in ["RUSTC", "CARGO", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        rustup.env_remove(name);
    }
    rustup.current_dir(tool::root()).args(["run", "nightly"]);
    rustup
}

/// A folder that a rustc names.
fn printed(rustc: &mut Command) -> Result<PathBuf> {
    let output = tool::run(rustc)?;
    let text = String::from_utf8(output.stdout).context("rustc's output")?;
    Ok(PathBuf::from(text.trim_end()))
}

/// Whether a folder holds a compiled `core`.
fn holds_core(libraries: &Path) -> bool {
    std::fs::read_dir(libraries).is_ok_and(|files| {
        files
            .flatten()
            .any(|file| file.file_name().to_string_lossy().starts_with("libcore-"))
    })
}

/// Whether the toolchain of this rustc has the sources of `core`.
fn has_sources(rustc: &mut Command) -> bool {
    printed(rustc.args(["--print", "sysroot"]))
        .is_ok_and(|sysroot| sysroot.join("lib/rustlib/src/rust/library/core").is_dir())
}

/// The folder of the toolchain for a target's compiled libraries, whether or not it is there.
fn libraries(target: &str) -> Result<PathBuf> {
    printed(rustc().args(["--print", "target-libdir", "--target", target]))
}

/// Whether a target's `core` is here already, compiled or to be compiled.
///
/// # Errors
/// rustc can't be run, or does not know the target.
pub fn has_core(target: &str) -> Result<bool> {
    Ok(holds_core(&libraries(target)?)
        || has_sources(&mut rustc())
        || (tool::have("rustup") && has_sources(nightly().arg("rustc"))))
}

/// Finds or fetches a target's `core`, or says why there is none.
///
/// # Errors
/// rustc can't be run.
pub fn find_core(target: &str) -> Result<Result<Core, String>> {
    let _guard = INSTALLING.lock();
    let libraries = libraries(target)?;
    if holds_core(&libraries) {
        return Ok(Ok(Core::Installed));
    }
    let refused = match install(may_install(), &["target", "add", target]) {
        Ok(()) if holds_core(&libraries) => return Ok(Ok(Core::Installed)),
        Ok(()) => "rustup did not bring it".to_owned(),
        Err(reason) => reason,
    };
    if has_sources(&mut rustc()) {
        return Ok(Ok(Core::Built));
    }
    if tool::have("rustup") && has_sources(nightly().arg("rustc")) {
        return Ok(Ok(Core::BuiltByNightly));
    }
    Ok(Err(format!(
        "the Rust target {target} is missing: {refused}; nor is there rust-src to build it from"
    )))
}

/// Whether the nightly toolchain has Miri; it is asked for where rustup has a nightly without it. If
/// not, why.
///
/// # Errors
/// What rustup said.
pub fn find_miri() -> Result<(), String> {
    if !tool::have("rustup") {
        return Err("Miri comes with rustup's nightly toolchain, and there is no rustup".into());
    }
    let _guard = INSTALLING.lock();
    let version = || tool::run(nightly_cargo().args(["miri", "--version"]));
    if version().is_ok() && has_sources(nightly().arg("rustc")) {
        return Ok(());
    }
    let add = [
        "component",
        "add",
        "--toolchain",
        "nightly",
        "miri",
        "rust-src",
    ];
    let outcome = install(may_install(), &add)
        .and_then(|()| version().map(|_| ()).map_err(|error| format!("{error:#}")));
    outcome.map_err(|why| {
        format!(
            "the nightly toolchain has no Miri (rustup toolchain install nightly -c miri -c rust-src): {why}"
        )
    })
}

fn may_install() -> bool {
    std::env::var_os(NO_INSTALL).is_none()
}

/// Has rustup install something, if that is allowed and there is a rustup.
fn install(allowed: bool, arguments: &[&str]) -> Result<(), String> {
    if !tool::have("rustup") {
        return Err("there is no rustup to add it".to_owned());
    }
    let mut rustup = Command::new("rustup");
    rustup.current_dir(tool::root()).args(arguments);
    if !allowed {
        return Err(format!("{NO_INSTALL} forbids `{}`", tool::line(&rustup)));
    }
    tool::installing()
        .and_then(|_alone| tool::run(&mut rustup))
        .map(|_| ())
        .map_err(|error| format!("{error:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forbidden_is_not_asked_of_rustup() {
        if !tool::have("rustup") {
            assert!(install(true, &["--version"]).is_err());
            return;
        }
        // A rustup that ran would succeed.
        assert_eq!(install(true, &["--version"]), Ok(()));
        assert_eq!(
            install(false, &["--version"]),
            Err("XTASK_NO_INSTALL forbids `rustup --version`".to_owned())
        );
    }
}
