//! What a function with a hypercall costs where everything goes well, counted in instructions.
//!
//! Of all ways through a function that enter Xen once, call nothing else and return, the shortest is the
//! one on which the hypercall succeeds: whatever is done about an error is more.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result, bail};
use xtask::headers::Abi;

use crate::disassembly::{Instruction, Object};

/// The cost of a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cost {
    /// How many instructions are executed, the one that enters Xen and the return among them.
    pub instructions: usize,
    /// How many of them are conditional branches.
    pub branches: usize,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.instructions, self.branches)
    }
}

/// The symbol of the hypercall page, in Rust and in C.
pub const PAGE: &str = "hypercall_page";

/// Where control goes after an instruction.
enum Next {
    /// To the next one.
    On,
    /// Into Xen, and then to the next one.
    Enter,
    /// Into Xen, and from there back to the caller.
    EnterAndReturn,
    /// To the next one or to this address.
    Branch(u64),
    /// To this address.
    Jump(u64),
    /// Back to the caller.
    Return,
    /// Back to the caller or to the next one.
    MayReturn,
    /// To another function: not the way that is looked for.
    Away,
}

/// The names of ARM's conditions.
const CONDITIONS: [&str; 14] = [
    "eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le",
];

/// The address that an operand such as `38 <name+0x10>` names.
fn target(operands: &[String]) -> Option<u64> {
    let (address, _) = operands.last()?.split_once(" <")?;
    u64::from_str_radix(address, 16).ok()
}

/// Whether a call goes through a register.
fn is_register(operands: &[String]) -> bool {
    operands.iter().all(|operand| !operand.contains(['<', '[']))
}

/// Whether a call or jump goes to the hypercall page: to its symbol, or to where a register says. No other
/// function is called that way.
fn is_stub(instruction: &Instruction) -> bool {
    match &instruction.relocation {
        Some(relocation) => relocation.symbol == PAGE,
        None => is_register(&instruction.operands),
    }
}

fn next(abi: Abi, instruction: &Instruction, enter: &str) -> Result<Next> {
    let Instruction { name, operands, .. } = instruction;
    if instruction.to_string().trim() == enter {
        return Ok(Next::Enter);
    }
    let to = || target(operands).with_context(|| format!("`{instruction}` has no target"));
    let returns = || operands.iter().any(|o| o.contains("pc") || o == "lr");
    Ok(match (abi.is_x86(), &**name) {
        (true, "call") if enter == "call" && is_stub(instruction) => Next::Enter,
        (true, "jmp") if enter == "call" && is_stub(instruction) => Next::EnterAndReturn,
        (true, "call" | "ud2") => Next::Away,
        (true, "ret") => Next::Return,
        (true, "jmp") => to().map_or(Next::Away, Next::Jump),
        (true, jump) if jump.starts_with('j') => Next::Branch(to()?),
        (true, _) => Next::On,
        (false, "bl" | "blr" | "blx" | "udf" | "brk" | "br") => Next::Away,
        (false, "ret") => Next::Return,
        (false, "b") => to().map_or(Next::Away, Next::Jump),
        (false, "bx" | "pop" | "ldm" | "ldmia") if returns() => Next::Return,
        (false, "cbz" | "cbnz" | "tbz" | "tbnz") => Next::Branch(to()?),
        (false, name) => {
            let condition = CONDITIONS.iter().find(|c| name.ends_with(**c));
            match condition.and_then(|condition| name.strip_suffix(condition)) {
                Some("b" | "b.") => Next::Branch(to()?),
                Some("bx" | "pop" | "ldm") if returns() => Next::MayReturn,
                Some("bl") => bail!("`{instruction}` is not known"),
                _ => Next::On,
            }
        }
    })
}

/// The cost of a function in which Xen is entered by this instruction; `call` is one of the hypercall page,
/// and may be a jump where nothing comes after it.
///
/// # Errors
/// There is no such function, or no such way through it.
pub fn cost(object: &Object, name: &str, enter: &str) -> Result<Cost> {
    let code = object.function(name)?;
    let places: BTreeMap<u64, usize> = code
        .iter()
        .enumerate()
        .map(|(at, instruction)| (instruction.address, at))
        .collect();
    // By place, and whether Xen was entered: the least so far.
    let mut least: BTreeMap<(usize, bool), usize> = BTreeMap::new();
    let mut best: Option<Cost> = None;
    let nothing = Cost {
        instructions: 0,
        branches: 0,
    };
    let mut open = vec![(0, false, nothing)];
    while let Some((at, entered, mut cost)) = open.pop() {
        let Some(instruction) = code.get(at) else {
            continue;
        };
        let known = least.entry((at, entered)).or_insert(usize::MAX);
        if *known <= cost.instructions {
            continue;
        }
        *known = cost.instructions;
        cost.instructions += 1;
        let mut returned = |entered, cost: Cost| {
            if entered && best.is_none_or(|best| cost.instructions < best.instructions) {
                best = Some(cost);
            }
        };
        match next(object.abi, instruction, enter)? {
            Next::On => open.push((at + 1, entered, cost)),
            Next::Enter if !entered => open.push((at + 1, true, cost)),
            Next::Branch(to) => {
                cost.branches += 1;
                open.push((at + 1, entered, cost));
                if let Some(to) = places.get(&to) {
                    open.push((*to, entered, cost));
                }
            }
            Next::Jump(to) => {
                if let Some(to) = places.get(&to) {
                    open.push((*to, entered, cost));
                }
            }
            Next::Return => returned(entered, cost),
            Next::EnterAndReturn => returned(!entered, cost),
            Next::MayReturn => {
                cost.branches += 1;
                returned(entered, cost);
                open.push((at + 1, entered, cost));
            }
            Next::Enter | Next::Away => {}
        }
    }
    best.with_context(|| {
        let lines: Vec<String> = code.iter().map(Instruction::to_string).collect();
        format!(
            "no way through {name} enters Xen by `{enter}`:\n    {}",
            lines.join("\n    ")
        )
    })
}
