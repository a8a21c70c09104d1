//! The Xen ABI: behaviour on the definitions of [`xen_public`].
//!
//! `xen-public` says what the words mean, this crate speaks them. A [conduit](hypercall::Conduit)
//! carries a hypercall to Xen, and the functions of [`hypercall`] each make one call with typed
//! arguments and check what comes back. There is no allocation and no global state, so the crate
//! serves a bare-metal kernel as well as a program.
//!
//! It compiles for every target. Where a processor has no known way to Xen, the conduits for it
//! are simply not there.
#![no_std]
#![deny(unsafe_code)]

#[cfg(any(test, feature = "simulate"))]
extern crate alloc;

pub mod hypercall;

pub use xen_public;
