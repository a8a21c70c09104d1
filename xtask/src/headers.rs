//! The vendored headers as a compiler reads them: releases, ABIs, modes, include lists and options.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::tool;

/// A vendored release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release(pub &'static str);

/// Every vendored release, oldest first.
pub const RELEASES: [Release; 3] = [Release("4.14"), Release("4.17"), Release("4.20")];

/// The release whose guest ABI the crate exports.
pub const NEWEST: Release = RELEASES[RELEASES.len() - 1];

impl Release {
    /// The folder whose `public/` holds the headers, as it goes on an include path.
    pub fn include_dir(self) -> PathBuf {
        tool::root().join(format!("vendor/xen-{}/include", self.0))
    }

    /// The name of its module below `toolstack`.
    pub fn module(self) -> String {
        format!("v{}", self.0.replace('.', "_"))
    }

    /// The release of that name.
    ///
    /// # Errors
    /// A name that is not vendored, with those that are.
    pub fn parse(name: &str) -> Result<Self> {
        match RELEASES.into_iter().find(|r| r.0 == name) {
            Some(release) => Ok(release),
            None => bail!(
                "release `{name}` is not vendored (there are {})",
                RELEASES.map(|r| r.0).join(", ")
            ),
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// One of the four ABIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Abi {
    X86_32,
    X86_64,
    Arm32,
    Arm64,
}

/// All of them.
pub const ABIS: [Abi; 4] = [Abi::X86_32, Abi::X86_64, Abi::Arm32, Abi::Arm64];

impl Abi {
    /// The module's name.
    pub fn module(self) -> &'static str {
        match self {
            Self::X86_32 => "x86_32",
            Self::X86_64 => "x86_64",
            Self::Arm32 => "arm32",
            Self::Arm64 => "arm64",
        }
    }

    /// clang's name for a target that has this ABI.
    pub fn clang_target(self) -> &'static str {
        match self {
            Self::X86_32 => "i686-linux-gnu",
            Self::X86_64 => "x86_64-linux-gnu",
            Self::Arm32 => "armv7a-linux-gnueabihf",
            Self::Arm64 => "aarch64-linux-gnu",
        }
    }

    /// The width of `long` and of a pointer, in bytes.
    pub fn pointer(self) -> u64 {
        match self {
            Self::X86_32 | Self::Arm32 => 4,
            Self::X86_64 | Self::Arm64 => 8,
        }
    }

    /// Whether this is one of the x86 ABIs.
    pub fn is_x86(self) -> bool {
        matches!(self, Self::X86_32 | Self::X86_64)
    }
}

/// What the headers are read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// A guest kernel.
    Guest,
    /// A toolstack: with `__XEN_TOOLS__`.
    Tools,
}

/// The headers of one release as one ABI and mode reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct View {
    /// The release.
    pub release: Release,
    /// The ABI.
    pub abi: Abi,
    /// Guest or toolstack.
    pub mode: Mode,
    /// The interface version asked for; `None` is the newest of the release.
    pub interface: Option<u32>,
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match self.mode {
            Mode::Guest => "guest",
            Mode::Tools => "tools",
        };
        write!(f, "{} {} {mode}", self.release, self.abi.module())?;
        match self.interface {
            Some(version) => write!(f, " interface {version:#010x}"),
            None => Ok(()),
        }
    }
}

/// Headers that are read only through another one, or for another kind of reader.
const NOT_INCLUDED: &[&str] = &[
    // Through hvm/save.h only.
    "arch-x86/hvm/save.h",
    "arch-arm/hvm/save.h",
];

impl View {
    /// The newest interface of a release.
    pub fn new(release: Release, abi: Abi, mode: Mode) -> Self {
        Self {
            release,
            abi,
            mode,
            interface: None,
        }
    }

    /// Options for clang, and for gcc from `-ffreestanding` on.
    pub fn clang_args(&self) -> Vec<String> {
        let mut args = vec!["-target".to_owned(), self.abi.clang_target().to_owned()];
        args.push("-nostdlibinc".into());
        args.push("-nobuiltininc".into());
        args.extend(self.common_args());
        args
    }

    /// Options that gcc and clang share.
    pub fn common_args(&self) -> Vec<String> {
        let version = match self.interface {
            Some(version) => format!("{version:#010x}"),
            None => "__XEN_LATEST_INTERFACE_VERSION__".into(),
        };
        let mut args = vec![
            "-std=gnu11".to_owned(),
            "-ffreestanding".into(),
            format!("-D__XEN_INTERFACE_VERSION__={version}"),
            format!("-I{}", self.release.include_dir().display()),
            format!("-I{}", tool::root().join("xtask/shims").display()),
        ];
        if self.mode == Mode::Tools {
            args.push("-D__XEN_TOOLS__".into());
        }
        args
    }

    /// The headers to include, in the order they need.
    ///
    /// # Errors
    /// The vendored folder can't be read.
    pub fn includes(&self) -> Result<Vec<String>> {
        let mut headers = self.all_headers()?;
        headers.retain(|h| self.wants(h));
        headers.sort();
        // xen.h first: all others stand on it.
        headers.sort_by_key(|h| h != "xen.h");
        Ok(headers)
    }

    /// Every header of the release.
    ///
    /// # Errors
    /// The vendored folder can't be read.
    pub fn all_headers(&self) -> Result<Vec<String>> {
        let public = self.release.include_dir().join("public");
        let mut headers = Vec::new();
        walk(&public, &public, &mut headers)?;
        headers.sort();
        Ok(headers)
    }

    fn wants(&self, header: &str) -> bool {
        let foreign: &[&str] = match self.abi {
            Abi::X86_32 => &["arch-arm", "arch-x86_64", "arch-x86/xen-x86_64"],
            Abi::X86_64 => &["arch-arm", "arch-x86_32", "arch-x86/xen-x86_32"],
            Abi::Arm32 | Abi::Arm64 => &["arch-x86"],
        };
        // Refuses every interface version from this one on.
        if header == "dom0_ops.h" && self.interface.is_none_or(|v| v >= 0x0003_0204) {
            return false;
        }
        let tools_only = ["domctl.h", "sysctl.h"].contains(&header);
        !NOT_INCLUDED.contains(&header)
            && !foreign.iter().any(|start| header.starts_with(start))
            && (self.mode == Mode::Tools || !tools_only)
    }

    /// C source that includes all of them.
    ///
    /// # Errors
    /// As [`View::includes`].
    pub fn wrapper(&self) -> Result<String> {
        // Xen's headers use these without including them.
        let mut text = "#include <stdint.h>\n#include <stddef.h>\n#include <string.h>\n".to_owned();
        for header in self.includes()? {
            text += &format!("#include <public/{header}>\n");
        }
        Ok(text)
    }
}

fn walk(root: &Path, dir: &Path, out: &mut Vec<String>) -> Result<()> {
    let entries = std::fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            walk(root, &path, out)?;
        } else if path.extension().is_some_and(|e| e == "h") {
            let relative = path.strip_prefix(root).expect("below the root");
            out.push(relative.to_string_lossy().into_owned());
        }
    }
    Ok(())
}

/// The path of a header below `public/`, given the path by which a compiler found it: without `..`, of
/// which `hvm/../arch-x86/hvm/save.h` has one. `None` for files that are no public headers.
pub fn public_path(public: &str, path: &str) -> Option<String> {
    let relative = path.strip_prefix(public)?.strip_prefix('/')?;
    let mut parts: Vec<&str> = Vec::new();
    for part in relative.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop()?;
            }
            other => parts.push(other),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::public_path;

    #[test]
    fn headers_by_any_path() {
        let of = |path| public_path("/v/public", path);
        assert_eq!(of("/v/public/io/blkif.h").as_deref(), Some("io/blkif.h"));
        assert_eq!(
            of("/v/public/hvm/../arch-x86/hvm/save.h").as_deref(),
            Some("arch-x86/hvm/save.h")
        );
        assert_eq!(of("/v/publicity/a.h"), None);
        assert_eq!(of("/v/public/../../a.h"), None);
    }
}
