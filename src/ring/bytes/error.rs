//! What can be wrong with a byte ring.

use core::fmt;

/// The other end wrote an index that no honest end can have written.
///
/// The byte ring that reported it is of no more use: each further attempt returns the same error.
/// The other direction is a ring of its own, but a peer like this deserves to be disconnected.
///
/// This is for rings of bytes; those of messages have [an error of their own](crate::ring::Corrupt).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Corrupt {
    /// The producer claims more bytes than the ring holds, or takes some back.
    Producer {
        /// What it wrote.
        prod: u32,
        /// What it wrote before.
        before: u32,
        /// How many bytes we have consumed.
        cons: u32,
        /// The ring's size in bytes.
        size: u32,
    },
    /// The consumer claims bytes that were never produced, or takes back that it consumed some.
    Consumer {
        /// What it wrote.
        cons: u32,
        /// What it wrote before.
        before: u32,
        /// How many bytes we have produced.
        prod: u32,
        /// The ring's size in bytes.
        size: u32,
    },
}

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Producer {
                prod,
                before,
                cons,
                size,
            } => write!(
                f,
                "the other end's producer index is {prod}, after {before}, in a ring of {size} bytes \
                 that was consumed up to {cons}"
            ),
            Self::Consumer {
                cons,
                before,
                prod,
                size,
            } => write!(
                f,
                "the other end's consumer index is {cons}, after {before}, in a ring of {size} bytes \
                 that was produced up to {prod}"
            ),
        }
    }
}

impl core::error::Error for Corrupt {}

/// Why a packet was not moved. Nothing of it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PacketError {
    /// The packet is not all there yet.
    Incomplete {
        /// Its length in bytes.
        len: usize,
        /// The bytes that are there.
        unread: usize,
    },
    /// There is no room for the packet yet.
    NoRoom {
        /// Its length in bytes.
        len: usize,
        /// The bytes that are free.
        free: usize,
    },
    /// The packet is longer than the ring, so waiting is no use.
    TooLong {
        /// Its length in bytes; [`usize::MAX`] if that has no room in a `usize`.
        len: usize,
        /// The ring's size in bytes.
        size: usize,
    },
    /// The ring is of no more use.
    Corrupt(Corrupt),
}

impl fmt::Display for PacketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incomplete { len, unread } => {
                write!(f, "{unread} of the packet's {len} bytes are there")
            }
            Self::NoRoom { len, free } => {
                write!(f, "a packet of {len} bytes, with {free} bytes free")
            }
            Self::TooLong { len, size } => {
                write!(f, "a packet of {len} bytes in a ring of {size}")
            }
            Self::Corrupt(corrupt) => corrupt.fmt(f),
        }
    }
}

impl core::error::Error for PacketError {}

impl From<Corrupt> for PacketError {
    fn from(corrupt: Corrupt) -> Self {
        Self::Corrupt(corrupt)
    }
}

/// Why there is no byte ring in a memory. The memory is dropped; a reference to it serves as well where
/// it is needed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttachError {
    /// A memory is too short for what has to be in it.
    TooSmall {
        /// Its length in bytes.
        len: usize,
        /// The least that would do.
        needed: usize,
    },
    /// The places that the protocol's description names can't be: the offset of an index is no
    /// multiple of 4, or the size is no power of two.
    Impossible {
        /// The offset or size.
        value: usize,
    },
    /// The indices that were found there can't be those of a ring in use.
    Corrupt(Corrupt),
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall { len, needed } => {
                write!(f, "shared memory of {len} bytes, where {needed} are needed")
            }
            Self::Impossible { value } => {
                write!(
                    f,
                    "{value} is not the place of an index or the size of a ring"
                )
            }
            Self::Corrupt(corrupt) => corrupt.fmt(f),
        }
    }
}

impl core::error::Error for AttachError {}

impl From<Corrupt> for AttachError {
    fn from(corrupt: Corrupt) -> Self {
        Self::Corrupt(corrupt)
    }
}
