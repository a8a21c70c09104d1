//! C programs of each ABI, compiled with its own gcc and run on this machine.
//!
//! They are linked statically, against that ABI's libc. The x86 ones run as they
//! are on an x86_64 host, the others under qemu's user emulation. What is missing
//! is an error that names it, never a reason to pass.

use std::process::Command;

use anyhow::{Context, Result, ensure};
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
    let gcc = Compiler::find(Family::Gcc, view.abi)?;
    let dir = tempfile::tempdir().context("making a folder for a C program")?;
    let (c, program) = (dir.path().join("program.c"), dir.path().join("program"));
    let mut text = String::from("#include <stdint.h>\n#include <stddef.h>\n#include <string.h>\n");
    for header in includes {
        text += &format!("#include <public/{header}>\n");
    }
    text += "int printf(const char *, ...);\nint strcmp(const char *, const char *);\n";
    text += source;
    std::fs::write(&c, text).with_context(|| format!("writing {}", c.display()))?;
    let mut compile = gcc.command();
    compile.args(view.common_args()).args(["-static", "-o"]);
    tool::run(compile.arg(&program).arg(&c))
        .with_context(|| format!("a program for {view} (that target's libc is needed too)"))?;
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
    let output = tool::run(&mut start).with_context(|| format!("a program for {view}"))?;
    String::from_utf8(output.stdout).with_context(|| format!("output of a program for {view}"))
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
