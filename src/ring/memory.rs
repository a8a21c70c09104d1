//! Memory that another domain reads and writes while we do.
//!
//! [`SharedMemory`] is the seam between rings and pages: loads and stores of a fixed width at an
//! offset, and the three barriers that order them. Nothing ever holds a reference into the page, so
//! the compiler can assume nothing about it: what was loaded is a private value, and loading again
//! is a decision that stands in the code. [`Mapping`] is the real thing, an address and a length;
//! models of concurrency put their own memory and their own barriers behind the same trait.
#![allow(unsafe_code)]

use core::fmt;
use core::ptr::NonNull;
#[cfg(target_pointer_width = "64")]
use core::sync::atomic::AtomicU64;
use core::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, Ordering::Relaxed};

use super::copy;
use crate::barrier;

/// Memory that somebody else may change at any time, reached by offset.
///
/// All accesses are single, relaxed and of the width that the name says. Both ends of a ring access
/// a given offset with the same width, always; that keeps a value whole that the other end writes
/// at the same time, and it is what Rust's memory model asks of two threads that share the page.
///
/// # Safety
///
/// - [`len`](Self::len) returns the same value each time, at most [`isize::MAX`].
/// - Offset 0 lies at an address that is a multiple of 8, or behaves as if it did.
/// - Memory below `len` stays readable as long as the value lives, and writable where somebody stores
///   through it.
/// - The barriers order this memory's accesses as [`barrier::virt_mb`], [`barrier::virt_rmb`] and
///   [`barrier::virt_wmb`] do.
///
/// # Safety of the accesses
///
/// Each access is unsafe for one reason: the caller makes sure that all its bytes lie below
/// [`len`](Self::len), and that the offset is a multiple of the width. What is loaded may be any
/// value.
#[allow(clippy::len_without_is_empty)] // The length is a limit here, not a count of elements.
pub unsafe trait SharedMemory {
    /// The number of bytes.
    fn len(&self) -> usize;

    /// Loads a byte.
    ///
    /// # Safety
    ///
    /// `offset` is below [`len`](Self::len).
    unsafe fn load_u8(&self, offset: usize) -> u8;

    /// Loads 16 bits.
    ///
    /// # Safety
    ///
    /// `offset + 2` is at most [`len`](Self::len), and `offset` is even.
    unsafe fn load_u16(&self, offset: usize) -> u16;

    /// Loads 32 bits.
    ///
    /// # Safety
    ///
    /// `offset + 4` is at most [`len`](Self::len), and `offset` is a multiple of 4.
    unsafe fn load_u32(&self, offset: usize) -> u32;

    /// Loads 64 bits. On a 32-bit host these may be two loads of 32 bits.
    ///
    /// # Safety
    ///
    /// `offset + 8` is at most [`len`](Self::len), and `offset` is a multiple of 8.
    unsafe fn load_u64(&self, offset: usize) -> u64;

    /// Stores a byte.
    ///
    /// # Safety
    ///
    /// As for [`load_u8`](Self::load_u8).
    unsafe fn store_u8(&self, offset: usize, value: u8);

    /// Stores 16 bits.
    ///
    /// # Safety
    ///
    /// As for [`load_u16`](Self::load_u16).
    unsafe fn store_u16(&self, offset: usize, value: u16);

    /// Stores 32 bits.
    ///
    /// # Safety
    ///
    /// As for [`load_u32`](Self::load_u32).
    unsafe fn store_u32(&self, offset: usize, value: u32);

    /// Stores 64 bits. On a 32-bit host these may be two stores of 32 bits.
    ///
    /// # Safety
    ///
    /// As for [`load_u64`](Self::load_u64).
    unsafe fn store_u64(&self, offset: usize, value: u64);

    /// Copies bytes out of the memory, each loaded once, in no order that can be relied on.
    ///
    /// # Safety
    ///
    /// `offset + to.len()` does not overflow and is at most [`len`](Self::len).
    #[inline]
    unsafe fn read_bytes(&self, offset: usize, to: &mut [u8]) {
        for (at, byte) in to.iter_mut().enumerate() {
            // SAFETY: `at` is below `to.len()`, so the caller's promise covers this byte.
            *byte = unsafe { self.load_u8(offset + at) };
        }
    }

    /// Copies bytes into the memory, each stored once, in no order that can be relied on.
    ///
    /// # Safety
    ///
    /// `offset + from.len()` does not overflow and is at most [`len`](Self::len).
    #[inline]
    unsafe fn write_bytes(&self, offset: usize, from: &[u8]) {
        for (at, byte) in from.iter().enumerate() {
            // SAFETY: `at` is below `from.len()`, so the caller's promise covers this byte.
            unsafe { self.store_u8(offset + at, *byte) };
        }
    }

    /// Loads 16 bytes in words of `word` bytes, each word once, in no order that can be relied on.
    /// They come in memory's order, as [`u128::to_ne_bytes`] gives them back.
    ///
    /// # Safety
    ///
    /// `offset + 16` is at most [`len`](Self::len), `word` is 4 or 8, and `offset` is a multiple of
    /// it.
    #[inline(always)]
    unsafe fn load_block(&self, offset: usize, word: usize) -> u128 {
        let load = |at| {
            if word == 8 {
                // SAFETY: half of the 16 bytes that the caller vouches for.
                return unsafe { self.load_u64(at) };
            }
            // SAFETY: a quarter of them.
            let first = unsafe { self.load_u32(at) };
            // SAFETY: as above.
            let second = unsafe { self.load_u32(at + 4) };
            join([first, second])
        };
        join128([load(offset), load(offset + 8)])
    }

    /// Stores 16 bytes in words of `word` bytes, each word once, in no order that can be relied on.
    /// They are those of [`u128::to_ne_bytes`].
    ///
    /// # Safety
    ///
    /// As for [`load_block`](Self::load_block).
    #[inline(always)]
    unsafe fn store_block(&self, offset: usize, word: usize, block: u128) {
        let store = |at, half: u64| {
            if word == 8 {
                // SAFETY: half of the 16 bytes that the caller vouches for.
                return unsafe { self.store_u64(at, half) };
            }
            let [first, second] = split(half);
            // SAFETY: a quarter of them.
            unsafe { self.store_u32(at, first) };
            // SAFETY: as above.
            unsafe { self.store_u32(at + 4, second) };
        };
        let [first, second] = split128(block);
        store(offset, first);
        store(offset + 8, second);
    }

    /// Orders every access before it against every access after it, a store against a later load
    /// included: [`barrier::virt_mb`].
    #[inline]
    fn mb(&self) {
        barrier::virt_mb();
    }

    /// Orders the loads before it against every access after it: [`barrier::virt_rmb`].
    #[inline]
    fn rmb(&self) {
        barrier::virt_rmb();
    }

    /// Orders every access before it against the stores after it: [`barrier::virt_wmb`].
    #[inline]
    fn wmb(&self) {
        barrier::virt_wmb();
    }
}

/// Two halves as one, by their place in memory.
#[inline(always)]
pub(super) const fn join([low, high]: [u32; 2]) -> u64 {
    if cfg!(target_endian = "little") {
        (high as u64) << 32 | low as u64
    } else {
        (low as u64) << 32 | high as u64
    }
}

/// As [`join`], of larger halves.
#[inline(always)]
const fn join128([low, high]: [u64; 2]) -> u128 {
    if cfg!(target_endian = "little") {
        (high as u128) << 64 | low as u128
    } else {
        (low as u128) << 64 | high as u128
    }
}

/// The halves of [`join`].
#[inline(always)]
pub(super) const fn split(whole: u64) -> [u32; 2] {
    if cfg!(target_endian = "little") {
        [whole as u32, (whole >> 32) as u32]
    } else {
        [(whole >> 32) as u32, whole as u32]
    }
}

/// The halves of [`join128`].
#[inline(always)]
const fn split128(whole: u128) -> [u64; 2] {
    if cfg!(target_endian = "little") {
        [whole as u64, (whole >> 64) as u64]
    } else {
        [(whole >> 64) as u64, whole as u64]
    }
}

// SAFETY: everything is handed through to a memory that keeps the contract.
unsafe impl<M: SharedMemory + ?Sized> SharedMemory for &M {
    #[inline]
    fn len(&self) -> usize {
        (**self).len()
    }
    #[inline]
    unsafe fn load_u8(&self, offset: usize) -> u8 {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { (**self).load_u8(offset) }
    }
    #[inline]
    unsafe fn load_u16(&self, offset: usize) -> u16 {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { (**self).load_u16(offset) }
    }
    #[inline]
    unsafe fn load_u32(&self, offset: usize) -> u32 {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { (**self).load_u32(offset) }
    }
    #[inline]
    unsafe fn load_u64(&self, offset: usize) -> u64 {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { (**self).load_u64(offset) }
    }
    #[inline]
    unsafe fn store_u8(&self, offset: usize, value: u8) {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { (**self).store_u8(offset, value) }
    }
    #[inline]
    unsafe fn store_u16(&self, offset: usize, value: u16) {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { (**self).store_u16(offset, value) }
    }
    #[inline]
    unsafe fn store_u32(&self, offset: usize, value: u32) {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { (**self).store_u32(offset, value) }
    }
    #[inline]
    unsafe fn store_u64(&self, offset: usize, value: u64) {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { (**self).store_u64(offset, value) }
    }
    #[inline]
    unsafe fn read_bytes(&self, offset: usize, to: &mut [u8]) {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { (**self).read_bytes(offset, to) }
    }
    #[inline]
    unsafe fn write_bytes(&self, offset: usize, from: &[u8]) {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { (**self).write_bytes(offset, from) }
    }
    #[inline(always)]
    unsafe fn load_block(&self, offset: usize, word: usize) -> u128 {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { (**self).load_block(offset, word) }
    }
    #[inline(always)]
    unsafe fn store_block(&self, offset: usize, word: usize, block: u128) {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { (**self).store_block(offset, word, block) }
    }
    #[inline]
    fn mb(&self) {
        (**self).mb();
    }
    #[inline]
    fn rmb(&self) {
        (**self).rmb();
    }
    #[inline]
    fn wmb(&self) {
        (**self).wmb();
    }
}

/// Memory at an address: a granted page, several of them mapped side by side, or a page of our own
/// that was granted to another domain.
///
/// It does not own the memory: unmapping and freeing is the business of whoever made it.
#[derive(Debug)]
pub struct Mapping {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: a mapping is an address and a length; every access through it is atomic, and by the
// contract of `new` the memory is there for whichever thread has the value.
unsafe impl Send for Mapping {}
// SAFETY: as for `Send`; accesses of several threads at once are atomic too.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Takes `len` bytes at `base` for memory that is shared with somebody else.
    ///
    /// # Errors
    ///
    /// [`Misaligned`] if `base` is not a multiple of 8. Pages always are.
    ///
    /// # Safety
    ///
    /// From here on, and until the mapping and everything made from it is gone,
    /// - the memory stays mapped and readable, in one piece of at most `isize::MAX` bytes, and writable
    ///   unless it only holds what an end reads, such as `right` of a vchan's client;
    /// - nobody in this program accesses it but through mappings or other atomic accesses of the
    ///   same width at the same place: no reference to any part of it is alive, and nothing else
    ///   has its place there;
    /// - threads of this program that use it at the same time agree on which rings lie where in it, and
    ///   there is at most one end of each side. So a place is accessed with one width, as Rust's memory
    ///   model asks, and the bytes of a byte ring only by the end whose turn it is.
    ///
    /// What other domains do with the memory does not matter: they may write anything at any time.
    pub unsafe fn new(base: NonNull<u8>, len: usize) -> Result<Self, Misaligned> {
        let address = base.as_ptr().addr();
        if address % 8 != 0 {
            return Err(Misaligned { address });
        }
        Ok(Self { base, len })
    }

    /// The address of the first byte.
    pub fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// The address of the byte at `offset`.
    ///
    /// # Safety
    ///
    /// `offset` is at most the length.
    #[inline]
    unsafe fn at(&self, offset: usize) -> *mut u8 {
        // SAFETY: by the contract of `new` the memory is one piece of `len` bytes, which ends
        // within the address space, and the caller stays in it.
        unsafe { self.base.as_ptr().add(offset) }
    }
}

// SAFETY: base and length never change, `new` has checked the alignment and its caller vouches for
// the memory; the barriers are the trait's own.
unsafe impl SharedMemory for Mapping {
    #[inline]
    fn len(&self) -> usize {
        self.len
    }

    #[inline]
    unsafe fn load_u8(&self, offset: usize) -> u8 {
        // SAFETY: the caller keeps to the length.
        let at = unsafe { self.at(offset) };
        // SAFETY: valid by the contract of `new`, under which all of this program's accesses are atomic.
        let cell = unsafe { AtomicU8::from_ptr(at) };
        cell.load(Relaxed)
    }

    #[inline]
    unsafe fn load_u16(&self, offset: usize) -> u16 {
        // SAFETY: the caller keeps to the length.
        let at = unsafe { self.at(offset) };
        // SAFETY: as in `load_u8`; base and offset are even.
        let cell = unsafe { AtomicU16::from_ptr(at.cast()) };
        cell.load(Relaxed)
    }

    #[inline]
    unsafe fn load_u32(&self, offset: usize) -> u32 {
        // SAFETY: the caller keeps to the length.
        let at = unsafe { self.at(offset) };
        // SAFETY: as in `load_u8`; base and offset are multiples of 4.
        let cell = unsafe { AtomicU32::from_ptr(at.cast()) };
        cell.load(Relaxed)
    }

    #[cfg(target_pointer_width = "64")]
    #[inline]
    unsafe fn load_u64(&self, offset: usize) -> u64 {
        // SAFETY: the caller keeps to the length.
        let at = unsafe { self.at(offset) };
        // SAFETY: as in `load_u8`; base and offset are multiples of 8.
        let cell = unsafe { AtomicU64::from_ptr(at.cast()) };
        cell.load(Relaxed)
    }

    #[cfg(not(target_pointer_width = "64"))]
    #[inline]
    unsafe fn load_u64(&self, offset: usize) -> u64 {
        // SAFETY: half of the 8 bytes that the caller vouches for.
        let first = unsafe { self.load_u32(offset) };
        // SAFETY: as above.
        let second = unsafe { self.load_u32(offset + 4) };
        join([first, second])
    }

    #[inline]
    unsafe fn store_u8(&self, offset: usize, value: u8) {
        // SAFETY: the caller keeps to the length.
        let at = unsafe { self.at(offset) };
        // SAFETY: as in `load_u8`.
        let cell = unsafe { AtomicU8::from_ptr(at) };
        cell.store(value, Relaxed);
    }

    #[inline]
    unsafe fn store_u16(&self, offset: usize, value: u16) {
        // SAFETY: the caller keeps to the length.
        let at = unsafe { self.at(offset) };
        // SAFETY: as in `load_u16`.
        let cell = unsafe { AtomicU16::from_ptr(at.cast()) };
        cell.store(value, Relaxed);
    }

    #[inline]
    unsafe fn store_u32(&self, offset: usize, value: u32) {
        // SAFETY: the caller keeps to the length.
        let at = unsafe { self.at(offset) };
        // SAFETY: as in `load_u32`.
        let cell = unsafe { AtomicU32::from_ptr(at.cast()) };
        cell.store(value, Relaxed);
    }

    #[cfg(target_pointer_width = "64")]
    #[inline]
    unsafe fn store_u64(&self, offset: usize, value: u64) {
        // SAFETY: the caller keeps to the length.
        let at = unsafe { self.at(offset) };
        // SAFETY: as in `load_u64`.
        let cell = unsafe { AtomicU64::from_ptr(at.cast()) };
        cell.store(value, Relaxed);
    }

    #[cfg(not(target_pointer_width = "64"))]
    #[inline]
    unsafe fn store_u64(&self, offset: usize, value: u64) {
        let [first, second] = split(value);
        // SAFETY: half of the 8 bytes that the caller vouches for.
        unsafe { self.store_u32(offset, first) };
        // SAFETY: as above.
        unsafe { self.store_u32(offset + 4, second) };
    }

    #[inline]
    unsafe fn read_bytes(&self, offset: usize, to: &mut [u8]) {
        // SAFETY: the caller keeps to the length.
        let from = unsafe { self.at(offset) };
        // SAFETY: valid by the contract of `new`, for as many bytes as the caller vouches for.
        unsafe { copy::read(from, to) };
    }

    #[inline]
    unsafe fn write_bytes(&self, offset: usize, from: &[u8]) {
        // SAFETY: the caller keeps to the length.
        let to = unsafe { self.at(offset) };
        // SAFETY: valid by the contract of `new`, for as many bytes as the caller vouches for.
        unsafe { copy::write(to, from) };
    }

    #[cfg(all(
        target_arch = "x86_64",
        target_pointer_width = "64",
        target_feature = "sse2",
        not(miri)
    ))]
    #[inline(always)]
    unsafe fn load_block(&self, offset: usize, _word: usize) -> u128 {
        // SAFETY: the caller keeps to the length.
        let from = unsafe { self.at(offset) };
        // SAFETY: valid by the contract of `new`.
        unsafe { copy::load_block(from) }
    }

    #[cfg(all(
        target_arch = "x86_64",
        target_pointer_width = "64",
        target_feature = "sse2",
        not(miri)
    ))]
    #[inline(always)]
    unsafe fn store_block(&self, offset: usize, _word: usize, block: u128) {
        // SAFETY: the caller keeps to the length.
        let to = unsafe { self.at(offset) };
        // SAFETY: valid by the contract of `new`.
        unsafe { copy::store_block(to, block) }
    }
}

/// Shared memory with bytes that both ends change in part, each some of the bits: vchan's notification
/// bytes. Not every processor has the instructions for it.
///
/// # Safety
///
/// Both are single accesses that nobody else's falls into, the peer's included.
#[cfg(target_has_atomic = "8")]
pub unsafe trait SharedBits: SharedMemory {
    /// Sets those bits of a byte that are set in `bits`, and returns what it was.
    ///
    /// # Safety
    ///
    /// `offset` is below [`len`](SharedMemory::len).
    unsafe fn fetch_or_u8(&self, offset: usize, bits: u8) -> u8;

    /// Clears those bits of a byte that are clear in `bits`, and returns what it was.
    ///
    /// # Safety
    ///
    /// As for [`fetch_or_u8`](Self::fetch_or_u8).
    unsafe fn fetch_and_u8(&self, offset: usize, bits: u8) -> u8;
}

// SAFETY: everything is handed through to a memory that keeps the contract.
#[cfg(target_has_atomic = "8")]
unsafe impl<M: SharedBits + ?Sized> SharedBits for &M {
    #[inline]
    unsafe fn fetch_or_u8(&self, offset: usize, bits: u8) -> u8 {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { (**self).fetch_or_u8(offset, bits) }
    }
    #[inline]
    unsafe fn fetch_and_u8(&self, offset: usize, bits: u8) -> u8 {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { (**self).fetch_and_u8(offset, bits) }
    }
}

// SAFETY: they are read-modify-write operations of an atomic byte.
#[cfg(target_has_atomic = "8")]
unsafe impl SharedBits for Mapping {
    #[inline]
    unsafe fn fetch_or_u8(&self, offset: usize, bits: u8) -> u8 {
        // SAFETY: the caller keeps to the length.
        let at = unsafe { self.at(offset) };
        // SAFETY: as in `load_u8`.
        let cell = unsafe { AtomicU8::from_ptr(at) };
        cell.fetch_or(bits, Relaxed)
    }

    #[inline]
    unsafe fn fetch_and_u8(&self, offset: usize, bits: u8) -> u8 {
        // SAFETY: the caller keeps to the length.
        let at = unsafe { self.at(offset) };
        // SAFETY: as in `load_u8`.
        let cell = unsafe { AtomicU8::from_ptr(at) };
        cell.fetch_and(bits, Relaxed)
    }
}

/// Memory for a mapping does not begin at a multiple of 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misaligned {
    /// The address.
    pub address: usize,
}

impl fmt::Display for Misaligned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address;
        write!(
            f,
            "shared memory at {address:#x}, which is not a multiple of 8"
        )
    }
}

impl core::error::Error for Misaligned {}
