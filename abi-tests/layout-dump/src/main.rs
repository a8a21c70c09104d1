//! Prints what the types and constants of `xen-public` are on the host this program is compiled for.
//!
//! Without an argument it prints every row of every layout table, one a line; two hosts agree if their
//! outputs are the same bytes. With `digest` it prints one digest a header of the guest ABIs instead,
//! for a host that is interpreted and would take minutes to print all rows. `cargo xtask hosts` reads
//! both.

mod digest;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use digest::Digest;
use xen_public::layout::{self, Alias, Constant, Kind, Record, Tables, Value};

fn main() -> ExitCode {
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let done = match std::env::args().nth(1).as_deref() {
        None => layout::all().try_for_each(|tables| rows(tables, &mut out)),
        Some("digest") => layout::all()
            .filter(|tables| !tables.toolstack)
            .try_for_each(|tables| digests(tables, &mut out)),
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
    writeln!(out, "table {} {} {mode}", tables.release, tables.abi)
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

/// One line a header, in the order in which the tables come to a new one.
fn digests(tables: &Tables, out: &mut impl Write) -> io::Result<()> {
    title(tables, out)?;
    let mut made: Vec<(&str, Digest)> = Vec::new();
    for record in tables.records {
        let digest = of(&mut made, record.header);
        digest.text(record.name);
        for number in [record.size, record.align, record.base] {
            digest.number(number as i128);
        }
        for field in record.fields {
            digest.text(field.name);
            digest.number(field.offset as i128);
            digest.number(field.size as i128);
        }
    }
    for alias in tables.aliases {
        let digest = of(&mut made, alias.header);
        digest.text(alias.name);
        digest.number(alias.size as i128);
    }
    for constant in tables.constants {
        let digest = of(&mut made, constant.header);
        digest.text(constant.name);
        digest.text(constant.value.type_name());
        match constant.value {
            Value::Str(text) => digest.text(text),
            number => digest.number(number.as_i128().unwrap_or_default()),
        }
    }
    for (header, digest) in made {
        writeln!(out, "header {header} {:016x}", digest.value())?;
    }
    Ok(())
}

/// The digest of a header, which tables mostly come to many times in a row.
fn of<'a, 'h>(made: &'a mut Vec<(&'h str, Digest)>, header: &'h str) -> &'a mut Digest {
    let place = match made.iter().rposition(|(h, _)| *h == header) {
        Some(place) => place,
        None => {
            made.push((header, Digest::EMPTY));
            made.len() - 1
        }
    };
    &mut made[place].1
}
