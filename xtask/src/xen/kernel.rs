//! Building the guests: Rust kernels for bare machines.
//!
//! A target's `core` comes from where [`crate::rust`] finds it. The 32-bit x86 kernel is built for a
//! Linux target, for want of a bare one, and linked as the bare ones are.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::kind::{Kind, Processor};
use crate::{rust, tool};

/// Builds the kernel of a kind and returns the file that Xen loads, or the reason why it can't be built
/// here.
///
/// # Errors
/// What the compiler said.
pub fn build(kind: Kind) -> Result<Result<PathBuf, String>> {
    let target = kind.target();
    let core = match rust::find_core(target)? {
        Ok(core) => core,
        Err(reason) => return Ok(Err(reason)),
    };
    let dir = tool::cache_dir("xen")?.join("build");
    let mut cargo = core.cargo();
    cargo
        .args(["build", "--quiet", "--release", "--package", "guests"])
        .args(["--bin", "kernel", "--target", target, "--target-dir"])
        .arg(&dir)
        .args(core.options());
    if kind == Kind::X86_32Pvh {
        let options = [
            "linker = 'rust-lld'".to_owned(),
            "rustflags = ['-Clinker-flavor=ld.lld', '-Crelocation-model=static']".to_owned(),
        ];
        for option in options {
            cargo
                .arg("--config")
                .arg(format!("target.{target}.{option}"));
        }
        cargo.args(["--config", "profile.release.panic = 'abort'"]);
    }
    tool::run(&mut cargo)?;
    let kernel = dir.join(target).join("release").join("kernel");
    if !kernel.is_file() {
        bail!("`{}` made no {}", tool::line(&cargo), kernel.display());
    }
    Ok(Ok(match kind.processor() {
        Processor::Amd64 => kernel,
        Processor::Arm64 => flatten(&kernel)?,
    }))
}

/// Makes the image that Xen on ARM loads out of an ELF file: its memory from the first byte to the last,
/// without any header but the one that the kernel begins with.
fn flatten(kernel: &Path) -> Result<PathBuf> {
    use object::{Object, ObjectSegment};
    let bytes = std::fs::read(kernel).with_context(|| format!("reading {}", kernel.display()))?;
    let file = object::File::parse(&*bytes)
        .with_context(|| format!("taking {} apart", kernel.display()))?;
    let segments = || file.segments().filter(|segment| segment.size() > 0);
    let start = segments().map(|segment| segment.address()).min();
    let start = start.with_context(|| format!("{} is empty", kernel.display()))?;
    let mut image = Vec::new();
    for segment in segments() {
        let place = usize::try_from(segment.address() - start)?;
        let end = place + usize::try_from(segment.size())?;
        if image.len() < end {
            image.resize(end, 0);
        }
        let data = segment.data().context("reading a segment")?;
        image[place..place + data.len()].copy_from_slice(data);
    }
    let to = kernel.with_extension("img");
    std::fs::write(&to, image).with_context(|| format!("writing {}", to.display()))?;
    Ok(to)
}
