//! `HYPERVISOR_set_debugreg` and `HYPERVISOR_get_debugreg`: the debug registers of a PV guest's
//! processor (`xen/include/public/xen.h`).
//!
//! Both are about the processor that makes the call.
#![allow(unsafe_code)]

use super::xen::only_zero;
use super::{Conduit, Result, Xen};
use crate::version::Operation;

/// A debug register. 4 and 5 are other names of 6 and 7 and, by the guest's choice, absent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum DebugRegister {
    /// The address of the first breakpoint.
    Dr0 = 0,
    /// The address of the second breakpoint.
    Dr1 = 1,
    /// The address of the third breakpoint.
    Dr2 = 2,
    /// The address of the fourth breakpoint.
    Dr3 = 3,
    /// What has happened.
    Dr6 = 6,
    /// What is to be looked for.
    Dr7 = 7,
}

/// Writes a debug register (`HYPERVISOR_set_debugreg`).
///
/// For any PV guest. Header: `xen/include/public/xen.h`.
#[doc = gate_row!(__HYPERVISOR_set_debugreg)]
///
/// # Errors
///
/// [`Error::Refused`](super::Error::Refused) with EPERM for a breakpoint in Xen's part of the
/// address space and for bits of the last register that a guest may not set, with EINVAL for bits
/// that are reserved.
#[doc(alias = "HYPERVISOR_set_debugreg")]
pub fn set(xen: &Xen<impl Conduit>, register: DebugRegister, value: usize) -> Result<()> {
    let operation = Operation::__HYPERVISOR_set_debugreg;
    // SAFETY: the call has no pointer, and a breakpoint does nothing but trap.
    let answer = unsafe { xen.call_plain(operation, [register as usize, value, 0, 0, 0]) }?;
    only_zero(operation, answer)
}

/// Reads a debug register (`HYPERVISOR_get_debugreg`).
///
/// The answer is the value itself, and a breakpoint in the last page of the address space looks
/// like an error. Xen has none for these registers but where the call is not there at all, which
/// the last register's value tells: it never looks like one.
///
/// For any PV guest. Header: `xen/include/public/xen.h`.
#[doc = gate_row!(__HYPERVISOR_get_debugreg)]
///
/// # Errors
///
/// [`Error::Unsupported`](super::Error::Unsupported) for guests that are not PV.
#[doc(alias = "HYPERVISOR_get_debugreg")]
pub fn get(xen: &Xen<impl Conduit>, register: DebugRegister) -> Result<usize> {
    let operation = Operation::__HYPERVISOR_get_debugreg;
    xen.can(operation)?;
    let read = |register: DebugRegister| {
        // SAFETY: the call has no pointer and changes nothing.
        unsafe { xen.hypercall(operation.hypercall(), [register as usize, 0, 0, 0, 0]) }
    };
    let is_error = |answer| (-4095..0).contains(&answer);
    let answer = read(register);
    if is_error(answer) && (register as u8 > 3 || is_error(read(DebugRegister::Dr7))) {
        return Err(xen.refusal(operation, answer));
    }
    Ok(answer as usize)
}
