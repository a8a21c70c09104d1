//! Rings: how two domains talk over a page that both of them write.
//!
//! A ring is a page, or several side by side, with four indices in front and a power of two of
//! slots behind. The frontend puts requests into slots and moves `req_prod`; the backend takes them,
//! puts responses into the same slots and moves `rsp_prod`. Indices only grow, modulo 2^32, and the
//! slot of an index is its remainder by the size. Each end also says with which index it wants to be
//! woken, so that a busy peer is not notified for nothing.
//!
//! [`FrontRing`] and [`BackRing`] are the two ends, over any [`SharedMemory`]; making a [`Mapping`]
//! of an address is the only unsafe step. The ring's type names its messages: [`RingTypes`], with
//! Xen's protocols in [`kinds`].
//!
//! The other end is not trusted. What it writes is copied out once and is private from then on,
//! loads and stores have a width that depends on the offset alone, indices are compared by wrapping
//! differences, and one that can't be right turns the ring into an error that stays
//! ([`Corrupt`]). No input makes this code panic, loop or leave the page.
//!
//! # Barriers
//!
//! | where | what is needed | barrier |
//! |---|---|---|
//! | before a producer index is stored | the slots' stores, and the loads of what they held before, are done | [`virt_wmb`](crate::barrier::virt_wmb) |
//! | after a producer index is loaded | the slots are loaded later | [`virt_rmb`](crate::barrier::virt_rmb) |
//! | between storing a producer index and loading the peer's event index | a store before a load | [`virt_mb`](crate::barrier::virt_mb) |
//! | between storing an event index and loading the peer's producer index | a store before a load | [`virt_mb`](crate::barrier::virt_mb) |
//!
//! C's macros leave the second to whoever uses them; here it is in the ring. Nothing stronger is
//! used, and a model in which any of them is missing fails.
//!
//! Header: `xen/include/public/io/ring.h`.

mod back;
pub mod bytes;
pub mod console;
mod copy;
mod error;
pub mod events;
pub mod flex;
mod front;
pub mod kinds;
mod memory;
mod message;
mod shared;
#[cfg(test)]
mod tests;
mod types;
#[cfg(target_has_atomic = "8")]
pub mod vchan;
pub mod xenstore;

pub use back::{BackRing, Requests};
pub use error::{AttachError, AttachReason, Corrupt, PutError};
pub use front::{FrontRing, Responses};
#[cfg(target_has_atomic = "8")]
pub use memory::SharedBits;
pub use memory::{Mapping, Misaligned, SharedMemory};
pub use message::{Field, Message};
pub(crate) use shared::Slot;
pub use types::{
    AnyBytes, ExtraRequest, ExtraResponse, HEADER_BYTES, Plain, RingTypes, const_ring_size, rd32,
    slot_bytes, word_bytes,
};

#[doc(inline)]
pub use crate::__xen_abi_ring_field as field;

/// Whether the other end wants an event for what was just pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "an end that waits for an event sleeps until it comes"]
pub enum Notify {
    /// It waits: send one.
    Needed,
    /// It is awake, or waits for more than this: an event would be wasted.
    Suppressed,
}

impl Notify {
    /// Whether an event must be sent.
    #[inline]
    pub fn is_needed(self) -> bool {
        self == Self::Needed
    }
}

/// Whether the index `event` was passed by the step of a producer index from `old` to `new`.
#[inline]
fn passed(old: u32, new: u32, event: u32) -> Notify {
    if new.wrapping_sub(event) < new.wrapping_sub(old) {
        Notify::Needed
    } else {
        Notify::Suppressed
    }
}
