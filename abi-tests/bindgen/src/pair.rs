//! Which of bindgen's items is which of ours, as rows to compile and as findings.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use xen_public::layout::{Alias, Constant, Field, Record, Tables, Value};

use crate::model::{self, Module};

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum About {
    /// A struct, union, typedef, enum or guest handle.
    Type,
    /// A member, bitfields included.
    Field,
    /// An object-like macro or an enumerator.
    Constant,
}

/// A difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Of what.
    pub about: About,
    /// The name; `record.member` for a field.
    pub name: String,
    /// What differs.
    pub what: What,
}

/// The ways to differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// bindgen has no such thing.
    NotInBindgen,
    /// We have no such thing.
    NotInOurs,
    /// The same bits, but bindgen takes them for a negative number.
    Sign,
    /// Other values: ours and bindgen's, or what rustc said.
    Value(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let about = match self.about {
            About::Type => "type",
            About::Field => "field",
            About::Constant => "constant",
        };
        write!(f, "{about} {} {}", self.name, self.what)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInBindgen => f.write_str("not-in-bindgen"),
            Self::NotInOurs => f.write_str("not-in-ours"),
            Self::Sign => f.write_str("sign"),
            Self::Value(text) => f.write_str(text),
        }
    }
}

/// A claim on bindgen's output, for rustc.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is about.
    pub about: About,
    /// The name.
    pub name: String,
    /// A Rust expression that is true.
    pub claim: String,
}

impl Row {
    /// The record or alias that it is about.
    pub fn record(&self) -> &str {
        self.name.split('.').next().unwrap_or_default()
    }
}

/// One table against one output.
#[derive(Clone, Debug, Default)]
pub struct Pairs {
    /// What rustc has to confirm.
    pub rows: Vec<Row>,
    /// What needs no rustc to be seen.
    pub findings: BTreeSet<Finding>,
    /// How many types, fields and constants were paired.
    pub paired: Paired,
    /// bindgen's items that a guest sees too, which only the guest's table has to have.
    pub guests: usize,
}

/// Counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Paired {
    pub types: usize,
    pub fields: usize,
    pub constants: usize,
}

/// Pairs a table with bindgen's output for the same headers and mode. `guest` is its output for a guest
/// of that release, if the table is a toolstack's: it holds what is not the same there.
pub fn pair(tables: &Tables, theirs: &Module, guest: Option<&Module>) -> Pairs {
    let mut pairing = Pairing {
        ours: tables.records.iter().map(|r| (r.name, r)).collect(),
        theirs,
        pairs: Pairs::default(),
        partner: BTreeMap::new(),
        open: Vec::new(),
        used: BTreeSet::new(),
    };
    pairing.types(tables);
    pairing.constants(tables);
    pairing.left_over(tables, guest);
    pairing.pairs
}

struct Pairing<'a> {
    ours: BTreeMap<&'a str, &'a Record>,
    theirs: &'a Module,
    pairs: Pairs,
    /// bindgen's name of each of our records.
    partner: BTreeMap<&'a str, String>,
    open: Vec<(&'a Record, String)>,
    /// bindgen's records that have a partner.
    used: BTreeSet<String>,
}

impl<'a> Pairing<'a> {
    fn find(&mut self, about: About, name: &str, what: What) {
        let name = name.to_owned();
        self.pairs.findings.insert(Finding { about, name, what });
    }

    fn row(&mut self, about: About, name: &str, claim: String) {
        let name = name.to_owned();
        self.pairs.rows.push(Row { about, name, claim });
    }

    fn types(&mut self, tables: &'a Tables) {
        for record in tables.records {
            if self.theirs.records.contains_key(record.name) {
                self.meet(record, record.name.to_owned());
            }
        }
        while let Some((record, theirs)) = self.open.pop() {
            self.record(record, &theirs);
        }
        for record in tables.records {
            if !self.partner.contains_key(record.name) {
                self.find(About::Type, record.name, What::NotInBindgen);
            }
        }
        for alias in tables.aliases {
            self.alias(alias);
        }
    }

    /// Notes that a record of ours is that one of bindgen's.
    fn meet(&mut self, record: &'a Record, theirs: String) {
        match self.partner.get(record.name) {
            None => {
                self.partner.insert(record.name, theirs.clone());
                self.used.insert(theirs.clone());
                self.open.push((record, theirs));
            }
            Some(known) if *known == theirs => {}
            Some(known) => {
                let what = format!("is both {known} and {theirs} of bindgen's");
                self.find(About::Type, record.name, What::Value(what));
            }
        }
    }

    fn record(&mut self, ours: &'a Record, name: &str) {
        let Some(theirs) = self.theirs.records.get(name) else {
            // A field of a record type for bindgen's alias of one.
            self.find(About::Type, ours.name, What::NotInBindgen);
            return;
        };
        self.pairs.paired.types += 1;
        let (size, align) = (ours.size, ours.align);
        self.row(
            About::Type,
            ours.name,
            format!("size_of::<{name}>() == {size}"),
        );
        self.row(
            About::Type,
            ours.name,
            format!("align_of::<{name}>() == {align}"),
        );
        let mut rest = theirs.fields.iter();
        for field in ours.fields.iter().filter(|f| is_declared(f)) {
            let subject = format!("{}.{}", ours.name, field.name);
            let nameless = field.c.is_empty();
            let found = rest.clone().position(|f| match &f.c {
                Some(c) => !nameless && *c == field.name,
                None => nameless,
            });
            let Some(at) = found else {
                self.find(About::Field, &subject, What::NotInBindgen);
                continue;
            };
            for _ in 0..at {
                let skipped = rest.next();
                self.unknown_field(ours, skipped);
            }
            let Some(their) = rest.next() else { continue };
            self.field(field, &subject, name, their);
        }
        for left in rest {
            self.unknown_field(ours, Some(left));
        }
        self.bits(ours, name, theirs);
    }

    fn unknown_field(&mut self, ours: &Record, field: Option<&model::Field>) {
        if let Some(field) = field {
            let name = format!("{}.{}", ours.name, field.rust);
            self.find(About::Field, &name, What::NotInOurs);
        }
    }

    fn field(&mut self, ours: &Field, subject: &str, record: &str, theirs: &model::Field) {
        self.pairs.paired.fields += 1;
        let (offset, size) = (ours.offset, ours.size);
        let (member, ty) = (&theirs.rust, &theirs.ty);
        let offset = format!("offset_of!({record}, {member}) == {offset}");
        self.row(About::Field, subject, offset);
        self.row(
            About::Field,
            subject,
            format!("size_of::<{ty}>() == {size}"),
        );
        let inner = theirs.record.as_ref().map(|name| self.followed(name));
        if let (Some(ours), Some(inner)) = (self.ours.get(ours.record).copied(), inner) {
            self.meet(ours, inner);
        }
    }

    /// The record at the end of a chain of bindgen's aliases.
    fn followed(&self, name: &str) -> String {
        let mut name = name.to_owned();
        while let Some(next) = self.theirs.aliases.get(&name) {
            match syn::parse_str::<syn::Ident>(next) {
                Ok(ident) => name = ident.to_string(),
                Err(_) => break,
            }
        }
        name
    }

    fn bits(&mut self, ours: &Record, name: &str, theirs: &model::Record) {
        for member in ours.bitfields {
            let subject = format!("{}.{}", ours.name, member.name);
            let Some(their) = theirs.bits.iter().find(|b| b.c == member.name) else {
                self.find(About::Field, &subject, What::NotInBindgen);
                continue;
            };
            self.pairs.paired.fields += 1;
            let (unit, bit, width) = (&their.unit, their.bit, their.width);
            let claim = format!(
                "offset_of!({name}, {unit}) * 8 + {bit} == {} && {width} == {}",
                member.bit, member.width
            );
            self.row(About::Field, &subject, claim);
        }
        for their in &theirs.bits {
            if !ours.bitfields.iter().any(|b| b.name == their.c) {
                let subject = format!("{}.{}", ours.name, their.c);
                self.find(About::Field, &subject, What::NotInOurs);
            }
        }
    }

    fn alias(&mut self, alias: &Alias) {
        let (name, size) = (alias.name, alias.size);
        let handle = alias.ty.starts_with("Handle32") || alias.ty.starts_with("Handle64");
        let known = if handle && self.theirs.records.contains_key(name) {
            self.handle(name);
            // A handle is aligned to its size.
            self.row(About::Type, name, format!("align_of::<{name}>() == {size}"));
            true
        } else {
            self.theirs.aliases.contains_key(name) || self.theirs.records.contains_key(name)
        };
        if known {
            self.pairs.paired.types += 1;
            self.row(About::Type, name, format!("size_of::<{name}>() == {size}"));
        } else {
            self.find(About::Type, name, What::NotInBindgen);
        }
    }

    /// Marks the record that C makes for a guest handle, and the one in it, as known.
    fn handle(&mut self, name: &str) {
        let Some(record) = self.theirs.records.get(name) else {
            return;
        };
        if self.used.insert(name.to_owned()) {
            for field in &record.fields {
                // The field that points: its type is what the handle is for, and no part of it.
                if let Some(inner) = field.record.as_ref().filter(|i| i.starts_with(name)) {
                    self.handle(inner);
                }
            }
        }
    }

    fn constants(&mut self, tables: &Tables) {
        for Constant { name, value, .. } in tables.constants {
            let Some(theirs) = self.theirs.constants.get(*name) else {
                self.find(About::Constant, name, What::NotInBindgen);
                continue;
            };
            self.pairs.paired.constants += 1;
            let what = match (value, theirs) {
                (Value::Str(ours), model::Value::Text(theirs)) => (ours.as_bytes() != theirs)
                    .then(|| What::Value(format!("{ours:?}, not {theirs:?}"))),
                (number, model::Value::Number(theirs)) => compare(*number, *theirs),
                (ours, theirs) => Some(What::Value(format!("{ours:?}, not {theirs:?}"))),
            };
            if let Some(what) = what {
                self.find(About::Constant, name, what);
            }
        }
    }

    /// What bindgen has and we do not.
    fn left_over(&mut self, tables: &Tables, guest: Option<&Module>) {
        let mut left = Vec::new();
        for (name, record) in &self.theirs.records {
            let same = guest.and_then(|g| g.records.get(name)) == Some(record);
            let ours = self.used.contains(name) || record.opaque;
            left.push((About::Type, name, ours, same));
        }
        let aliases: BTreeSet<&str> = tables.aliases.iter().map(|a| a.name).collect();
        for (name, ty) in &self.theirs.aliases {
            let same = guest.and_then(|g| g.aliases.get(name)) == Some(ty);
            // A typedef of a record of that name, or of one that we know by the typedef's name.
            let ours = aliases.contains(name.as_str()) || self.ours.contains_key(name.as_str());
            left.push((About::Type, name, ours, same));
        }
        let constants: BTreeSet<&str> = tables.constants.iter().map(|c| c.name).collect();
        for (name, value) in &self.theirs.constants {
            let same = guest.and_then(|g| g.constants.get(name)) == Some(value);
            left.push((
                About::Constant,
                name,
                constants.contains(name.as_str()),
                same,
            ));
        }
        for (about, name, ours, same) in left {
            if ours {
            } else if same {
                self.pairs.guests += 1;
            } else {
                self.find(about, name, What::NotInOurs);
            }
        }
    }
}

/// Whether a field of ours is one that C declares, and no padding, storage or view of the bytes.
fn is_declared(field: &Field) -> bool {
    !field.c.is_empty() || !field.record.is_empty()
}

fn compare(ours: Value, theirs: i128) -> Option<What> {
    let number = ours.as_i128()?;
    if number == theirs {
        return None;
    }
    let bits = match ours {
        Value::I32(_) | Value::U32(_) => 32,
        Value::U8(_) => 8,
        Value::U16(_) => 16,
        _ => 64,
    };
    let same = (number - theirs).rem_euclid(1 << bits) == 0 && theirs < 0;
    Some(if same {
        What::Sign
    } else {
        What::Value(format!("is {number}, not {theirs}"))
    })
}
