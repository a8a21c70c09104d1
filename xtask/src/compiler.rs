//! The C compilers of each ABI: a gcc made for the target, and a clang, which serves all of them.
//!
//! A compiler that is missing is an error that names the Debian package with it, never a reason to
//! leave a check out.

use std::fmt;
use std::process::Command;

use crate::headers::Abi;
use crate::tool;
use anyhow::{Result, bail};

/// The oldest clang whose answers are trusted.
const OLDEST_CLANG: u32 = 14;
/// The newest clang that is looked for by its versioned name.
const NEWEST_CLANG: u32 = 40;

/// Which of the two independent C compilers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// The GNU compiler, one program per target.
    Gcc,
    /// clang, with `-target`.
    Clang,
}

/// Both.
pub const FAMILIES: [Family; 2] = [Family::Gcc, Family::Clang];

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gcc => "gcc",
            Self::Clang => "clang",
        })
    }
}

/// A compiler that makes objects for one ABI.
#[derive(Clone, Debug)]
pub struct Compiler {
    /// gcc or clang.
    pub family: Family,
    /// The ABI it compiles for.
    pub abi: Abi,
    program: String,
    options: Vec<String>,
}

impl Compiler {
    /// The machine's compiler of that family for that ABI.
    ///
    /// # Errors
    /// There is none on PATH, or it is too old or for another target; the message says which package
    /// brings it.
    pub fn find(family: Family, abi: Abi) -> Result<Self> {
        let (program, options) = match family {
            Family::Gcc => gcc(abi)?,
            Family::Clang => (
                clang()?,
                vec!["-target".to_owned(), abi.clang_target().to_owned()],
            ),
        };
        Ok(Self {
            family,
            abi,
            program,
            options,
        })
    }

    /// A command with what every compilation needs: the target, no warnings, every error in one line,
    /// and nothing of any libc.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("LC_ALL", "C").args(&self.options);
        command.args(["-w", "-O0", "-nostdinc"]);
        command.arg(match self.family {
            Family::Gcc => "-fmax-errors=0",
            Family::Clang => "-ferror-limit=0",
        });
        command
    }
}

impl fmt::Display for Compiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.program)?;
        for option in &self.options {
            write!(f, " {option}")?;
        }
        Ok(())
    }
}

/// Program and options of the gcc for a target.
fn gcc(abi: Abi) -> Result<(String, Vec<String>)> {
    let (triple, package) = match abi {
        Abi::X86_32 => ("i686-linux-gnu", "gcc-i686-linux-gnu"),
        Abi::X86_64 => ("x86_64-linux-gnu", "gcc-x86-64-linux-gnu"),
        Abi::Arm32 => ("arm-linux-gnueabihf", "gcc-arm-linux-gnueabihf"),
        Abi::Arm64 => ("aarch64-linux-gnu", "gcc-aarch64-linux-gnu"),
    };
    let cross = format!("{triple}-gcc");
    if tool::have(&cross) {
        return Ok((cross, Vec::new()));
    }
    if tool::have("gcc") {
        let host = tool::run(Command::new("gcc").arg("-dumpmachine"))?;
        let host = String::from_utf8_lossy(&host.stdout).trim().to_owned();
        if same_machine(&host, triple) {
            return Ok(("gcc".into(), Vec::new()));
        }
        // An x86_64 gcc compiles for i686 too; no libc is needed for it here.
        if abi == Abi::X86_32 && host.starts_with("x86_64-") {
            return Ok(("gcc".into(), vec!["-m32".into()]));
        }
    }
    bail!(
        "no gcc for {}: neither `{cross}` nor a fitting `gcc` is on PATH (Debian package `{package}`)",
        abi.module()
    )
}

/// Whether gcc's own name of its target is this triple, with or without a vendor part.
fn same_machine(host: &str, triple: &str) -> bool {
    let machine = |t: &str| t.split('-').next().unwrap_or_default().to_owned();
    let system = |t: &str| t.rsplit('-').next().unwrap_or_default().to_owned();
    machine(host) == machine(triple) && system(host) == system(triple)
}

/// The name of a clang of at least [`OLDEST_CLANG`].
fn clang() -> Result<String> {
    let named = (OLDEST_CLANG..=NEWEST_CLANG)
        .rev()
        .map(|v| format!("clang-{v}"));
    let mut too_old = Vec::new();
    for name in std::iter::once("clang".to_owned()).chain(named) {
        if !tool::have(&name) {
            continue;
        }
        let output = tool::run(Command::new(&name).arg("--version"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        match clang_version(&text) {
            Some(version) if version >= OLDEST_CLANG => return Ok(name),
            _ => too_old.push(format!(
                "`{name}` is {}",
                text.lines().next().unwrap_or("?")
            )),
        }
    }
    bail!(
        "no clang of version {OLDEST_CLANG} or newer on PATH (Debian package `clang`){}{}",
        if too_old.is_empty() { "" } else { ": " },
        too_old.join(", ")
    )
}

/// The major version in what `clang --version` prints.
fn clang_version(text: &str) -> Option<u32> {
    let rest = &text[text.find("clang version ")? + "clang version ".len()..];
    rest.split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(
            clang_version("Debian clang version 14.0.6\nTarget: x"),
            Some(14)
        );
        assert_eq!(clang_version("clang version 19.1.7 (3+b1)"), Some(19));
        assert_eq!(clang_version("gcc (Debian 12.2.0)"), None);
    }

    #[test]
    fn machines() {
        assert!(same_machine("x86_64-pc-linux-gnu", "x86_64-linux-gnu"));
        assert!(!same_machine("arm-linux-gnueabi", "arm-linux-gnueabihf"));
        assert!(!same_machine("x86_64-linux-gnu", "i686-linux-gnu"));
    }
}
