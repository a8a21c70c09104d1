//! `HYPERVISOR_set_callbacks`: where Xen enters a PV guest, all at once (`xen/include/public/xen.h`).
//!
//! The oldest way to say it, which every Xen still takes from PV guests.
//! [`callback_op`](super::callback_op) says it one by one, with more kinds, and comes back to this where it
//! is missing.
#![allow(unsafe_code)]

use super::callback_op::Entry;
use super::xen::only_zero;
use super::{Conduit, Result, Xen};
use crate::version::Operation;

/// The places of a PV guest's kernel that Xen enters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Callbacks {
    /// For an event.
    pub event: Entry,
    /// For a return to the guest that faulted.
    pub failsafe: Entry,
    /// For `syscall` in user mode.
    #[cfg(target_arch = "x86_64")]
    pub syscall: Entry,
}

impl Callbacks {
    /// As the arguments of the call.
    fn arguments(self) -> [usize; 5] {
        #[cfg(target_arch = "x86_64")]
        {
            [
                self.event.address,
                self.failsafe.address,
                self.syscall.address,
                0,
                0,
            ]
        }
        #[cfg(target_arch = "x86")]
        {
            [
                self.event.selector.into(),
                self.event.address,
                self.failsafe.selector.into(),
                self.failsafe.address,
                0,
            ]
        }
    }
}

/// Tells Xen where to enter this guest, on the processor that calls (`HYPERVISOR_set_callbacks`).
///
/// PV domains may. Xen says nothing of an address that it does not take. Header: `xen/include/public/xen.h`.
#[doc = gate_row!(__HYPERVISOR_set_callbacks)]
///
/// # Errors
///
/// [`Error::Unsupported`](super::Error::Unsupported) for other kinds of guest; no Xen is known to refuse.
///
/// # Safety
///
/// From this call on Xen enters the kernel at these places, with the stack that it has for the kernel and
/// the frame that the header describes: code stands there that is made for it.
#[doc(alias = "HYPERVISOR_set_callbacks")]
#[doc(alias = "__HYPERVISOR_set_callbacks")]
pub unsafe fn set(xen: &Xen<impl Conduit>, callbacks: Callbacks) -> Result<()> {
    let operation = Operation::__HYPERVISOR_set_callbacks;
    // SAFETY: the call takes addresses of code, which the caller vouches for, and uses no memory.
    let answer = unsafe { xen.call_plain(operation, callbacks.arguments()) }?;
    only_zero(operation, answer)
}
