//! Xen's public headers as Rust definitions: every type and constant for each of four ABIs, with the
//! layout of that ABI on every host.
//!
//! # What stands where
//!
//! - [`abi`] holds one module for each ABI (x86_32, x86_64, arm32, arm64) and in it one for each header:
//!   `io/blkif.h` is `abi::x86_64::io::blkif`. Names are C's own: `blkif_request`, `BLKIF_OP_READ`. All of
//!   it is generated from the unmodified headers and compiles on every host. `native` is the ABI of the
//!   compile target, if it has one.
//! - The other modules mirror the headers too, and hold what is written by hand: Rust-named types where
//!   they add meaning ([`xen::DomId`], [`grant_table::GrantRef`], [`errno::Errno`], the pages that Xen
//!   shares with a guest), each asserted against its generated twins, and C's function-like macros as
//!   functions.
//! - `toolstack` (by feature) holds what only a toolstack uses, domctl, sysctl and what hangs on them, for
//!   each vendored release: that interface changes from release to release.
//! - `abi::*::compat` holds the names and layouts that older interface versions gave.
//!
//! # How the generated types are made
//!
//! Integers are plain and of fixed width. Size, alignment and every offset are C's for that ABI on every
//! host, by `repr(C)` with explicit padding and, where an ABI aligns `u64` to 4 bytes, `packed(4)`: copy
//! such a field (`{ request.id }`) before you borrow it. Every type is `Copy`, has a constant `ZERO` and
//! is that by default, so a request is built as `blkif_request { operation, ..blkif_request::ZERO }` and
//! no byte is left uninitialised. A union has all its bytes as `_bytes`; built from a field shorter than
//! itself (`u { small: 1 }`) it would keep the rest uninitialised, so begin with `ZERO` and assign the
//! field:
//!
//! ```
//! use xen_public::abi::x86_64::grant_table::gnttab_copy;
//!
//! let mut copy = gnttab_copy::ZERO;
//! copy.source.u.r#ref = 8; // four bytes of eight; the others stay zero
//! ```
//!
//! Enums are integers with constants, as a peer may be newer than these headers. A C bitfield is an integer
//! with accessor functions, a flexible array a `[T; 0]`, a guest handle a [`handle::Handle32`] or
//! [`handle::Handle64`]. Anonymous records are named after their parent and field. Values are host-endian.
//!
//! What several ABIs have alike is one item, defined in one of their modules and named in the others. Which
//! these are may change with the headers: implement a trait of yours for such a type once, by the ABI that
//! you mean, and do not rely on two ABIs' types being the same one.
//!
//! A constant has the value and the type that C gives it: `int` is `i32`, `1UL` is `u64` or `u32` by ABI.
//! Strings are `&str`, without C's closing NUL: they are xenstore keys and values, which are compared,
//! joined and printed; where C's form is wanted, append the NUL.
//!
//! # Features
//!
//! Without features the crate depends on nothing but cfg-if and static_assertions.
//!
//! | feature | what it brings | seconds to compile |
//! |---|---|---|
//! | none | the definitions | 1.4 |
//! | `zerocopy` (default) | `FromBytes`, `IntoBytes`, `Immutable`, `KnownLayout` on the hand-written types | 2.4 |
//! | `extra-traits` | `Debug`, `PartialEq`, `Eq` on the generated types without unions | 1.0 more |
//! | `toolstack` | the toolstack interfaces of Xen 4.14, 4.17 and 4.20 | 1.5 more |
//! | `layout` | tables of all names, sizes and offsets, for tools | 2.6 more, 7 with `toolstack` |
//! | `zerocopy-generated` | zerocopy's derives on the generated types too | minutes, and 4 GB of memory |
//!
//! The seconds are those of this crate alone in a debug build, dependencies apart, on two cores.
//!
//! # Licence
//!
//! MIT or Apache-2.0, at your choice; what is generated from Xen's headers is also under the notice of
//! those headers, which comes with the crate as `LICENSE-XEN`.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// Names in the code of zerocopy's derives.
#![cfg_attr(feature = "zerocopy-generated", allow(confusable_idents))]

/// What every generated type is beside its fields: copied byte for byte, and zero by default. One macro
/// for all types of a header compiles in less time than derives on each.
macro_rules! plain {
    ($($name:ident)*) => {
        $(
            impl Copy for $name {}

            impl Clone for $name {
                #[inline]
                fn clone(&self) -> Self {
                    *self
                }
            }

            impl Default for $name {
                #[inline]
                fn default() -> Self {
                    Self::ZERO
                }
            }
        )*
    };
}
pub(crate) use plain;

#[rustfmt::skip]
#[allow(non_camel_case_types, non_upper_case_globals, non_snake_case, missing_docs)]
#[allow(clippy::all, clippy::pedantic)]
pub mod abi;
pub mod arch_arm;
pub mod arch_x86;
#[cfg(feature = "toolstack")]
pub mod domctl;
pub mod elfnote;
pub mod errno;
pub mod event_channel;
pub mod features;
pub mod grant_table;
pub mod handle;
pub mod hvm;
pub mod io;
#[cfg(feature = "layout")]
pub mod layout;
pub mod memory;
pub mod pad;
pub mod trace;
pub mod vcpu;
pub mod xen;

#[cfg(feature = "toolstack")]
#[rustfmt::skip]
#[allow(non_camel_case_types, non_upper_case_globals, non_snake_case, missing_docs)]
#[allow(clippy::all, clippy::pedantic)]
pub mod toolstack;

mod bits;
mod record;
mod words;

/// The example of the README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

cfg_if::cfg_if! {
    if #[cfg(target_arch = "x86_64")] {
        #[doc = "The ABI of the compile target."]
        pub use abi::x86_64 as native;
    } else if #[cfg(target_arch = "x86")] {
        #[doc = "The ABI of the compile target."]
        pub use abi::x86_32 as native;
    } else if #[cfg(target_arch = "aarch64")] {
        #[doc = "The ABI of the compile target."]
        pub use abi::arm64 as native;
    } else if #[cfg(target_arch = "arm")] {
        #[doc = "The ABI of the compile target."]
        pub use abi::arm32 as native;
    }
}
