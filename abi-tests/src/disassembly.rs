//! Functions as they were compiled, instruction by instruction, as objdump reads them from an object.
//!
//! The objects come from a crate of this workspace, compiled for a target as a user's code would be, or
//! from a file of C, compiled by gcc or clang.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail, ensure};
use xtask::compiler::{Compiler, Family};
use xtask::headers::{Abi, Mode, NEWEST, View};
use xtask::{rust, tool};

use crate::program::c_file;

/// One instruction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Instruction {
    /// Its name.
    pub name: String,
    /// What it is about: registers, numbers and memory, as objdump writes them (x86 in Intel's way).
    pub operands: Vec<String>,
    /// Its address, from the beginning of its section.
    pub address: u64,
    /// What the linker is to put into it.
    pub relocation: Option<Relocation>,
}

/// A place in an instruction that the linker fills.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Relocation {
    /// How it does, such as `R_X86_64_PLT32`.
    pub kind: String,
    /// The symbol whose address goes there.
    pub symbol: String,
    /// What is added to it, as far as that does not stand in the place already.
    pub addend: i64,
}

impl std::fmt::Display for Instruction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.name, self.operands.join(", "))
    }
}

/// The target folder of what is compiled for a target to be looked at. All probes share it, and so one build
/// of the crates under them; those for different targets can be built side by side.
///
/// # Errors
/// The folder can't be made.
pub fn probes(target: &str) -> Result<PathBuf> {
    Ok(tool::cache_dir("probes")?.join(target))
}

/// The functions of an object.
pub struct Object {
    /// Whose instructions these are.
    pub abi: Abi,
    functions: BTreeMap<String, Vec<Instruction>>,
}

impl Object {
    /// A crate of this workspace, compiled for a target in a release build.
    ///
    /// # Errors
    /// No `core` for the target, or a tool that is missing or failed.
    pub fn of_crate(package: &str, abi: Abi, target: &str, options: &[&str]) -> Result<Self> {
        let core =
            rust::find_core(target)?.map_err(|why| anyhow!("NOT RUN for {target}: {why}"))?;
        let folder = probes(target)?;
        let variant = if options.is_empty() {
            ""
        } else {
            "-with-options"
        };
        let path = folder.join(format!("{package}{variant}.o"));
        let mut emit = std::ffi::OsString::from("--emit=obj=");
        emit.push(&path);
        let mut cargo = core.cargo();
        cargo
            .args(["rustc", "--quiet", "--release", "--package", package])
            .args(["--lib", "--target", target, "--target-dir"])
            .arg(&folder)
            .args(core.options())
            .args(["--", "-Ccodegen-units=1", "-Cno-vectorize-slp"])
            .args(options)
            .arg(emit);
        tool::run(&mut cargo)?;
        Self::read(abi, &path)
    }

    /// A file of `abi-tests/c` against the newest headers, compiled with `-O2` as a kernel is: no red
    /// zone, no position-independent code, no unwind tables.
    ///
    /// # Errors
    /// A tool that is missing or failed.
    pub fn of_c(file: &str, abi: Abi, family: Family, options: &[&str]) -> Result<Self> {
        let dir = tempfile::tempdir().context("making a folder for an object")?;
        let path = dir.path().join("probe.o");
        let mut compile = Compiler::find(family, abi)?.command();
        compile
            .args(View::new(NEWEST, abi, Mode::Guest).common_args())
            .args(["-O2", "-ffreestanding", "-fno-pic", "-fomit-frame-pointer"])
            .args(["-fno-asynchronous-unwind-tables", "-fno-stack-protector"])
            .args(["-ffunction-sections", "-c", "-o"])
            .arg(&path);
        match abi {
            Abi::X86_64 => {
                compile.args(["-mno-red-zone", "-mcmodel=kernel", "-mgeneral-regs-only"])
            }
            Abi::X86_32 => compile.arg("-mgeneral-regs-only"),
            Abi::Arm64 => compile.arg("-mgeneral-regs-only"),
            Abi::Arm32 => compile.arg("-marm"),
        };
        tool::run(compile.args(options).arg(c_file(file)))?;
        Self::read(abi, &path)
    }

    /// An object that was compiled before.
    ///
    /// # Errors
    /// objdump is missing or does not know it.
    pub fn read(abi: Abi, path: &Path) -> Result<Self> {
        let mut objdump = Command::new(objdump(abi)?);
        objdump
            .env("LC_ALL", "C")
            .args(["-dr", "--no-show-raw-insn"]);
        if abi.is_x86() {
            objdump.args(["-M", "intel"]);
        }
        let output = tool::run(objdump.arg(path))?;
        let text = String::from_utf8(output.stdout).context("what objdump said")?;
        let functions = functions(&text)?;
        ensure!(
            !functions.is_empty(),
            "{} has no functions:\n{text}",
            path.display()
        );
        Ok(Self { abi, functions })
    }

    /// A function, without what stands after its end to fill the space.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn function(&self, name: &str) -> Result<&[Instruction]> {
        let found = self.functions.get(name);
        found.map(Vec::as_slice).with_context(|| {
            let names: Vec<&String> = self.functions.keys().collect();
            format!("there is no function {name}, but {names:?}")
        })
    }

    /// The names of all functions.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.functions.keys().map(String::as_str)
    }
}

/// The disassembler for an ABI. It comes with the gcc for it.
fn objdump(abi: Abi) -> Result<PathBuf> {
    let triple = match abi {
        Abi::X86_32 => "i686-linux-gnu",
        Abi::X86_64 => "x86_64-linux-gnu",
        Abi::Arm32 => "arm-linux-gnueabihf",
        Abi::Arm64 => "aarch64-linux-gnu",
    };
    let cross = format!("{triple}-objdump");
    if tool::have(&cross) {
        return Ok(cross.into());
    }
    // The one of an x86 machine reads both x86 ABIs.
    if abi.is_x86()
        && cfg!(any(target_arch = "x86_64", target_arch = "x86"))
        && tool::have("objdump")
    {
        return Ok("objdump".into());
    }
    bail!(
        "`{cross}` is not on PATH (Debian package binutils-{})",
        triple.replace('_', "-")
    )
}

/// Takes objdump's text apart.
fn functions(text: &str) -> Result<BTreeMap<String, Vec<Instruction>>> {
    let mut functions: BTreeMap<String, Vec<Instruction>> = BTreeMap::new();
    let mut current: Option<String> = None;
    for line in text.lines() {
        // `0000000000000010 <name>:`
        if let Some((address, name)) = line.strip_suffix(">:").and_then(|l| l.split_once(" <")) {
            ensure!(u64::from_str_radix(address, 16).is_ok(), "objdump: {line}");
            // ARM's marks between code and data are no functions.
            if name.starts_with('$') {
                continue;
            }
            ensure!(
                functions.insert(name.to_owned(), Vec::new()).is_none(),
                "there are two functions {name}"
            );
            current = Some(name.to_owned());
            continue;
        }
        // `			e: R_X86_64_PC32	name+0x27c`
        if let Some((_, rest)) = line.split_once(": R_") {
            let place = current
                .as_ref()
                .and_then(|name| functions.get_mut(name)?.last_mut());
            if let Some(place) = place {
                place.relocation = Some(relocation(rest).with_context(|| line.to_owned())?);
            }
            continue;
        }
        // `   4:	mov    eax,0x11        # a remark`
        let Some((address, rest)) = line.trim_start().split_once(":\t") else {
            continue;
        };
        let (Ok(address), Some(name)) = (u64::from_str_radix(address, 16), &current) else {
            continue;
        };
        let code = functions.get_mut(name).context("no function")?;
        code.push(instruction(address, rest));
    }
    for code in functions.values_mut() {
        while code.last().is_some_and(is_filler) {
            code.pop();
        }
    }
    functions.retain(|_, code| !code.is_empty());
    Ok(functions)
}

/// Whether an instruction at the end is there to fill the space up to the next function, or is data.
fn is_filler(instruction: &Instruction) -> bool {
    let Instruction { name, operands, .. } = instruction;
    matches!(
        &**name,
        "nop" | "nopw" | "nopl" | "int3" | ".word" | "data16" | "cs"
    ) || (name == "xchg" && operands.first() == operands.last())
        || (name == "lea" && operands.len() == 2 && operands[1].contains(&*operands[0]))
}

/// The kind without its `R_`, a tab, and `name+0x27c`.
fn relocation(line: &str) -> Option<Relocation> {
    let (kind, target) = line.split_once('\t')?;
    let hexadecimal = |digits: &str| i64::from_str_radix(digits, 16).ok();
    let (symbol, addend) = if let Some((symbol, digits)) = target.rsplit_once("+0x") {
        (symbol, hexadecimal(digits)?)
    } else if let Some((symbol, digits)) = target.rsplit_once("-0x") {
        (symbol, -hexadecimal(digits)?)
    } else {
        (target, 0)
    };
    Some(Relocation {
        kind: format!("R_{kind}"),
        symbol: symbol.trim().to_owned(),
        addend,
    })
}

/// One line of objdump's, without its address.
fn instruction(address: u64, line: &str) -> Instruction {
    let mut line = line;
    for remark in ["#", "//", "@", ";"] {
        // `#` also stands before ARM's numbers.
        let mark = format!("\t{remark} ");
        let spaced = format!(" {remark} ");
        for mark in [mark, spaced] {
            if let Some((before, _)) = line.split_once(&mark) {
                line = before;
            }
        }
    }
    let line = line.trim();
    let (name, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let (name, rest) = match rest.trim() {
        rest if matches!(name, "lock" | "rep" | "repz" | "bnd" | "notrack") => {
            let (second, rest) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
            (format!("{name} {second}"), rest.trim())
        }
        rest => (name.to_owned(), rest),
    };
    let mut operands = Vec::new();
    let (mut depth, mut operand) = (0, String::new());
    for character in rest.chars() {
        match character {
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                operands.push(operand.trim().to_owned());
                operand.clear();
                continue;
            }
            _ => {}
        }
        operand.push(character);
    }
    if !operand.trim().is_empty() {
        operands.push(operand.trim().to_owned());
    }
    Instruction {
        name,
        operands,
        address,
        relocation: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objdumps_lines() {
        let text = "\n0000000000000000 <one>:\n   0:\tmov    QWORD PTR [rsp+0x10],rax\n   \
            5:\tadd    rax,QWORD PTR [rip+0x0]        # c <one+0xc>\n\t\t\t8: R_X86_64_PC32\tpage-0x4\n   c:\tlock or DWORD PTR \
            [rsp],0x0\n  10:\tret\n  11:\tnop\n  12:\txchg   ax,ax\n\n0000000000000020 <two>:\n  \
            20:\tmov\tw16, #0x11                  \t// #17\n  24:\tldp\tx1, x2, [sp], #16\n  \
            28:\tpop\t{r4, pc}\n  2c:\tmov\tip, #42\t@ 0x2a\n  30:\t.word\t0x00000000\n";
        let found = functions(text).unwrap();
        let lines = |name: &str| -> Vec<String> {
            found[name].iter().map(Instruction::to_string).collect()
        };
        assert_eq!(
            lines("one"),
            [
                "mov QWORD PTR [rsp+0x10], rax",
                "add rax, QWORD PTR [rip+0x0]",
                "lock or DWORD PTR [rsp], 0x0",
                "ret "
            ]
        );
        assert_eq!(
            lines("two"),
            [
                "mov w16, #0x11",
                "ldp x1, x2, [sp], #16",
                "pop {r4, pc}",
                "mov ip, #42"
            ]
        );
        assert_eq!(found["two"][1].operands, ["x1", "x2", "[sp]", "#16"]);
        assert_eq!(found["two"][1].address, 0x24);
        let due = Relocation {
            kind: "R_X86_64_PC32".to_owned(),
            symbol: "page".to_owned(),
            addend: -4,
        };
        assert_eq!(found["one"][1].relocation, Some(due));
        assert_eq!(found["one"][2].relocation, None);
        let bare = relocation("386_PC32\tpage").unwrap();
        assert_eq!((bare.symbol.as_str(), bare.addend), ("page", 0));
        assert_eq!(relocation("X86_64_32S\tpage+0x20").unwrap().addend, 0x20);
    }
}
