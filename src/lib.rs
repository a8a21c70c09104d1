//! The Xen ABI: behaviour on the definitions of [`xen_public`].
//!
//! `xen-public` says what the words mean, this crate speaks them. A [conduit](hypercall::Conduit)
//! carries a hypercall to Xen, and the functions of [`hypercall`] each make one call with typed
//! arguments and check what comes back. There is no allocation and no global state, so the crate
//! serves a bare-metal kernel as well as a program.
//!
//! It compiles for every target. Where a processor has no known way to Xen, the conduits for it
//! are simply not there.
//!
//! # Features
//!
//! - `zerocopy` (default): zerocopy's derives on the hand-written types of [`xen_public`].
//! - `simulate`: a hypervisor in memory, `hypercall::simulate`, for the tests of kernels and drivers.
//!   Needs `alloc`.
//! - `toolstack`: what changes with each release of Xen: the hypercalls `domctl` and `sysctl`, and the
//!   rings of `vm_event`.
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(unsafe_code)]

#[cfg(any(
    test,
    all(
        feature = "simulate",
        any(
            target_arch = "x86",
            target_arch = "x86_64",
            target_arch = "arm",
            target_arch = "aarch64"
        )
    )
))]
extern crate alloc;

// The others document their calls with its rows.
#[macro_use]
pub mod version;

pub mod barrier;
pub mod blkif;
pub mod hypercall;
pub mod ring;

pub use xen_public;

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
