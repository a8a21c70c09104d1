//! What can go wrong with nodes.

use core::fmt;

use super::Node;
use crate::blkif::{DecimalFault, Excerpt};

/// Reading or writing nodes failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Error<E> {
    /// Xenstore itself failed, with the error of the [`Nodes`](super::Nodes) or the callback.
    Xenstore(E),
    /// A node's value is wrong: the peer's when reading, the caller's own when writing.
    Value(ValueError),
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Xenstore(error) => write!(f, "xenstore: {error}"),
            Self::Value(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for Error<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Xenstore(error) => Some(error),
            Self::Value(_) => None,
        }
    }
}

impl<E> From<ValueError> for Error<E> {
    fn from(error: ValueError) -> Self {
        Self::Value(error)
    }
}

/// A node whose value is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ValueError {
    node: Node,
    value: Option<Excerpt>,
    fault: Fault,
}

impl ValueError {
    pub(super) fn new(node: Node, value: Excerpt, fault: Fault) -> Self {
        Self {
            node,
            value: Some(value),
            fault,
        }
    }

    pub(super) fn without_value(node: Node, fault: Fault) -> Self {
        Self {
            node,
            value: None,
            fault,
        }
    }

    /// The node.
    pub const fn node(&self) -> Node {
        self.node
    }

    /// How its value begins; none if there is no such node.
    pub const fn value(&self) -> Option<Excerpt> {
        self.value
    }

    /// What is wrong.
    pub const fn fault(&self) -> Fault {
        self.fault
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.node)?;
        if let Some(value) = self.value {
            write!(f, "{value} ")?;
        }
        self.fault.fmt(f)
    }
}

impl core::error::Error for ValueError {}

/// What is wrong with a value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// There is no such node, and no default.
    Missing,
    /// The value is longer than any that this node can have.
    TooLong,
    /// It is no number, or too large a one.
    Number(DecimalFault),
    /// The number is too small.
    TooSmall {
        /// The smallest that is allowed.
        min: u64,
    },
    /// It is neither `0` nor `1`.
    NotBoolean,
    /// The number is no power of two.
    NotPowerOfTwo,
    /// The number is no multiple.
    NotAMultiple {
        /// Of this number.
        of: u32,
    },
    /// It is none of the words that the node can hold.
    UnknownWord,
    /// It is empty or has bytes other than printable ASCII.
    NotAWord,
    /// It is no pair of hexadecimal numbers with a colon between.
    NotAPair,
    /// It says something else than another node that says the same.
    Contradicts {
        /// The other node's name.
        other: &'static str,
    },
    /// The frontend has fewer queues.
    NoSuchQueue {
        /// How many it has.
        queues: u32,
    },
    /// There are more or fewer pages than were agreed on.
    OtherPages {
        /// How many were.
        agreed: u32,
    },
}

impl From<DecimalFault> for Fault {
    fn from(fault: DecimalFault) -> Self {
        Self::Number(fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is missing"),
            Self::TooLong => f.write_str("is too long"),
            Self::Number(fault) => fault.fmt(f),
            Self::TooSmall { min } => write!(f, "is smaller than {min}"),
            Self::NotBoolean => f.write_str("is neither 0 nor 1"),
            Self::NotPowerOfTwo => f.write_str("is no power of two"),
            Self::NotAMultiple { of } => write!(f, "is no multiple of {of}"),
            Self::UnknownWord => f.write_str("is none of the words that are known here"),
            Self::NotAWord => f.write_str("is no word of printable ASCII"),
            Self::NotAPair => f.write_str("is no MAJOR:MINOR in hexadecimal"),
            Self::Contradicts { other } => write!(f, "contradicts {other}"),
            Self::NoSuchQueue { queues } => {
                write!(f, "is not there: the frontend has {queues} queues")
            }
            Self::OtherPages { agreed } => {
                write!(f, "is not the number of pages that was agreed on, {agreed}")
            }
        }
    }
}
