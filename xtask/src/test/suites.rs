//! The suites, in the order in which they are begun, two at a time as far as their places allow: what is
//! quick or finds much first.
//!
//! A new suite is one more entry. Its budget is what it takes in a run of all suites on a machine of two
//! cores that does nothing else, with nothing built but what the suites before it have built, rounded up.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::checks;
use super::miri;
use super::needs::Need;
use super::notice;

/// A part of the proof that has its own line in the report.
#[derive(Debug)]
pub struct Suite {
    /// The name in the report and on the command line.
    pub name: &'static str,
    /// What it proves, in one line.
    pub proves: &'static str,
    /// What it needs besides cargo. Commands of the workspace that set up themselves need nothing here.
    pub needs: &'static [Need],
    /// What it uses where that is there. Without it the suite runs too, and says itself what it left out.
    pub wants: &'static [Need],
    /// The planned time in seconds.
    pub seconds: u64,
    /// Environment variables for its commands.
    pub env: &'static [(&'static str, &'static str)],
    /// Where it builds, which says what may run beside it.
    pub place: Place,
    /// What it runs; the first step that fails ends it.
    pub steps: &'static [Step],
}

/// Where a suite builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In cargo's target folder, as one suite at a time may.
    Target,
    /// In a folder of its own, or nowhere: beside any other.
    Own,
    /// Nothing may run beside it.
    Alone,
}

impl Place {
    /// Whether suites of these places may run at the same time.
    pub fn beside(self, other: Self) -> bool {
        match (self, other) {
            (Self::Alone, _) | (_, Self::Alone) | (Self::Target, Self::Target) => false,
            (Self::Own, _) | (_, Self::Own) => true,
        }
    }
}

impl Suite {
    /// The planned time.
    pub fn budget(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// The time after which it is taken to hang: long, as a busy machine is no failure.
    pub fn limit(&self) -> Duration {
        self.budget().max(Duration::from_secs(120)) * 6
    }
}

/// One command of a suite.
#[derive(Debug)]
pub enum Step {
    /// `cargo` with these arguments.
    Cargo(&'static [&'static str]),
    /// `cargo test` with these arguments, for the members that are not published. It is the same choice of
    /// packages each time, because what is chosen decides on the features of what they depend on: all
    /// suites share one build of that.
    Test(&'static [&'static str]),
    /// A command of the toolchain of that version.
    Rustup(&'static str, &'static [&'static str]),
    /// `cargo xtask` with these arguments. Exit status 3 is "not run, with the reason".
    Xtask(&'static [&'static str]),
    /// Steps that run at the same time: compilations that keep one processor busy each, in different
    /// target folders.
    Beside(&'static [Step]),
    /// A check of our own; it adds what it sees to the log and may answer with a figure.
    Check(fn(&Path) -> Result<String>),
}

/// The version in `rust-version`, which [`checks`] holds against it.
pub const MSRV: &str = "1.85.0";

/// What chooses the packages of [`Step::Test`]. The published ones have a suite of their own, `tests`.
pub const UNPUBLISHED: [&str; 6] = [
    "test",
    "--workspace",
    "--exclude",
    "xen-public",
    "--exclude",
    "xen-abi",
];

/// All suites.
pub const SUITES: &[Suite] = &[
    Suite {
        name: "fmt",
        proves: "the code is formatted",
        needs: &[Need::Component("fmt")],
        wants: &[],
        seconds: 2,
        env: &[],
        place: Place::Own,
        steps: &[Step::Cargo(&[
            "fmt", "--all", "--check", "--", "--color", "never",
        ])],
    },
    Suite {
        name: "vendor",
        proves: "no vendored header was changed, added or removed",
        needs: &[],
        wants: &[],
        seconds: 2,
        env: &[],
        place: Place::Own,
        steps: &[Step::Xtask(&["vendor", "check"])],
    },
    Suite {
        name: "first",
        proves: "the README's first command works, and so does the layout example",
        needs: &[],
        wants: &[],
        seconds: 85,
        env: &[],
        place: Place::Target,
        steps: &[
            Step::Cargo(&["run", "--release", "--example", "loopback", "--", "--quiet"]),
            Step::Cargo(&["run", "--example", "layout", "--", "blkif_request"]),
        ],
    },
    Suite {
        name: "tests",
        proves: "the tests of the published crates pass, without any C compiler",
        needs: &[],
        wants: &[],
        seconds: 75,
        env: &[],
        place: Place::Target,
        steps: &[Step::Cargo(&[
            "test",
            "--features",
            "xen-abi/simulate,xen-abi/toolstack",
        ])],
    },
    Suite {
        name: "units",
        proves: "the unit tests of guests, oracles and maintenance commands pass",
        needs: &[Need::Compilers, Need::Libclang],
        wants: &[],
        seconds: 130,
        env: &[],
        place: Place::Target,
        steps: &[Step::Test(&["--lib", "--bins"])],
    },
    Suite {
        name: "clippy",
        proves: "clippy has nothing to say, with any set of features",
        needs: &[Need::Component("clippy")],
        wants: &[],
        seconds: 215,
        env: &[],
        place: Place::Target,
        steps: &[
            Step::Cargo(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ]),
            // Every feature is off in one of these and on in another, or above; the two crates' bare forms
            // share a run.
            Step::Cargo(&[
                "clippy",
                "--package",
                "xen-public",
                "--package",
                "xen-abi",
                "--no-default-features",
                "--",
                "-D",
                "warnings",
            ]),
            Step::Cargo(&[
                "clippy",
                "--package",
                "xen-public",
                "--no-default-features",
                "--features",
                "extra-traits,toolstack",
                "--",
                "-D",
                "warnings",
            ]),
            Step::Cargo(&[
                "clippy",
                "--package",
                "xen-public",
                "--features",
                "layout",
                "--",
                "-D",
                "warnings",
            ]),
        ],
    },
    Suite {
        name: "doc",
        proves: "the documentation of the whole workspace builds without a warning",
        needs: &[],
        wants: &[],
        seconds: 35,
        env: &[("RUSTDOCFLAGS", "-D warnings")],
        place: Place::Target,
        steps: &[Step::Cargo(&[
            "doc",
            "--no-deps",
            "--workspace",
            "--exclude",
            "xen-public",
            "--exclude",
            "xen-abi",
        ])],
    },
    Suite {
        name: "docs-rs",
        proves: "the published crates' documentation builds as docs.rs builds it",
        needs: &[],
        wants: &[],
        seconds: 55,
        // docs.rs has a nightly; this gives its features on any toolchain. The folder is another one,
        // because dependencies compile anew for the first variable.
        env: &[
            ("RUSTC_BOOTSTRAP", "1"),
            ("RUSTDOCFLAGS", "-D warnings --cfg docsrs"),
            ("CARGO_TARGET_DIR", "target/xtask/docs-rs"),
        ],
        place: Place::Own,
        steps: &[
            Step::Cargo(&[
                "doc",
                "--no-deps",
                "--package",
                "xen-public",
                "--features",
                "extra-traits,layout,toolstack",
            ]),
            Step::Cargo(&["doc", "--no-deps", "--package", "xen-abi", "--all-features"]),
        ],
    },
    Suite {
        name: "dependencies",
        proves: "bare definitions bring no dependency but cfg-if and static_assertions, no build script",
        needs: &[],
        wants: &[],
        seconds: 2,
        env: &[],
        place: Place::Own,
        steps: &[Step::Check(checks::dependencies)],
    },
    Suite {
        name: "msrv",
        proves: "both crates compile with Rust 1.85 and their features, and the examples too",
        needs: &[Need::Toolchain(MSRV)],
        wants: &[],
        seconds: 62,
        env: &[("CARGO_TARGET_DIR", "target/xtask/msrv")],
        place: Place::Own,
        steps: &[
            Step::Check(checks::msrv),
            // The derives on the generated types are compiled beside those of `roundtrip`.
            Step::Rustup(
                MSRV,
                &[
                    "cargo",
                    "check",
                    "--package",
                    "xen-abi",
                    "--all-features",
                    "--features",
                    "xen-public/extra-traits,xen-public/layout,xen-public/toolstack",
                    "--all-targets",
                ],
            ),
        ],
    },
    Suite {
        name: "package",
        proves: "both crates package and compile from their packages, which hold what they should",
        needs: &[],
        wants: &[],
        seconds: 35,
        env: &[],
        place: Place::Own,
        steps: &[Step::Check(notice::check), Step::Check(checks::packages)],
    },
    Suite {
        name: "cost",
        proves: "the time that xen-public itself takes to compile (a figure, not a limit)",
        needs: &[],
        wants: &[],
        seconds: 30,
        env: &[],
        // The figure is time on a clock.
        place: Place::Alone,
        steps: &[Step::Check(checks::cost)],
    },
    Suite {
        name: "generate",
        proves: "definitions and gates are what headers and table make, and the table says what happened",
        needs: &[Need::Libclang],
        wants: &[],
        seconds: 65,
        env: &[],
        place: Place::Target,
        steps: &[
            Step::Xtask(&["generate", "--check"]),
            Step::Test(&["--test", "generator"]),
            // The table of gates against the headers of each release, and against history.
            Step::Test(&["--test", "gates"]),
        ],
    },
    Suite {
        name: "coverage",
        proves: "every name of the headers is in the crate or left out with a reason",
        needs: &[Need::Compilers, Need::Libclang],
        wants: &[],
        seconds: 85,
        env: &[],
        place: Place::Target,
        steps: &[
            Step::Xtask(&["coverage"]),
            Step::Test(&["--test", "coverage"]),
        ],
    },
    Suite {
        name: "names",
        proves: "what the crate exports is what the pinned lists of names say",
        needs: &[],
        wants: &[],
        seconds: 5,
        env: &[],
        place: Place::Target,
        steps: &[Step::Test(&["--test", "names"])],
    },
    Suite {
        name: "oracles",
        proves: "gcc, clang and upstream's own tables agree with every type, field and constant",
        needs: &[Need::Compilers],
        wants: &[],
        seconds: 40,
        env: &[],
        place: Place::Target,
        steps: &[Step::Test(&[
            "--test",
            "c_oracle",
            "--test",
            "upstream_tables",
            "--test",
            "older_guests",
        ])],
    },
    Suite {
        name: "barriers",
        proves: "barriers and hypercalls compile to the right instructions, as few as C's",
        needs: &[
            Need::Compilers,
            Need::Target("x86_64-unknown-none"),
            Need::Target("aarch64-unknown-none"),
            Need::Target("armv7a-none-eabi"),
            Need::Target("x86_64-unknown-linux-gnu"),
            Need::Target("i686-unknown-linux-gnu"),
            Need::Target("i586-unknown-linux-gnu"),
            Need::Target("aarch64-unknown-linux-gnu"),
            Need::Target("armv7-unknown-linux-gnueabihf"),
            Need::Target("riscv64gc-unknown-linux-gnu"),
            Need::Target("powerpc64le-unknown-linux-gnu"),
        ],
        wants: &[],
        seconds: 90,
        env: &[],
        place: Place::Target,
        steps: &[Step::Test(&[
            "--test",
            "barriers",
            "--test",
            "hypercalls",
            "--test",
            "hypercall_cost",
        ])],
    },
    Suite {
        name: "models",
        proves: "no wakeup lost, no message torn, in any interleaving; without any barrier one is; stress",
        needs: &[],
        wants: &[],
        seconds: 50,
        env: &[],
        place: Place::Target,
        steps: &[Step::Test(&[
            "--test",
            "ring",
            "--test",
            "bytes",
            "--test",
            "hostile",
            "--test",
            "stress",
            "--",
            "--nocapture",
        ])],
    },
    Suite {
        name: "miri",
        proves: "rings and blkif do nothing undefined on three processors, and a race is noticed",
        needs: &[Need::Miri],
        wants: &[],
        seconds: 370,
        env: &[],
        place: Place::Own,
        steps: &[Step::Check(miri::check)],
    },
    Suite {
        name: "bindgen",
        proves: "bindgen makes the same of the headers, type by type, and a wrong one is noticed",
        needs: &[Need::Libclang],
        wants: &[],
        seconds: 120,
        env: &[],
        place: Place::Target,
        steps: &[Step::Test(&["--test", "bindgen"])],
    },
    Suite {
        name: "controls",
        proves: "a wrong offset, a wrong constant and an edited header are each noticed",
        needs: &[Need::Compilers],
        wants: &[],
        seconds: 10,
        env: &[],
        place: Place::Target,
        steps: &[Step::Test(&["--test", "negative", "--test", "by_hand"])],
    },
    Suite {
        name: "macros",
        proves: "the functions for C's macros give C's values",
        needs: &[Need::Compilers],
        wants: &[],
        seconds: 36,
        env: &[],
        place: Place::Target,
        steps: &[Step::Test(&["--test", "macros"])],
    },
    Suite {
        name: "panics",
        proves: "no path of the rings and of blkif can panic, and one that could is noticed",
        needs: &[
            Need::Target("x86_64-unknown-none"),
            Need::Target("armv7a-none-eabi"),
        ],
        wants: &[],
        seconds: 15,
        env: &[],
        place: Place::Target,
        steps: &[Step::Test(&["--test", "panic_free"])],
    },
    Suite {
        name: "differential",
        proves: "rings and blkif do what C makes of the headers, and an error in C is noticed",
        needs: &[Need::Compilers],
        wants: &[],
        seconds: 80,
        env: &[],
        place: Place::Target,
        steps: &[Step::Test(&[
            "--test",
            "ring_differential",
            "--test",
            "blkif_differential",
            "--test",
            "flex_differential",
        ])],
    },
    Suite {
        name: "bench",
        proves: "the benchmarks' loops give the same in Rust and in C by both compilers (no times)",
        needs: &[Need::Compilers, Need::Valgrind],
        wants: &[],
        seconds: 15,
        env: &[],
        place: Place::Target,
        steps: &[Step::Test(&["--bench", "rings"])],
    },
    Suite {
        name: "fuzz",
        proves: "no page, request, name or value does harm: the corpora, random ones, and libFuzzer's",
        needs: &[],
        wants: &[Need::Cxx],
        seconds: 85,
        env: &[],
        place: Place::Target,
        steps: &[Step::Test(&["--test", "replay"]), Step::Xtask(&["fuzz"])],
    },
    Suite {
        name: "by-hand",
        proves: "names, numbers and bytes of the hand-written types are those of the headers",
        needs: &[],
        wants: &[],
        seconds: 5,
        env: &[],
        place: Place::Target,
        steps: &[Step::Test(&[
            "--test",
            "hand_names",
            "--test",
            "hand_roundtrip",
        ])],
    },
    Suite {
        name: "roundtrip",
        proves: "every generated type without a union keeps its bytes, under full derives, which Rust 1.85 compiles",
        needs: &[Need::Toolchain(MSRV)],
        wants: &[],
        seconds: 160,
        env: &[],
        // Both its compilers take several GiB of memory.
        place: Place::Alone,
        steps: &[Step::Beside(&[
            Step::Test(&["--features", "zerocopy-generated", "--test", "roundtrip"]),
            // They cost by the type, and those of the toolstack are of no other kinds than the guest's.
            Step::Rustup(
                MSRV,
                &[
                    "cargo",
                    "check",
                    "--package",
                    "xen-public",
                    "--features",
                    "zerocopy-generated",
                    "--target-dir",
                    "target/xtask/msrv",
                ],
            ),
        ])],
    },
    Suite {
        name: "hosts",
        proves: "all ABIs' types are the same on every kind of host, and wrong ones are noticed there",
        needs: &[],
        wants: &[Need::ForeignLinux, Need::Miri],
        seconds: 500,
        env: &[],
        place: Place::Own,
        steps: &[Step::Xtask(&["hosts"])],
    },
    Suite {
        name: "xen",
        proves: "guests of five kinds run on Xen 4.14, 4.17 and 4.20, and those that must fail do",
        needs: &[],
        wants: &[],
        seconds: 210,
        env: &[],
        place: Place::Own,
        steps: &[Step::Xtask(&["xen"]), Step::Xtask(&["xen", "--self-test"])],
    },
    Suite {
        name: "source",
        proves: "the vendored headers are those of the pinned source packages",
        needs: &[],
        wants: &[],
        seconds: 18,
        env: &[],
        place: Place::Own,
        steps: &[Step::Xtask(&["vendor", "check", "--against-source"])],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool;

    /// The arguments of a suite's cargo commands, one after the other.
    fn words(suite: &Suite) -> Vec<&'static str> {
        fn of(steps: &'static [Step]) -> Vec<&'static str> {
            let words = steps.iter().flat_map(|step| match step {
                Step::Cargo(arguments)
                | Step::Test(arguments)
                | Step::Rustup(_, arguments)
                | Step::Xtask(arguments) => arguments.to_vec(),
                Step::Beside(steps) => of(steps),
                Step::Check(_) => Vec::new(),
            });
            words.collect()
        }
        of(suite.steps)
    }

    #[test]
    fn names_are_single_words_and_appear_once() {
        for (at, suite) in SUITES.iter().enumerate() {
            assert!(!suite.name.is_empty() && suite.name.len() <= 12);
            assert!(
                suite
                    .name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '-')
            );
            assert!(!suite.steps.is_empty(), "{}", suite.name);
            assert!(SUITES[..at].iter().all(|other| other.name != suite.name));
        }
    }

    #[test]
    fn every_test_file_is_in_a_suite() {
        // `cargo test` runs those of the default members.
        for member in [
            "abi-tests",
            "abi-tests/bindgen",
            "abi-tests/models",
            "fuzz",
            "guests",
            "xtask",
        ] {
            let Ok(files) = std::fs::read_dir(tool::root().join(member).join("tests")) else {
                continue;
            };
            for file in files {
                let path = file.unwrap().path();
                if path.extension().is_none_or(|extension| extension != "rs") {
                    continue;
                }
                let name = path.file_stem().unwrap().to_str().unwrap();
                let run = SUITES
                    .iter()
                    .any(|suite| words(suite).windows(2).any(|pair| pair == ["--test", name]));
                assert!(run, "no suite runs {}", path.display());
            }
        }
        assert!(tool::root().join("abi-tests/tests/c_oracle.rs").exists());
    }
}
