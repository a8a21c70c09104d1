//! Pages in which every load finds another value than the last one would have: whatever an end does
//! follows from the values that it has loaded, each of them once.
//!
//! [`Script`] is such a page, and writes down every access. A naive model then goes through what was
//! written down, takes the values from there, and says what must have come of each step. It fails if a
//! value was loaded that it does not need, or twice, or not at all.

mod bytes;
mod events;
mod slots;

use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::ops::Range;

use quickcheck::{Arbitrary, Gen};

use crate::ring::{SharedBits, SharedMemory};

/// How many runs of how many steps.
const RUNS: usize = if cfg!(miri) { 10 } else { 3000 };
const STEPS: usize = 40;

/// A number below that.
fn below(g: &mut Gen, limit: usize) -> usize {
    u32::arbitrary(g) as usize % limit
}

/// Where a ring begins: anywhere, but often where indices wrap around.
fn start(g: &mut Gen) -> u32 {
    let any = u32::arbitrary(g);
    if bool::arbitrary(g) {
        0u32.wrapping_sub(any % 16)
    } else {
        any
    }
}

/// An index as a position that does not wrap around, with some room below.
fn position(index: u32) -> u64 {
    (1 << 32) + u64::from(index)
}

/// The position among these for which an index stands.
fn find(mut positions: core::ops::RangeInclusive<u64>, index: u32) -> Option<u64> {
    positions.find(|position| *position as u32 == index)
}

/// An access: where, and the bytes.
#[derive(Debug)]
enum Access {
    Load(usize, Vec<u8>),
    Store(usize, Vec<u8>),
    /// Bits were set or cleared: the byte before and after.
    Change(usize, u8, u8),
}

/// A memory that somebody rewrites between any two loads.
struct Script {
    len: usize,
    /// What is added to offsets where accesses are written down.
    base: usize,
    /// Words of 32 bits at these offsets are indices.
    indices: Vec<usize>,
    /// Most indices that are loaded are these.
    likely: Cell<(u32, u32)>,
    g: RefCell<Gen>,
    log: RefCell<VecDeque<Access>>,
}

impl Script {
    fn new(len: usize, indices: &[usize]) -> Self {
        Self {
            len,
            base: 0,
            indices: indices.to_vec(),
            likely: Cell::new((0, 0)),
            g: RefCell::new(Gen::new(16)),
            log: RefCell::default(),
        }
    }

    /// From now on, most indices are from `first` to `last`.
    fn expect(&self, first: u64, last: u64) {
        self.likely.set((first as u32, (last - first) as u32));
    }

    /// What was written down since the last time.
    fn log(&self) -> Replay {
        Replay(self.log.take())
    }

    fn load<const N: usize>(&self, offset: usize) -> [u8; N] {
        assert!(offset % N == 0 && offset + N <= self.len);
        let g = &mut *self.g.borrow_mut();
        let mut bytes = [0; N];
        bytes.fill_with(|| u8::arbitrary(g));
        if N == 4 && self.indices.contains(&offset) {
            let (first, count) = self.likely.get();
            let index = match below(g, 64) {
                0 => u32::arbitrary(g),
                1 => first.wrapping_sub(1),
                2 => first.wrapping_add(count).wrapping_add(1),
                3..20 => first.wrapping_add(count),
                _ => first.wrapping_add(below(g, count as usize + 1) as u32),
            };
            bytes.copy_from_slice(&index.to_ne_bytes());
        }
        let access = Access::Load(self.base + offset, bytes.to_vec());
        self.log.borrow_mut().push_back(access);
        bytes
    }

    fn store<const N: usize>(&self, offset: usize, bytes: [u8; N]) {
        assert!(offset % N == 0 && offset + N <= self.len);
        let access = Access::Store(self.base + offset, bytes.to_vec());
        self.log.borrow_mut().push_back(access);
    }

    fn change(&self, offset: usize, by: impl Fn(u8) -> u8) -> u8 {
        assert!(offset < self.len);
        let old = u8::arbitrary(&mut self.g.borrow_mut());
        let access = Access::Change(self.base + offset, old, by(old));
        self.log.borrow_mut().push_back(access);
        old
    }
}

// SAFETY: offsets are checked, the length never changes, and there is no other thread.
unsafe impl SharedMemory for Script {
    fn len(&self) -> usize {
        self.len
    }
    unsafe fn load_u8(&self, offset: usize) -> u8 {
        u8::from_ne_bytes(self.load(offset))
    }
    unsafe fn load_u16(&self, offset: usize) -> u16 {
        u16::from_ne_bytes(self.load(offset))
    }
    unsafe fn load_u32(&self, offset: usize) -> u32 {
        u32::from_ne_bytes(self.load(offset))
    }
    unsafe fn load_u64(&self, offset: usize) -> u64 {
        u64::from_ne_bytes(self.load(offset))
    }
    unsafe fn store_u8(&self, offset: usize, value: u8) {
        self.store(offset, value.to_ne_bytes());
    }
    unsafe fn store_u16(&self, offset: usize, value: u16) {
        self.store(offset, value.to_ne_bytes());
    }
    unsafe fn store_u32(&self, offset: usize, value: u32) {
        self.store(offset, value.to_ne_bytes());
    }
    unsafe fn store_u64(&self, offset: usize, value: u64) {
        self.store(offset, value.to_ne_bytes());
    }
}

// SAFETY: there is no other thread.
unsafe impl SharedBits for Script {
    unsafe fn fetch_or_u8(&self, offset: usize, bits: u8) -> u8 {
        self.change(offset, |old| old | bits)
    }
    unsafe fn fetch_and_u8(&self, offset: usize, bits: u8) -> u8 {
        self.change(offset, |old| old & bits)
    }
}

/// The accesses of one step, for a model that goes through them in order.
#[derive(Debug)]
struct Replay(VecDeque<Access>);

impl Replay {
    /// The value that was found in an index, which is what was accessed next.
    fn loaded(&mut self, at: usize) -> u32 {
        match self.0.pop_front() {
            Some(Access::Load(offset, bytes)) if offset == at => {
                u32::from_ne_bytes(bytes.try_into().unwrap())
            }
            other => panic!("{other:?} where the index at {at} is loaded"),
        }
    }

    /// An index was stored next.
    fn stored(&mut self, at: usize, value: u64) {
        let value = (value as u32).to_ne_bytes();
        match self.0.pop_front() {
            Some(Access::Store(offset, bytes)) if offset == at && bytes == value => {}
            other => panic!("{other:?} where {value:?} is stored at {at}"),
        }
    }

    /// A byte was changed in one step next: what it was before.
    fn changed(&mut self, at: usize, by: impl Fn(u8) -> u8) -> u8 {
        match self.0.pop_front() {
            Some(Access::Change(offset, old, new)) if offset == at && new == by(old) => old,
            other => panic!("{other:?} where the byte at {at} is changed"),
        }
    }

    /// Goes on to where all bytes of some ranges were loaded, or all stored, each of them once and
    /// no others. What they were, one range behind the other.
    fn all(&mut self, load: bool, ranges: &[Range<usize>]) -> Vec<u8> {
        let places: Vec<_> = ranges.iter().cloned().flatten().collect();
        let mut found = vec![None; places.len()];
        let mut left = places.len();
        while left > 0 {
            let (offset, bytes) = match self.0.pop_front() {
                Some(Access::Load(offset, bytes)) if load => (offset, bytes),
                Some(Access::Store(offset, bytes)) if !load => (offset, bytes),
                other => panic!("{other:?} where {ranges:?} are copied"),
            };
            left = left.checked_sub(bytes.len()).expect("no more than all");
            for (at, byte) in (offset..).zip(bytes) {
                let mut places = ranges.iter().scan(0, |before, range| {
                    let start = *before;
                    *before += range.len();
                    Some((start, range))
                });
                let place = places.find(|(_, range)| range.contains(&at));
                let Some((start, range)) = place else {
                    panic!("{at} is not in {ranges:?}");
                };
                let place = &mut found[start + at - range.start];
                assert_eq!(*place, None, "the byte at {at} is copied twice");
                *place = Some(byte);
            }
        }
        found.into_iter().map(Option::unwrap).collect()
    }

    /// Nothing else was accessed.
    fn end(self) {
        assert!(self.0.is_empty(), "{:?}", self.0);
    }
}
