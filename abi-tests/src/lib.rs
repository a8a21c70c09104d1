//! Proof that the types of `xen-public` are those of Xen's headers.
//!
//! The crate's layout tables ([`xen_public::layout`]) say what the Rust types are, as compiled. [`rows`]
//! turns such a table into single claims, each with a C expression that means the same thing; [`oracle`]
//! has a C compiler ([`compiler`]) answer all of them for the ABI's own target from the vendored headers,
//! reads the answers out of the object file, so that nothing of a foreign target has to run, and lists
//! what differs; [`matrix`] does so for many tables and compilers. [`padding`] proves that the tables'
//! fields leave no byte of a type unnamed, [`pins`] holds a list of known differences against what is
//! found, [`roundtrip`] takes types through bytes and back ([`whole`] says which), and [`alter`] makes
//! the wrong tables and headers with which the tests prove that the oracles would notice. [`program`]
//! runs C programs of each ABI, for what only a run can tell: what the headers' function-like macros
//! return; [`differential`] has such programs and Rust do the same work, case by case, and compares
//! every byte that comes of it. [`disassembly`] reads what functions of Rust and C compile to, and
//! [`follow`] follows one of them through its instructions with names for the values, and [`cost`] counts the
//! instructions on its shortest way through.

pub use xtask::compiler;

pub mod alter;
pub mod cost;
pub mod ctypes;
pub mod differential;
pub mod disassembly;
pub mod follow;
pub mod matrix;
pub mod names;
pub mod oracle;
pub mod padding;
pub mod pins;
pub mod program;
pub mod roundtrip;
pub mod rows;
pub mod whole;
