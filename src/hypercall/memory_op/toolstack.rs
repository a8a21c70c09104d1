//! What only a toolstack, a pager or a monitor does with the memory of domains.
//!
//! The structures are those of the newest vendored release; their layout has been the same since Xen 4.2
//! (of what there was then). The numbering of accesses changed in 4.6, when `resume` left, as that of
//! sharing did: an older release is called by its own numbers.

use xen_public::errno::Errno;
use xen_public::native::memory::xen_memory_reservation;
use xen_public::xen::{DomId, Gfn};

use super::super::native::{count, long_word, readable, writable};
use super::zero;
use crate::hypercall::{Conduit, Error, Result, Xen};
use crate::version::{Operation, Release};

cfg_if::cfg_if! {
    if #[cfg(target_arch = "x86_64")] {
        pub(super) use xen_public::toolstack::v4_20::x86_64 as headers;
    } else if #[cfg(target_arch = "x86")] {
        pub(super) use xen_public::toolstack::v4_20::x86_32 as headers;
    } else if #[cfg(target_arch = "aarch64")] {
        pub(super) use xen_public::toolstack::v4_20::arm64 as headers;
    } else {
        pub(super) use xen_public::toolstack::v4_20::arm32 as headers;
    }
}
use headers::memory::{xen_mem_access_op, xen_mem_paging_op, xen_reserved_device_memory_map};

pub use headers::memory::xen_reserved_device_memory as ReservedMemory;

/// Names the sub-op in an error of the operation that it belongs to.
pub(super) fn named<T>(operation: Operation, answer: Result<T>) -> Result<T> {
    answer.map_err(|error| match error {
        Error::Refused { errno, .. } => Error::Refused {
            call: operation.name(),
            errno,
        },
        error => error,
    })
}

/// How many frames sharing has saved (`XENMEM_get_sharing_freed_pages`). Header:
/// `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_get_sharing_freed_pages)]
///
/// # Errors
///
/// [`Error::Unsupported`].
#[doc(alias = "XENMEM_get_sharing_freed_pages")]
pub fn get_sharing_freed_pages(xen: &Xen<impl Conduit>) -> Result<usize> {
    // SAFETY: the call has no argument and changes nothing.
    unsafe { xen.call_long(Operation::XENMEM_get_sharing_freed_pages, [0; 4]) }
}

/// How many frames are shared (`XENMEM_get_sharing_shared_pages`). Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_get_sharing_shared_pages)]
///
/// # Errors
///
/// [`Error::Unsupported`]: what sharing has [saved](get_sharing_freed_pages) is another number, so it does
/// not take its place.
#[doc(alias = "XENMEM_get_sharing_shared_pages")]
pub fn get_sharing_shared_pages(xen: &Xen<impl Conduit>) -> Result<usize> {
    // SAFETY: the call has no argument and changes nothing.
    unsafe { xen.call_long(Operation::XENMEM_get_sharing_shared_pages, [0; 4]) }
}

/// Claims memory for a domain that is being built (`XENMEM_claim_pages`): what others take does not go
/// below it. 0 ends the claim. `domain` is a number. Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_claim_pages)]
///
/// # Errors
///
/// [`Error::Refused`] with ENOMEM where there is not so much, EPERM, EINVAL; [`Error::Unsupported`], and
/// then a domain is built without a claim.
#[doc(alias = "XENMEM_claim_pages")]
pub fn claim_pages(xen: &Xen<impl Conduit>, domain: DomId, pages: u64) -> Result<()> {
    let operation = Operation::XENMEM_claim_pages;
    let mut argument = xen_memory_reservation {
        nr_extents: long_word(operation.name(), "nr_extents", pages)?,
        domid: domain.get(),
        ..xen_memory_reservation::ZERO
    };
    // SAFETY: the call reads the structure and takes no memory yet.
    unsafe { zero(xen, operation, &mut argument) }
}

/// A PCI function: segment, bus, and device with function.
pub type PciFunction = (u16, u8, u8);

/// Which frames devices need for themselves (`XENMEM_reserved_device_memory_map`): those of one PCI
/// function, or of all. Tells how many ranges were written, or, if there is too little room, how many
/// there are (more than `ranges` has). Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_reserved_device_memory_map)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM, EINVAL; [`Error::Nonsense`] if Xen claims to have written more than there
/// is room for; [`Error::Unsupported`].
#[doc(alias = "XENMEM_reserved_device_memory_map")]
#[doc(alias = "XENMEM_RDM_ALL")]
pub fn reserved_device_memory_map(
    xen: &Xen<impl Conduit>,
    device: Option<PciFunction>,
    ranges: &mut [ReservedMemory],
) -> Result<usize> {
    const ALL: u32 = headers::memory::XENMEM_RDM_ALL as u32;
    let operation = Operation::XENMEM_reserved_device_memory_map;
    let call = operation.name();
    let mut argument = xen_reserved_device_memory_map {
        flags: if device.is_some() { 0 } else { ALL },
        nr_entries: count(call, ranges.len())?,
        buffer: writable(ranges),
        ..xen_reserved_device_memory_map::ZERO
    };
    if let Some((segment, bus, devfn)) = device {
        argument.dev.pci.seg = segment;
        argument.dev.pci.bus = bus;
        argument.dev.pci.devfn = devfn;
    }
    // SAFETY: the call reads and writes the structure and writes no more ranges than there is room for.
    let answer = unsafe { zero(xen, operation, &mut argument) };
    let found = argument.nr_entries as usize;
    match answer {
        Ok(()) if found <= ranges.len() => Ok(found),
        Ok(()) => Err(Error::Nonsense {
            call,
            answer: found as isize,
        }),
        Err(Error::Refused { errno, .. })
            if found > ranges.len() && matches!(errno, Errno::ENOBUFS | Errno::ERANGE) =>
        {
            Ok(found)
        }
        Err(error) => Err(error),
    }
}

/// A step of paging out a page of a guest.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Paging<'a> {
    /// Choose the page (`XENMEM_paging_op_nominate`).
    #[doc(alias = "XENMEM_paging_op_nominate")]
    Nominate,
    /// Take it out, once its bytes were saved (`XENMEM_paging_op_evict`).
    #[doc(alias = "XENMEM_paging_op_evict")]
    Evict,
    /// Put a page in again, with these bytes (`XENMEM_paging_op_prep`).
    #[doc(alias = "XENMEM_paging_op_prep")]
    Prepare(Option<&'a [u8; 4096]>),
}

/// Pages a page of a guest out or in (`XENMEM_paging_op`). Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_paging_op)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM, ESRCH, ENODEV without a pager, EBUSY for a page in use, EINVAL;
/// [`Error::Unsupported`].
#[doc(alias = "XENMEM_paging_op")]
#[doc(alias = "xen_mem_paging_op")]
pub fn paging_op(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    page: Gfn,
    step: Paging<'_>,
) -> Result<()> {
    let operation = match step {
        Paging::Nominate => Operation::XENMEM_paging_op_nominate,
        Paging::Evict => Operation::XENMEM_paging_op_evict,
        Paging::Prepare(_) => Operation::XENMEM_paging_op_prep,
    };
    xen.can(operation)?;
    let mut argument = xen_mem_paging_op {
        op: operation.number() as u8,
        domain: domain.get(),
        gfn: page.get(),
        ..xen_mem_paging_op::ZERO
    };
    if let Paging::Prepare(Some(content)) = step {
        argument.buffer = readable(content);
    }
    // SAFETY: the call reads the structure and the page's bytes. What it changes is another domain's.
    named(operation, unsafe {
        zero(xen, Operation::XENMEM_paging_op, &mut argument)
    })
}

/// How a page can be accessed (`XENMEM_access_`). Other numbers are kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[doc(alias = "xenmem_access_t")]
pub struct Access(pub u8);

impl Access {
    /// Not at all.
    #[doc(alias = "XENMEM_access_n")]
    pub const NONE: Self = Self(headers::memory::XENMEM_access_n as u8);
    /// To be read.
    #[doc(alias = "XENMEM_access_r")]
    pub const R: Self = Self(headers::memory::XENMEM_access_r as u8);
    /// To be read and written.
    #[doc(alias = "XENMEM_access_rw")]
    pub const RW: Self = Self(headers::memory::XENMEM_access_rw as u8);
    /// To be read and executed.
    #[doc(alias = "XENMEM_access_rx")]
    pub const RX: Self = Self(headers::memory::XENMEM_access_rx as u8);
    /// In every way.
    #[doc(alias = "XENMEM_access_rwx")]
    pub const RWX: Self = Self(headers::memory::XENMEM_access_rwx as u8);
    /// As the domain's pages are unless something else was said.
    #[doc(alias = "XENMEM_access_default")]
    pub const DEFAULT: Self = Self(headers::memory::XENMEM_access_default as u8);
}

fn access(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    argument: &mut xen_mem_access_op,
) -> Result<()> {
    // The two calls of 4.5 stood one further on, behind `resume`; the table knows them from 4.6 on.
    let moved = xen.release().same_branch(Release::new(4, 5, 0));
    let two = matches!(
        operation,
        Operation::XENMEM_access_op_set_access | Operation::XENMEM_access_op_get_access
    );
    argument.op = operation.number() as u8;
    if moved && two {
        argument.op += 1;
    } else {
        xen.can(operation)?;
    }
    // SAFETY: the call reads and writes the structure and reads lists that the caller borrows. What a
    // domain may do with its pages can become less by it.
    named(operation, unsafe {
        zero(xen, Operation::XENMEM_access_op, argument)
    })
}

/// Sets how pages of a domain can be accessed (`XENMEM_access_op_set_access`): `pages` of them from
/// `first` on, or all that come later where `first` is `None`. Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_access_op_set_access)]
///
/// Xen 4.5 has it under another number, which is used there.
///
/// # Errors
///
/// [`Error::Refused`] with EPERM, ESRCH, ENODEV without a monitor, EINVAL; [`Error::Unsupported`].
#[doc(alias = "XENMEM_access_op_set_access")]
pub fn set_access(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    first: Option<Gfn>,
    pages: u32,
    allowed: Access,
) -> Result<()> {
    let mut argument = xen_mem_access_op {
        access: allowed.0,
        domid: domain.get(),
        nr: pages,
        pfn: first.map_or(u64::MAX, Gfn::get),
        ..xen_mem_access_op::ZERO
    };
    access(xen, Operation::XENMEM_access_op_set_access, &mut argument)
}

/// Tells how a page can be accessed, or pages that come later (`None`)
/// (`XENMEM_access_op_get_access`). Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_access_op_get_access)]
///
/// Xen 4.5 has it under another number, which is used there.
///
/// # Errors
///
/// As [`set_access`].
#[doc(alias = "XENMEM_access_op_get_access")]
pub fn get_access(xen: &Xen<impl Conduit>, domain: DomId, page: Option<Gfn>) -> Result<Access> {
    let mut argument = xen_mem_access_op {
        domid: domain.get(),
        pfn: page.map_or(u64::MAX, Gfn::get),
        ..xen_mem_access_op::ZERO
    };
    let operation = Operation::XENMEM_access_op_get_access;
    access(xen, operation, &mut argument)?;
    Ok(Access(argument.access))
}

/// Sets how pages can be accessed, one access (`XENMEM_access_`) for each page
/// (`XENMEM_access_op_set_access_multi`). Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_access_op_set_access_multi)]
///
/// Before Xen 4.8 each page is a [`set_access`].
///
/// # Errors
///
/// As [`set_access`]; [`Error::Argument`] for lists of different lengths; [`Error::PartialBatch`] where
/// single calls stopped.
#[doc(alias = "XENMEM_access_op_set_access_multi")]
pub fn set_access_multi(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    pages: &[u64],
    allowed: &[u8],
) -> Result<()> {
    let operation = Operation::XENMEM_access_op_set_access_multi;
    let call = operation.name();
    if pages.len() != allowed.len() {
        return Err(Error::Argument {
            call,
            argument: "nr",
            value: allowed.len() as u64,
        });
    }
    if xen.can(operation).is_err() {
        let total = pages.len();
        for (done, (&page, &allowed)) in pages.iter().zip(allowed).enumerate() {
            let answer = set_access(xen, domain, Some(Gfn::new(page)), 1, Access(allowed));
            answer.map_err(|error| error.after(call, done, total))?;
        }
        return Ok(());
    }
    let mut argument = xen_mem_access_op {
        domid: domain.get(),
        nr: count(call, pages.len())?,
        pfn_list: readable(pages),
        access_list: readable(allowed),
        ..xen_mem_access_op::ZERO
    };
    access(xen, operation, &mut argument)
}
