//! Asking for sizes: of reservations, of the machine, of the machine-to-physical table, of nodes.

use xen_public::errno::Errno;
use xen_public::native::memory::{
    xen_machphys_mapping, xen_machphys_mfn_list, xen_memory_domain, xen_pod_target, xen_vmemrange,
    xen_vnuma_topology_info,
};
use xen_public::xen::DomId;

use super::super::native::{FrameWord, Handle, count, wide, writable};
use super::{long, zero};
use crate::hypercall::{Conduit, Error, Result, Xen};
use crate::version::Operation;

/// Asks something of one domain.
#[inline]
fn of_domain(xen: &Xen<impl Conduit>, operation: Operation, domain: DomId) -> Result<usize> {
    let mut argument = xen_memory_domain {
        domid: domain.get(),
    };
    // SAFETY: the call reads the structure and changes nothing.
    unsafe { long(xen, operation, &mut argument) }
}

/// How many pages a domain has (`XENMEM_current_reservation`). `domain` is [`DomId::SELF`] or one that
/// the caller controls. Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_current_reservation)]
///
/// # Errors
///
/// [`Error::Refused`] with ESRCH for a domain that is not there, with EPERM for one of others.
#[doc(alias = "XENMEM_current_reservation")]
pub fn current_reservation(xen: &Xen<impl Conduit>, domain: DomId) -> Result<usize> {
    of_domain(xen, Operation::XENMEM_current_reservation, domain)
}

/// How many pages a domain may have (`XENMEM_maximum_reservation`); a domain without a limit has the
/// largest number that the word or Xen's counter holds. Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_maximum_reservation)]
///
/// # Errors
///
/// As [`current_reservation`].
#[doc(alias = "XENMEM_maximum_reservation")]
pub fn maximum_reservation(xen: &Xen<impl Conduit>, domain: DomId) -> Result<usize> {
    of_domain(xen, Operation::XENMEM_maximum_reservation, domain)
}

/// The largest frame number that a domain uses (`XENMEM_maximum_gpfn`): on a translated guest the last
/// frame where anything stands. Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_maximum_gpfn)]
///
/// # Errors
///
/// As [`current_reservation`]; [`Error::Unsupported`] before Xen 3.1, where the nearest answer is
/// `current_reservation`, which counts pages and knows no holes.
#[doc(alias = "XENMEM_maximum_gpfn")]
pub fn maximum_gpfn(xen: &Xen<impl Conduit>, domain: DomId) -> Result<usize> {
    of_domain(xen, Operation::XENMEM_maximum_gpfn, domain)
}

/// One more than the largest frame number of the machine's memory (`XENMEM_maximum_ram_page`). Header:
/// `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_maximum_ram_page)]
///
/// # Errors
///
/// [`Error::Nonsense`]: Xen's header has none for this call.
#[doc(alias = "XENMEM_maximum_ram_page")]
pub fn maximum_ram_page(xen: &Xen<impl Conduit>) -> Result<usize> {
    // SAFETY: the call has no argument and changes nothing.
    unsafe { xen.call_long(Operation::XENMEM_maximum_ram_page, [0; 4]) }
}

fn mfn_list(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    frames: &mut [FrameWord],
) -> Result<usize> {
    let call = operation.name();
    let mut argument = xen_machphys_mfn_list {
        max_extents: count(call, frames.len())?,
        extent_start: writable(frames),
        ..xen_machphys_mfn_list::ZERO
    };
    // SAFETY: the call reads the structure and writes no more entries of `frames` than there are, and
    // their number.
    unsafe { zero(xen, operation, &mut argument) }?;
    let written = argument.nr_extents as usize;
    if written > frames.len() {
        return Err(Error::Nonsense {
            call,
            answer: written as isize,
        });
    }
    Ok(written)
}

/// The machine frames of the machine-to-physical table itself (`XENMEM_machphys_mfn_list`).
///
/// Each entry written is the first machine frame of 2 MiB of the table, or 0 for a hole in it; the
/// result is how many were written, less than there is room for if the table is smaller. For a
/// privileged domain that maps the table. Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_machphys_mfn_list)]
///
/// # Errors
///
/// [`Error::Refused`]; [`Error::Nonsense`] if Xen claims to have written more than there is room for.
#[doc(alias = "XENMEM_machphys_mfn_list")]
#[doc(alias = "xen_machphys_mfn_list")]
pub fn machphys_mfn_list(xen: &Xen<impl Conduit>, frames: &mut [FrameWord]) -> Result<usize> {
    mfn_list(xen, Operation::XENMEM_machphys_mfn_list, frames)
}

/// The same for the table that 32-bit PV guests see (`XENMEM_machphys_compat_mfn_list`). Header:
/// `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_machphys_compat_mfn_list)]
///
/// On x86_32 it means the same as [`machphys_mfn_list`], which takes its place before Xen 4.5; a 64-bit
/// domain can't get at that table there.
///
/// # Errors
///
/// As [`machphys_mfn_list`].
#[doc(alias = "XENMEM_machphys_compat_mfn_list")]
pub fn machphys_compat_mfn_list(
    xen: &Xen<impl Conduit>,
    frames: &mut [FrameWord],
) -> Result<usize> {
    match mfn_list(xen, Operation::XENMEM_machphys_compat_mfn_list, frames) {
        Err(Error::Unsupported(_)) if cfg!(target_arch = "x86") => machphys_mfn_list(xen, frames),
        answer => answer,
    }
}

/// Where the machine-to-physical table stands in a PV guest's address space.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[doc(alias = "xen_machphys_mapping")]
pub struct MachPhys {
    /// The address of its first byte.
    pub start: u64,
    /// The address after its last byte.
    pub end: u64,
    /// The largest machine frame number that it has room for.
    pub max_mfn: u64,
}

impl MachPhys {
    /// Where the ABI puts the table unless Xen says otherwise.
    #[doc(alias = "MACH2PHYS_VIRT_START")]
    #[doc(alias = "MACH2PHYS_VIRT_END")]
    #[doc(alias = "MACH2PHYS_NR_ENTRIES")]
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    pub const FIXED: Self = {
        #[cfg(target_arch = "x86")]
        use xen_public::abi::x86_32::arch_x86::xen_x86_32 as fixed;
        #[cfg(target_arch = "x86_64")]
        use xen_public::abi::x86_64::arch_x86::xen_x86_64 as fixed;
        let start = wide(fixed::__MACH2PHYS_VIRT_START);
        let end = wide(fixed::__MACH2PHYS_VIRT_END);
        Self {
            start,
            end,
            max_mfn: (end - start) / size_of::<FrameWord>() as u64 - 1,
        }
    };
}

/// Where a PV guest finds the machine-to-physical table (`XENMEM_machphys_mapping`). Header:
/// `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_machphys_mapping)]
///
/// Before Xen 3.0.3 it is always where the ABI puts it, and that is the answer for a PV guest. Other
/// guests have no such table.
///
/// # Errors
///
/// [`Error::Unsupported`] for translated guests; [`Error::Nonsense`] for a table that ends before it
/// starts or is smaller than `max_mfn` says.
#[doc(alias = "XENMEM_machphys_mapping")]
pub fn machphys_mapping(xen: &Xen<impl Conduit>) -> Result<MachPhys> {
    let operation = Operation::XENMEM_machphys_mapping;
    let mut argument = xen_machphys_mapping::ZERO;
    // SAFETY: the call writes the structure and changes nothing else.
    match unsafe { zero(xen, operation, &mut argument) } {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Err(Error::Unsupported(_)) if xen.guest() == crate::version::Guest::Pv => {
            return Ok(MachPhys::FIXED);
        }
        answer => answer?,
    }
    let found = MachPhys {
        start: wide(argument.v_start),
        end: wide(argument.v_end),
        max_mfn: wide(argument.max_mfn),
    };
    let room = found.end.checked_sub(found.start);
    let entries = room.map_or(0, |bytes| bytes / size_of::<FrameWord>() as u64);
    if found.max_mfn < entries {
        Ok(found)
    } else {
        Err(Error::Nonsense {
            call: operation.name(),
            answer: found.max_mfn as isize,
        })
    }
}

/// How much memory a populate-on-demand guest has and should have, in pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[doc(alias = "xen_pod_target")]
pub struct PodTarget {
    /// What the domain has, touched or not.
    pub tot_pages: u64,
    /// What stands ready to be put where the guest touches it.
    pub cache_pages: u64,
    /// The frames that the guest has not touched yet.
    pub entries: u64,
}

fn pod(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    domain: DomId,
    target: u64,
) -> Result<PodTarget> {
    let mut argument = xen_pod_target {
        target_pages: target,
        domid: domain.get(),
        ..xen_pod_target::ZERO
    };
    // SAFETY: the call reads and writes the structure. What changes is memory that a guest has not
    // touched yet.
    unsafe { zero(xen, operation, &mut argument) }?;
    Ok(PodTarget {
        tot_pages: argument.tot_pages,
        cache_pages: argument.pod_cache_pages,
        entries: argument.pod_entries,
    })
}

/// Sets how many pages a populate-on-demand guest should have (`XENMEM_set_pod_target`), and says what
/// it has then. For the domain that controls `domain`. Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_set_pod_target)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM, ESRCH, or ENOMEM where the target is out of reach.
#[doc(alias = "XENMEM_set_pod_target")]
pub fn set_pod_target(xen: &Xen<impl Conduit>, domain: DomId, pages: u64) -> Result<PodTarget> {
    pod(xen, Operation::XENMEM_set_pod_target, domain, pages)
}

/// What a populate-on-demand guest has (`XENMEM_get_pod_target`). For the domain that controls
/// `domain`. Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_get_pod_target)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM or ESRCH.
#[doc(alias = "XENMEM_get_pod_target")]
pub fn get_pod_target(xen: &Xen<impl Conduit>, domain: DomId) -> Result<PodTarget> {
    pod(xen, Operation::XENMEM_get_pod_target, domain, 0)
}

/// How much room a domain's virtual NUMA topology takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VnumaSizes {
    /// The number of nodes; the distances are its square.
    pub nodes: u32,
    /// The number of virtual processors.
    pub vcpus: u32,
    /// The number of ranges of memory.
    pub ranges: u32,
}

/// What [`get_vnumainfo`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Vnuma {
    /// The lists are filled, each up to this length.
    Filled(VnumaSizes),
    /// Nothing was written, since a list is too short: this much room is needed.
    TooSmall(VnumaSizes),
    /// The domain has no virtual nodes: all its memory and processors are one node.
    OneNode,
}

/// Asks for a domain's virtual NUMA topology (`XENMEM_get_vnumainfo`).
///
/// Xen fills `distances` (nodes times nodes, row by row), the node of each virtual processor, and the
/// ranges of memory (pseudo-physical addresses, the end not included, with the node of each). `domain`
/// is [`DomId::SELF`] or one that the caller controls. Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_get_vnumainfo)]
///
/// Before Xen 4.5 no domain has virtual nodes, which is the answer then.
///
/// # Errors
///
/// [`Error::Refused`] with EAGAIN while the topology is being changed, with EPERM or ESRCH;
/// [`Error::Nonsense`] if Xen claims to have written more than there is room for.
#[doc(alias = "XENMEM_get_vnumainfo")]
#[doc(alias = "xen_vnuma_topology_info")]
pub fn get_vnumainfo(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    distances: &mut [u32],
    vcpu_to_vnode: &mut [u32],
    ranges: &mut [xen_vmemrange],
) -> Result<Vnuma> {
    let operation = Operation::XENMEM_get_vnumainfo;
    let call = operation.name();
    let room = VnumaSizes {
        nodes: count(call, distances.len().isqrt())?,
        vcpus: count(call, vcpu_to_vnode.len())?,
        ranges: count(call, ranges.len())?,
    };
    let mut argument = xen_vnuma_topology_info {
        domid: domain.get(),
        nr_vnodes: room.nodes,
        nr_vcpus: room.vcpus,
        nr_vmemranges: room.ranges,
        ..xen_vnuma_topology_info::ZERO
    };
    argument.vdistance.h = writable(distances);
    argument.vcpu_to_vnode.h = writable(vcpu_to_vnode);
    argument.vmemrange.h = Handle::of(ranges.as_mut_ptr().expose_provenance());
    // SAFETY: the call reads and writes the structure and fills the lists up to the lengths in it.
    let answer = unsafe { zero(xen, operation, &mut argument) };
    let found = VnumaSizes {
        nodes: argument.nr_vnodes,
        vcpus: argument.nr_vcpus,
        ranges: argument.nr_vmemranges,
    };
    let fits =
        found.nodes <= room.nodes && found.vcpus <= room.vcpus && found.ranges <= room.ranges;
    match answer {
        Ok(()) if fits => Ok(Vnuma::Filled(found)),
        Err(Error::Refused { errno, .. }) if errno == Errno::ENOBUFS && !fits => {
            Ok(Vnuma::TooSmall(found))
        }
        Ok(()) => Err(Error::Nonsense {
            call,
            answer: found.nodes as isize,
        }),
        // The call is there, and the domain has none.
        Err(Error::Refused { errno, .. }) if errno == Errno::EOPNOTSUPP => Ok(Vnuma::OneNode),
        Err(Error::Unsupported(_)) => Ok(Vnuma::OneNode),
        Err(error) => Err(error),
    }
}
