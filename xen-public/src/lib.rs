//! Xen's public headers as Rust definitions.
#![no_std]
#![forbid(unsafe_code)]

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

mod record;
mod words;
