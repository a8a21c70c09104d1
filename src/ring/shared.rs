//! The shared page of a ring, as both ends see it: the header and the slots.
//!
//! Both ends hold one of these, and the unsafe part of a ring is here: offsets. What the constructor
//! checks once, that all slots of the ring's size lie in the memory, makes every access by a masked
//! index sound, so the two ends above need no unsafe code.
#![allow(unsafe_code)]

use core::marker::PhantomData;

use super::error::{AttachError, AttachReason};
use super::memory::SharedMemory;
use super::types::{self, HEADER_BYTES, Plain, RingTypes};

/// A 32-bit index in the header.
#[derive(Clone, Copy, Debug)]
#[repr(usize)]
pub(super) enum Index {
    /// How many requests the frontend has published; the frontend writes it.
    RequestProducer = 0,
    /// With which request the backend wants to be notified; the backend writes it.
    RequestEvent = 4,
    /// How many responses the backend has published; the backend writes it.
    ResponseProducer = 8,
    /// With which response the frontend wants to be notified; the frontend writes it.
    ResponseEvent = 12,
}

/// Where the four private bytes lie.
const PVT: usize = 16;
/// Where the reserved bytes begin.
const PAD: usize = 20;

/// Header and slots of a ring.
#[derive(Debug)]
pub(super) struct Shared<R, M> {
    memory: M,
    /// The number of slots, a power of two.
    size: u32,
    types: PhantomData<fn() -> R>,
}

impl<R: RingTypes, M: SharedMemory> Shared<R, M> {
    /// Takes a memory that has room for the header and at least one slot.
    pub(super) fn new(memory: M) -> Result<Self, AttachError<M>> {
        let size = types::const_ring_size::<R>(memory.len());
        if size == 0 {
            let reason = AttachReason::TooSmall {
                len: memory.len(),
                needed: HEADER_BYTES + types::slot_bytes::<R>(),
            };
            return Err(AttachError { memory, reason });
        }
        Ok(Self {
            memory,
            size,
            types: PhantomData,
        })
    }

    /// The memory, given back.
    pub(super) fn into_memory(self) -> M {
        self.memory
    }

    /// The memory, for its barriers.
    #[inline]
    pub(super) fn memory(&self) -> &M {
        &self.memory
    }

    /// The number of slots.
    #[inline]
    pub(super) fn size(&self) -> u32 {
        self.size
    }

    /// Writes the header of an empty ring.
    pub(super) fn init(&self) {
        self.store(Index::RequestProducer, 0);
        self.store(Index::ResponseProducer, 0);
        self.store(Index::RequestEvent, 1);
        self.store(Index::ResponseEvent, 1);
        self.set_pvt([0; 4]);
        for offset in (PAD..HEADER_BYTES).step_by(4) {
            // SAFETY: the reserved bytes lie in the header, all of which is in the memory (`new`);
            // PAD is a multiple of 4, and so is the step.
            unsafe { self.memory.store_u32(offset, 0) };
        }
    }

    /// Loads an index.
    #[inline]
    pub(super) fn load(&self, index: Index) -> u32 {
        // SAFETY: the header lies in the memory (`new`), and an index is at a multiple of 4 in it.
        unsafe { self.memory.load_u32(index as usize) }
    }

    /// Stores an index.
    #[inline]
    pub(super) fn store(&self, index: Index, value: u32) {
        // SAFETY: the header lies in the memory (`new`), and an index is at a multiple of 4 in it.
        unsafe { self.memory.store_u32(index as usize, value) };
    }

    /// Loads the private bytes.
    pub(super) fn pvt(&self) -> [u8; 4] {
        // SAFETY: the four bytes lie in the header, which is in the memory (`new`).
        [0, 1, 2, 3].map(|at| unsafe { self.memory.load_u8(PVT + at) })
    }

    /// Stores the private bytes.
    pub(super) fn set_pvt(&self, bytes: [u8; 4]) {
        for (at, byte) in bytes.into_iter().enumerate() {
            // SAFETY: as in `pvt`.
            unsafe { self.memory.store_u8(PVT + at, byte) };
        }
    }

    /// The slot of an index, which is taken modulo the size.
    #[inline]
    pub(super) fn slot(&self, index: u32) -> Slot<'_, R, M> {
        // The mask keeps the number below `size`, so that the slot lies in the memory.
        let number = (index & (self.size - 1)) as usize;
        Slot {
            memory: &self.memory,
            offset: HEADER_BYTES + number * types::slot_bytes::<R>(),
            types: PhantomData,
        }
    }
}

/// One slot of a ring, in place. The other end may write to it at any time.
#[derive(Debug)]
pub(crate) struct Slot<'a, R, M> {
    memory: &'a M,
    /// Where it begins; the whole slot lies in the memory.
    offset: usize,
    types: PhantomData<fn() -> R>,
}

impl<R: RingTypes, M: SharedMemory> Slot<'_, R, M> {
    /// Copies out the `T` at `at` in the slot: each of its bytes is loaded once.
    ///
    /// Nothing if it does not lie in the slot, or if the slot's words do not make it up. With a
    /// constant `at` this is decided at compile time.
    #[inline(always)]
    pub(crate) fn get<T: Plain>(&self, at: usize) -> Option<T> {
        if !fits::<R, T>(at) {
            return None;
        }
        let word = types::word_bytes::<R>();
        // SAFETY: `T` lies in the slot, which lies in the memory; the word divides its size and
        // `at`, and it divides the header's 64 bytes and the slot's size, thus the offset.
        Some(unsafe { types::copy_out(self.memory, self.offset + at, word) })
    }

    /// Copies a `T` to `at` in the slot: each of its bytes is stored once.
    ///
    /// False, and nothing is stored, where [`get`](Self::get) has nothing.
    #[inline(always)]
    #[must_use]
    pub(crate) fn set<T: Plain>(&self, at: usize, value: &T) -> bool {
        if !fits::<R, T>(at) {
            return false;
        }
        let word = types::word_bytes::<R>();
        // SAFETY: as in `get`.
        unsafe { types::copy_in(self.memory, self.offset + at, word, value) };
        true
    }

    /// Copies out the `T` with which the slot begins.
    #[inline(always)]
    pub(super) fn read<T: Plain>(&self) -> T {
        const { assert!(fits::<R, T>(0)) };
        let word = types::word_bytes::<R>();
        // SAFETY: as in `get`, with the condition checked by the compiler.
        unsafe { types::copy_out(self.memory, self.offset, word) }
    }

    /// Makes the slot begin with a `T`.
    #[inline(always)]
    pub(super) fn write<T: Plain>(&self, value: &T) {
        const { assert!(fits::<R, T>(0)) };
        let word = types::word_bytes::<R>();
        // SAFETY: as in `read`.
        unsafe { types::copy_in(self.memory, self.offset, word, value) };
    }
}

/// Whether a `T` at `at` lies in a slot and consists of whole words of it.
#[inline(always)]
const fn fits<R: RingTypes, T>(at: usize) -> bool {
    let word = types::word_bytes::<R>();
    let slot = types::slot_bytes::<R>();
    at % word == 0 && size_of::<T>() % word == 0 && at <= slot && size_of::<T>() <= slot - at
}
