//! `HYPERVISOR_fpu_taskswitch`: whether a PV guest traps when it next uses the floating-point unit
//! (`xen/include/public/xen.h`).
//!
//! The bit TS of control register 0, by which a kernel changes the unit's registers only when they
//! are used.
#![allow(unsafe_code)]

use super::xen::only_zero;
use super::{Conduit, Result, Xen};
use crate::version::Operation;

/// Sets or clears the bit on the processor that makes the call (`HYPERVISOR_fpu_taskswitch`). While
/// it is set the next use of the unit, or of its vector registers, is trap 7. Xen clears it when it
/// delivers that trap.
///
/// For any PV guest. Header: `xen/include/public/xen.h`.
#[doc = gate_row!(__HYPERVISOR_fpu_taskswitch)]
///
/// # Errors
///
/// [`Error::Unsupported`](super::Error::Unsupported) for guests that are not PV.
///
/// # Safety
///
/// The registers hold the values of whoever uses them while the bit is clear, and there is a
/// handler of trap 7 that sees to that while it is set.
#[doc(alias = "HYPERVISOR_fpu_taskswitch")]
pub unsafe fn fpu_taskswitch(xen: &Xen<impl Conduit>, set: bool) -> Result<()> {
    let operation = Operation::__HYPERVISOR_fpu_taskswitch;
    // SAFETY: the call has no pointer; the caller vouches for the registers.
    let answer = unsafe { xen.call_plain(operation, [set.into(), 0, 0, 0, 0]) }?;
    only_zero(operation, answer)
}
