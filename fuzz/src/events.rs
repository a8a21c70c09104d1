//! Rings of events, with a hostile other end.

use xen_abi::ring::events::{
    CameraifIn, Directory, DisplifIn, EVENT_PAGE_BYTES, EventConsumer, EventProducer, EventTypes,
    FbifIn, FbifOut, FbifPage, KbdifIn, KbdifOut, Screen, SndifIn, slot_offset,
};
use xen_abi::ring::{AttachReason, Corrupt, Notify, PutError};

use crate::kinds::{bytes_of, message};
use crate::memory::{Log, Page};
use crate::script::Script;

/// Either end of a ring of events, and the head of a framebuffer's page, while the other end writes what it
/// likes.
///
/// Events that come out are what was loaded once from the slot that is due, and never more than there are
/// slots; none that waits is written over; an index that can't be right is told with its value and ends the
/// ring.
pub fn events(data: &[u8]) {
    let script = &mut Script::new(data);
    match script.u8() % 8 {
        0 => run::<FbifIn>(script, 40),
        1 => run::<FbifOut>(script, 40),
        2 => run::<KbdifIn>(script, 40),
        3 => run::<KbdifOut>(script, 40),
        4 => run::<DisplifIn>(script, 64),
        5 => run::<SndifIn>(script, 64),
        6 => run::<CameraifIn>(script, 64),
        _ => screen(script),
    }
}

fn run<E: EventTypes>(script: &mut Script<'_>, size: usize) {
    assert_eq!(size_of::<E::Event>(), size);
    let page = &Page::new(EVENT_PAGE_BYTES);
    let cons = script.index();
    let few = script.u8() & 15 != 0;
    let ahead = if few {
        u32::from(script.u8() % 68)
    } else {
        script.u32()
    };
    page.set_u32(E::CONS, cons);
    page.set_u32(E::PROD, cons.wrapping_add(ahead));
    if script.flip() {
        producer::<E>(script, page);
    } else {
        consumer::<E>(script, page);
    }
}

/// The slot of an index.
fn slot<E: EventTypes>(index: u32) -> usize {
    let at = E::OFFSET + (index % E::LEN) as usize * size_of::<E::Event>();
    assert_eq!(slot_offset::<E>(index), at);
    at
}

/// The one value of an index.
fn one(values: &[u32]) -> u32 {
    match values {
        [value] => *value,
        other => panic!("{other:?} of one index"),
    }
}

fn consumer<E: EventTypes>(script: &mut Script<'_>, page: &Page) {
    let found = EventConsumer::<E, _>::attach(page);
    let (mut confirmed, mut known) = {
        let log = page.log();
        (one(&log.loaded_u32(E::CONS)), one(&log.loaded_u32(E::PROD)))
    };
    let mut taken = confirmed;
    let mut corrupt = None;
    let wrong = |prod, cons| Corrupt::EventProducer {
        prod,
        cons,
        len: E::LEN,
    };
    let mut ring = match found {
        Ok(ring) => ring,
        Err(error) => {
            let expected = AttachReason::Corrupt(wrong(known, confirmed));
            assert_eq!(error.reason, expected);
            assert!(known.wrapping_sub(confirmed) > E::LEN);
            return;
        }
    };
    assert!(known.wrapping_sub(confirmed) <= E::LEN);
    while !script.is_empty() {
        page.forget();
        let operation = script.u8() % 12;
        match operation {
            0 => page.scribble(script),
            1 => page.set_drift(script.some_bytes()),
            2..=4 => page.set_u32(E::PROD, known.wrapping_add(script.step() % 32)),
            5 => page.set_u32(E::PROD, confirmed.wrapping_add(script.step())),
            6 => {
                let done = ring.confirm();
                assert_eq!(done, confirmed != taken);
                let stored = page.log().stored_u32(E::CONS);
                assert_eq!(stored, if done { vec![taken] } else { vec![] });
                confirmed = taken;
            }
            _ => {
                let most = script.below(70);
                // After an error too: what was taken was taken.
                let dry = corrupt.is_some() || known == taken;
                let found = match operation {
                    7 => ring.unconsumed().map(|waiting| (waiting, Vec::new())),
                    8..=9 => ring.take().map(|event| match event {
                        Some(event) => (u32::MAX, vec![event]),
                        None => (0, Vec::new()),
                    }),
                    _ => ring.events().map(|events| {
                        let len = events.len();
                        let events: Vec<_> = events.take(most).collect();
                        assert_eq!(events.len(), len.min(most));
                        (len as u32, events)
                    }),
                };
                let log = page.log();
                let stored = log.stored_u32(E::CONS);
                if let (8..=9, [cons]) = (operation, &stored[..]) {
                    // What was taken is given back before the look for more.
                    assert!(dry && *cons == taken && confirmed != taken);
                    confirmed = taken;
                }
                // The look.
                let look = !matches!(operation, 8..=9) || dry;
                let loaded = log.loaded_u32(E::PROD);
                if corrupt.is_some() {
                    assert_eq!(loaded, []);
                } else if look {
                    let prod = one(&loaded);
                    let waiting = prod.wrapping_sub(confirmed);
                    if waiting > E::LEN || waiting < known.wrapping_sub(confirmed) {
                        corrupt = Some(wrong(prod, confirmed));
                    } else {
                        known = prod;
                    }
                }
                let (waiting, events) = match (found, corrupt) {
                    (Ok(found), None) => found,
                    (Err(found), Some(expected)) => {
                        assert_eq!(found, expected);
                        continue;
                    }
                    (found, expected) => panic!("{:?}, not {expected:?}", found.err()),
                };
                let there = known.wrapping_sub(taken);
                assert!(there <= E::LEN);
                assert!(waiting == there || waiting == u32::MAX && there > 0);
                check::<E>(taken, &events, &log);
                taken = taken.wrapping_add(events.len() as u32);
                if operation > 9 && confirmed != taken {
                    assert_eq!(stored, [taken]);
                    confirmed = taken;
                }
            }
        }
    }
}

/// Events are what was loaded once for each from its slot, and nothing else was. Where indices wrap around,
/// two events can have the same slot.
fn check<E: EventTypes>(first: u32, events: &[E::Event], log: &Log) {
    let size = size_of::<E::Event>();
    let slots = E::OFFSET..E::OFFSET + E::LEN as usize * size;
    let loaded = log
        .loads()
        .filter(|(at, _)| slots.contains(at))
        .flat_map(|(at, bytes)| (at..).zip(bytes.iter().copied()));
    let due = (0..).zip(events).flat_map(|(n, event)| {
        let at = slot::<E>(first.wrapping_add(n));
        (at..).zip(bytes_of(event).iter().copied())
    });
    assert!(loaded.eq(due));
}

fn producer<E: EventTypes>(script: &mut Script<'_>, page: &Page) {
    let found = EventProducer::<E, _>::attach(page);
    let (mut cons, mut pushed) = {
        let log = page.log();
        (one(&log.loaded_u32(E::CONS)), one(&log.loaded_u32(E::PROD)))
    };
    let mut put = pushed;
    let mut corrupt = None;
    let mut ring = match found {
        Ok(ring) => ring,
        Err(error) => {
            let expected = Corrupt::EventProducer {
                prod: pushed,
                cons,
                len: E::LEN,
            };
            assert_eq!(error.reason, AttachReason::Corrupt(expected));
            assert!(pushed.wrapping_sub(cons) > E::LEN);
            return;
        }
    };
    assert!(pushed.wrapping_sub(cons) <= E::LEN);
    while !script.is_empty() {
        page.forget();
        match script.u8() % 8 {
            0 => page.scribble(script),
            1 => page.set_drift(script.some_bytes()),
            2 => page.set_u32(E::CONS, cons.wrapping_add(script.step() % 32)),
            3 => page.set_u32(E::CONS, pushed),
            4 => {
                let notify = ring.push();
                let stored = page.log().stored_u32(E::PROD);
                assert_eq!(notify == Notify::Needed, pushed != put);
                assert_eq!(stored, if pushed == put { vec![] } else { vec![put] });
                pushed = put;
            }
            _ => {
                let event: E::Event = message(script);
                let found = ring.put(&event);
                let log = page.log();
                // Whether as many wait as there are slots, or the slot is that of one which waits.
                let taken_by = |cons: u32| {
                    let waiting = put.wrapping_sub(cons);
                    waiting >= E::LEN
                        || (1..=waiting).any(|n| slot::<E>(put.wrapping_sub(n)) == slot::<E>(put))
                };
                let loaded = log.loaded_u32(E::CONS);
                let mut full = false;
                if corrupt.is_some() {
                    assert_eq!(loaded, []);
                } else if taken_by(cons) {
                    let now = one(&loaded);
                    if now.wrapping_sub(cons) > pushed.wrapping_sub(cons) {
                        corrupt = Some(Corrupt::EventConsumer {
                            cons: now,
                            before: cons,
                            prod: pushed,
                        });
                    } else {
                        cons = now;
                        full = taken_by(cons);
                    }
                } else {
                    assert_eq!(loaded, []);
                }
                let expected = match corrupt {
                    Some(corrupt) => Err(PutError::Corrupt(corrupt)),
                    None if full => Err(PutError::Full { size: E::LEN }),
                    None => Ok(()),
                };
                assert_eq!(found, expected);
                let stored: usize = log.stores().map(|(_, bytes)| bytes.len()).sum();
                if expected.is_ok() {
                    let bytes = bytes_of(&event);
                    let at = slot::<E>(put);
                    assert_eq!(page.read(at, bytes.len()), bytes);
                    let here = log.stored(at..at + bytes.len());
                    assert!(stored == bytes.len() && here.iter().all(Option::is_some));
                    put = put.wrapping_add(1);
                } else {
                    assert_eq!(stored, 0);
                }
            }
        }
        assert!(put.wrapping_sub(cons) <= E::LEN);
    }
}

/// The head of a framebuffer's page.
fn screen(script: &mut Script<'_>) {
    let page = &Page::new(EVENT_PAGE_BYTES);
    let fb = FbifPage::new(page).expect("a page");
    while !script.is_empty() {
        page.forget();
        let directory = script.one_of(&[Directory::Bits32, Directory::Bits64]);
        let entry = usize::from(script.u16() % 300);
        match script.u8() % 5 {
            0 => page.scribble(script),
            1 => {
                let screen = fb.screen();
                let log = page.log();
                let words = |at| one(&log.loaded_u32(at));
                assert_eq!(screen.width, words(16) as i32);
                assert_eq!(screen.height, words(20) as i32);
                assert_eq!(screen.line_length, words(24));
                assert_eq!(screen.mem_length, words(28));
                assert_eq!(screen.depth.to_ne_bytes(), words(32).to_ne_bytes()[..1]);
            }
            2 => {
                let screen = Screen {
                    width: script.step() as i32,
                    height: script.step() as i32,
                    line_length: script.u32(),
                    mem_length: script.u32(),
                    depth: script.u8(),
                };
                fb.set_screen(&screen);
                page.set_drift(&[]);
                assert_eq!(fb.screen(), screen);
            }
            3 => {
                let found = fb.directory(directory, entry);
                assert_eq!(found.is_some(), entry < directory.len());
                let loaded: Vec<_> = page.log().loads().map(|(at, _)| at).collect();
                let width = if directory == Directory::Bits32 { 4 } else { 8 };
                let first = if width == 4 { 36 } else { 40 } + entry * width;
                if found.is_some() {
                    assert!(first + width <= 1024);
                    assert!(loaded.iter().all(|at| (first..first + width).contains(at)));
                } else {
                    assert!(loaded.is_empty());
                }
            }
            _ => {
                let frame = script.u64() >> (script.u8() % 64);
                let done = fb.set_directory(directory, entry, frame);
                let fits = directory == Directory::Bits64 || frame <= u32::MAX.into();
                assert_eq!(done, fits && entry < directory.len());
                if done {
                    assert_eq!(fb.directory(directory, entry), Some(frame));
                }
            }
        }
    }
}
