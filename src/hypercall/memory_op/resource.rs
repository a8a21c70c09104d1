//! What Xen keeps for a domain and lets another one map.

use xen_public::errno::Errno;
use xen_public::native::memory::xen_mem_acquire_resource;
use xen_public::xen::{DomId, Gfn, VcpuId};

use super::super::grant_table_op;
use super::super::native::{FrameWord, count, writable};
use super::{GrantFrame, Space, add_to_physmap, zero};
use crate::hypercall::{Conduit, Error, Result, Xen};
use crate::version::{Guest, Operation, Release};

/// How many frames a request may name before batches came, and how many frames of a grant table are
/// asked for at once where this call is not there.
const AT_ONCE: usize = 32;

/// The release from which a request may name as many frames as the resource has.
const BATCHES_CAME: Release = Release::new(4, 15, 0);

/// What Xen keeps for a domain.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Resource {
    /// The pages of an I/O request server, by its number: frame 0 the buffered requests, frame 1 and on
    /// the synchronous ones.
    #[doc(alias = "XENMEM_resource_ioreq_server")]
    #[doc(alias = "XENMEM_resource_ioreq_server_frame_bufioreq")]
    IoreqServer(u16),
    /// The grant table's entries.
    #[doc(alias = "XENMEM_resource_grant_table")]
    #[doc(alias = "XENMEM_resource_grant_table_id_shared")]
    GrantTable,
    /// The status words of a version 2 grant table.
    #[doc(alias = "XENMEM_resource_grant_table_id_status")]
    GrantStatus,
    /// The buffer that a virtual processor's trace is written to.
    #[doc(alias = "XENMEM_resource_vmtrace_buf")]
    VmtraceBuf(VcpuId),
}

impl Resource {
    const fn operation(self) -> Operation {
        match self {
            Self::IoreqServer(_) => Operation::XENMEM_resource_ioreq_server,
            Self::GrantTable | Self::GrantStatus => Operation::XENMEM_resource_grant_table,
            Self::VmtraceBuf(_) => Operation::XENMEM_resource_vmtrace_buf,
        }
    }

    const fn id(self) -> u32 {
        match self {
            Self::IoreqServer(id) => id as u32,
            Self::GrantTable => {
                everywhere!(u32, memory::XENMEM_resource_grant_table_id_shared)
            }
            Self::GrantStatus => {
                everywhere!(u32, memory::XENMEM_resource_grant_table_id_status)
            }
            Self::VmtraceBuf(vcpu) => vcpu.get(),
        }
    }

    fn argument(self, domain: DomId) -> xen_mem_acquire_resource {
        xen_mem_acquire_resource {
            domid: domain.get(),
            r#type: self.operation().number() as u16,
            id: self.id(),
            ..xen_mem_acquire_resource::ZERO
        }
    }
}

/// How many frames a resource has (`XENMEM_acquire_resource` without frames).
///
/// From Xen 4.11 to 4.14 the answer is how many can be asked for at once, not how many there are. Header:
/// `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_acquire_resource)]
///
/// Before Xen 4.12 the size of a grant table comes from `GNTTABOP_query_size`.
///
/// # Errors
///
/// [`Error::Refused`] with EPERM or ESRCH, with EINVAL for a resource that the domain does not have;
/// [`Error::Unsupported`].
pub fn acquire_resource_size(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    resource: Resource,
) -> Result<u32> {
    let operation = Operation::XENMEM_acquire_resource;
    let answer = match xen.can(resource.operation()) {
        Ok(()) => {
            let mut argument = resource.argument(domain);
            // SAFETY: the call reads the structure, which names no frames, and writes a number in it.
            unsafe { zero(xen, operation, &mut argument) }.map(|()| argument.nr_frames)
        }
        Err(unsupported) => Err(unsupported.into()),
    };
    match (answer, resource) {
        (Err(Error::Unsupported(_)), Resource::GrantTable) => {
            Ok(grant_table_op::query_size(xen, domain)?.max)
        }
        // A frame has 256 entries of 16 bytes, and status words of 2 bytes for 2048 of them.
        (Err(Error::Unsupported(_)), Resource::GrantStatus) => {
            Ok(grant_table_op::query_size(xen, domain)?.max.div_ceil(8))
        }
        (answer, _) => answer,
    }
}

/// Gets at the frames of a resource of `domain`, from number `first` on (`XENMEM_acquire_resource`).
///
/// On a PV guest `frames` is overwritten with machine frames, to be mapped as those of `domain`. On a
/// translated guest it holds frames of the caller's own address space, where Xen puts the resource.
/// Header: `xen/include/public/memory.h`.
#[doc = gate_row!(XENMEM_acquire_resource)]
///
/// `domain` is another one, by its number, which the caller serves or controls. Before Xen 4.15 longer
/// lists become several calls. Before 4.12 the frames of a grant table come by `GNTTABOP_setup_table`
/// and `GNTTABOP_get_status_frames` on a PV guest. The caller's own grant table ([`DomId::SELF`]), which
/// this call does not give in any release, comes that way too, and by [`add_to_physmap`] on a translated
/// guest. For an I/O request server there is `XEN_DMOP_get_ioreq_server_info`, whose frames are mapped
/// as foreign ones.
///
/// The result says whether the machine frames are the caller's own and not those of `domain` (4.11 and
/// 4.12 tell so for some; those of the caller's own grant table are).
///
/// # Errors
///
/// [`Error::Refused`] with EPERM or ESRCH, with EINVAL for frames that the resource does not have, with
/// EIO where a translated guest got some of them only: it must then take all of them out of its physmap.
/// [`Error::PartialBatch`] between several calls. [`Error::Unsupported`].
///
/// # Safety
///
/// On a translated guest, nothing relies on what stood at `frames`. What is put there is memory that Xen
/// or others write.
#[doc(alias = "XENMEM_acquire_resource")]
#[doc(alias = "xen_mem_acquire_resource")]
pub unsafe fn acquire_resource(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    resource: Resource,
    first: u64,
    frames: &mut [FrameWord],
) -> Result<Acquired> {
    let call = Operation::XENMEM_acquire_resource.name();
    let at_once = if xen.release().before(BATCHES_CAME) {
        AT_ONCE
    } else {
        usize::MAX
    };
    let grants = matches!(resource, Resource::GrantTable | Resource::GrantStatus);
    let own = grants && domain == DomId::SELF;
    let total = frames.len();
    let (mut caller_owned, mut done) = (false, 0);
    let range = first.checked_add(total as u64);
    range.ok_or(Error::Argument {
        call,
        argument: "frame",
        value: first,
    })?;
    for part in frames.chunks_mut(at_once) {
        let from = first + done as u64;
        let answer = if own {
            // SAFETY: the caller vouches for all frames.
            unsafe { older(xen, domain, resource, from, part) }
        } else {
            // SAFETY: the caller vouches for all frames.
            match unsafe { acquire(xen, domain, resource, from, part) } {
                // A translated guest would get them in the other's physmap.
                Err(Error::Unsupported(_)) if grants && xen.guest() == Guest::Pv => {
                    // SAFETY: nothing is put at frames of a PV guest.
                    unsafe { older(xen, domain, resource, from, part) }
                }
                answer => answer,
            }
        };
        caller_owned |= answer.map_err(|error| error.after(call, done, total))?;
        done += part.len();
    }
    Ok(Acquired { caller_owned })
}

/// What [`acquire_resource`] has to say of the frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Acquired {
    /// The machine frames are to be mapped as the caller's own, not as those of the other domain.
    #[doc(alias = "XENMEM_rsrc_acq_caller_owned")]
    pub caller_owned: bool,
}

/// # Safety
///
/// As for [`acquire_resource`].
unsafe fn acquire(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    resource: Resource,
    first: u64,
    frames: &mut [FrameWord],
) -> Result<bool> {
    let operation = Operation::XENMEM_acquire_resource;
    xen.can(resource.operation())?;
    let mut argument = xen_mem_acquire_resource {
        nr_frames: count(operation.name(), frames.len())?,
        frame: first,
        frame_list: writable(frames),
        ..resource.argument(domain)
    };
    // SAFETY: the call reads the structure and as many entries of `frames` as there are, and writes to
    // both; what it puts where the caller vouches for.
    match unsafe { zero(xen, operation, &mut argument) } {
        // The release has the call, but not this type of resource.
        Err(Error::Refused { errno, .. }) if errno == Errno::EOPNOTSUPP => {
            xen.withhold(resource.operation());
            xen.can(resource.operation())?;
            Ok(false)
        }
        answer => answer.map(|()| argument.pad & 1 != 0),
    }
}

/// The frames of a grant table where [`acquire`] can't get them.
///
/// # Safety
///
/// As for [`acquire_resource`].
#[cold]
unsafe fn older(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    resource: Resource,
    first: u64,
    frames: &mut [FrameWord],
) -> Result<bool> {
    let call = Operation::XENMEM_acquire_resource.name();
    let range = Error::Argument {
        call,
        argument: "frame",
        value: first,
    };
    if xen.guest() != Guest::Pv {
        let total = frames.len();
        for (done, &gfn) in frames.iter().enumerate() {
            let number = u32::try_from(first + done as u64).map_err(|_| range)?;
            let frame = match resource {
                Resource::GrantStatus => GrantFrame::status(number),
                _ => GrantFrame::shared(number),
            };
            let space = Space::GrantTable(frame.ok_or(range)?);
            // SAFETY: the caller vouches for all frames.
            let answer = unsafe { add_to_physmap(xen, domain, space, Gfn::from(gfn)) };
            answer.map_err(|error| error.after(call, done, total))?;
        }
        return Ok(true);
    }
    // The older calls start at frame 0: take them all, keep the last ones.
    const MOST: usize = 128;
    let first = usize::try_from(first).map_err(|_| range)?;
    let end = first.saturating_add(frames.len());
    if end > MOST {
        return Err(range);
    }
    if let Resource::GrantStatus = resource {
        let mut all = [0; MOST];
        grant_table_op::get_status_frames(xen, domain, &mut all[..end])?;
        for (frame, &found) in frames.iter_mut().zip(&all[first..end]) {
            *frame = super::super::native::frame_word(call, "frame_list", found)?;
        }
    } else {
        let mut all = [0; MOST];
        grant_table_op::setup_table(xen, domain, &mut all[..end])?;
        frames.copy_from_slice(&all[first..end]);
    }
    Ok(domain == DomId::SELF)
}
