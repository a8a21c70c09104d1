//! `HYPERVISOR_set_trap_table`: a PV guest's handlers of exceptions and software interrupts
//! (`xen/include/public/arch-x86/xen.h`).
//!
//! A PV guest has no interrupt descriptor table: it gives Xen a list of [`TrapInfo`]s that ends
//! with [`TrapInfo::END`], by [`set`]. Each entry replaces its vector's handler on the processor
//! that makes the call, and the others stay. [`clear`] takes all handlers away.
#![allow(unsafe_code)]

use xen_public::arch_x86::xen::{ti_set_dpl, ti_set_if};
use xen_public::native::arch_x86::xen::trap_info;

use super::xen::only_zero;
use super::{Conduit, Error, Result, Xen};
use crate::version::Operation;

const OPERATION: Operation = Operation::__HYPERVISOR_set_trap_table;

/// A handler, as Xen reads it.
#[doc(alias = "trap_info")]
#[doc(alias = "trap_info_t")]
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct TrapInfo(trap_info);

impl TrapInfo {
    /// What a list ends with: an entry without an address.
    pub const END: Self = Self(trap_info::ZERO);

    /// The handler of a vector: the code at `address` in the segment `selector`. `privilege` (0 to
    /// 3) is the lowest privilege that may call it by a software interrupt, 0 for nobody, 3 for
    /// user mode. With `mask_events` Xen masks events when it enters the handler.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] for an address 0, which would end the list, and a privilege above 3.
    pub fn new(
        vector: u8,
        privilege: u8,
        mask_events: bool,
        selector: u16,
        address: usize,
    ) -> Result<Self> {
        let wrong = |argument, value| {
            Err(Error::Argument {
                call: OPERATION.name(),
                argument,
                value,
            })
        };
        if address == 0 {
            return wrong("address", 0);
        }
        if privilege > 3 {
            return wrong("flags", privilege.into());
        }
        Ok(Self(trap_info {
            vector,
            flags: ti_set_if(ti_set_dpl(0, privilege), mask_events),
            cs: selector,
            address: address as _,
            ..trap_info::ZERO
        }))
    }

    /// The vector.
    pub fn vector(&self) -> u8 {
        self.0.vector
    }

    /// The handler's address; 0 at the end of a list.
    pub fn address(&self) -> usize {
        self.0.address as usize
    }
}

impl core::fmt::Debug for TrapInfo {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let trap_info {
            vector, flags, cs, ..
        } = self.0;
        let address = self.address();
        write!(
            f,
            "TrapInfo({vector:#x}: {cs:#x}:{address:#x}, flags {flags:#x})"
        )
    }
}

/// Sets handlers on the processor that makes the call (`HYPERVISOR_set_trap_table`).
///
/// The list ends with [`TrapInfo::END`], and only there. For any PV guest. Header:
/// `xen/include/public/arch-x86/xen.h`.
#[doc = gate_row!(__HYPERVISOR_set_trap_table)]
///
/// # Errors
///
/// [`Error::Argument`] for a list whose end is missing or comes early: nothing is sent.
/// [`Error::Refused`] with EINVAL for an address that the processor can't have; entries before it
/// were taken.
///
/// # Safety
///
/// Each address is code that can be entered as a handler of its vector, on the kernel's stack, with
/// the frame that Xen leaves there.
#[doc(alias = "HYPERVISOR_set_trap_table")]
pub unsafe fn set(xen: &Xen<impl Conduit>, traps: &[TrapInfo]) -> Result<()> {
    // Xen reads on until it finds the end, whatever memory that is.
    let end = traps.iter().position(|trap| trap.address() == 0);
    if end.is_none() || end != traps.len().checked_sub(1) {
        return Err(Error::Argument {
            call: OPERATION.name(),
            argument: "traps",
            value: end.unwrap_or(traps.len()) as u64,
        });
    }
    // SAFETY: the call reads entries up to the one without an address, which is in `traps`; the caller
    // vouches for the handlers.
    unsafe { send(xen, traps.as_ptr().expose_provenance()) }
}

/// Takes all handlers of the processor that makes the call away. A trap without a handler ends the
/// domain.
///
/// For any PV guest. Header: `xen/include/public/arch-x86/xen.h`.
#[doc = gate_row!(__HYPERVISOR_set_trap_table)]
///
/// # Errors
///
/// [`Error::Unsupported`] for guests that are not PV.
#[doc(alias = "HYPERVISOR_set_trap_table")]
pub fn clear(xen: &Xen<impl Conduit>) -> Result<()> {
    // SAFETY: without a list the call reads no memory, and afterwards a trap is the end of the domain.
    unsafe { send(xen, 0) }
}

/// Makes the call.
///
/// # Safety
///
/// As for [`set`], for the list at the address; none at 0.
unsafe fn send(xen: &Xen<impl Conduit>, traps: usize) -> Result<()> {
    // SAFETY: the caller vouches for the list.
    let answer = unsafe { xen.call_plain(OPERATION, [traps, 0, 0, 0, 0]) }?;
    only_zero(OPERATION, answer)
}
