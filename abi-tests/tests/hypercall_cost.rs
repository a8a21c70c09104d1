//! What a hypercall costs beside the same call of a kernel in C, in instructions executed.
//!
//! `hypercall-probe` and `c/hypercalls.c` have the same functions: an event sent with the structure of its
//! argument on the stack, a grant copy, a yield, a block; and the crate's own functions, which ask the gate
//! first, beside C's that only look at the answer, and C's with the same gate. Both are compiled as a
//! kernel's are, for a fixed address.

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

/// The functions, as they are called in Rust, in C, and in C with the same gate.
const FUNCTIONS: [(&str, &str, Option<&str>); 9] = [
    ("send", "send", None),
    ("copy", "copy", None),
    ("yield", "yield", None),
    ("block", "block", None),
    ("gated_send", "checked_send", Some("gated_send")),
    ("gated_copy", "checked_copy", Some("gated_copy")),
    ("gated_one", "checked_one", Some("gated_one")),
    ("gated_yield", "checked_yield", Some("gated_yield")),
    ("gated_block", "checked_block", Some("gated_block")),
];

/// How many instructions a function may have more than C's: none.
///
/// But in 32 bits, where the page's stub is called through a register, which has to be loaded, and the
/// stack is aligned for the call (by a subtraction and an addition) in a function that has nothing on it;
/// C names the stub in the instruction and needs no alignment.
///
/// The functions with a gate are held against C's with the same gate. What they have more is for the error,
/// which is on the stack: room for it, and registers saved for what makes it; and a list of copies is looked
/// at for its length.
fn allowed(abi: Abi, way: &str, function: &str) -> usize {
    match (abi, way, function) {
        (Abi::X86_32, "page", "send") => 1,
        (Abi::X86_32, "page", "copy" | "yield" | "block") => 3,
        (_, _, "send" | "copy" | "yield" | "block") => 0,
        (_, _, "gated_copy") => 14,
        (_, "page", _) | (Abi::Arm32, _, _) => 6,
        _ => 4,
    }
}

/// The better of what two compilers made of a function.
fn better([gcc, clang]: [Cost; 2]) -> Cost {
    Cost {
        instructions: gcc.instructions.min(clang.instructions),
        branches: gcc.branches.min(clang.branches),
    }
}

/// Compares one function with C's, and with C's that has a gate.
fn compare(
    abi: Abi,
    way: &str,
    name: &str,
    rust: Cost,
    c: [Cost; 2],
    gated: Option<[Cost; 2]>,
) -> Result<()> {
    let least = better(gated.unwrap_or(c)).instructions;
    let limit = least + allowed(abi, way, name);
    ensure!(
        rust.instructions <= limit,
        "{abi:?}, {way}: {name} executes {} instructions, {least} in C",
        rust.instructions
    );
    // The gate is one branch, whatever else the function has to look at before the call.
    let branches = better(c).branches + usize::from(gated.is_some());
    ensure!(
        rust.branches <= branches,
        "{abi:?}, {way}: {name} has {} branches, not {branches}",
        rust.branches
    );
    Ok(())
}

#[test]
fn a_call_costs_what_it_costs_in_c() -> Result<()> {
    println!(
        "instructions (conditional branches), with C's by gcc and clang without a gate and with one"
    );
    let mut errors = Vec::new();
    for target in &TARGETS {
        let abi = target.abi;
        let rust = Object::of_crate("hypercall-probe", abi, target.triple, target.options)?;
        let gcc = Object::of_c("hypercalls.c", abi, Family::Gcc, &[])?;
        let clang = Object::of_c("hypercalls.c", abi, Family::Clang, &[])?;
        for (way, enter) in target.ways {
            let in_c = |name: &str| -> Result<[Cost; 2]> {
                let name = format!("{way}_{name}");
                Ok([cost(&gcc, &name, enter)?, cost(&clang, &name, enter)?])
            };
            for (ours, theirs, gated) in FUNCTIONS {
                let rust = cost(&rust, &format!("{way}_{ours}"), enter)?;
                let c = in_c(theirs)?;
                let gated = gated.map(in_c).transpose()?;
                let others: Vec<String> = c
                    .iter()
                    .chain(gated.iter().flatten())
                    .map(Cost::to_string)
                    .collect();
                println!(
                    "{:<30} {way:<8} {ours:<12} {:>6} | {}",
                    target.triple,
                    rust.to_string(),
                    others.join(" ")
                );
                if let Err(error) = compare(abi, way, ours, rust, c, gated) {
                    errors.push(error.to_string());
                }
            }
        }
    }
    ensure!(errors.is_empty(), "{}", errors.join("\n"));
    Ok(())
}

#[test]
fn a_cost_too_high_is_noticed() {
    let cost = |instructions, branches| Cost {
        instructions,
        branches,
    };
    let c = [cost(8, 1), cost(9, 1)];
    let ours = |name, rust, gated| compare(Abi::X86_64, "vmcall", name, rust, c, gated).is_ok();
    assert!(ours("send", cost(8, 1), None));
    assert!(!ours("send", cost(9, 1), None));
    assert!(!ours("send", cost(8, 2), None));
    let gated = Some([cost(21, 2), cost(20, 2)]);
    assert!(ours("gated_send", cost(20, 2), gated));
    assert!(!ours("gated_send", cost(20, 3), gated));
    assert!(ours("gated_send", cost(24, 2), gated));
    assert!(!ours("gated_send", cost(25, 2), gated));
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
