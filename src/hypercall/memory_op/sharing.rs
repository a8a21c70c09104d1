//! Pages of equal content that share a frame, and domains that are forks of others.

use xen_public::grant_table::GrantRef;
use xen_public::memory::xenmem_sharing_op_field_make_gref;
use xen_public::xen::{DomId, Gfn};

use super::toolstack::headers::memory::{
    mem_sharing_op_debug, mem_sharing_op_fork, mem_sharing_op_nominate, mem_sharing_op_range,
    mem_sharing_op_share, xen_mem_sharing_op, xen_mem_sharing_op_u,
};
use super::toolstack::named;
use super::zero;
use crate::hypercall::{Conduit, Error, Result, Xen};
use crate::version::{Operation, Release};

/// The release that took `resume` out of the numbering.
const RENUMBERED: Release = Release::new(4, 6, 0);

/// A page to be shared: by its frame, or by a grant of its domain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Page {
    /// The frame.
    Frame(Gfn),
    /// The grant.
    Grant(GrantRef),
}

impl Page {
    fn field(self) -> u64 {
        match self {
            Self::Frame(frame) => frame.get(),
            Self::Grant(grant) => xenmem_sharing_op_field_make_gref(grant.get()),
        }
    }
}

fn share_with(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    domain: DomId,
    union: xen_mem_sharing_op_u,
) -> Result<xen_mem_sharing_op_u> {
    // Behind `share` (2) came `resume` until 4.6, so that the older numbers are one further on.
    let later = matches!(
        operation,
        Operation::XENMEM_sharing_op_debug_gfn
            | Operation::XENMEM_sharing_op_debug_mfn
            | Operation::XENMEM_sharing_op_debug_gref
            | Operation::XENMEM_sharing_op_add_physmap
            | Operation::XENMEM_sharing_op_audit
    );
    let mut number = operation.number() as u8;
    if later && xen.release().before(RENUMBERED) {
        number += 1;
    } else {
        xen.can(operation)?;
    }
    let mut argument = xen_mem_sharing_op {
        op: number,
        domain: domain.get(),
        u: union,
        ..xen_mem_sharing_op::ZERO
    };
    // SAFETY: the call reads and writes the structure. Pages that are shared keep their content, and get a
    // frame of their own when somebody writes.
    let answer = unsafe { zero(xen, Operation::XENMEM_sharing_op, &mut argument) };
    named(operation, answer)?;
    Ok(argument.u)
}

fn union_of(fill: impl FnOnce(&mut xen_mem_sharing_op_u)) -> xen_mem_sharing_op_u {
    let mut union = xen_mem_sharing_op_u::ZERO;
    fill(&mut union);
    union
}

/// Makes a page one that can be shared, and tells what names it then
/// (`XENMEM_sharing_op_nominate_gfn`, `XENMEM_sharing_op_nominate_gref`). Header:
/// `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_sharing_op_nominate_gfn)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM, ESRCH, ENODEV, EBUSY, EINVAL; [`Error::Unsupported`].
#[doc(alias = "XENMEM_sharing_op_nominate_gfn")]
#[doc(alias = "XENMEM_sharing_op_nominate_gref")]
pub fn sharing_nominate(xen: &Xen<impl Conduit>, domain: DomId, page: Page) -> Result<u64> {
    let (operation, union) = match page {
        Page::Frame(frame) => {
            let mut nominate = mem_sharing_op_nominate::ZERO;
            nominate.u.gfn = frame.get();
            let union = union_of(|u| u.nominate = nominate);
            (Operation::XENMEM_sharing_op_nominate_gfn, union)
        }
        Page::Grant(grant) => {
            let mut nominate = mem_sharing_op_nominate::ZERO;
            nominate.u.grant_ref = grant.get();
            let union = union_of(|u| u.nominate = nominate);
            (Operation::XENMEM_sharing_op_nominate_gref, union)
        }
    };
    let found = share_with(xen, operation, domain, union)?;
    // SAFETY: all bytes of the union are there, and any bytes are a number.
    Ok(unsafe { found.nominate.handle })
}

fn pair(source: (Page, u64), client: DomId, target: (Page, u64)) -> xen_mem_sharing_op_u {
    union_of(|u| {
        u.share = mem_sharing_op_share {
            source_gfn: source.0.field(),
            source_handle: source.1,
            client_gfn: target.0.field(),
            client_handle: target.1,
            client_domain: client.get(),
            ..mem_sharing_op_share::ZERO
        };
    })
}

/// Has two pages of the same content share a frame (`XENMEM_sharing_op_share`): a page of `domain` and
/// one of `client`, each with what [`sharing_nominate`] told. Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_sharing_op_share)]
///
/// # Errors
///
/// [`Error::Refused`], also with 10 and 9, which say here that the first or the second was not nominated;
/// [`Error::Unsupported`].
#[doc(alias = "XENMEM_sharing_op_share")]
pub fn sharing_share(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    source: (Page, u64),
    client: DomId,
    target: (Page, u64),
) -> Result<()> {
    let operation = Operation::XENMEM_sharing_op_share;
    share_with(xen, operation, domain, pair(source, client, target)).map(drop)
}

/// Puts a page that can be shared at an empty frame of another domain
/// (`XENMEM_sharing_op_add_physmap`). Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_sharing_op_add_physmap)]
///
/// Xen 4.2 to 4.5 have it under another number, which is used there.
///
/// # Errors
///
/// As [`sharing_share`].
#[doc(alias = "XENMEM_sharing_op_add_physmap")]
pub fn sharing_add_physmap(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    source: (Gfn, u64),
    client: DomId,
    target: Gfn,
) -> Result<()> {
    let operation = Operation::XENMEM_sharing_op_add_physmap;
    let source = (Page::Frame(source.0), source.1);
    let union = pair(source, client, (Page::Frame(target), 0));
    share_with(xen, operation, domain, union).map(drop)
}

/// Shares all equal pages of two domains from `first` to `last`, both included
/// (`XENMEM_sharing_op_range_share`). Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_sharing_op_range_share)]
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`].
#[doc(alias = "XENMEM_sharing_op_range_share")]
pub fn sharing_range_share(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    client: DomId,
    (first, last): (Gfn, Gfn),
) -> Result<()> {
    let union = union_of(|u| {
        u.range = mem_sharing_op_range {
            first_gfn: first.get(),
            last_gfn: last.get(),
            client_domain: client.get(),
            ..mem_sharing_op_range::ZERO
        };
    });
    let operation = Operation::XENMEM_sharing_op_range_share;
    share_with(xen, operation, domain, union).map(drop)
}

/// Has Xen print what it knows of a shared page (`XENMEM_sharing_op_debug_gfn`,
/// `XENMEM_sharing_op_debug_gref`). Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_sharing_op_debug_gfn)]
///
/// Xen 4.2 to 4.5 have it under another number, which is used there.
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`].
#[doc(alias = "XENMEM_sharing_op_debug_gfn")]
#[doc(alias = "XENMEM_sharing_op_debug_gref")]
pub fn sharing_debug(xen: &Xen<impl Conduit>, domain: DomId, page: Page) -> Result<()> {
    let mut debug = mem_sharing_op_debug::ZERO;
    let operation = match page {
        Page::Frame(frame) => {
            debug.u.gfn = frame.get();
            Operation::XENMEM_sharing_op_debug_gfn
        }
        Page::Grant(grant) => {
            debug.u.gref = grant.get();
            Operation::XENMEM_sharing_op_debug_gref
        }
    };
    let union = union_of(|u| u.debug = debug);
    share_with(xen, operation, domain, union).map(drop)
}

/// Has Xen check what it knows of shared pages, and tells how many mistakes it found
/// (`XENMEM_sharing_op_audit`). Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_sharing_op_audit)]
///
/// Xen 4.2 to 4.5 have it under another number, which is used there.
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`].
#[doc(alias = "XENMEM_sharing_op_audit")]
pub fn sharing_audit(xen: &Xen<impl Conduit>, domain: DomId) -> Result<usize> {
    let operation = Operation::XENMEM_sharing_op_audit;
    match share_with(xen, operation, domain, xen_mem_sharing_op_u::ZERO) {
        Ok(_) => Ok(0),
        Err(Error::Nonsense { answer, .. }) if answer > 0 => Ok(answer as usize),
        Err(error) => Err(error),
    }
}

/// Makes `domain`, which is new and empty, a fork of another (`XENMEM_sharing_op_fork`): it has the
/// other's pages until one of the two writes. `flags` are `XENMEM_FORK_`. Header:
/// `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_sharing_op_fork)]
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`], also for flags that the release does not know.
#[doc(alias = "XENMEM_sharing_op_fork")]
#[doc(alias = "XENMEM_FORK_WITH_IOMMU_ALLOWED")]
#[doc(alias = "XENMEM_FORK_BLOCK_INTERRUPTS")]
pub fn sharing_fork(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    parent: DomId,
    flags: u16,
) -> Result<()> {
    fork(
        xen,
        Operation::XENMEM_sharing_op_fork,
        domain,
        parent.get(),
        flags,
    )
}

/// Makes a fork as it was when it was made (`XENMEM_sharing_op_fork_reset`). `flags` are
/// `XENMEM_FORK_RESET_`, from Xen 4.17 on: before it there is one kind of reset, without flags. Header:
/// `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_sharing_op_fork_reset)]
///
/// # Errors
///
/// As [`sharing_fork`].
#[doc(alias = "XENMEM_sharing_op_fork_reset")]
#[doc(alias = "XENMEM_FORK_RESET_STATE")]
#[doc(alias = "XENMEM_FORK_RESET_MEMORY")]
pub fn sharing_fork_reset(xen: &Xen<impl Conduit>, domain: DomId, flags: u16) -> Result<()> {
    fork(
        xen,
        Operation::XENMEM_sharing_op_fork_reset,
        domain,
        0,
        flags,
    )
}

fn fork(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    domain: DomId,
    parent: u16,
    flags: u16,
) -> Result<()> {
    for flag in [
        Operation::XENMEM_FORK_WITH_IOMMU_ALLOWED,
        Operation::XENMEM_FORK_BLOCK_INTERRUPTS,
        Operation::XENMEM_FORK_RESET_STATE,
        Operation::XENMEM_FORK_RESET_MEMORY,
    ] {
        if u32::from(flags) & flag.number() != 0 {
            xen.can(flag)?;
        }
    }
    let union = union_of(|u| {
        u.fork = mem_sharing_op_fork {
            parent_domain: parent,
            flags,
            pad: 0,
        };
    });
    share_with(xen, operation, domain, union).map(drop)
}
