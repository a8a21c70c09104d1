//! `HYPERVISOR_nmi_op`: the handler of non-maskable interrupts of a PV guest
//! (`xen/include/public/nmi.h`).
//!
//! [`callback_op`](super::callback_op) does the same from Xen 3.0.3 on, and comes back to this where it is
//! missing.
#![allow(unsafe_code)]

use xen_public::native::nmi::xennmi_callback;

use super::xen::only_zero;
use super::{Conduit, Result, Xen};
use crate::version::Operation;

/// Tells Xen where to enter this guest for an NMI, on the processor that calls
/// (`XENNMI_register_callback`).
///
/// PV domains may; before Xen 4.2 domain 0 alone, on its first processor. Header:
/// `xen/include/public/nmi.h`.
#[doc = gate_row!(XENNMI_register_callback)]
///
/// # Errors
///
/// [`Error::Refused`](super::Error::Refused) with EINVAL for an address that no code can have, or a caller
/// that may not; [`Error::Unsupported`](super::Error::Unsupported).
///
/// # Safety
///
/// From this call on Xen enters the kernel at `address`, at any time, in the kernel's flat code segment:
/// code stands there that is made for it.
#[doc(alias = "XENNMI_register_callback")]
#[doc(alias = "xennmi_callback")]
pub unsafe fn register_callback(xen: &Xen<impl Conduit>, address: usize) -> Result<()> {
    let mut argument = xennmi_callback::ZERO;
    argument.handler_address = address as _;
    // SAFETY: the call reads one `xennmi_callback`; the code at the address is what the caller vouches for.
    unsafe { xen.call_with(Operation::XENNMI_register_callback, &mut argument) }
}

/// Takes the handler of NMIs back (`XENNMI_unregister_callback`).
///
/// PV domains may. Header: `xen/include/public/nmi.h`.
#[doc = gate_row!(XENNMI_unregister_callback)]
///
/// # Errors
///
/// [`Error::Unsupported`](super::Error::Unsupported); no Xen is known to refuse.
#[doc(alias = "XENNMI_unregister_callback")]
pub fn unregister_callback(xen: &Xen<impl Conduit>) -> Result<()> {
    let operation = Operation::XENNMI_unregister_callback;
    // SAFETY: the call uses no memory.
    let answer = unsafe { xen.call(operation, [0; 4]) }?;
    only_zero(operation, answer)
}
