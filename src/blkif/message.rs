//! The words of both messages: operations and how they ended.

use core::fmt;

use xen_public::abi::x86_64::io::blkif as c;

/// What a request asks for.
///
/// Header: `xen/include/public/io/blkif.h`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
#[repr(u8)]
pub enum Operation {
    /// From the disk into frames.
    #[doc(alias = "BLKIF_OP_READ")]
    Read = c::BLKIF_OP_READ as u8,
    /// From frames to the disk.
    #[doc(alias = "BLKIF_OP_WRITE")]
    Write = c::BLKIF_OP_WRITE as u8,
    /// A write after all writes before it and before all writes behind it.
    #[doc(alias = "BLKIF_OP_WRITE_BARRIER")]
    Barrier = c::BLKIF_OP_WRITE_BARRIER as u8,
    /// What was written goes to stable storage.
    #[doc(alias = "BLKIF_OP_FLUSH_DISKCACHE")]
    Flush = c::BLKIF_OP_FLUSH_DISKCACHE as u8,
    /// Sectors are no longer in use.
    #[doc(alias = "BLKIF_OP_DISCARD")]
    Discard = c::BLKIF_OP_DISCARD as u8,
    /// A read or write whose segments lie in pages of their own.
    #[doc(alias = "BLKIF_OP_INDIRECT")]
    Indirect = c::BLKIF_OP_INDIRECT as u8,
}

impl Operation {
    /// All that are known, by their numbers. `BLKIF_OP_RESERVED_1` is none: nobody says what it does.
    pub const ALL: [Self; 6] = [
        Self::Read,
        Self::Write,
        Self::Barrier,
        Self::Flush,
        Self::Discard,
        Self::Indirect,
    ];

    /// The number in a slot.
    #[inline]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The operation of a number.
    #[inline]
    pub const fn from_code(code: u8) -> Option<Self> {
        const READ: u8 = Operation::Read.code();
        const WRITE: u8 = Operation::Write.code();
        const BARRIER: u8 = Operation::Barrier.code();
        const FLUSH: u8 = Operation::Flush.code();
        const DISCARD: u8 = Operation::Discard.code();
        const INDIRECT: u8 = Operation::Indirect.code();
        Some(match code {
            READ => Self::Read,
            WRITE => Self::Write,
            BARRIER => Self::Barrier,
            FLUSH => Self::Flush,
            DISCARD => Self::Discard,
            INDIRECT => Self::Indirect,
            _ => return None,
        })
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Barrier => "write barrier",
            Self::Flush => "flush",
            Self::Discard => "discard",
            Self::Indirect => "indirect",
        })
    }
}

/// How a request ended.
///
/// Header: `xen/include/public/io/blkif.h`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
#[repr(i16)]
pub enum Status {
    /// It was done.
    #[doc(alias = "BLKIF_RSP_OKAY")]
    Okay = c::BLKIF_RSP_OKAY as i16,
    /// It failed.
    #[doc(alias = "BLKIF_RSP_ERROR")]
    Error = c::BLKIF_RSP_ERROR as i16,
    /// The backend doesn't do such a thing.
    #[doc(alias = "BLKIF_RSP_EOPNOTSUPP")]
    NotSupported = c::BLKIF_RSP_EOPNOTSUPP as i16,
}

impl Status {
    /// The number in a slot.
    #[inline]
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// The status of a number.
    #[inline]
    pub const fn from_code(code: i16) -> Option<Self> {
        const OKAY: i16 = Status::Okay.code();
        const ERROR: i16 = Status::Error.code();
        const NOT_SUPPORTED: i16 = Status::NotSupported.code();
        Some(match code {
            OKAY => Self::Okay,
            ERROR => Self::Error,
            NOT_SUPPORTED => Self::NotSupported,
            _ => return None,
        })
    }
}

/// What a backend answers.
///
/// [`Request::respond`](super::Request::respond) and [`Refusal::response`](super::Refusal::response)
/// make it.
///
/// Header: `xen/include/public/io/blkif.h`.
#[doc(alias = "blkif_response")]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[must_use = "a request without a response occupies its slot for ever"]
pub struct Response {
    /// The request's id.
    pub id: u64,
    /// The request's operation; of an indirect request that is the read or write in it.
    pub operation: u8,
    /// How it ended.
    pub status: Status,
}
