//! What the backend offers.

use core::fmt;
use core::num::NonZeroU32;

use xen_public::abi::x86_64::io::blkif as c;

use super::nodes::{Writer, boolean, long_number, number, optional, required};
use super::{Error, Fault, Node, Nodes, RingPages, ValueError, names};
use crate::blkif::{
    DecimalFault, DiscardLimits, Excerpt, LimitError, Limits, MAX_INDIRECT_SEGMENTS,
};

/// How the backend can be talked to: written by it before it goes to `InitWait`, read by the frontend
/// before that makes its rings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct BackendTransport {
    /// The largest ring.
    pub ring: RingPages,
    /// The most queues.
    pub queues: NonZeroU32,
}

impl BackendTransport {
    /// One ring of one page: what a backend offers that writes no node.
    pub const MINIMAL: Self = Self {
        ring: RingPages::ONE,
        queues: NonZeroU32::MIN,
    };

    /// Reads the offer from the backend's directory. The ring's limit is the larger of
    /// `max-ring-page-order` and `max-ring-pages`, and at most [`RingPages::MAX`].
    ///
    /// # Errors
    ///
    /// If the nodes can't be read or a value is wrong.
    pub fn read<N: Nodes + ?Sized>(nodes: &mut N) -> Result<Self, Error<N::Error>> {
        let ring = RingPages::read_offer(nodes)?;
        let queues = optional(nodes, Node::new(names::MULTI_QUEUE_MAX_QUEUES), |value| {
            NonZeroU32::new(number(value)?).ok_or(Fault::TooSmall { min: 1 })
        })?;
        Ok(Self {
            ring,
            queues: queues.unwrap_or(NonZeroU32::MIN),
        })
    }

    /// Writes the nodes, the ring's limit in both schemes.
    ///
    /// # Errors
    ///
    /// The first error of `write`.
    pub fn write<E>(
        &self,
        write: impl FnMut(&str, &dyn fmt::Display) -> Result<(), E>,
    ) -> Result<(), Error<E>> {
        let mut writer = Writer(write);
        writer.value(Node::new(names::MAX_RING_PAGE_ORDER), &self.ring.order())?;
        writer.value(Node::new(names::MAX_RING_PAGES), &self.ring.pages())?;
        writer.value(Node::new(names::MULTI_QUEUE_MAX_QUEUES), &self.queues)
    }
}

/// What the disk is: the bits of the node `info`. Bits without a name are kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct VdiskFlags(u32);

impl VdiskFlags {
    /// A CD-ROM.
    #[doc(alias = "VDISK_CDROM")]
    pub const CDROM: Self = Self(c::VDISK_CDROM as u32);
    /// A medium that can be taken out.
    #[doc(alias = "VDISK_REMOVABLE")]
    pub const REMOVABLE: Self = Self(c::VDISK_REMOVABLE as u32);
    /// Not to be written.
    #[doc(alias = "VDISK_READONLY")]
    pub const READ_ONLY: Self = Self(c::VDISK_READONLY as u32);

    /// Wraps the bits as the node has them.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The bits as the node has them.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether all of these are set.
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}

impl core::ops::BitOr for VdiskFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// How the backend discards.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct DiscardProperties {
    /// The bytes of one extent that can be discarded by itself: a multiple of the sector size.
    pub granularity: u32,
    /// The bytes from the disk's start to the beginning of an extent: a multiple of 512.
    pub alignment: u32,
    /// Whether it can make what it discards unrecoverable.
    pub secure: bool,
}

/// What the backend can do and what the disk is like: written by it before it goes to `Connected`, read
/// by the frontend after that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct BackendProperties {
    /// Whether it serves `BLKIF_OP_WRITE_BARRIER`. A request may be answered with "not supported" all the
    /// same.
    pub barrier: bool,
    /// Whether it serves `BLKIF_OP_FLUSH_DISKCACHE`. A request may be answered with "not supported" all
    /// the same.
    pub flush_cache: bool,
    /// Whether it can keep grants mapped.
    pub persistent: bool,
    /// The most segments of an indirect request, at most [`MAX_INDIRECT_SEGMENTS`];
    /// 0 if it serves none.
    pub max_indirect_segments: u16,
    /// How it discards; none if it doesn't.
    pub discard: Option<DiscardProperties>,
    /// What the disk is. There is no default.
    pub info: VdiskFlags,
    /// The bytes of a logical sector, to which requests must be aligned: 512, 1024, 2048 or 4096. It is
    /// no unit: sectors are counted in 512 bytes, always. There is no default.
    pub sector_size: u32,
    /// The bytes of a physical sector: a multiple of the sector size.
    pub physical_sector_size: u32,
    /// The disk's size in units of 512 bytes. There is no default.
    ///
    /// The header wants whole physical sectors; that is not checked, as Linux exports partitions that
    /// end within one.
    pub sectors: u64,
}

impl DiscardProperties {
    /// Discards of extents of `granularity` bytes, the first of which begins `alignment` bytes into the
    /// disk; none of them secure.
    pub const fn new(granularity: u32, alignment: u32) -> Self {
        Self {
            granularity,
            alignment,
            secure: false,
        }
    }
}

impl BackendProperties {
    /// A disk of `sectors` units of 512 bytes, whose logical and physical sectors have `sector_size`
    /// bytes, and of which nothing is offered but to read and to write it.
    ///
    /// ```
    /// use xen_abi::blkif::negotiation::{BackendProperties, Listed};
    ///
    /// let nodes = [("sectors", "4096"), ("sector-size", "512"), ("info", "0")];
    /// let read = BackendProperties::read(&mut Listed(&nodes))?;
    /// assert_eq!(read, BackendProperties::new(4096, 512));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn new(sectors: u64, sector_size: u32) -> Self {
        Self {
            barrier: false,
            flush_cache: false,
            persistent: false,
            max_indirect_segments: 0,
            discard: None,
            info: VdiskFlags(0),
            sector_size,
            physical_sector_size: sector_size,
            sectors,
        }
    }

    /// The largest sector. A segment lies within one page and must be aligned to the sector size, so a
    /// larger one could never be transferred.
    pub const MAX_SECTOR_SIZE: u32 = 4096;

    /// The largest disk, in units of 512 bytes: its size in bytes fits 64 bits.
    pub const MAX_SECTORS: u64 = u64::MAX / 512;

    /// Reads the properties from the backend's directory.
    ///
    /// The nodes of discard count only if `feature-discard` is 1, and a granularity of 0, which Linux can
    /// write, is the default.
    ///
    /// # Errors
    ///
    /// If the nodes can't be read, a value is wrong, or one without a default is missing.
    pub fn read<N: Nodes + ?Sized>(nodes: &mut N) -> Result<Self, Error<N::Error>> {
        let sector_size = required(nodes, Node::new(names::SECTOR_SIZE), number)?;
        let physical_sector_size = optional(nodes, Node::new(names::PHYSICAL_SECTOR_SIZE), number)?;
        let indirect = Node::new(names::FEATURE_MAX_INDIRECT_SEGMENTS);
        let max_indirect_segments = optional(nodes, indirect, |value| {
            let segments = u16::try_from(number(value)?).unwrap_or(u16::MAX);
            Ok(segments.min(MAX_INDIRECT_SEGMENTS))
        })?;
        let discard = if boolean(nodes, names::FEATURE_DISCARD, false)? {
            let granularity = optional(nodes, Node::new(names::DISCARD_GRANULARITY), number)?;
            let alignment = optional(nodes, Node::new(names::DISCARD_ALIGNMENT), number)?;
            Some(DiscardProperties {
                granularity: granularity
                    .filter(|bytes| *bytes != 0)
                    .unwrap_or(sector_size),
                alignment: alignment.unwrap_or(0),
                secure: boolean(nodes, names::DISCARD_SECURE, false)?,
            })
        } else {
            None
        };
        let properties = Self {
            barrier: boolean(nodes, names::FEATURE_BARRIER, false)?,
            flush_cache: boolean(nodes, names::FEATURE_FLUSH_CACHE, false)?,
            persistent: boolean(nodes, names::FEATURE_PERSISTENT, false)?,
            max_indirect_segments: max_indirect_segments.unwrap_or(0),
            discard,
            info: required(nodes, Node::new(names::INFO), number).map(VdiskFlags)?,
            sector_size,
            physical_sector_size: physical_sector_size.unwrap_or(sector_size),
            sectors: required(nodes, Node::new(names::SECTORS), long_number)?,
        };
        properties.check()?;
        Ok(properties)
    }

    /// Writes the nodes. Those of indirect requests and of discard are left out where there is none,
    /// except that `feature-discard` is 0 then.
    ///
    /// # Errors
    ///
    /// If a value could not be read back, before anything is written; and the first error of `write`.
    pub fn write<E>(
        &self,
        write: impl FnMut(&str, &dyn fmt::Display) -> Result<(), E>,
    ) -> Result<(), Error<E>> {
        self.check()?;
        let mut writer = Writer(write);
        writer.boolean(names::FEATURE_BARRIER, self.barrier)?;
        writer.boolean(names::FEATURE_FLUSH_CACHE, self.flush_cache)?;
        writer.boolean(names::FEATURE_PERSISTENT, self.persistent)?;
        if self.max_indirect_segments != 0 {
            let node = Node::new(names::FEATURE_MAX_INDIRECT_SEGMENTS);
            writer.value(node, &self.max_indirect_segments)?;
        }
        if let Some(discard) = &self.discard {
            writer.value(Node::new(names::DISCARD_GRANULARITY), &discard.granularity)?;
            writer.value(Node::new(names::DISCARD_ALIGNMENT), &discard.alignment)?;
            writer.boolean(names::DISCARD_SECURE, discard.secure)?;
        }
        writer.boolean(names::FEATURE_DISCARD, self.discard.is_some())?;
        writer.value(Node::new(names::INFO), &self.info.bits())?;
        writer.value(Node::new(names::SECTOR_SIZE), &self.sector_size)?;
        let physical = Node::new(names::PHYSICAL_SECTOR_SIZE);
        writer.value(physical, &self.physical_sector_size)?;
        writer.value(Node::new(names::SECTORS), &self.sectors)
    }

    /// What a backend that publishes this has agreed to do: the limits for its rings.
    ///
    /// Discards that don't begin with an extent are refused then, as the header has it. Linux's
    /// frontend sends such ones: [`DiscardLimits::new`] says how to take them.
    ///
    /// # Errors
    ///
    /// If the sector size or the discards are such as can't be written.
    ///
    /// ```
    /// use xen_abi::blkif::Operation;
    /// use xen_abi::blkif::negotiation::{BackendProperties, VdiskFlags};
    ///
    /// let mut properties = BackendProperties::new(2 << 20, 512);
    /// properties.flush_cache = true;
    /// properties.max_indirect_segments = 256;
    /// properties.info = VdiskFlags::READ_ONLY;
    /// let limits = properties.limits()?;
    /// assert!(limits.offers(Operation::Flush));
    /// assert!(!limits.offers(Operation::Discard));
    /// # Ok::<(), xen_abi::blkif::LimitError>(())
    /// ```
    pub fn limits(&self) -> Result<Limits, LimitError> {
        let mut limits = Limits::new(self.sectors)
            .with_sector_size(self.sector_size)?
            .with_indirect(self.max_indirect_segments);
        if self.info.contains(VdiskFlags::READ_ONLY) {
            limits = limits.with_read_only();
        }
        if self.barrier {
            limits = limits.with_barrier();
        }
        if self.flush_cache {
            limits = limits.with_flush();
        }
        if let Some(discard) = self.discard {
            let mut of_discard = DiscardLimits::new(discard.granularity, discard.alignment)?;
            if discard.secure {
                of_discard = of_discard.with_secure();
            }
            limits = limits.with_discard(of_discard);
        }
        Ok(limits)
    }

    /// The disk's size in bytes.
    pub const fn bytes(&self) -> Option<u64> {
        self.sectors.checked_mul(512)
    }

    /// What the nodes must be to each other and to the ring's requests.
    fn check(&self) -> Result<(), ValueError> {
        let wrong = |name, value: &dyn fmt::Display, fault| {
            Err(ValueError::new(
                Node::new(name),
                Excerpt::printed(value),
                fault,
            ))
        };
        let too_large = |max: u64| Fault::Number(DecimalFault::TooLarge { max });
        let not_a_multiple = |value: u32, of: u32| value.checked_rem(of) != Some(0);

        let sector_size = self.sector_size;
        if sector_size < 512 {
            let fault = Fault::TooSmall { min: 512 };
            return wrong(names::SECTOR_SIZE, &sector_size, fault);
        }
        if sector_size > Self::MAX_SECTOR_SIZE {
            let fault = too_large(Self::MAX_SECTOR_SIZE.into());
            return wrong(names::SECTOR_SIZE, &sector_size, fault);
        }
        if !sector_size.is_power_of_two() {
            return wrong(names::SECTOR_SIZE, &sector_size, Fault::NotPowerOfTwo);
        }
        let physical = self.physical_sector_size;
        if physical == 0 || not_a_multiple(physical, sector_size) {
            let fault = Fault::NotAMultiple { of: sector_size };
            return wrong(names::PHYSICAL_SECTOR_SIZE, &physical, fault);
        }
        if self.sectors > Self::MAX_SECTORS {
            return wrong(names::SECTORS, &self.sectors, too_large(Self::MAX_SECTORS));
        }
        if self.max_indirect_segments > MAX_INDIRECT_SEGMENTS {
            let fault = too_large(MAX_INDIRECT_SEGMENTS.into());
            let value = &self.max_indirect_segments;
            return wrong(names::FEATURE_MAX_INDIRECT_SEGMENTS, value, fault);
        }
        if let Some(discard) = self.discard {
            if discard.granularity == 0 || not_a_multiple(discard.granularity, sector_size) {
                let fault = Fault::NotAMultiple { of: sector_size };
                return wrong(names::DISCARD_GRANULARITY, &discard.granularity, fault);
            }
            if not_a_multiple(discard.alignment, 512) {
                let fault = Fault::NotAMultiple { of: 512 };
                return wrong(names::DISCARD_ALIGNMENT, &discard.alignment, fault);
            }
        }
        Ok(())
    }
}
