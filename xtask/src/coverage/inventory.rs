//! What one view of the headers declares, told by the preprocessor and by libclang.
//!
//! This is a reading of its own, apart from the generator's: macros come from a preprocessor that runs as
//! a program ([`preprocess`](super::preprocess)), the rest from a walk over libclang's declarations
//! ([`walk`](super::walk)) that knows nothing but C and the rules by which the crate names what C leaves
//! nameless. Every item carries its *fact*, a text that is the same in two views exactly if the item is.

use std::collections::HashMap;
use std::fmt;

use anyhow::{Context, Result};
use clang::Clang;

use super::preprocess::{self, Macros};
use super::walk;
use crate::compiler::Compiler;
use crate::headers::View;

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

/// All that a view declares.
#[derive(Debug)]
pub struct Inventory {
    /// Release, ABI and mode.
    pub view: View,
    /// Every item once, by kind and name; function-like macros by header too.
    pub items: Vec<Item>,
    index: HashMap<(Kind, String), usize>,
}

impl Inventory {
    /// An inventory of these items.
    pub fn new(view: View, items: Vec<Item>) -> Self {
        let index = items
            .iter()
            .enumerate()
            .map(|(i, item)| ((item.kind, item.name.clone()), i))
            .collect();
        Self { view, items, index }
    }

    /// Takes stock of a view.
    ///
    /// # Errors
    /// No C compiler for the preprocessor's part, headers that do not parse, or a declaration of a kind
    /// that is not known.
    pub fn read(clang: &Clang, compiler: &Compiler, view: View) -> Result<Self> {
        let macros = preprocess::macros(compiler, &view, &view.wrapper()?)?;
        Self::with_macros(clang, view, macros)
    }

    /// Takes stock of a view whose macros are known already.
    ///
    /// # Errors
    /// As [`Inventory::read`].
    pub fn with_macros(clang: &Clang, view: View, macros: Macros) -> Result<Self> {
        let wrapper = view.wrapper()?;
        let items = walk::items(clang, &view, &wrapper, macros)
            .with_context(|| format!("taking stock of the headers of {view}"))?;
        Ok(Self::new(view, items))
    }

    /// Finds an item.
    pub fn get(&self, kind: Kind, name: &str) -> Option<&Item> {
        let index = self.index.get(&(kind, name.to_owned()))?;
        Some(&self.items[*index])
    }
}

/// The path of a header below `public/`, given the path by which a compiler found it: without `..`, of
/// which `hvm/../arch-x86/hvm/save.h` has one. `None` for files that are no public headers.
pub fn header(public: &str, path: &str) -> Option<String> {
    let relative = path.strip_prefix(public)?.strip_prefix('/')?;
    let mut parts: Vec<&str> = Vec::new();
    for part in relative.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop()?;
            }
            other => parts.push(other),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::header;

    #[test]
    fn headers_by_any_path() {
        let of = |path| header("/v/public", path);
        assert_eq!(of("/v/public/io/blkif.h").as_deref(), Some("io/blkif.h"));
        assert_eq!(
            of("/v/public/hvm/../arch-x86/hvm/save.h").as_deref(),
            Some("arch-x86/hvm/save.h")
        );
        assert_eq!(of("/v/publicity/a.h"), None);
        assert_eq!(of("/v/public/../../a.h"), None);
    }
}
