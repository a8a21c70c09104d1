//! What a backend has agreed to do.

use core::fmt;
use core::num::NonZeroU64;

use super::message::Operation;
use super::segment::SECTOR_BYTES;
use super::wire::PAGES;

/// How many segments fit in a page of 4096 bytes.
///
/// Header: `xen/include/public/io/blkif.h`.
pub const SEGMENTS_PER_PAGE: u16 = 512;

/// The most segments of an indirect request: what its eight pages hold.
///
/// Header: `xen/include/public/io/blkif.h`.
#[doc(alias = "BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST")]
pub const MAX_INDIRECT_SEGMENTS: u16 = SEGMENTS_PER_PAGE * PAGES as u16;

/// What requests a backend takes: the disk as it is, and what xenstore says about it.
///
/// Nothing optional is offered by [`new`](Self::new); each of the other functions adds what a node
/// in xenstore announces.
///
/// ```
/// use xen_abi::blkif::{DiscardLimits, Limits};
///
/// // 1 GiB with blocks of 4 KiB.
/// let limits = Limits::new(2 << 20)
///     .with_sector_size(4096)?
///     .with_flush()
///     .with_discard(DiscardLimits::new(4096, 0)?)
///     .with_indirect(256);
/// assert_eq!(limits.sectors(), 2 << 20);
/// # Ok::<(), xen_abi::blkif::LimitError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    pub(super) sectors: u64,
    /// Sectors per block, less one.
    pub(super) mask: u8,
    pub(super) read_only: bool,
    barrier: bool,
    flush: bool,
    pub(super) discard: Option<DiscardLimits>,
    /// Zero if indirect requests are not offered.
    pub(super) indirect: u16,
}

impl Limits {
    /// A disk of `sectors` times 512 bytes that is read and written, and no more.
    #[doc(alias = "sectors")]
    pub const fn new(sectors: u64) -> Self {
        Self {
            sectors,
            mask: 0,
            read_only: false,
            barrier: false,
            flush: false,
            discard: None,
            indirect: 0,
        }
    }

    /// The disk is made of blocks of this many bytes, and what is not whole blocks is refused.
    ///
    /// Units stay at 512 bytes. A backend that can do with any sector leaves this at 512, even if
    /// it tells the frontend another `sector-size`.
    ///
    /// # Errors
    ///
    /// [`LimitError::SectorSize`] if it is not 512, 1024, 2048 or 4096: a segment can't hold a block
    /// that is larger than its frame.
    #[doc(alias = "sector-size")]
    pub const fn with_sector_size(mut self, bytes: u32) -> Result<Self, LimitError> {
        self.mask = match bytes {
            512 => 0,
            1024 => 1,
            2048 => 3,
            4096 => 7,
            _ => return Err(LimitError::SectorSize { bytes }),
        };
        Ok(self)
    }

    /// Writes and discards are refused. A flush is not, nor a barrier without data.
    #[doc(alias = "VDISK_READONLY")]
    #[must_use]
    pub const fn with_read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Write barriers are offered: `feature-barrier`.
    #[doc(alias = "feature-barrier")]
    #[must_use]
    pub const fn with_barrier(mut self) -> Self {
        self.barrier = true;
        self
    }

    /// Flushes are offered: `feature-flush-cache`.
    #[doc(alias = "feature-flush-cache")]
    #[must_use]
    pub const fn with_flush(mut self) -> Self {
        self.flush = true;
        self
    }

    /// Discards are offered: `feature-discard`.
    #[doc(alias = "feature-discard")]
    #[must_use]
    pub const fn with_discard(mut self, discard: DiscardLimits) -> Self {
        self.discard = Some(discard);
        self
    }

    /// Indirect requests of at most so many segments are offered: `feature-max-indirect-segments`.
    ///
    /// Zero offers none; more than [`MAX_INDIRECT_SEGMENTS`] is taken for that.
    #[doc(alias = "feature-max-indirect-segments")]
    #[must_use]
    pub const fn with_indirect(mut self, segments: u16) -> Self {
        self.indirect = if segments > MAX_INDIRECT_SEGMENTS {
            MAX_INDIRECT_SEGMENTS
        } else {
            segments
        };
        self
    }

    /// The size of the disk in sectors of 512 bytes.
    pub const fn sectors(&self) -> u64 {
        self.sectors
    }

    /// The most segments of an indirect request, or zero.
    pub const fn indirect(&self) -> u16 {
        self.indirect
    }

    /// Whether the operation is offered. Reads and writes always are, if only to be refused.
    #[inline]
    pub const fn offers(&self, operation: Operation) -> bool {
        match operation {
            Operation::Read | Operation::Write => true,
            Operation::Barrier => self.barrier,
            Operation::Flush => self.flush,
            Operation::Discard => self.discard.is_some(),
            Operation::Indirect => self.indirect != 0,
        }
    }
}

/// What discards a backend takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DiscardLimits {
    /// In sectors.
    pub(super) granularity: NonZeroU64,
    /// In sectors, below the granularity.
    pub(super) alignment: u64,
    pub(super) secure: bool,
}

impl DiscardLimits {
    /// Discards begin `alignment` bytes behind a multiple of `granularity` bytes.
    ///
    /// That is what the header asks of frontends. Linux's does not see to it, so a backend that
    /// would rather ignore the odd ends of a discard than refuse it gives its sector size and zero
    /// here, whatever it tells the frontend.
    ///
    /// # Errors
    ///
    /// [`LimitError`] if one of them is not in multiples of 512, or the granularity is zero.
    #[doc(alias = "discard-granularity")]
    #[doc(alias = "discard-alignment")]
    pub const fn new(granularity: u32, alignment: u32) -> Result<Self, LimitError> {
        const SECTOR: u32 = SECTOR_BYTES as u32;
        let bytes = granularity;
        if granularity % SECTOR != 0 {
            return Err(LimitError::DiscardGranularity { bytes });
        }
        let Some(granularity) = NonZeroU64::new((granularity / SECTOR) as u64) else {
            return Err(LimitError::DiscardGranularity { bytes });
        };
        if alignment % SECTOR != 0 {
            return Err(LimitError::DiscardAlignment { bytes: alignment });
        }
        Ok(Self {
            granularity,
            alignment: (alignment / SECTOR) as u64 % granularity.get(),
            secure: false,
        })
    }

    /// A discard may ask that no copy of the sectors stays: `discard-secure`.
    #[doc(alias = "discard-secure")]
    #[must_use]
    pub const fn with_secure(mut self) -> Self {
        self.secure = true;
        self
    }
}

/// A limit that no disk can have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LimitError {
    /// Blocks are not of 512, 1024, 2048 or 4096 bytes.
    SectorSize {
        /// What they should be.
        bytes: u32,
    },
    /// Zero, or not a multiple of 512.
    DiscardGranularity {
        /// What it should be.
        bytes: u32,
    },
    /// Not a multiple of 512.
    DiscardAlignment {
        /// What it should be.
        bytes: u32,
    },
}

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SectorSize { bytes } => write!(
                f,
                "a sector size of {bytes} bytes, not of 512, 1024, 2048 or 4096"
            ),
            Self::DiscardGranularity { bytes } => write!(
                f,
                "a discard granularity of {bytes} bytes, not of a multiple of 512"
            ),
            Self::DiscardAlignment { bytes } => write!(
                f,
                "a discard alignment of {bytes} bytes, not of a multiple of 512"
            ),
        }
    }
}

impl core::error::Error for LimitError {}
