//! What the conduits of `xen_abi::hypercall` compile to.
//!
//! The functions of `hypercall-probe` are followed from the first instruction to the last
//! (`abi_tests::follow`): number and arguments are in Xen's registers when it is entered, the answer comes
//! back, and no value is taken from a register that Xen may have changed, nor from memory below the stack
//! pointer, nor from other memory without reading it anew.
//!
//! `vmcall` and `int 0x82` can't be run on any hypervisor that these tests have; for them this is all.

use abi_tests::cost::PAGE;
use abi_tests::disassembly::{Object, probes};
use abi_tests::follow::{Course, End, Entry, Event, Root, State, Value, follow};
use anyhow::{Context, Result, anyhow, ensure};
use xtask::headers::Abi;
use xtask::rust;
use xtask::test::needs::Need;
use xtask::test::suites::SUITES;

/// A target, what the compiler is told besides, and the ways of its processor.
struct Target {
    triple: &'static str,
    options: &'static [&'static str],
    abi: Abi,
    ways: &'static [Way],
}

/// A way: the name in the probe, and the instruction. `call` is the hypercall page.
type Way = (&'static str, &'static str);

const X86_64: &[Way] = &[
    ("page", "call"),
    ("syscall", "syscall"),
    ("vmcall", "vmcall"),
    ("vmmcall", "vmmcall"),
];
const X86_32: &[Way] = &[
    ("page", "call"),
    ("int82", "int 0x82"),
    ("vmcall", "vmcall"),
    ("vmmcall", "vmmcall"),
];

const TARGETS: [Target; 8] = [
    // A kernel's target, without a red zone.
    Target {
        triple: "x86_64-unknown-none",
        options: &[],
        abi: Abi::X86_64,
        ways: X86_64,
    },
    // The same at a fixed address, where the linker knows that of the page.
    Target {
        triple: "x86_64-unknown-none",
        options: &["-Crelocation-model=static", "-Ccode-model=kernel"],
        abi: Abi::X86_64,
        ways: X86_64,
    },
    // With a red zone.
    Target {
        triple: "x86_64-unknown-linux-gnu",
        options: &[],
        abi: Abi::X86_64,
        ways: X86_64,
    },
    // Without vector registers, as in a kernel.
    Target {
        triple: "i586-unknown-linux-gnu",
        options: &[],
        abi: Abi::X86_32,
        ways: X86_32,
    },
    Target {
        triple: "i586-unknown-linux-gnu",
        options: &["-Crelocation-model=static"],
        abi: Abi::X86_32,
        ways: X86_32,
    },
    Target {
        triple: "aarch64-unknown-none",
        options: &[],
        abi: Abi::Arm64,
        ways: &[("hvc", "hvc #0xea1")],
    },
    Target {
        triple: "armv7a-none-eabi",
        options: &[],
        abi: Abi::Arm32,
        ways: &[("hvc", "hvc 3745")],
    },
    Target {
        triple: "armv7-unknown-linux-gnueabihf",
        options: &[],
        abi: Abi::Arm32,
        ways: &[("hvc", "hvc 3745")],
    },
];

/// The registers of an ABI, as Xen and as C have them.
struct Registers {
    /// The hypercall's number.
    number: &'static str,
    /// The answer, to Xen's caller and to C's.
    result: &'static str,
    /// Xen's arguments.
    xen: [&'static str; 5],
    /// Those that Xen may change besides, or that count as changed without being an argument's.
    also: &'static [&'static str],
    /// Those that a function keeps for its caller.
    kept: &'static [&'static str],
}

fn registers(abi: Abi) -> Registers {
    match abi {
        Abi::X86_64 => Registers {
            number: "rax",
            result: "rax",
            xen: ["rdi", "rsi", "rdx", "r10", "r8"],
            also: &["rdi", "rsi", "rdx", "r10", "r8", "rcx", "r11"],
            kept: &["rbx", "rbp", "r12", "r13", "r14", "r15"],
        },
        Abi::X86_32 => Registers {
            number: "eax",
            result: "eax",
            xen: ["ebx", "ecx", "edx", "esi", "edi"],
            also: &[],
            kept: &["ebx", "esi", "edi", "ebp"],
        },
        Abi::Arm64 => Registers {
            number: "x16",
            result: "x0",
            xen: ["x0", "x1", "x2", "x3", "x4"],
            also: &["x1", "x2", "x3", "x4", "x16"],
            kept: &[
                "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29",
            ],
        },
        Abi::Arm32 => Registers {
            number: "r12",
            result: "r0",
            xen: ["r0", "r1", "r2", "r3", "r4"],
            also: &["r1", "r2", "r3", "r12"],
            kept: &["r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11"],
        },
    }
}

/// A function's argument by C's convention.
fn argument(abi: Abi, index: usize) -> Value {
    let registers: &[&str] = match abi {
        Abi::X86_64 => &["rdi", "rsi", "rdx", "rcx", "r8"],
        Abi::X86_32 => &[],
        Abi::Arm64 => &["x0", "x1", "x2", "x3", "x4"],
        Abi::Arm32 => &["r0", "r1", "r2", "r3"],
    };
    let on_stack =
        |words: usize| Value::start(stack(abi)).plus((words as u64 * abi.pointer()) as i64);
    match registers.get(index) {
        Some(register) => Value::start(register),
        // Above the return address.
        None if abi == Abi::X86_32 => Value::before(on_stack(index + 1)),
        None => Value::before(on_stack(index - registers.len())),
    }
}

fn stack(abi: Abi) -> &'static str {
    match abi {
        Abi::X86_64 => "rsp",
        Abi::X86_32 => "esp",
        Abi::Arm32 | Abi::Arm64 => "sp",
    }
}

/// What Xen may do in a hypercall of so many arguments.
fn entry(abi: Abi, way: Way, count: usize) -> Entry {
    let registers = registers(abi);
    let mut lost: Vec<&str> = registers.xen[..count].to_vec();
    lost.extend(registers.also);
    lost.retain(|register| *register != registers.result);
    Entry {
        instruction: way.1,
        result: registers.result,
        lost,
    }
}

/// The number of the hypercall is where it has to be.
fn number_is(abi: Abi, way: Way, course: &Course, number: i64) -> Result<()> {
    let entered = course.entered.as_ref().context("Xen is not entered")?;
    match &course.target {
        Some(target) => stub_is(target, number),
        None => {
            let found = entered.register(registers(abi).number);
            ensure!(
                found == Value::number(number),
                "{}: number {found}, not {number}",
                way.0
            );
            Ok(())
        }
    }
}

/// An address is that of a stub: so far behind the page's symbol, or behind what stands where the code has
/// the page's address.
fn stub_is(target: &Value, number: i64) -> Result<()> {
    let page = match &target.0 {
        Root::Memory(address, _) => matches!(address.0, Root::Code),
        Root::Symbol(name) => name == PAGE,
        _ => false,
    };
    ensure!(
        page && target.1 == number * 32,
        "{target} is not the page's stub {number}"
    );
    Ok(())
}

/// Whether this is the code looking up where the page stands.
fn is_page(event: &Event) -> bool {
    matches!(event, Event::Load(Value(Root::Code, _)))
}

/// A function came back to its caller, with the registers that it has to keep.
fn kept(abi: Abi, last: &State, end: &End) -> Result<()> {
    ensure!(*end == End::Returned, "it ends with {end:?}");
    for register in registers(abi).kept {
        let value = last.register(register);
        ensure!(
            value == Value::start(register),
            "{register} is {value} in the end"
        );
    }
    let pushed = if abi.is_x86() {
        abi.pointer() as i64
    } else {
        0
    };
    let pointer = last.register(stack(abi));
    ensure!(
        pointer == Value::start(stack(abi)).plus(pushed),
        "the stack pointer is {pointer} in the end"
    );
    Ok(())
}

/// The probes, and the numbers of their hypercalls, by count of arguments.
const NUMBERS: [i64; 5] = [5, 17, 20, 1, 42];

/// `way_1` to `way_5`, `way_int` and `way_twice`, of which the second call is looked at.
fn passes(object: &Object, way: Way, expected: &[&str; 5]) -> Result<()> {
    let abi = object.abi;
    let probes = (1..=5).map(|count| (format!("{}_{count}", way.0), count, false));
    let int = (format!("{}_int", way.0), 2, true);
    let twice = (format!("{}_twice", way.0), 2, false);
    for (name, count, int) in probes.chain([int, twice]) {
        let course = follow(abi, object.function(&name)?, &entry(abi, way, count))
            .with_context(|| name.clone())?;
        let number = if int { 33 } else { NUMBERS[count - 1] };
        number_is(abi, way, &course, number)?;
        let entered = course.entered.as_ref().context("not entered")?;
        for (index, register) in expected[..count].iter().enumerate() {
            let found = entered.register(register);
            ensure!(
                found == argument(abi, count - 1 - index),
                "{name}: argument {} in {register} is {found}",
                index + 1
            );
        }
        kept(abi, &course.last, &course.end).with_context(|| name.clone())?;
        let answer = course.last.register(registers(abi).result);
        let whole = Value::answer();
        let due = if int && abi.pointer() == 8 {
            Value(Root::Signed(Box::new(whole)), 0)
        } else {
            whole
        };
        ensure!(answer == due, "{name} returns {answer}, not {due}");
        let mut events = course.events;
        events.retain(|event| !is_page(event));
        let due = if name.ends_with("twice") { 2 } else { 1 };
        ensure!(events == vec![Event::Enter; due], "{name}: {events:?}");
    }
    Ok(())
}

/// `way_held`: memory is up to date before the call, and read anew after it.
fn held(object: &Object, way: Way) -> Result<()> {
    let abi = object.abi;
    let name = format!("{}_held", way.0);
    let course =
        follow(abi, object.function(&name)?, &entry(abi, way, 2)).with_context(|| name.clone())?;
    number_is(abi, way, &course, 17)?;
    kept(abi, &course.last, &course.end).with_context(|| name.clone())?;
    let word = argument(abi, 0);
    let store = |value| Event::Store(word.clone(), Value::number(value));
    let mut events = course.events;
    events.retain(|event| !is_page(event));
    ensure!(
        events == [store(1), Event::Enter, Event::Load(word.clone()), store(3)],
        "{name}: {events:?}"
    );
    let seen = course.last.register(registers(abi).result);
    ensure!(seen == Value::after(word), "{name} returns {seen}");
    Ok(())
}

/// `way_live`: values that are needed after the call stem from before it.
fn live(object: &Object, way: Way, entry: &Entry) -> Result<()> {
    let abi = object.abi;
    let name = format!("{}_live", way.0);
    let course = follow(abi, object.function(&name)?, entry).with_context(|| name.clone())?;
    number_is(abi, way, &course, 42)?;
    kept(abi, &course.last, &course.end).with_context(|| name.clone())?;
    let answer = course.last.register(registers(abi).result);
    ensure!(answer == Value::answer(), "{name} returns {answer}");
    let word = |index: i64| argument(abi, 3).plus(index * abi.pointer() as i64);
    for index in 0..8 {
        let due = match index {
            0..=2 => argument(abi, index as usize),
            _ => Value::before(word(7 - index)),
        };
        let found = course.last.memory(&word(index));
        ensure!(found == due, "{name}: word {index} is {found}, not {due}");
    }
    Ok(())
}

/// `way_send`, `way_copy`, `way_yield` and `way_block`: the arguments are those of the call, and the structure of
/// one that has such stands on the stack, not below it.
fn calls(object: &Object, way: Way) -> Result<()> {
    let abi = object.abi;
    let number = Value::number;
    let first = argument(abi, 0);
    let probes: [(&str, i64, &[Value]); 4] = [
        ("send", 32, &[number(4)]),
        ("copy", 20, &[number(5), first.clone()]),
        ("yield", 29, &[number(0), number(0)]),
        ("block", 29, &[number(1), number(0)]),
    ];
    for (call, hypercall, arguments) in probes {
        let name = format!("{}_{call}", way.0);
        let count = if call == "copy" { 3 } else { 2 };
        let course = follow(abi, object.function(&name)?, &entry(abi, way, count))
            .with_context(|| name.clone())?;
        number_is(abi, way, &course, hypercall)?;
        kept(abi, &course.last, &course.end).with_context(|| name.clone())?;
        let entered = course.entered.as_ref().context("not entered")?;
        let passed = |index: usize| entered.register(registers(abi).xen[index]);
        for (index, due) in arguments.iter().enumerate() {
            let found = passed(index);
            ensure!(found == *due, "{name}: argument {index} is {found}");
        }
        if call == "send" {
            let (address, pointer) = (passed(1), entered.register(stack(abi)));
            ensure!(
                address.0 == pointer.0 && (pointer.1..0).contains(&address.1),
                "{name}: the structure is at {address}, the stack at {pointer}"
            );
            let port = entered.memory(&address);
            let whole = port == first || port == Value(Root::Low(Box::new(first.clone())), 0);
            ensure!(whole, "{name}: the port is {port}");
        }
    }
    Ok(())
}

/// `way_iret`: every register of the context is loaded, and Xen is entered with the stack at its frame.
fn iret(object: &Object, way: Way) -> Result<()> {
    let abi = object.abi;
    let name = format!("{}_iret", way.0);
    let course =
        follow(abi, object.function(&name)?, &entry(abi, way, 0)).with_context(|| name.clone())?;
    let order: &[&str] = match abi {
        Abi::X86_64 => &[
            "r15", "r14", "r13", "r12", "rbp", "rbx", "r10", "r9", "r8", "rdx", "rsi", "rdi",
            "rax", "r11", "rcx",
        ],
        _ => &["edi", "esi", "ebp", "ebx", "edx", "ecx", "eax"],
    };
    // Xen takes these from the frame; the page's stub pushes them there.
    let framed = if abi == Abi::X86_64 { 3 } else { 1 };
    let (state, loaded, pointer) = match &course.end {
        End::Jumped(target) => {
            stub_is(target, 23)?;
            (&course.last, order.len(), order.len())
        }
        End::Stopped => {
            number_is(abi, way, &course, 23)?;
            let entered = course.entered.as_ref().context("not entered")?;
            (entered, order.len() - framed, order.len() - framed)
        }
        End::Returned => anyhow::bail!("{name} returns"),
    };
    let context = |index: usize| argument(abi, 0).plus((index as u64 * abi.pointer()) as i64);
    for (index, register) in order[..loaded].iter().enumerate() {
        let found = state.register(register);
        ensure!(
            found == Value::before(context(index)),
            "{name}: {register} is {found}"
        );
    }
    let found = state.register(stack(abi));
    ensure!(
        found == context(pointer),
        "{name}: the stack pointer is {found}"
    );
    Ok(())
}

/// All of a target, and controls: that the same checks fail for a wrong convention.
fn check(triple: &str, is_fixed: bool) -> Result<()> {
    let target = TARGETS
        .iter()
        .find(|target| target.triple == triple && target.options.is_empty() != is_fixed);
    let Target {
        abi, ways, options, ..
    } = target.context("an unknown target")?;
    let object = Object::of_crate("hypercall-probe", *abi, triple, options)?;
    for way in *ways {
        let expected = registers(*abi).xen;
        passes(&object, *way, &expected)?;
        held(&object, *way)?;
        calls(&object, *way)?;
        let worst = entry(*abi, *way, 5);
        live(&object, *way, &worst)?;
        if matches!(way.0, "page" | "syscall" | "int82") {
            iret(&object, *way)?;
        }

        for (at, other) in [(0, 1), (2, 3), (3, 4)] {
            let mut swapped = expected;
            swapped.swap(at, other);
            ensure!(
                passes(&object, *way, &swapped).is_err(),
                "{triple}, {}: arguments {at} and {other} can be swapped",
                way.0
            );
        }
        let mut worse = worst;
        worse.lost.extend(registers(*abi).kept);
        ensure!(
            live(&object, *way, &worse).is_err(),
            "{triple}, {}: nothing is kept in any register, so that a lost one is not noticed",
            way.0
        );
        for probe in ["5", "live"] {
            let name = format!("{}_{probe}", way.0);
            let lines: Vec<String> = object
                .function(&name)?
                .iter()
                .map(|instruction| instruction.to_string().trim().to_owned())
                .collect();
            if probe == "5" {
                println!("{triple}: {name}: {}", lines.join("; "));
            }
        }
    }
    Ok(())
}

#[test]
fn x86_64_without_a_red_zone() -> Result<()> {
    check("x86_64-unknown-none", false)
}

#[test]
fn x86_64_at_a_fixed_address() -> Result<()> {
    check("x86_64-unknown-none", true)
}

#[test]
fn x86_64_with_a_red_zone() -> Result<()> {
    check("x86_64-unknown-linux-gnu", false)
}

#[test]
fn x86_32() -> Result<()> {
    check("i586-unknown-linux-gnu", false)
}

#[test]
fn x86_32_at_a_fixed_address() -> Result<()> {
    check("i586-unknown-linux-gnu", true)
}

#[test]
fn arm64() -> Result<()> {
    check("aarch64-unknown-none", false)
}

#[test]
fn arm32() -> Result<()> {
    check("armv7a-none-eabi", false)
}

#[test]
fn arm32_in_thumb_mode_or_not() -> Result<()> {
    check("armv7-unknown-linux-gnueabihf", false)
}

/// The processor that `a_processor_without_a_way` is about.
const ELSEWHERE: &str = "riscv64gc-unknown-linux-gnu";

#[test]
fn a_processor_without_a_way() -> Result<()> {
    let core = rust::find_core(ELSEWHERE)?.map_err(|why| anyhow!("NOT RUN: {why}"))?;
    let mut cargo = core.cargo();
    cargo
        .args(["check", "--quiet", "--color", "never"])
        .args(["--package", "hypercall-probe", "--example", "anywhere"])
        .args(["--target", ELSEWHERE, "--target-dir"])
        .arg(probes(ELSEWHERE)?)
        .args(core.options());
    let output = cargo.output()?;
    ensure!(
        !output.status.success(),
        "a kernel for {ELSEWHERE} has a way to Xen"
    );
    let text = String::from_utf8(output.stderr)?;
    let errors: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("error") && !line.contains("could not compile"))
        .collect();
    ensure!(
        errors == ["error[E0277]: `NoConduitForThisProcessor` is no way to Xen"],
        "not this one error, but:\n{text}"
    );
    for advice in [
        "the ways of x86_64, x86_32, arm64 and arm32 are in `xen_abi::hypercall::cpu`",
        "implement `xen_abi::hypercall::Conduit` for a type of your own",
        "for tests on any machine there is `xen_abi::hypercall::simulate`",
    ] {
        ensure!(text.contains(advice), "no \"{advice}\" in:\n{text}");
    }
    println!("{text}");
    Ok(())
}

#[test]
fn the_suite_sees_to_every_target() {
    let suite = SUITES.iter().find(|suite| suite.name == "barriers");
    let needs = suite.expect("there is such a suite").needs;
    for triple in TARGETS
        .iter()
        .map(|target| target.triple)
        .chain([ELSEWHERE])
    {
        assert!(needs.contains(&Need::Target(triple)), "{triple}");
    }
    // objdump comes with the compilers.
    assert!(needs.contains(&Need::Compilers));
}
