//! A function followed instruction by instruction, with names in place of the values that nobody knows.
//!
//! A register begins as what its name says, memory as what its address says, and each instruction is one
//! of the few that move values about; any other is an error, and so is a branch. At the instruction that
//! enters Xen everything is noted, and then Xen does its worst: the registers that it may change are
//! lost, with all memory that is not the function's own stack, and what lies below the stack pointer.
//! So a value that the compiler keeps where Xen may change it comes out as a lost one.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result, bail};
use xtask::headers::Abi;

use crate::disassembly::Instruction;

mod arm;
mod x86;

/// What a value stems from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Root {
    /// Nothing: the value is a number.
    Number,
    /// What stood in a register in the beginning.
    Start(String),
    /// What stood in memory at an address: before Xen was entered, or after.
    Memory(Box<Value>, bool),
    /// The address of the code.
    Code,
    /// The address of a symbol that the linker knows.
    Symbol(String),
    /// What Xen left in the register of the result.
    Answer,
    /// What Xen may have left in another register.
    Lost(String),
    /// The lower 32 bits of another value, and zeros.
    Low(Box<Value>),
    /// The lower 32 bits of another value, sign-extended.
    Signed(Box<Value>),
}

/// A value: a root and a distance from it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Value(pub Root, pub i64);

impl Value {
    /// A number.
    pub fn number(number: i64) -> Self {
        Self(Root::Number, number)
    }

    /// What stood in this register in the beginning.
    pub fn start(register: &str) -> Self {
        Self(Root::Start(register.to_owned()), 0)
    }

    /// What stood at this address before Xen was entered.
    pub fn before(address: Value) -> Self {
        Self(Root::Memory(Box::new(address), false), 0)
    }

    /// What stands at this address after Xen was entered.
    pub fn after(address: Value) -> Self {
        Self(Root::Memory(Box::new(address), true), 0)
    }

    /// What Xen left in the register of the result.
    pub fn answer() -> Self {
        Self(Root::Answer, 0)
    }

    /// The sum with a number.
    #[must_use]
    pub fn plus(self, number: i64) -> Self {
        Self(self.0, self.1.wrapping_add(number))
    }

    fn add(self, other: Self) -> Result<Self> {
        match (&self.0, &other.0) {
            (_, Root::Number) => Ok(self.plus(other.1)),
            (Root::Number, _) => Ok(other.plus(self.1)),
            _ => bail!("{self} and {other} are not added"),
        }
    }

    /// What a register of 32 bits holds.
    fn low(self) -> Self {
        match self {
            Self(Root::Number, number) => Self::number(number & 0xffff_ffff),
            Self(Root::Low(_), 0) => self,
            other => Self(Root::Low(Box::new(other)), 0),
        }
    }

    fn signed(self) -> Self {
        match self {
            Self(Root::Number, number) => Self::number(i64::from(number as i32)),
            Self(Root::Low(value), 0) => Self(Root::Signed(value), 0),
            other => Self(Root::Signed(Box::new(other)), 0),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Root::Number => return write!(f, "{:#x}", self.1),
            Root::Start(register) => write!(f, "{register} of the start")?,
            Root::Memory(address, false) => write!(f, "[{address}]")?,
            Root::Memory(address, true) => write!(f, "[{address}] after Xen")?,
            Root::Code => f.write_str("code")?,
            Root::Symbol(name) => f.write_str(name)?,
            Root::Answer => f.write_str("the answer")?,
            Root::Lost(register) => write!(f, "lost {register}")?,
            Root::Low(value) => write!(f, "low({value})")?,
            Root::Signed(value) => write!(f, "signed({value})")?,
        }
        match self.1 {
            0 => Ok(()),
            number => write!(f, " + {number:#x}"),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What Xen does to a guest's registers in one way of entering it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The instruction, as objdump writes it; `call` for one of the hypercall page, whose address is
    /// in a register or is filled in by the linker.
    pub instruction: &'static str,
    /// The register of the result.
    pub result: &'static str,
    /// The other registers that Xen may change.
    pub lost: Vec<&'static str>,
}

/// What happened to memory that is not the function's own stack, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A value was stored at an address.
    Store(Value, Value),
    /// Xen was entered.
    Enter,
    /// An address was read.
    Load(Value),
}

/// How it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// It returned to its caller.
    Returned,
    /// It went to another place than its caller.
    Jumped(Value),
    /// An invalid instruction after Xen was entered: nobody comes back from there.
    Stopped,
}

/// Registers and memory.
#[derive(Clone)]
pub struct State {
    abi: Abi,
    registers: BTreeMap<String, Value>,
    memory: BTreeMap<Value, Value>,
    entered: bool,
}

/// A function's whole course.
pub struct Course {
    /// Registers and memory when Xen was entered, the last time.
    pub entered: Option<State>,
    /// The address that was called, if that was a call.
    pub target: Option<Value>,
    /// Registers and memory at the end.
    pub last: State,
    /// What happened to memory.
    pub events: Vec<Event>,
    /// How it ended.
    pub end: End,
}

impl State {
    fn new(abi: Abi) -> Self {
        Self {
            abi,
            registers: BTreeMap::new(),
            memory: BTreeMap::new(),
            entered: false,
        }
    }

    /// What is in a register.
    pub fn register(&self, name: &str) -> Value {
        let found = self.registers.get(name).cloned();
        found.unwrap_or_else(|| Value::start(name))
    }

    /// What is at an address.
    pub fn memory(&self, address: &Value) -> Value {
        if let Some(value) = self.memory.get(address) {
            return value.clone();
        }
        // What the caller has on the stack is no business of Xen's.
        let changed = self.entered && !self.is_callers(address);
        Value(Root::Memory(Box::new(address.clone()), changed), 0)
    }

    /// The stack pointer's name.
    pub fn stack_pointer(&self) -> &'static str {
        match self.abi {
            Abi::X86_64 => "rsp",
            Abi::X86_32 => "esp",
            Abi::Arm32 | Abi::Arm64 => "sp",
        }
    }

    /// Whether it is the stack's address.
    fn is_stack(&self, address: &Value) -> bool {
        matches!(&address.0, Root::Start(register) if register == self.stack_pointer())
    }

    /// Whether it is the address of what was on the stack before.
    fn is_callers(&self, address: &Value) -> bool {
        self.is_stack(address) && address.1 >= 0
    }
}

/// A function underway.
struct Walk<'a> {
    state: State,
    entry: &'a Entry,
    entered: Option<State>,
    target: Option<Value>,
    events: Vec<Event>,
    end: Option<End>,
}

/// Follows a function to its end.
///
/// # Errors
/// An instruction that is not known, or an end that is none.
pub fn follow(abi: Abi, code: &[Instruction], entry: &Entry) -> Result<Course> {
    let mut walk = Walk {
        state: State::new(abi),
        entry,
        entered: None,
        target: None,
        events: Vec::new(),
        end: None,
    };
    for (at, instruction) in code.iter().enumerate() {
        if walk.end.is_some() {
            break;
        }
        let next = code.get(at + 1).map(|next| next.address);
        let step = match abi {
            Abi::X86_32 | Abi::X86_64 => walk.x86(instruction, next),
            Abi::Arm32 | Abi::Arm64 => walk.arm(instruction),
        };
        step.with_context(|| {
            let lines: Vec<String> = code.iter().map(Instruction::to_string).collect();
            format!("`{instruction}` in\n    {}", lines.join("\n    "))
        })?;
    }
    Ok(Course {
        entered: walk.entered,
        target: walk.target,
        last: walk.state,
        events: walk.events,
        end: walk.end.context("the function has no end")?,
    })
}

impl Walk<'_> {
    fn load(&mut self, address: Value) -> Value {
        if !self.state.is_stack(&address) {
            self.events.push(Event::Load(address.clone()));
        }
        self.state.memory(&address)
    }

    fn store(&mut self, address: Value, value: Value) {
        if !self.state.is_stack(&address) {
            self.events
                .push(Event::Store(address.clone(), value.clone()));
        }
        self.state.memory.insert(address, value);
    }

    fn set(&mut self, register: &str, value: Value) {
        self.state.registers.insert(register.to_owned(), value);
    }

    /// Xen, at its worst.
    fn enter(&mut self, target: Option<Value>) -> Result<()> {
        self.entered = Some(self.state.clone());
        self.target = target;
        self.events.push(Event::Enter);
        self.state.entered = true;
        self.set(self.entry.result, Value::answer());
        for register in &self.entry.lost {
            self.set(register, Value(Root::Lost((*register).to_owned()), 0));
        }
        let pointer = self.state.register(self.state.stack_pointer());
        let state = self.state.clone();
        self.state.memory.retain(|address, _| {
            state.is_stack(address) && (!state.is_stack(&pointer) || address.1 >= pointer.1)
        });
        Ok(())
    }
}

/// A number as objdump writes it: decimal or not, with a sign or a `#`.
fn number(text: &str) -> Option<i64> {
    let text = text.strip_prefix('#').unwrap_or(text);
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let value = match digits.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok()? as i64,
        None => digits.parse().ok()?,
    };
    Some(value.wrapping_mul(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(number("0x10"), Some(16));
        assert_eq!(number("#-16"), Some(-16));
        assert_eq!(number("#0xea1"), Some(0xea1));
        assert_eq!(number("0xffffffffffffffff"), Some(-1));
        assert_eq!(number("eax"), None);
    }
}
