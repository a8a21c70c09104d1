//! The pages in which the segments of an indirect request lie.
//!
//! The frontend lends them as it lends its ring, and may write to them while the backend reads. So a
//! segment is loaded once, as a whole, and checked as it is handed out; nothing in the pages is
//! looked at a second time.
#![allow(unsafe_code)]

use core::fmt;
use core::iter::FusedIterator;

use super::limits::{Limits, MAX_INDIRECT_SEGMENTS, SEGMENTS_PER_PAGE};
use super::refusal::BadRequest;
use super::request::Indirect;
use super::segment::Segment;
use super::wire::SEGMENT_BYTES;
use crate::ring::SharedMemory;

/// The segments of an indirect request, one by one out of its pages, each checked.
///
/// Every segment that comes is in its frame, and the run of sectors up to its end is on the disk.
/// After an error nothing more comes, and the request is to be [refused](super::Request::refuse)
/// with it. A backend that must not begin a transfer which turns out bad copies all segments first,
/// with [`read_into`](Self::read_into).
///
/// Header: `xen/include/public/io/blkif.h`.
#[derive(Debug)]
#[must_use = "segments are read as the iterator advances"]
pub struct IndirectSegments<'a, M> {
    /// Enough of them, and long enough, for `count` segments.
    pages: &'a [M],
    next: u16,
    count: u16,
    /// The first sector on the disk.
    sector: u64,
    /// How many sectors the segments so far have. At most 8 times 4096.
    sectors: u64,
    limits: Limits,
}

/// Checks that so many segments have room in pages.
fn check_pages<M: SharedMemory>(pages: &[M], count: u16) -> Result<(), IndirectError> {
    let mut left = usize::from(count);
    for (index, page) in pages.iter().enumerate() {
        if left == 0 {
            break;
        }
        let here = left.min(usize::from(SEGMENTS_PER_PAGE));
        let needed = here * SEGMENT_BYTES;
        let len = page.len();
        if len < needed {
            return Err(IndirectError::PageTooSmall { index, len, needed });
        }
        left -= here;
    }
    if left != 0 {
        return Err(IndirectError::Pages {
            given: pages.len(),
            needed: usize::from(count.div_ceil(SEGMENTS_PER_PAGE)),
        });
    }
    Ok(())
}

/// The page of a segment, and its offset there.
#[inline]
const fn place(index: u16) -> (usize, usize) {
    let page = (index / SEGMENTS_PER_PAGE) as usize;
    let offset = (index % SEGMENTS_PER_PAGE) as usize * SEGMENT_BYTES;
    (page, offset)
}

impl<'a, M: SharedMemory> IndirectSegments<'a, M> {
    /// The segments of a request in its pages: those of [`Indirect::page_grants`], in that order,
    /// mapped by the caller. The limits are those that the request was taken with.
    ///
    /// # Errors
    ///
    /// [`IndirectError::Pages`] or [`IndirectError::PageTooSmall`] if these pages can't be those of
    /// the request.
    pub fn new(request: &Indirect, pages: &'a [M], limits: &Limits) -> Result<Self, IndirectError> {
        let count = request.nr_segments();
        check_pages(pages, count)?;
        Ok(Self {
            pages,
            next: 0,
            count,
            sector: request.sector(),
            sectors: 0,
            limits: *limits,
        })
    }

    /// Copies all that are left into a buffer and returns that part of it.
    ///
    /// # Errors
    ///
    /// [`IndirectError::Buffer`] if the buffer is too short, [`IndirectError::Bad`] if something is
    /// wrong with a segment.
    pub fn read_into(self, buffer: &mut [Segment]) -> Result<&[Segment], IndirectError> {
        let needed = usize::from(self.count.wrapping_sub(self.next));
        let given = buffer.len();
        let Some(buffer) = buffer.get_mut(..needed) else {
            return Err(IndirectError::Buffer { given, needed });
        };
        for (to, from) in buffer.iter_mut().zip(self) {
            *to = from?;
        }
        Ok(buffer)
    }

    /// Loads and checks the next segment.
    #[inline]
    fn load(&mut self) -> Option<Result<Segment, BadRequest>> {
        if self.next >= self.count {
            return None;
        }
        let index = self.next;
        let (page, offset) = place(index);
        let page = self.pages.get(page)?;
        // SAFETY: `check_pages` has found the 8 bytes of each segment below `count` to lie in the
        // page, whose length doesn't change; the offset is a multiple of 8.
        let bytes = unsafe { page.load_u64(offset) };
        self.next = index.wrapping_add(1);
        let segment = Segment::unchecked(bytes);
        if let Err(bad) = segment.check(index, self.limits.mask) {
            return Some(Err(bad));
        }
        let sectors = self.sectors.wrapping_add(u64::from(segment.sectors()));
        match self.sector.checked_add(sectors) {
            Some(end) if end <= self.limits.sectors => {
                self.sectors = sectors;
                Some(Ok(segment))
            }
            _ => Some(Err(BadRequest::OutOfRange {
                sector: self.sector,
                sectors,
                capacity: self.limits.sectors,
            })),
        }
    }
}

impl<M: SharedMemory> Iterator for IndirectSegments<'_, M> {
    type Item = Result<Segment, BadRequest>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let item = self.load();
        if let Some(Err(_)) = item {
            self.next = self.count;
        }
        item
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::from(self.count.wrapping_sub(self.next));
        (left.min(1), Some(left))
    }
}

impl<M: SharedMemory> FusedIterator for IndirectSegments<'_, M> {}

/// Writes the segments of an indirect request into its pages, 512 to a page.
///
/// It is to be done before the request is pushed.
///
/// # Errors
///
/// [`IndirectError`] if the pages have no room for them, or there are more than
/// [`MAX_INDIRECT_SEGMENTS`].
pub fn write_indirect_segments<M: SharedMemory>(
    pages: &[M],
    segments: &[Segment],
) -> Result<(), IndirectError> {
    let count = match u16::try_from(segments.len()) {
        Ok(count) if count <= MAX_INDIRECT_SEGMENTS => count,
        other => {
            return Err(IndirectError::Bad(BadRequest::SegmentCount {
                count: other.unwrap_or(u16::MAX),
                max: MAX_INDIRECT_SEGMENTS,
            }));
        }
    };
    check_pages(pages, count)?;
    for (index, segment) in (0..count).zip(segments) {
        let (page, offset) = place(index);
        if let Some(page) = pages.get(page) {
            // SAFETY: as in `load`, with the same check above.
            unsafe { page.store_u64(offset, segment.bytes()) };
        }
    }
    Ok(())
}

/// Why segments were not read from pages, or not written there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum IndirectError {
    /// There are fewer pages than the segments fill.
    Pages {
        /// How many there are.
        given: usize,
        /// How many are needed.
        needed: usize,
    },
    /// A page is shorter than the segments in it.
    PageTooSmall {
        /// Which one.
        index: usize,
        /// Its length in bytes.
        len: usize,
        /// What the segments take.
        needed: usize,
    },
    /// The buffer is shorter than the segments.
    Buffer {
        /// How many have room.
        given: usize,
        /// How many there are.
        needed: usize,
    },
    /// The peer's fault: the request is to be refused with this.
    Bad(BadRequest),
}

impl fmt::Display for IndirectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pages { given, needed } => {
                write!(f, "{given} pages for segments that fill {needed}")
            }
            Self::PageTooSmall { index, len, needed } => write!(
                f,
                "page {index} has {len} bytes, its segments take {needed}"
            ),
            Self::Buffer { given, needed } => {
                write!(f, "a buffer for {given} of {needed} segments")
            }
            Self::Bad(bad) => bad.fmt(f),
        }
    }
}

impl core::error::Error for IndirectError {}

impl From<BadRequest> for IndirectError {
    fn from(bad: BadRequest) -> Self {
        Self::Bad(bad)
    }
}
