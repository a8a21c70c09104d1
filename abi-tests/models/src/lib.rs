//! Models of the rings of `xen-abi`, run by loom over all interleavings.
//!
//! What runs is the ring code itself: [`End`] is a [`SharedMemory`] whose index words are loom's
//! atomics with relaxed accesses, whose slots are loom's cells, and whose barriers are loom's fences.
//! A load may return any value that the memory model lets it return, and a cell that is read or
//! written while the other end may still be writing it ends the model: that is a torn read. A wakeup
//! that is lost leaves an end asleep with nobody left to wake it, which [`Events`] notices.
//!
//! An end can be given a [`Flaw`]: one barrier, at one place, left out or made weaker. Every such
//! model has to fail, or else the models would prove nothing.
//!
//! loom runs the threads of a model in turns on one thread of the system, so what a model shares
//! without loom's knowing needs no lock.
//!
//! loom does not explore load buffering (a load that returns a value which is stored only because of
//! it), so no model here can show what a missing barrier between a load and a later store does
//! where no cell is involved.
#![allow(unsafe_code)]

use std::cell::{Cell, RefCell, RefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering as StdOrdering};
use std::time::Instant;

use loom::cell::UnsafeCell;
use loom::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use loom::sync::atomic::{AtomicU8, AtomicU32, fence};
use loom::thread::{self, Thread};
use xen_abi::ring::{SharedBits, SharedMemory};

/// A shared page: some words that are indices, some bytes that are flags, and some that are messages.
///
/// What a model does not touch need not be there.
#[derive(Debug)]
pub struct Page {
    len: usize,
    /// Index words by offset.
    words: Vec<(usize, AtomicU32)>,
    /// Bytes that both ends change with single operations, by offset.
    flags: Vec<(usize, AtomicU8)>,
    /// Where the messages begin.
    base: usize,
    bytes: Vec<UnsafeCell<u8>>,
}

impl Page {
    /// A page with index words of these initial values, and behind `base` that many bytes, all zero.
    pub fn new(words: &[(usize, u32)], base: usize, bytes: usize) -> Rc<Self> {
        Self::sparse(words, &[], base, bytes, base + bytes)
    }

    /// A page of `len` bytes, of which there are only these index words and flags, and from `base` on
    /// that many bytes of messages. All but the words are zero.
    pub fn sparse(
        words: &[(usize, u32)],
        flags: &[usize],
        base: usize,
        bytes: usize,
        len: usize,
    ) -> Rc<Self> {
        Rc::new(Self {
            len,
            flags: flags.iter().map(|&at| (at, AtomicU8::new(0))).collect(),
            words: words
                .iter()
                .map(|&(at, value)| (at, AtomicU32::new(value)))
                .collect(),
            base,
            bytes: (0..bytes).map(|_| UnsafeCell::new(0)).collect(),
        })
    }

    /// The word at an offset, if an index stands there.
    fn word(&self, offset: usize) -> Option<&AtomicU32> {
        let mut words = self.words.iter();
        words.find_map(|(at, word)| (*at == offset).then_some(word))
    }

    /// The byte at an offset, if it is a flag.
    fn flag(&self, offset: usize) -> Option<&AtomicU8> {
        let mut flags = self.flags.iter();
        flags.find_map(|(at, flag)| (*at == offset).then_some(flag))
    }

    /// Sets an index word, as whoever had the page before the model begins.
    pub fn set(&self, offset: usize, value: u32) {
        let word = self.word(offset).expect("an index is there");
        word.store(value, Relaxed);
    }

    /// Sets a flag, as [`set`](Self::set) does an index.
    pub fn set_flag(&self, offset: usize, value: u8) {
        let flag = self.flag(offset).expect("a flag is there");
        flag.store(value, Relaxed);
    }

    fn byte(&self, offset: usize) -> u8 {
        if let Some(flag) = self.flag(offset) {
            return flag.load(Relaxed);
        }
        // SAFETY: loom ends the model if the other end may be writing to the cell now.
        self.bytes[offset - self.base].with(|byte| unsafe { *byte })
    }

    fn set_byte(&self, offset: usize, value: u8) {
        if let Some(flag) = self.flag(offset) {
            return flag.store(value, Relaxed);
        }
        // SAFETY: loom ends the model if the other end may be accessing the cell now.
        self.bytes[offset - self.base].with_mut(|byte| unsafe { *byte = value });
    }
}

/// A place in the ring code that has a barrier, told by the call and the store before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The write barrier before an index is published.
    Publish,
    /// The read barrier after the peer's index was loaded.
    Consume,
    /// The full barrier between changing the word or flag at this offset and looking at one that the
    /// peer changes.
    After(usize),
}

/// What is wrong with an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    None,
    /// The barrier at that place is missing.
    Missing(Place),
    /// The full barrier at that place does not order a store before a later load.
    Weak(Place),
    /// Flags are changed in two steps, between which the peer may change them.
    TwoSteps,
}

/// One end's way to the page.
#[derive(Debug)]
pub struct End {
    page: Rc<Page>,
    flaw: Flaw,
    /// The word or flag that was changed last.
    stored: Cell<usize>,
}

impl End {
    /// A way to the page with a flaw.
    pub fn new(page: &Rc<Page>, flaw: Flaw) -> Self {
        Self {
            page: page.clone(),
            flaw,
            stored: Cell::new(usize::MAX),
        }
    }
}

// SAFETY: every access either ends in one of the page's words or cells, or panics; the barriers are
// loom's fences of the orderings that the trait asks for, but for flaws, which only a model sees.
unsafe impl SharedMemory for End {
    fn len(&self) -> usize {
        self.page.len
    }

    unsafe fn load_u8(&self, offset: usize) -> u8 {
        self.page.byte(offset)
    }

    unsafe fn load_u16(&self, offset: usize) -> u16 {
        u16::from_ne_bytes([0, 1].map(|at| self.page.byte(offset + at)))
    }

    unsafe fn load_u32(&self, offset: usize) -> u32 {
        match self.page.word(offset) {
            Some(word) => word.load(Relaxed),
            None => u32::from_ne_bytes([0, 1, 2, 3].map(|at| self.page.byte(offset + at))),
        }
    }

    unsafe fn load_u64(&self, offset: usize) -> u64 {
        u64::from_ne_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(|at| self.page.byte(offset + at)))
    }

    unsafe fn store_u8(&self, offset: usize, value: u8) {
        self.page.set_byte(offset, value);
    }

    unsafe fn store_u16(&self, offset: usize, value: u16) {
        for (at, byte) in value.to_ne_bytes().into_iter().enumerate() {
            self.page.set_byte(offset + at, byte);
        }
    }

    unsafe fn store_u32(&self, offset: usize, value: u32) {
        if let Some(word) = self.page.word(offset) {
            word.store(value, Relaxed);
            self.stored.set(offset);
            return;
        }
        for (at, byte) in value.to_ne_bytes().into_iter().enumerate() {
            self.page.set_byte(offset + at, byte);
        }
    }

    unsafe fn store_u64(&self, offset: usize, value: u64) {
        for (at, byte) in value.to_ne_bytes().into_iter().enumerate() {
            self.page.set_byte(offset + at, byte);
        }
    }

    fn mb(&self) {
        let place = Place::After(self.stored.get());
        if self.flaw == Flaw::Weak(place) {
            fence(AcqRel);
        } else if self.flaw != Flaw::Missing(place) {
            fence(SeqCst);
        }
    }

    fn rmb(&self) {
        if self.flaw != Flaw::Missing(Place::Consume) {
            fence(Acquire);
        }
    }

    fn wmb(&self) {
        if self.flaw != Flaw::Missing(Place::Publish) {
            fence(Release);
        }
    }
}

// SAFETY: each is one operation on one of the page's flags, or panics; but for a flaw, which only a
// model sees.
unsafe impl SharedBits for End {
    unsafe fn fetch_or_u8(&self, offset: usize, bits: u8) -> u8 {
        self.stored.set(offset);
        let flag = self.page.flag(offset).expect("a flag is there");
        if self.flaw == Flaw::TwoSteps {
            let old = flag.load(Relaxed);
            flag.store(old | bits, Relaxed);
            return old;
        }
        flag.fetch_or(bits, Relaxed)
    }

    unsafe fn fetch_and_u8(&self, offset: usize, bits: u8) -> u8 {
        self.stored.set(offset);
        let flag = self.page.flag(offset).expect("a flag is there");
        if self.flaw == Flaw::TwoSteps {
            let old = flag.load(Relaxed);
            flag.store(old & bits, Relaxed);
            return old;
        }
        flag.fetch_and(bits, Relaxed)
    }
}

/// An end's event channel, as Xen's: several events that come before one is looked at are one event,
/// and whoever takes an event sees what was done before it was sent.
#[derive(Debug)]
struct Port {
    /// Orders sending and taking an event, for loom: both sides touch it.
    line: AtomicU32,
    /// The rest loom need not see, as it only changes together with `line`.
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    pending: bool,
    /// The thread that sleeps until there is an event.
    sleeper: Option<Thread>,
    /// It sends nothing more.
    finished: bool,
}

/// One end's hold on the event channels of both.
#[derive(Debug)]
pub struct Events {
    ports: Rc<[Port; 2]>,
    own: usize,
}

impl Events {
    /// The event channels of two ends.
    pub fn pair() -> (Self, Self) {
        let ports = Rc::new([0, 1].map(|_| Port {
            line: AtomicU32::new(0),
            state: RefCell::default(),
        }));
        let other = ports.clone();
        (
            Self { ports, own: 0 },
            Self {
                ports: other,
                own: 1,
            },
        )
    }

    fn state(&self, of: usize) -> RefMut<'_, State> {
        self.ports[of].state.borrow_mut()
    }

    /// Sends the other end an event.
    pub fn notify(&self) {
        self.ports[1 - self.own].line.fetch_add(1, Release);
        let mut state = self.state(1 - self.own);
        match state.sleeper.take() {
            Some(sleeper) => sleeper.unpark(),
            None => state.pending = true,
        }
    }

    /// Takes an event, or sleeps until there is one.
    ///
    /// # Panics
    ///
    /// If the other end sleeps too or has come to its end: then nobody is left to send one.
    pub fn wait(&self) {
        self.ports[self.own].line.fetch_add(1, Acquire);
        let mut state = self.state(self.own);
        if state.pending {
            state.pending = false;
            return;
        }
        state.sleeper = Some(thread::current());
        drop(state);
        let other = self.state(1 - self.own);
        let alone = other.finished || other.sleeper.is_some();
        drop(other);
        assert!(!alone, "{LOST}");
        thread::park();
    }

    /// Says that this end has come to its end.
    ///
    /// # Panics
    ///
    /// If the other end sleeps.
    pub fn finish(self) {
        self.state(self.own).finished = true;
        let alone = self.state(1 - self.own).sleeper.is_some();
        assert!(!alone, "{LOST}");
    }
}

/// What loom says of a cell that is read and written, or written twice, at the same time.
pub const RACE: &str = "Causality violation";

/// What a lost wakeup ends a model with.
pub const LOST: &str = "a wakeup was lost";

/// How a model ended.
#[derive(Debug)]
pub struct Explored {
    /// How many interleavings were run.
    pub runs: usize,
    /// With what panic it failed.
    pub failure: Option<String>,
}

/// Runs a model over all its interleavings, or up to the first one that fails.
pub fn explore(model: impl Fn() + Sync + Send + 'static) -> Explored {
    let mut builder = loom::model::Builder::new();
    // No bound, whatever the environment says.
    builder.preemption_bound = None;
    builder.max_permutations = None;
    builder.max_duration = None;
    let runs = Arc::new(AtomicUsize::new(0));
    let count = runs.clone();
    let ended = catch_unwind(AssertUnwindSafe(|| {
        builder.check(move || {
            count.fetch_add(1, StdOrdering::Relaxed);
            model();
        });
    }));
    Explored {
        runs: runs.load(StdOrdering::Relaxed),
        failure: ended.err().map(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()))
                .unwrap_or_default()
        }),
    }
}

/// Runs a sound model through and prints what it took.
///
/// # Panics
///
/// If it fails.
pub fn holds(name: &str, model: impl Fn() + Sync + Send + 'static) {
    let start = Instant::now();
    let explored = explore(model);
    assert_eq!(explored.failure, None, "after {} runs", explored.runs);
    // One run would mean that there was nothing to choose.
    assert!(explored.runs > 1);
    println!(
        "{name}: {} interleavings, {:.1} s",
        explored.runs,
        start.elapsed().as_secs_f32()
    );
}

/// Runs a model with a flaw up to where it fails, and prints how long that took.
///
/// # Panics
///
/// If it does not fail, or with something else.
pub fn fails(name: &str, expected: &str, model: impl Fn() + Sync + Send + 'static) {
    let explored = explore(model);
    let failure = explored.failure.unwrap_or_default();
    assert!(
        failure.contains(expected),
        "{name}: {failure:?} after {} runs",
        explored.runs
    );
    println!("{name}: {expected}, in interleaving {}", explored.runs);
}
