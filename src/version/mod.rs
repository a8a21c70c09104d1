//! What a release of Xen can do, for which kind of guest: the table of gates, and the decisions made
//! from it.
//!
//! Nothing here makes a hypercall. [`Release`] and [`Guest`] say what is running and what we are, and an
//! [`Operation`] is a row of the table: a hypercall, a sub-op, a parameter, a flag or a feature bit, under
//! its name in Xen's headers. A row says
//!
//! - in which releases this kind of guest has it ([`Operation::spans`]), and which point releases of older
//!   branches took it over ([`Operation::backports`]);
//! - what a hypervisor of such a release may lack it for ([`Operation::build`]): an option it was built
//!   or started with, a feature, a caller in 64-bit mode;
//! - how its absence shows ([`Operation::expected_error`]), which is not always ENOSYS: some calls answer
//!   EINVAL or a false 0, and the oldest releases run another hypercall instead;
//! - whether the caller needs power over others ([`Operation::privilege`]);
//! - which older operations lead to the same end ([`Operation::via`]).
//!
//! ```
//! use xen_abi::version::{Guest, Operation, Release};
//!
//! let fifo = Operation::EVTCHNOP_init_control;
//! let release = Release::identify(0x0004_0003, b".1").unwrap();
//! assert_eq!(release, Release::new(4, 3, 1));
//! assert!(!fifo.offered(Guest::Pv, release));
//! assert!(fifo.offered(Guest::Pv, Release::new(4, 4, 0)));
//! ```
//!
//! A release that is newer than [`Release::NEWEST`] is taken to be like that one. What a *running*
//! hypervisor turned out to offer is kept by [`hypercall::Xen`](crate::hypercall::Xen), which asks it;
//! what it answers wins over the table.
//!
//! The table is `gates.csv` beside this module, from which `cargo xtask generate --gates` makes the code;
//! `cargo run --example matrix --features simulate` prints what comes of it. Which version of the
//! toolstack's interfaces a release speaks stands in [`toolstack`].

mod gate;
mod release;
#[macro_use]
#[rustfmt::skip]
#[allow(non_upper_case_globals)]
mod table;
pub mod toolstack;

pub use gate::{Absent, Build, Kind, Needs, Operation, Privilege, Reason};
pub use release::{Guest, Release, ReleaseError, Span};
