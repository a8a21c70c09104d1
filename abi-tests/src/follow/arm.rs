//! The instructions of arm and arm64 that move values about.

use anyhow::{Context, Result, bail, ensure};
use xtask::headers::Abi;

use super::{End, Value, Walk, number};
use crate::disassembly::Instruction;

/// How an instruction's address is made: base, distance, and whether the base is changed before or after.
struct Address {
    base: String,
    distance: i64,
    before: bool,
    after: bool,
}

/// The numbered name of a register, and whether it is a lower half.
fn named(abi: Abi, operand: &str) -> Option<(String, bool)> {
    let numbered = |letter: char| {
        let digits = operand.strip_prefix(letter)?;
        let number: u8 = digits.parse().ok()?;
        (number < 31).then_some(number)
    };
    match (abi, operand) {
        (_, "sp") => Some(("sp".into(), false)),
        (Abi::Arm32, "sl") => Some(("r10".into(), false)),
        (Abi::Arm32, "fp") => Some(("r11".into(), false)),
        (Abi::Arm32, "ip") => Some(("r12".into(), false)),
        (Abi::Arm32, "lr" | "pc") => Some((operand.into(), false)),
        (Abi::Arm32, _) => numbered('r').map(|number| (format!("r{number}"), false)),
        _ => match (numbered('x'), numbered('w')) {
            (Some(number), _) => Some((format!("x{number}"), false)),
            (_, Some(number)) => Some((format!("x{number}"), true)),
            _ => None,
        },
    }
}

impl Walk<'_> {
    fn get(&self, operand: &str) -> Result<Value> {
        if let Some(number) = number(operand) {
            return Ok(Value::number(number));
        }
        if matches!(operand, "xzr" | "wzr") {
            return Ok(Value::number(0));
        }
        let (name, half) =
            named(self.state.abi, operand).with_context(|| format!("`{operand}` is not known"))?;
        let value = self.state.register(&name);
        Ok(if half { value.low() } else { value })
    }

    fn put(&mut self, operand: &str, value: Value) -> Result<()> {
        let (name, half) =
            named(self.state.abi, operand).with_context(|| format!("`{operand}` is not known"))?;
        self.set(&name, if half { value.low() } else { value });
        Ok(())
    }

    /// `[sp, #8]`, `[sp, #8]!`, or `[sp]` and `#8`.
    fn address(&self, operands: &[&str]) -> Result<Address> {
        let [memory, rest @ ..] = operands else {
            bail!("no address");
        };
        let before = memory.ends_with('!');
        let inside = memory.trim_end_matches('!');
        let inside = inside.strip_prefix('[').and_then(|m| m.strip_suffix(']'));
        let inside = inside.with_context(|| format!("`{memory}` is not known"))?;
        let (base, distance) = inside.split_once(", ").unwrap_or((inside, "#0"));
        let inner = number(distance).with_context(|| format!("`{memory}` is not known"))?;
        let (base, _) = named(self.state.abi, base).context("no base")?;
        match rest {
            [] => Ok(Address {
                base,
                distance: inner,
                before,
                after: false,
            }),
            [distance] if inner == 0 && !before => Ok(Address {
                base,
                distance: number(distance).context("no distance")?,
                before: false,
                after: true,
            }),
            _ => bail!("an address that is not known"),
        }
    }

    /// Loads or stores these registers, one after the other.
    fn transfer(&mut self, load: bool, registers: &[&str], operands: &[&str]) -> Result<()> {
        let width = self.state.abi.pointer() as i64;
        let address = self.address(operands)?;
        let base = self.state.register(&address.base);
        let moved = base.clone().plus(address.distance);
        let from = if address.after { base } else { moved.clone() };
        for (at, register) in registers.iter().enumerate() {
            let from = from.clone().plus(at as i64 * width);
            if load {
                let value = self.load(from);
                self.put(register, value)?;
            } else {
                let value = self.get(register)?;
                self.store(from, value);
            }
        }
        if address.before || address.after {
            self.set(&address.base, moved);
        }
        Ok(())
    }

    /// `{r4, lr}`.
    fn list<'o>(&self, operand: &'o str) -> Result<Vec<&'o str>> {
        let inside = operand.strip_prefix('{').and_then(|o| o.strip_suffix('}'));
        let inside = inside.context("no list")?;
        let names: Vec<&str> = inside.split(", ").collect();
        ensure!(
            names
                .iter()
                .all(|name| named(self.state.abi, name).is_some()),
            "a list that is not known"
        );
        Ok(names)
    }

    /// Loads or stores a list of registers at an address and after it.
    fn many(&mut self, load: bool, base: &str, list: &str, start: i64) -> Result<()> {
        let back = base.ends_with('!');
        let base = base.trim_end_matches('!');
        let list = self.list(list)?;
        let from = self.get(base)?.plus(start);
        for (at, register) in list.iter().enumerate() {
            let address = from.clone().plus(at as i64 * 4);
            if load {
                let value = self.load(address);
                self.put(register, value)?;
            } else {
                let value = self.get(register)?;
                self.store(address, value);
            }
        }
        if back {
            let moved = match (load, start) {
                (_, 0) => from.plus(list.len() as i64 * 4),
                _ => from,
            };
            self.put(base, moved)?;
        }
        Ok(())
    }

    /// Ends at the address in this register.
    fn leave(&mut self, register: &str) {
        let home = match self.state.abi {
            Abi::Arm64 => "x30",
            _ => "lr",
        };
        let target = self.state.register(register);
        self.end = Some(if target == Value::start(home) {
            End::Returned
        } else {
            End::Jumped(target)
        });
    }

    pub(super) fn arm(&mut self, instruction: &Instruction) -> Result<()> {
        let operands: Vec<&str> = instruction.operands.iter().map(|o| &**o).collect();
        if instruction.to_string().trim() == self.entry.instruction {
            return self.enter(None);
        }
        match (&*instruction.name, &*operands) {
            ("mov" | "movw", [to, from]) => {
                let value = self.get(from)?;
                self.put(to, value)
            }
            ("sxtw", [to, from]) => {
                let value = self.get(from)?.signed();
                self.put(to, value)
            }
            ("add", [to, from, by]) => {
                let value = self.get(from)?.add(self.get(by)?)?;
                self.put(to, value)
            }
            ("sub", [to, from, by]) => {
                let by = number(by).context("not a number")?;
                let value = self.get(from)?.plus(-by);
                self.put(to, value)
            }
            ("ldr" | "ldur", [to, address @ ..]) => self.transfer(true, &[to], address),
            ("str" | "stur", [from, address @ ..]) => self.transfer(false, &[from], address),
            ("ldp" | "ldrd", [to, second, address @ ..]) => {
                self.transfer(true, &[to, second], address)
            }
            ("stp" | "strd", [from, second, address @ ..]) => {
                self.transfer(false, &[from, second], address)
            }
            ("push", [list]) => {
                let count = self.list(list)?.len() as i64;
                self.many(false, "sp!", list, -4 * count)
            }
            ("pop", [list]) => {
                self.many(true, "sp!", list, 0)?;
                if self.list(list)?.contains(&"pc") {
                    self.leave("pc");
                }
                Ok(())
            }
            ("ldm" | "ldmia", [base, list]) => self.many(true, base, list, 0),
            ("stm" | "stmia", [base, list]) => self.many(false, base, list, 0),
            ("ldmib", [base, list]) if !base.ends_with('!') => self.many(true, base, list, 4),
            ("stmib", [base, list]) if !base.ends_with('!') => self.many(false, base, list, 4),
            ("ret", []) => {
                self.leave("x30");
                Ok(())
            }
            ("bx", [register]) => {
                let (name, _) = named(self.state.abi, register).context("no register")?;
                self.leave(&name);
                Ok(())
            }
            _ => bail!("not known"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_registers() {
        assert_eq!(named(Abi::Arm64, "w16"), Some(("x16".into(), true)));
        assert_eq!(named(Abi::Arm64, "x30"), Some(("x30".into(), false)));
        assert_eq!(named(Abi::Arm64, "r0"), None);
        assert_eq!(named(Abi::Arm32, "ip"), Some(("r12".into(), false)));
        assert_eq!(named(Abi::Arm32, "r4"), Some(("r4".into(), false)));
    }
}
