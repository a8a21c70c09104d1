//! A hostile backend's page under a frontend's ring.

use xen_abi::ring::{Corrupt, FrontRing, Notify, PutError, RingTypes, kinds, slot_bytes};

use crate::kinds::{
    REQ_EVENT, REQ_PROD, RSP_EVENT, RSP_PROD, bytes_of, is_passed, message, page, slot,
};
use crate::memory::{Log, Page};
use crate::script::Script;

/// The frontend's end of a ring of some protocol, while the backend writes what it likes.
///
/// Every response that comes out is, byte by byte, what was loaded once from the slot that is due; there
/// are never more of them than requests pushed; an index that can't be right is told with its value and
/// ends the ring; what is stored is the request in its slot, and indices in their places.
pub fn front_ring(data: &[u8]) {
    let script = &mut Script::new(data);
    match script.u8() % 6 {
        0 => run::<kinds::NetifRx>(script),
        1 => run::<kinds::NetifTx>(script),
        2 => run::<kinds::BlkifX86_32>(script),
        3 => run::<kinds::BlkifX86_64>(script),
        4 => run::<kinds::UsbifUrb>(script),
        _ => run::<kinds::Fsif>(script),
    }
}

/// What a frontend knows, by the letter.
struct Model {
    size: u32,
    /// Requests put.
    put: u32,
    /// Requests pushed.
    pushed: u32,
    /// Responses taken.
    taken: u32,
    /// Responses that are known to be there.
    known: u32,
    corrupt: Option<Corrupt>,
}

impl Model {
    /// What comes of a look at the producer's index, which was loaded as the next of these values.
    fn look(&mut self, loaded: &mut impl Iterator<Item = u32>) -> Result<u32, Corrupt> {
        if let Some(corrupt) = self.corrupt {
            return Err(corrupt);
        }
        let rsp_prod = loaded.next().expect("the producer's index is loaded");
        let waiting = rsp_prod.wrapping_sub(self.taken);
        let open = (0..=self.size).find(|n| self.taken.wrapping_add(*n) == self.pushed);
        if waiting > open.expect("no more requests than slots") {
            let corrupt = Corrupt::ResponseProducer {
                rsp_prod,
                rsp_cons: self.taken,
                req_prod: self.pushed,
            };
            self.corrupt = Some(corrupt);
            return Err(corrupt);
        }
        self.known = rsp_prod;
        Ok(waiting)
    }

    fn free(&self) -> u32 {
        self.size - self.put.wrapping_sub(self.taken)
    }
}

/// Holds a response that was taken against what was loaded for it.
fn check_response<R: RingTypes>(model: &mut Model, response: &R::Response, log: &Log) {
    let at = slot::<R>(model.taken, model.size);
    let loaded = log.loaded(at..at + slot_bytes::<R>());
    let bytes = bytes_of(response);
    let whole: Vec<_> = bytes.iter().copied().map(Some).collect();
    assert_eq!(
        loaded[..bytes.len()],
        whole,
        "the response is what was loaded"
    );
    assert!(loaded[bytes.len()..].iter().all(Option::is_none));
    assert_eq!(log.stores().count(), 0);
    model.taken = model.taken.wrapping_add(1);
}

fn run<R: RingTypes>(script: &mut Script<'_>) {
    let (page, size) = page::<R>(script);
    let page = &page;
    let (mut ring, index) = if script.flip() {
        page.scribble(script);
        let ring = FrontRing::<R, _>::init(page).expect("there is room for a slot");
        let header: Vec<u32> = (0..16).map(|word| page.get_u32(4 * word)).collect();
        assert_eq!(header[..4], [0, 1, 0, 1]);
        assert_eq!(header[4..], [0; 12]);
        (ring, 0)
    } else {
        let index = script.index();
        page.set_u32(RSP_PROD, index);
        let ring = FrontRing::<R, _>::attach(page, index).expect("there is room for a slot");
        assert!(page.log().is_empty());
        (ring, index)
    };
    let mut model = Model {
        size,
        put: index,
        pushed: index,
        taken: index,
        known: index,
        corrupt: None,
    };
    assert_eq!(ring.size(), size);
    while !script.is_empty() {
        page.forget();
        operation(script, page, &mut ring, &mut model);
        assert_eq!(ring.req_prod_pvt(), model.put);
        assert_eq!(ring.rsp_cons(), model.taken);
        assert_eq!(ring.free_requests(), model.free());
        assert!(ring.free_requests() <= size);
        assert_eq!(ring.is_full(), model.free() == 0);
    }
    assert!(std::ptr::eq(ring.into_memory(), page));
}

fn operation<R: RingTypes>(
    script: &mut Script<'_>,
    page: &Page,
    ring: &mut FrontRing<R, &Page>,
    model: &mut Model,
) {
    match script.u8() % 16 {
        0 => page.scribble(script),
        1 => page.set_u32(RSP_PROD, model.pushed),
        2..=3 => page.set_u32(RSP_PROD, model.taken.wrapping_add(script.step() % 32)),
        4 => page.set_u32(RSP_PROD, model.taken.wrapping_add(script.step())),
        5 => page.set_u32(REQ_EVENT, model.pushed.wrapping_add(script.step())),
        6 => page.set_drift(script.some_bytes()),
        7..=8 => put(script, page, ring, model),
        9 => {
            let found = ring.push_and_check_notify();
            let log = page.log();
            assert_eq!(log.stored_u32(REQ_PROD), [model.put]);
            let [event] = log.loaded_u32(REQ_EVENT)[..] else {
                panic!("the event index is loaded once");
            };
            let needed = is_passed(model.pushed, model.put, event);
            assert_eq!(found == Notify::Needed, needed);
            model.pushed = model.put;
        }
        10 => {
            ring.push();
            let log = page.log();
            assert_eq!(log.stored_u32(REQ_PROD), [model.put]);
            assert_eq!((log.stores().count(), log.loads().count()), (1, 0));
            model.pushed = model.put;
        }
        11..=12 => {
            let found = ring.take();
            let log = page.log();
            let loaded = &mut log.loaded_u32(RSP_PROD).into_iter();
            let due = match model.corrupt {
                None if model.known != model.taken => Ok(true),
                _ => model.look(loaded).map(|waiting| waiting != 0),
            };
            assert_eq!(found.as_ref().map(Option::is_some), due.as_ref().copied());
            if let Ok(Some(response)) = found {
                check_response::<R>(model, &response, &log);
            }
            assert_eq!(loaded.next(), None);
        }
        13 => {
            let most = script.below(20);
            let responses = ring.responses().map(|responses| {
                let len = responses.len();
                let taken: Vec<_> = responses.take(most).collect();
                assert_eq!(taken.len(), len.min(most));
                (len, taken)
            });
            let log = page.log();
            let loaded = &mut log.loaded_u32(RSP_PROD).into_iter();
            let waiting = model.look(loaded);
            assert_eq!(
                responses.as_ref().map(|(len, _)| *len as u32),
                waiting.as_ref().copied()
            );
            for response in responses.map(|(_, taken)| taken).unwrap_or_default() {
                check_response::<R>(model, &response, &log);
            }
            assert_eq!(loaded.next(), None);
        }
        14 => {
            let found = ring.unconsumed_responses();
            let log = page.log();
            let loaded = &mut log.loaded_u32(RSP_PROD).into_iter();
            assert_eq!(found, model.look(loaded));
            assert_eq!((loaded.next(), log.loads().count() <= 1), (None, true));
        }
        _ => {
            let count = script.one_of(&[0, 1, 1, 2, 3, 16, 17, 40, u32::MAX]);
            let found = ring.final_check_after(count);
            let log = page.log();
            let loaded = &mut log.loaded_u32(RSP_PROD).into_iter();
            let expected = final_check(model, count, loaded, &log);
            assert_eq!(found, expected);
            assert_eq!(loaded.next(), None);
        }
    }
}

fn put<R: RingTypes>(
    script: &mut Script<'_>,
    page: &Page,
    ring: &mut FrontRing<R, &Page>,
    model: &mut Model,
) {
    let request: R::Request = message(script);
    let found = ring.put(&request);
    let log = page.log();
    let expected = match model.corrupt {
        Some(corrupt) => Err(PutError::Corrupt(corrupt)),
        None if model.free() == 0 => Err(PutError::Full { size: model.size }),
        None => Ok(()),
    };
    assert_eq!(found, expected);
    assert_eq!(log.loads().count(), 0);
    if found.is_err() {
        assert_eq!(log.stores().count(), 0);
        return;
    }
    let bytes = bytes_of(&request);
    let at = slot::<R>(model.put, model.size);
    assert_eq!(page.read(at, bytes.len()), bytes);
    let stored: usize = log.stores().map(|(_, bytes)| bytes.len()).sum();
    let there = log.stored(at..at + bytes.len());
    assert_eq!(
        (stored, there.iter().all(Option::is_some)),
        (bytes.len(), true)
    );
    model.put = model.put.wrapping_add(1);
}

/// What a final check finds, by the letter.
fn final_check(
    model: &mut Model,
    count: u32,
    loaded: &mut impl Iterator<Item = u32>,
    log: &Log,
) -> Result<bool, Corrupt> {
    let asked = log.stored_u32(RSP_EVENT);
    let first = model.look(loaded);
    if first != Ok(0) {
        assert_eq!(asked, []);
        return first.map(|_| true);
    }
    let count = count.min(model.pushed.wrapping_sub(model.taken)).max(1);
    assert_eq!(asked, [model.taken.wrapping_add(count)]);
    Ok(model.look(loaded)? >= count)
}
