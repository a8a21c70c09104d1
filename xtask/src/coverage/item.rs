//! The kinds of thing that headers declare, and what an inventory keeps of each.

use std::fmt;

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A struct, union, enum or typedef.
    Type,
    /// A member with a name, of any struct or union.
    Field,
    /// An enumerator.
    Enumerator,
    /// A macro without parameters.
    Object,
    /// A macro with parameters.
    FunctionMacro,
    /// A function, which in these headers is an inline one.
    Function,
}

/// All of them, in the order of the tables.
pub const KINDS: [Kind; 6] = [
    Kind::Type,
    Kind::Field,
    Kind::Enumerator,
    Kind::Object,
    Kind::FunctionMacro,
    Kind::Function,
];

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Type => "types",
            Self::Field => "fields",
            Self::Enumerator => "enum constants",
            Self::Object => "object-like macros",
            Self::FunctionMacro => "function-like macros",
            Self::Function => "inline functions",
        })
    }
}

/// How Rust should show an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Under its name.
    Name,
    /// As a constant of this type.
    Value(String),
    /// As a field of a type.
    Field {
        /// The Rust type's name.
        of: String,
        /// The field's name.
        field: String,
    },
    /// As an accessor of a type.
    Bitfield {
        /// The Rust type's name.
        of: String,
        /// The member's name.
        field: String,
    },
}

/// Why a macro could not mean anything to Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Void {
    /// It expands to nothing.
    Empty,
    /// The headers undefine it again.
    Undefined,
}

/// Something that the headers declare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is.
    pub kind: Kind,
    /// The header below `public/`.
    pub header: String,
    /// The name; a field's is `type.field`.
    pub name: String,
    /// How Rust should show it.
    pub shape: Shape,
    /// Set on macros that could not mean anything to Rust.
    pub void: Option<Void>,
    /// What it is, for comparison with other views.
    pub fact: String,
}
