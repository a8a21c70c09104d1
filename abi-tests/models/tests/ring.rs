//! Both ends of a request/response ring with notify suppression, over all interleavings.
//!
//! The models are small, so that loom gets through all of each. Together they cover what two requests
//! and two responses can do: each direction with a push and a decision for every message, both
//! directions at once with both messages in one push, and a ring of one slot that each end fills
//! twice. The table of flaws at the end says which barrier each of them depends on.

use loom::thread;
use ring_models::Flaw::{self, Missing, Weak};
use ring_models::Place::{After, Consume, Publish};
use ring_models::{End, Events, LOST, Page, RACE, fails, holds};
use xen_abi::ring::{BackRing, FrontRing, RingTypes};

/// A ring whose messages are numbers.
enum Numbers {}
impl RingTypes for Numbers {
    type Request = u32;
    type Response = u32;
}

type Front = FrontRing<Numbers, End>;
type Back = BackRing<Numbers, End>;

const REQ_PROD: usize = 0;
const REQ_EVENT: usize = 4;
const RSP_PROD: usize = 8;
const RSP_EVENT: usize = 12;
const SLOTS: usize = 64;

/// The flaws of both ends.
#[derive(Clone, Copy, Debug)]
struct Flaws {
    front: Flaw,
    back: Flaw,
}

/// A model that takes the flaws of its ends.
type Model = fn(Flaws);

const SOUND: Flaws = Flaws {
    front: Flaw::None,
    back: Flaw::None,
};

/// Runs the two ends of a ring against each other, of which `old` requests were sent and taken and
/// wait for their response.
fn both(slots: usize, old: u32, flaws: Flaws, front: fn(Front, &Events), back: fn(Back, &Events)) {
    let words = [(REQ_PROD, 0), (REQ_EVENT, 1), (RSP_PROD, 0), (RSP_EVENT, 1)];
    let page = Page::new(&words, SLOTS, 4 * slots);
    let (ours, theirs) = Events::pair();
    let mut front_ring = Front::attach(End::new(&page, flaws.front), 0).unwrap();
    let mut back_ring = Back::attach(End::new(&page, flaws.back), 0).unwrap();
    for n in 0..old {
        front_ring.put(&n).unwrap();
    }
    if old > 0 {
        front_ring.push();
        assert!(back_ring.requests().unwrap().eq(0..old));
    }
    let other = thread::spawn(move || {
        back(back_ring, &theirs);
        theirs.finish();
    });
    front(front_ring, &ours);
    ours.finish();
    other.join().unwrap();
}

/// Two requests, each pushed by itself, to a backend that sleeps when there is none.
fn requests(flaws: Flaws) {
    fn front(mut ring: Front, events: &Events) {
        for n in [100, 101] {
            ring.put(&n).unwrap();
            if ring.push_and_check_notify().is_needed() {
                events.notify();
            }
        }
    }
    fn back(mut ring: Back, events: &Events) {
        let mut next = 100;
        while next < 102 {
            if !ring.final_check().unwrap() {
                events.wait();
            } else {
                assert_eq!(ring.take(), Ok(Some(next)));
                next += 1;
            }
        }
    }
    both(2, 0, flaws, front, back);
}

/// Two responses, each pushed by itself, to a frontend that sleeps when there is none.
fn responses(flaws: Flaws) {
    fn front(mut ring: Front, events: &Events) {
        let mut next = 200;
        while next < 202 {
            if !ring.final_check().unwrap() {
                events.wait();
            } else {
                assert_eq!(ring.take(), Ok(Some(next)));
                next += 1;
            }
        }
    }
    fn back(mut ring: Back, events: &Events) {
        for n in [200, 201] {
            ring.put(&n).unwrap();
            if ring.push_and_check_notify().is_needed() {
                events.notify();
            }
        }
    }
    both(2, 2, flaws, front, back);
}

/// Sends both requests in one push and takes both responses, asleep when there is none.
fn send_two(mut ring: Front, events: &Events) {
    ring.put(&100).unwrap();
    ring.put(&101).unwrap();
    if ring.push_and_check_notify().is_needed() {
        events.notify();
    }
    let mut next = 200;
    while next < 202 {
        if !ring.final_check().unwrap() {
            events.wait();
            continue;
        }
        assert_eq!(ring.take(), Ok(Some(next)));
        next += 1;
    }
}

/// Two requests in one push, two responses in one push; both ends sleep when there is nothing.
fn batches(flaws: Flaws) {
    fn back(mut ring: Back, events: &Events) {
        while !ring.final_check().unwrap() {
            events.wait();
        }
        for n in [100, 101] {
            assert_eq!(ring.take(), Ok(Some(n)));
            ring.put(&(n + 100)).unwrap();
        }
        if ring.push_and_check_notify().is_needed() {
            events.notify();
        }
    }
    both(2, 0, flaws, send_two, back);
}

/// Two requests in one push, two responses in a push each; both ends sleep when there is nothing.
fn answers(flaws: Flaws) {
    fn back(mut ring: Back, events: &Events) {
        while !ring.final_check().unwrap() {
            events.wait();
        }
        for n in [100, 101] {
            assert_eq!(ring.take(), Ok(Some(n)));
            ring.put(&(n + 100)).unwrap();
            if ring.push_and_check_notify().is_needed() {
                events.notify();
            }
        }
    }
    both(2, 0, flaws, send_two, back);
}

/// One slot, which both ends fill twice. They look for a message a few times and then give up.
fn one_slot(flaws: Flaws) {
    const LOOKS: usize = 2;
    fn front(mut ring: Front, _: &Events) {
        for n in [100, 101] {
            ring.put(&n).unwrap();
            ring.push();
            let Some(answer) = (0..LOOKS).find_map(|_| ring.take().unwrap()) else {
                return;
            };
            assert_eq!(answer, n + 100);
        }
    }
    fn back(mut ring: Back, _: &Events) {
        for n in [100, 101] {
            let Some(request) = (0..LOOKS).find_map(|_| ring.take().unwrap()) else {
                return;
            };
            assert_eq!(request, n);
            ring.put(&(n + 100)).unwrap();
            ring.push();
        }
    }
    both(1, 0, flaws, front, back);
}

#[test]
fn requests_arrive_whole_and_wake_the_backend() {
    holds("requests", || requests(SOUND));
}

#[test]
fn responses_arrive_whole_and_wake_the_frontend() {
    holds("responses", || responses(SOUND));
}

#[test]
fn batches_go_both_ways() {
    holds("batches", || batches(SOUND));
}

#[test]
fn answers_go_back_one_by_one() {
    holds("answers", || answers(SOUND));
}

#[test]
fn a_slot_is_filled_again_only_when_it_is_free() {
    holds("one slot", || one_slot(SOUND));
}

/// Every barrier of both ends left out, and every full one made weaker: the model that depends on it,
/// and what it fails with.
const FLAWS: &[(Model, Flaws, &str)] = &[
    (requests, front(Missing(Publish)), RACE),
    (requests, front(Missing(After(REQ_PROD))), LOST),
    (requests, front(Weak(After(REQ_PROD))), LOST),
    (requests, back(Missing(Consume)), RACE),
    (requests, back(Missing(After(REQ_EVENT))), LOST),
    (requests, back(Weak(After(REQ_EVENT))), LOST),
    (responses, back(Missing(Publish)), RACE),
    (responses, back(Missing(After(RSP_PROD))), LOST),
    (responses, back(Weak(After(RSP_PROD))), LOST),
    (responses, front(Missing(Consume)), RACE),
    (responses, front(Missing(After(RSP_EVENT))), LOST),
    (responses, front(Weak(After(RSP_EVENT))), LOST),
    (one_slot, front(Missing(Publish)), RACE),
    (one_slot, front(Missing(Consume)), RACE),
    (one_slot, back(Missing(Publish)), RACE),
    (one_slot, back(Missing(Consume)), RACE),
    (batches, front(Missing(Publish)), RACE),
    (batches, back(Missing(Consume)), RACE),
];

const fn front(flaw: Flaw) -> Flaws {
    Flaws {
        front: flaw,
        back: Flaw::None,
    }
}

const fn back(flaw: Flaw) -> Flaws {
    Flaws {
        front: Flaw::None,
        back: flaw,
    }
}

#[test]
fn every_barrier_is_needed() {
    for &(model, flaws, expected) in FLAWS {
        fails(&format!("{flaws:?}"), expected, move || model(flaws));
    }
}
