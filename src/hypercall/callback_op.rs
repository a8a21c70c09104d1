//! `HYPERVISOR_callback_op`: where Xen enters a PV guest (`xen/include/public/callback.h`).
//!
//! Each kind of entry is [registered](register) by itself, for the processor that calls. Xen before 3.0.3
//! does not have the hypercall: NMIs then go by [`nmi_op`], and the others all at once by
//! [`set_callbacks`], which is why [`register_entries`] takes all that a kernel needs.
#![allow(unsafe_code)]

use xen_public::native::callback::{CALLBACKF_mask_events, callback_register, callback_unregister};

use super::set_callbacks::Callbacks;
use super::{Conduit, Errno, Error, Result, Xen, nmi_op, set_callbacks};
use crate::version::Operation;

#[cfg(test)]
mod tests;

/// A place in a PV guest's kernel that Xen enters.
#[doc(alias = "xen_callback_t")]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Entry {
    /// The code segment's selector. In 64-bit mode it is Xen's.
    #[cfg(target_arch = "x86")]
    pub selector: u16,
    /// The virtual address.
    pub address: usize,
}

/// A kind of entry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Callback {
    /// An event.
    #[doc(alias = "CALLBACKTYPE_event")]
    Event,
    /// A return to the guest that faulted.
    #[doc(alias = "CALLBACKTYPE_failsafe")]
    Failsafe,
    /// `syscall` in 64-bit user mode.
    #[doc(alias = "CALLBACKTYPE_syscall")]
    Syscall,
    /// `sysenter` in 32-bit user mode, on processors of Intel. To a 32-bit Xen this has another number,
    /// which is taken where the table says so.
    #[doc(alias = "CALLBACKTYPE_sysenter")]
    #[doc(alias = "CALLBACKTYPE_sysenter_deprecated")]
    Sysenter,
    /// A non-maskable interrupt.
    #[doc(alias = "CALLBACKTYPE_nmi")]
    Nmi,
    /// `syscall` in 32-bit user mode, on processors of AMD.
    #[doc(alias = "CALLBACKTYPE_syscall32")]
    Syscall32,
}

impl Callback {
    /// The row of the table that tells which Xen has it.
    pub const fn operation(self) -> Operation {
        match self {
            Self::Event => Operation::CALLBACKTYPE_event,
            Self::Failsafe => Operation::CALLBACKTYPE_failsafe,
            Self::Syscall => Operation::CALLBACKTYPE_syscall,
            Self::Sysenter => Operation::CALLBACKTYPE_sysenter,
            Self::Nmi => Operation::CALLBACKTYPE_nmi,
            Self::Syscall32 => Operation::CALLBACKTYPE_syscall32,
        }
    }

    /// The row that a Xen goes by: its own, or that of the older number where only this is offered.
    fn row(self, xen: &Xen<impl Conduit>) -> Result<Operation> {
        let operation = self.operation();
        let Err(unsupported) = xen.can(operation) else {
            return Ok(operation);
        };
        let older = Operation::CALLBACKTYPE_sysenter_deprecated;
        if self == Self::Sysenter && xen.can(older).is_ok() {
            Ok(older)
        } else {
            Err(unsupported.into())
        }
    }
}

/// What an error of a call about one kind of entry means: a kind that this Xen does not know is not there.
fn about(xen: &Xen<impl Conduit>, row: Operation, error: Error) -> Error {
    match error {
        Error::Refused { errno, .. } if errno == Errno::ENOSYS => {
            xen.refusal(row, Errno::ENOSYS.to_return() as isize)
        }
        error => error,
    }
}

/// Tells Xen where to enter this guest for one kind of entry, on the processor that calls
/// (`CALLBACKOP_register`). With `mask_events`, event upcalls are masked on entry, as they always are for
/// events and NMIs.
///
/// PV domains may. Where the hypercall is missing, NMIs go by [`nmi_op`]; the others can't go one by one:
/// see [`register_entries`]. Header: `xen/include/public/callback.h`.
#[doc = gate_row!(CALLBACKOP_register)]
///
/// # Errors
///
/// [`Error::Refused`] with EINVAL for an address that no code can have; [`Error::Unsupported`] for a kind
/// that this Xen does not know, or one without an older way.
///
/// # Safety
///
/// From this call on Xen enters the kernel at `entry`, with the stack that it has for the kernel and the
/// frame that the headers describe: code stands there that is made for it.
#[doc(alias = "CALLBACKOP_register")]
#[doc(alias = "callback_register")]
pub unsafe fn register(
    xen: &Xen<impl Conduit>,
    callback: Callback,
    entry: Entry,
    mask_events: bool,
) -> Result<()> {
    // SAFETY: the caller vouches for the entry.
    match unsafe { register_directly(xen, callback, entry, mask_events) } {
        Err(unsupported @ Error::Unsupported(_)) if callback == Callback::Nmi => {
            // SAFETY: the caller vouches for the entry.
            match unsafe { nmi_op::register_callback(xen, entry.address) } {
                Err(Error::Unsupported(_)) => Err(unsupported),
                answer => answer,
            }
        }
        answer => answer,
    }
}

/// Registers without an older way.
///
/// # Safety
///
/// As for [`register`].
unsafe fn register_directly(
    xen: &Xen<impl Conduit>,
    callback: Callback,
    entry: Entry,
    mask_events: bool,
) -> Result<()> {
    let operation = Operation::CALLBACKOP_register;
    xen.can(operation)?;
    let row = callback.row(xen)?;
    let mut argument = callback_register::ZERO;
    argument.r#type = row.number() as u16;
    argument.flags = if mask_events {
        CALLBACKF_mask_events as u16
    } else {
        0
    };
    #[cfg(target_arch = "x86_64")]
    {
        argument.address = entry.address as u64;
    }
    #[cfg(target_arch = "x86")]
    {
        argument.address.cs = entry.selector.into();
        argument.address.eip = entry.address as u32;
    }
    // SAFETY: the call reads one `callback_register`; the code at the address is what the caller vouches
    // for.
    unsafe { xen.call_with(operation, &mut argument) }.map_err(|error| about(xen, row, error))
}

/// Tells Xen the entries that every kernel needs, one by one, or by [`set_callbacks`] where this Xen has
/// nothing newer. Event upcalls are masked on entry for events, and for the others not.
///
/// PV domains may.
///
/// # Errors
///
/// As [`register`]; the first error ends it. [`Error::Unsupported`] for other kinds of guest.
///
/// # Safety
///
/// As for [`register`], for each of them.
pub unsafe fn register_entries(xen: &Xen<impl Conduit>, callbacks: Callbacks) -> Result<()> {
    let each = [
        (Callback::Event, callbacks.event),
        (Callback::Failsafe, callbacks.failsafe),
        #[cfg(target_arch = "x86_64")]
        (Callback::Syscall, callbacks.syscall),
    ];
    for (callback, entry) in each {
        // SAFETY: the caller vouches for the entry.
        match unsafe { register_directly(xen, callback, entry, false) } {
            Ok(()) => {}
            Err(unsupported @ Error::Unsupported(_)) => {
                // SAFETY: the caller vouches for all of the entries.
                let answer = unsafe { set_callbacks::set(xen, callbacks) };
                return match answer {
                    Err(Error::Unsupported(_)) => Err(unsupported),
                    answer => answer,
                };
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Takes an entry back (`CALLBACKOP_unregister`), which Xen does for NMIs alone.
///
/// PV domains may. Where the hypercall is missing, NMIs go by [`nmi_op`]. Header:
/// `xen/include/public/callback.h`.
#[doc = gate_row!(CALLBACKOP_unregister)]
///
/// # Errors
///
/// [`Error::Refused`] with EINVAL for a kind that can't be taken back; [`Error::Unsupported`].
#[doc(alias = "CALLBACKOP_unregister")]
#[doc(alias = "callback_unregister")]
pub fn unregister(xen: &Xen<impl Conduit>, callback: Callback) -> Result<()> {
    let direct = || {
        let operation = Operation::CALLBACKOP_unregister;
        xen.can(operation)?;
        let row = callback.row(xen)?;
        let mut argument = callback_unregister {
            r#type: row.number() as u16,
            ..callback_unregister::ZERO
        };
        // SAFETY: the call reads one `callback_unregister` and changes no memory.
        unsafe { xen.call_with(operation, &mut argument) }.map_err(|error| about(xen, row, error))
    };
    match direct() {
        Err(unsupported @ Error::Unsupported(_)) if callback == Callback::Nmi => {
            match nmi_op::unregister_callback(xen) {
                Err(Error::Unsupported(_)) => Err(unsupported),
                answer => answer,
            }
        }
        answer => answer,
    }
}
