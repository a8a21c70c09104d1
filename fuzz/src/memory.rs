//! The page between the code under test and a hostile peer.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::cell::{Ref, RefCell};
use std::ops::Range;
use std::ptr::NonNull;

use xen_abi::ring::{Mapping, SharedBits, SharedMemory};

use crate::script::Script;

/// Memory that checks each access for its bounds and alignment, writes it down, and may change as soon
/// as something was loaded from it.
///
/// The accesses themselves go through a [`Mapping`] of an allocation that is not one byte longer than
/// the memory, so that a sanitizer sees what goes beyond it, too.
#[derive(Debug)]
pub struct Page {
    mapping: Mapping,
    allocated: Layout,
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    log: Log,
    /// What loaded bytes are changed by afterwards, over and over.
    drift: Vec<u8>,
    /// How many bytes were changed.
    drifted: usize,
}

/// One access by the code under test.
#[derive(Clone, Debug)]
struct Access {
    store: bool,
    offset: usize,
    /// Where its bytes are among the log's.
    bytes: Range<usize>,
}

/// What was accessed.
#[derive(Clone, Debug, Default)]
pub struct Log {
    accesses: Vec<Access>,
    bytes: Vec<u8>,
}

impl Log {
    fn add(&mut self, store: bool, offset: usize, bytes: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.accesses.push(Access {
            store,
            offset,
            bytes: start..self.bytes.len(),
        });
    }

    fn of(&self, store: bool) -> impl Iterator<Item = (usize, &[u8])> {
        self.accesses
            .iter()
            .filter(move |access| access.store == store)
            .map(|access| (access.offset, &self.bytes[access.bytes.clone()]))
    }

    /// The loads, by offset and what was found, in their order.
    pub fn loads(&self) -> impl Iterator<Item = (usize, &[u8])> {
        self.of(false)
    }

    /// The stores, by offset and what was written, in their order.
    pub fn stores(&self) -> impl Iterator<Item = (usize, &[u8])> {
        self.of(true)
    }

    /// The values of 32 bits that were loaded from an offset.
    pub fn loaded_u32(&self, offset: usize) -> Vec<u32> {
        words(self.loads(), offset)
    }

    /// The values of 32 bits that were stored to an offset.
    pub fn stored_u32(&self, offset: usize) -> Vec<u32> {
        words(self.stores(), offset)
    }

    /// What was loaded of a part of the memory. Each byte may be loaded once.
    pub fn loaded(&self, part: Range<usize>) -> Vec<Option<u8>> {
        once(self.loads(), part)
    }

    /// What was stored to a part of the memory. Each byte may be stored once.
    pub fn stored(&self, part: Range<usize>) -> Vec<Option<u8>> {
        once(self.stores(), part)
    }

    /// Whether nothing was accessed at all.
    pub fn is_empty(&self) -> bool {
        self.accesses.is_empty()
    }
}

fn words<'a>(accesses: impl Iterator<Item = (usize, &'a [u8])>, offset: usize) -> Vec<u32> {
    accesses
        .filter(|(at, bytes)| *at < offset + 4 && offset < *at + bytes.len())
        .map(|(at, bytes)| {
            assert_eq!(at, offset, "an index is accessed in part");
            u32::from_ne_bytes(bytes.try_into().expect("an index is accessed as a whole"))
        })
        .collect()
}

fn once<'a>(
    accesses: impl Iterator<Item = (usize, &'a [u8])>,
    part: Range<usize>,
) -> Vec<Option<u8>> {
    let mut found = vec![None; part.len()];
    for (offset, bytes) in accesses {
        for (at, byte) in (offset..).zip(bytes) {
            if part.contains(&at) {
                let place = &mut found[at - part.start];
                assert_eq!(*place, None, "the byte at {at} is accessed twice");
                *place = Some(*byte);
            }
        }
    }
    found
}

impl Page {
    /// Zeroed memory of a number of bytes, which must not be zero.
    pub fn new(len: usize) -> Self {
        let allocated = Layout::from_size_align(len, 8).expect("few bytes");
        assert!(len > 0);
        // SAFETY: the size is not zero.
        let base = unsafe { alloc_zeroed(allocated) };
        let Some(base) = NonNull::new(base) else {
            handle_alloc_error(allocated);
        };
        // SAFETY: allocated, zeroed and not freed before the page is dropped; nothing accesses it but
        // this mapping.
        let mapping = unsafe { Mapping::new(base, len) }.expect("aligned to 8 bytes");
        Self {
            mapping,
            allocated,
            state: RefCell::default(),
        }
    }

    /// Lets every byte that is loaded change by one of these afterwards, in turn; none for no change.
    pub fn set_drift(&self, drift: &[u8]) {
        self.state.borrow_mut().drift = drift.to_vec();
    }

    /// Forgets what was accessed.
    pub fn forget(&self) {
        let log = &mut self.state.borrow_mut().log;
        log.accesses.clear();
        log.bytes.clear();
    }

    /// What was accessed since this was last forgotten.
    pub fn log(&self) -> Ref<'_, Log> {
        Ref::map(self.state.borrow(), |state| &state.log)
    }

    /// The peer writes a byte, at an offset that is taken modulo the length.
    pub fn poke(&self, offset: usize, byte: u8) {
        // SAFETY: below the length.
        unsafe { self.mapping.store_u8(offset % self.mapping.len(), byte) };
    }

    /// The peer writes bytes; those beyond the end are left off.
    pub fn fill(&self, offset: usize, bytes: &[u8]) {
        let room = self.mapping.len().saturating_sub(offset);
        let bytes = &bytes[..bytes.len().min(room)];
        if !bytes.is_empty() {
            // SAFETY: no more bytes than there is room for, from an offset below the length.
            unsafe { self.mapping.write_bytes(offset, bytes) };
        }
    }

    /// The peer writes 32 bits.
    pub fn set_u32(&self, offset: usize, value: u32) {
        self.fill(offset, &value.to_ne_bytes());
    }

    /// What the peer finds.
    pub fn read(&self, offset: usize, count: usize) -> Vec<u8> {
        assert!(offset + count <= self.mapping.len());
        let mut bytes = vec![0; count];
        // SAFETY: just checked.
        unsafe { self.mapping.read_bytes(offset, &mut bytes) };
        bytes
    }

    /// The 32 bits that the peer finds.
    pub fn get_u32(&self, offset: usize) -> u32 {
        assert!(offset % 4 == 0 && offset + 4 <= self.mapping.len());
        // SAFETY: just checked.
        unsafe { self.mapping.load_u32(offset) }
    }

    /// The peer writes something somewhere, as a script says.
    pub fn scribble(&self, script: &mut Script<'_>) {
        let offset = script.below(self.mapping.len());
        self.fill(offset, script.some_bytes());
    }

    fn check(&self, offset: usize, count: usize, width: usize) {
        let len = self.mapping.len();
        assert!(
            offset <= len && count <= len - offset,
            "{count} bytes at {offset} of {len}"
        );
        assert_eq!(offset % width, 0, "{width} bytes at {offset}");
    }

    fn loaded(&self, offset: usize, bytes: &[u8]) {
        let state = &mut *self.state.borrow_mut();
        state.log.add(false, offset, bytes);
        if state.drift.is_empty() {
            return;
        }
        for (at, byte) in (offset..).zip(bytes) {
            let change = state.drift[state.drifted % state.drift.len()];
            state.drifted = state.drifted.wrapping_add(1);
            self.poke(at, byte ^ change);
        }
    }

    fn stored(&self, offset: usize, bytes: &[u8]) {
        self.state.borrow_mut().log.add(true, offset, bytes);
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: allocated by `new` with this layout; what borrowed the page is gone.
        unsafe { dealloc(self.mapping.base().as_ptr(), self.allocated) };
    }
}

macro_rules! accesses {
    ($($load:ident $store:ident $type:ty),*) => {$(
        unsafe fn $load(&self, offset: usize) -> $type {
            self.check(offset, size_of::<$type>(), size_of::<$type>());
            // SAFETY: just checked.
            let value = unsafe { self.mapping.$load(offset) };
            self.loaded(offset, &value.to_ne_bytes());
            value
        }

        unsafe fn $store(&self, offset: usize, value: $type) {
            self.check(offset, size_of::<$type>(), size_of::<$type>());
            // SAFETY: just checked.
            unsafe { self.mapping.$store(offset, value) };
            self.stored(offset, &value.to_ne_bytes());
        }
    )*};
}

// SAFETY: the length never changes, the allocation lives as long as the page and begins at a multiple of
// 8, and the barriers are the trait's own.
unsafe impl SharedMemory for Page {
    fn len(&self) -> usize {
        self.mapping.len()
    }

    accesses! {
        load_u8 store_u8 u8, load_u16 store_u16 u16, load_u32 store_u32 u32, load_u64 store_u64 u64
    }

    unsafe fn read_bytes(&self, offset: usize, to: &mut [u8]) {
        self.check(offset, to.len(), 1);
        // SAFETY: just checked.
        unsafe { self.mapping.read_bytes(offset, to) };
        self.loaded(offset, to);
    }

    unsafe fn write_bytes(&self, offset: usize, from: &[u8]) {
        self.check(offset, from.len(), 1);
        // SAFETY: just checked.
        unsafe { self.mapping.write_bytes(offset, from) };
        self.stored(offset, from);
    }
}

// SAFETY: there is no other thread.
unsafe impl SharedBits for Page {
    unsafe fn fetch_or_u8(&self, offset: usize, bits: u8) -> u8 {
        self.check(offset, 1, 1);
        // SAFETY: just checked.
        let old = unsafe { self.mapping.fetch_or_u8(offset, bits) };
        self.stored(offset, &[old | bits]);
        old
    }

    unsafe fn fetch_and_u8(&self, offset: usize, bits: u8) -> u8 {
        self.check(offset, 1, 1);
        // SAFETY: just checked.
        let old = unsafe { self.mapping.fetch_and_u8(offset, bits) };
        self.stored(offset, &[old & bits]);
        old
    }
}
