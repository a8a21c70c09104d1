//! The two ends against each other, against a naive model, and against a page that lies.
#![allow(unsafe_code)]

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ptr::NonNull;

use quickcheck::{Arbitrary, Gen, quickcheck};

use super::*;
use kinds::{BlkifX86_32, BlkifX86_64, NetifCtrl, NetifRx, NetifTx, Vscsiif};
use xen_public::abi::{x86_32, x86_64};

mod batch;
// Its memory is a vector behind safe code, so that Miri would find nothing there, in minutes.
#[cfg(not(miri))]
mod changing;
mod messages;
mod order;
mod restart;

/// Zeroed pages, which go when the last mapping of a test is gone.
#[repr(C, align(4096))]
struct Pages<const N: usize>([[u8; 4096]; N]);

/// Two mappings of the same zeroed memory of `len` bytes, never freed while in use because never
/// freed: the tests' pages are few.
fn pair(len: usize) -> (Mapping, Mapping) {
    assert!(len <= 4 * 4096);
    let base = NonNull::from(Box::leak(Box::new(Pages([[0; 4096]; 4])))).cast();
    let map = || {
        // SAFETY: the leaked pages stay, and are only touched through the mappings.
        unsafe { Mapping::new(base, len) }.unwrap()
    };
    (map(), map())
}

/// The four indices of a page, to read and write behind a ring's back.
fn index(memory: &Mapping, at: usize) -> u32 {
    assert!(at < 16 && at % 4 == 0);
    // SAFETY: in the header, at a multiple of 4.
    unsafe { memory.load_u32(at) }
}

fn set_index(memory: &Mapping, at: usize, value: u32) {
    assert!(at < 16 && at % 4 == 0);
    // SAFETY: in the header, at a multiple of 4.
    unsafe { memory.store_u32(at, value) }
}

const REQ_PROD: usize = 0;
const REQ_EVENT: usize = 4;
const RSP_PROD: usize = 8;
const RSP_EVENT: usize = 12;

/// A ring whose indices begin at `start`, both ends attached.
fn ring_at<R: RingTypes>(
    len: usize,
    start: u32,
) -> (FrontRing<R, Mapping>, BackRing<R, Mapping>, Mapping) {
    let (a, b) = pair(len);
    // SAFETY: as in `pair`.
    let page = unsafe { Mapping::new(a.base(), len) }.unwrap();
    let front = FrontRing::<R, _>::init(a).unwrap();
    for (at, value) in [(REQ_PROD, start), (RSP_PROD, start)] {
        set_index(&page, at, value);
    }
    for at in [REQ_EVENT, RSP_EVENT] {
        set_index(&page, at, start.wrapping_add(1));
    }
    let front = FrontRing::attach(front.into_memory(), start).unwrap();
    let back = BackRing::attach(b, start).unwrap();
    (front, back, page)
}

fn request(id: u16) -> x86_64::io::netif::netif_rx_request {
    x86_64::io::netif::netif_rx_request {
        id,
        gref: u32::from(id) * 3,
        ..x86_64::io::netif::netif_rx_request::ZERO
    }
}

fn response(id: u16) -> x86_64::io::netif::netif_rx_response {
    x86_64::io::netif::netif_rx_response {
        id,
        status: -1,
        ..x86_64::io::netif::netif_rx_response::ZERO
    }
}

#[test]
fn sizes_are_those_of_the_protocols() {
    assert_eq!(const_ring_size::<BlkifX86_32>(4096), 32);
    assert_eq!(const_ring_size::<BlkifX86_64>(4096), 32);
    assert_eq!(const_ring_size::<BlkifX86_32>(16 * 4096), 512);
    assert_eq!(const_ring_size::<NetifTx>(4096), 256);
    assert_eq!(const_ring_size::<NetifRx>(4096), 256);
    assert_eq!(const_ring_size::<NetifCtrl>(4096), 128);
    assert_eq!(const_ring_size::<Vscsiif>(4096), 16);
    assert_eq!(const_ring_size::<NetifRx>(0), 0);
    assert_eq!(const_ring_size::<NetifRx>(64), 0);
    assert_eq!(const_ring_size::<NetifRx>(64 + 7), 0);
    assert_eq!(const_ring_size::<NetifRx>(64 + 8), 1);
    assert_eq!(const_ring_size::<NetifRx>(64 + 3 * 8), 2);
    assert_eq!(slot_bytes::<BlkifX86_32>(), 108);
    assert_eq!(slot_bytes::<BlkifX86_64>(), 112);
    assert_eq!(word_bytes::<BlkifX86_32>(), 4);
    assert_eq!(word_bytes::<BlkifX86_64>(), size_of::<usize>().min(8));
    assert_eq!(word_bytes::<NetifTx>(), 4);
    #[cfg(target_pointer_width = "64")]
    assert_eq!(const_ring_size::<NetifRx>(usize::MAX), 1 << 31);
}

#[test]
fn rounding_down_is_that_of_a_shift_register() {
    fn naive(mut value: u32) -> u32 {
        while value & value.wrapping_sub(1) != 0 {
            value &= value - 1;
        }
        value
    }
    fn agrees(value: u32, by: u32) -> bool {
        let value = value >> (by % 32);
        rd32(value) == naive(value)
    }
    quickcheck(agrees as fn(u32, u32) -> bool);
    for value in 0..if cfg!(miri) { 70 } else { 70_000 } {
        assert_eq!(rd32(value), naive(value));
    }
    assert_eq!(rd32(u32::MAX), 1 << 31);
}

#[test]
fn a_memory_without_room_comes_back() {
    let (a, _) = pair(71);
    let error = FrontRing::<NetifRx, _>::init(a).unwrap_err();
    assert_eq!(
        error.reason,
        AttachReason::TooSmall {
            len: 71,
            needed: 72
        }
    );
    assert_eq!(error.memory.len(), 71);
    assert!(BackRing::<NetifRx, _>::attach(error.memory, 0).is_err());

    let page = Box::leak(Box::new(Pages([[0; 4096]; 1])));
    let odd = NonNull::from(&mut page.0[0][4]);
    // SAFETY: the rest of a leaked page, not otherwise used.
    let error = unsafe { Mapping::new(odd, 4092) }.unwrap_err();
    assert_eq!(error.address, odd.as_ptr().addr());
}

#[test]
fn a_new_ring_has_the_header_of_the_macro() {
    let (a, page) = pair(4096);
    for offset in (0..128).step_by(4) {
        // The widths are those of the ring, which Miri insists on.
        if offset == 16 {
            // SAFETY: within the page.
            unsafe { page.write_bytes(offset, &[0xff; 4]) };
        } else {
            // SAFETY: within the page.
            unsafe { page.store_u32(offset, u32::MAX) };
        }
    }
    FrontRing::<NetifRx, _>::init(a).unwrap();
    let mut header = [0; 64];
    // SAFETY: within the page; nothing else runs.
    unsafe { page.read_bytes(0, &mut header) };
    let mut expected = [0; 64];
    expected[REQ_EVENT..REQ_EVENT + 4].copy_from_slice(&1u32.to_ne_bytes());
    expected[RSP_EVENT..RSP_EVENT + 4].copy_from_slice(&1u32.to_ne_bytes());
    assert_eq!(header, expected);
}

#[test]
fn private_bytes_are_seen_by_the_other_end() {
    let (mut front, mut back, _) = ring_at::<NetifTx>(4096, 0);
    front.set_pvt([1, 2, 3, 4]);
    assert_eq!(back.pvt(), [1, 2, 3, 4]);
    back.set_pvt([5, 0, 0, 0]);
    assert_eq!(front.pvt(), [5, 0, 0, 0]);
}

#[test]
fn responses_and_requests_share_slots_across_the_wrap() {
    let (mut front, mut back, _) = ring_at::<NetifRx>(64 + 4 * 8, u32::MAX - 5);
    assert_eq!(front.size(), 4);
    for round in 0..5u16 {
        for n in 0..4 {
            front.put(&request(round * 4 + n)).unwrap();
        }
        assert!(front.is_full());
        assert_eq!(front.put(&request(99)), Err(PutError::Full { size: 4 }));
        assert_eq!(front.push_and_check_notify(), Notify::Needed);
        let ids: Vec<_> = back.requests().unwrap().map(|r| (r.id, r.gref)).collect();
        let expected: Vec<_> = (round * 4..round * 4 + 4)
            .map(|id| (id, u32::from(id) * 3))
            .collect();
        assert_eq!(ids, expected);
        assert_eq!(back.unanswered(), 4);
        // Answers in another order.
        for (id, _) in ids.iter().rev() {
            back.put(&response(*id)).unwrap();
        }
        let req_cons = back.req_cons();
        assert_eq!(back.put(&response(0)), Err(PutError::Unasked { req_cons }));
        assert_eq!(back.push_and_check_notify(), Notify::Needed);
        assert_eq!(back.final_check(), Ok(false));
        let responses = front.responses().unwrap();
        assert_eq!(responses.len(), 4);
        let answered: Vec<_> = responses.map(|r| r.id).collect();
        assert!(answered.iter().rev().eq(ids.iter().map(|(id, _)| id)));
        assert_eq!(front.final_check(), Ok(false));
    }
}

#[test]
fn an_event_is_asked_for_and_sent_once() {
    let (mut front, mut back, page) = ring_at::<NetifRx>(4096, 0);
    front.put(&request(1)).unwrap();
    assert_eq!(front.push_and_check_notify(), Notify::Needed);
    assert_eq!(front.push_and_check_notify(), Notify::Suppressed);
    // The backend is awake, and has not asked for the second.
    front.put(&request(2)).unwrap();
    assert_eq!(front.push_and_check_notify(), Notify::Suppressed);
    assert_eq!(back.final_check(), Ok(true), "requests are waiting");
    assert_eq!(index(&page, REQ_EVENT), 1, "so no event is asked for");
    assert_eq!(back.requests().unwrap().count(), 2);
    assert_eq!(back.final_check(), Ok(false));
    assert_eq!(index(&page, REQ_EVENT), 3);
    front.put(&request(3)).unwrap();
    assert_eq!(front.push_and_check_notify(), Notify::Needed);
    assert_eq!(back.final_check(), Ok(true));

    // Both responses together, asked for by the frontend.
    assert_eq!(front.final_check_after(2), Ok(false));
    assert_eq!(index(&page, RSP_EVENT), 2);
    back.put(&response(1)).unwrap();
    assert_eq!(back.push_and_check_notify(), Notify::Suppressed);
    back.put(&response(2)).unwrap();
    assert_eq!(back.push_and_check_notify(), Notify::Needed);
    assert_eq!(front.responses().unwrap().count(), 2);
    // Only one request is left to be answered: more can't be waited for.
    assert_eq!(front.final_check_after(9), Ok(false));
    assert_eq!(index(&page, RSP_EVENT), 3);
    assert_eq!(front.final_check_after(0), Ok(false));
    assert_eq!(index(&page, RSP_EVENT), 3);
}

#[test]
fn a_bad_index_ends_the_ring() {
    let (mut front, mut back, page) = ring_at::<NetifRx>(4096, 0);
    for id in 0..4 {
        front.put(&request(id)).unwrap();
    }
    front.push();
    assert_eq!(back.take().unwrap().unwrap().id, 0);
    assert_eq!(back.take().unwrap().unwrap().id, 1);

    // A producer that goes back is as bad as one that goes too far.
    set_index(&page, REQ_PROD, 1);
    let corrupt = back.unconsumed_requests().unwrap_err();
    set_index(&page, REQ_PROD, 4);
    assert_eq!(back.take().err(), Some(corrupt), "and it stays bad");
    assert_eq!(back.put(&response(0)), Err(corrupt.into()));
    assert_eq!(back.final_check(), Err(corrupt));
    assert!(back.requests().is_err());

    // More responses than requests.
    set_index(&page, RSP_PROD, 5);
    let corrupt = front.take().err().unwrap();
    assert_eq!(
        corrupt,
        Corrupt::ResponseProducer {
            rsp_prod: 5,
            rsp_cons: 0,
            req_prod: 4
        }
    );
    assert!(!front.response_prod_overflow(5), "C's macro lets it pass");
    set_index(&page, RSP_PROD, 0);
    assert_eq!(front.put(&request(9)), Err(corrupt.into()));
    assert_eq!(front.take().err(), Some(corrupt));
    assert_eq!(front.final_check(), Err(corrupt));
}

#[test]
fn a_slot_is_the_union_of_both_messages() {
    let (mut front, mut back, page) = ring_at::<BlkifX86_32>(4096, 0);
    let request = x86_32::io::blkif::blkif_request {
        operation: 1,
        nr_segments: 11,
        handle: 0x1234,
        id: 0x1122_3344_5566_7788,
        ..x86_32::io::blkif::blkif_request::ZERO
    };
    front.put(&request).unwrap();
    front.push();
    let mut bytes = [0; 12];
    // SAFETY: within the page.
    unsafe { page.read_bytes(64, &mut bytes) };
    assert_eq!(bytes[..2], [1, 11]);
    assert_eq!(bytes[4..], 0x1122_3344_5566_7788u64.to_ne_bytes());
    let seen = back.take().unwrap().unwrap();
    let (id, handle) = ({ seen.id }, seen.handle);
    assert_eq!((id, handle), (0x1122_3344_5566_7788, 0x1234));
}

/// What an end does in the comparison with the naive model.
#[derive(Clone, Copy, Debug)]
enum Step {
    PutRequest,
    PushRequests,
    TakeRequest,
    PutResponse,
    PushResponses,
    TakeResponse,
    FinalRequests,
    FinalResponses,
}

impl Arbitrary for Step {
    fn arbitrary(g: &mut Gen) -> Self {
        // Putting and taking more often than the rest, so that the ring fills.
        *g.choose(&[
            Self::PutRequest,
            Self::PutRequest,
            Self::PutRequest,
            Self::PushRequests,
            Self::TakeRequest,
            Self::TakeRequest,
            Self::PutResponse,
            Self::PutResponse,
            Self::PushResponses,
            Self::TakeResponse,
            Self::TakeResponse,
            Self::FinalRequests,
            Self::FinalResponses,
        ])
        .unwrap()
    }
}

/// A direction of the ring as a kernel engineer would draw it: queues, and counts that never wrap.
#[derive(Default)]
struct Direction {
    /// Put and not pushed.
    private: VecDeque<u16>,
    /// Pushed and not taken.
    public: VecDeque<u16>,
    /// Pushed since the beginning.
    pushed: u64,
    /// Taken since the beginning.
    taken: u64,
    /// With how many pushed the consumer wants to be woken.
    event: u64,
}

impl Direction {
    fn new() -> Self {
        Self {
            event: 1,
            ..Self::default()
        }
    }

    fn push(&mut self) -> Notify {
        let old = self.pushed;
        self.pushed += self.private.len() as u64;
        self.public.append(&mut self.private);
        if old < self.event && self.event <= self.pushed {
            Notify::Needed
        } else {
            Notify::Suppressed
        }
    }

    fn take(&mut self) -> Option<u16> {
        let id = self.public.pop_front()?;
        self.taken += 1;
        Some(id)
    }

    fn final_check(&mut self) -> bool {
        if self.public.is_empty() {
            self.event = self.taken + 1;
        }
        !self.public.is_empty()
    }
}

/// Runs the steps on a ring and on queues, and compares all that can be seen.
fn agrees_with_queues(steps: &[Step], start: u32, slots: u32) {
    let (mut front, mut back, _) = ring_at::<NetifRx>(64 + 8 * slots as usize, start);
    let (mut requests, mut responses) = (Direction::new(), Direction::new());
    let mut waiting = VecDeque::new();
    let mut in_use = 0;
    let mut next_id = 0u16;
    for step in steps {
        match step {
            Step::PutRequest => {
                let put = front.put(&request(next_id));
                if in_use == slots {
                    assert_eq!(put, Err(PutError::Full { size: slots }));
                } else {
                    assert_eq!(put, Ok(()));
                    requests.private.push_back(next_id);
                    in_use += 1;
                    next_id = next_id.wrapping_add(1);
                }
            }
            Step::PushRequests => {
                assert_eq!(front.push_and_check_notify(), requests.push());
            }
            Step::TakeRequest => {
                let taken = back.take().unwrap().map(|r| r.id);
                assert_eq!(taken, requests.take());
                waiting.extend(taken);
            }
            Step::PutResponse => {
                let id = waiting.pop_back();
                let put = back.put(&response(id.unwrap_or(0)));
                assert_eq!(put.is_ok(), id.is_some());
                responses.private.extend(id);
            }
            Step::PushResponses => {
                assert_eq!(back.push_and_check_notify(), responses.push());
            }
            Step::TakeResponse => {
                let taken = front.take().unwrap().map(|r| r.id);
                assert_eq!(taken, responses.take());
                in_use -= u32::from(taken.is_some());
            }
            Step::FinalRequests => {
                assert_eq!(back.final_check(), Ok(requests.final_check()));
            }
            Step::FinalResponses => {
                assert_eq!(front.final_check(), Ok(responses.final_check()));
            }
        }
        assert_eq!(front.free_requests(), slots - in_use);
        assert_eq!(back.unconsumed_requests(), Ok(requests.public.len() as u32));
        assert_eq!(
            front.unconsumed_responses(),
            Ok(responses.public.len() as u32)
        );
        assert_eq!(back.unanswered() as usize, waiting.len());
    }
}

#[test]
fn any_sequence_of_steps_is_that_of_two_queues() {
    fn property(steps: Vec<Step>, before_wrap: u8, order: u8) -> bool {
        agrees_with_queues(
            &steps,
            0u32.wrapping_sub(before_wrap.into()),
            1 << (order % 5),
        );
        true
    }
    quickcheck::QuickCheck::new()
        .tests(if cfg!(miri) { 5 } else { 500 })
        .quickcheck(property as fn(Vec<Step>, u8, u8) -> bool);
}

#[test]
fn any_index_of_the_peer_is_used_or_refused() {
    fn property(start: u32, put: u8, taken: u8, claimed: u32, far: bool) -> bool {
        let (mut front, mut back, page) = ring_at::<NetifRx>(64 + 8 * 64, start);
        let put = put % 65;
        for id in 0..put {
            front.put(&request(id.into())).unwrap();
        }
        front.push();
        let taken = taken.min(put);
        for _ in 0..taken {
            back.take().unwrap().unwrap();
        }
        let claimed = if far {
            claimed
        } else {
            start.wrapping_add(claimed % 200).wrapping_sub(60)
        };
        set_index(&page, REQ_PROD, claimed);
        // As exact numbers: how far the claim lies from the start, in either direction.
        let distance = i64::from(claimed.wrapping_sub(start) as i32);
        let honest = distance >= i64::from(taken) && distance <= 64;
        let found = back.unconsumed_requests();
        let right = match found {
            Ok(count) => honest && i64::from(count) == distance - i64::from(taken),
            Err(_) => !honest,
        };
        set_index(&page, RSP_PROD, claimed);
        let honest = distance >= 0 && distance <= i64::from(put);
        let found = front.unconsumed_responses();
        right
            && match found {
                Ok(count) => honest && i64::from(count) == distance,
                Err(_) => !honest,
            }
    }
    quickcheck::QuickCheck::new()
        .tests(if cfg!(miri) { 5 } else { 2000 })
        .quickcheck(property as fn(u32, u8, u8, u32, bool) -> bool);
}

#[test]
fn two_threads_exchange_messages() {
    extern crate std;
    const TOTAL: u16 = if cfg!(miri) { 12 } else { 20_000 };
    let (mut front, mut back, _) = ring_at::<NetifRx>(64 + 4 * 8, 0u32.wrapping_sub(5));
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut answered = 0;
            while answered < TOTAL {
                let mut ids = Vec::new();
                for request in back.requests().unwrap() {
                    assert_eq!(request.gref, u32::from(request.id) * 3);
                    ids.push(request.id);
                }
                for id in &ids {
                    back.put(&response(*id)).unwrap();
                }
                back.push();
                answered += ids.len() as u16;
                if ids.is_empty() {
                    std::thread::yield_now();
                }
            }
        });
        let (mut sent, mut done) = (0, 0);
        while done < TOTAL {
            while sent < TOTAL && !front.is_full() {
                front.put(&request(sent)).unwrap();
                sent += 1;
            }
            front.push();
            let before = done;
            for response in front.responses().unwrap() {
                assert_eq!((response.id, response.status), (done, -1));
                done += 1;
            }
            if done == before {
                std::thread::yield_now();
            }
        }
        assert_eq!(front.unconsumed_responses(), Ok(0));
    });
}

/// Miri has to fail this one: an index is written past the mapping while the other end reads it.
#[cfg(miri)]
#[test]
#[ignore = "a race, for Miri to notice"]
fn a_write_past_the_mapping_is_a_race() {
    extern crate std;
    let (ours, theirs) = pair(4096);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // SAFETY: within the page; but no atomic access, which is the point.
            unsafe { ours.base().cast::<u32>().write(1) }
        });
        index(&theirs, REQ_PROD)
    });
}
