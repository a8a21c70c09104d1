//! Requests from rings of either layout, in a hostile frontend's page.

use xen_abi::blkif::{
    BackRing, BadRequest, Body, FrontRing, Layout, Operation, Refusal, Request, Shadow, Status,
};
use xen_abi::ring::{HEADER_BYTES, PutError};

use super::disk::Disk;
use super::{Offsets, body, offsets};
use crate::kinds::{REQ_PROD, RSP_PROD};
use crate::memory::{Log, Page};
use crate::script::Script;

/// Requests from a ring of x86_32's layout.
///
/// Every request that comes out is made of bytes that were loaded once, and keeps to the limits; of
/// every one that is refused, the reason is true of those bytes; and both are answered with the request's
/// own id.
pub fn blkif_x86_32(data: &[u8]) {
    run(Layout::X86_32, &mut Script::new(data));
}

/// Requests from a ring of x86_64's layout, which is also Arm's: as [`blkif_x86_32`].
pub fn blkif_x86_64(data: &[u8]) {
    run(Layout::X86_64, &mut Script::new(data));
}

fn run(layout: Layout, script: &mut Script<'_>) {
    let disk = Disk::new(script);
    let limits = disk.limits();
    let offsets = offsets(layout);
    let size = 1_u32 << script.below(4);
    let page = &Page::new(HEADER_BYTES + size as usize * offsets.slot);
    let start = script.index();
    page.set_u32(REQ_PROD, start);
    let mut ring = BackRing::attach(layout, page, start).expect("there is room for a slot");
    assert_eq!((ring.size(), ring.layout()), (size, layout));
    let place = |index: u32| HEADER_BYTES + (index % size) as usize * offsets.slot;
    let (mut taken, mut answered) = (start, start);
    // The answers that are due.
    let mut due = Vec::new();
    while !script.is_empty() {
        page.forget();
        match script.u8() % 8 {
            0 => page.scribble(script),
            1 => page.set_drift(script.some_bytes()),
            2 => page.set_u32(REQ_PROD, taken.wrapping_add(script.step() % 32)),
            3 => {
                let next = place(page.get_u32(REQ_PROD));
                write_request(layout, page, next, script);
                announce(page);
            }
            4 => {
                // The first bytes decide the most.
                let next = place(page.get_u32(REQ_PROD));
                page.fill(next, script.bytes(4));
                let rest = next + offsets.sector;
                page.fill(rest, script.some_bytes());
                announce(page);
            }
            5..=6 => {
                let found = ring.take(&limits);
                let log = page.log();
                match found {
                    Err(error) => {
                        assert_eq!(ring.take(&limits), Err(error));
                        let response = Refusal {
                            id: 0,
                            operation: 0,
                            reason: BadRequest::NoSegments,
                        };
                        let put = ring.put(&response.response());
                        assert_eq!(put, Err(PutError::Corrupt(error)));
                        return;
                    }
                    Ok(None) => assert_eq!(log.loaded_u32(REQ_PROD), [taken]),
                    Ok(Some(found)) => {
                        let at = place(taken);
                        let slot = Slot {
                            offsets: &offsets,
                            bytes: log.loaded(at..at + offsets.slot),
                        };
                        check_elsewhere(&log, at, offsets.slot);
                        drop(log);
                        slot.check(&disk, &found);
                        if let Ok(request) = &found {
                            assert_eq!(request.body.check(&limits), Ok(()));
                            again(layout, &disk, request);
                        }
                        due.push(slot.answer(&found));
                        taken = taken.wrapping_add(1);
                    }
                }
            }
            _ => {
                let Some((response, bytes)) = due.pop() else {
                    continue;
                };
                ring.put(&response).expect("it was asked for");
                let at = place(answered);
                // Byte 9 is padding.
                assert_eq!(page.read(at, 12), bytes);
                assert_eq!(
                    page.log().stores().map(|(_, b)| b.len()).sum::<usize>(),
                    offsets.response
                );
                answered = answered.wrapping_add(1);
                let _ = ring.push_and_check_notify();
                assert_eq!(page.get_u32(RSP_PROD), answered);
            }
        }
        assert_eq!(ring.unanswered(), taken.wrapping_sub(answered));
        assert!(ring.unanswered() <= size && due.len() == ring.unanswered() as usize);
    }
}

/// One more request.
fn announce(page: &Page) {
    page.set_u32(REQ_PROD, page.get_u32(REQ_PROD).wrapping_add(1));
}

/// Lets a frontend of the same layout write a request to a slot.
fn write_request(layout: Layout, page: &Page, at: usize, script: &mut Script<'_>) {
    let (id, handle) = (script.u8(), script.u8());
    page.fill(at, &encoded(layout, &body(script), handle.into()));
    page.poke(at + offsets(layout).id, id);
}

/// The bytes of a slot with a request.
fn encoded(layout: Layout, body: &Body, handle: u16) -> Vec<u8> {
    let slot = offsets(layout).slot;
    let page = &Page::new(HEADER_BYTES + slot);
    let mut front =
        FrontRing::init(layout, page, [Shadow::FREE], handle).expect("there is room for a slot");
    front.put(body, 0).expect("it is well-formed");
    page.read(HEADER_BYTES, slot)
}

/// A request that was taken is the same when it is written and taken again.
fn again(layout: Layout, disk: &Disk, request: &Request) {
    let bytes = encoded(layout, &request.body, request.handle);
    let page = &Page::new(HEADER_BYTES + bytes.len());
    page.fill(HEADER_BYTES, &bytes);
    page.set_u32(REQ_PROD, 1);
    let mut ring = BackRing::attach(layout, page, 0).expect("there is room for a slot");
    let found = ring.take(&disk.limits()).expect("one request");
    let expected = Request { id: 0, ..*request };
    assert_eq!(found, Some(Ok(expected)));
}

/// Nothing was loaded but the slot and perhaps the producer's index.
fn check_elsewhere(log: &Log, at: usize, slot: usize) {
    for (offset, _) in log.loads() {
        assert!(offset == REQ_PROD || (at..at + slot).contains(&offset));
    }
    assert_eq!(log.stores().count(), 0);
}

/// What was loaded of a slot.
struct Slot<'a> {
    offsets: &'a Offsets,
    bytes: Vec<Option<u8>>,
}

impl Slot<'_> {
    /// Bytes that must have been loaded.
    fn get<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes = [0; N];
        for (to, from) in bytes.iter_mut().zip(&self.bytes[at..at + N]) {
            *to = from.expect("what is decided on was loaded");
        }
        bytes
    }

    fn u16(&self, at: usize) -> u16 {
        u16::from_ne_bytes(self.get(at))
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_ne_bytes(self.get(at))
    }

    fn u64(&self, at: usize) -> u64 {
        u64::from_ne_bytes(self.get(at))
    }

    fn operation(&self) -> u8 {
        self.get::<1>(0)[0]
    }

    fn second(&self) -> u8 {
        self.get::<1>(1)[0]
    }

    fn sector(&self) -> u64 {
        self.u64(self.offsets.sector)
    }

    /// The range of a segment.
    fn range(&self, index: usize) -> (u8, u8) {
        let [first, last] = self.get(self.offsets.rest + 8 * index + 4);
        (first, last)
    }

    /// The number of sectors of so many segments that are in order.
    fn sectors(&self, count: u8) -> u64 {
        (0..count.into())
            .map(|index| self.range(index))
            .map(|(first, last)| u64::from(last) - u64::from(first) + 1)
            .sum()
    }

    /// Whether it is one of these.
    fn is(&self, operations: &[u8]) -> bool {
        operations.contains(&self.operation())
    }

    fn check(&self, disk: &Disk, found: &Result<Request, Refusal>) {
        match found {
            Ok(request) => self.accepted(disk, request),
            Err(refusal) => {
                assert_eq!(refusal.id, self.u64(self.offsets.id));
                assert!(
                    self.refused(disk, &refusal.reason),
                    "{refusal} {disk:?} {:?}",
                    self.bytes
                );
                assert!(refusal.to_string().is_ascii());
            }
        }
    }

    /// A request is what the bytes say, and the disk allows it.
    fn accepted(&self, disk: &Disk, request: &Request) {
        let rest = self.offsets.rest;
        assert_eq!(request.id, self.u64(self.offsets.id));
        let handle = if self.is(&[6]) { rest } else { 2 };
        assert_eq!(request.handle, self.u16(handle));
        match &request.body {
            Body::Read(transfer) | Body::Write(transfer) | Body::Barrier(transfer) => {
                let operation = request.body.operation();
                assert_eq!(operation.code(), self.operation());
                let segments = &transfer.segments;
                assert_eq!(transfer.sector, self.sector());
                assert_eq!(segments.len(), usize::from(self.second()));
                assert!(segments.len() <= 11);
                if segments.is_empty() {
                    assert!(operation == Operation::Barrier && disk.barrier);
                    return;
                }
                for (index, segment) in segments.iter().enumerate() {
                    let (first, last) = self.range(index);
                    assert_eq!((segment.first_sect(), segment.last_sect()), (first, last));
                    assert_eq!(segment.gref().get(), self.u32(rest + 8 * index));
                    assert!(Disk::is_range(first, last) && disk.is_aligned(first, last));
                    assert!(segment.offset() + segment.len() <= 4096);
                }
                assert_eq!(segments.sectors(), self.sectors(self.second()));
                assert!(disk.holds(transfer.sector, segments.sectors()));
                assert!(disk.is_whole(transfer.sector));
                assert!(!disk.read_only || operation == Operation::Read);
                assert!(disk.barrier || operation != Operation::Barrier);
            }
            Body::Flush => assert!(self.is(&[3]) && self.second() == 0 && disk.flush),
            Body::Discard(discard) => {
                let (unit, offset, secure) = disk.discard.expect("it is offered");
                assert!(self.is(&[5]) && self.second() <= 1 && !disk.read_only);
                assert_eq!(discard.sector, self.sector());
                assert_eq!(discard.sectors, self.u64(rest));
                assert_eq!(discard.secure, secure && self.second() == 1);
                assert!(discard.sectors != 0 && disk.holds(discard.sector, discard.sectors));
                assert_eq!(discard.sector % unit, offset);
                assert!(disk.is_whole(discard.sector) && disk.is_whole(discard.sectors));
            }
            Body::Indirect(indirect) => {
                assert!(self.is(&[6]) && disk.indirect != 0);
                let operation = indirect.direction().operation();
                assert_eq!(operation.code(), self.second());
                let count = indirect.nr_segments();
                assert_eq!(count, self.u16(2));
                assert!(count > 0 && count <= disk.indirect);
                assert!(!disk.read_only || operation == Operation::Read);
                assert_eq!(indirect.sector(), self.sector());
                let pages = indirect.page_grants();
                assert_eq!(pages.len(), usize::from(count).div_ceil(512));
                for (page, grant) in pages.iter().enumerate() {
                    assert_eq!(grant.get(), self.u32(rest + 4 + 4 * page));
                }
                assert!(disk.holds(indirect.sector(), u64::from(count) * u64::from(disk.block)));
                assert!(disk.is_whole(indirect.sector()));
            }
            other => panic!("{other:?}"),
        }
    }

    /// Whether a reason for a refusal is true.
    fn refused(&self, disk: &Disk, reason: &BadRequest) -> bool {
        let (op, second, sector) = (self.operation(), self.second(), self.sector());
        let rest = self.offsets.rest;
        let offered = [
            true,
            true,
            disk.barrier,
            disk.flush,
            false,
            disk.discard.is_some(),
        ];
        match *reason {
            BadRequest::UnknownOperation { operation } => {
                operation == op && !(op <= 3 || op == 5 || op == 6)
            }
            BadRequest::NotOffered { operation } => {
                let there = offered.get(usize::from(op)).copied();
                operation.code() == op && !there.unwrap_or(disk.indirect != 0)
            }
            BadRequest::NoSegments => match op {
                6 => self.u16(2) == 0,
                _ => second == 0 && self.is(&[0, 1]),
            },
            BadRequest::SegmentCount { count, max } => match op {
                6 => count == self.u16(2) && max == disk.indirect && count > max,
                _ => count == second.into() && max == 11 && count > max && self.is(&[0, 1, 2]),
            },
            BadRequest::FlushWithSegments { count } => {
                count == second && count > 0 && self.is(&[3])
            }
            BadRequest::SegmentRange {
                index,
                first_sect,
                last_sect,
            } => {
                (first_sect, last_sect) == self.range(index.into())
                    && index < second.into()
                    && !Disk::is_range(first_sect, last_sect)
                    && self.is(&[0, 1, 2])
            }
            BadRequest::SegmentAlignment {
                index,
                first_sect,
                last_sect,
                block,
            } => {
                (first_sect, last_sect) == self.range(index.into())
                    && index < second.into()
                    && block == disk.block
                    && !disk.is_aligned(first_sect, last_sect)
                    && self.is(&[0, 1, 2])
            }
            BadRequest::Alignment {
                sector: from,
                sectors,
                block,
            } => {
                from == sector
                    && sectors == self.length(disk)
                    && block == disk.block
                    && !(disk.is_whole(sector) && disk.is_whole(sectors))
            }
            BadRequest::OutOfRange {
                sector: from,
                sectors,
                capacity,
            } => {
                from == sector
                    && sectors == self.length(disk)
                    && capacity == disk.sectors
                    && !disk.holds(sector, sectors)
            }
            BadRequest::ReadOnly { operation } => {
                let code = if op == 6 { second } else { op };
                disk.read_only && code != 0 && code == operation.code()
            }
            BadRequest::IndirectOperation { operation } => {
                op == 6 && operation == second && second > 1
            }
            BadRequest::EmptyDiscard => op == 5 && self.u64(rest) == 0,
            BadRequest::DiscardFlag { flag } => op == 5 && flag == second && flag > 1,
            BadRequest::DiscardAlignment {
                sector: from,
                granularity,
                alignment,
            } => disk.discard.is_some_and(|(unit, offset, _)| {
                (from, granularity, alignment) == (sector, unit, offset)
                    && sector % unit != offset
                    && op == 5
            }),
            _ => false,
        }
    }

    /// How many sectors a request that is well-formed so far has at least.
    fn length(&self, disk: &Disk) -> u64 {
        match self.operation() {
            5 => self.u64(self.offsets.rest),
            6 => u64::from(self.u16(2)) * u64::from(disk.block),
            _ => self.sectors(self.second()),
        }
    }

    /// The answer, and the twelve bytes with which it begins in either layout.
    fn answer(&self, found: &Result<Request, Refusal>) -> (xen_abi::blkif::Response, Vec<u8>) {
        let mut bytes: Vec<u8> = self.get::<8>(self.offsets.id).to_vec();
        let (response, status) = match found {
            Ok(request) => {
                let inner = matches!(request.body, Body::Indirect(_));
                bytes.push(if inner {
                    self.second()
                } else {
                    self.operation()
                });
                (request.respond(Status::Okay), 0_i16)
            }
            Err(refusal) => {
                let unknown = matches!(
                    refusal.reason,
                    BadRequest::UnknownOperation { .. } | BadRequest::NotOffered { .. }
                );
                let inner = self.is(&[6]) && !unknown;
                bytes.push(if inner {
                    self.second()
                } else {
                    self.operation()
                });
                (refusal.response(), if unknown { -2 } else { -1 })
            }
        };
        bytes.push(0);
        bytes.extend(status.to_ne_bytes());
        (response, bytes)
    }
}
