//! Pieces of frames to transfer.

use core::fmt;
use core::ops::Deref;

use xen_public::grant_table::GrantRef;

use super::refusal::BadRequest;
use super::wire::SEGMENTS;

/// The size of the sectors that all of blkif counts in, whatever the node `sector-size` says.
///
/// Header: `xen/include/public/io/blkif.h`.
pub const SECTOR_BYTES: usize = 512;

/// The number of sectors in a frame of 4096 bytes.
pub const SECTORS_PER_FRAME: u8 = 8;

/// A run of sectors in one frame, lent by the frontend, to be read from or written to.
///
/// Every value is in order and within the frame: `first_sect <= last_sect < 8`.
///
/// Header: `xen/include/public/io/blkif.h`.
#[doc(alias = "blkif_request_segment")]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Segment(
    /// The eight bytes as they lie in memory, the last two of them zero.
    u64,
);

/// The first six bytes, in memory's order.
const USED: u64 = u64::from_ne_bytes([255, 255, 255, 255, 255, 255, 0, 0]);

impl Segment {
    /// Fills the places in [`Segments`] behind the last.
    const NONE: Self = Self(0);

    /// The sectors `first_sect` to `last_sect`, both included, of a frame.
    ///
    /// # Errors
    ///
    /// [`BadRequest::SegmentRange`] with the index 0, if they are not in order or not in the frame.
    pub const fn new(gref: GrantRef, first_sect: u8, last_sect: u8) -> Result<Self, BadRequest> {
        if first_sect > last_sect || last_sect >= SECTORS_PER_FRAME {
            return Err(BadRequest::SegmentRange {
                index: 0,
                first_sect,
                last_sect,
            });
        }
        let [a, b, c, d] = gref.get().to_ne_bytes();
        let bytes = [a, b, c, d, first_sect, last_sect, 0, 0];
        Ok(Self(u64::from_ne_bytes(bytes)))
    }

    /// A whole frame.
    pub const fn whole(gref: GrantRef) -> Self {
        let [a, b, c, d] = gref.get().to_ne_bytes();
        let bytes = [a, b, c, d, 0, SECTORS_PER_FRAME - 1, 0, 0];
        Self(u64::from_ne_bytes(bytes))
    }

    /// What a peer wrote, not checked yet.
    #[inline(always)]
    pub(super) const fn unchecked(bytes: u64) -> Self {
        Self(bytes & USED)
    }

    /// The bytes as they lie in memory.
    #[inline(always)]
    pub(super) const fn bytes(self) -> u64 {
        self.0
    }

    /// The frame, by the frontend's grant.
    #[inline]
    pub const fn gref(self) -> GrantRef {
        let [a, b, c, d, ..] = self.0.to_ne_bytes();
        GrantRef::new(u32::from_ne_bytes([a, b, c, d]))
    }

    /// The first sector in the frame.
    #[inline]
    pub const fn first_sect(self) -> u8 {
        let [_, _, _, _, first_sect, ..] = self.0.to_ne_bytes();
        first_sect
    }

    /// The last sector in the frame, which is included.
    #[inline]
    pub const fn last_sect(self) -> u8 {
        let [_, _, _, _, _, last_sect, ..] = self.0.to_ne_bytes();
        last_sect
    }

    /// The number of sectors, 1 to 8.
    #[inline]
    pub const fn sectors(self) -> u8 {
        self.last_sect()
            .wrapping_sub(self.first_sect())
            .wrapping_add(1)
    }

    /// Where in the frame it begins, in bytes.
    #[inline]
    pub const fn offset(self) -> usize {
        self.first_sect() as usize * SECTOR_BYTES
    }

    /// Its length in bytes, 512 to 4096.
    #[inline]
    #[allow(clippy::len_without_is_empty)] // It never is.
    pub const fn len(self) -> usize {
        self.sectors() as usize * SECTOR_BYTES
    }

    /// Whether it is in order, in the frame, and of whole blocks of `mask + 1` sectors.
    #[inline(always)]
    pub(super) const fn is_good(self, mask: u8) -> bool {
        let (first, last) = (self.first_sect(), self.last_sect());
        (first <= last) & (last < SECTORS_PER_FRAME) & ((first | last.wrapping_add(1)) & mask == 0)
    }

    /// What is wrong with it, as the one at `index`.
    pub(super) const fn check(self, index: u16, mask: u8) -> Result<(), BadRequest> {
        let (first_sect, last_sect) = (self.first_sect(), self.last_sect());
        if self.is_good(mask) {
            Ok(())
        } else if self.is_good(0) {
            Err(BadRequest::SegmentAlignment {
                index,
                first_sect,
                last_sect,
                block: mask.wrapping_add(1),
            })
        } else {
            Err(BadRequest::SegmentRange {
                index,
                first_sect,
                last_sect,
            })
        }
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment")
            .field("gref", &self.gref())
            .field("first_sect", &self.first_sect())
            .field("last_sect", &self.last_sect())
            .finish()
    }
}

/// The segments of a request itself, at most 11. It is used as a slice.
#[derive(Clone, Copy)]
pub struct Segments {
    segments: [Segment; SEGMENTS],
    /// At most [`SEGMENTS`]. It has no padding behind it: compilers load a narrow field together with
    /// its padding, and a processor that has just stored the narrow one has to wait for that.
    len: usize,
}

impl Segments {
    /// The most there can be.
    #[doc(alias = "BLKIF_MAX_SEGMENTS_PER_REQUEST")]
    pub const MAX: usize = SEGMENTS;

    /// None at all, as a flush or an empty barrier has.
    pub const EMPTY: Self = Self {
        segments: [Segment::NONE; SEGMENTS],
        len: 0,
    };

    /// Those of a slice.
    ///
    /// # Errors
    ///
    /// [`BadRequest::SegmentCount`] if there are more than [`MAX`](Self::MAX).
    pub fn new(segments: &[Segment]) -> Result<Self, BadRequest> {
        let mut all = Self::EMPTY;
        all.load(segments.len(), |at| {
            segments.get(at).copied().unwrap_or(Segment::NONE)
        })
        .map(|_| all)
        .ok_or(BadRequest::SegmentCount {
            count: u16::try_from(segments.len()).unwrap_or(u16::MAX),
            max: SEGMENTS as u16,
        })
    }

    /// Becomes the first `count`, each of which `load` is asked for once. Nothing, and no change, if
    /// there are too many.
    #[inline(always)]
    pub(super) fn load(
        &mut self,
        count: usize,
        mut load: impl FnMut(usize) -> Segment,
    ) -> Option<Tally> {
        if count > SEGMENTS {
            return None;
        }
        let mut tally = Tally::NONE;
        for (at, place) in self.segments.iter_mut().enumerate() {
            if at >= count {
                break;
            }
            let segment = load(at);
            tally.add(segment);
            *place = segment;
        }
        self.len = count;
        Some(tally)
    }

    /// The number of sectors in all of them, if they are good, else what is wrong with the first
    /// that is not.
    pub(super) fn check(&self, mask: u8) -> Result<u64, BadRequest> {
        for (index, segment) in (0u16..).zip(self.iter()) {
            segment.check(index, mask)?;
        }
        Ok(self.sectors())
    }

    /// The number of sectors in all of them.
    #[inline]
    pub fn sectors(&self) -> u64 {
        self.iter()
            .map(|segment| u64::from(segment.sectors()))
            .sum()
    }
}

/// Segments taken together, so that good ones cost one look.
///
/// Bit by bit: if all are in the frame, no bit above the lowest three is set in any first or last
/// sector; if all begin with a block, none of the mask's bits is set in any first sector; if all end
/// with one, all of them are set in each last sector.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tally {
    any: Segment,
    all: Segment,
    /// Negative if a last sector lies before its first.
    order: i32,
    /// The sum of last sector less first sector.
    steps: i32,
    count: u32,
}

impl Tally {
    const NONE: Self = Self {
        any: Segment(0),
        all: Segment(u64::MAX),
        order: 0,
        steps: 0,
        count: 0,
    };

    #[inline(always)]
    fn add(&mut self, segment: Segment) {
        let step = i32::from(segment.last_sect()).wrapping_sub(segment.first_sect().into());
        self.any.0 |= segment.0;
        self.all.0 &= segment.0;
        self.order |= step;
        self.steps = self.steps.wrapping_add(step);
        self.count = self.count.wrapping_add(1);
    }

    /// The number of sectors, if all segments are good.
    #[inline(always)]
    pub(super) fn sectors(&self, mask: u8) -> Option<u64> {
        let outside = (self.any.first_sect() | self.any.last_sect()) >= SECTORS_PER_FRAME;
        let unaligned = (self.any.first_sect() | !self.all.last_sect()) & mask != 0;
        if outside | unaligned | (self.order < 0) {
            return None;
        }
        // Both are small and not negative.
        Some(u64::from(self.count.wrapping_add(self.steps as u32)))
    }
}

impl Deref for Segments {
    type Target = [Segment];

    #[inline]
    fn deref(&self) -> &[Segment] {
        self.segments.get(..self.len).unwrap_or_default()
    }
}

impl<'a> IntoIterator for &'a Segments {
    type Item = &'a Segment;
    type IntoIter = core::slice::Iter<'a, Segment>;

    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl PartialEq for Segments {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Segments {}

impl fmt::Debug for Segments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
