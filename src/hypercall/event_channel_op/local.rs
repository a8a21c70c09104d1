//! Unmasking by the guest's own hand, for releases without `EVTCHNOP_unmask`.
//!
//! A mask bit stands in the shared page, and the guest may clear it as well as Xen. What Xen does
//! beside that is to look for an event that the mask held back, and to announce it to the processor of
//! the port. The guest can do this for the processor that it runs on, and no other.

use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// The words that one port and one processor have in the memory shared with Xen
/// (`xen/include/public/xen.h`), for the ABI of two levels on x86.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// `shared_info.evtchn_pending[port / usize::BITS]`.
    pub pending: &'a AtomicUsize,
    /// `shared_info.evtchn_mask[port / usize::BITS]`.
    pub mask: &'a AtomicUsize,
    /// `vcpu_info.evtchn_pending_sel` of the processor that runs this.
    pub selector: &'a AtomicUsize,
    /// `vcpu_info.evtchn_upcall_pending` of the processor that runs this.
    pub upcall_pending: &'a AtomicU8,
}

/// Clears the mask bit of `port`. Returns whether an event had been held back and is announced now as
/// Xen would have done it: the caller looks after its events before it lets upcalls in again, since no
/// upcall comes for it.
///
/// `port` is one that is bound to the processor that runs this, which does not let go of it meanwhile.
/// Nothing bad comes of another one, but its event may be seen late.
#[must_use = "an event that was held back has no upcall of its own"]
pub fn unmask(words: Words<'_>, port: u32) -> bool {
    let bit = port % usize::BITS;
    // As Xen: the mask goes first, so that an event that comes from here on is announced by its sender,
    // and one that came before is found below.
    words.mask.fetch_and(!(1 << bit), Ordering::SeqCst);
    if words.pending.load(Ordering::SeqCst) & (1 << bit) == 0 {
        return false;
    }
    let word = port / usize::BITS;
    let before = words
        .selector
        .fetch_or(1 << (word % usize::BITS), Ordering::SeqCst);
    if before & (1 << (word % usize::BITS)) == 0 {
        words.upcall_pending.store(1, Ordering::SeqCst);
    }
    true
}
