//! What suites need of the machine, and getting it: packages through apt, toolchains and components
//! through rustup.
//!
//! What can't be had here is named with the reason. A suite *could* run here if what it lacks can be had:
//! apt may install and offers the package.

use std::fmt;
use std::process::Command;

use crate::apt::{self, Installer};
use crate::compiler::{Compiler, FAMILIES};
use crate::fuzz;
use crate::generate::read::Reader;
use crate::headers::ABIS;
use crate::hosts;
use crate::rust;
use crate::tool;

/// Something that a suite needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// gcc and clang for all four ABIs.
    Compilers,
    /// libclang, which the generator reads the headers with.
    Libclang,
    /// A cargo command that comes as a component of the toolchain, such as `clippy`.
    Component(&'static str),
    /// A toolchain of that version besides the one in use.
    Toolchain(&'static str),
    /// `core` for a target: compiled, or its sources to compile.
    Target(&'static str),
    /// Linkers, C libraries and emulators of the Linuxes whose programs run here besides our own.
    ForeignLinux,
    /// valgrind, whose callgrind counts instructions.
    Valgrind,
    /// A C++ compiler, which libFuzzer is compiled with.
    Cxx,
    /// Miri, which comes with nightly toolchains, and the sources it compiles for other machines.
    Miri,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compilers => f.write_str("gcc and clang for the four ABIs"),
            Self::Libclang => f.write_str("libclang"),
            Self::Component(name) => write!(f, "cargo {name}"),
            Self::Toolchain(version) => write!(f, "Rust {version}"),
            Self::Target(target) => write!(f, "the Rust target {target}"),
            Self::ForeignLinux => f.write_str("linkers and emulators of other Linuxes"),
            Self::Valgrind => f.write_str("valgrind"),
            Self::Cxx => f.write_str("a C++ compiler"),
            Self::Miri => f.write_str("Miri"),
        }
    }
}

/// Why a need is not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// What is missing, and why it could not be had.
    pub reason: String,
    /// Whether it could be had here.
    pub could: bool,
}

/// Meets needs, each once.
pub struct Provider {
    no_install: bool,
    answers: Vec<(Need, Result<(), Unmet>)>,
}

impl Provider {
    /// With `no_install`, nothing is installed.
    pub fn new(no_install: bool) -> Self {
        Self {
            no_install,
            answers: Vec::new(),
        }
    }

    /// Sees that a need is met, if that can be done.
    ///
    /// # Errors
    /// What is missing, and why it could not be had.
    pub fn provide(&mut self, need: &Need) -> Result<(), Unmet> {
        if let Some((_, answer)) = self.answers.iter().find(|(known, _)| known == need) {
            return answer.clone();
        }
        let answer = self.meet(need);
        self.answers.push((*need, answer.clone()));
        answer
    }

    fn meet(&self, need: &Need) -> Result<(), Unmet> {
        let Err(missing) = find(need) else {
            return Ok(());
        };
        match need {
            Need::Compilers | Need::Libclang | Need::ForeignLinux | Need::Valgrind | Need::Cxx => {
                self.install(&missing, &packages(need), &Apt)?;
            }
            Need::Component(name) => {
                self.rustup(&missing, &["component", "add", name])?;
            }
            Need::Toolchain(version) => {
                let add = ["toolchain", "install", version, "--profile", "minimal"];
                self.rustup(&missing, &add)?;
            }
            Need::Target(target) => {
                self.rustup(&missing, &["target", "add", target])?;
            }
            Need::Miri => {
                let add = ["toolchain", "install", "nightly", "--profile", "minimal"];
                let components = ["--component", "miri,rust-src"];
                self.rustup(&missing, &[&add[..], &components].concat())?;
            }
        }
        find(need).map_err(|still| Unmet {
            reason: format!("installed, but still missing: {still}"),
            could: true,
        })
    }

    fn install(&self, missing: &str, packages: &[&str], apt: &dyn Packages) -> Result<(), Unmet> {
        let unmet = |why: &str, could| Unmet {
            reason: format!("{missing}; {why} (Debian packages {})", packages.join(" ")),
            could,
        };
        let installer = apt.allowed().map_err(|why| unmet(&why, false))?;
        if self.no_install {
            return Err(unmet("--no-install was given", true));
        }
        eprintln!("installing {}", packages.join(" "));
        match apt.install(installer, packages) {
            Ok(()) => Ok(()),
            Err(error) => {
                let could = apt.offers(packages);
                Err(unmet(&format!("installing failed: {error:#}"), could))
            }
        }
    }

    fn rustup(&self, missing: &str, arguments: &[&str]) -> Result<(), Unmet> {
        let have = tool::have("rustup");
        let line = format!("rustup {}", arguments.join(" "));
        let unmet = |why: String, could| Unmet {
            reason: format!("{missing}; {why}"),
            could,
        };
        if !have {
            return Err(unmet(format!("no rustup here for `{line}`"), false));
        }
        if self.no_install {
            return Err(unmet(format!("--no-install forbids `{line}`"), true));
        }
        eprintln!("{line}");
        // A rustup that can't reach its server can't get anything here.
        let mut rustup = Command::new("rustup");
        rustup.current_dir(tool::root()).args(arguments);
        let result = tool::installing().and_then(|_alone| tool::run(&mut rustup));
        result
            .map(|_| ())
            .map_err(|error| unmet(format!("{error:#}"), false))
    }
}

/// Where packages come from; a trait so that tests need no machine to install on.
trait Packages {
    fn allowed(&self) -> Result<Installer, String>;
    fn install(&self, installer: Installer, packages: &[&str]) -> anyhow::Result<()>;
    /// Whether the machine's sources have all of them.
    fn offers(&self, packages: &[&str]) -> bool;
}

/// The machine's own apt.
struct Apt;

impl Packages for Apt {
    fn allowed(&self) -> Result<Installer, String> {
        apt::may_install()
    }

    fn install(&self, installer: Installer, packages: &[&str]) -> anyhow::Result<()> {
        installer.install(packages)
    }

    fn offers(&self, packages: &[&str]) -> bool {
        let mut simulate = Command::new("apt-get");
        simulate.args(["install", "--simulate", "--no-install-recommends"]);
        tool::run(simulate.args(packages)).is_ok()
    }
}

/// Whether a need is met as it is, and what is missing if not.
fn find(need: &Need) -> Result<(), String> {
    match need {
        Need::Compilers => {
            let missing: Vec<String> = ABIS
                .into_iter()
                .flat_map(|abi| FAMILIES.map(|family| Compiler::find(family, abi)))
                .filter_map(|found| found.err().map(|error| format!("{error:#}")))
                .collect();
            if missing.is_empty() {
                Ok(())
            } else {
                Err(missing.join("; "))
            }
        }
        Need::Libclang => match Reader::new() {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("{error:#}").replace('\n', "; ")),
        },
        Need::Component(name) => {
            let mut version = Command::new("cargo");
            version.current_dir(tool::root()).args([name, "--version"]);
            tool::run(&mut version)
                .map(|_| ())
                .map_err(|_| format!("`cargo {name}` is missing"))
        }
        Need::ForeignLinux => match hosts::lacking().0 {
            missing if missing.is_empty() => Ok(()),
            missing => Err(missing.join("; ")),
        },
        Need::Cxx => fuzz::find_compiler(),
        Need::Valgrind if tool::have("valgrind") => Ok(()),
        Need::Valgrind => Err("`valgrind` is missing".to_owned()),
        Need::Miri => {
            let mut miri = Command::new("rustup");
            miri.args(["run", "nightly", "cargo", "miri", "--version"]);
            tool::run(&mut miri)
                .map(|_| ())
                .map_err(|_| "Miri is missing".to_owned())
        }
        Need::Toolchain(version) => {
            let mut rustc = Command::new("rustup");
            rustc.args(["run", version, "rustc", "--version"]);
            tool::run(&mut rustc)
                .map(|_| ())
                .map_err(|_| format!("Rust {version} is missing"))
        }
        Need::Target(target) => match rust::has_core(target) {
            Ok(true) => Ok(()),
            Ok(false) => Err(format!("the Rust target {target} is missing")),
            Err(error) => Err(format!("{error:#}").replace('\n', "; ")),
        },
    }
}

/// The Debian packages that meet a need.
fn packages(need: &Need) -> Vec<&'static str> {
    let packages: &[_] = match need {
        Need::ForeignLinux => return hosts::lacking().1,
        Need::Compilers if cfg!(target_arch = "x86_64") => &[
            "gcc",
            "gcc-aarch64-linux-gnu",
            "gcc-arm-linux-gnueabihf",
            "clang",
        ],
        Need::Compilers => &[
            "gcc-x86-64-linux-gnu",
            "gcc-i686-linux-gnu",
            "gcc-aarch64-linux-gnu",
            "gcc-arm-linux-gnueabihf",
            "clang",
        ],
        Need::Libclang => &["libclang-dev"],
        Need::Valgrind => &["valgrind"],
        Need::Cxx => &["g++"],
        Need::Component(_) | Need::Toolchain(_) | Need::Target(_) | Need::Miri => &[],
    };
    packages.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fake {
        allowed: bool,
        installs: bool,
        offers: bool,
    }

    impl Packages for Fake {
        fn allowed(&self) -> Result<Installer, String> {
            if self.allowed {
                Ok(Installer::Root)
            } else {
                Err("not root".to_owned())
            }
        }

        fn install(&self, _: Installer, _: &[&str]) -> anyhow::Result<()> {
            anyhow::ensure!(self.installs, "no route");
            Ok(())
        }

        fn offers(&self, _: &[&str]) -> bool {
            self.offers
        }
    }

    fn ask(no_install: bool, apt: &Fake) -> Result<(), Unmet> {
        Provider::new(no_install).install("no tool", &["tool"], apt)
    }

    #[test]
    fn what_may_not_be_installed_could_not_run_here() {
        let apt = Fake {
            allowed: false,
            installs: true,
            offers: true,
        };
        let unmet = ask(false, &apt).unwrap_err();
        assert_eq!(unmet.reason, "no tool; not root (Debian packages tool)");
        assert!(!unmet.could);
        assert_eq!(ask(true, &apt).unwrap_err(), unmet);
    }

    #[test]
    fn what_apt_offers_could_run_here() {
        let apt = |installs, offers| Fake {
            allowed: true,
            installs,
            offers,
        };
        assert_eq!(ask(false, &apt(true, true)), Ok(()));
        let unmet = ask(true, &apt(true, true)).unwrap_err();
        assert!(unmet.could && unmet.reason.contains("--no-install"));
        let unmet = ask(false, &apt(false, true)).unwrap_err();
        assert!(
            unmet.could && unmet.reason.contains("no route"),
            "{unmet:?}"
        );
        assert!(!ask(false, &apt(false, false)).unwrap_err().could);
    }

    #[test]
    fn a_missing_component_or_toolchain_is_named() {
        let missing = find(&Need::Component("no-such-thing")).unwrap_err();
        assert_eq!(missing, "`cargo no-such-thing` is missing");
        let missing = find(&Need::Toolchain("1.0.999")).unwrap_err();
        assert_eq!(missing, "Rust 1.0.999 is missing");
        let unmet = Provider::new(true)
            .provide(&Need::Toolchain("1.0.999"))
            .unwrap_err();
        assert!(unmet.reason.starts_with("Rust 1.0.999 is missing; "));
        assert_eq!(unmet.could, tool::have("rustup"));
    }
}
