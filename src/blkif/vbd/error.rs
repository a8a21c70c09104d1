//! What can be wrong with a vbd's name or number.

use core::fmt;

use super::DiskKind;
use crate::blkif::{DecimalFault, Excerpt};

/// A kind of disk has no disk or partition of that number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum OutOfRange {
    /// There is no such disk.
    Disk {
        /// The kind of disk.
        kind: DiskKind,
        /// The disk that was asked for.
        disk: u32,
    },
    /// There is no such partition.
    Partition {
        /// The kind of disk.
        kind: DiskKind,
        /// The partition that was asked for.
        partition: u8,
    },
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Disk { kind, disk } => {
                let last = kind.last_disk();
                write!(f, "disk {disk} is higher than {kind}'s last, {last}")
            }
            Self::Partition { kind, partition } => {
                let last = kind.last_partition();
                write!(
                    f,
                    "partition {partition} is higher than {kind}'s last, {last}"
                )
            }
        }
    }
}

impl core::error::Error for OutOfRange {}

/// A number that names no disk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum NotADisk {
    /// Reserved, or in use by old software only.
    Reserved {
        /// The number.
        number: u32,
    },
    /// Kept for formats to come.
    Future {
        /// The number.
        number: u32,
    },
    /// An xvd in the long form, though the short one has room for it. It would be the same disk by a
    /// second number.
    Long {
        /// The number.
        number: u32,
    },
}

impl fmt::Display for NotADisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reserved { number } => {
                write!(f, "{number} is no vbd: it is in no format of xvd, sd or hd")
            }
            Self::Future { number } => {
                write!(f, "{number} is no vbd: numbers from 2 << 28 are reserved")
            }
            Self::Long { number } => {
                write!(f, "{number} is no vbd: this xvd has a number below 1 << 28")
            }
        }
    }
}

impl core::error::Error for NotADisk {}

/// A value that is no vbd number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct NumberError {
    value: Excerpt,
    fault: DecimalFault,
}

impl NumberError {
    pub(super) fn new(value: &[u8], fault: DecimalFault) -> Self {
        Self {
            value: Excerpt::of(value),
            fault,
        }
    }

    /// The beginning of the value.
    pub const fn value(&self) -> Excerpt {
        self.value
    }

    /// What is wrong with it.
    pub const fn fault(&self) -> DecimalFault {
        self.fault
    }
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "virtual-device: {} {}", self.value, self.fault)
    }
}

impl core::error::Error for NumberError {}

/// A text that is no vbd's name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct VbdNameError {
    name: Excerpt,
    at: usize,
    fault: NameFault,
}

impl VbdNameError {
    pub(super) fn new(name: &[u8], at: usize, fault: NameFault) -> Self {
        Self {
            name: Excerpt::of(name),
            at,
            fault,
        }
    }

    /// The beginning of the text.
    pub const fn name(&self) -> Excerpt {
        self.name
    }

    /// The byte at which the fault begins, counted from 0; the text's length where something is
    /// missing at its end.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// What is wrong.
    pub const fn fault(&self) -> NameFault {
        self.fault
    }
}

impl fmt::Display for VbdNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: byte {}: {}", self.name, self.at, self.fault)
    }
}

impl core::error::Error for VbdNameError {}

/// What is wrong with a name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum NameFault {
    /// It begins with none of `xvd`, `sd`, `hd` and `d`.
    UnknownPrefix,
    /// A letter from a to z is missing, which says the disk.
    NoLetter,
    /// A digit is missing.
    NoDigit,
    /// There are more disks in the name than the kind has.
    DiskTooHigh {
        /// The kind of disk.
        kind: DiskKind,
    },
    /// There are more partitions in the name than the kind has.
    PartitionTooHigh {
        /// The kind of disk.
        kind: DiskKind,
    },
    /// A number begins with a zero. The whole disk is written without a partition, or as `p0` after a
    /// disk's number.
    LeadingZero,
    /// Something is there that belongs to no name.
    NotInAName,
    /// It begins as a number and is none of 31 bits.
    BadNumber,
}

impl fmt::Display for NameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::UnknownPrefix => f.write_str("a name begins with xvd, sd, hd or d"),
            Self::NoLetter => f.write_str("a letter from a to z is due, which says the disk"),
            Self::NoDigit => f.write_str("a digit is due"),
            Self::DiskTooHigh { kind } => {
                let last = kind.last_disk();
                write!(f, "the disk is higher than {kind}'s last, {last}")
            }
            Self::PartitionTooHigh { kind } => {
                let last = kind.last_partition();
                write!(f, "the partition is higher than {kind}'s last, {last}")
            }
            Self::LeadingZero => f.write_str("a number begins with a zero"),
            Self::NotInAName => f.write_str("this belongs to no name"),
            Self::BadNumber => f.write_str("this is no number below 2^31"),
        }
    }
}
