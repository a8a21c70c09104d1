//! What a release of Xen can do, for which kind of guest: the table of gates, and the decisions made
//! from it.
//!
//! Nothing here makes a hypercall. [`Release`] and [`Guest`] say what is running and what we are; a
//! [`Span`] says which releases have something. What a running hypervisor turned out to offer is
//! kept by [`hypercall::Xen`](crate::hypercall), which asks it.

mod gate;
mod release;
#[macro_use]
#[rustfmt::skip]
#[allow(non_upper_case_globals)]
mod table;
pub mod toolstack;

pub use gate::{Absent, Build, Kind, Needs, Operation, Privilege, Reason};
pub use release::{Guest, Release, ReleaseError, Span};
