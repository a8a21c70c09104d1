//! A hostile frontend's page under a backend's ring.

use xen_abi::ring::{BackRing, Corrupt, Notify, PutError, RingTypes, kinds, slot_bytes};

use crate::kinds::{
    REQ_EVENT, REQ_PROD, RSP_EVENT, RSP_PROD, bytes_of, is_passed, message, page, slot,
};
use crate::memory::{Log, Page};
use crate::script::Script;

/// The backend's end of a ring of some protocol, while the frontend writes what it likes.
///
/// Every request that comes out is, byte by byte, what was loaded once from the slot that is due; there are
/// never more of them than slots; an index that can't be right is told with its value and ends the ring;
/// what is stored is the response in its slot, and indices in their places.
pub fn back_ring(data: &[u8]) {
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

/// What a backend knows, by the letter.
struct Model {
    size: u32,
    /// Requests taken.
    taken: u32,
    /// Responses put.
    answered: u32,
    /// Responses pushed.
    pushed: u32,
    /// Requests that are known to be there.
    known: u32,
    corrupt: Option<Corrupt>,
}

impl Model {
    fn at(index: u32, size: u32) -> Self {
        Self {
            size,
            taken: index,
            answered: index,
            pushed: index,
            known: index,
            corrupt: None,
        }
    }

    /// What comes of a look at the producer's index, which was loaded as the next of these values.
    fn look(&mut self, loaded: &mut impl Iterator<Item = u32>) -> Result<u32, Corrupt> {
        if let Some(corrupt) = self.corrupt {
            return Err(corrupt);
        }
        let req_prod = loaded.next().expect("the producer's index is loaded");
        let waiting = req_prod.wrapping_sub(self.taken);
        let busy = self.taken.wrapping_sub(self.answered);
        if u64::from(waiting) + u64::from(busy) > self.size.into() {
            let corrupt = Corrupt::RequestProducer {
                req_prod,
                req_cons: self.taken,
                rsp_prod_pvt: self.answered,
                size: self.size,
            };
            self.corrupt = Some(corrupt);
            return Err(corrupt);
        }
        self.known = req_prod;
        Ok(waiting)
    }

    /// Whether there is a request to take.
    fn due(&mut self, loaded: &mut impl Iterator<Item = u32>) -> Result<bool, Corrupt> {
        if self.corrupt.is_none() && self.known != self.taken {
            return Ok(true);
        }
        Ok(self.look(loaded)? != 0)
    }
}

/// Holds a request that was taken against what was loaded for it.
fn check_request<R: RingTypes>(model: &mut Model, request: &R::Request, log: &Log) {
    let at = slot::<R>(model.taken, model.size);
    let loaded = log.loaded(at..at + slot_bytes::<R>());
    let bytes = bytes_of(request);
    let whole: Vec<_> = bytes.iter().copied().map(Some).collect();
    assert_eq!(
        loaded[..bytes.len()],
        whole,
        "the request is what was loaded"
    );
    assert!(loaded[bytes.len()..].iter().all(Option::is_none));
    assert_eq!(log.stores().count(), 0);
    model.taken = model.taken.wrapping_add(1);
    assert!(model.taken.wrapping_sub(model.answered) <= model.size);
}

fn run<R: RingTypes>(script: &mut Script<'_>) {
    let (page, size) = page::<R>(script);
    let page = &page;
    let (ring, mut model) = if script.flip() {
        let index = script.index();
        let ring = BackRing::<R, _>::attach(page, index).expect("there is room for a slot");
        assert!(page.log().is_empty());
        (ring, Model::at(index, size))
    } else {
        let index = script.index();
        page.set_u32(RSP_PROD, index);
        page.set_u32(REQ_PROD, index.wrapping_add(script.step()));
        let mut model = Model::at(index, size);
        let ring = BackRing::<R, _>::reattach(page);
        let log = page.log();
        assert_eq!(log.loaded_u32(RSP_PROD), [index]);
        let found = model.look(&mut log.loaded_u32(REQ_PROD).into_iter());
        match (ring, found) {
            (Ok(ring), Ok(_)) => (ring, model),
            (Err(_), Err(_)) => return,
            (ring, found) => panic!("{:?}, not {found:?}", ring.err()),
        }
    };
    let mut ring = ring;
    assert_eq!(ring.size(), size);
    while !script.is_empty() {
        page.forget();
        operation(script, page, &mut ring, &mut model);
        assert_eq!(ring.req_cons(), model.taken);
        assert_eq!(ring.rsp_prod_pvt(), model.answered);
        assert_eq!(ring.unanswered(), model.taken.wrapping_sub(model.answered));
        assert!(ring.unanswered() <= size);
    }
    assert!(std::ptr::eq(ring.into_memory(), page));
}

fn operation<R: RingTypes>(
    script: &mut Script<'_>,
    page: &Page,
    ring: &mut BackRing<R, &Page>,
    model: &mut Model,
) {
    match script.u8() % 16 {
        0 => page.scribble(script),
        1..=3 => page.set_u32(REQ_PROD, model.taken.wrapping_add(script.step() % 64)),
        4 => page.set_u32(REQ_PROD, model.taken.wrapping_add(script.step())),
        5 => page.set_u32(RSP_EVENT, model.pushed.wrapping_add(script.step())),
        6 => page.set_drift(script.some_bytes()),
        7..=8 => {
            let found = ring.take();
            let log = page.log();
            let loaded = &mut log.loaded_u32(REQ_PROD).into_iter();
            let due = model.due(loaded);
            assert_eq!(found.as_ref().map(Option::is_some), due.as_ref().copied());
            if let Ok(Some(request)) = found {
                check_request::<R>(model, &request, &log);
            }
            assert_eq!(loaded.next(), None);
        }
        9 => {
            let most = script.below(20);
            let requests = ring.requests().map(|requests| {
                let len = requests.len();
                let taken: Vec<_> = requests.take(most).collect();
                assert_eq!(taken.len(), len.min(most));
                (len, taken)
            });
            let log = page.log();
            let loaded = &mut log.loaded_u32(REQ_PROD).into_iter();
            let waiting = model.look(loaded);
            assert_eq!(
                requests.as_ref().map(|(len, _)| *len as u32),
                waiting.as_ref().copied()
            );
            for request in requests.map(|(_, taken)| taken).unwrap_or_default() {
                check_request::<R>(model, &request, &log);
            }
            assert_eq!(loaded.next(), None);
        }
        10 => {
            let found = ring.unconsumed_requests();
            let log = page.log();
            let loaded = &mut log.loaded_u32(REQ_PROD).into_iter();
            assert_eq!(found, model.look(loaded));
            assert_eq!((loaded.next(), log.loads().count() <= 1), (None, true));
        }
        11..=12 => put(script, page, ring, model),
        13 => {
            let found = ring.push_and_check_notify();
            let log = page.log();
            assert_eq!(log.stored_u32(RSP_PROD), [model.answered]);
            let [event] = log.loaded_u32(RSP_EVENT)[..] else {
                panic!("the event index is loaded once");
            };
            let needed = is_passed(model.pushed, model.answered, event);
            assert_eq!(found == Notify::Needed, needed);
            model.pushed = model.answered;
        }
        14 => {
            ring.push();
            let log = page.log();
            assert_eq!(log.stored_u32(RSP_PROD), [model.answered]);
            assert_eq!((log.stores().count(), log.loads().count()), (1, 0));
            model.pushed = model.answered;
        }
        _ => {
            let count = script.one_of(&[0, 1, 1, 2, 3, 16, 17, 40, u32::MAX]);
            let found = ring.final_check_after(count);
            let log = page.log();
            let loaded = &mut log.loaded_u32(REQ_PROD).into_iter();
            let expected = final_check(model, count, loaded, &log);
            assert_eq!(found, expected);
            assert_eq!(loaded.next(), None);
        }
    }
}

fn put<R: RingTypes>(
    script: &mut Script<'_>,
    page: &Page,
    ring: &mut BackRing<R, &Page>,
    model: &mut Model,
) {
    let response: R::Response = message(script);
    let found = ring.put(&response);
    let log = page.log();
    let expected = match model.corrupt {
        Some(corrupt) => Err(PutError::Corrupt(corrupt)),
        None if model.taken == model.answered => Err(PutError::Unasked {
            req_cons: model.taken,
        }),
        None => Ok(()),
    };
    assert_eq!(found, expected);
    assert_eq!(log.loads().count(), 0);
    if found.is_err() {
        assert_eq!(log.stores().count(), 0);
        return;
    }
    let bytes = bytes_of(&response);
    let at = slot::<R>(model.answered, model.size);
    assert_eq!(page.read(at, bytes.len()), bytes);
    let stored: usize = log.stores().map(|(_, bytes)| bytes.len()).sum();
    let there = log.stored(at..at + bytes.len());
    assert_eq!(
        (stored, there.iter().all(Option::is_some)),
        (bytes.len(), true)
    );
    model.answered = model.answered.wrapping_add(1);
}

/// What a final check finds, by the letter.
fn final_check(
    model: &mut Model,
    count: u32,
    loaded: &mut impl Iterator<Item = u32>,
    log: &Log,
) -> Result<bool, Corrupt> {
    let asked = log.stored_u32(REQ_EVENT);
    let first = model.look(loaded);
    if first != Ok(0) {
        assert_eq!(asked, []);
        return first.map(|_| true);
    }
    let free = model.size - model.taken.wrapping_sub(model.answered);
    let count = count.min(free).max(1);
    assert_eq!(asked, [model.taken.wrapping_add(count)]);
    Ok(model.look(loaded)? >= count)
}
