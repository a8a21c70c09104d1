//! What the layout-dump program prints, read back: the rows of all tables, their digests, the rows on
//! which two hosts differ, and a copy with three figures wrong.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};

#[path = "../../../abi-tests/layout-dump/src/digest.rs"]
mod digest;

use digest::Digest;

/// The output of the program without an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    /// The tables in the program's order.
    pub tables: Vec<Table>,
}

/// One ABI, of the guest or of a toolstack release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The release, such as `4.20`.
    pub release: String,
    /// The ABI's module name.
    pub abi: String,
    /// A toolstack release's, not the guest's.
    pub tools: bool,
    /// The interface version, if it is not the newest.
    pub interface: Option<u32>,
    /// Rows in the program's order.
    pub rows: Vec<Row>,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Row {
    /// A struct or union; its fields and bitfields follow.
    Record {
        union: bool,
        header: String,
        name: String,
        size: u64,
        align: u64,
        base: u64,
    },
    /// A field of the record above.
    Field {
        name: String,
        offset: u64,
        size: u64,
    },
    /// A bitfield of the record above.
    Bits {
        name: String,
        storage: String,
        bit: u64,
        width: u64,
    },
    /// A typedef, enum or guest handle.
    Alias {
        header: String,
        name: String,
        size: u64,
    },
    /// A constant: Rust type and Rust literal.
    Constant {
        header: String,
        name: String,
        ty: String,
        value: String,
    },
}

/// The things that the seeded errors change.
pub const SEEDS: [&str; 3] = ["an offset", "a size", "a constant"];

impl Table {
    /// How the program and people call it: `4.20 x86_32 guest newest`.
    pub fn title(&self) -> String {
        let mode = if self.tools { "tools" } else { "guest" };
        let interface = match self.interface {
            Some(version) => format!("{version:#010x}"),
            None => "newest".into(),
        };
        format!("{} {} {mode} {interface}", self.release, self.abi)
    }
}

impl Dump {
    /// Reads the program's output.
    ///
    /// # Errors
    /// A line that is not of this form, with its number.
    pub fn parse(text: &str) -> Result<Self> {
        let mut tables: Vec<Table> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let here = || format!("line {} of layout-dump's output, `{line}`", index + 1);
            let (word, rest) = line.split_once(' ').with_context(here)?;
            if word == "table" {
                tables.push(table(rest).with_context(here)?);
                continue;
            }
            let row = row(word, rest).with_context(here)?;
            tables.last_mut().with_context(here)?.rows.push(row);
        }
        if tables.is_empty() {
            bail!("layout-dump printed no table");
        }
        Ok(Self { tables })
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.tables.iter().map(|t| t.rows.len()).sum()
    }

    /// The rows of `other` that are not these, each in a line that shows both; at most so many.
    pub fn differences(&self, other: &Self, most: usize) -> Vec<String> {
        let mut found = Vec::new();
        for (index, mine) in self.tables.iter().enumerate() {
            let Some(theirs) = other.tables.get(index) else {
                found.push(format!("{}: no such table", mine.title()));
                continue;
            };
            if mine.title() != theirs.title() {
                found.push(format!("{}: found {}", mine.title(), theirs.title()));
                continue;
            }
            let mut parent = String::new();
            let rows = mine.rows.len().max(theirs.rows.len());
            for at in 0..rows {
                let (a, b) = (mine.rows.get(at), theirs.rows.get(at));
                if let Some(Row::Record { name, .. }) = a {
                    parent.clone_from(name);
                }
                if a != b {
                    let say = |row: Option<&Row>| row.map_or("nothing".into(), |r| r.say(&parent));
                    found.push(format!("{}: {}, not {}", mine.title(), say(b), say(a)));
                }
            }
        }
        for extra in other.tables.iter().skip(self.tables.len()) {
            found.push(format!("{}: an unexpected table", extra.title()));
        }
        let more = found.len().saturating_sub(most);
        found.truncate(most);
        if more > 0 {
            found.push(format!("and {more} more"));
        }
        found
    }

    /// What the program prints if it is asked for digests.
    pub fn digests(&self) -> String {
        let mut text = String::new();
        for table in &self.tables {
            let _ = writeln!(text, "table {}", table.title());
            let mut open: Option<(&str, &str, Digest)> = None;
            for row in &table.rows {
                let (group, header) = match row {
                    Row::Record { header, .. } => ("records", header.as_str()),
                    Row::Alias { header, .. } => ("aliases", header.as_str()),
                    Row::Constant { header, .. } => ("constants", header.as_str()),
                    // They belong to the record above.
                    Row::Field { .. } | Row::Bits { .. } => open.map_or(("", ""), |o| (o.0, o.1)),
                };
                if open.is_none_or(|(g, h, _)| (g, h) != (group, header)) {
                    close(open, &mut text);
                    open = Some((group, header, Digest::EMPTY));
                }
                if let Some((.., digest)) = &mut open {
                    row.digest(digest);
                }
            }
            close(open, &mut text);
        }
        text
    }

    /// A copy in which one offset, one size and one constant of the first table are wrong, and where:
    /// the record or constant of each of [`SEEDS`].
    ///
    /// # Errors
    /// The table has nothing to change.
    pub fn seeded(&self) -> Result<(Self, [String; 3])> {
        let mut copy = self.clone();
        let subjects = [
            copy.seed_offset().context("seeding an offset")?,
            copy.seed_size().context("seeding a size")?,
            copy.seed_constant().context("seeding a constant")?,
        ];
        Ok((copy, subjects))
    }

    /// Three copies, each with one of the [`SEEDS`].
    ///
    /// # Errors
    /// The table has nothing to change.
    pub fn seeded_singly(&self) -> Result<[Self; 3]> {
        let mut copies = [self.clone(), self.clone(), self.clone()];
        copies[0].seed_offset().context("seeding an offset")?;
        copies[1].seed_size().context("seeding a size")?;
        copies[2].seed_constant().context("seeding a constant")?;
        Ok(copies)
    }

    /// The first field that is not at its record's beginning moves by 4; the record's name.
    fn seed_offset(&mut self) -> Result<String> {
        let mut parent = String::new();
        for row in &mut self.tables[0].rows {
            match row {
                Row::Record { name, .. } => parent.clone_from(name),
                Row::Field { offset, .. } if *offset > 0 => {
                    *offset += 4;
                    return Ok(parent);
                }
                _ => {}
            }
        }
        bail!("no field stands behind another")
    }

    /// The last record grows by 8; its name.
    fn seed_size(&mut self) -> Result<String> {
        for row in self.tables[0].rows.iter_mut().rev() {
            if let Row::Record { name, size, .. } = row {
                *size += 8;
                return Ok(name.clone());
            }
        }
        bail!("there is no record")
    }

    /// The first `i32` changes its lowest bit; its name.
    fn seed_constant(&mut self) -> Result<String> {
        for row in &mut self.tables[0].rows {
            match row {
                Row::Constant {
                    name, ty, value, ..
                } if ty == "i32" => {
                    let number: i32 = value.parse().context("an i32 that is no number")?;
                    *value = (number ^ 1).to_string();
                    return Ok(name.clone());
                }
                _ => {}
            }
        }
        bail!("there is no i32")
    }
}

fn close(open: Option<(&str, &str, Digest)>, text: &mut String) {
    if let Some((group, header, digest)) = open {
        let _ = writeln!(text, "{group} {header} {:016x}", digest.value());
    }
}

impl Row {
    /// The row in words; `parent` is the record above it.
    fn say(&self, parent: &str) -> String {
        match self {
            Self::Record {
                union,
                name,
                size,
                align,
                base,
                ..
            } => {
                let kind = if *union { "union" } else { "struct" };
                format!("{kind} {name} of {size} bytes aligned to {align} at {base}")
            }
            Self::Field { name, offset, size } => {
                format!("{parent}.{name} at {offset} of {size} bytes")
            }
            Self::Bits {
                name, bit, width, ..
            } => format!("{parent}.{name} of {width} bits from bit {bit}"),
            Self::Alias { name, size, .. } => format!("{name} of {size} bytes"),
            Self::Constant {
                name, ty, value, ..
            } => format!("{name} = {value} ({ty})"),
        }
    }

    fn digest(&self, digest: &mut Digest) {
        let mut number = |n: u64| digest.number(i128::from(n));
        match self {
            Self::Record {
                size, align, base, ..
            } => {
                number(*size);
                number(*align);
                number(*base);
            }
            Self::Field { offset, size, .. } => {
                number(*offset);
                number(*size);
            }
            Self::Bits { .. } => {}
            Self::Alias { size, .. } => number(*size),
            Self::Constant { ty, value, .. } => {
                digest.text(ty);
                // A string counts by its length.
                let number = match syn::parse_str::<syn::LitStr>(value) {
                    Ok(text) => text.value().len() as i128,
                    Err(_) => value.parse().unwrap_or_default(),
                };
                digest.number(number);
            }
        }
    }
}

fn table(text: &str) -> Result<Table> {
    let [release, abi, mode, interface] = words(text)?;
    let interface = match (interface, interface.strip_prefix("0x")) {
        ("newest", _) => None,
        (_, Some(digits)) => Some(u32::from_str_radix(digits, 16)?),
        (other, None) => bail!("`{other}` is neither `newest` nor a version"),
    };
    let tools = match mode {
        "guest" => false,
        "tools" => true,
        other => bail!("`{other}` is neither `guest` nor `tools`"),
    };
    Ok(Table {
        release: release.into(),
        abi: abi.into(),
        tools,
        interface,
        rows: Vec::new(),
    })
}

fn row(word: &str, text: &str) -> Result<Row> {
    Ok(match word {
        "struct" | "union" => {
            let [header, name, size, align, base] = words(text)?;
            Row::Record {
                union: word == "union",
                header: header.into(),
                name: name.into(),
                size: size.parse()?,
                align: align.parse()?,
                base: base.parse()?,
            }
        }
        "field" => {
            let [name, offset, size] = words(text)?;
            Row::Field {
                name: name.into(),
                offset: offset.parse()?,
                size: size.parse()?,
            }
        }
        "bits" => {
            let [name, storage, bit, width] = words(text)?;
            Row::Bits {
                name: name.into(),
                storage: storage.into(),
                bit: bit.parse()?,
                width: width.parse()?,
            }
        }
        "alias" => {
            let [header, name, size] = words(text)?;
            Row::Alias {
                header: header.into(),
                name: name.into(),
                size: size.parse()?,
            }
        }
        "const" => {
            let [header, name, ty, value] = words(text)?;
            Row::Constant {
                header: header.into(),
                name: name.into(),
                ty: ty.into(),
                value: value.into(),
            }
        }
        other => bail!("`{other}` is no kind of row"),
    })
}

/// So many words; the last one is all the rest.
fn words<const N: usize>(text: &str) -> Result<[&str; N]> {
    let found: Vec<&str> = text.splitn(N, ' ').collect();
    match found.try_into() {
        Ok(words) => Ok(words),
        Err(found) => bail!("{} words, not {N}", found.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "table 4.20 x86_32 guest newest\n\
        struct xen.h a 8 4 0\n\
        field x 0 4\n\
        field y 4 4\n\
        struct xen.h b 4 4 0\n\
        bits low _bits_0x00 0 3\n\
        alias xen.h c 2\n\
        const xen.h N i32 -5\n\
        const xen.h S &str \"two words\"\n";

    #[test]
    fn differences_name_row_and_both_figures() {
        let dump = Dump::parse(TEXT).unwrap();
        assert_eq!(dump.rows(), 8);
        assert!(dump.differences(&dump, 9).is_empty());
        let other = Dump::parse(&TEXT.replace("field y 4 4", "field y 8 4")).unwrap();
        assert_eq!(
            dump.differences(&other, 9),
            ["4.20 x86_32 guest newest: a.y at 8 of 4 bytes, not a.y at 4 of 4 bytes"]
        );
        let shorter = Dump::parse(&TEXT.replace("const xen.h N i32 -5\n", "")).unwrap();
        assert_eq!(dump.differences(&shorter, 1)[1], "and 1 more");
    }

    #[test]
    fn seeds_are_three_rows_apart() {
        let dump = Dump::parse(TEXT).unwrap();
        let (seeded, places) = dump.seeded().unwrap();
        assert_eq!(places, ["a", "b", "N"]);
        assert_eq!(seeded.differences(&dump, 9).len(), 3);
        let changed = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let (old, new) = (changed(&dump.digests()), changed(&seeded.digests()));
        assert_eq!(old.len(), 4);
        assert_eq!(old.iter().zip(&new).filter(|(a, b)| a != b).count(), 2);
    }

    #[test]
    fn what_is_no_row_is_refused() {
        for (bad, why) in [
            ("", "no table"),
            ("struct xen.h a 8 4 0", "line 1"),
            ("table 4.20 x86_32 kernel newest", "`kernel`"),
            ("table 4.20 x86_32 guest 5", "neither `newest`"),
            ("table 4.20 x86_32 guest newest\nfield x 1", "2 words"),
            ("table 4.20 x86_32 guest newest\nenum x 1", "no kind of row"),
        ] {
            let error = format!("{:#}", Dump::parse(bad).unwrap_err());
            assert!(error.contains(why), "{error}");
        }
    }
}
