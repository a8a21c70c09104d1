//! Which release of Xen carries out which operation how:
//! `cargo run --example matrix --features simulate -- --guest pv event_channel`.
//!
//! A simulated hypervisor of each release is probed, as a guest would probe a real one, and asked for
//! the way to each operation: by the operation's own hypercall, by an older way, or not at all, where
//! it also tells what only this build leaves out. `--without` and `--with` choose another build.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use xen_abi::hypercall::simulate::{Build, Builder, Simulated, Totals, Way, Ways};
use xen_abi::version::{Guest, Kind, Operation, Release};

const USAGE: &str = "\
usage: matrix [--guest pv|hvm|arm]... [--without FEATURE]... [--with FEATURE]... [WORD]

Prints a line for each operation, with a column for each release of Xen:
    D  by its own hypercall
    f  by an older way
    .  not at all
    -  not at all, since this build leaves it out
and nothing where the release does not run that kind of guest. With a WORD, only operations are shown
that have it in their own name or in their hypercall's. Builds are those of a distribution, as far as
the simulation knows, but --without a FEATURE or --with it:
";

/// What the command line asks for.
struct Request {
    guests: Vec<Guest>,
    /// Features that the build has, or has not, whatever is usual.
    features: Vec<(Build, bool)>,
    word: String,
}

fn main() -> ExitCode {
    match request(std::env::args_os().skip(1)) {
        Ok(Some(request)) => {
            let mut text = String::new();
            for &guest in &request.guests {
                text += &matrix(guest, &request);
            }
            // A reader that closes the pipe early, such as `head`, has seen what it wanted.
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Ok(None) => {
            print!("{}", usage());
            ExitCode::SUCCESS
        }
        Err(complaint) => {
            eprint!("error: {complaint}\n\n{}", usage());
            ExitCode::from(2)
        }
    }
}

/// What a call for help prints.
fn usage() -> String {
    let names: Vec<&str> = Build::ALL.into_iter().map(Build::name).collect();
    format!("{USAGE}    {}\n", names.join(" "))
}

/// Reads the command line; nothing for a call for help.
fn request(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Request>, String> {
    use lexopt::prelude::*;
    let mut parser = lexopt::Parser::from_args(arguments);
    let (mut guests, mut features, mut word) = (Vec::new(), Vec::new(), None);
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
            Long(which @ ("with" | "without")) => {
                let with = which == "with";
                let name = parser.value().map_err(|error| error.to_string())?;
                let feature = name.to_str().and_then(Build::named);
                let feature = feature.ok_or_else(|| format!("there is no feature {name:?}"))?;
                features.push((feature, with));
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
        features,
        word: word.unwrap_or_default(),
    }))
}

/// The name of the hypercall that an operation belongs to.
fn hypercall(operation: Operation) -> Operation {
    operation.parent().map_or(operation, hypercall)
}

/// The matrix of a kind of guest.
fn matrix(guest: Guest, request: &Request) -> String {
    let word = request.word.as_str();
    let columns: Vec<(Release, Option<Ways>)> = Release::ALL
        .iter()
        .map(|&release| {
            let ways = Simulated::exists(release, guest).then(|| {
                let usual = Simulated::builder(release, guest);
                let build = |builder: Builder, &(feature, with): &(Build, bool)| match with {
                    true => builder.with(feature),
                    false => builder.without(feature),
                };
                Ways::of(request.features.iter().fold(usual, build))
            });
            (release, ways)
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
    let mut totals = Totals::default();
    for operation in rows {
        let indent = if operation.parent().is_some() {
            "  "
        } else {
            ""
        };
        let _ = write!(text, "{:width$}", format!("{indent}{operation}"));
        let cells = columns.iter().map(|(_, ways)| {
            let Some(ways) = ways else {
                return "  ";
            };
            let way = ways.to(operation);
            totals.add(way);
            match way {
                Way::Direct => " D",
                Way::Older(_) => " f",
                Way::LeftOut => " -",
                _ => " .",
            }
        });
        let cells = cells.collect::<String>();
        let _ = writeln!(text, "{}", cells.trim_end());
    }
    let _ = writeln!(text, "{totals}\n");
    text
}
