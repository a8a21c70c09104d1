//! Maps of memory: what a domain was given, and what the machine has.

use xen_public::native::memory::{xen_foreign_memory_map, xen_memory_map};
use xen_public::xen::DomId;

use super::super::native::{Handle, count};
use super::zero;
use crate::hypercall::{Conduit, Error, Result, Xen};
use crate::version::Operation;

/// What a range of memory is: the types of the BIOS call `INT 0x15, EAX=0xE820` (ACPI, "System Address
/// Map Interfaces"). Other numbers are kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(transparent)]
pub struct E820Type(pub u32);

impl E820Type {
    /// Memory to use.
    pub const RAM: Self = Self(1);
    /// Not to be used.
    pub const RESERVED: Self = Self(2);
    /// ACPI tables: memory to use once they were read.
    pub const ACPI: Self = Self(3);
    /// Memory that the firmware needs across sleep.
    pub const NVS: Self = Self(4);
    /// Memory with errors.
    pub const UNUSABLE: Self = Self(5);
}

/// A range of memory, in the 20 bytes that the BIOS call has for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C, packed(4))]
pub struct E820Entry {
    /// The address of the first byte.
    pub start: u64,
    /// The number of bytes.
    pub size: u64,
    /// What it is.
    pub kind: E820Type,
}

const _: () = assert!(size_of::<E820Entry>() == 20);

impl E820Entry {
    /// An entry that Xen has not filled.
    pub const EMPTY: Self = Self {
        start: 0,
        size: 0,
        kind: E820Type(0),
    };
}

fn argument(call: &'static str, address: usize, length: usize) -> Result<xen_memory_map> {
    Ok(xen_memory_map {
        nr_entries: count(call, length)?,
        buffer: Handle::of(address),
        ..xen_memory_map::ZERO
    })
}

fn fetch(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    entries: &mut [E820Entry],
) -> Result<usize> {
    let call = operation.name();
    let address = entries.as_mut_ptr().expose_provenance();
    let mut argument = argument(call, address, entries.len())?;
    // SAFETY: the call reads the structure and writes no more entries than there is room for, and their
    // number.
    unsafe { zero(xen, operation, &mut argument) }?;
    let written = argument.nr_entries as usize;
    if written > entries.len() {
        return Err(Error::Nonsense {
            call,
            answer: written as isize,
        });
    }
    Ok(written)
}

/// The map of the calling domain's memory, as the toolstack made it (`XENMEM_memory_map`).
///
/// The result is how many entries were written, in the order of the toolstack. If that is all there is
/// room for, there may be more: ask again with more room (128 is what Xen takes at most). Header:
/// `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_memory_map)]
///
/// # Errors
///
/// [`Error::Unsupported`] also for a domain that no map was made for, as most PV domains, domain 0 among
/// them: its memory is `start_info.nr_pages` from 0 on. [`Error::Nonsense`] if Xen claims to have written
/// more than there is room for.
#[doc(alias = "XENMEM_memory_map")]
#[doc(alias = "xen_memory_map")]
pub fn memory_map(xen: &Xen<impl Conduit>, entries: &mut [E820Entry]) -> Result<usize> {
    fetch(xen, Operation::XENMEM_memory_map, entries)
}

/// The map of the machine's memory (`XENMEM_machine_memory_map`), for the hardware domain.
///
/// It needs more room than it fills: ask [`machine_memory_map_size`], or offer 128 entries and more.
/// Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_machine_memory_map)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM for other domains, with EINVAL for too little room;
/// [`Error::Unsupported`], as for PVH before Xen 4.19; [`Error::Nonsense`] as [`memory_map`].
#[doc(alias = "XENMEM_machine_memory_map")]
pub fn machine_memory_map(xen: &Xen<impl Conduit>, entries: &mut [E820Entry]) -> Result<usize> {
    fetch(xen, Operation::XENMEM_machine_memory_map, entries)
}

/// How many entries the machine's map has (`XENMEM_machine_memory_map` without a buffer). Offer one more
/// than this. Header: `xen/include/public/memory.h`.
///
/// # Errors
///
/// As [`machine_memory_map`]. Releases that know no question without a buffer refuse with EINVAL or
/// EFAULT.
pub fn machine_memory_map_size(xen: &Xen<impl Conduit>) -> Result<u32> {
    let mut argument = xen_memory_map::ZERO;
    let operation = Operation::XENMEM_machine_memory_map;
    // SAFETY: the call reads the structure, which names no buffer, and writes a number in it.
    unsafe { zero(xen, operation, &mut argument) }?;
    Ok(argument.nr_entries)
}

/// Makes the map that a domain finds by [`memory_map`] (`XENMEM_set_memory_map`), for the domain that
/// builds it. Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_set_memory_map)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM, ESRCH, EINVAL for more entries than Xen keeps (128).
#[doc(alias = "XENMEM_set_memory_map")]
#[doc(alias = "xen_foreign_memory_map")]
pub fn set_memory_map(xen: &Xen<impl Conduit>, domain: DomId, entries: &[E820Entry]) -> Result<()> {
    let operation = Operation::XENMEM_set_memory_map;
    let address = entries.as_ptr().expose_provenance();
    let mut argument = xen_foreign_memory_map {
        domid: domain.get(),
        map: argument(operation.name(), address, entries.len())?,
        ..xen_foreign_memory_map::ZERO
    };
    // SAFETY: the call reads the structure and the entries, and changes what another call will answer.
    unsafe { zero(xen, operation, &mut argument) }
}
