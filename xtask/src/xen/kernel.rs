//! Building the guest: a Rust kernel for a bare x86_64 machine.
//!
//! The target's `core` comes from where [`crate::rust`] finds it.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::{rust, tool};

/// The target that the guest is built for.
pub const TARGET: &str = "x86_64-unknown-none";

/// Builds the guest and returns its file, or the reason why it can't be built here.
///
/// # Errors
/// What the compiler said.
pub fn build() -> Result<Result<PathBuf, String>> {
    let core = match rust::find_core(TARGET)? {
        Ok(core) => core,
        Err(reason) => return Ok(Err(reason)),
    };
    let dir = tool::cache_dir("xen")?.join("build");
    let mut cargo = core.cargo();
    cargo
        .args(["build", "--quiet", "--release", "--package", "guests"])
        .args(["--bin", "kernel", "--target", TARGET, "--target-dir"])
        .arg(&dir)
        .args(core.options());
    tool::run(&mut cargo)?;
    let kernel = dir.join(TARGET).join("release").join("kernel");
    if !kernel.is_file() {
        bail!("`{}` made no {}", tool::line(&cargo), kernel.display());
    }
    Ok(Ok(kernel))
}
