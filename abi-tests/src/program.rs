//! C programs of each ABI, compiled and run on this machine.
//!
//! Short ones are made of expressions and compiled with the ABI's own gcc; longer ones stand in
//! `abi-tests/c` and are fed a stream of cases. They are linked statically, against that ABI's libc.
//! The x86 ones run as they are on an x86_64 host, the others under qemu's user emulation. What is
//! missing is an error that names it, never a reason to pass.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use xtask::headers::{Abi, View};
use xtask::tool;

use crate::compiler::{Compiler, Family};

/// The emulator that this host needs for programs of an ABI.
fn emulator(abi: Abi) -> Option<&'static str> {
    let x86 = cfg!(target_arch = "x86_64");
    match abi {
        Abi::X86_32 => (!x86).then_some("qemu-i386-static"),
        Abi::X86_64 => (!x86).then_some("qemu-x86_64-static"),
        Abi::Arm32 => Some("qemu-arm-static"),
        Abi::Arm64 => (!cfg!(target_arch = "aarch64")).then_some("qemu-aarch64-static"),
    }
}

/// Compiles `source` against the headers of `view`, runs it and returns its output.
///
/// `includes` are headers below `public/`. `printf` and `strcmp` are declared.
///
/// # Errors
/// A tool that is missing or that failed, with its output.
pub fn run(view: View, includes: &[&str], source: &str) -> Result<String> {
    let dir = tempfile::tempdir().context("making a folder for a C program")?;
    let c = dir.path().join("program.c");
    let mut text = String::from("#include <stdint.h>\n#include <stddef.h>\n#include <string.h>\n");
    for header in includes {
        text += &format!("#include <public/{header}>\n");
    }
    text += "int printf(const char *, ...);\nint strcmp(const char *, const char *);\n";
    text += source;
    std::fs::write(&c, text).with_context(|| format!("writing {}", c.display()))?;
    let output = Program::compile(view, Family::Gcc, &c, &[])?.run(None)?;
    String::from_utf8(output).with_context(|| format!("output of a program for {view}"))
}

/// A C program that was compiled for one ABI and can be run on this machine.
pub struct Program {
    /// What the headers were read as.
    pub view: View,
    /// Who compiled it.
    pub family: Family,
    /// Holds the executable.
    dir: TempDir,
}

impl Program {
    /// Compiles a file against the headers of `view`, with further options, which come first on the
    /// command line: an include path among them wins.
    ///
    /// # Errors
    /// A compiler that is missing or that failed, with its output.
    pub fn compile(view: View, family: Family, file: &Path, options: &[String]) -> Result<Self> {
        let compiler = Compiler::find(family, view.abi)?;
        let dir = tempfile::tempdir().context("making a folder for a C program")?;
        let mut compile = compiler.command();
        compile.args(options).args(view.common_args());
        compile.args(["-static", "-o"]).arg(dir.path().join(EXE));
        tool::run(compile.arg(file)).with_context(|| {
            format!("{family}: a program for {view} (that target's libc is needed too)")
        })?;
        Ok(Self { view, family, dir })
    }

    /// Compiles a file of `abi-tests/c` as a driver would be: with `-O2`.
    ///
    /// # Errors
    /// As [`compile`](Self::compile).
    pub fn optimised(view: View, family: Family, name: &str, options: &[String]) -> Result<Self> {
        let mut all = vec!["-O2".to_owned()];
        all.extend_from_slice(options);
        Self::compile(view, family, &c_file(name), &all)
    }

    /// Runs it with the bytes of a file, if any, as its standard input, and returns its output.
    ///
    /// # Errors
    /// An emulator that is missing, an input that can't be read, or a program that failed.
    pub fn run(&self, input: Option<&Path>) -> Result<Vec<u8>> {
        let view = self.view;
        let program = self.dir.path().join(EXE);
        let mut start = match emulator(view.abi) {
            None => Command::new(&program),
            Some(qemu) => {
                ensure!(
                    tool::have(qemu),
                    "{qemu} is missing (package qemu-user-static): programs for {view} can't be run"
                );
                let mut start = Command::new(qemu);
                start.arg(&program);
                start
            }
        };
        if let Some(input) = input {
            let file = std::fs::File::open(input)
                .with_context(|| format!("opening {}", input.display()))?;
            start.stdin(file);
        }
        let output = tool::run(&mut start).with_context(|| format!("a program for {view}"))?;
        Ok(output.stdout)
    }
}

impl std::fmt::Display for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.view, self.family)
    }
}

/// The executable's name in its folder.
const EXE: &str = "program";

/// A file of C that this crate brings.
pub fn c_file(name: &str) -> PathBuf {
    tool::root().join("abi-tests/c").join(name)
}

/// A C expression and what it is worth according to Rust.
pub struct Question {
    /// The expression, of any integer type.
    pub c: String,
    /// Its value, as C converts it to `unsigned long long`.
    pub rust: u64,
}

/// A question, from the two ways to say the same.
pub fn question(c: impl Into<String>, rust: u64) -> Question {
    let c = c.into();
    Question { c, rust }
}

/// How many expressions stand in one C function; larger ones compile slowly.
const PER_FUNCTION: usize = 200;

/// Puts all questions to C, after the declarations of `prelude`, and returns a line
/// for each on which the two differ.
///
/// # Errors
/// As [`run`], and an output with another number of answers than there are questions.
pub fn differences(
    view: View,
    includes: &[&str],
    prelude: &str,
    questions: &[Question],
) -> Result<Vec<String>> {
    let mut source = format!("{prelude}\n");
    let mut main = String::from("int main(void)\n{\n");
    for (part, chunk) in questions.chunks(PER_FUNCTION).enumerate() {
        source += &format!("static void part{part}(void)\n{{\n");
        for Question { c, .. } in chunk {
            source += &format!("    printf(\"%llu\\n\", (unsigned long long)({c}));\n");
        }
        source += "}\n";
        main += &format!("    part{part}();\n");
    }
    source += &(main + "    return 0;\n}\n");
    let output = run(view, includes, &source)?;
    let answers = output.lines().collect::<Vec<_>>();
    ensure!(
        answers.len() == questions.len() && !answers.is_empty(),
        "{view}: {} answers to {} questions",
        answers.len(),
        questions.len()
    );
    let mut differences = Vec::new();
    for (Question { c, rust }, answer) in questions.iter().zip(answers) {
        let answer = answer
            .parse::<u64>()
            .with_context(|| format!("{view}: {c} gave {answer:?}"))?;
        if answer != *rust {
            differences.push(format!(
                "{view}: {c} is {answer:#x} in C, {rust:#x} in Rust"
            ));
        }
    }
    Ok(differences)
}
