//! From a slot to a request, and from a request to a slot.
//!
//! [`decode`] is the only way from a slot to a [`Request`]. It copies the head out of the slot,
//! decides by that copy, and copies what the operation has besides. The slot is not looked at again.

use xen_public::abi::x86_64::io::blkif as c;
use xen_public::grant_table::GrantRef;

use super::limits::Limits;
use super::message::Operation;
use super::refusal::{BadRequest, Refusal};
use super::request::{Body, Direction, Discard, Indirect, Request, Transfer, pages};
use super::segment::{Segment, Segments, Tally};
use super::wire::{Head, SEGMENTS, Wire};
use crate::ring::{SharedMemory, Slot};

/// Copies a request out of a slot and checks it. Each byte that matters is loaded once.
///
/// The request is made where it stays, segment by segment: copying it as a whole right after would
/// take longer than making it, as processors can't read 16 bytes back while two stores of 8 are on
/// their way. After a refusal there is an empty one in its place.
#[inline(always)]
pub(super) fn decode<W: Wire, M: SharedMemory>(
    slot: &Slot<'_, W, M>,
    limits: &Limits,
    request: &mut Request,
) -> Result<(), Refusal> {
    const READ: u8 = Operation::Read.code();
    const WRITE: u8 = Operation::Write.code();
    let head = W::head(slot);
    let transfer = Transfer {
        sector: head.sector,
        segments: Segments::EMPTY,
    };
    let write = match head.operation {
        READ => {
            request.body = Body::Read(transfer);
            false
        }
        WRITE => {
            request.body = Body::Write(transfer);
            true
        }
        _ => return keep(decode_other(slot, &head, limits), request),
    };
    request.id = head.id;
    request.handle = head.third;
    // What most requests are, reads and writes without fault, is found out by one look at all of it.
    if let Body::Read(transfer) | Body::Write(transfer) = &mut request.body {
        let load = |at| Segment::unchecked(W::segment(slot, at));
        let count = usize::from(head.second);
        return match transfer.segments.load(count, load) {
            Some(tally) if is_good(&head, write, &tally, limits) => Ok(()),
            Some(_) => keep(decode_doubtful(&head, &transfer.segments, limits), request),
            None => keep(Err(too_many(&head)), request),
        };
    }
    // Not reached: the body was made one of both.
    keep(Err(too_many(&head)), request)
}

/// Keeps a request, or an empty one in place of what is refused.
#[cold]
fn keep(decoded: Result<Request, Refusal>, request: &mut Request) -> Result<(), Refusal> {
    match decoded {
        Ok(decoded) => {
            *request = decoded;
            Ok(())
        }
        Err(refusal) => {
            *request = Request::EMPTY;
            Err(refusal)
        }
    }
}

/// Whether a read or write is within the limits, at one look. What is not good here gets another.
#[inline(always)]
fn is_good(head: &Head, write: bool, tally: &Tally, limits: &Limits) -> bool {
    let sector = head.sector;
    if head.second == 0 || (write && limits.read_only) || sector & u64::from(limits.mask) != 0 {
        return false;
    }
    match tally.sectors(limits.mask) {
        Some(sectors) => sector <= limits.sectors && sectors <= limits.sectors.wrapping_sub(sector),
        None => false,
    }
}

/// Checks the copied segments of a read, write or barrier one by one.
#[cold]
fn decode_doubtful(head: &Head, segments: &Segments, limits: &Limits) -> Result<Request, Refusal> {
    let transfer = Transfer {
        sector: head.sector,
        segments: *segments,
    };
    let body = match Operation::from_code(head.operation) {
        Some(Operation::Read) => Body::Read(transfer),
        Some(Operation::Write) => Body::Write(transfer),
        _ => Body::Barrier(transfer),
    };
    match transfer.check(body.operation(), limits) {
        Ok(()) => Ok(request(head, head.third, body)),
        Err(reason) => Err(refuse(head, head.operation, reason)),
    }
}

fn request(head: &Head, handle: u16, body: Body) -> Request {
    let id = head.id;
    Request { id, handle, body }
}

fn refuse(head: &Head, operation: u8, reason: BadRequest) -> Refusal {
    Refusal {
        id: head.id,
        operation,
        reason,
    }
}

#[cold]
fn too_many(head: &Head) -> Refusal {
    let reason = BadRequest::SegmentCount {
        count: head.second.into(),
        max: SEGMENTS as u16,
    };
    refuse(head, head.operation, reason)
}

/// As [`decode`], for what is neither read nor write, and of which only the head was loaded.
#[inline(never)]
fn decode_other<W: Wire, M: SharedMemory>(
    slot: &Slot<'_, W, M>,
    head: &Head,
    limits: &Limits,
) -> Result<Request, Refusal> {
    let Some(operation) = Operation::from_code(head.operation) else {
        let operation = head.operation;
        let reason = BadRequest::UnknownOperation { operation };
        return Err(refuse(head, operation, reason));
    };
    if !limits.offers(operation) {
        let reason = BadRequest::NotOffered { operation };
        return Err(refuse(head, head.operation, reason));
    }
    match operation {
        Operation::Read | Operation::Write | Operation::Barrier => {
            let load = |at| Segment::unchecked(W::segment(slot, at));
            let mut segments = Segments::EMPTY;
            match segments.load(usize::from(head.second), load) {
                Some(_) => decode_doubtful(head, &segments, limits),
                None => Err(too_many(head)),
            }
        }
        Operation::Flush => match head.second {
            0 => Ok(request(head, head.third, Body::Flush)),
            count => {
                let reason = BadRequest::FlushWithSegments { count };
                Err(refuse(head, head.operation, reason))
            }
        },
        Operation::Discard => match discard(slot, head, limits) {
            Ok(discard) => Ok(request(head, head.third, Body::Discard(discard))),
            Err(reason) => Err(refuse(head, head.operation, reason)),
        },
        Operation::Indirect => match indirect(slot, head, limits) {
            Ok((handle, indirect)) => Ok(request(head, handle, Body::Indirect(indirect))),
            Err(reason) => Err(refuse(head, head.second, reason)),
        },
    }
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
