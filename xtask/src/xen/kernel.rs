//! Building the guest: a Rust kernel for a bare x86_64 machine.
//!
//! The target's `core` comes from rustup, which is asked for it if it is missing. Without rustup,
//! where the sources of the standard library are there, it is built along (`-Zbuild-std`).

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tool;

/// The target that the guest is built for.
pub const TARGET: &str = "x86_64-unknown-none";

/// Where `core` comes from.
#[derive(Debug, PartialEq, Eq)]
enum Core {
    Installed,
    Built,
}

/// Builds the guest and returns its file, or the reason why it can't be built here.
///
/// # Errors
/// What the compiler said.
pub fn build() -> Result<Result<PathBuf, String>> {
    let core = match find_core()? {
        Ok(core) => core,
        Err(reason) => return Ok(Err(reason)),
    };
    let dir = tool::cache_dir("xen")?.join("build");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(tool::root())
        .args(["build", "--quiet", "--release", "--package", "guests"])
        .args(["--bin", "kernel", "--target", TARGET, "--target-dir"])
        .arg(&dir);
    if core == Core::Built {
        cargo.arg("-Zbuild-std=core").env("RUSTC_BOOTSTRAP", "1");
    }
    tool::run(&mut cargo)?;
    let kernel = dir.join(TARGET).join("release").join("kernel");
    if !kernel.is_file() {
        bail!("`{}` made no {}", tool::line(&cargo), kernel.display());
    }
    Ok(Ok(kernel))
}

/// The compiler that cargo would use.
fn rustc() -> Command {
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.current_dir(tool::root());
    rustc
}

/// A folder that rustc names.
fn printed(arguments: &[&str]) -> Result<PathBuf> {
    let output = tool::run(rustc().args(arguments))?;
    let text = String::from_utf8(output.stdout).context("rustc's output")?;
    Ok(PathBuf::from(text.trim_end()))
}

/// Whether a folder holds a compiled `core`.
fn has_core(libraries: &Path) -> bool {
    std::fs::read_dir(libraries).is_ok_and(|files| {
        files
            .flatten()
            .any(|file| file.file_name().to_string_lossy().starts_with("libcore-"))
    })
}

/// Finds or fetches the target's `core`, or says why there is none.
fn find_core() -> Result<Result<Core, String>> {
    let libraries = printed(&["--print", "target-libdir", "--target", TARGET])?;
    if has_core(&libraries) {
        return Ok(Ok(Core::Installed));
    }
    let mut add = Command::new("rustup");
    add.current_dir(tool::root())
        .args(["target", "add", TARGET]);
    let refused = match tool::have("rustup").then(|| tool::run(&mut add)) {
        Some(Ok(_)) if has_core(&libraries) => return Ok(Ok(Core::Installed)),
        Some(Ok(_)) => format!("`{}` did not bring it", tool::line(&add)),
        Some(Err(error)) => format!("{error:#}"),
        None => "there is no rustup to add it".to_owned(),
    };
    let sources = printed(&["--print", "sysroot"])?.join("lib/rustlib/src/rust/library/core");
    if sources.is_dir() {
        return Ok(Ok(Core::Built));
    }
    Ok(Err(format!(
        "the Rust target {TARGET} is missing: {refused}; nor is there rust-src to build it from"
    )))
}
