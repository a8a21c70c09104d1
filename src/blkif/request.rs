//! Requests, native and owned, and what there is to check in them.

use xen_public::grant_table::GrantRef;

use super::limits::{Limits, MAX_INDIRECT_SEGMENTS, SEGMENTS_PER_PAGE};
use super::message::{Operation, Response, Status};
use super::refusal::{BadRequest, Refusal};
use super::segment::{Segment, Segments};
use super::wire::PAGES;

/// What a frontend asks for.
///
/// One that a backend ring handed out is within the [`Limits`] it was taken with.
#[doc(alias = "blkif_request")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "a request without a response occupies its slot for ever"]
pub struct Request {
    /// The frontend's name for it, which the response repeats.
    pub id: u64,
    /// Which virtual disk; the frontend says so, nothing follows from it.
    #[doc(alias = "blkif_vdev_t")]
    pub handle: u16,
    /// What it is.
    pub body: Body,
}

impl Request {
    /// A place for [`BackRing::take_into`](super::BackRing::take_into) to fill: a flush with the id 0.
    pub const EMPTY: Self = Self {
        id: 0,
        handle: 0,
        body: Body::Flush,
    };

    /// The response to this request.
    #[inline]
    pub const fn respond(&self, status: Status) -> Response {
        Response {
            id: self.id,
            operation: self.body.response_operation().code(),
            status,
        }
    }

    /// The refusal of this request for something that turned up later, as in its indirect pages.
    #[inline]
    pub const fn refuse(&self, reason: BadRequest) -> Refusal {
        Refusal {
            id: self.id,
            operation: self.body.response_operation().code(),
            reason,
        }
    }
}

/// What a request is, by its operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Body {
    /// From the disk into frames.
    Read(Transfer),
    /// From frames to the disk.
    Write(Transfer),
    /// A write after all writes before it and before all writes behind it. It may have no segments;
    /// then its sector means nothing.
    Barrier(Transfer),
    /// What was written goes to stable storage.
    Flush,
    /// Sectors are no longer in use.
    Discard(Discard),
    /// A read or write whose segments lie in pages of their own.
    Indirect(Indirect),
}

impl Body {
    /// The operation.
    #[inline]
    pub const fn operation(&self) -> Operation {
        match self {
            Self::Read(_) => Operation::Read,
            Self::Write(_) => Operation::Write,
            Self::Barrier(_) => Operation::Barrier,
            Self::Flush => Operation::Flush,
            Self::Discard(_) => Operation::Discard,
            Self::Indirect(_) => Operation::Indirect,
        }
    }

    /// The operation in the response.
    ///
    /// The header says that it is copied from the request. For an indirect one Linux's backend
    /// copies `indirect_op`, and its frontend gives up a device that copies `operation`.
    #[inline]
    pub const fn response_operation(&self) -> Operation {
        match self {
            Self::Indirect(indirect) => indirect.direction.operation(),
            _ => self.operation(),
        }
    }

    /// Checks it against limits: what a backend with these would find wrong.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    #[inline]
    pub fn check(&self, limits: &Limits) -> Result<(), BadRequest> {
        let operation = self.operation();
        if !limits.offers(operation) {
            return Err(BadRequest::NotOffered { operation });
        }
        match self {
            Self::Read(transfer) | Self::Write(transfer) | Self::Barrier(transfer) => {
                transfer.check(operation, limits)
            }
            Self::Flush => Ok(()),
            Self::Discard(discard) => discard.check(limits),
            Self::Indirect(indirect) => indirect.check(limits),
        }
    }
}

/// A run of sectors on the disk, and the frames that it goes to or comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transfer {
    /// The first sector, in units of 512 bytes.
    #[doc(alias = "sector_number")]
    pub sector: u64,
    /// The frames, in the order of the disk.
    pub segments: Segments,
}

impl Transfer {
    /// From `sector` on, into or from these segments.
    ///
    /// # Errors
    ///
    /// [`BadRequest::SegmentCount`] if there are more than [`Segments::MAX`].
    pub fn new(sector: u64, segments: &[Segment]) -> Result<Self, BadRequest> {
        let segments = Segments::new(segments)?;
        Ok(Self { sector, segments })
    }

    /// Of a read, write or barrier.
    pub(super) fn check(&self, operation: Operation, limits: &Limits) -> Result<(), BadRequest> {
        if self.segments.is_empty() {
            return match operation {
                Operation::Barrier => Ok(()),
                _ => Err(BadRequest::NoSegments),
            };
        }
        if limits.read_only && operation != Operation::Read {
            return Err(BadRequest::ReadOnly { operation });
        }
        let sectors = self.segments.check(limits.mask)?;
        check_run(self.sector, sectors, limits)
    }
}

/// Checks a run of sectors against the disk.
pub(super) fn check_run(sector: u64, sectors: u64, limits: &Limits) -> Result<(), BadRequest> {
    if (sector | sectors) & u64::from(limits.mask) != 0 {
        return Err(BadRequest::Alignment {
            sector,
            sectors,
            block: limits.mask.wrapping_add(1),
        });
    }
    match sector.checked_add(sectors) {
        Some(end) if end <= limits.sectors => Ok(()),
        _ => Err(BadRequest::OutOfRange {
            sector,
            sectors,
            capacity: limits.sectors,
        }),
    }
}

/// Sectors that are no longer in use.
#[doc(alias = "blkif_request_discard")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Discard {
    /// The first sector, in units of 512 bytes.
    #[doc(alias = "sector_number")]
    pub sector: u64,
    /// The number of sectors.
    #[doc(alias = "nr_sectors")]
    pub sectors: u64,
    /// Whether no copy of them may stay. A backend that doesn't offer it ignores it, by the header.
    #[doc(alias = "BLKIF_DISCARD_SECURE")]
    pub secure: bool,
}

impl Discard {
    #[inline]
    pub(super) fn check(&self, limits: &Limits) -> Result<(), BadRequest> {
        let Some(discard) = limits.discard else {
            let operation = Operation::Discard;
            return Err(BadRequest::NotOffered { operation });
        };
        if limits.read_only {
            let operation = Operation::Discard;
            return Err(BadRequest::ReadOnly { operation });
        }
        let sector = self.sector;
        if self.sectors == 0 {
            return Err(BadRequest::EmptyDiscard);
        }
        if sector % discard.granularity != discard.alignment {
            return Err(BadRequest::DiscardAlignment {
                sector,
                granularity: discard.granularity.get(),
                alignment: discard.alignment,
            });
        }
        check_run(sector, self.sectors, limits)
    }
}

/// Whether an indirect request reads or writes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// From the disk into frames.
    Read,
    /// From frames to the disk.
    Write,
}

impl Direction {
    /// As an operation.
    #[inline]
    pub const fn operation(self) -> Operation {
        match self {
            Self::Read => Operation::Read,
            Self::Write => Operation::Write,
        }
    }
}

/// A read or write whose segments lie in pages of their own, lent by the frontend.
///
/// [`IndirectSegments`](super::IndirectSegments) gets them from there.
#[doc(alias = "blkif_request_indirect")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Indirect {
    pub(super) direction: Direction,
    pub(super) sector: u64,
    /// 1 to [`MAX_INDIRECT_SEGMENTS`].
    pub(super) nr_segments: u16,
    /// Zero behind those that are needed.
    pub(super) grants: [GrantRef; PAGES],
}

/// How many pages so many segments fill.
#[inline]
pub(super) const fn pages(nr_segments: u16) -> usize {
    nr_segments.div_ceil(SEGMENTS_PER_PAGE) as usize
}

impl Indirect {
    /// From `sector` on, into or from `nr_segments` segments in the pages of these grants.
    ///
    /// # Errors
    ///
    /// [`BadRequest`] if there are no segments, more than [`MAX_INDIRECT_SEGMENTS`], or another
    /// number of pages than they fill.
    pub fn new(
        direction: Direction,
        sector: u64,
        nr_segments: u16,
        page_grants: &[GrantRef],
    ) -> Result<Self, BadRequest> {
        check_count(nr_segments, MAX_INDIRECT_SEGMENTS)?;
        let needed = pages(nr_segments);
        if page_grants.len() != needed {
            return Err(BadRequest::IndirectPages {
                count: page_grants.len(),
                needed,
            });
        }
        let mut grants = [GrantRef::new(0); PAGES];
        for (to, from) in grants.iter_mut().zip(page_grants) {
            *to = *from;
        }
        Ok(Self {
            direction,
            sector,
            nr_segments,
            grants,
        })
    }

    /// Whether it reads or writes.
    #[doc(alias = "indirect_op")]
    #[inline]
    pub const fn direction(&self) -> Direction {
        self.direction
    }

    /// The first sector, in units of 512 bytes.
    #[doc(alias = "sector_number")]
    #[inline]
    pub const fn sector(&self) -> u64 {
        self.sector
    }

    /// The number of segments, 1 to [`MAX_INDIRECT_SEGMENTS`].
    #[inline]
    pub const fn nr_segments(&self) -> u16 {
        self.nr_segments
    }

    /// The pages with the segments, 512 in each but the last.
    #[doc(alias = "indirect_grefs")]
    #[inline]
    pub fn page_grants(&self) -> &[GrantRef] {
        self.grants
            .get(..pages(self.nr_segments))
            .unwrap_or_default()
    }

    #[inline]
    pub(super) fn check(&self, limits: &Limits) -> Result<(), BadRequest> {
        check_count(self.nr_segments, limits.indirect)?;
        if limits.read_only && self.direction == Direction::Write {
            let operation = Operation::Write;
            return Err(BadRequest::ReadOnly { operation });
        }
        // Each segment has a block at least.
        let block = u64::from(limits.mask) + 1;
        check_run(self.sector, u64::from(self.nr_segments) * block, limits)
    }
}

/// Checks the number of an indirect request's segments.
#[inline]
const fn check_count(count: u16, max: u16) -> Result<(), BadRequest> {
    if count == 0 {
        Err(BadRequest::NoSegments)
    } else if count > max {
        Err(BadRequest::SegmentCount { count, max })
    } else {
        Ok(())
    }
}
