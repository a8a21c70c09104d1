//! The page of a ring of events, as both ends see it. The unsafe part is here: offsets, which are checked
//! at compile time.
#![allow(unsafe_code)]

use core::marker::PhantomData;

use super::{EventTypes, check, checked, slot_offset, word_bytes};
use crate::ring::error::AttachError;
use crate::ring::memory::SharedMemory;
use crate::ring::types::{copy_in, copy_out};

/// The page, as both ends see it.
#[derive(Debug)]
pub(super) struct Page<E, M> {
    /// At least `EVENT_PAGE_BYTES` long.
    pub(super) memory: M,
    types: PhantomData<fn() -> E>,
}

impl<E: EventTypes, M: SharedMemory> Page<E, M> {
    pub(super) fn new(memory: M) -> Result<Self, AttachError<M>> {
        let memory = checked(memory)?;
        Ok(Self {
            memory,
            types: PhantomData,
        })
    }

    #[inline]
    pub(super) fn load_cons(&self) -> u32 {
        const { check::<E>() };
        // SAFETY: the index lies in the page (`check`), all of which is in the memory (`new`).
        unsafe { self.memory.load_u32(E::CONS) }
    }

    #[inline]
    pub(super) fn load_prod(&self) -> u32 {
        const { check::<E>() };
        // SAFETY: as in `load_cons`.
        unsafe { self.memory.load_u32(E::PROD) }
    }

    #[inline]
    pub(super) fn store_cons(&self, cons: u32) {
        const { check::<E>() };
        // SAFETY: as in `load_cons`.
        unsafe { self.memory.store_u32(E::CONS, cons) };
    }

    #[inline]
    pub(super) fn store_prod(&self, prod: u32) {
        const { check::<E>() };
        // SAFETY: as in `load_cons`.
        unsafe { self.memory.store_u32(E::PROD, prod) };
    }

    #[inline]
    pub(super) fn read(&self, index: u32) -> E::Event {
        let word = word_bytes::<E>();
        // SAFETY: the slot lies in the page (`check`, by way of `slot_offset`), all of which is in the
        // memory; the word divides the event, and 8, thus the slots' beginning and the slot's place.
        unsafe { copy_out(&self.memory, slot_offset::<E>(index), word) }
    }

    #[inline]
    pub(super) fn write(&self, index: u32, event: &E::Event) {
        let word = word_bytes::<E>();
        // SAFETY: as in `read`.
        unsafe { copy_in(&self.memory, slot_offset::<E>(index), word, event) };
    }
}
