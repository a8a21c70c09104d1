//! A layout table as single claims, each beside C source that says the same.
//!
//! One claim is one line of C: a constant object whose bytes are C's answer. Sizes, alignments, offsets,
//! values and type codes are 64-bit numbers; a string is an array of `char`; a bitfield member is an
//! object of its record with that member all ones, whose bytes show which bits it has.

use std::collections::HashMap;
use std::fmt;

use anyhow::{Context, Result, bail};
use xen_public::layout::{Alias, Bitfield, Constant, Field, Kind, Record, Tables, Value};
use xtask::headers::{ABIS, Abi};

use crate::ctypes;

/// What a claim is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Ask {
    Size,
    Alignment,
    Offset,
    /// That a field of no bytes is a flexible array in C.
    Flexible,
    /// The type of a field, an alias or a constant.
    Type,
    Value,
    Text,
    /// The bits of a bitfield member.
    Bits,
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Size => "size",
            Self::Alignment => "alignment",
            Self::Offset => "offset",
            Self::Flexible => "flexible",
            Self::Type => "type",
            Self::Value => "value",
            Self::Text => "text",
            Self::Bits => "bits",
        })
    }
}

/// What Rust says, in the form in which C's answer is compared with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// This number (a negative one as its 64-bit two's complement).
    Number(u64),
    /// One of these type codes.
    Code {
        /// The Rust type.
        rust: String,
        /// The codes that agree with it.
        codes: Vec<u8>,
    },
    /// C's `true`: the type is the one of this record.
    Same(String),
    /// These bytes, followed by a NUL.
    Text(&'static str),
    /// Exactly these bits, counted as on a little-endian machine.
    Mask {
        /// The first bit.
        bit: usize,
        /// The number of bits.
        width: usize,
    },
}

impl Want {
    /// Whether an object with these bytes agrees.
    pub fn agrees(&self, c: &[u8]) -> bool {
        match self {
            Self::Number(want) => number(c) == Some(*want),
            Self::Code { codes, .. } => {
                number(c).is_some_and(|code| codes.iter().any(|c| u64::from(*c) == code))
            }
            Self::Same(_) => number(c) == Some(1),
            Self::Text(want) => c.split_last() == Some((&0, want.as_bytes())),
            Self::Mask { bit, width } => {
                bit + width <= c.len() * 8
                    && (0..c.len() * 8)
                        .all(|b| (c[b / 8] >> (b % 8) & 1 == 1) == (*bit..bit + width).contains(&b))
            }
        }
    }

    /// C's answer in words.
    pub fn describe(&self, c: &[u8]) -> String {
        match (self, number(c)) {
            (Self::Number(_), Some(n)) => say_number(n),
            (Self::Code { .. }, Some(code)) => ctypes::describe(code),
            (Self::Same(_), Some(_)) => "another type".into(),
            (Self::Text(_), _) => format!("{:?}", String::from_utf8_lossy(c)),
            (Self::Mask { .. }, _) => {
                let set: Vec<usize> = (0..c.len() * 8)
                    .filter(|b| c[b / 8] >> (b % 8) & 1 == 1)
                    .collect();
                match (set.first(), set.last()) {
                    (Some(first), Some(last)) if last - first + 1 == set.len() => {
                        format!("{} from bit {first}", set.len())
                    }
                    _ => format!("bits {set:?}"),
                }
            }
            (_, None) => format!("{} bytes {c:02x?}", c.len()),
        }
    }
}

impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(n) => f.write_str(&say_number(*n)),
            Self::Code { rust, .. } => f.write_str(rust),
            Self::Same(record) => f.write_str(record),
            Self::Text(text) => write!(f, "{:?}", format!("{text}\0")),
            Self::Mask { bit, width } => write!(f, "{width} from bit {bit}"),
        }
    }
}

/// A 64-bit little-endian object as a number.
fn number(c: &[u8]) -> Option<u64> {
    c.try_into().ok().map(u64::from_le_bytes)
}

/// Small numbers in decimal, others in hexadecimal too.
fn say_number(n: u64) -> String {
    if n < 0x1_0000 {
        n.to_string()
    } else {
        format!("{n} ({n:#x})")
    }
}

/// One claim.
#[derive(Clone, Debug)]
pub struct Row {
    /// The record, `record.field`, alias or constant.
    pub subject: String,
    /// What about it.
    pub ask: Ask,
    /// What Rust says.
    pub want: Want,
    /// The C type of the object that answers, with `@` for its name.
    object: String,
    /// Its initialiser.
    init: String,
}

impl Row {
    /// The C definition of the object that answers this row, under that name, in one line.
    pub fn c(&self, name: &str) -> String {
        format!("const {} = {};", self.object.replace('@', name), self.init)
    }

    fn number(subject: &str, ask: Ask, want: Want, init: String) -> Self {
        Self {
            subject: subject.to_owned(),
            ask,
            want,
            object: "unsigned long long @".into(),
            init,
        }
    }
}

/// The macros that the rows' C source uses.
pub fn macros() -> String {
    let mut text = ctypes::macros();
    text += "#define ORACLE_VALUE(x) __builtin_choose_expr(__builtin_classify_type(x) == 5, \
             (unsigned long long)(__UINTPTR_TYPE__)(x), (unsigned long long)(x))\n";
    text += "#define ORACLE_IS(a, b) __builtin_types_compatible_p(a, b)\n";
    text += "#define ORACLE_FLEXIBLE(e, m) (ORACLE_IS(__typeof__(m), __typeof__(e)[0]) \
             || (ORACLE_IS(__typeof__(m), __typeof__(e)[1]) && ORACLE_IS(__typeof__(m), __typeof__(e)[2])))\n";
    text
}

/// The ABI of a table.
///
/// # Errors
/// A name that is no ABI.
pub fn abi(tables: &Tables) -> Result<Abi> {
    match ABIS.into_iter().find(|abi| abi.module() == tables.abi) {
        Some(abi) => Ok(abi),
        None => bail!("the layout table names an unknown ABI `{}`", tables.abi),
    }
}

/// All claims of a table.
///
/// # Errors
/// A Rust type in the table that the table itself does not explain, with the field or alias.
pub fn of(tables: &Tables) -> Result<Vec<Row>> {
    let names = Names::new(tables)?;
    let mut rows = Vec::new();
    for record in tables.records {
        names.record(record, &mut rows)?;
    }
    for alias in tables.aliases {
        names.alias(alias, &mut rows)?;
    }
    for constant in tables.constants {
        names.constant(constant, &mut rows);
    }
    Ok(rows)
}

/// The tables whose types a table mentions, the one that counts most last: a table of an older interface
/// version holds only what is switched there, and takes the rest from the next newer one that has it.
fn sources(tables: &Tables) -> Vec<&Tables> {
    let mut newer: Vec<&Tables> = xen_public::layout::compat()
        .filter(|t| t.abi == tables.abi && t.interface > tables.interface)
        .collect();
    if tables.interface.is_none() {
        return vec![tables];
    }
    newer.sort_by_key(|t| std::cmp::Reverse(t.interface));
    let newest = xen_public::abi::TABLES.iter().copied();
    newest
        .filter(|t| t.abi == tables.abi)
        .chain(newer)
        .chain([tables])
        .collect()
}

/// A Rust type as the table writes it, followed to its end.
pub(crate) enum Type<'a> {
    Integer(&'a str),
    Record(&'a Record),
    Handle,
}

/// The types that a table explains, by name.
pub(crate) struct Names<'a> {
    abi: Abi,
    /// The records.
    pub(crate) records: HashMap<&'a str, &'a Record>,
    aliases: HashMap<&'a str, &'a Alias>,
}

impl<'a> Names<'a> {
    pub(crate) fn new(tables: &Tables) -> Result<Self> {
        let mut names = Self {
            abi: abi(tables)?,
            records: HashMap::new(),
            aliases: HashMap::new(),
        };
        for source in sources(tables) {
            let records = source.records.iter().map(|r| (r.name, r));
            names.records.extend(records);
            let aliases = source.aliases.iter().map(|a| (a.name, a));
            names.aliases.extend(aliases);
        }
        Ok(names)
    }

    fn record(&self, record: &Record, rows: &mut Vec<Row>) -> Result<()> {
        let c = record.c;
        if record.named {
            let size = Want::Number(record.size as u64);
            rows.push(Row::number(
                record.name,
                Ask::Size,
                size,
                format!("sizeof({c})"),
            ));
            let align = Want::Number(record.align as u64);
            rows.push(Row::number(
                record.name,
                Ask::Alignment,
                align,
                format!("_Alignof({c})"),
            ));
        }
        for field in record.fields.iter().filter(|f| !f.c.is_empty()) {
            self.field(record, field, rows)
                .with_context(|| format!("field `{}` of `{}`", field.name, record.name))?;
        }
        for member in record.bitfields {
            rows.push(bitfield(record, member));
        }
        Ok(())
    }

    fn field(&self, record: &Record, field: &Field, rows: &mut Vec<Row>) -> Result<()> {
        let (c, m) = (record.c, field.c);
        let subject = format!("{}.{}", record.name, field.name);
        let offset = Want::Number((record.base + field.offset) as u64);
        let member = format!("(({c} *)0)->{m}");
        rows.push(Row::number(
            &subject,
            Ask::Offset,
            offset,
            format!("__builtin_offsetof({c}, {m})"),
        ));
        let (ty, dimensions) = self.resolve(field.ty)?;
        let element = format!("{member}{}", "[0]".repeat(dimensions));
        if field.size > 0 || dimensions == 0 {
            let size = Want::Number(field.size as u64);
            rows.push(Row::number(
                &subject,
                Ask::Size,
                size,
                format!("sizeof({member})"),
            ));
        } else {
            let init = format!("ORACLE_FLEXIBLE({member}[0], {member})");
            rows.push(Row::number(&subject, Ask::Flexible, Want::Number(1), init));
        }
        rows.push(self.type_row(&subject, field.ty, &ty, &element));
        Ok(())
    }

    /// That the C expression has the C type that a Rust type stands for.
    fn type_row(&self, subject: &str, rust: &str, ty: &Type<'_>, expression: &str) -> Row {
        let code = |codes| Want::Code {
            rust: rust.to_owned(),
            codes,
        };
        let want = match ty {
            Type::Integer(name) => {
                code(ctypes::of_rust(name, self.abi).expect("resolved as an integer"))
            }
            Type::Handle => code(ctypes::of_handle()),
            Type::Record(r) if r.named => {
                let init = format!("ORACLE_IS(__typeof__({expression}), {})", r.c);
                return Row::number(subject, Ask::Type, Want::Same(rust.to_owned()), init);
            }
            Type::Record(r) => code(ctypes::of_record(r.kind == Kind::Union)),
        };
        Row::number(
            subject,
            Ask::Type,
            want,
            format!("ORACLE_CODE({expression})"),
        )
    }

    fn alias(&self, alias: &Alias, rows: &mut Vec<Row>) -> Result<()> {
        let (ty, dimensions) = self
            .resolve(alias.ty)
            .with_context(|| format!("alias `{}`", alias.name))?;
        let c = alias.c;
        let size = Want::Number(alias.size as u64);
        rows.push(Row::number(
            alias.name,
            Ask::Size,
            size,
            format!("sizeof({c})"),
        ));
        let element = format!("(*({c} *)0){}", "[0]".repeat(dimensions));
        rows.push(self.type_row(alias.name, alias.ty, &ty, &element));
        Ok(())
    }

    fn constant(&self, constant: &Constant, rows: &mut Vec<Row>) {
        let name = constant.name;
        if let Value::Str(text) = constant.value {
            rows.push(Row {
                subject: name.to_owned(),
                ask: Ask::Text,
                want: Want::Text(text),
                object: "char @[]".into(),
                init: name.to_owned(),
            });
            return;
        }
        let rust = constant.value.type_name();
        let codes = ctypes::of_rust(rust, self.abi).expect("every number is an integer type");
        let want = Want::Code {
            rust: rust.to_owned(),
            codes,
        };
        rows.push(Row::number(
            name,
            Ask::Type,
            want,
            format!("ORACLE_CODE({name})"),
        ));
        let value = constant.value.as_i128().expect("strings are done above");
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let want = Want::Number(value as u64);
        rows.push(Row::number(
            name,
            Ask::Value,
            want,
            format!("ORACLE_VALUE({name})"),
        ));
    }

    /// Follows a Rust type through arrays and aliases; also how many dimensions were passed.
    pub(crate) fn resolve(&self, written: &'a str) -> Result<(Type<'a>, usize)>
    where
        Self: 'a,
    {
        let mut ty = written.trim();
        let mut dimensions = 0;
        // Longer chains than this one would be a circle.
        for _ in 0..32 {
            if let Some(inner) = ty.strip_prefix('[') {
                let end = inner
                    .rfind(';')
                    .with_context(|| format!("`{written}` is no array type"))?;
                ty = inner[..end].trim();
                dimensions += 1;
                continue;
            }
            let path = ty.split('<').next().unwrap_or(ty);
            let name = path.rsplit("::").next().unwrap_or(path);
            let name = name.strip_prefix("r#").unwrap_or(name);
            if ctypes::of_rust(name, self.abi).is_some() {
                return Ok((Type::Integer(name), dimensions));
            }
            if name == "Handle32" || name == "Handle64" {
                return Ok((Type::Handle, dimensions));
            }
            if let Some(record) = self.records.get(name) {
                return Ok((Type::Record(record), dimensions));
            }
            match self.aliases.get(name) {
                Some(alias) => ty = alias.ty.trim(),
                None => bail!("the layout table has no type `{name}` (written `{written}`)"),
            }
        }
        bail!("the aliases behind `{written}` never end")
    }
}

fn bitfield(record: &Record, member: &Bitfield) -> Row {
    Row {
        subject: format!("{}.{}", record.name, member.name),
        ask: Ask::Bits,
        want: Want::Mask {
            bit: record.base * 8 + member.bit,
            width: member.width,
        },
        object: format!("{} @", record.c),
        init: format!("{{ .{} = -1 }}", member.c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks() {
        let want = Want::Mask { bit: 5, width: 4 };
        assert!(want.agrees(&[0xe0, 0x01]));
        assert!(!want.agrees(&[0xe0, 0x03]));
        assert!(!want.agrees(&[0xe0]));
        assert_eq!(want.describe(&[0xe0, 0x03]), "5 from bit 5");
        assert_eq!(want.describe(&[0x05]), "bits [0, 2]");
    }

    #[test]
    fn texts_end_in_nul() {
        assert!(Want::Text("vbd").agrees(b"vbd\0"));
        assert!(!Want::Text("vbd").agrees(b"vbd"));
        assert!(!Want::Text("vbd").agrees(b"vbds\0"));
    }
}
