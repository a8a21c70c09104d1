//! The Xen ABI: behaviour on the definitions of [`xen_public`].
//!
//! `xen-public` says what the words mean, this crate speaks them:
//!
//! - [`hypercall`]: the ways to Xen ([conduits](hypercall::Conduit)) of four processors, what the Xen at
//!   their end can do ([`Xen::probe`](hypercall::Xen::probe)), and a typed function for each call, which takes
//!   an older way where this Xen needs it;
//! - [`version`]: the table of what each release offers to which kind of guest;
//! - [`ring`]: the rings that two domains share, for any pair of messages, and the byte rings;
//! - [`blkif`]: block devices in every protocol variant;
//! - [`barrier`]: the barriers that all of them stand on.
//!
//! Hypervisor and peers are not trusted with our memory: what they write is read once, checked, and then
//! used. There is no allocation and no global state, so the crate serves a bare-metal kernel as well as a
//! program.
//!
//! It compiles for every target. Where a processor has no known way to Xen, the names of [`hypercall::cpu`]
//! stand for a type that is no conduit, and whoever uses one is told so by the compiler. Where Xen
//! has no ABI for the target, the calls whose arguments need one are not there.
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

/// The examples of the README, as tests. One of them is a toolstack's.
#[cfg(all(doctest, feature = "toolstack"))]
#[doc = include_str!("../README.md")]
struct Readme;
