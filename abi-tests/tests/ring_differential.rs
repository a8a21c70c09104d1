//! The request/response rings against `ring.h` itself: the same cases to C and to Rust.
//!
//! `c/ring.c` drives the macros of the vendored headers, compiled as drivers are, by each compiler for
//! each ABI; `rust.rs` does the same with [`FrontRing`](xen_abi::ring::FrontRing) and
//! [`BackRing`](xen_abi::ring::BackRing). A case is a ring of some protocol and size with both ends at
//! some index, often one that is about to wrap, and a list of operations of either end, and of a peer
//! that writes into the page what it likes. After each operation the results must be the same, and
//! the same 32-bit words of the memory must have changed to the same values.
//!
//! Where the Rust ring refuses more than `ring.h` does, C goes on by the rule that the ring documents,
//! and both say so; how often is counted, and that it is in the documented direction is asserted.

#[path = "ring_differential/case.rs"]
mod case;
#[path = "ring_differential/rust.rs"]
mod rust;

use abi_tests::alter;
use abi_tests::compiler::{FAMILIES, Family};
use abi_tests::differential::{self, Counts};
use abi_tests::program::Program;
use anyhow::{Context, Result};
use case::RingCase;
use xtask::headers::{Abi, Mode, NEWEST, RELEASES, Release, View};

/// How many cases, in batches of how many each.
const CASES: (usize, usize) = (100, 1000);
/// quickcheck's measure of a case's length.
const SIZE: usize = 24;

fn compile(release: Release, abi: Abi, family: Family, options: &[String]) -> Result<Program> {
    let view = View::new(release, abi, Mode::Guest);
    Program::optimised(view, family, "ring.c", options)
}

#[test]
fn both_ends_do_what_the_macros_do() -> Result<()> {
    let mut programs = Vec::new();
    for abi in [Abi::X86_64, Abi::X86_32] {
        for family in FAMILIES {
            programs.push(compile(NEWEST, abi, family, &[])?);
        }
    }
    for release in RELEASES {
        if release != NEWEST {
            programs.push(compile(release, Abi::X86_64, Family::Gcc, &[])?);
        }
    }
    let emulated = [compile(NEWEST, Abi::Arm64, Family::Gcc, &[])?];
    let counts = differential::compare::<RingCase>(
        "ring.h differential",
        &programs,
        &emulated,
        CASES,
        SIZE,
    )?;
    everything_happened(&counts);
    Ok(())
}

/// A case that is never drawn proves nothing.
fn everything_happened(counts: &Counts) {
    for what in [
        rust::FULL_SEEN,
        rust::UNASKED_SEEN,
        rust::OVERFLOW_SEEN,
        rust::AHEAD_SEEN,
        rust::BEHIND_SEEN,
        rust::NOTIFIED,
        rust::SUPPRESSED,
        rust::FOREIGN,
        rust::FOREIGN_OTHER,
        rust::WRAPPED,
    ] {
        assert!(counts.of(what) > 30, "{what}: {}", counts.of(what));
    }
}

/// How many cases it may take until an error shows.
const TRIES: usize = 2000;

/// Proves that a wrong program is noticed, in one of these operations.
fn noticed(program: &Program, due: &[&str]) -> Result<()> {
    let step = differential::first_difference::<RingCase>(program, TRIES, SIZE)?;
    let step = step.context("the error went unnoticed")?;
    assert!(due.contains(&step), "noticed in {step}, not in {due:?}");
    Ok(())
}

/// Where a ring of another size, or with slots of another size, shows.
const RESIZED: &[&str] = &[
    "Sizes",
    "Predicates",
    "FrontPut",
    "FrontState",
    "FrontTake",
    "FrontDrain",
    "FrontLook",
    "FrontFinal",
    "BackPut",
    "BackState",
    "BackTake",
    "BackDrain",
    "BackLook",
    "BackFinal",
];

/// Edits of the header, and the operations in which they are due to show.
type Altered<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

#[test]
fn errors_in_the_header_are_noticed() -> Result<()> {
    let altered: &[Altered<'_>] = &[
        (
            // The event indices in each other's place.
            &[
                (
                    "RING_IDX req_prod, req_event;",
                    "RING_IDX req_prod, rsp_event;",
                ),
                (
                    "RING_IDX rsp_prod, rsp_event;",
                    "RING_IDX rsp_prod, req_event;",
                ),
            ],
            &[
                "FrontPushCheck",
                "FrontFinal",
                "BackPushCheck",
                "BackFinal",
                "Poke",
            ],
        ),
        (
            &[("(_r)->sring->req_event) <  ", "(_r)->sring->req_event) <= ")],
            &["FrontPushCheck"],
        ),
        (
            &[("(_r)->sring->rsp_event) <  ", "(_r)->sring->rsp_event) <= ")],
            &["BackPushCheck"],
        ),
        (
            &[(
                "req_event = (_r)->req_cons + 1;",
                "req_event = (_r)->req_cons;",
            )],
            &["BackFinal"],
        ),
        (
            &[(
                "(_r)->rsp_prod_pvt) >= RING_SIZE(_r))",
                "(_r)->rsp_prod_pvt) > RING_SIZE(_r))",
            )],
            &["Predicates"],
        ),
        (
            // An index that is compared without regard to its wrapping around.
            &[(
                "(((_prod) - (_r)->rsp_cons) > RING_SIZE(_r))",
                "((_prod) > (_r)->rsp_cons + RING_SIZE(_r))",
            )],
            &[
                "Predicates",
                "FrontLook",
                "FrontTake",
                "FrontDrain",
                "FrontFinal",
            ],
        ),
        (
            &[(
                "(RING_SIZE(_r) - ((_r)->req_prod_pvt",
                "(RING_SIZE(_r) - 1 - ((_r)->req_prod_pvt",
            )],
            &["FrontState", "FrontPut"],
        ),
        (
            &[("(void)memset((_s)->__pad, 0, sizeof((_s)->__pad));", "")],
            &["Init"],
        ),
        (&[("((x) & 0x000000f0U)", "((x) & 0x00000070U)")], RESIZED),
    ];
    for (edits, due) in altered {
        let dir = tempfile::tempdir()?;
        let public = dir.path().join("public");
        alter::copy(&NEWEST.include_dir().join("public"), &public)?;
        for (old, new) in *edits {
            alter::edit(&public.join("io/ring.h"), old, new)?;
        }
        let include = format!("-I{}", dir.path().display());
        let program = compile(NEWEST, Abi::X86_64, Family::Gcc, &[include, "-O0".into()])?;
        noticed(&program, due).with_context(|| format!("{edits:?}"))?;
    }
    Ok(())
}

#[test]
fn an_error_in_a_layout_is_noticed() -> Result<()> {
    // The x86_32 variant with 64-bit integers aligned, so that the id lies at 8.
    let options = ["-DOTHER_ALIGNMENT=8".to_owned()];
    let program = compile(NEWEST, Abi::X86_64, Family::Clang, &options)?;
    noticed(&program, RESIZED)
}
