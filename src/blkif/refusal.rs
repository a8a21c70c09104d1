//! Requests that are not done, and why.

use core::fmt;

use super::message::{Operation, Response, Status};

/// What is wrong with a request.
///
/// Sectors are of 512 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum BadRequest {
    /// The operation has no meaning.
    UnknownOperation {
        /// Its number.
        operation: u8,
    },
    /// The operation was not offered.
    NotOffered {
        /// Which one.
        operation: Operation,
    },
    /// A read, a write or an indirect request has no segments.
    NoSegments,
    /// There are more segments than may be.
    SegmentCount {
        /// How many.
        count: u16,
        /// How many may be.
        max: u16,
    },
    /// A flush has segments. Linux's backend and QEMU write them after the flush, but the header
    /// doesn't say so, and no known frontend sends any.
    FlushWithSegments {
        /// How many.
        count: u8,
    },
    /// The sectors of a segment are not in order, or not in its frame.
    SegmentRange {
        /// Which one.
        index: u16,
        /// The first sector, of 0 to 7.
        first_sect: u8,
        /// The last sector, of `first_sect` to 7.
        last_sect: u8,
    },
    /// A segment is not made of whole blocks.
    SegmentAlignment {
        /// Which one.
        index: u16,
        /// The first sector.
        first_sect: u8,
        /// The last sector.
        last_sect: u8,
        /// Sectors in a block.
        block: u8,
    },
    /// Beginning or length on the disk are not whole blocks.
    Alignment {
        /// The first sector.
        sector: u64,
        /// The number of sectors.
        sectors: u64,
        /// Sectors in a block.
        block: u8,
    },
    /// It reaches beyond the end of the disk.
    OutOfRange {
        /// The first sector.
        sector: u64,
        /// The number of sectors.
        sectors: u64,
        /// The number of sectors of the disk.
        capacity: u64,
    },
    /// The disk is not written to.
    ReadOnly {
        /// What was asked for.
        operation: Operation,
    },
    /// An indirect request is neither a read nor a write.
    IndirectOperation {
        /// What it is.
        operation: u8,
    },
    /// The number of grants is not that of the pages which the segments fill.
    IndirectPages {
        /// How many there are.
        count: usize,
        /// How many the segments fill.
        needed: usize,
    },
    /// A discard of no sectors.
    EmptyDiscard,
    /// A discard has flags without a meaning.
    DiscardFlag {
        /// All of its flags.
        flag: u8,
    },
    /// A discard doesn't begin where one can.
    DiscardAlignment {
        /// The first sector.
        sector: u64,
        /// How many sectors are discarded at least.
        granularity: u64,
        /// Where the first of those units begins.
        alignment: u64,
    },
}

impl BadRequest {
    /// What the frontend is told.
    pub const fn status(&self) -> Status {
        match self {
            Self::UnknownOperation { .. } | Self::NotOffered { .. } => Status::NotSupported,
            _ => Status::Error,
        }
    }
}

impl fmt::Display for BadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::UnknownOperation { operation } => {
                write!(f, "operation {operation} is not known")
            }
            Self::NotOffered { operation } => write!(f, "{operation} requests are not offered"),
            Self::NoSegments => f.write_str("no segments"),
            Self::SegmentCount { count, max } => {
                write!(f, "{count} segments, where {max} may be")
            }
            Self::FlushWithSegments { count } => write!(f, "a flush with {count} segments"),
            Self::SegmentRange {
                index,
                first_sect,
                last_sect,
            } => write!(
                f,
                "segment {index} is from sector {first_sect} to {last_sect} of the 8 in its frame"
            ),
            Self::SegmentAlignment {
                index,
                first_sect,
                last_sect,
                block,
            } => write!(
                f,
                "segment {index} is from sector {first_sect} to {last_sect}, with {block} sectors \
                 in a block"
            ),
            Self::Alignment {
                sector,
                sectors,
                block,
            } => write!(
                f,
                "{sectors} sectors from {sector} on, with {block} sectors in a block"
            ),
            Self::OutOfRange {
                sector,
                sectors,
                capacity,
            } => write!(
                f,
                "{sectors} sectors from {sector} on, with {capacity} sectors on the disk"
            ),
            Self::ReadOnly { operation } => {
                write!(f, "{operation}, on a disk that is only read")
            }
            Self::IndirectOperation { operation } => write!(
                f,
                "an indirect request for operation {operation}, not a read or a write"
            ),
            Self::IndirectPages { count, needed } => write!(
                f,
                "{count} pages of segments, where the segments fill {needed}"
            ),
            Self::EmptyDiscard => f.write_str("a discard of no sectors"),
            Self::DiscardFlag { flag } => write!(f, "a discard with flags {flag:#x}"),
            Self::DiscardAlignment {
                sector,
                granularity,
                alignment,
            } => write!(
                f,
                "a discard from sector {sector} on, where units of {granularity} sectors begin at \
                 {alignment}"
            ),
        }
    }
}

impl core::error::Error for BadRequest {}

/// A request that is not done: what to answer, and why.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[must_use = "a request without a response occupies its slot for ever"]
pub struct Refusal {
    /// The request's id.
    pub id: u64,
    /// What the response has for its operation: the request's; of an indirect one the read or write
    /// in it, and where none are offered `BLKIF_OP_INDIRECT`, as a backend has it that knows of none.
    pub operation: u8,
    /// What is wrong.
    pub reason: BadRequest,
}

impl Refusal {
    /// The response that says so.
    #[inline]
    pub const fn response(&self) -> Response {
        Response {
            id: self.id,
            operation: self.operation,
            status: self.reason.status(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "request {:#x}: {}", self.id, self.reason)
    }
}

impl core::error::Error for Refusal {}
