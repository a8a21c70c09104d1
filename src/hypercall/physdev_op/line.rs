//! The lines of interrupt controllers: how they are wired, and which vectors they have.

use xen_public::native::physdev::{physdev_apic, physdev_irq, physdev_setup_gsi};

use super::{operate, wrong};
use crate::hypercall::{Conduit, Error, Result, Xen};
use crate::version::Operation;

/// Gives a line an interrupt vector (`PHYSDEVOP_alloc_irq_vector`), to be written to its interrupt
/// controller by [`apic_write`]. From Xen 3.3 on lines are mapped by [`map_pirq`](super::map_pirq),
/// and this does no more than return a number that [`apic_write`] takes for the vector.
///
/// For the domain that owns the hardware. Header: `xen/include/public/physdev.h`.
#[doc = gate_row!(PHYSDEVOP_alloc_irq_vector)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM for other domains, EINVAL for a line that is not there, ENOSPC
/// where no vector is free.
#[doc(alias = "PHYSDEVOP_alloc_irq_vector")]
#[doc(alias = "PHYSDEVOP_ASSIGN_VECTOR")]
#[doc(alias = "physdev_irq")]
pub fn alloc_irq_vector(xen: &Xen<impl Conduit>, line: u32) -> Result<u32> {
    let mut argument = physdev_irq {
        irq: line,
        vector: 0,
    };
    // SAFETY: the sub-op's structure, which the call reads and writes; it changes no memory.
    unsafe { operate(xen, Operation::PHYSDEVOP_alloc_irq_vector, &mut argument) }?;
    Ok(argument.vector)
}

/// Gives a line's vector back (`PHYSDEVOP_free_irq_vector`). Xen did nothing there before 4.2, and
/// has it no longer.
///
/// For the domain that owns the hardware. Header: `xen/include/public/physdev.h`.
#[doc = gate_row!(PHYSDEVOP_free_irq_vector)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM for other domains; [`Error::Unsupported`] from Xen 4.2 on.
#[doc(alias = "PHYSDEVOP_free_irq_vector")]
#[doc(alias = "PHYSDEVOP_FREE_VECTOR")]
pub fn free_irq_vector(xen: &Xen<impl Conduit>, line: u32, vector: u32) -> Result<()> {
    let mut argument = physdev_irq { irq: line, vector };
    // SAFETY: the call reads one `physdev_irq` and changes no memory.
    unsafe { xen.call_with(Operation::PHYSDEVOP_free_irq_vector, &mut argument) }
}

/// Reads a register of an interrupt controller (`PHYSDEVOP_apic_read`). `controller` is the address
/// of its registers in the machine's memory.
///
/// For the domain that owns the hardware. Header: `xen/include/public/physdev.h`.
#[doc = gate_row!(PHYSDEVOP_apic_read)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM for other domains, EINVAL for an address at which no controller
/// is.
#[doc(alias = "PHYSDEVOP_apic_read")]
#[doc(alias = "PHYSDEVOP_APIC_READ")]
#[doc(alias = "physdev_apic")]
pub fn apic_read(xen: &Xen<impl Conduit>, controller: usize, register: u32) -> Result<u32> {
    let mut argument = physdev_apic {
        apic_physbase: controller as _,
        reg: register,
        ..physdev_apic::ZERO
    };
    // SAFETY: the sub-op's structure, which the call reads and writes; it changes no memory.
    unsafe { operate(xen, Operation::PHYSDEVOP_apic_read, &mut argument) }?;
    Ok(argument.value)
}

/// Writes a register of an interrupt controller (`PHYSDEVOP_apic_write`). Xen takes what a guest
/// may decide, such as how a line is wired, and leaves the rest as it is.
///
/// For the domain that owns the hardware. Header: `xen/include/public/physdev.h`.
#[doc = gate_row!(PHYSDEVOP_apic_write)]
///
/// # Errors
///
/// As [`apic_read`], and EINVAL too for a value that does not fit what Xen knows of the line.
///
/// # Safety
///
/// The interrupts that come of it are expected.
#[doc(alias = "PHYSDEVOP_apic_write")]
#[doc(alias = "PHYSDEVOP_APIC_WRITE")]
#[doc(alias = "physdev_apic")]
pub unsafe fn apic_write(
    xen: &Xen<impl Conduit>,
    controller: usize,
    register: u32,
    value: u32,
) -> Result<()> {
    let mut argument = physdev_apic {
        apic_physbase: controller as _,
        reg: register,
        value,
    };
    // SAFETY: the sub-op's structure, which the call reads; the caller vouches for the interrupts.
    unsafe { operate(xen, Operation::PHYSDEVOP_apic_write, &mut argument) }
}

/// What of a line's level raises an interrupt.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Trigger {
    /// A change.
    Edge = 0,
    /// The level, for as long as it holds.
    Level = 1,
}

/// Which level of a line means an interrupt.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Polarity {
    /// The high one.
    High = 0,
    /// The low one.
    Low = 1,
}

/// Tells Xen how a line is wired, and lets it set up the interrupt controller
/// (`PHYSDEVOP_setup_gsi`).
///
/// Where Xen does not do that, the line is given a vector ([`alloc_irq_vector`]) and the answer has
/// it: the guest writes it, with the wiring, to the interrupt controller's entry for the line
/// ([`apic_write`]).
///
/// For the domain that owns the hardware. Header: `xen/include/public/physdev.h`.
#[doc = gate_row!(PHYSDEVOP_setup_gsi)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM for other domains, EINVAL for a line that is not there, EEXIST
/// where the line is set up; [`Error::Argument`] for a number of more than 31 bits.
#[doc(alias = "PHYSDEVOP_setup_gsi")]
#[doc(alias = "physdev_setup_gsi")]
#[must_use = "with a vector, the rest is left to do"]
pub fn setup_gsi(
    xen: &Xen<impl Conduit>,
    line: u32,
    trigger: Trigger,
    polarity: Polarity,
) -> Result<Option<u32>> {
    let operation = Operation::PHYSDEVOP_setup_gsi;
    let gsi = i32::try_from(line).map_err(|_| wrong(operation, "gsi", line.into()))?;
    let mut argument = physdev_setup_gsi {
        gsi,
        triggering: trigger as u8,
        polarity: polarity as u8,
        ..physdev_setup_gsi::ZERO
    };
    // SAFETY: the call reads one `physdev_setup_gsi` and changes no memory.
    let missing = match unsafe { xen.call_with(operation, &mut argument) } {
        Err(error @ Error::Unsupported(_)) => error,
        result => return result.map(|()| None),
    };
    match alloc_irq_vector(xen, line) {
        Err(Error::Unsupported(_)) => Err(missing),
        vector => vector.map(Some),
    }
}
