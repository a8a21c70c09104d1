//! Paravirtual block devices (`xen/include/public/io/blkif.h`).
//!
//! A frontend in one domain reads and writes a disk that a backend in another domain serves. The two
//! first agree on terms through nodes in xenstore, then exchange requests and responses on shared
//! rings, whose layout is that of the frontend's ABI.
//!
//! - [`Protocol`] is that ABI by its name in xenstore.
//! - [`negotiation`] has the nodes of xenstore in which the two ends agree.
//! - [`vbd`] has the numbers and names of virtual disks.

mod decimal;
mod excerpt;
pub mod negotiation;
mod protocol;
pub mod vbd;

pub use decimal::DecimalFault;
pub use excerpt::Excerpt;
pub use protocol::{Layout, Protocol, UnknownProtocol};
