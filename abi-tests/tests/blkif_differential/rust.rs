//! The cases done by the Rust ends of a block device's ring.
#![allow(unsafe_code)]

use std::ptr::NonNull;

use abi_tests::differential::Trace;
use xen_abi::blkif::{
    BackRing, BadResponse, Body, Direction, Discard, FrontRing, Indirect, Layout, Limits, Request,
    Response, Segment, Shadow, Status, Transfer,
};
use xen_abi::ring::Mapping;
use xen_public::grant_table::GrantRef;

use crate::case::{
    BARRIER, DISCARD, FLUSH, Fields, INDIRECT, READ, RequestFromC, RequestFromRust, ResponseFromC,
    ResponseFromRust, Slot, WRITE, places,
};

// What is counted.
const READS: &str = "reads";
const WRITES: &str = "writes";
const BARRIERS: &str = "barriers";
const FLUSHES: &str = "flushes";
const DISCARDS: &str = "discards";
const INDIRECT_READS: &str = "indirect reads";
const INDIRECT_WRITES: &str = "indirect writes";
const ERRORS: &str = "requests answered with ERROR";
const NOT_SUPPORTED: &str = "requests answered with EOPNOTSUPP";
/// The answers to requests.
pub(crate) const ANSWERS: [&str; 9] = [
    READS,
    WRITES,
    BARRIERS,
    FLUSHES,
    DISCARDS,
    INDIRECT_READS,
    INDIRECT_WRITES,
    ERRORS,
    NOT_SUPPORTED,
];

const PAGE: usize = 4096;
/// Slots of a page, in either layout.
const SLOTS: u32 = 32;

/// A ring's page.
#[repr(C, align(4096))]
struct Page([u8; PAGE]);

impl Page {
    /// One that holds a slot at an index.
    fn with(layout: Layout, index: u32, slot: &Slot) -> Box<Self> {
        let mut page = Box::new(Self([0; PAGE]));
        let size = places(layout).slot;
        page.slot_mut(layout, index).copy_from_slice(&slot[..size]);
        page
    }

    fn slot_mut(&mut self, layout: Layout, index: u32) -> &mut [u8] {
        let size = places(layout).slot;
        let at = 64 + (index % SLOTS) as usize * size;
        &mut self.0[at..at + size]
    }

    /// The slot at an index.
    fn slot(&mut self, layout: Layout, index: u32) -> Slot {
        let mut slot = [0; 112];
        slot[..places(layout).slot].copy_from_slice(self.slot_mut(layout, index));
        slot
    }

    /// Sets the producer indices: `req_prod` lies at 0, `rsp_prod` at 8.
    fn produced(&mut self, requests: u32, responses: u32) {
        self.0[..4].copy_from_slice(&requests.to_le_bytes());
        self.0[8..12].copy_from_slice(&responses.to_le_bytes());
    }

    /// Does something with mappings of the page, which are gone afterwards.
    fn map<T>(&mut self, work: impl FnOnce(&dyn Fn() -> Mapping) -> T) -> T {
        let base = NonNull::from(&mut self.0).cast();
        work(&|| {
            // SAFETY: the page is borrowed until `work` returns, and what it returns has a type that
            // the callers see to hold no mapping.
            unsafe { Mapping::new(base, PAGE) }.expect("a page is aligned")
        })
    }
}

/// Traces how a backend answers.
fn answer(response: &Response, trace: &mut Trace) {
    trace.put(&response.status.code().to_le_bytes());
    trace.put64(response.id);
    trace.put8(response.operation);
}

fn transfer(transfer: &Transfer, trace: &mut Trace) {
    trace.put64(transfer.sector);
    trace.put8(transfer.segments.len() as u8);
    for segment in &transfer.segments {
        trace.put32(segment.gref().get());
        trace.put8(segment.first_sect());
        trace.put8(segment.last_sect());
    }
}

/// Traces the fields that a request has.
fn fields(request: &Request, trace: &mut Trace) {
    trace.put8(request.body.operation().code());
    trace.put16(request.handle);
    trace.put64(request.id);
    match &request.body {
        Body::Read(body) => {
            trace.count(READS);
            transfer(body, trace);
        }
        Body::Write(body) => {
            trace.count(WRITES);
            transfer(body, trace);
        }
        Body::Barrier(body) => {
            trace.count(BARRIERS);
            transfer(body, trace);
        }
        Body::Flush => trace.count(FLUSHES),
        Body::Discard(body) => {
            trace.count(DISCARDS);
            trace.put8(body.secure.into());
            trace.put64(body.sector);
            trace.put64(body.sectors);
        }
        Body::Indirect(body) => {
            trace.count(match body.direction() {
                Direction::Read => INDIRECT_READS,
                Direction::Write => INDIRECT_WRITES,
            });
            trace.put8(body.direction().operation().code());
            trace.put64(body.sector());
            trace.put16(body.nr_segments());
            for grant in body.page_grants() {
                trace.put32(grant.get());
            }
        }
        other => panic!("{other:?}"),
    }
}

/// Takes a request that C wrote.
pub(crate) fn take_request(case: &RequestFromC, trace: &mut Trace) {
    let mut slot = case.slot;
    case.fields.write(case.layout, &mut slot);
    trace.step("slot");
    trace.put8(places(case.layout).slot as u8);
    trace.put(&slot);

    let mut page = Page::with(case.layout, case.index, &slot);
    page.produced(case.index.wrapping_add(1), case.index);
    let limits = case.terms.limits();
    let taken = page.map(|map| {
        let mut ring = BackRing::attach(case.layout, map(), case.index).expect("there is room");
        let taken = ring.take(&limits).expect("one request");
        assert_eq!(ring.take(&limits), Ok(None));
        taken.expect("one request")
    });
    trace.step("answer");
    match taken {
        Ok(request) => {
            answer(&request.respond(Status::Okay), trace);
            trace.step("fields");
            fields(&request, trace);
        }
        Err(refusal) => {
            let response = refusal.response();
            trace.count(match response.status {
                Status::NotSupported => NOT_SUPPORTED,
                _ => ERRORS,
            });
            answer(&response, trace);
        }
    }
}

/// A request's body of its fields.
fn body(fields: &Fields) -> Body {
    let transfer = || {
        let segments = fields.seg[..usize::from(fields.second)]
            .iter()
            .map(|&(gref, first, last)| Segment::new(GrantRef::new(gref), first, last))
            .collect::<Result<Vec<_>, _>>()
            .expect("good segments");
        Transfer::new(fields.sector, &segments).expect("at most 11")
    };
    match fields.operation {
        READ => Body::Read(transfer()),
        WRITE => Body::Write(transfer()),
        BARRIER => Body::Barrier(transfer()),
        FLUSH => Body::Flush,
        DISCARD => Body::Discard(Discard {
            sector: fields.sector,
            sectors: fields.nr_sectors,
            secure: fields.second != 0,
        }),
        INDIRECT => {
            let direction = match fields.second {
                0 => Direction::Read,
                _ => Direction::Write,
            };
            let count = fields.nr_segments;
            let grants = fields.grefs.map(GrantRef::new);
            let grants = &grants[..usize::from(count.div_ceil(512))];
            Body::Indirect(Indirect::new(direction, fields.sector, count, grants).expect("enough"))
        }
        other => panic!("operation {other}"),
    }
}

/// Puts a request on a ring, and returns its slot and its id.
pub(crate) fn put_request(case: &RequestFromRust) -> (Slot, u64) {
    let last = case.index.wrapping_add(case.before.into());
    let mut page = Page::with(case.layout, last, &case.slot);
    page.produced(case.index, case.index);
    let id = page.map(|map| {
        let (index, layout) = (case.index, case.layout);
        let table = [Shadow::FREE];
        let mut front = FrontRing::attach(layout, map(), table, case.fields.handle, index)
            .expect("there is room");
        let mut back = BackRing::attach(layout, map(), index).expect("there is room");
        for _ in 0..case.before {
            front.put(&Body::Flush, 0).expect("there is room");
            front.push();
            let limits = Limits::new(0).with_flush();
            let request = back
                .take(&limits)
                .expect("honest")
                .expect("one")
                .expect("good");
            back.put(&request.respond(Status::Okay))
                .expect("it was asked");
            back.push();
            let done = front.take().expect("honest").expect("one").expect("good");
            assert_eq!(done.id, request.id);
        }
        front.put(&body(&case.fields), 0).expect("there is room")
    });
    (page.slot(case.layout, last), id)
}

/// Traces what C is to read.
pub(crate) fn trace_request(case: &RequestFromRust, trace: &mut Trace) {
    let (_, id) = put_request(case);
    trace.step("fields");
    let of = &case.fields;
    trace.put8(of.operation);
    trace.put16(of.handle);
    trace.put64(id);
    match of.operation {
        FLUSH => {}
        DISCARD => {
            trace.put8(of.second);
            trace.put64(of.sector);
            trace.put64(of.nr_sectors);
        }
        INDIRECT => {
            trace.put8(of.second);
            trace.put64(of.sector);
            trace.put16(of.nr_segments);
            for gref in &of.grefs[..usize::from(of.nr_segments.div_ceil(512))] {
                trace.put32(*gref);
            }
        }
        _ => {
            trace.put64(of.sector);
            trace.put8(of.second);
            for (gref, first, last) in &of.seg[..usize::from(of.second)] {
                trace.put32(*gref);
                trace.put8(*first);
                trace.put8(*last);
            }
        }
    }
}

/// What a frontend makes of responses, as it is counted.
pub(crate) const ENDS: [&str; 4] = [
    "requests completed",
    "responses to an unknown request",
    "responses for another operation",
    "responses with a status of no meaning",
];

/// Takes a response that C wrote.
pub(crate) fn take_response(case: &ResponseFromC, trace: &mut Trace) {
    // Id, operation and status lie at 0, 8 and 10 in both layouts.
    let mut slot = case.slot;
    slot[..8].copy_from_slice(&case.answered.to_le_bytes());
    slot[8] = case.answer;
    slot[10..12].copy_from_slice(&case.status.to_le_bytes());
    trace.step("slot");
    trace.put8(places(case.layout).slot as u8);
    trace.put(&slot);

    let (index, layout) = (case.index, case.layout);
    let asked = u32::from(case.asked) + 1;
    let good = Fields {
        operation: case.operation,
        second: case.inner,
        nr_segments: 1,
        handle: 0,
        id: 0,
        sector: 0,
        nr_sectors: 1,
        seg: [(0, 0, 0); 11],
        grefs: [0; 8],
    };
    let good = match case.operation {
        READ | WRITE => Fields { second: 1, ..good },
        BARRIER | FLUSH => Fields { second: 0, ..good },
        _ => good,
    };
    let body = body(&good);
    let mut page = Page::with(layout, index, &slot);
    page.produced(index, index.wrapping_add(1));
    let taken = page.map(|map| {
        let table = [Shadow::FREE; 8];
        let mut front = FrontRing::attach(layout, map(), table, 0, index).expect("there is room");
        // The slots are written over here, and the response again below.
        let ids = (0..asked).map(|tag| front.put(&body, tag.into()).expect("there is room"));
        assert_eq!(ids.last(), Some(case.asked.into()));
        front.push();
        let peer = map();
        let at = 64 + (index % SLOTS) as usize * places(layout).slot;
        // SAFETY: the slot's first 16 bytes lie in the page.
        unsafe { xen_abi::ring::SharedMemory::write_bytes(&peer, at, &slot[..16]) };
        front.take().expect("honest").expect("one response")
    });
    trace.step("end");
    let (code, id) = match taken {
        Ok(done) => {
            assert_eq!((done.tag, done.operation.code()), (done.id, case.operation));
            (0, done.id)
        }
        Err(BadResponse::UnknownId { id } | BadResponse::RepeatedId { id }) => (1, id),
        Err(BadResponse::Operation { id, .. }) => (2, id),
        Err(BadResponse::Status { id, .. }) => (3, id),
        Err(other) => panic!("{other}"),
    };
    trace.count(ENDS[usize::from(code)]);
    trace.put8(code);
    trace.put64(id);
    match taken {
        Ok(done) => trace.put(&done.status.code().to_le_bytes()),
        Err(BadResponse::Operation { operation, .. }) => trace.put8(operation),
        Err(BadResponse::Status { status, .. }) => trace.put(&status.to_le_bytes()),
        Err(_) => {}
    }
}

/// Puts a response on a ring, and returns its slot.
pub(crate) fn put_response(case: &ResponseFromRust) -> Slot {
    let mut page = Page::with(case.layout, case.index, &case.slot);
    page.produced(case.index.wrapping_add(1), case.index);
    page.map(|map| {
        let mut ring = BackRing::attach(case.layout, map(), case.index).expect("there is room");
        let _ = ring
            .take(&Limits::new(0))
            .expect("honest")
            .expect("one request");
        let status = Status::from_code(case.status).expect("one of the three");
        let response = Response {
            id: case.id,
            operation: case.operation,
            status,
        };
        ring.put(&response).expect("it was asked");
    });
    page.slot(case.layout, case.index)
}
