//! `HYPERVISOR_physdev_op`: a guest's dealings with real interrupts, ports and PCI devices
//! (`xen/include/public/physdev.h`).
//!
//! A *pirq* is a real interrupt as a domain sees it: [`map_pirq`] gives it a number, an event
//! channel is bound to that, and [`eoi`] says that one was served. Most of the rest is for the
//! domain that owns the hardware: it tells Xen which PCI devices there are ([`pci_device_add`]),
//! how lines are wired ([`setup_gsi`]), and lets its programs at ports ([`set_iopl`]).
//!
//! The hypercall has had this number since Xen 3.0.3. Where it is not offered to a PV guest the
//! first sub-ops go by the older one (`__HYPERVISOR_physdev_op_compat`), with sub-op and argument
//! in one structure. An HVM guest has a few sub-ops, if it was made with pirqs; an ARM domain 0
//! those that announce PCI devices.
#![allow(unsafe_code)]

mod interrupt;
mod line;
mod pci;

pub use interrupt::{
    EoiMap, IrqStatus, MappedPirq, Pirq, PirqChoice, PirqKind, Source, eoi, get_free_pirq,
    irq_status_query, irq_unmask_notify, map_multi_msi, map_pirq, pirq_eoi_gmfn, unmap_pirq,
};
pub use line::{
    Polarity, Trigger, alloc_irq_vector, apic_read, apic_write, free_irq_vector, setup_gsi,
};
pub use pci::{
    DbgpBus, DbgpReset, PciDevice, PciFunction, Reset, dbgp_op, pci_device_add, pci_device_remove,
    pci_device_reset, pci_mmcfg_reserved, prepare_msix, release_msix, restore_msi,
};

use xen_public::native::physdev::{
    physdev_op, physdev_op_u, physdev_set_iobitmap, physdev_set_iopl,
};

use super::error::checked;
use super::native::Handle;
use super::{Conduit, Errno, Error, Result, Xen};
use crate::version::Operation;

/// Makes a call that the older hypercall knows too: by that one where the newer is not offered.
///
/// # Safety
///
/// `T` is the structure of the sub-op, one of those in `physdev_op`, for which all bytes are
/// valid; and as for [`Conduit::hypercall`].
#[inline]
unsafe fn operate<T: Copy>(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    argument: &mut T,
) -> Result<()> {
    // SAFETY: the caller keeps the contract of this call.
    match unsafe { xen.call_with(operation, argument) } {
        Err(error @ Error::Unsupported(_)) => {
            // SAFETY: the caller keeps the contract of this call, which is the same by another number.
            unsafe { compat(xen, operation, argument, error) }
        }
        result => result,
    }
}

/// Makes a call by the older hypercall, or returns `missing` where that is no way either.
///
/// # Safety
///
/// As for [`operate`].
#[cold]
#[inline(never)]
unsafe fn compat<T: Copy>(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    argument: &mut T,
    missing: Error,
) -> Result<()> {
    const { assert!(size_of::<T>() <= size_of::<physdev_op_u>()) };
    let older = Operation::__HYPERVISOR_physdev_op_compat;
    if xen.can(older).is_err() {
        return Err(missing);
    }
    let mut call = physdev_op {
        cmd: operation.number(),
        ..physdev_op::ZERO
    };
    let place = (&raw mut call.u).cast::<T>();
    // SAFETY: the union begins with each of its fields and is as long and as aligned as the longest.
    unsafe { place.write(*argument) };
    let address = (&raw mut call).expose_provenance();
    // SAFETY: the call reads the structure and may write the argument in it; for what it does
    // besides the caller vouches.
    let answer = unsafe { xen.hypercall(older.hypercall(), [address, 0, 0, 0, 0]) };
    // The answer is a C `int`.
    let answer = answer as i32 as isize;
    match checked(operation.name(), answer) {
        Ok(0) => {
            // SAFETY: written above, and all bytes are valid for it.
            *argument = unsafe { place.read() };
            Ok(())
        }
        Ok(_) => Err(Error::Nonsense {
            call: operation.name(),
            answer,
        }),
        Err(Error::Refused { errno, .. }) if errno == Errno::ENOSYS => Err(missing),
        Err(error) => Err(error),
    }
}

/// The error for an argument that the sub-op can't have.
fn wrong(operation: Operation, argument: &'static str, value: u64) -> Error {
    Error::Argument {
        call: operation.name(),
        argument,
        value,
    }
}

/// Sets the privilege, 0 to 3, up to which this processor's programs may use all ports
/// (`PHYSDEVOP_set_iopl`): below 3 it is the kernel only, and 0 means what 1 does on x86_64.
///
/// For any PV guest; ports that the domain was not given stay closed. From Xen 4.7 on a guest may
/// take the level from the processor's flags instead (`VMASST_TYPE_architectural_iopl`). Header:
/// `xen/include/public/physdev.h`.
#[doc = gate_row!(PHYSDEVOP_set_iopl)]
///
/// # Errors
///
/// [`Error::Argument`] for a level above 3.
///
/// # Safety
///
/// Whoever gets at the ports makes no device write to memory that is somebody else's.
#[doc(alias = "PHYSDEVOP_set_iopl")]
#[doc(alias = "PHYSDEVOP_SET_IOPL")]
#[doc(alias = "physdev_set_iopl")]
pub unsafe fn set_iopl(xen: &Xen<impl Conduit>, level: u32) -> Result<()> {
    let operation = Operation::PHYSDEVOP_set_iopl;
    if level > 3 {
        return Err(wrong(operation, "iopl", level.into()));
    }
    let mut argument = physdev_set_iopl { iopl: level };
    // SAFETY: the sub-op's structure, which Xen reads; the caller vouches for the ports.
    unsafe { operate(xen, operation, &mut argument) }
}

/// Sets which ports this processor's programs may use where their privilege does not open all
/// (`PHYSDEVOP_set_iobitmap`): a clear bit for each port below `ports` that is open, the lowest
/// first. None of the others is.
///
/// For any PV guest; ports that the domain was not given stay closed. Header:
/// `xen/include/public/physdev.h`.
#[doc = gate_row!(PHYSDEVOP_set_iobitmap)]
///
/// # Errors
///
/// [`Error::Argument`] for more than 65536 ports; [`Error::Refused`] with EINVAL for an address
/// that can't be the guest's.
///
/// # Safety
///
/// Xen keeps the address and reads there whenever a program uses a port, two bytes at a time: up to
/// one byte beyond the bits. The memory stays as it is until another bitmap takes its place on this
/// processor. And as for [`set_iopl`].
#[doc(alias = "PHYSDEVOP_set_iobitmap")]
#[doc(alias = "PHYSDEVOP_SET_IOBITMAP")]
#[doc(alias = "physdev_set_iobitmap")]
pub unsafe fn set_iobitmap(xen: &Xen<impl Conduit>, bitmap: *const u8, ports: u32) -> Result<()> {
    let operation = Operation::PHYSDEVOP_set_iobitmap;
    if ports > 0x1_0000 {
        return Err(wrong(operation, "nr_ports", ports.into()));
    }
    let mut argument = physdev_set_iobitmap {
        bitmap: Handle::of(bitmap.expose_provenance()),
        nr_ports: ports,
        ..physdev_set_iobitmap::ZERO
    };
    // SAFETY: the sub-op's structure, which Xen reads; the caller vouches for the bitmap and the ports.
    unsafe { operate(xen, operation, &mut argument) }
}

#[cfg(test)]
mod tests;
