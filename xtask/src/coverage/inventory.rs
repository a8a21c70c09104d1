//! What one view of the headers declares, told by the preprocessor and by libclang.
//!
//! This is a reading of its own, apart from the generator's: macros come from a preprocessor that runs as
//! a program ([`preprocess`]), the rest from a walk over libclang's declarations
//! ([`walk`]) that knows nothing but C and the rules by which the crate names what C leaves
//! nameless. Every item carries its *fact*, a text that is the same in two views exactly if the item is.

use std::collections::HashMap;

use anyhow::{Context, Result};
use clang::Clang;

use super::item::{Item, Kind};
use super::preprocess::{self, Macros};
use super::walk;
use crate::compiler::Compiler;
use crate::headers::View;

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
