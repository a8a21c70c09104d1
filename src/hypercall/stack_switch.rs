//! `HYPERVISOR_stack_switch`: the stack on which a PV guest's kernel is entered from user mode
//! (`xen/include/public/xen.h`).
//!
//! It takes the place of the task state segment's stack pointer, and each processor has its own.
#![allow(unsafe_code)]

use super::xen::only_zero;
use super::{Conduit, Result, Xen};
use crate::version::Operation;

/// Sets the kernel's stack of the processor that makes the call: the selector of its segment, and
/// the address that it begins at and grows down from (`HYPERVISOR_stack_switch`).
///
/// For any PV guest. Header: `xen/include/public/xen.h`.
#[doc = gate_row!(__HYPERVISOR_stack_switch)]
///
/// # Errors
///
/// [`Error::Unsupported`](super::Error::Unsupported) for guests that are not PV. Xen takes any
/// stack, and ends the domain when it can't be used.
///
/// # Safety
///
/// The memory below the address is a stack that nothing else uses while the processor runs user
/// mode, and it is large enough for the kernel.
#[doc(alias = "HYPERVISOR_stack_switch")]
pub unsafe fn stack_switch(xen: &Xen<impl Conduit>, selector: u16, address: usize) -> Result<()> {
    let operation = Operation::__HYPERVISOR_stack_switch;
    // SAFETY: the call has no pointer that Xen follows now; the caller vouches for the stack.
    let answer = unsafe { xen.call_plain(operation, [selector.into(), address, 0, 0, 0]) }?;
    only_zero(operation, answer)
}
