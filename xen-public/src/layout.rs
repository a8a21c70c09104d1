//! Tables of what the crate exports, for tools: every type with its size, alignment and fields, every
//! constant with its value and C type, for each ABI and each toolstack release.
//!
//! All figures are those of the compiled types (`size_of!`, `offset_of!`), not of the generator that
//! wrote the types, so a table read on some host tells what the types are on that host. Beside the Rust
//! names stand the C expressions that name the same things, so that a C compiler can be asked for the
//! same figures.

pub(crate) mod types;

pub use types::{Alias, Bitfield, Constant, Field, Kind, Record, Tables, Value};

/// The tables of the older interface versions of every ABI: what module `compat` holds.
pub fn compat() -> impl Iterator<Item = &'static Tables> {
    crate::abi::COMPAT_TABLES.iter().copied().flatten().copied()
}

/// The tables of every ABI, and of every toolstack release where the `toolstack` feature is on.
pub fn all() -> impl Iterator<Item = &'static Tables> {
    #[cfg(feature = "toolstack")]
    let toolstack = crate::toolstack::TABLES.iter();
    #[cfg(not(feature = "toolstack"))]
    let toolstack = [].iter();
    crate::abi::TABLES.iter().chain(toolstack).copied()
}
