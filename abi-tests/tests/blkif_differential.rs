//! blkif's messages against the header's structures: the same bytes, fields and answers in C and Rust.
//!
//! `c/blkif.c` has the structures of both x86 layouts, the compiler's own from the vendored header and
//! the other one as Linux's backend declares it, and a backend's judgement of a request by what the
//! header says. Each way between the two is a test of its own: requests that C writes and Rust takes,
//! requests that Rust writes and C reads, and responses both ways.

#[path = "blkif_differential/case.rs"]
mod case;
#[path = "blkif_differential/rust.rs"]
mod rust;

use abi_tests::alter;
use abi_tests::compiler::{FAMILIES, Family};
use abi_tests::differential::{self, Case, Counts};
use abi_tests::program::Program;
use anyhow::{Context, Result};
use case::{RequestFromC, RequestFromRust, ResponseFromC, ResponseFromRust};
use xtask::headers::{Abi, Mode, NEWEST, View};

/// How many cases, in batches of how many each.
const CASES: (usize, usize) = (20, 5000);
/// quickcheck's measure, which no case here uses.
const SIZE: usize = 100;

fn compile(abi: Abi, family: Family, options: &[String]) -> Result<Program> {
    let view = View::new(NEWEST, abi, Mode::Guest);
    Program::optimised(view, family, "blkif.c", options)
}

fn prove<C: Case>(title: &str) -> Result<Counts> {
    let mut programs = Vec::new();
    for abi in [Abi::X86_64, Abi::X86_32] {
        for family in FAMILIES {
            programs.push(compile(abi, family, &[])?);
        }
    }
    let emulated = [compile(Abi::Arm64, Family::Gcc, &[])?];
    differential::compare::<C>(title, &programs, &emulated, CASES, SIZE)
}

#[test]
fn requests_that_c_writes() -> Result<()> {
    let counts = prove::<RequestFromC>("blkif requests, C to Rust")?;
    for what in rust::ANSWERS {
        assert!(counts.of(what) > 300, "{what}: {}", counts.of(what));
    }
    Ok(())
}

#[test]
fn requests_that_rust_writes() -> Result<()> {
    prove::<RequestFromRust>("blkif requests, Rust to C")?;
    Ok(())
}

#[test]
fn responses_that_c_writes() -> Result<()> {
    let counts = prove::<ResponseFromC>("blkif responses, C to Rust")?;
    for what in rust::ENDS {
        assert!(counts.of(what) > 300, "{what}: {}", counts.of(what));
    }
    Ok(())
}

#[test]
fn responses_that_rust_writes() -> Result<()> {
    prove::<ResponseFromRust>("blkif responses, Rust to C")?;
    Ok(())
}

/// How many cases it may take until an error shows.
const TRIES: usize = 2000;

/// Whether a program is found to differ in each of the four ways.
fn noticed(program: &Program) -> Result<[bool; 4]> {
    Ok([
        differential::first_difference::<RequestFromC>(program, TRIES, SIZE)?.is_some(),
        differential::first_difference::<RequestFromRust>(program, TRIES, SIZE)?.is_some(),
        differential::first_difference::<ResponseFromC>(program, TRIES, SIZE)?.is_some(),
        differential::first_difference::<ResponseFromRust>(program, TRIES, SIZE)?.is_some(),
    ])
}

#[test]
fn errors_in_c_are_noticed() -> Result<()> {
    // The x86_32 layout with 64-bit integers aligned, so that a request's id lies at 8. A response's
    // fields stay where they are.
    let wrong = compile(Abi::X86_64, Family::Gcc, &["-DOTHER_ALIGNMENT=8".into()])?;
    assert_eq!(noticed(&wrong)?, [true, true, true, false]);

    // A number of segments that is cut instead of refused.
    let wrong = compile(Abi::X86_64, Family::Clang, &["-DSEEDED_COUNT".into()])?;
    assert_eq!(noticed(&wrong)?, [true, false, false, false]);

    let edits = [
        (
            "uint8_t     first_sect, last_sect;",
            "uint8_t     last_sect, first_sect;",
            [true, true, false, false],
        ),
        (
            "#define BLKIF_RSP_EOPNOTSUPP  -2",
            "#define BLKIF_RSP_EOPNOTSUPP  -3",
            [true, false, true, false],
        ),
    ];
    for (old, new, due) in edits {
        let dir = tempfile::tempdir()?;
        let public = dir.path().join("public");
        alter::copy(&NEWEST.include_dir().join("public"), &public)?;
        alter::edit(&public.join("io/blkif.h"), old, new)?;
        let include = format!("-I{}", dir.path().display());
        let wrong = compile(Abi::X86_64, Family::Gcc, &[include])?;
        assert_eq!(noticed(&wrong).context(old)?, due, "{old} made {new}");
    }
    Ok(())
}
