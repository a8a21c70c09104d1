//! Oracle 3: `bindgen` over the same headers, an independent generator.
//!
//! [`generate`] runs it for a release, an ABI and a mode, [`model`] reads what it wrote, and [`pair`]
//! finds for each type, field and constant of a layout table the one that bindgen made of the same C.
//! Names decide at the top; below it the members' order and names, since the two name anonymous records
//! differently. Each pair becomes a row, and [`compile`] has rustc hold all rows of an ABI against
//! bindgen's output for that ABI's own target. What has no partner, on either side, is a mismatch unless
//! [`explained`] says why bindgen can't have it or why we don't want it.

pub mod compile;
pub mod explained;
pub mod generate;
pub mod model;
pub mod pair;
pub mod report;
