//! Prints what the types and constants of `xen-public` are on the host this program is compiled for.
//!
//! Without an argument it prints every row of every layout table, one a line; two hosts agree if their
//! outputs are the same bytes. With `digest` it prints a few digests a header instead, for a host that is
//! interpreted and would take minutes to print all rows. `cargo xtask hosts` reads both.

mod digest;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use digest::Digest;
use xen_public::layout::{self, Alias, Constant, Kind, Record, Tables, Value};

fn main() -> ExitCode {
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut all = layout::all().chain(layout::compat());
    let done = match std::env::args().nth(1).as_deref() {
        None => all.try_for_each(|tables| rows(tables, &mut out)),
        Some("digest") => all.try_for_each(|tables| digests(tables, &mut out)),
        Some(other) => {
            eprintln!("layout-dump: `{other}` is neither `digest` nor nothing");
            return ExitCode::from(2);
        }
    };
    match done.and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("layout-dump: cannot write: {error}");
            ExitCode::FAILURE
        }
    }
}

fn title(tables: &Tables, out: &mut impl Write) -> io::Result<()> {
    let mode = if tables.toolstack { "tools" } else { "guest" };
    write!(out, "table {} {} {mode}", tables.release, tables.abi)?;
    match tables.interface {
        Some(version) => writeln!(out, " {version:#010x}"),
        None => writeln!(out, " newest"),
    }
}

fn keyword(record: &Record) -> &'static str {
    match record.kind {
        Kind::Struct => "struct",
        Kind::Union => "union",
    }
}

fn rows(tables: &Tables, out: &mut impl Write) -> io::Result<()> {
    title(tables, out)?;
    for r in tables.records {
        let kind = keyword(r);
        writeln!(
            out,
            "{kind} {} {} {} {} {}",
            r.header, r.name, r.size, r.align, r.base
        )?;
        for f in r.fields {
            writeln!(out, "field {} {} {}", f.name, f.offset, f.size)?;
        }
        for b in r.bitfields {
            writeln!(out, "bits {} {} {} {}", b.name, b.storage, b.bit, b.width)?;
        }
    }
    for Alias {
        name, header, size, ..
    } in tables.aliases
    {
        writeln!(out, "alias {header} {name} {size}")?;
    }
    for Constant {
        name,
        header,
        value,
    } in tables.constants
    {
        let ty = value.type_name();
        match value {
            Value::Str(text) => writeln!(out, "const {header} {name} {ty} {text:?}")?,
            number => {
                let number = number.as_i128().unwrap_or_default();
                writeln!(out, "const {header} {name} {ty} {number}")?;
            }
        }
    }
    Ok(())
}

/// One line a header for the numbers of its records, one for those of its aliases and one for those of
/// its constants. The names are not in it: they are the source's, whatever the host.
fn digests(tables: &Tables, out: &mut impl Write) -> io::Result<()> {
    title(tables, out)?;
    let mut rest = tables.records;
    while let Some((first, here)) = run(&mut rest, |record| record.header) {
        let mut digest = Digest::EMPTY;
        for record in here {
            for number in [record.size, record.align, record.base] {
                digest.number(number as i128);
            }
            for field in record.fields {
                digest.number(field.offset as i128);
                digest.number(field.size as i128);
            }
        }
        writeln!(out, "records {first} {:016x}", digest.value())?;
    }
    let mut rest = tables.aliases;
    while let Some((first, here)) = run(&mut rest, |alias| alias.header) {
        let mut digest = Digest::EMPTY;
        for alias in here {
            digest.number(alias.size as i128);
        }
        writeln!(out, "aliases {first} {:016x}", digest.value())?;
    }
    let mut rest = tables.constants;
    while let Some((first, here)) = run(&mut rest, |constant| constant.header) {
        let mut digest = Digest::EMPTY;
        for constant in here {
            digest.text(constant.value.type_name());
            match constant.value {
                Value::Str(text) => digest.number(text.len() as i128),
                number => digest.number(number.as_i128().unwrap_or_default()),
            }
        }
        writeln!(out, "constants {first} {:016x}", digest.value())?;
    }
    Ok(())
}

/// Cuts the entries of one header off the front.
fn run<'t, T>(
    rest: &mut &'t [T],
    header: impl Fn(&T) -> &'static str,
) -> Option<(&'static str, &'t [T])> {
    let first = header(rest.first()?);
    let end = rest.iter().position(|entry| header(entry) != first);
    let (here, after) = rest.split_at(end.unwrap_or(rest.len()));
    *rest = after;
    Some((first, here))
}
