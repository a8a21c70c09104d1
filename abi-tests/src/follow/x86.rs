//! The x86 instructions that move values about.

use anyhow::{Context, Result, bail, ensure};
use xtask::headers::Abi;

use super::{End, Root, Value, Walk, number};
use crate::disassembly::{Instruction, Relocation};

/// The registers of 64 bits, and their lower halves.
const REGISTERS: [(&str, &str); 16] = [
    ("rax", "eax"),
    ("rbx", "ebx"),
    ("rcx", "ecx"),
    ("rdx", "edx"),
    ("rsi", "esi"),
    ("rdi", "edi"),
    ("rbp", "ebp"),
    ("rsp", "esp"),
    ("r8", "r8d"),
    ("r9", "r9d"),
    ("r10", "r10d"),
    ("r11", "r11d"),
    ("r12", "r12d"),
    ("r13", "r13d"),
    ("r14", "r14d"),
    ("r15", "r15d"),
];

/// What an operand names.
enum Place {
    Register(&'static str),
    /// The lower half of a register.
    Half(&'static str),
    Memory(Value),
    Number(i64),
}

/// The symbol of an instruction that the linker changes, and what it adds.
fn symbol(instruction: &Instruction) -> Option<Value> {
    let Relocation { symbol, addend, .. } = instruction.relocation.as_ref()?;
    Some(Value(Root::Symbol(symbol.clone()), *addend))
}

/// The same for one into which the address itself goes.
fn absolute(instruction: &Instruction) -> Option<Value> {
    let kind = &*instruction.relocation.as_ref()?.kind;
    matches!(kind, "R_X86_64_32S" | "R_X86_64_64" | "R_386_32").then(|| symbol(instruction))?
}

impl Walk<'_> {
    fn place(&self, operand: &str) -> Result<Place> {
        if let Some(number) = number(operand) {
            return Ok(Place::Number(number));
        }
        let wide = self.state.abi == Abi::X86_64;
        for (whole, half) in REGISTERS {
            if operand == half && wide {
                return Ok(Place::Half(whole));
            } else if operand == half {
                return Ok(Place::Register(half));
            } else if operand == whole && wide {
                return Ok(Place::Register(whole));
            }
        }
        let inside = operand.split_once('[').and_then(|(width, rest)| {
            let known = ["", "DWORD PTR ", "QWORD PTR "].contains(&width);
            known.then(|| rest.strip_suffix(']')).flatten()
        });
        let inside = inside.with_context(|| format!("`{operand}` is not known"))?;
        let (base, distance) = match inside.find(['+', '-']) {
            Some(at) => (
                &inside[..at],
                number(inside[at..].trim_start_matches('+')).context("no distance")?,
            ),
            None => (inside, 0),
        };
        let base = match base {
            "rip" => Value(Root::Code, 0),
            base => match self.place(base)? {
                Place::Register(register) => self.state.register(register),
                _ => bail!("`{operand}` is not known"),
            },
        };
        Ok(Place::Memory(base.plus(distance)))
    }

    fn read(&mut self, operand: &str) -> Result<Value> {
        Ok(match self.place(operand)? {
            Place::Register(register) => self.state.register(register),
            Place::Half(register) => self.state.register(register).low(),
            Place::Number(number) => Value::number(number),
            Place::Memory(address) => self.load(address),
        })
    }

    fn write(&mut self, operand: &str, value: Value) -> Result<()> {
        match self.place(operand)? {
            Place::Register(register) => self.set(register, value),
            Place::Half(register) => self.set(register, value.low()),
            Place::Number(_) => bail!("a number is written"),
            Place::Memory(address) => self.store(address, value),
        }
        Ok(())
    }

    fn word(&self) -> i64 {
        self.state.abi.pointer() as i64
    }

    fn push(&mut self, value: Value) {
        let name = self.state.stack_pointer();
        let pointer = self.state.register(name).plus(-self.word());
        self.set(name, pointer.clone());
        self.store(pointer, value);
    }

    fn pop(&mut self) -> Value {
        let name = self.state.stack_pointer();
        let pointer = self.state.register(name);
        let value = self.load(pointer.clone());
        self.set(name, pointer.plus(self.word()));
        value
    }

    /// Goes where the stack says.
    fn go_home(&mut self) {
        let pointer = self.state.stack_pointer();
        let home = Value::before(Value::start(pointer));
        let target = self.pop();
        self.end = Some(if target == home {
            End::Returned
        } else {
            End::Jumped(target)
        });
    }

    /// The address that a call or jump goes to: in a register, or a symbol's.
    fn function(&self, instruction: &Instruction, target: &str) -> Result<Option<Value>> {
        if let Ok(Place::Register(register)) = self.place(target) {
            return Ok(Some(self.state.register(register)));
        }
        let Some(Relocation { kind, .. }) = &instruction.relocation else {
            return Ok(None);
        };
        ensure!(
            matches!(&**kind, "R_X86_64_PC32" | "R_X86_64_PLT32"),
            "{kind} is not known"
        );
        // The place is the end of the instruction, from whose end the distance counts.
        Ok(symbol(instruction).map(|symbol| symbol.plus(4)))
    }

    pub(super) fn x86(&mut self, instruction: &Instruction, next: Option<u64>) -> Result<()> {
        let operands: Vec<&str> = instruction.operands.iter().map(|o| &**o).collect();
        let line = instruction.to_string();
        if line.trim() == self.entry.instruction {
            return self.enter(None);
        }
        match (&*instruction.name, &*operands) {
            ("mov" | "movabs", [to, from]) => {
                let mut value = self.read(from)?;
                // A number that the linker makes: the symbol's address, and what stands there already.
                if let (Some(symbol), Root::Number) = (absolute(instruction), &value.0) {
                    value = symbol.plus(value.1);
                }
                self.write(to, value)
            }
            ("lea", [to, from]) => match self.place(from)? {
                Place::Memory(address) => self.write(to, address),
                _ => bail!("not an address"),
            },
            ("add", [to, from]) => {
                let sum = self.read(to)?.add(self.read(from)?)?;
                self.write(to, sum)
            }
            ("sub", [to, from]) => {
                let number = number(from).context("not a number")?;
                let value = self.read(to)?.plus(-number);
                self.write(to, value)
            }
            ("xor", [to, from]) => {
                ensure!(to == from, "not a way to write 0");
                self.write(to, Value::number(0))
            }
            ("cdqe", []) => {
                let value = self.state.register("rax").signed();
                self.write("rax", value)
            }
            ("movsxd", [to, from]) => {
                let value = self.read(from)?.signed();
                self.write(to, value)
            }
            ("push", [from]) => {
                let value = self.read(from)?;
                self.push(value);
                Ok(())
            }
            ("pop", [to]) => {
                let value = self.pop();
                self.write(to, value)
            }
            ("call", [target]) => match self.function(instruction, target)? {
                Some(target) => {
                    ensure!(self.entry.instruction == "call", "an unknown function");
                    // The return address is pushed, and popped by the `ret` at the other end.
                    self.push(Value(Root::Code, 0));
                    self.pop();
                    self.enter(Some(target))
                }
                // A call of what comes next is how code of 32 bits finds out where it is.
                None => {
                    let to = target.split(' ').next().unwrap_or_default();
                    let to = u64::from_str_radix(to, 16).ok();
                    ensure!(to.is_some() && to == next, "an unknown function");
                    self.push(Value(Root::Code, 0));
                    Ok(())
                }
            },
            // A call with nothing after it: the `ret` at the other end is this function's.
            ("jmp", [target]) => {
                ensure!(self.entry.instruction == "call", "a jump");
                let target = self.function(instruction, target)?;
                self.enter(Some(target.context("a jump to a place that is not known")?))?;
                self.go_home();
                Ok(())
            }
            ("ret", []) => {
                self.go_home();
                Ok(())
            }
            ("ud2", []) => {
                ensure!(self.entered.is_some(), "a trap before Xen is entered");
                self.end = Some(End::Stopped);
                Ok(())
            }
            _ => bail!("not known"),
        }
    }
}
