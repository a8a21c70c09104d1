//! What a hypercall costs beside the same call of a kernel in C, in instructions executed.
//!
//! `hypercall-probe` and `c/hypercalls.c` have the same functions: an event sent with the structure of its
//! argument on the stack, a grant copy, a yield; and the crate's own functions, which ask the gate first,
//! beside C's that only look at the answer. Both are compiled as a kernel's are, for a fixed address.

use abi_tests::cost::{Cost, cost};
use abi_tests::disassembly::Object;
use anyhow::{Result, ensure};
use xtask::compiler::Family;
use xtask::headers::Abi;
use xtask::test::needs::Need;
use xtask::test::suites::SUITES;

/// A target with the options for a kernel at a fixed address, and its ways with their instructions;
/// `call` is the hypercall page.
struct Target {
    triple: &'static str,
    abi: Abi,
    options: &'static [&'static str],
    ways: &'static [(&'static str, &'static str)],
}

const TARGETS: [Target; 4] = [
    Target {
        triple: "x86_64-unknown-none",
        abi: Abi::X86_64,
        options: &["-Crelocation-model=static", "-Ccode-model=kernel"],
        ways: &[
            ("page", "call"),
            ("syscall", "syscall"),
            ("vmcall", "vmcall"),
            ("vmmcall", "vmmcall"),
        ],
    },
    Target {
        triple: "i586-unknown-linux-gnu",
        abi: Abi::X86_32,
        options: &["-Crelocation-model=static"],
        ways: &[
            ("page", "call"),
            ("int82", "int 0x82"),
            ("vmcall", "vmcall"),
            ("vmmcall", "vmmcall"),
        ],
    },
    Target {
        triple: "aarch64-unknown-none",
        abi: Abi::Arm64,
        options: &["-Crelocation-model=static"],
        ways: &[("hvc", "hvc #0xea1")],
    },
    Target {
        triple: "armv7-unknown-linux-gnueabihf",
        abi: Abi::Arm32,
        options: &["-Crelocation-model=static"],
        ways: &[("hvc", "hvc 3745")],
    },
];

/// The functions, as they are called in Rust and in C.
const FUNCTIONS: [(&str, &str); 6] = [
    ("send", "send"),
    ("copy", "copy"),
    ("yield", "yield"),
    ("gated_send", "checked_send"),
    ("gated_copy", "checked_copy"),
    ("gated_yield", "checked_yield"),
];

/// How many instructions a function may have more than C's.
///
/// Without a gate: the stub of the hypercall page is called through a register, which has to be loaded,
/// where C names it in the instruction; and Rust aligns the stack of a function that has nothing on it
/// (a push and a pop on x86), which C's inline assembly does not. With one: the gate is a load, a test
/// and a branch, and the reference to `Xen` is kept for the error's sake.
fn allowed(abi: Abi, way: &str, function: &str) -> usize {
    let page = usize::from(way == "page");
    match function {
        "send" => page,
        "copy" | "yield" if abi.is_x86() => page + 2,
        "copy" => 1,
        "yield" => 0,
        "gated_copy" => 17,
        _ => 13,
    }
}

/// Compares one function; C's cost is that of the better of its compilers.
fn compare(target: &Target, way: &str, name: &str, rust: Cost, c: [Cost; 2]) -> Result<()> {
    let [gcc, clang] = c;
    println!(
        "{:<30} {way:<8} {name:<12} {:>6} {:>6} {:>6}",
        target.triple,
        rust.to_string(),
        gcc.to_string(),
        clang.to_string()
    );
    let least = gcc.instructions.min(clang.instructions);
    let limit = least + allowed(target.abi, way, name);
    ensure!(
        rust.instructions <= limit,
        "{}, {way}: {name} executes {} instructions, {least} in C",
        target.triple,
        rust.instructions
    );
    // A list of copies may be longer than Xen takes at once, which is another question.
    let gate = usize::from(name.starts_with("gated")) + usize::from(name == "gated_copy");
    let branches = gcc.branches.min(clang.branches) + gate;
    ensure!(
        rust.branches <= branches,
        "{}, {way}: {name} has {} branches, not {branches}",
        target.triple,
        rust.branches
    );
    Ok(())
}

#[test]
fn a_call_costs_what_it_costs_in_c() -> Result<()> {
    println!("instructions (conditional branches)");
    println!("{:<52} {:>6} {:>6} {:>6}", "", "Rust", "gcc", "clang");
    for target in &TARGETS {
        let abi = target.abi;
        let rust = Object::of_crate("hypercall-probe", abi, target.triple, target.options)?;
        let gcc = Object::of_c("hypercalls.c", abi, Family::Gcc, &[])?;
        let clang = Object::of_c("hypercalls.c", abi, Family::Clang, &[])?;
        for (way, enter) in target.ways {
            for (ours, theirs) in FUNCTIONS {
                let theirs = format!("{way}_{theirs}");
                let c = [cost(&gcc, &theirs, enter)?, cost(&clang, &theirs, enter)?];
                let rust = cost(&rust, &format!("{way}_{ours}"), enter)?;
                compare(target, way, ours, rust, c)?;
            }
        }
    }
    Ok(())
}

#[test]
fn a_cost_too_high_is_noticed() {
    let cost = |instructions, branches| Cost {
        instructions,
        branches,
    };
    let c = [cost(8, 1), cost(9, 1)];
    let ours = |name, rust| compare(&TARGETS[0], "vmcall", name, rust, c).is_ok();
    assert!(ours("send", cost(8, 1)));
    assert!(!ours("send", cost(9, 1)));
    assert!(!ours("send", cost(8, 2)));
    assert!(ours("gated_send", cost(21, 2)));
    assert!(!ours("gated_send", cost(21, 3)));
    assert!(!ours("gated_send", cost(22, 2)));
}

#[test]
fn the_suite_sees_to_every_target() {
    let suite = SUITES.iter().find(|suite| suite.name == "barriers");
    let needs = suite.expect("there is such a suite").needs;
    for target in &TARGETS {
        assert!(
            needs.contains(&Need::Target(target.triple)),
            "{}",
            target.triple
        );
    }
    assert!(needs.contains(&Need::Compilers));
}
