//! What the barriers of `xen_abi::barrier` compile to, from the bytes of the object file.
//!
//! The `barrier-probe` crate is compiled for each target as a user's code would be, and every function
//! in it is taken apart from its first byte to its last. The alphabet is small: the barriers of the
//! processor, the return, and what it takes to store a number. A byte outside of it is a failure, so
//! that nothing can stand in a function besides what is told here.

use std::fmt;

use abi_tests::disassembly::probes;
use anyhow::{Context, Result, anyhow, bail, ensure};
use object::{Object, ObjectSection, ObjectSymbol};
use xtask::test::needs::Need;
use xtask::test::suites::SUITES;
use xtask::{rust, tool};

/// What an instruction is to this test.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Barrier,
    Store,
    Return,
    /// Registers are loaded, or bytes that are never executed.
    Other,
}
use Kind::{Barrier, Other, Return, Store};

/// An instruction: what it is, its bytes in hexadecimal digits as they stand in memory, where `?` is any
/// digit, and its name.
type Instruction = (Kind, &'static str, &'static str);

const X86: &[Instruction] = &[
    (Barrier, "0faef0", "mfence"),
    (Barrier, "0faee8", "lfence"),
    (Barrier, "0faef8", "sfence"),
    (Barrier, "f083042400", "lock add [esp], 0"),
    (Barrier, "f0830c2400", "lock or [esp], 0"),
    (Barrier, "f0834c24c000", "lock or [rsp - 64], 0"),
    (Return, "c3", "ret"),
    (Store, "c70?0?000000", "mov [register], number"),
    (Other, "8b??2404", "mov register, argument"),
];
const AARCH64: &[Instruction] = &[
    (Barrier, "bf3b03d5", "dmb ish"),
    (Barrier, "bf3903d5", "dmb ishld"),
    (Barrier, "bf3a03d5", "dmb ishst"),
    (Return, "c0035fd6", "ret"),
    (Store, "??0000b9", "str register, [x0]"),
    (Other, "??008052", "mov register, number"),
];
const ARMV7: &[Instruction] = &[
    (Barrier, "5bf07ff5", "dmb ish"),
    (Barrier, "5af07ff5", "dmb ishst"),
    (Return, "1eff2fe1", "bx lr"),
    (Store, "00?080e5", "str register, [r0]"),
    (Other, "0??0a0e3", "mov register, number"),
];
const RISCV: &[Instruction] = &[
    (Barrier, "0f003003", "fence rw, rw"),
    (Barrier, "0f002002", "fence r, r"),
    (Barrier, "0f001001", "fence w, w"),
    (Barrier, "0f003002", "fence r, rw"),
    (Barrier, "0f001003", "fence rw, w"),
    (Return, "8280", "ret"),
    (Store, "??c1", "sw register, (a0)"),
    (Other, "??4?", "li register, number"),
];
const POWER: &[Instruction] = &[
    (Barrier, "ac04007c", "sync"),
    (Barrier, "ac04207c", "lwsync"),
    (Return, "2000804e", "blr"),
    (Store, "0000?39?", "stw register, 0(3)"),
    (Other, "0?00?03?", "li register, number"),
    (Other, "000000000000000000000000", "(no traceback table)"),
];

/// A target, and what stands in place of each barrier there: the names of instructions, or "" for none.
struct Target {
    triple: &'static str,
    instructions: &'static [Instruction],
    /// `xen_mb`, `xen_rmb`, `xen_wmb`; `mb`, `rmb` and `wmb` are the same.
    xen: [&'static str; 3],
    /// `virt_mb`, `virt_rmb`, `virt_wmb`.
    virt: [&'static str; 3],
}

const KINDS: [&str; 3] = ["mb", "rmb", "wmb"];

const X86_64: Target = Target {
    triple: "x86_64-unknown-linux-gnu",
    instructions: X86,
    xen: ["mfence", "lfence", "sfence"],
    virt: ["lock or [rsp - 64], 0", "", ""],
};
const I686: Target = Target {
    triple: "i686-unknown-linux-gnu",
    instructions: X86,
    xen: ["mfence", "lfence", "sfence"],
    virt: ["mfence", "", ""],
};
/// Without SSE2.
const I586: Target = Target {
    triple: "i586-unknown-linux-gnu",
    instructions: X86,
    xen: ["lock add [esp], 0"; 3],
    virt: ["lock or [esp], 0", "", ""],
};
const ARM64: Target = Target {
    triple: "aarch64-unknown-linux-gnu",
    instructions: AARCH64,
    xen: ["dmb ish", "dmb ishld", "dmb ishst"],
    virt: ["dmb ish", "dmb ishld", "dmb ish"],
};
const ARM32: Target = Target {
    triple: "armv7-unknown-linux-gnueabihf",
    instructions: ARMV7,
    xen: ["dmb ish"; 3],
    virt: ["dmb ish"; 3],
};
const RISCV64: Target = Target {
    triple: "riscv64gc-unknown-linux-gnu",
    instructions: RISCV,
    xen: ["fence rw, rw", "fence r, r", "fence w, w"],
    virt: ["fence rw, rw", "fence r, rw", "fence rw, w"],
};
const POWERPC64: Target = Target {
    triple: "powerpc64le-unknown-linux-gnu",
    instructions: POWER,
    xen: ["sync", "lwsync", "lwsync"],
    virt: ["sync", "lwsync", "lwsync"],
};

const TARGETS: [&Target; 7] = [&X86_64, &I686, &I586, &ARM64, &ARM32, &RISCV64, &POWERPC64];

/// The functions of the probe crate, compiled for one target.
struct Probe {
    target: &'static Target,
    object: Vec<u8>,
}

impl Probe {
    fn compile(target: &'static Target) -> Result<Self> {
        let core = rust::find_core(target.triple)?
            .map_err(|why| anyhow!("NOT RUN for {}: {why}", target.triple))?;
        let folder = probes(target.triple)?;
        let path = folder.join("barrier-probe.o");
        let mut emit = std::ffi::OsString::from("--emit=obj=");
        emit.push(&path);
        let mut cargo = core.cargo();
        cargo
            .args([
                "rustc",
                "--quiet",
                "--release",
                "--package",
                "barrier-probe",
            ])
            .args(["--lib", "--target", target.triple, "--target-dir"])
            .arg(&folder)
            .args(core.options())
            .args(["--", "-Ccodegen-units=1"])
            .arg(emit);
        tool::run(&mut cargo)?;
        let object = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok(Self { target, object })
    }

    /// A function, instruction by instruction.
    fn function(&self, name: &str) -> Result<Vec<Instruction>> {
        let file = object::File::parse(&*self.object)?;
        let symbol = file
            .symbols()
            .find(|symbol| symbol.name() == Ok(name) && symbol.is_definition())
            .with_context(|| format!("there is no function {name}"))?;
        let section = symbol.section_index().context("no section")?;
        let bytes = file
            .section_by_index(section)?
            .data_range(symbol.address(), symbol.size())?
            .with_context(|| format!("{name} reaches out of its section"))?;
        ensure!(!bytes.is_empty(), "{name} has no bytes");
        decode(self.target.instructions, bytes).with_context(|| name.to_owned())
    }

    /// Holds both functions of a barrier against what is expected for it.
    fn check(&self, barrier: &str, expected: &str) -> Result<()> {
        let expected: Vec<&str> = Some(expected)
            .filter(|e| !e.is_empty())
            .into_iter()
            .collect();
        let name = format!("probe_{barrier}");
        let found = self.function(&name)?;
        let before = found.iter().take_while(|(kind, ..)| *kind != Return);
        let before: Vec<&str> = before.map(|(_, _, name)| *name).collect();
        ensure!(
            before == expected,
            "{name} is `{}`, not `{}` and the return",
            Lines(&found),
            expected.join("; ")
        );

        let name = format!("held_{barrier}");
        let found = self.function(&name)?;
        let at = |kind| found.iter().map(move |(k, ..)| *k == kind);
        let first = at(Store).position(|is| is);
        let last = at(Store).rposition(|is| is);
        let (Some(first), Some(last)) = (first, last) else {
            bail!("{name} is `{}`, without a store", Lines(&found));
        };
        let between = &found[first..last];
        let all = at(Barrier).filter(|is| *is).count();
        let held: Vec<&str> = between
            .iter()
            .filter_map(|(kind, _, name)| (*kind == Barrier).then_some(*name))
            .collect();
        ensure!(
            first < last && held == expected && held.len() == all,
            "{name} is `{}`, not `{}` between two stores",
            Lines(&found),
            expected.join("; ")
        );
        Ok(())
    }
}

/// Takes a function apart. It has to end in its only return, but for bytes that are never executed.
fn decode(known: &[Instruction], bytes: &[u8]) -> Result<Vec<Instruction>> {
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let fits = |pattern: &str, text: &str| {
        pattern.len() <= text.len()
            && pattern
                .bytes()
                .zip(text.bytes())
                .all(|(p, t)| p == b'?' || p == t)
    };
    let mut rest = &*text;
    let mut found: Vec<Instruction> = Vec::new();
    while !rest.is_empty() {
        let next = known.iter().find(|(_, pattern, _)| fits(pattern, rest));
        let Some(next) = next else {
            bail!(
                "`{}`, then {rest}, which is not known; all: {text}",
                Lines(&found)
            );
        };
        found.push(*next);
        rest = &rest[next.1.len()..];
    }
    let mut after = found.iter().skip_while(|(kind, ..)| *kind != Return);
    ensure!(
        after.next().is_some() && after.all(|(kind, ..)| *kind == Other),
        "`{}` does not end in one return",
        Lines(&found)
    );
    Ok(found)
}

/// Instructions in a row.
struct Lines<'a>(&'a [Instruction]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (_, _, name)) in self.0.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { "; " })?;
            f.write_str(name)?;
        }
        Ok(())
    }
}

/// Holds all barriers against a table; what is wrong, one line each.
fn wrong(probe: &Probe, xen: [&str; 3], virt: [&str; 3]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (names, expected) in [("xen_", xen), ("", xen), ("virt_", virt)] {
        for (kind, expected) in KINDS.iter().zip(expected) {
            if let Err(error) = probe.check(&format!("{names}{kind}"), expected) {
                wrong.push(format!("{error:#}"));
            }
        }
    }
    wrong
}

/// All barriers of a target are what its table says, and not what a wrong table says.
fn check(target: &'static Target) -> Result<()> {
    let probe = Probe::compile(target)?;
    let stores = probe.function("held_nothing")?;
    ensure!(
        stores.iter().filter(|(kind, ..)| *kind == Store).count() == 1,
        "the compiler keeps two stores (`{}`) without any barrier, so that they prove nothing",
        Lines(&stores)
    );
    let found = wrong(&probe, target.xen, target.virt);
    ensure!(found.is_empty(), "{}:\n{}", target.triple, found.join("\n"));

    // The table turned by one place: every barrier is noticed that is not the same as its neighbour.
    let turned = |[first, second, third]: [&'static str; 3]| [second, third, first];
    let apart = |row: [&'static str; 3]| {
        row.iter()
            .zip(turned(row))
            .filter(|(a, b)| **a != *b)
            .count()
    };
    let noticed = wrong(&probe, turned(target.xen), turned(target.virt));
    let due = 2 * apart(target.xen) + apart(target.virt);
    ensure!(
        noticed.len() == due,
        "{}: a wrong table has {due} wrong barriers, but these were found:\n{}",
        target.triple,
        noticed.join("\n")
    );

    println!("{}", target.triple);
    for name in ["xen_", "virt_"] {
        for kind in KINDS {
            let found = probe.function(&format!("probe_{name}{kind}"))?;
            println!("    {:<10}{}", format!("{name}{kind}"), Lines(&found));
        }
    }
    Ok(())
}

#[test]
fn x86_64() -> Result<()> {
    check(&X86_64)
}

#[test]
fn i686() -> Result<()> {
    check(&I686)
}

#[test]
fn i586() -> Result<()> {
    check(&I586)
}

#[test]
fn aarch64() -> Result<()> {
    check(&ARM64)
}

#[test]
fn armv7() -> Result<()> {
    check(&ARM32)
}

#[test]
fn riscv64() -> Result<()> {
    check(&RISCV64)
}

#[test]
fn powerpc64() -> Result<()> {
    check(&POWERPC64)
}

#[test]
fn bytes_that_are_not_known_are_noticed() {
    let names = |bytes: &[u8]| decode(X86, bytes).map(|found| Lines(&found).to_string());
    assert_eq!(names(&[0x0f, 0xae, 0xf0, 0xc3]).unwrap(), "mfence; ret");
    for (bytes, why) in [
        (&[0x0f, 0xae, 0xf0][..], "does not end in one return"),
        (&[0xc3, 0xc3], "does not end in one return"),
        (&[0x90, 0xc3], "then 90c3, which is not known"),
        (
            &[0x0f, 0xae, 0xf0, 0xc3, 0x0f],
            "then 0f, which is not known",
        ),
    ] {
        let error = names(bytes).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn the_suite_sees_to_every_target() {
    let suite = SUITES.iter().find(|suite| suite.name == "barriers");
    let needs = suite.expect("there is such a suite").needs;
    for target in TARGETS {
        assert!(
            needs.contains(&Need::Target(target.triple)),
            "{}",
            target.triple
        );
    }
}
