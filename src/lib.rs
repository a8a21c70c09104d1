//! The Xen ABI: behaviour on the definitions of `xen-public`.
#![no_std]
pub use xen_public;
