//! What can be wrong with a ring.

use core::fmt;

/// The other end wrote an index that no honest end can have written.
///
/// The ring that reported it is of no more use: its indices can't be trusted, so nothing is taken
/// from it or put on it again, and each attempt returns the same error. Only what was put before can
/// still be pushed. The way on is to close the device.
///
/// This is for rings of messages; those of bytes have [an error of their own](super::bytes::Corrupt).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Corrupt {
    /// The frontend claims more requests than the ring has free slots, or takes some back that we have
    /// consumed.
    RequestProducer {
        /// What it wrote.
        req_prod: u32,
        /// How many requests we have consumed.
        req_cons: u32,
        /// How many responses we have produced.
        rsp_prod_pvt: u32,
        /// The number of slots.
        size: u32,
    },
    /// The backend claims more responses than it has requests to answer, or takes some back that we
    /// have consumed.
    ResponseProducer {
        /// What it wrote.
        rsp_prod: u32,
        /// How many responses we have consumed.
        rsp_cons: u32,
        /// How many requests we have published.
        req_prod: u32,
    },
    /// The producer of events claims more than there are slots, or takes some back.
    EventProducer {
        /// What it wrote.
        prod: u32,
        /// How many events we have said that we have consumed.
        cons: u32,
        /// The number of slots.
        len: u32,
    },
    /// The consumer of events claims more than there were, or gives some back.
    EventConsumer {
        /// What it wrote.
        cons: u32,
        /// What it wrote before.
        before: u32,
        /// How many events we have published.
        prod: u32,
    },
}

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::RequestProducer {
                req_prod,
                req_cons,
                rsp_prod_pvt,
                size,
            } => write!(
                f,
                "the frontend's req_prod is {req_prod}, with {size} slots, {req_cons} requests \
                 consumed and {rsp_prod_pvt} answered"
            ),
            Self::ResponseProducer {
                rsp_prod,
                rsp_cons,
                req_prod,
            } => write!(
                f,
                "the backend's rsp_prod is {rsp_prod}, with {req_prod} requests sent and \
                 {rsp_cons} responses consumed"
            ),
            Self::EventProducer { prod, cons, len } => write!(
                f,
                "the producer of events is at {prod}, with {len} slots and {cons} events consumed"
            ),
            Self::EventConsumer { cons, before, prod } => write!(
                f,
                "the consumer of events is at {cons}, after it was at {before}, with {prod} sent"
            ),
        }
    }
}

impl core::error::Error for Corrupt {}

/// Why a message was not put on a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PutError {
    /// No slot is free: all hold requests without a response, or events that were not taken.
    Full {
        /// The number of slots.
        size: u32,
    },
    /// Every request that was taken has its response already.
    Unasked {
        /// How many requests were taken, and responses put, since the ring was new.
        req_cons: u32,
    },
    /// The ring is of no more use.
    Corrupt(Corrupt),
}

impl fmt::Display for PutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { size } => {
                write!(f, "none of the {size} slots of the ring is free")
            }
            Self::Unasked { req_cons } => {
                write!(f, "all {req_cons} requests taken have their response")
            }
            Self::Corrupt(corrupt) => corrupt.fmt(f),
        }
    }
}

impl core::error::Error for PutError {}

impl From<Corrupt> for PutError {
    fn from(corrupt: Corrupt) -> Self {
        Self::Corrupt(corrupt)
    }
}

/// Why a ring could not be made of a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttachReason {
    /// The memory has no room for the header and one slot, or for a page of events.
    TooSmall {
        /// Its length in bytes.
        len: usize,
        /// The least that would do.
        needed: usize,
    },
    /// The indices that were found there can't be those of a ring in use.
    Corrupt(Corrupt),
}

impl fmt::Display for AttachReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall { len, needed } => write!(
                f,
                "a ring in {len} bytes of memory, where the least is {needed}"
            ),
            Self::Corrupt(corrupt) => corrupt.fmt(f),
        }
    }
}

impl core::error::Error for AttachReason {}

/// A ring could not be made of a memory, which comes back with the reason.
///
/// This is for rings of messages; those of bytes have [an error of their
/// own](super::bytes::AttachError).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AttachError<M> {
    /// The memory, as it was.
    pub memory: M,
    /// What is wrong with it.
    pub reason: AttachReason,
}

impl<M> fmt::Debug for AttachError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttachError")
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl<M> fmt::Display for AttachError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl<M> core::error::Error for AttachError<M> {}
