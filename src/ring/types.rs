//! What lies in a ring: its messages, its header, and how many slots fit.
//!
//! A ring's type names its two messages through [`RingTypes`], as C's macro `DEFINE_RING_TYPES`
//! does through three generated structures. All that C computes from those structures follows from
//! the messages alone: the size of a slot is that of their union, the first slot lies behind a
//! header of 64 bytes, and the number of slots is the largest power of two that fits.
#![allow(unsafe_code)]

use core::mem::MaybeUninit;

use super::memory::SharedMemory;

/// A type that any bytes are a value of, unions included.
///
/// Messages are copied out of a page that the other end writes. What arrives must be a value whatever
/// the other end wrote.
///
/// # Safety
///
/// - Whatever its bytes are, once they are initialised they are a valid value.
/// - No byte of it is padding. In a union that means that each byte belongs to at least one member
///   that has no padding there.
/// - It holds no reference, no pointer that anybody follows, and no cell.
///
/// Integers and arrays keep this, and so do the structures and unions of [`xen_public::abi`]: padding
/// stands there as fields, and each union has a member `_bytes` that covers it.
pub unsafe trait AnyBytes: Copy + 'static {}

/// A type whose values are nothing but bytes, each of them initialised.
///
/// That is what may leave for a page that another domain reads: a byte that was never written would
/// carry what our memory held before.
///
/// # Safety
///
/// No value of the type has a byte that is not initialised. So it holds no union: a value made of a
/// union's smaller member leaves the rest of its bytes unset. [`Message`](super::Message) carries those.
///
/// Integers and arrays of plain types keep this, and so do the structures of [`xen_public::abi`] that
/// hold no union.
pub unsafe trait Plain: AnyBytes {}

macro_rules! plain {
    ($($type:ty),* $(,)?) => {
        $(
            // SAFETY: an integer, or a generated structure of integers and arrays with its padding as
            // fields; the layout tests hold its size against the sum of theirs.
            unsafe impl $crate::ring::AnyBytes for $type {}
            // SAFETY: as above, and it holds no union.
            unsafe impl $crate::ring::Plain for $type {}
        )*
    };
}
pub(crate) use plain;

/// Implements [`AnyBytes`] for generated types, and [`Plain`] for those that hold no union. The tests
/// hold each of them against its layout table, which knows what is padding and what is a union.
macro_rules! generated {
    (
        $list:ident:
        $($module:ident { plain: $($plain:ident)*; with_union: $($with_union:ident)*; })*
    ) => {
        $($crate::ring::types::plain! { $($module::$plain),* })*
        $($(
            // SAFETY: a generated structure or union of integers and arrays with its padding as fields;
            // a union has a member that covers all of it. The tests look both up in the layout tables.
            unsafe impl $crate::ring::AnyBytes for $module::$with_union {}
        )*)*
        /// Header, name, and whether it was said to hold a union.
        #[cfg(test)]
        pub(in $crate::ring) const $list: &[(&str, &str, bool)] = &[
            $(
                $((stringify!($module), stringify!($plain), false),)*
                $((stringify!($module), stringify!($with_union), true),)*
            )*
        ];
    };
}
pub(crate) use generated;

plain!(u8, u16, u32, u64, i8, i16, i32, i64);

// SAFETY: elements follow each other without a gap, and any bytes are a value of each.
unsafe impl<T: AnyBytes, const N: usize> AnyBytes for [T; N] {}
// SAFETY: as above, and each element is plain.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

/// The messages of a ring: which protocol it speaks.
///
/// Xen's own protocols stand in [`kinds`](super::kinds). A further one is a type of its own:
///
/// ```
/// use xen_abi::ring::{self, AnyBytes, Plain, RingTypes};
///
/// #[derive(Clone, Copy, Debug, PartialEq)]
/// #[repr(C)]
/// struct Ask {
///     id: u32,
///     page: u32,
/// }
/// #[derive(Clone, Copy, Debug, PartialEq)]
/// #[repr(C)]
/// struct Answer {
///     id: u32,
/// }
/// // SAFETY: fields of 32 bits each, so there is no padding and any bytes are a value.
/// unsafe impl AnyBytes for Ask {}
/// // SAFETY: as above.
/// unsafe impl AnyBytes for Answer {}
/// // SAFETY: no union.
/// unsafe impl Plain for Ask {}
/// // SAFETY: no union.
/// unsafe impl Plain for Answer {}
///
/// /// The ring between those who ask and those who answer.
/// enum Questions {}
/// impl RingTypes for Questions {
///     type Request = Ask;
///     type Response = Answer;
/// }
/// // A page holds (4096 - 64) / 8 = 504 slots, rounded down to a power of two.
/// assert_eq!(ring::const_ring_size::<Questions>(4096), 256);
/// ```
#[doc(alias = "DEFINE_RING_TYPES")]
pub trait RingTypes {
    /// What the frontend sends.
    type Request: Plain;
    /// What the backend sends.
    type Response: Plain;
}

/// A ring in which a request's slot may hold a `T` instead, if the request before it says so.
///
/// netif is the protocol that does this: a request with the flag `NETTXF_extra_info` says that the
/// next slot holds a `netif_extra_info`. Such a slot counts like any other.
pub trait ExtraRequest<T: Plain>: RingTypes {}

/// A ring in which a response's slot may hold a `T` instead, if the response before it says so.
pub trait ExtraResponse<T: Plain>: RingTypes {}

/// One slot, as `union NAME_sring_entry` of C.
#[repr(C)]
union Entry<R: RingTypes> {
    request: R::Request,
    response: R::Response,
}

/// Where the slots begin: behind four indices, four private bytes and 44 that are reserved.
pub const HEADER_BYTES: usize = 64;

/// The size of a slot in bytes.
pub const fn slot_bytes<R: RingTypes>() -> usize {
    const { assert!(align_of::<Entry<R>>() <= HEADER_BYTES) };
    const { assert!(size_of::<Entry<R>>() > 0) };
    size_of::<Entry<R>>()
}

/// The width of the accesses to the slots of a ring: the widest that divides the slot and both of
/// its messages, but not wider than the host's registers. It depends on nothing but the ring's
/// type, so both ends use the same.
pub const fn word_bytes<R: RingTypes>() -> usize {
    let all = slot_bytes::<R>() | size_of::<R::Request>() | size_of::<R::Response>();
    let mut word = size_of::<usize>();
    if word > 8 {
        word = 8;
    }
    while all % word != 0 {
        word /= 2;
    }
    word
}

/// Rounds down to a power of two; zero stays zero.
///
/// C builds this of `__RD2` to `__RD16`, which do the same for fewer bits.
///
/// Header: `xen/include/public/io/ring.h`.
///
/// ```
/// use xen_abi::ring::rd32;
///
/// assert_eq!(rd32(36), 32);
/// assert_eq!(rd32(32), 32);
/// assert_eq!(rd32(0), 0);
/// ```
#[doc(alias = "__RD32")]
#[doc(alias = "__RD16")]
#[doc(alias = "__RD8")]
#[doc(alias = "__RD4")]
#[doc(alias = "__RD2")]
pub const fn rd32(value: u32) -> u32 {
    match value.checked_ilog2() {
        Some(bit) => 1 << bit,
        None => 0,
    }
}

/// The number of slots in a ring of `bytes` bytes, header included: the largest power of two that
/// fits, at most 2^31. Zero if not even one fits.
///
/// A ring over several pages takes the bytes of all of them.
///
/// Header: `xen/include/public/io/ring.h`.
///
/// ```
/// use xen_abi::ring::{const_ring_size, kinds};
///
/// assert_eq!(const_ring_size::<kinds::BlkifX86_32>(4096), 32);
/// assert_eq!(const_ring_size::<kinds::BlkifX86_64>(4096), 32);
/// assert_eq!(const_ring_size::<kinds::BlkifX86_64>(4 * 4096), 128);
/// assert_eq!(const_ring_size::<kinds::NetifTx>(4096), 256);
/// ```
#[doc(alias = "__CONST_RING_SIZE")]
#[doc(alias = "__RING_SIZE")]
pub const fn const_ring_size<R: RingTypes>(bytes: usize) -> u32 {
    let slots = bytes.saturating_sub(HEADER_BYTES) / slot_bytes::<R>();
    if slots > u32::MAX as usize {
        1 << 31
    } else {
        rd32(slots as u32)
    }
}

/// The bytes of a block, for which the memory may have better than words.
const BLOCK: usize = 16;

/// Whether a `T` is copied in blocks as far as they go. What is smaller is better off in registers.
#[inline(always)]
const fn in_blocks<T>(word: usize) -> bool {
    word >= 4 && size_of::<T>() >= 2 * BLOCK
}

/// Copies a `T` out of shared memory in words of `word` bytes, each loaded once.
///
/// # Safety
///
/// `offset + size_of::<T>()` is at most `memory.len()`, and `word` is 1, 2, 4 or 8 and divides
/// `offset` and the size of `T`.
#[inline(always)]
pub(crate) unsafe fn copy_out<T: Plain>(
    memory: &(impl SharedMemory + ?Sized),
    offset: usize,
    word: usize,
) -> T {
    let mut value = MaybeUninit::<T>::uninit();
    let to = value.as_mut_ptr().cast::<u8>();
    let mut at = 0;
    while in_blocks::<T>(word) && at + BLOCK <= size_of::<T>() {
        // SAFETY: the block lies in the `T`, which by the caller's promise lies in the memory; the word
        // divides `offset` and 16.
        let block = unsafe { memory.load_block(offset + at, word) };
        // SAFETY: the block lies in the `T`.
        let to = unsafe { to.add(at) };
        // SAFETY: as above.
        unsafe { to.cast::<u128>().write_unaligned(block) };
        at += BLOCK;
    }
    while at < size_of::<T>() {
        // SAFETY: `at` is below the size of `T`.
        let to = unsafe { to.add(at) };
        match word {
            8 => {
                // SAFETY: by the caller's promise the word lies in the memory, at a multiple of 8.
                let bits = unsafe { memory.load_u64(offset + at) };
                // SAFETY: the word's size divides that of `T`, so the whole of it lies in `value`.
                unsafe { to.cast::<u64>().write_unaligned(bits) };
            }
            4 => {
                // SAFETY: as above, with 4.
                let bits = unsafe { memory.load_u32(offset + at) };
                // SAFETY: as above.
                unsafe { to.cast::<u32>().write_unaligned(bits) };
            }
            2 => {
                // SAFETY: as above, with 2.
                let bits = unsafe { memory.load_u16(offset + at) };
                // SAFETY: as above.
                unsafe { to.cast::<u16>().write_unaligned(bits) };
            }
            _ => {
                // SAFETY: as above, with 1.
                let bits = unsafe { memory.load_u8(offset + at) };
                // SAFETY: as above.
                unsafe { to.write(bits) };
            }
        }
        at += word;
    }
    // SAFETY: the words covered all bytes of `value`, and any bytes are a value of a plain type.
    unsafe { value.assume_init() }
}

/// Copies a `T` into shared memory in words of `word` bytes, each stored once.
///
/// # Safety
///
/// As for [`copy_out`].
#[inline(always)]
pub(crate) unsafe fn copy_in<T: Plain>(
    memory: &(impl SharedMemory + ?Sized),
    offset: usize,
    word: usize,
    value: &T,
) {
    let from = core::ptr::from_ref(value).cast::<u8>();
    let mut at = 0;
    while in_blocks::<T>(word) && at + BLOCK <= size_of::<T>() {
        // SAFETY: the block lies in the `T`.
        let from = unsafe { from.add(at) };
        // SAFETY: as above; a plain type has no byte that is not initialised.
        let block = unsafe { from.cast::<u128>().read_unaligned() };
        // SAFETY: as in `copy_out`.
        unsafe { memory.store_block(offset + at, word, block) };
        at += BLOCK;
    }
    while at < size_of::<T>() {
        // SAFETY: `at` is below the size of `T`.
        let from = unsafe { from.add(at) };
        match word {
            8 => {
                // SAFETY: the word's size divides that of `T`, so the whole of it lies in the value,
                // and a plain type has no byte that is not initialised.
                let bits = unsafe { from.cast::<u64>().read_unaligned() };
                // SAFETY: by the caller's promise the word lies in the memory, at a multiple of 8.
                unsafe { memory.store_u64(offset + at, bits) };
            }
            4 => {
                // SAFETY: as above.
                let bits = unsafe { from.cast::<u32>().read_unaligned() };
                // SAFETY: as above, with 4.
                unsafe { memory.store_u32(offset + at, bits) };
            }
            2 => {
                // SAFETY: as above.
                let bits = unsafe { from.cast::<u16>().read_unaligned() };
                // SAFETY: as above, with 2.
                unsafe { memory.store_u16(offset + at, bits) };
            }
            _ => {
                // SAFETY: as above.
                let bits = unsafe { from.read() };
                // SAFETY: as above, with 1.
                unsafe { memory.store_u8(offset + at, bits) };
            }
        }
        at += word;
    }
}
