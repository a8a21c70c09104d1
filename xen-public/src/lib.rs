//! Xen's public headers as Rust definitions.
#![no_std]
#![forbid(unsafe_code)]

pub mod handle;
#[cfg(feature = "layout")]
pub mod layout;
pub mod pad;
