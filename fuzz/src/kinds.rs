//! Rings of any kind, and their messages as bytes.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

use xen_abi::ring::{HEADER_BYTES, Plain, RingTypes, slot_bytes};

use crate::memory::Page;
use crate::script::Script;

/// Offsets in the header of a ring.
pub(crate) const REQ_PROD: usize = 0;
pub(crate) const REQ_EVENT: usize = 4;
pub(crate) const RSP_PROD: usize = 8;
pub(crate) const RSP_EVENT: usize = 12;

/// The bytes of a message.
pub(crate) fn bytes_of<T: Plain>(value: &T) -> &[u8] {
    // SAFETY: a plain type has no byte that is not initialised, and the bytes live as long as it.
    unsafe { std::slice::from_raw_parts(std::ptr::from_ref(value).cast(), size_of::<T>()) }
}

/// A message of a script's bytes, with zeros behind them.
pub(crate) fn message<T: Plain>(script: &mut Script<'_>) -> T {
    let mut value = MaybeUninit::<T>::zeroed();
    let count = script.below(size_of::<T>() + 1);
    let from = script.bytes(count);
    // SAFETY: not more bytes than the type has.
    unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), value.as_mut_ptr().cast(), from.len()) };
    // SAFETY: zeroed and partly overwritten, and any initialised bytes are a plain value.
    unsafe { value.assume_init() }
}

/// The slot of an index.
pub(crate) fn slot<R: RingTypes>(index: u32, size: u32) -> usize {
    HEADER_BYTES + (index % size) as usize * slot_bytes::<R>()
}

/// A memory for a ring: a few slots, and perhaps some bytes that make no slot.
pub(crate) fn page<R: RingTypes>(script: &mut Script<'_>) -> (Page, u32) {
    let slots = 1 << script.below(5);
    let more = script.below(slot_bytes::<R>() * slots);
    let len = HEADER_BYTES + slot_bytes::<R>() * slots + more;
    (Page::new(len), slots as u32)
}

/// Whether an index is passed on the way from `old` to `new`, of which there are few.
pub(crate) fn is_passed(old: u32, new: u32, event: u32) -> bool {
    (1..=new.wrapping_sub(old)).any(|step| old.wrapping_add(step) == event)
}
