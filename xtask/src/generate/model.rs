//! What the headers say, free of any library: the generator's input and the inventory's.

use std::collections::BTreeMap;

use crate::headers::View;

/// All that one view of the headers declares.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Release, ABI and mode.
    pub view: View,
    /// Items by header (path below `public/`), in source order.
    pub headers: BTreeMap<String, Vec<Item>>,
    /// Object-like macros that are neither values nor types, with what is known of them.
    pub no_values: Vec<NoValue>,
    /// Function-like macros: header and name.
    pub function_macros: Vec<(String, String)>,
    /// Inline functions: header and name.
    pub functions: Vec<(String, String)>,
}

/// An object-like macro without a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoValue {
    /// The header.
    pub header: String,
    /// The macro's name.
    pub name: String,
    /// Whether its body is empty.
    pub empty: bool,
}

/// Something a header declares.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A struct or union.
    Record(Record),
    /// A typedef, an enum or a macro that names a type.
    Alias(Alias),
    /// An enumerator or a macro with a value.
    Constant(Constant),
}

impl Item {
    /// The name it is exported under.
    pub fn name(&self) -> &str {
        match self {
            Self::Record(r) => &r.name,
            Self::Alias(a) => &a.name,
            Self::Constant(c) => &c.name,
        }
    }

    /// Whether it stands among the types, and not among the values.
    pub fn is_type(&self) -> bool {
        !matches!(self, Self::Constant(_))
    }
}

/// A place in the namespace: header and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// The header below `public/`.
    pub header: String,
    /// The name.
    pub name: String,
}

/// A struct or union as the C compiler lays it out.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The name: tag, typedef, or made from the parent's.
    pub name: String,
    /// Union, not struct.
    pub union: bool,
    /// `sizeof`.
    pub size: u64,
    /// `_Alignof`.
    pub align: u64,
    /// Members in order, nameless bitfields left out.
    pub members: Vec<Member>,
    /// The nearest enclosing type that C can name.
    pub c: String,
    /// Whether `c` is this record itself.
    pub named: bool,
    /// The path of members that leads from `c` to this record, if not `named`: Rust type name and field.
    pub base: Vec<(String, String)>,
    /// The designator prefix within `c` for this record's members (`""` or `"u."`).
    pub prefix: String,
}

/// A member of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// C's name, or the name made for a nameless member.
    pub name: String,
    /// Whether C gives it no name.
    pub nameless: bool,
    /// Offset in bits.
    pub bit: u64,
    /// Size in bytes (0 for a flexible array, the declared type's for a bitfield).
    pub size: u64,
    /// Width in bits, for a bitfield.
    pub width: Option<u64>,
    /// The type.
    pub ty: Ty,
}

/// A type as Rust will spell it.
#[derive(Clone, Debug, PartialEq)]
pub enum Ty {
    /// An integer.
    Int {
        /// 8, 16, 32 or 64.
        bits: u64,
        /// Two's complement.
        signed: bool,
    },
    /// A record of the headers.
    Record(Path),
    /// A typedef or enum of the headers, with what it stands for.
    Alias(Path, Box<Ty>),
    /// An array.
    Array(Box<Ty>, u64),
    /// An array of unknown length at a record's end.
    Flexible(Box<Ty>),
    /// A pointer, which is an integer of the ABI's width.
    Pointer,
    /// A guest handle of 4 or 8 bytes.
    Handle(u64, Box<Ty>),
    /// `void`, behind a guest handle.
    Void,
}

impl Ty {
    /// The type behind all typedefs.
    pub fn resolved(&self) -> &Self {
        match self {
            Self::Alias(_, to) => to.resolved(),
            other => other,
        }
    }

    /// Every named type that spelling this one mentions, and (`deep`) what the names stand for.
    pub fn paths<'a>(&'a self, deep: bool, out: &mut Vec<&'a Path>) {
        match self {
            Self::Record(path) => out.push(path),
            Self::Alias(path, to) => {
                out.push(path);
                if deep {
                    to.paths(deep, out);
                }
            }
            Self::Array(of, _) | Self::Flexible(of) | Self::Handle(_, of) => of.paths(deep, out),
            Self::Int { .. } | Self::Pointer | Self::Void => {}
        }
    }
}

/// A name for a type.
#[derive(Clone, Debug, PartialEq)]
pub struct Alias {
    /// The name.
    pub name: String,
    /// How C spells it.
    pub c: String,
    /// What it stands for.
    pub ty: Ty,
    /// `sizeof`.
    pub size: u64,
}

/// A value of C's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// An integer with its type's width and sign.
    Int {
        /// The value.
        value: i128,
        /// Width of the C type.
        bits: u64,
        /// Sign of the C type.
        signed: bool,
    },
    /// A string without its NUL.
    Str(String),
}

/// A name for a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constant {
    /// The name.
    pub name: String,
    /// The value.
    pub value: Value,
    /// C's type, as the compiler spells it.
    pub c_type: String,
    /// Whether the header writes it in hexadecimal.
    pub hex: bool,
    /// Whether it is an enumerator, not a macro.
    pub enumerator: bool,
}

impl Unit {
    /// Finds a type.
    pub fn type_item(&self, path: &Path) -> Option<&Item> {
        self.headers
            .get(&path.header)?
            .iter()
            .find(|item| item.is_type() && item.name() == path.name)
    }

    /// The record at a path.
    pub fn record(&self, path: &Path) -> Option<&Record> {
        match self.type_item(path)? {
            Item::Record(record) => Some(record),
            _ => None,
        }
    }

    /// Whether a type holds a union somewhere.
    pub fn has_union(&self, ty: &Ty) -> bool {
        match ty.resolved() {
            Ty::Record(path) => self.record(path).is_some_and(|record| {
                record.union || record.members.iter().any(|m| self.has_union(&m.ty))
            }),
            Ty::Array(of, _) | Ty::Flexible(of) => self.has_union(of),
            _ => false,
        }
    }
}
