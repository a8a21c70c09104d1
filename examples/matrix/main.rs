//! Which release of Xen carries out which operation how:
//! `cargo run --example matrix --features simulate -- --guest pv event_channel`.
//!
//! A simulated hypervisor of each release is probed, as a guest would probe a real one, and asked for
//! its plan for each operation: by the operation's own hypercall, by an older way, or not at all.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use xen_abi::hypercall::simulate::Simulated;
use xen_abi::hypercall::{Plan, Xen};
use xen_abi::version::{Guest, Kind, Operation, Release};

const USAGE: &str = "\
usage: matrix [--guest pv|hvm|arm]... [WORD]

Prints a line for each operation, with a column for each release of Xen:
    D  by its own hypercall
    f  by an older way
    .  not at all
and nothing where the release does not run that kind of guest. With a WORD, only operations are shown
that have it in their own name or in their hypercall's.
";

/// What the command line asks for.
struct Request {
    guests: Vec<Guest>,
    word: String,
}

fn main() -> ExitCode {
    match request(std::env::args_os().skip(1)) {
        Ok(Some(request)) => {
            let mut text = String::new();
            for &guest in &request.guests {
                text += &matrix(guest, &request.word);
            }
            // A reader that closes the pipe early, such as `head`, has seen what it wanted.
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Ok(None) => {
            print!("{USAGE}");
            ExitCode::SUCCESS
        }
        Err(complaint) => {
            eprint!("error: {complaint}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Reads the command line; nothing for a call for help.
fn request(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Request>, String> {
    use lexopt::prelude::*;
    let mut parser = lexopt::Parser::from_args(arguments);
    let (mut guests, mut word) = (Vec::new(), None);
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Long("guest") => {
                let name = parser.value().map_err(|error| error.to_string())?;
                guests.push(match name.to_str() {
                    Some("pv") => Guest::Pv,
                    Some("hvm") => Guest::Hvm,
                    Some("arm") => Guest::Arm,
                    _ => return Err(format!("there is no kind of guest {name:?}")),
                });
            }
            Short('h') | Long("help") => return Ok(None),
            Value(value) if word.is_none() => {
                word = Some(value.to_string_lossy().to_lowercase());
            }
            other => return Err(other.unexpected().to_string()),
        }
    }
    if guests.is_empty() {
        guests = Guest::ALL.to_vec();
    }
    Ok(Some(Request {
        guests,
        word: word.unwrap_or_default(),
    }))
}

/// The name of the hypercall that an operation belongs to.
fn hypercall(operation: Operation) -> Operation {
    operation.parent().map_or(operation, hypercall)
}

/// The matrix of a kind of guest.
fn matrix(guest: Guest, word: &str) -> String {
    let columns: Vec<(Release, Option<Xen<Simulated>>)> = Release::ALL
        .iter()
        .map(|&release| {
            let xen = Simulated::exists(release, guest).then(|| {
                Xen::probe(Simulated::new(release, guest))
                    .expect("a simulated hypervisor answers a probe")
            });
            (release, xen)
        })
        .collect();
    let rows: Vec<Operation> = Operation::all()
        .filter(|operation| matches!(operation.kind(), Kind::Hypercall | Kind::Op))
        .filter(|&operation| {
            let has = |operation: Operation| operation.name().to_lowercase().contains(word);
            has(operation) || has(hypercall(operation))
        })
        .collect();
    let mut text = format!("{guest}\n");
    let width = rows.iter().map(|row| row.name().len() + 2).max();
    let width = width.unwrap_or(0);
    // The releases' names, downwards.
    let names: Vec<String> = columns.iter().map(|(name, _)| name.to_string()).collect();
    for line in 0..names.iter().map(String::len).max().unwrap_or(0) {
        let letters = names
            .iter()
            .map(|name| name.chars().nth(line).unwrap_or(' '));
        let letters = letters
            .map(|letter| format!(" {letter}"))
            .collect::<String>();
        let _ = writeln!(text, "{:width$}{}", "", letters.trim_end());
    }
    let (mut direct, mut fallback, mut unsupported) = (0, 0, 0);
    for operation in rows {
        let indent = if operation.parent().is_some() {
            "  "
        } else {
            ""
        };
        let _ = write!(text, "{:width$}", format!("{indent}{operation}"));
        let cells = columns.iter().map(|(_, xen)| match xen {
            None => "  ",
            Some(xen) => match xen.plan(operation) {
                Plan::Direct => {
                    direct += 1;
                    " D"
                }
                Plan::Fallback(_) => {
                    fallback += 1;
                    " f"
                }
                _ => {
                    unsupported += 1;
                    " ."
                }
            },
        });
        let cells = cells.collect::<String>();
        let _ = writeln!(text, "{}", cells.trim_end());
    }
    let _ = writeln!(
        text,
        "{direct} direct, {fallback} by an older way, {unsupported} not at all\n"
    );
    text
}
