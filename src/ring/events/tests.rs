//! Both ends of event pages against a naive model, across the wrap, and against peers that lie.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::ptr::NonNull;

use quickcheck::{Arbitrary, Gen, QuickCheck};

use super::*;
use crate::ring::field;
use crate::ring::memory::Mapping;
use fbif::xenfb_in_event;
use kbdif::{xenkbd_in_event, xenkbd_page};

#[repr(C, align(4096))]
struct Zeroed([u8; 4096]);

/// A zeroed page, mapped; never freed, so that all mappings of it stay good.
fn page() -> Mapping {
    let base = NonNull::from(Box::leak(Box::new(Zeroed([0; 4096])))).cast();
    // SAFETY: the leaked page stays, and is only touched through mappings.
    unsafe { Mapping::new(base, 4096) }.unwrap()
}

fn set<E: EventTypes>(page: &Mapping, prod: u32, cons: u32) {
    // SAFETY: both indices lie in the page.
    unsafe { page.store_u32(E::PROD, prod) };
    // SAFETY: as above.
    unsafe { page.store_u32(E::CONS, cons) };
}

fn indices<E: EventTypes>(page: &Mapping) -> (u32, u32) {
    // SAFETY: both indices lie in the page.
    let prod = unsafe { page.load_u32(E::PROD) };
    // SAFETY: as above.
    (prod, unsafe { page.load_u32(E::CONS) })
}

type Ends<'a, E> = (EventProducer<E, &'a Mapping>, EventConsumer<E, &'a Mapping>);

fn ends<E: EventTypes>(page: &Mapping, start: u32) -> Ends<'_, E> {
    set::<E>(page, start, start);
    let producer = EventProducer::attach(page).unwrap();
    (producer, EventConsumer::attach(page).unwrap())
}

fn event(number: u32) -> Message<xenfb_in_event> {
    Message::zeroed().with(field!(xenfb_in_event, refresh_period.period), number)
}

fn number(event: Message<xenfb_in_event>) -> u32 {
    event.at(field!(xenfb_in_event, refresh_period.period))
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Put,
    Push,
    Take,
    Confirm,
    TakeAll,
}

impl Arbitrary for Step {
    fn arbitrary(g: &mut Gen) -> Self {
        let steps = [
            Self::Put,
            Self::Put,
            Self::Put,
            Self::Push,
            Self::Take,
            Self::Confirm,
        ];
        match u8::arbitrary(g) % 16 {
            0 => Self::TakeAll,
            other => steps[usize::from(other) % steps.len()],
        }
    }
}

/// Where events lie that the consumer has not confirmed, by slot; and in which order they come.
struct Model {
    slots: [Option<u32>; 25],
    prod: u32,
    put: VecDeque<u32>,
    pushed: VecDeque<u32>,
    taken: Vec<u32>,
}

impl Model {
    fn confirm(&mut self) {
        for index in self.taken.drain(..) {
            self.slots[index as usize % 25] = None;
        }
    }
}

#[test]
fn any_sequence_of_steps_is_that_of_a_queue() {
    fn property(steps: Vec<Step>, before_wrap: u8) -> bool {
        let page = page();
        let start = 0u32.wrapping_sub((before_wrap % 64).into());
        let (mut producer, mut consumer) = ends::<FbifIn>(&page, start);
        let mut model = Model {
            slots: [None; 25],
            prod: start,
            put: VecDeque::new(),
            pushed: VecDeque::new(),
            taken: Vec::new(),
        };
        for step in steps {
            match step {
                Step::Put => {
                    let index = model.prod;
                    let slot = &mut model.slots[index as usize % 25];
                    let expected = match slot {
                        Some(_) => Err(PutError::Full { size: 25 }),
                        None => Ok(()),
                    };
                    assert_eq!(producer.put(&event(index)), expected);
                    if expected.is_ok() {
                        *slot = Some(index);
                        model.put.push_back(index);
                        model.prod = index.wrapping_add(1);
                    }
                }
                Step::Push => {
                    assert_eq!(producer.push().is_needed(), !model.put.is_empty());
                    model.pushed.append(&mut model.put);
                }
                Step::Take => {
                    let known = consumer.prod != consumer.cons;
                    let expected = model.pushed.pop_front();
                    assert_eq!(consumer.take().unwrap().map(number), expected);
                    if !known {
                        model.confirm();
                    }
                    model.taken.extend(expected);
                }
                Step::Confirm => {
                    assert_eq!(consumer.confirm(), !model.taken.is_empty());
                    model.confirm();
                }
                Step::TakeAll => {
                    let waiting = consumer.unconsumed().unwrap();
                    let taken: Vec<_> = consumer.events().unwrap().map(number).collect();
                    assert_eq!(waiting as usize, taken.len());
                    assert_eq!(taken, model.pushed.make_contiguous());
                    model.taken.extend(model.pushed.drain(..));
                    model.confirm();
                }
            }
        }
        true
    }
    QuickCheck::new()
        .rng(Gen::new(if cfg!(miri) { 60 } else { 400 }))
        .tests(if cfg!(miri) { 5 } else { 2000 })
        .quickcheck(property as fn(Vec<Step>, u8) -> bool);
}

#[test]
fn no_event_is_overwritten_where_indices_wrap() {
    // Everything that fits is put before any is taken, from each place near the wrap.
    for before in (0..60u32).step_by(if cfg!(miri) { 11 } else { 1 }) {
        let page = page();
        let start = 0u32.wrapping_sub(before);
        let (mut producer, mut consumer) = ends::<FbifIn>(&page, start);
        let mut count = 0;
        while producer.put(&event(count)).is_ok() {
            count += 1;
        }
        // 2^32 is 21 modulo 25.
        let expected = match before {
            0 | 25.. => 25,
            1..=21 => 21,
            _ => before,
        };
        assert_eq!(count, expected, "{before} before the wrap");
        assert!(producer.push().is_needed());
        let taken: Vec<_> = consumer.events().unwrap().map(number).collect();
        assert_eq!(taken, (0..count).collect::<Vec<_>>());
        assert!(producer.put(&event(0)).is_ok());
    }
}

#[test]
fn indices_and_slots_lie_where_c_has_them() {
    let page = page();
    let (mut producer, _) = ends::<KbdifIn>(&page, 100);
    let event = Message::zeroed().with(field!(xenkbd_in_event, pos.abs_x), 0x1234_5678);
    producer.put(&event).unwrap();
    // SAFETY: an index in the page.
    let prod = |at| unsafe { page.load_u32(at) };
    assert_eq!(prod(core::mem::offset_of!(xenkbd_page, in_prod)), 100);
    assert!(producer.push().is_needed());
    assert!(!producer.push().is_needed());
    assert_eq!(prod(core::mem::offset_of!(xenkbd_page, in_prod)), 101);
    assert_eq!(prod(core::mem::offset_of!(xenkbd_page, in_cons)), 100);
    let slot = 1024 + (100 % 51) * 40;
    assert_eq!(slot_offset::<KbdifIn>(100), slot);
    let mut bytes = [0; 40];
    for (at, chunk) in bytes.chunks_exact_mut(size_of::<usize>()).enumerate() {
        let at = slot + at * size_of::<usize>();
        // SAFETY: within the slot, of the width that the ring uses.
        #[cfg(target_pointer_width = "64")]
        let word = unsafe { page.load_u64(at) };
        // SAFETY: as above.
        #[cfg(not(target_pointer_width = "64"))]
        let word = unsafe { page.load_u32(at) };
        chunk.copy_from_slice(&word.to_ne_bytes());
    }
    assert_eq!(bytes, event.as_bytes());
    assert_eq!(bytes[4..8], 0x1234_5678u32.to_ne_bytes());
}

#[test]
fn any_index_of_the_producer_is_used_or_refused() {
    fn property(start: u32, taken: u8, claimed: u32, far: bool) -> bool {
        let page = page();
        let (mut producer, mut consumer) = ends::<FbifIn>(&page, start);
        let put = (0..20).filter(|_| producer.put(&event(1)).is_ok()).count() as u32;
        assert!(producer.push().is_needed());
        let taken = u32::from(taken) % 10;
        for _ in 0..taken {
            assert!(consumer.take().unwrap().is_some());
        }
        let claimed = if far {
            claimed
        } else {
            start.wrapping_add(claimed % 40)
        };
        // SAFETY: an index in the page.
        unsafe { page.store_u32(FbifIn::PROD, claimed) };
        let ahead = claimed.wrapping_sub(start);
        // Nothing is confirmed yet; the first take, if there was one, has seen what was put.
        let seen = if taken == 0 { 0 } else { put };
        if ahead <= 25 && ahead >= seen {
            let mut count = taken;
            while consumer.take().unwrap().is_some() {
                count += 1;
            }
            return count == ahead && indices::<FbifIn>(&page).1 == claimed;
        }
        let corrupt = Corrupt::EventProducer {
            prod: claimed,
            cons: start,
            len: 25,
        };
        consumer.unconsumed() == Err(corrupt)
            && consumer.take() == Err(corrupt)
            && consumer.events().is_err()
    }
    QuickCheck::new()
        .tests(if cfg!(miri) { 5 } else { 2000 })
        .quickcheck(property as fn(u32, u8, u32, bool) -> bool);
}

#[test]
fn any_index_of_the_consumer_is_used_or_refused() {
    fn property(start: u32, claimed: u32, far: bool) -> bool {
        let page = page();
        let (mut producer, _) = ends::<FbifIn>(&page, start);
        while producer.put(&event(1)).is_ok() {}
        assert!(producer.push().is_needed());
        let prod = indices::<FbifIn>(&page).0;
        let claimed = if far {
            claimed
        } else {
            start.wrapping_add(claimed % 40)
        };
        // SAFETY: an index in the page.
        unsafe { page.store_u32(FbifIn::CONS, claimed) };
        let result = producer.put(&event(2));
        if claimed.wrapping_sub(start) > prod.wrapping_sub(start) {
            let corrupt = Corrupt::EventConsumer {
                cons: claimed,
                before: start,
                prod,
            };
            return result == Err(corrupt.into()) && producer.put(&event(3)) == result;
        }
        // What was published stays so, whatever the page says.
        assert!(producer.push().is_needed() == result.is_ok());
        result.is_ok() == (claimed != start)
    }
    QuickCheck::new()
        .tests(if cfg!(miri) { 5 } else { 2000 })
        .quickcheck(property as fn(u32, u32, bool) -> bool);
    // Events that were put and not pushed can't be taken.
    let page = page();
    let (mut producer, _) = ends::<FbifIn>(&page, 0);
    while producer.put(&event(1)).is_ok() {}
    set::<FbifIn>(&page, 0, 1);
    let error = producer.put(&event(1)).unwrap_err();
    let text = "the consumer of events is at 1, after it was at 0, with 0 sent";
    assert_eq!(error.to_string(), text);
}

#[test]
fn a_page_that_makes_no_sense_comes_back() {
    let page = page();
    set::<DisplifIn>(&page, 64, 0);
    let corrupt = AttachReason::Corrupt(Corrupt::EventProducer {
        prod: 64,
        cons: 0,
        len: 63,
    });
    let error = EventProducer::<DisplifIn, _>::attach(&page).unwrap_err();
    assert_eq!(error.reason, corrupt);
    let error = EventConsumer::<DisplifIn, _>::attach(&page).unwrap_err();
    assert_eq!(error.reason, corrupt);
    set::<DisplifIn>(&page, 63, 0);
    let mut producer = EventProducer::<DisplifIn, _>::attach(&page).unwrap();
    assert_eq!(
        producer.put(&Message::zeroed()),
        Err(PutError::Full { size: 63 })
    );
    let mut consumer = EventConsumer::<DisplifIn, _>::attach(&page).unwrap();
    assert_eq!(consumer.events().unwrap().len(), 63);

    // SAFETY: all but the last bytes of a leaked page, which only mappings touch.
    let small = unsafe { Mapping::new(page.base(), 4095) }.unwrap();
    let (len, needed) = (4095, 4096);
    let error = FbifPage::new(small).unwrap_err();
    assert_eq!(error.reason, AttachReason::TooSmall { len, needed });
    assert!(EventConsumer::<FbifIn, _>::attach(error.memory).is_err());
}

#[test]
fn the_head_of_a_framebuffer_is_that_of_the_structure() {
    let memory = page();
    let page = FbifPage::new(&memory).unwrap();
    for directory in [Directory::Bits32, Directory::Bits64] {
        let (len, frame) = match directory {
            Directory::Bits32 => (247, 0xffff_fff0),
            Directory::Bits64 => (123, 0x1234_5678_9abc_def0),
        };
        assert_eq!(directory.len(), len);
        for entry in 0..len {
            assert!(page.set_directory(directory, entry, frame + entry as u64 % 16));
        }
        for entry in 0..len {
            assert_eq!(
                page.directory(directory, entry),
                Some(frame + entry as u64 % 16)
            );
        }
        for entry in [len, len + 1, 256, usize::MAX] {
            assert!(!page.set_directory(directory, entry, 0));
            assert_eq!(page.directory(directory, entry), None);
        }
        assert!(!page.set_directory(Directory::Bits32, 0, 1 << 32));
        // The slots are not touched.
        // SAFETY: the first word of the first slot, of the width that the page's head uses.
        assert_eq!(unsafe { memory.load_u32(1024) }, 0);
    }
    let screen = Screen {
        width: 3,
        height: -4,
        line_length: 5,
        mem_length: u32::MAX,
        depth: 24,
    };
    page.set_screen(&screen);
    assert_eq!(page.screen(), screen);
    let word = |at| {
        // SAFETY: below 40, at a multiple of 4.
        unsafe { memory.load_u32(at) }
    };
    assert_eq!([16, 20, 24, 28].map(word), [3, -4i32 as u32, 5, u32::MAX]);
    assert_eq!(word(32).to_ne_bytes(), [24, 0, 0, 0]);
    // The directory of 64 bits begins behind a hole.
    let low = usize::from(cfg!(target_endian = "big")) * 4;
    assert_eq!(word(40 + low), 0x9abc_def0);
}

#[test]
fn an_iterator_left_early_gives_the_slots_of_what_it_took_back() {
    let page = page();
    let (mut producer, mut consumer) = ends::<FbifIn>(&page, 7);
    for n in 0..FbifIn::LEN {
        producer.put(&event(n)).unwrap();
    }
    assert!(producer.push().is_needed());
    assert!(producer.put(&event(99)).is_err(), "the ring is full");
    let taken: Vec<u32> = consumer.events().unwrap().take(2).map(number).collect();
    assert_eq!(taken, [0, 1]);
    assert_eq!(indices::<FbifIn>(&page), (7 + FbifIn::LEN, 9));
    assert_eq!(producer.put(&event(99)), Ok(()));
    assert!(!consumer.confirm(), "nothing is left to confirm");
}
