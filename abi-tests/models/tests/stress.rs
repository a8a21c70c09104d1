//! Both ends of a ring on threads of their own, over real memory: an honest pair that sleeps and wakes
//! each other, and an end whose page somebody rewrites all the time.
#![allow(unsafe_code)]

use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use xen_abi::ring::{BackRing, FrontRing, HEADER_BYTES, Mapping, PutError, RingTypes};

/// A ring whose messages are four times the same number.
enum Fours {}
impl RingTypes for Fours {
    type Request = [u32; 4];
    type Response = [u32; 4];
}

/// A page, in words of the width that the ring uses.
#[repr(align(4096))]
struct Page([AtomicU32; 1024]);

impl Page {
    fn new() -> &'static Self {
        Box::leak(Box::new(Self([const { AtomicU32::new(0) }; 1024])))
    }

    fn map(&self, slots: usize) -> Mapping {
        let len = HEADER_BYTES + 16 * slots;
        assert!(len <= 4096);
        // SAFETY: pages here are never freed, and are touched only through mappings and through
        // these atomics, of the width with which the ring accesses them: its slots consist of
        // words of 32 bits, and nobody touches the four private bytes of the header.
        unsafe { Mapping::new(NonNull::from(&self.0).cast(), len) }.unwrap()
    }
}

/// How long a sleeper waits for its event before the test says that the wakeup was lost.
const LOST: Duration = Duration::from_secs(30);

/// An event channel: one event is pending at most.
struct Port(Receiver<()>);
struct Line(SyncSender<()>);

fn channel() -> (Line, Port) {
    let (line, port) = sync_channel(1);
    (Line(line), Port(port))
}

impl Line {
    /// A full channel has an event pending, and a closed one nobody to wake.
    fn notify(&self) {
        let _ = self.0.try_send(());
    }
}

impl Port {
    fn wait(&self) {
        self.0.recv_timeout(LOST).expect("a wakeup was lost");
    }
}

/// What an end counted: times it slept, and events it sent.
#[derive(Debug, Default)]
struct Counts {
    slept: u32,
    sent: u32,
}

fn honest(slots: usize, messages: u32) -> (Counts, Counts) {
    let page = Page::new();
    let mut front = FrontRing::<Fours, _>::init(page.map(slots)).unwrap();
    let mut back = BackRing::<Fours, _>::attach(page.map(slots), 0).unwrap();
    let (to_back, back_port) = channel();
    let (to_front, front_port) = channel();
    let backend = thread::spawn(move || {
        let mut counts = Counts::default();
        let mut next = 0;
        while next < messages {
            while let Some(request) = back.take().unwrap() {
                assert_eq!(request, [next; 4]);
                back.put(&[!next; 4]).unwrap();
                next += 1;
                if back.unanswered() == 0 && back.push_and_check_notify().is_needed() {
                    counts.sent += 1;
                    to_front.notify();
                }
            }
            if next < messages && !back.final_check().unwrap() {
                counts.slept += 1;
                back_port.wait();
            }
        }
        counts
    });
    let mut counts = Counts::default();
    let (mut sent, mut received) = (0, 0);
    while received < messages {
        while sent < messages && !front.is_full() {
            front.put(&[sent; 4]).unwrap();
            sent += 1;
        }
        if front.push_and_check_notify().is_needed() {
            counts.sent += 1;
            to_back.notify();
        }
        for response in front.responses().unwrap() {
            assert_eq!(response, [!received; 4]);
            received += 1;
        }
        let room = sent < messages && !front.is_full();
        if received < messages && !room && !front.final_check().unwrap() {
            counts.slept += 1;
            front_port.wait();
        }
    }
    (counts, backend.join().unwrap())
}

#[test]
fn honest_ends_exchange_a_million_messages() {
    let all = if cfg!(miri) { 100 } else { 1_000_000 };
    for (slots, messages) in [(1, all / 50), (2, all / 50), (128, all)] {
        let start = Instant::now();
        let (front, back) = honest(slots, messages);
        println!(
            "{slots} slots, {messages} messages: {front:?}, {back:?}, {:.1} s",
            start.elapsed().as_secs_f32()
        );
        // Both ways to wait were used, or else nothing was tried.
        assert!(front.slept + back.slept > 0);
        assert!(front.sent + back.sent > 0);
    }
}

/// Numbers for who rewrites the page (xorshift).
struct Noise(u32);

impl Noise {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }
}

/// Rewrites words of the page until told to stop. Every message is a tag, so that one which was
/// written by nobody is noticed; indices are mostly small, so that many pass the checks.
fn rewrite(page: &Page, words: usize, stop: &AtomicBool) -> u64 {
    let mut noise = Noise(0x9e37_79b9);
    let mut rounds = 0;
    while !stop.load(Relaxed) {
        for _ in 0..64 {
            let random = noise.next();
            let index = if random & 7 == 0 {
                random
            } else {
                random >> 3 & 15
            };
            page.0[(random >> 8 & 3) as usize].store(index, Relaxed);
            let at = HEADER_BYTES / 4 + (noise.next() as usize) % words;
            page.0[at].store(TAG | (random & 0xffff), Relaxed);
            rounds += 1;
        }
    }
    rounds
}

const TAG: u32 = 0xabcd_0000;

/// How long an end is attacked.
const ATTACK: Duration = Duration::from_millis(1500);
const SLOTS: usize = 8;

/// Runs `end` again and again on a page that is rewritten at the same time.
fn attacked(mut end: impl FnMut(&Page)) {
    let page = Page::new();
    for word in &page.0[HEADER_BYTES / 4..] {
        word.store(TAG, Relaxed);
    }
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| rewrite(page, 4 * SLOTS, &stop));
        let start = Instant::now();
        let mut rounds = 0;
        while if cfg!(miri) {
            rounds < 20
        } else {
            start.elapsed() < ATTACK
        } {
            // A panic in here must not leave the other thread running.
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| end(page)));
            if let Err(panic) = ended {
                stop.store(true, Relaxed);
                std::panic::resume_unwind(panic);
            }
            rounds += 1;
        }
        stop.store(true, Relaxed);
        let rewritten = writer.join().unwrap();
        println!("{rounds} rings, {rewritten} words rewritten");
    });
}

/// A message holds what this end or the peer wrote, word by word.
fn written(message: [u32; 4]) {
    for word in message {
        assert_eq!(word & 0xffff_0000, TAG, "{message:x?}");
    }
}

#[test]
fn a_backend_survives_a_page_that_changes_all_the_time() {
    let (mut taken, mut corrupt) = (0u64, 0u64);
    attacked(|page| {
        let mut ring = BackRing::<Fours, _>::attach(page.map(SLOTS), 0).unwrap();
        for _ in 0..100 {
            let Ok(requests) = ring.requests() else {
                corrupt += 1;
                // It stays so, whatever the page says next.
                assert!(ring.take().is_err() && ring.final_check().is_err());
                assert!(matches!(ring.put(&[TAG; 4]), Err(PutError::Corrupt(_))));
                return;
            };
            let announced = requests.len();
            let mut batch = 0;
            requests.for_each(|request| {
                written(request);
                batch += 1;
            });
            assert!(batch <= SLOTS && batch == announced);
            taken += batch as u64;
            assert!(ring.unanswered() as usize <= SLOTS);
            while ring.unanswered() > 0 {
                ring.put(&[TAG; 4]).unwrap();
            }
            let _ = ring.push_and_check_notify();
            let _ = ring.final_check();
        }
    });
    println!("{taken} requests taken, {corrupt} rings found corrupt");
    assert!(taken > 0 && corrupt > 0);
}

#[test]
fn a_frontend_survives_a_page_that_changes_all_the_time() {
    let (mut taken, mut corrupt) = (0u64, 0u64);
    attacked(|page| {
        let mut ring = FrontRing::<Fours, _>::attach(page.map(SLOTS), 0).unwrap();
        for _ in 0..100 {
            while !ring.is_full() && ring.put(&[TAG; 4]).is_ok() {}
            let _ = ring.push_and_check_notify();
            let in_flight = SLOTS as u32 - ring.free_requests();
            let Ok(responses) = ring.responses() else {
                corrupt += 1;
                assert!(ring.take().is_err() && ring.final_check().is_err());
                assert!(ring.put(&[TAG; 4]).is_err());
                return;
            };
            let mut batch = 0;
            responses.for_each(|response| {
                written(response);
                batch += 1;
            });
            assert!(batch <= in_flight);
            taken += u64::from(batch);
            let _ = ring.final_check();
        }
    });
    println!("{taken} responses taken, {corrupt} rings found corrupt");
    assert!(taken > 0 && corrupt > 0);
}
