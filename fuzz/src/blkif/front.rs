//! Responses that a hostile backend forges.

use std::collections::BTreeSet;

use xen_abi::blkif::{
    BadRequest, BadResponse, Body, Completion, FrontRing, Layout, Operation, Pending, Shadow,
    Status, SubmitError, Transfer,
};
use xen_abi::ring::{Corrupt, HEADER_BYTES, PutError};

use super::{body, offsets};
use crate::kinds::{REQ_PROD, RSP_PROD};
use crate::memory::Page;
use crate::script::Script;

/// A block device's frontend, whose backend answers what it likes.
///
/// A completion is of a request in flight, once, with the tag it was given; a response that answers none
/// is told by its id and changes nothing; ids are never used twice.
pub fn blkif_front(data: &[u8]) {
    let script = &mut Script::new(data);
    let layout = script.one_of(&[Layout::X86_32, Layout::X86_64]);
    let size = 1_usize << script.below(4);
    let places = script.below(12);
    let page = &Page::new(HEADER_BYTES + size * offsets(layout).slot);
    let mut ring = FrontRing::init(layout, page, vec![Shadow::FREE; places], 3)
        .expect("there is room for a slot");
    assert_eq!((ring.size() as usize, ring.layout()), (size, layout));
    let mut model = Model {
        layout,
        size,
        places: places.min(size),
        pending: Vec::new(),
        used: BTreeSet::new(),
        put: 0,
        pushed: 0,
        taken: 0,
        known: 0,
        corrupt: None,
    };
    while !script.is_empty() {
        page.forget();
        model.operation(script, page, &mut ring);
        assert_eq!(ring.in_flight() as usize, model.pending.len());
        let open = model.put.wrapping_sub(model.taken) as usize;
        let free = (size - open).min(model.places - model.pending.len());
        assert_eq!(ring.free_requests() as usize, free);
        let pending: BTreeSet<_> = ring.pending().map(|p| (p.id, p.tag)).collect();
        assert_eq!(pending.len(), model.pending.len());
        assert!(
            model
                .pending
                .iter()
                .all(|p| pending.contains(&(p.id, p.tag)))
        );
    }
}

/// What a frontend knows, by the letter.
struct Model {
    layout: Layout,
    size: usize,
    /// Requests that can be in flight.
    places: usize,
    pending: Vec<Known>,
    /// All ids so far.
    used: BTreeSet<u64>,
    put: u32,
    pushed: u32,
    taken: u32,
    known: u32,
    corrupt: Option<Corrupt>,
}

/// A request in flight.
#[derive(Clone, Copy)]
struct Known {
    id: u64,
    tag: u64,
    operation: Operation,
    inner: Operation,
}

type Ring<'a> = FrontRing<&'a Page, Vec<Shadow>>;

impl Model {
    fn slot(&self, index: u32) -> usize {
        HEADER_BYTES + index as usize % self.size * offsets(self.layout).slot
    }

    fn operation(&mut self, script: &mut Script<'_>, page: &Page, ring: &mut Ring<'_>) {
        match script.u8() % 12 {
            0 => page.scribble(script),
            1 => page.set_drift(script.some_bytes()),
            2..=3 => self.put(script, page, ring),
            4 => {
                let _ = ring.push_and_check_notify();
                self.pushed = self.put;
                assert_eq!(page.get_u32(REQ_PROD), self.put);
            }
            5 => page.set_u32(RSP_PROD, self.taken.wrapping_add(script.step() % 16)),
            6 => page.set_u32(RSP_PROD, self.pushed),
            7..=8 => self.forge(script, page),
            9 => {
                let found = ring.unconsumed_responses();
                assert_eq!(found, self.look(page));
            }
            10 => {
                let found = ring.final_check();
                assert_eq!(found, self.look(page).map(|waiting| waiting != 0));
            }
            _ => self.take(page, ring),
        }
    }

    /// What comes of looks at the producer's index, which doesn't change between them unless it drifts.
    fn look(&mut self, page: &Page) -> Result<u32, Corrupt> {
        let mut waiting = 0;
        if let Some(corrupt) = self.corrupt {
            assert!(page.log().is_empty());
            return Err(corrupt);
        }
        let loaded = page.log().loaded_u32(RSP_PROD);
        assert!(!loaded.is_empty());
        for rsp_prod in loaded {
            waiting = rsp_prod.wrapping_sub(self.taken);
            if waiting > self.pushed.wrapping_sub(self.taken) {
                let corrupt = Corrupt::ResponseProducer {
                    rsp_prod,
                    rsp_cons: self.taken,
                    req_prod: self.pushed,
                };
                self.corrupt = Some(corrupt);
                return Err(corrupt);
            }
            self.known = rsp_prod;
        }
        Ok(waiting)
    }

    fn put(&mut self, script: &mut Script<'_>, page: &Page, ring: &mut Ring<'_>) {
        let body = match script.u8() % 16 {
            0 => Body::Read(Transfer::new(0, &[]).expect("it is few")),
            _ => body(script),
        };
        let tag = script.u8().into();
        let found = ring.put(&body, tag);
        let empty = match &body {
            Body::Read(transfer) | Body::Write(transfer) => transfer.segments.is_empty(),
            _ => false,
        };
        let expected = if empty {
            Some(SubmitError::Bad(BadRequest::NoSegments))
        } else if self.pending.len() == self.places {
            let places = self.places as u32;
            Some(SubmitError::TableFull { places })
        } else if let Some(corrupt) = self.corrupt {
            Some(SubmitError::Ring(PutError::Corrupt(corrupt)))
        } else if self.put.wrapping_sub(self.taken) as usize == self.size {
            let size = self.size as u32;
            Some(SubmitError::Ring(PutError::Full { size }))
        } else {
            None
        };
        assert_eq!(found.err(), expected);
        let Ok(id) = found else {
            assert!(page.log().is_empty());
            return;
        };
        assert!(self.used.insert(id), "{id:#x} was used before");
        let at = self.slot(self.put) + offsets(self.layout).id;
        assert_eq!(page.read(at, 8), id.to_ne_bytes());
        assert_eq!(page.log().loads().count(), 0);
        self.put = self.put.wrapping_add(1);
        self.pending.push(Known {
            id,
            tag,
            operation: body.operation(),
            inner: body.response_operation(),
        });
    }

    /// Writes a response where the next is due, and perhaps says so.
    fn forge(&self, script: &mut Script<'_>, page: &Page) {
        let known = self.pending.get(script.below(8));
        let id = match script.u8() % 8 {
            0 => script.u64(),
            1 => self.used.iter().nth(script.below(64)).copied().unwrap_or(0),
            2 => known.map_or(0, |known| known.id) ^ 1 << (script.u8() % 64),
            _ => known.map_or(0, |known| known.id),
        };
        let operation = match script.u8() % 8 {
            0 => script.u8(),
            1 => known.map_or(0, |known| known.operation.code()),
            _ => known.map_or(0, |known| known.inner.code()),
        };
        let status = match script.u8() % 8 {
            0 => script.u16(),
            n => [0, u16::MAX, u16::MAX - 1][usize::from(n) % 3],
        };
        let ahead = u32::from(script.u8() % 2);
        let at = self.slot(self.taken.wrapping_add(ahead));
        page.fill(at, &id.to_ne_bytes());
        page.fill(at + 8, &[operation, script.u8()]);
        page.fill(at + 10, &status.to_ne_bytes());
        if script.flip() {
            page.set_u32(RSP_PROD, self.taken.wrapping_add(1 + ahead));
        }
    }

    fn take(&mut self, page: &Page, ring: &mut Ring<'_>) {
        let found = ring.take();
        let due = match self.corrupt {
            None if self.known != self.taken => Ok(1),
            _ => self.look(page),
        };
        assert_eq!(found.is_ok(), due.is_ok());
        let response = match found {
            Err(error) => {
                assert_eq!(Some(error), self.corrupt);
                return;
            }
            Ok(None) => {
                assert_eq!(due, Ok(0));
                return;
            }
            Ok(Some(response)) => response,
        };
        assert_ne!(due, Ok(0));
        let at = self.slot(self.taken);
        let loaded = page.log().loaded(at..at + offsets(self.layout).slot);
        let byte = |at: usize| loaded[at].expect("all of the response is loaded");
        let id = u64::from_ne_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(byte));
        let (operation, status) = (byte(8), i16::from_ne_bytes([byte(10), byte(11)]));
        self.taken = self.taken.wrapping_add(1);
        let known = self.pending.iter().position(|known| known.id == id);
        match (response, known) {
            (Ok(done), Some(at)) => {
                let known = self.pending.swap_remove(at);
                assert!([known.operation.code(), known.inner.code()].contains(&operation));
                let expected = Completion {
                    id,
                    tag: known.tag,
                    operation: known.operation,
                    status: match status {
                        0 => Status::Okay,
                        -1 => Status::Error,
                        -2 => Status::NotSupported,
                        _ => panic!("{done:?} for status {status}"),
                    },
                };
                assert_eq!(done, expected);
            }
            (Err(BadResponse::RepeatedId { id: n }), None) => {
                assert!(n == id && self.used.contains(&id));
            }
            (Err(BadResponse::UnknownId { id: n }), None) => {
                assert!(n == id && !self.used.contains(&id));
            }
            (Err(bad), Some(at)) => {
                let known = &self.pending[at];
                let other = ![known.operation.code(), known.inner.code()].contains(&operation);
                let expected = if other {
                    let expected = known.operation;
                    BadResponse::Operation {
                        id,
                        operation,
                        expected,
                    }
                } else {
                    assert!(!(-2..=0).contains(&status));
                    BadResponse::Status { id, status }
                };
                assert_eq!(bad, expected);
            }
            (response, _) => panic!("{response:?} for {id:#x}"),
        }
        let still = |p: Pending| self.pending.iter().any(|known| known.id == p.id);
        assert!(ring.pending().all(still));
    }
}
