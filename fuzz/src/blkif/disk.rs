//! What may be asked of a disk, by the letter.

use xen_abi::blkif::{DiscardLimits, Limits, MAX_INDIRECT_SEGMENTS};

use crate::script::Script;

/// What a disk is and offers, as plain numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Disk {
    pub(crate) sectors: u64,
    /// Sectors in a block.
    pub(crate) block: u8,
    pub(crate) read_only: bool,
    pub(crate) barrier: bool,
    pub(crate) flush: bool,
    /// Sectors of a unit, where the first one begins, and whether it can be secure.
    pub(crate) discard: Option<(u64, u64, bool)>,
    pub(crate) indirect: u16,
}

impl Disk {
    pub(crate) fn new(script: &mut Script<'_>) -> Self {
        let flags = script.u8();
        let sectors = match script.u8() % 4 {
            0 => script.u8().into(),
            1 => 1 << 40,
            2 => u64::MAX,
            _ => script.u64(),
        };
        let unit = 1 + u64::from(script.u8() % 9);
        Self {
            sectors,
            block: 1 << (flags & 3),
            read_only: flags & 4 != 0,
            barrier: flags & 8 == 0,
            flush: flags & 16 == 0,
            discard: (flags & 32 == 0).then(|| {
                let offset = u64::from(script.u8()) % unit;
                (unit, offset, flags & 64 == 0)
            }),
            indirect: match flags & 128 {
                0 => script.u16() % (MAX_INDIRECT_SEGMENTS + 1),
                _ => 0,
            },
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        let mut limits = Limits::new(self.sectors)
            .with_sector_size(u32::from(self.block) * 512)
            .expect("a size of sectors")
            .with_indirect(self.indirect);
        if self.read_only {
            limits = limits.with_read_only();
        }
        if self.barrier {
            limits = limits.with_barrier();
        }
        if self.flush {
            limits = limits.with_flush();
        }
        if let Some((unit, offset, secure)) = self.discard {
            let (unit, offset) = (unit as u32 * 512, offset as u32 * 512);
            let mut discard = DiscardLimits::new(unit, offset).expect("whole sectors");
            if secure {
                discard = discard.with_secure();
            }
            limits = limits.with_discard(discard);
        }
        limits
    }

    /// Whether a run of sectors is on the disk.
    pub(crate) fn holds(&self, sector: u64, sectors: u64) -> bool {
        u128::from(sector) + u128::from(sectors) <= self.sectors.into()
    }

    /// Whether this is a number of whole blocks.
    pub(crate) fn is_whole(&self, sectors: u64) -> bool {
        sectors % u64::from(self.block) == 0
    }

    /// Whether the first and last sector of a segment are in order and in its frame.
    pub(crate) fn is_range(first: u8, last: u8) -> bool {
        first <= last && last < 8
    }

    /// Whether a segment from a sector to another has whole blocks.
    pub(crate) fn is_aligned(&self, first: u8, last: u8) -> bool {
        self.is_whole(first.into()) && self.is_whole(u64::from(last) + 1)
    }
}
