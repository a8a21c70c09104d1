//! Building the guests: Rust kernels for bare machines.
//!
//! A target's `core` comes from where [`crate::rust`] finds it. The 32-bit x86 kernel is built for a
//! Linux target, for want of a bare one, and linked as the bare ones are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::kind::{Kind, Processor};
use crate::rust::{self, Core};
use crate::tool;

/// The file that Xen loads, or the reason why it can't be built here.
pub type Kernel = Result<PathBuf, String>;

/// The target of the 32-bit x86 kernel.
const LINUX: &str = "i586-unknown-linux-gnu";

/// Builds the kernels of some kinds, all that have their `core` in the same place at once.
///
/// # Errors
/// What the compiler said.
pub fn build(kinds: &[Kind]) -> Result<BTreeMap<Kind, Kernel>> {
    let mut kernels = BTreeMap::new();
    let mut groups: Vec<(Core, Vec<&'static str>)> = Vec::new();
    for &kind in kinds {
        let target = kind.target();
        let core = match rust::find_core(target)? {
            Ok(core) => core,
            Err(reason) => {
                kernels.insert(kind, Err(reason));
                continue;
            }
        };
        match groups.iter_mut().find(|(known, _)| *known == core) {
            Some((_, targets)) if targets.contains(&target) => {}
            Some((_, targets)) => targets.push(target),
            None => groups.push((core, vec![target])),
        }
    }
    let dir = tool::cache_dir("xen")?.join("build");
    for (core, targets) in groups {
        compile(core, &targets, &dir)?;
    }
    for &kind in kinds {
        if kernels.contains_key(&kind) {
            continue;
        }
        let file = dir.join(kind.target()).join("release").join("kernel");
        if !file.is_file() {
            bail!("the compiler made no {}", file.display());
        }
        let file = match kind.processor() {
            Processor::Amd64 => file,
            Processor::Arm64 => flatten(&file)?,
        };
        kernels.insert(kind, Ok(file));
    }
    Ok(kernels)
}

fn compile(core: Core, targets: &[&str], dir: &Path) -> Result<()> {
    let mut cargo = core.cargo();
    cargo
        .args(["build", "--quiet", "--release", "--package", "guests"])
        .args(["--bin", "kernel", "--target-dir"])
        .arg(dir)
        .args(core.options());
    for target in targets {
        cargo.args(["--target", target]);
    }
    if targets.contains(&LINUX) {
        let options = [
            "linker = 'rust-lld'",
            "rustflags = ['-Clinker-flavor=ld.lld', '-Crelocation-model=static']",
        ];
        for option in options {
            cargo.args(["--config", &format!("target.{LINUX}.{option}")]);
        }
    }
    // As the bare targets do by themselves.
    cargo.args(["--config", "profile.release.panic = 'abort'"]);
    // Optimising each crate's parts once more as a whole would take as long as the parts did.
    cargo.args(["--config", "profile.release.lto = 'off'"]);
    tool::run(&mut cargo).map(|_| ())
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
