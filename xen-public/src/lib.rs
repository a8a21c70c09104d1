//! Xen's public headers as Rust definitions.
#![no_std]
#![forbid(unsafe_code)]

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
