//! Requests, native and owned, and the checks that make them so.
//!
//! [`decode`] is the only way from a slot to a [`Request`]. It copies the head out of the slot,
//! decides by that copy, and copies what the operation has besides. The slot is not looked at again.

use xen_public::abi::x86_64::io::blkif as c;
use xen_public::grant_table::GrantRef;

use super::limits::{Limits, MAX_INDIRECT_SEGMENTS, SEGMENTS_PER_PAGE};
use super::message::{Operation, Response, Status};
use super::refusal::{BadRequest, Refusal};
use super::segment::{Segment, Segments};
use super::wire::{Head, PAGES, SEGMENTS, Wire};
use crate::ring::{SharedMemory, Slot};

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
    pub handle: u16,
    /// What it is.
    pub body: Body,
}

impl Request {
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
    #[inline(always)]
    fn check(&self, operation: Operation, limits: &Limits) -> Result<(), BadRequest> {
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
#[inline(always)]
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
    fn check(&self, limits: &Limits) -> Result<(), BadRequest> {
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
    direction: Direction,
    sector: u64,
    /// 1 to [`MAX_INDIRECT_SEGMENTS`].
    nr_segments: u16,
    /// Zero behind those that are needed.
    grants: [GrantRef; PAGES],
}

/// How many pages so many segments fill.
#[inline]
const fn pages(nr_segments: u16) -> usize {
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
    fn check(&self, limits: &Limits) -> Result<(), BadRequest> {
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

/// Copies a request out of a slot and checks it. Each byte that matters is loaded once.
#[inline(always)]
pub(super) fn decode<W: Wire, M: SharedMemory>(
    slot: &Slot<'_, W, M>,
    limits: &Limits,
) -> Result<Request, Refusal> {
    let head = W::head(slot);
    let refuse = |operation: u8, reason| Refusal {
        id: head.id,
        operation,
        reason,
    };
    let Some(operation) = Operation::from_code(head.operation) else {
        let operation = head.operation;
        return Err(refuse(
            operation,
            BadRequest::UnknownOperation { operation },
        ));
    };
    if !limits.offers(operation) {
        return Err(refuse(head.operation, BadRequest::NotOffered { operation }));
    }
    let request = |handle, body| Request {
        id: head.id,
        handle,
        body,
    };
    match operation {
        Operation::Read | Operation::Write | Operation::Barrier => {
            let transfer = transfer(slot, &head, operation, limits)
                .map_err(|reason| refuse(head.operation, reason))?;
            let body = match operation {
                Operation::Read => Body::Read(transfer),
                Operation::Write => Body::Write(transfer),
                _ => Body::Barrier(transfer),
            };
            Ok(request(head.third, body))
        }
        Operation::Flush => match head.second {
            0 => Ok(request(head.third, Body::Flush)),
            count => Err(refuse(
                head.operation,
                BadRequest::FlushWithSegments { count },
            )),
        },
        Operation::Discard => {
            let discard =
                discard(slot, &head, limits).map_err(|reason| refuse(head.operation, reason))?;
            Ok(request(head.third, Body::Discard(discard)))
        }
        Operation::Indirect => {
            let (handle, indirect) =
                indirect(slot, &head, limits).map_err(|reason| refuse(head.second, reason))?;
            Ok(request(handle, Body::Indirect(indirect)))
        }
    }
}

#[inline(always)]
fn transfer<W: Wire, M: SharedMemory>(
    slot: &Slot<'_, W, M>,
    head: &Head,
    operation: Operation,
    limits: &Limits,
) -> Result<Transfer, BadRequest> {
    let load = |at| Segment::unchecked(W::segment(slot, at));
    let Some(segments) = Segments::load(usize::from(head.second), load) else {
        return Err(BadRequest::SegmentCount {
            count: head.second.into(),
            max: SEGMENTS as u16,
        });
    };
    let transfer = Transfer {
        sector: head.sector,
        segments,
    };
    transfer.check(operation, limits)?;
    Ok(transfer)
}

#[inline]
fn discard<W: Wire, M: SharedMemory>(
    slot: &Slot<'_, W, M>,
    head: &Head,
    limits: &Limits,
) -> Result<Discard, BadRequest> {
    const SECURE: u8 = c::BLKIF_DISCARD_SECURE as u8;
    let flag = head.second;
    if flag & !SECURE != 0 {
        return Err(BadRequest::DiscardFlag { flag });
    }
    let offered = limits.discard.is_some_and(|discard| discard.secure);
    let discard = Discard {
        sector: head.sector,
        sectors: W::nr_sectors(slot),
        secure: offered && flag & SECURE != 0,
    };
    discard.check(limits)?;
    Ok(discard)
}

#[inline]
fn indirect<W: Wire, M: SharedMemory>(
    slot: &Slot<'_, W, M>,
    head: &Head,
    limits: &Limits,
) -> Result<(u16, Indirect), BadRequest> {
    let direction = match Operation::from_code(head.second) {
        Some(Operation::Read) => Direction::Read,
        Some(Operation::Write) => Direction::Write,
        _ => {
            let operation = head.second;
            return Err(BadRequest::IndirectOperation { operation });
        }
    };
    let (handle, grants) = W::indirect(slot);
    let mut indirect = Indirect {
        direction,
        sector: head.sector,
        nr_segments: head.third,
        grants: grants.map(GrantRef::new),
    };
    indirect.check(limits)?;
    let needed = pages(indirect.nr_segments);
    for grant in indirect.grants.iter_mut().skip(needed) {
        *grant = GrantRef::new(0);
    }
    Ok((handle, indirect))
}

/// Writes a request to a slot. Bytes that it doesn't have keep what they held.
#[inline(always)]
pub(super) fn encode<W: Wire, M: SharedMemory>(
    slot: &Slot<'_, W, M>,
    id: u64,
    handle: u16,
    body: &Body,
) {
    let mut head = Head {
        operation: body.operation().code(),
        second: 0,
        third: handle,
        id,
        sector: 0,
    };
    match body {
        Body::Read(transfer) | Body::Write(transfer) | Body::Barrier(transfer) => {
            head.second = transfer.segments.len() as u8;
            head.sector = transfer.sector;
            for (at, segment) in transfer.segments.iter().enumerate() {
                W::set_segment(slot, at, segment.bytes());
            }
        }
        Body::Flush => {}
        Body::Discard(discard) => {
            head.second = if discard.secure {
                c::BLKIF_DISCARD_SECURE as u8
            } else {
                0
            };
            head.sector = discard.sector;
            W::set_nr_sectors(slot, discard.sectors);
        }
        Body::Indirect(indirect) => {
            head.second = indirect.direction.operation().code();
            head.third = indirect.nr_segments;
            head.sector = indirect.sector;
            W::set_indirect(slot, handle, &indirect.grants.map(GrantRef::get));
        }
    }
    W::set_head(slot, &head);
}
