//! Paravirtual block devices (`xen/include/public/io/blkif.h`).
//!
//! A frontend in one domain reads and writes a disk that a backend in another domain serves. The two
//! first agree on terms through nodes in xenstore, then exchange requests and responses on shared
//! rings, whose layout is that of the frontend's ABI.
//!
//! - [`Protocol`] is that ABI by its name in xenstore.
//! - [`negotiation`] has the nodes of xenstore in which the two ends agree.
//! - [`BackRing`] yields checked, native requests from a ring of either layout, [`FrontRing`] makes
//!   them and matches the responses.
//! - [`Limits`] are what a backend has agreed to do, [`BadRequest`] is what is wrong with a request.
//! - [`vbd`] has the numbers and names of virtual disks.

/// Does the same with a ring of either layout.
macro_rules! either {
    ($ring:expr, $inner:ident => $do:expr) => {
        match $ring {
            Ring::X86_32($inner) => $do,
            Ring::X86_64($inner) => $do,
        }
    };
}

mod backend;
mod codec;
mod decimal;
mod excerpt;
mod frontend;
mod indirect;
mod limits;
mod message;
pub mod negotiation;
mod protocol;
mod refusal;
mod request;
mod segment;
#[cfg(test)]
mod tests;
pub mod vbd;
mod wire;

pub use backend::{BackRing, Requests};
pub use decimal::DecimalFault;
pub use excerpt::Excerpt;
pub use frontend::{BadResponse, Completion, Completions, FrontRing, Pending, Shadow, SubmitError};
pub use indirect::{IndirectError, IndirectSegments, write_indirect_segments};
pub use limits::{DiscardLimits, LimitError, Limits, MAX_INDIRECT_SEGMENTS, SEGMENTS_PER_PAGE};
pub use message::{Operation, Response, Status};
pub use protocol::{Layout, Protocol, UnknownProtocol};
pub use refusal::{BadRequest, Refusal};
pub use request::{Body, Direction, Discard, Indirect, Request, Transfer};
pub use segment::{SECTOR_BYTES, SECTORS_PER_FRAME, Segment, Segments};
