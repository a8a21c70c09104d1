//! The cases done by the Rust rings, traced as `c/ring.c` traces the macros.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::ptr::NonNull;
use std::sync::LazyLock;

use abi_tests::differential::Trace;
use xen_abi::ring::{
    AttachReason, BackRing, Corrupt, FrontRing, Mapping, Plain, PutError, RingTypes, SharedMemory,
    const_ring_size, kinds, rd32,
};

use crate::case::{Kind, Op, RingCase, What};

// How an operation ended, as in `c/ring.c`.
const FINE: u8 = 0;
const FULL: u8 = 1;
const UNASKED: u8 = 2;
const OVERFLOW: u8 = 3;
const STRICTER: u8 = 4;
const DEAD: u8 = 5;

// What is counted.
pub(crate) const FULL_SEEN: &str = "requests refused by a full ring";
pub(crate) const UNASKED_SEEN: &str =
    "responses refused for want of a request, which ring.h does not check";
pub(crate) const OVERFLOW_SEEN: &str = "producer indices refused, by ring.h's predicates too";
pub(crate) const AHEAD_SEEN: &str =
    "responses refused that were never asked for, which ring.h's predicate lets pass";
pub(crate) const BEHIND_SEEN: &str =
    "requests taken back refused, which ring.h's predicate lets pass";
pub(crate) const NOTIFIED: &str = "pushes with a notification";
pub(crate) const SUPPRESSED: &str = "pushes without one";
pub(crate) const FOREIGN: &str = "pushes over a producer index that somebody else had changed";
pub(crate) const FOREIGN_OTHER: &str =
    "of those, where ring.h notifies by that index and we by our own";
pub(crate) const WRAPPED: &str = "cases in which an index passed 2^32";

const PAGE: usize = 4096;
const MOST: usize = 16 * PAGE;

/// The bytes with which every case begins, and of which messages are made.
static NOISE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut x = 0x2545_f491_u32;
    let mut next = || {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        x.to_le_bytes()
    };
    (0..MOST / 4).flat_map(|_| next()).collect()
});

/// The message of a number.
fn message<T: Plain>(value: u32) -> T {
    let from = &NOISE[value as usize % (MOST - PAGE)..];
    let bytes = &from[..size_of::<T>()];
    // SAFETY: the slice has the size of `T`, of which any bytes are a value.
    unsafe { bytes.as_ptr().cast::<T>().read_unaligned() }
}

/// A message's bytes.
fn bytes_of<T: Plain>(message: &T) -> &[u8] {
    let at = std::ptr::from_ref(message).cast::<u8>();
    // SAFETY: the value has no byte that is not initialised, and lives as long as the slice.
    unsafe { std::slice::from_raw_parts(at, size_of::<T>()) }
}

/// The memory of one case.
#[repr(C, align(4096))]
struct Pages([u8; MOST]);

/// A mapping that notes which 32-bit words were stored to.
struct Noted<'a> {
    mapping: Mapping,
    words: &'a RefCell<Vec<u16>>,
}

impl Noted<'_> {
    fn note(&self, offset: usize) {
        self.words.borrow_mut().push((offset / 4) as u16);
    }
}

// SAFETY: everything is handed through to a mapping.
unsafe impl SharedMemory for Noted<'_> {
    fn len(&self) -> usize {
        self.mapping.len()
    }
    unsafe fn load_u8(&self, offset: usize) -> u8 {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { self.mapping.load_u8(offset) }
    }
    unsafe fn load_u16(&self, offset: usize) -> u16 {
        // SAFETY: as above.
        unsafe { self.mapping.load_u16(offset) }
    }
    unsafe fn load_u32(&self, offset: usize) -> u32 {
        // SAFETY: as above.
        unsafe { self.mapping.load_u32(offset) }
    }
    unsafe fn load_u64(&self, offset: usize) -> u64 {
        // SAFETY: as above.
        unsafe { self.mapping.load_u64(offset) }
    }
    unsafe fn store_u8(&self, offset: usize, value: u8) {
        self.note(offset);
        // SAFETY: as above.
        unsafe { self.mapping.store_u8(offset, value) }
    }
    unsafe fn store_u16(&self, offset: usize, value: u16) {
        self.note(offset);
        // SAFETY: as above.
        unsafe { self.mapping.store_u16(offset, value) }
    }
    unsafe fn store_u32(&self, offset: usize, value: u32) {
        self.note(offset);
        // SAFETY: as above.
        unsafe { self.mapping.store_u32(offset, value) }
    }
    unsafe fn store_u64(&self, offset: usize, value: u64) {
        self.note(offset);
        self.note(offset + 4);
        // SAFETY: as above.
        unsafe { self.mapping.store_u64(offset, value) }
    }
}

/// The page's indices, by the offsets that the header's comment gives.
const REQ_PROD: usize = 0;
const REQ_EVENT: usize = 4;
const RSP_PROD: usize = 8;
const RSP_EVENT: usize = 12;

/// Somebody else who writes the header.
struct Peer<'a>(Noted<'a>);

impl Peer<'_> {
    fn index(&self, at: usize) -> u32 {
        assert!(at < 16 && at % 4 == 0);
        // SAFETY: in the header, at a multiple of 4.
        unsafe { self.0.load_u32(at) }
    }

    fn set_index(&self, at: usize, value: u32) {
        assert!(at < 16 && at % 4 == 0);
        // SAFETY: in the header, at a multiple of 4.
        unsafe { self.0.store_u32(at, value) };
    }
}

/// Does a case.
pub(crate) fn run(case: &RingCase, trace: &mut Trace) {
    match case.kind {
        Kind::BlkifX86_64 => run_kind::<kinds::BlkifX86_64>(case, trace),
        Kind::BlkifX86_32 => run_kind::<kinds::BlkifX86_32>(case, trace),
        Kind::NetifTx => run_kind::<kinds::NetifTx>(case, trace),
        Kind::NetifRx => run_kind::<kinds::NetifRx>(case, trace),
        Kind::NetifCtrl => run_kind::<kinds::NetifCtrl>(case, trace),
        Kind::Vscsiif => run_kind::<kinds::Vscsiif>(case, trace),
        Kind::UsbifConn => run_kind::<kinds::UsbifConn>(case, trace),
    }
}

fn run_kind<R: RingTypes>(case: &RingCase, trace: &mut Trace) {
    let bytes = usize::from(case.pages) * PAGE;
    let mut pages = Box::new(Pages([0; MOST]));
    pages.0[..bytes].copy_from_slice(&NOISE[..bytes]);
    for (at, index) in [
        (REQ_PROD, case.index),
        (REQ_EVENT, case.index.wrapping_add(1)),
        (RSP_PROD, case.index),
        (RSP_EVENT, case.index.wrapping_add(1)),
    ] {
        pages.0[at..at + 4].copy_from_slice(&index.to_le_bytes());
    }
    let mut shadow = pages.0[..bytes].to_vec();
    let base = NonNull::from(&mut *pages).cast();
    operate::<R>(case, base, &mut shadow, trace);
    // The mappings are gone. No store went past the notes.
    assert!(pages.0[..bytes] == shadow[..], "{case:?}");
}

/// Does the operations on the memory at `base`, of which `shadow` is a copy.
fn operate<R: RingTypes>(case: &RingCase, base: NonNull<u8>, shadow: &mut [u8], trace: &mut Trace) {
    let bytes = shadow.len();
    let words = RefCell::new(Vec::new());
    let map = || {
        // SAFETY: until this function returns, and the mappings are gone, nothing else touches the
        // caller's pages, which are at least `bytes` long.
        let mapping = unsafe { Mapping::new(base, bytes) }.expect("pages are aligned");
        Noted {
            mapping,
            words: &words,
        }
    };
    let peer = Peer(map());
    let mut front = Front {
        ring: FrontRing::<R, _>::attach(map(), case.index).expect("there is room"),
        pushed: case.index,
        dead: None,
    };
    let mut back = Back {
        ring: BackRing::<R, _>::attach(map(), case.index).expect("there is room"),
        pushed: case.index,
        dead: None,
    };
    let mut wrapped = false;

    for &Op { what, a, value } in &case.ops {
        trace.step(what.name());
        let most = u32::from(a);
        let before = (front.ring.req_prod_pvt(), back.ring.rsp_prod_pvt());
        match what {
            What::Init => {
                front = Front {
                    ring: FrontRing::init(front.ring.into_memory()).expect("as before"),
                    pushed: 0,
                    dead: None,
                };
                back = Back::attach(back.ring.into_memory(), 0);
            }
            What::Attach => {
                front = Front {
                    ring: FrontRing::attach(front.ring.into_memory(), value).expect("as before"),
                    pushed: value,
                    dead: None,
                };
                back = Back::attach(back.ring.into_memory(), value);
            }
            What::Reattach => match BackRing::reattach(back.ring.into_memory()) {
                Ok(ring) => {
                    let pushed = ring.rsp_prod_pvt();
                    back = Back {
                        ring,
                        pushed,
                        dead: None,
                    };
                    trace.put8(FINE);
                }
                Err(error) => {
                    assert!(matches!(error.reason, AttachReason::Corrupt(_)));
                    assert!(case.hostile);
                    back = Back::attach(error.memory, 0);
                    trace.put8(OVERFLOW);
                }
            },
            What::FrontPut => front.put(most, value, trace),
            What::FrontPush => {
                front.ring.push();
                front.pushed = front.ring.req_prod_pvt();
            }
            What::FrontPushCheck => {
                let old = peer.index(REQ_PROD);
                let own = front.ring.push_and_check_notify().is_needed();
                let new = front.ring.req_prod_pvt();
                let event = peer.index(REQ_EVENT);
                notified(trace, case, (old, front.pushed), new, event, own);
                front.pushed = new;
            }
            What::FrontLook | What::FrontTake | What::FrontDrain | What::FrontFinal => {
                let code = match front.consume(what, most, trace) {
                    Ok(()) => FINE,
                    Err(corrupt) => front.refused(corrupt, peer.index(RSP_PROD), trace),
                };
                assert!(case.hostile || code == FINE, "{case:?}");
                trace.put8(code);
            }
            What::FrontState => {
                trace.put32(front.ring.size());
                trace.put32(front.ring.free_requests());
                trace.put8(front.ring.is_full().into());
                trace.put32(front.ring.req_prod_pvt());
                trace.put32(front.ring.rsp_cons());
            }
            What::BackPut => back.put(most, value, trace),
            What::BackPush => {
                back.ring.push();
                back.pushed = back.ring.rsp_prod_pvt();
            }
            What::BackPushCheck => {
                let old = peer.index(RSP_PROD);
                let own = back.ring.push_and_check_notify().is_needed();
                let new = back.ring.rsp_prod_pvt();
                let event = peer.index(RSP_EVENT);
                notified(trace, case, (old, back.pushed), new, event, own);
                back.pushed = new;
            }
            What::BackLook | What::BackTake | What::BackDrain | What::BackFinal => {
                let code = match back.consume(what, most, trace) {
                    Ok(()) => FINE,
                    Err(corrupt) => back.refused(corrupt, peer.index(REQ_PROD), trace),
                };
                assert!(case.hostile || code == FINE, "{case:?}");
                trace.put8(code);
            }
            What::BackState => {
                trace.put32(back.ring.size());
                trace.put32(back.ring.rsp_prod_pvt());
                trace.put32(back.ring.req_cons());
                trace.put32(back.ring.unanswered());
            }
            What::Predicates => {
                let from = |index: u32| value.wrapping_add(if a != 0 { index } else { 0 });
                let (rsp_cons, rsp_prod) = (front.ring.rsp_cons(), back.ring.rsp_prod_pvt());
                trace.put8(front.ring.response_prod_overflow(from(rsp_cons)).into());
                trace.put8(back.ring.request_prod_overflow(from(rsp_prod)).into());
                trace.put8(back.ring.request_cons_overflow(from(rsp_prod)).into());
            }
            What::Sizes => {
                trace.put32(rd32(value));
                let size = const_ring_size::<R>(value as usize);
                if value >= 64 {
                    trace.put32(size);
                    trace.put32(size);
                } else {
                    assert_eq!(size, 0);
                }
            }
            What::Private => {
                trace.put(&front.ring.pvt());
                if a % 2 == 0 {
                    front.ring.set_pvt(value.to_le_bytes());
                } else {
                    back.ring.set_pvt(value.to_le_bytes());
                }
                trace.put8(back.ring.pvt()[0]);
                trace.put8(front.ring.pvt()[0]);
            }
            What::Poke => {
                let at = usize::from(a % 4) * 4;
                let from = if a & 4 != 0 { peer.index(at) } else { 0 };
                peer.set_index(at, value.wrapping_add(from));
            }
        }
        if !matches!(what, What::Init | What::Attach | What::Reattach) {
            wrapped |= front.ring.req_prod_pvt() < before.0 || back.ring.rsp_prod_pvt() < before.1;
        }
        changes(&peer, shadow, trace);
    }
    if wrapped {
        trace.count(WRAPPED);
    }
}

/// Traces the words that changed since the last call.
fn changes(peer: &Peer<'_>, shadow: &mut [u8], trace: &mut Trace) {
    let mut words = peer.0.words.take();
    words.sort_unstable();
    words.dedup();
    words.retain(|word| {
        let at = usize::from(*word) * 4;
        // SAFETY: a word that was stored to, thus in the memory, at a multiple of 4.
        let new = unsafe { peer.0.load_u32(at) }.to_le_bytes();
        let old = &mut shadow[at..at + 4];
        let changed = old != new;
        old.copy_from_slice(&new);
        changed
    });
    trace.put16(words.len() as u16);
    for word in words {
        trace.put16(word);
        let at = usize::from(word) * 4;
        trace.put(&shadow[at..at + 4]);
    }
}

/// Traces a push: whether the producer index in the page was not the one that its owner had `pushed`,
/// then what ring.h's formula says with that index, then what we say.
fn notified(
    trace: &mut Trace,
    case: &RingCase,
    (old, pushed): (u32, u32),
    new: u32,
    event: u32,
    own: bool,
) {
    let foreign = old != pushed;
    let by_page = if foreign {
        new.wrapping_sub(event) < new.wrapping_sub(old)
    } else {
        own
    };
    trace.count(if own { NOTIFIED } else { SUPPRESSED });
    if foreign {
        assert!(case.hostile, "{case:?}");
        trace.count(FOREIGN);
        if by_page != own {
            trace.count(FOREIGN_OTHER);
        }
    }
    trace.put8(foreign.into());
    trace.put8(by_page.into());
    trace.put8(own.into());
}

struct Front<'a, R: RingTypes> {
    ring: FrontRing<R, Noted<'a>>,
    pushed: u32,
    dead: Option<Corrupt>,
}

impl<R: RingTypes> Front<'_, R> {
    fn put(&mut self, most: u32, value: u32, trace: &mut Trace) {
        let (mut count, mut code) = (0, FINE);
        while count < most && code == FINE {
            code = match self.ring.put(&message(value.wrapping_add(count))) {
                Ok(()) => FINE,
                Err(PutError::Full { size }) => {
                    assert_eq!(size, self.ring.size());
                    trace.count(FULL_SEEN);
                    FULL
                }
                Err(PutError::Corrupt(corrupt)) => {
                    assert_eq!(Some(corrupt), self.dead);
                    DEAD
                }
                Err(other) => panic!("{other}"),
            };
            count += u32::from(code == FINE);
        }
        trace.put8(code);
        trace.put8(count as u8);
    }

    fn consume(&mut self, what: What, most: u32, trace: &mut Trace) -> Result<(), Corrupt> {
        match what {
            What::FrontLook => {
                let waiting = self.ring.unconsumed_responses()?;
                trace.put32(waiting);
                trace.put8((waiting != 0).into());
            }
            What::FrontTake => {
                for _ in 0..most {
                    match self.ring.take()? {
                        Some(response) => trace.put(bytes_of(&response)),
                        None => break,
                    }
                }
            }
            What::FrontDrain => {
                for response in self.ring.responses()?.take(most as usize) {
                    trace.put(bytes_of(&response));
                }
            }
            _ => trace.put8(self.ring.final_check()?.into()),
        }
        Ok(())
    }

    /// What an error means in C's terms.
    fn refused(&mut self, corrupt: Corrupt, found: u32, trace: &mut Trace) -> u8 {
        if let Some(first) = self.dead {
            assert_eq!(first, corrupt);
            return DEAD;
        }
        self.dead = Some(corrupt);
        let Corrupt::ResponseProducer {
            rsp_prod,
            rsp_cons,
            req_prod,
        } = corrupt
        else {
            panic!("{corrupt}");
        };
        let (known, pushed) = (self.ring.rsp_cons(), self.pushed);
        assert_eq!((rsp_prod, rsp_cons, req_prod), (found, known, pushed));
        if self.ring.response_prod_overflow(rsp_prod) {
            trace.count(OVERFLOW_SEEN);
            OVERFLOW
        } else {
            assert!(rsp_prod.wrapping_sub(rsp_cons) > req_prod.wrapping_sub(rsp_cons));
            trace.count(AHEAD_SEEN);
            STRICTER
        }
    }
}

struct Back<'a, R: RingTypes> {
    ring: BackRing<R, Noted<'a>>,
    pushed: u32,
    dead: Option<Corrupt>,
}

impl<'a, R: RingTypes> Back<'a, R> {
    fn attach(memory: Noted<'a>, index: u32) -> Self {
        Self {
            ring: BackRing::attach(memory, index).expect("as before"),
            pushed: index,
            dead: None,
        }
    }

    fn put(&mut self, most: u32, value: u32, trace: &mut Trace) {
        let (mut count, mut code) = (0, FINE);
        while count < most && code == FINE {
            code = match self.ring.put(&message(value.wrapping_add(count))) {
                Ok(()) => FINE,
                Err(PutError::Unasked { req_cons }) => {
                    assert_eq!(req_cons, self.ring.req_cons());
                    trace.count(UNASKED_SEEN);
                    UNASKED
                }
                Err(PutError::Corrupt(corrupt)) => {
                    assert_eq!(Some(corrupt), self.dead);
                    DEAD
                }
                Err(other) => panic!("{other}"),
            };
            count += u32::from(code == FINE);
        }
        trace.put8(code);
        trace.put8(count as u8);
    }

    fn consume(&mut self, what: What, most: u32, trace: &mut Trace) -> Result<(), Corrupt> {
        match what {
            What::BackLook => {
                let waiting = self.ring.unconsumed_requests()?;
                trace.put32(waiting);
                trace.put8((waiting != 0).into());
            }
            What::BackTake => {
                for _ in 0..most {
                    match self.ring.take()? {
                        Some(request) => trace.put(bytes_of(&request)),
                        None => break,
                    }
                }
            }
            What::BackDrain => {
                for request in self.ring.requests()?.take(most as usize) {
                    trace.put(bytes_of(&request));
                }
            }
            _ => trace.put8(self.ring.final_check()?.into()),
        }
        Ok(())
    }

    /// What an error means in C's terms.
    fn refused(&mut self, corrupt: Corrupt, found: u32, trace: &mut Trace) -> u8 {
        if let Some(first) = self.dead {
            assert_eq!(first, corrupt);
            return DEAD;
        }
        self.dead = Some(corrupt);
        let Corrupt::RequestProducer {
            req_prod,
            req_cons,
            rsp_prod_pvt,
            size,
        } = corrupt
        else {
            panic!("{corrupt}");
        };
        let (cons, answered) = (self.ring.req_cons(), self.ring.rsp_prod_pvt());
        assert_eq!((req_prod, req_cons, rsp_prod_pvt), (found, cons, answered));
        assert_eq!(size, self.ring.size());
        if self.ring.request_prod_overflow(req_prod) {
            trace.count(OVERFLOW_SEEN);
            OVERFLOW
        } else {
            assert!(req_prod.wrapping_sub(rsp_prod_pvt) < req_cons.wrapping_sub(rsp_prod_pvt));
            trace.count(BEHIND_SEEN);
            STRICTER
        }
    }
}
