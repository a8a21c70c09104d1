//! `HYPERVISOR_memory_op`: the memory of domains (`xen/include/public/memory.h`).
//!
//! A domain has a *reservation*, a number of pages up to a maximum, and grows and shrinks it here:
//! [`increase_reservation`], [`decrease_reservation`], [`populate_physmap`], [`exchange`] and what
//! asks for the sizes. A translated guest (HVM, PVH, ARM) has a *physmap* as well, which says what
//! stands at each frame of its address space: [`add_to_physmap`] and its kin put things there, such as
//! grant tables and the shared info page. The maps of memory tell a kernel what it was given
//! ([`memory_map`]), the machine-to-physical table where a PV guest finds it
//! ([`machphys_mapping`]), and [`acquire_resource`] gets at what Xen keeps for another domain.
//! What only a toolstack does (sharing, paging, access, claims) comes with the feature `toolstack`.
//!
//! # Frames
//!
//! Lists of frames are slices of [`FrameWord`], which Xen reads and writes in place: 32 bits wide on
//! x86_32, 64 elsewhere. What a number counts differs by operation and kind of guest and is said at
//! each function: a [`Pfn`](xen_public::xen::Pfn) in the domain's own order, an
//! [`Mfn`](xen_public::xen::Mfn) of the machine, or a [`Gfn`](xen_public::xen::Gfn), which is the first
//! for a translated guest and the second for a PV guest.
//!
//! # Batches
//!
//! The reservation operations answer with a count, never with an error number, so a batch that Xen
//! broke off is [`Error::PartialBatch`](super::Error::PartialBatch) without a cause. The caller goes on
//! from there with `&mut frames[done..]`, or undoes the part before.
#![allow(unsafe_code)]

mod map;
mod physmap;
mod query;
mod reservation;
mod resource;
#[cfg(feature = "toolstack")]
mod sharing;
#[cfg(test)]
mod tests;
#[cfg(feature = "toolstack")]
mod toolstack;

pub use super::native::{FrameWord, LongWord};
pub use map::{
    E820Entry, E820Type, machine_memory_map, machine_memory_map_size, memory_map, set_memory_map,
};
pub use physmap::{
    Batch, GrantFrame, Mapped, Space, add_to_physmap, add_to_physmap_batch, add_to_physmap_range,
    remove_from_physmap,
};
pub use query::{
    MachPhys, PodTarget, Vnuma, VnumaSizes, current_reservation, get_pod_target, get_vnumainfo,
    machphys_compat_mfn_list, machphys_mapping, machphys_mfn_list, maximum_gpfn, maximum_ram_page,
    maximum_reservation, set_pod_target,
};
pub use reservation::{
    Extents, MemFlags, decrease_reservation, exchange, increase_reservation, populate_physmap,
};
pub use resource::{Acquired, Resource, acquire_resource, acquire_resource_size};

#[cfg(feature = "toolstack")]
pub use sharing::{
    Page, sharing_add_physmap, sharing_audit, sharing_debug, sharing_fork, sharing_fork_reset,
    sharing_nominate, sharing_range_share, sharing_share,
};
#[cfg(feature = "toolstack")]
pub use toolstack::{
    Access, Paging, PciFunction, ReservedMemory, claim_pages, get_access, get_sharing_freed_pages,
    get_sharing_shared_pages, paging_op, reserved_device_memory_map, set_access, set_access_multi,
};

use super::xen::only_zero;
use super::{Conduit, Result, Xen};
use crate::version::Operation;

/// Makes a memory operation with one structure, whose answer is a C `long`.
///
/// # Safety
///
/// As for [`Conduit::hypercall`]; the call reads and writes no more than `argument` at the address,
/// apart from what handles in it name.
#[inline]
unsafe fn long<T>(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    argument: &mut T,
) -> Result<usize> {
    let address = (&raw mut *argument).expose_provenance();
    // SAFETY: the caller keeps the contract of this call, and `argument` is borrowed for it.
    unsafe { xen.call_long(operation, [address, 0, 0, 0]) }
}

/// The same for an operation whose only success is 0.
///
/// # Safety
///
/// As for [`long`].
#[inline]
unsafe fn zero<T>(xen: &Xen<impl Conduit>, operation: Operation, argument: &mut T) -> Result<()> {
    // SAFETY: the caller keeps the contract of this call.
    let answer = unsafe { long(xen, operation, argument) }?;
    only_zero(operation, answer)
}
