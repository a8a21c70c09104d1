//! `HYPERVISOR_dm_op`: what a device model does for the guest that it serves
//! (`xen/include/public/hvm/dm_op.h`).
//!
//! An emulator creates an I/O request server ([`create_ioreq_server`]), claims accesses
//! ([`map_io_range_to_ioreq_server`]), and answers the requests that Xen puts into the server's pages.
//! It raises interrupts ([`set_pci_intx_level`], [`inject_msi`]), follows which pages were written
//! ([`track_dirty_vram`]) and says which it has written ([`modified_memory`]).
//!
//! `domain` is the guest that is served, by its number: Xen refuses the caller itself. Before Xen 4.9
//! there were calls of [`hvm_op`](super::hvm_op) for the same, which each function turns to. Two came
//! later and have other ways back ([`remote_shutdown`], [`relocate_memory`]); for
//! [`pin_memory_cacheattr`] and [`nr_vcpus`] there was only the interface of toolstacks (domctl).
//!
//! From Xen 4.9 to 4.14 a call for a guest that is not translated answers as if it had worked (4.14.6
//! refuses it). Where something is to be told, the answer is then [`Error::Nonsense`]; elsewhere it can't
//! be seen.
#![allow(unsafe_code)]

mod ioreq;
#[cfg(test)]
mod tests;

use xen_public::native::hvm::dm_op::{
    xen_dm_op, xen_dm_op_buf, xen_dm_op_destroy_ioreq_server, xen_dm_op_inject_event,
    xen_dm_op_inject_msi, xen_dm_op_map_mem_type_to_ioreq_server, xen_dm_op_modified_memory,
    xen_dm_op_modified_memory_extent, xen_dm_op_nr_vcpus, xen_dm_op_pin_memory_cacheattr,
    xen_dm_op_relocate_memory, xen_dm_op_remote_shutdown, xen_dm_op_set_ioreq_server_state,
    xen_dm_op_set_irq_level, xen_dm_op_set_isa_irq_level, xen_dm_op_set_mem_type,
    xen_dm_op_set_pci_intx_level, xen_dm_op_set_pci_link_route, xen_dm_op_track_dirty_vram,
    xen_dm_op_u,
};
use xen_public::xen::{DomId, Gfn};

pub use super::hvm_op::MemType;
pub use super::hvm_op::device_model::{Event, ServerInfo};
pub use ioreq::{
    IoRange, create_ioreq_server, get_ioreq_server_info, map_io_range_to_ioreq_server,
    unmap_io_range_from_ioreq_server,
};

use super::hvm_op::device_model as older;
use super::memory_op::{Space, add_to_physmap};
use super::native::{Handle, LongWord, count};
use super::sched_op::{self, ShutdownReason};
use super::xen::only_zero;
use super::{Conduit, Error, Result, Xen};
use crate::version::Operation;

fn union_of(fill: impl FnOnce(&mut xen_dm_op_u)) -> xen_dm_op_u {
    let mut union = xen_dm_op_u::ZERO;
    fill(&mut union);
    union
}

/// Memory beside the operation itself.
fn buffer<T>(list: &mut [T]) -> xen_dm_op_buf {
    xen_dm_op_buf {
        h: Handle::of(list.as_mut_ptr().expose_provenance()),
        size: size_of_val(list) as LongWord,
    }
}

/// Makes a call with the operation and `more`, the memory that belongs to it.
fn operate_with(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    domain: DomId,
    union: xen_dm_op_u,
    more: Option<xen_dm_op_buf>,
) -> Result<xen_dm_op_u> {
    let mut argument = [xen_dm_op {
        op: operation.number(),
        u: union,
        ..xen_dm_op::ZERO
    }];
    let buffers = [buffer(&mut argument), more.unwrap_or_default()];
    let number = 1 + usize::from(more.is_some());
    let address = buffers.as_ptr().expose_provenance();
    let arguments = [usize::from(domain.get()), number, address, 0, 0];
    // SAFETY: the call reads `number` buffers at the address. The first is the operation, which is this
    // function's own and which it reads and writes; the second is a list that the caller has borrowed. What
    // it changes is another domain's, except in `relocate_memory`, which is unsafe.
    let answer = unsafe { xen.call_plain(operation, arguments) }?;
    only_zero(operation, answer)?;
    let [argument] = argument;
    Ok(argument.u)
}

fn operate(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    domain: DomId,
    union: xen_dm_op_u,
) -> Result<xen_dm_op_u> {
    operate_with(xen, operation, domain, union, None)
}

/// The older way where the operation is not there.
fn or_else<T>(direct: Result<T>, older: impl FnOnce() -> Result<T>) -> Result<T> {
    match direct {
        Err(Error::Unsupported(unsupported)) => match older() {
            // What came first is what was asked for.
            Err(Error::Unsupported(_)) => Err(unsupported.into()),
            answer => answer,
        },
        answer => answer,
    }
}

fn nonsense(operation: Operation, answer: u32) -> Error {
    Error::Nonsense {
        call: operation.name(),
        answer: answer as isize,
    }
}

/// Makes a function whose operation has one structure and whose older way is a function of the same
/// arguments.
macro_rules! plain {
    (
        $(#[$doc:meta])*
        $name:ident($($argument:ident: $type:ty),*), $row:ident, $since:literal,
        $field:ident = $structure:ident { $($member:ident: $value:expr),* },
        older: $older:expr
    ) => {
        $(#[$doc])*
        #[doc = gate_row!($row)]
        ///
        #[doc = $since]
        ///
        /// # Errors
        ///
        /// [`Error::Refused`] with EPERM, ESRCH, EINVAL, ENOENT; [`Error::Unsupported`].
        // Not every structure has holes.
        #[allow(clippy::needless_update)]
        pub fn $name(xen: &Xen<impl Conduit>, domain: DomId, $($argument: $type),*) -> Result<()> {
            let union = union_of(|u| {
                u.$field = $structure { $($member: $value,)* ..$structure::ZERO };
            });
            let direct = operate(xen, Operation::$row, domain, union).map(drop);
            or_else(direct, || $older(xen, domain, $($argument),*))
        }
    };
}

plain! {
    /// Starts or stops an I/O request server (`XEN_DMOP_set_ioreq_server_state`).
    #[doc(alias = "XEN_DMOP_set_ioreq_server_state")]
    set_ioreq_server_state(id: u16, enabled: bool), XEN_DMOP_set_ioreq_server_state,
    "From Xen 4.5 to 4.8 by `HVMOP_set_ioreq_server_state`.",
    set_ioreq_server_state = xen_dm_op_set_ioreq_server_state { id: id, enabled: enabled.into() },
    older: older::set_ioreq_server_state
}

plain! {
    /// Destroys an I/O request server, whose accesses are unclaimed then
    /// (`XEN_DMOP_destroy_ioreq_server`).
    #[doc(alias = "XEN_DMOP_destroy_ioreq_server")]
    destroy_ioreq_server(id: u16), XEN_DMOP_destroy_ioreq_server,
    "From Xen 4.5 to 4.8 by `HVMOP_destroy_ioreq_server`.",
    destroy_ioreq_server = xen_dm_op_destroy_ioreq_server { id: id },
    older: older::destroy_ioreq_server
}

plain! {
    /// Sets an ISA interrupt line (`XEN_DMOP_set_isa_irq_level`).
    #[doc(alias = "XEN_DMOP_set_isa_irq_level")]
    set_isa_irq_level(isa_irq: u8, level: bool), XEN_DMOP_set_isa_irq_level,
    "From Xen 3.0.4 to 4.8 by `HVMOP_set_isa_irq_level`.",
    set_isa_irq_level = xen_dm_op_set_isa_irq_level { isa_irq: isa_irq, level: level.into() },
    older: older::set_isa_irq_level
}

plain! {
    /// Connects a PCI link (0 to 3) with an ISA interrupt, 0 for none (`XEN_DMOP_set_pci_link_route`).
    #[doc(alias = "XEN_DMOP_set_pci_link_route")]
    set_pci_link_route(link: u8, isa_irq: u8), XEN_DMOP_set_pci_link_route,
    "From Xen 3.0.4 to 4.8 by `HVMOP_set_pci_link_route`.",
    set_pci_link_route = xen_dm_op_set_pci_link_route { link: link, isa_irq: isa_irq },
    older: older::set_pci_link_route
}

plain! {
    /// Sets what pages are to the guest's processors (`XEN_DMOP_set_mem_type`).
    #[doc(alias = "XEN_DMOP_set_mem_type")]
    set_mem_type(first: Gfn, pages: u32, kind: MemType), XEN_DMOP_set_mem_type,
    "From Xen 4.2 to 4.8 by `HVMOP_set_mem_type`.",
    set_mem_type = xen_dm_op_set_mem_type { nr: pages, mem_type: kind.get(), first_pfn: first.get() },
    older: older::set_mem_type
}

plain! {
    /// Sends a message-signalled interrupt of a device (`XEN_DMOP_inject_msi`).
    #[doc(alias = "XEN_DMOP_inject_msi")]
    inject_msi(address: u64, data: u32), XEN_DMOP_inject_msi,
    "From Xen 4.2 to 4.8 by `HVMOP_inject_msi`.",
    inject_msi = xen_dm_op_inject_msi { data: data, addr: address },
    older: older::inject_msi
}

plain! {
    /// Makes an event happen on a processor (`XEN_DMOP_inject_event`).
    #[doc(alias = "XEN_DMOP_inject_event")]
    inject_event(event: Event), XEN_DMOP_inject_event,
    "From Xen 4.2 to 4.8 by `HVMOP_inject_trap`.",
    inject_event = xen_dm_op_inject_event {
        vcpuid: event.vcpu.get(), vector: event.vector, r#type: event.kind,
        insn_len: event.insn_len, error_code: event.error_code.unwrap_or(u32::MAX), cr2: event.cr2
    },
    older: older::inject_trap
}

/// Sets an interrupt line of a PCI device (`XEN_DMOP_set_pci_intx_level`): segment, bus, device, and the
/// line, 0 (A) to 3 (D).
#[doc = gate_row!(XEN_DMOP_set_pci_intx_level)]
///
/// From Xen 3.0.4 to 4.8 by `HVMOP_set_pci_intx_level`, whose segment is a byte.
///
/// # Errors
///
/// [`Error::Refused`] with EPERM, ESRCH, EINVAL; [`Error::Argument`] for a segment that the older call
/// can't have; [`Error::Unsupported`].
#[doc(alias = "XEN_DMOP_set_pci_intx_level")]
pub fn set_pci_intx_level(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    segment: u16,
    [bus, device, intx]: [u8; 3],
    level: bool,
) -> Result<()> {
    let operation = Operation::XEN_DMOP_set_pci_intx_level;
    let union = union_of(|u| {
        u.set_pci_intx_level = xen_dm_op_set_pci_intx_level {
            domain: segment,
            bus,
            device,
            intx,
            level: level.into(),
        };
    });
    or_else(operate(xen, operation, domain, union).map(drop), || {
        let short = u8::try_from(segment).map_err(|_| Error::Argument {
            call: Operation::HVMOP_set_pci_intx_level.name(),
            argument: "domain",
            value: segment.into(),
        })?;
        older::set_pci_intx_level(xen, domain, [short, bus, device, intx], level)
    })
}

/// Which pages of a range were written since the last time, a bit for each
/// (`XEN_DMOP_track_dirty_vram`). A range of no pages ends it.
#[doc = gate_row!(XEN_DMOP_track_dirty_vram)]
///
/// From Xen 3.3 to 4.8 by `HVMOP_track_dirty_vram`.
///
/// # Errors
///
/// [`Error::Argument`] for a bitmap that is too short; [`Error::Refused`] with EPERM, ESRCH, EINVAL;
/// [`Error::Unsupported`].
#[doc(alias = "XEN_DMOP_track_dirty_vram")]
pub fn track_dirty_vram(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    first: Gfn,
    pages: u32,
    bitmap: &mut [u8],
) -> Result<()> {
    let operation = Operation::XEN_DMOP_track_dirty_vram;
    if bitmap.len() < pages.div_ceil(8) as usize {
        return Err(Error::Argument {
            call: operation.name(),
            argument: "nr",
            value: pages.into(),
        });
    }
    let union = union_of(|u| {
        u.track_dirty_vram = xen_dm_op_track_dirty_vram {
            nr: pages,
            first_pfn: first.get(),
            ..xen_dm_op_track_dirty_vram::ZERO
        };
    });
    let more = Some(buffer(bitmap));
    let direct = operate_with(xen, operation, domain, union, more).map(drop);
    or_else(direct, || {
        older::track_dirty_vram(xen, domain, first, pages, bitmap)
    })
}

/// Tells Xen that the device model has written pages (`XEN_DMOP_modified_memory`): ranges of a first
/// frame and a number of pages.
#[doc = gate_row!(XEN_DMOP_modified_memory)]
///
/// From Xen 3.3 to 4.8 each range is a `HVMOP_modified_memory`.
///
/// # Errors
///
/// [`Error::Refused`] with EPERM, ESRCH, EINVAL; [`Error::PartialBatch`] where single calls stopped;
/// [`Error::Unsupported`].
#[doc(alias = "XEN_DMOP_modified_memory")]
#[doc(alias = "xen_dm_op_modified_memory_extent")]
pub fn modified_memory(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    ranges: &mut [xen_dm_op_modified_memory_extent],
) -> Result<()> {
    let operation = Operation::XEN_DMOP_modified_memory;
    let call = operation.name();
    let nr_extents = count(call, ranges.len())?;
    let union = union_of(|u| {
        u.modified_memory = xen_dm_op_modified_memory {
            nr_extents,
            opaque: 0,
        };
    });
    let more = Some(buffer(ranges));
    let direct = operate_with(xen, operation, domain, union, more).map(drop);
    or_else(direct, || {
        let total = ranges.len();
        for (done, range) in ranges.iter().enumerate() {
            let answer = older::modified_memory(xen, domain, Gfn::new(range.first_pfn), range.nr);
            answer.map_err(|error| error.after(call, done, total))?;
        }
        Ok(())
    })
}

/// Has an I/O request server claim accesses to pages of [`MemType::IOREQ_SERVER`], or give them back
/// (`XEN_DMOP_map_mem_type_to_ioreq_server`); `flags` are `XEN_DMOP_IOREQ_MEM_ACCESS_`, of which Xen knows
/// writes, 2, and 0 to give back.
#[doc = gate_row!(XEN_DMOP_map_mem_type_to_ioreq_server)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM, ESRCH, EINVAL, EBUSY; [`Error::Unsupported`].
#[doc(alias = "XEN_DMOP_map_mem_type_to_ioreq_server")]
pub fn map_mem_type_to_ioreq_server(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    id: u16,
    kind: MemType,
    flags: u32,
) -> Result<()> {
    let union = union_of(|u| {
        u.map_mem_type_to_ioreq_server = xen_dm_op_map_mem_type_to_ioreq_server {
            id,
            r#type: kind.get(),
            flags,
            opaque: 0,
        };
    });
    let operation = Operation::XEN_DMOP_map_mem_type_to_ioreq_server;
    operate(xen, operation, domain, union).map(drop)
}

/// Ends the guest that is served, for a reason (`SHUTDOWN_`) (`XEN_DMOP_remote_shutdown`).
#[doc = gate_row!(XEN_DMOP_remote_shutdown)]
///
/// Before Xen 4.10, and on ARM, by `SCHEDOP_remote_shutdown`, for which a caller needs to control the guest.
/// That call does not refuse the caller's own number: a privileged domain that names itself ends. It is not
/// made for `SHUTDOWN_suspend`.
///
/// # Errors
///
/// [`Error::Refused`] with EPERM, ESRCH; [`Error::Argument`] for a suspension by the older way;
/// [`Error::Unsupported`].
#[doc(alias = "XEN_DMOP_remote_shutdown")]
pub fn remote_shutdown(xen: &Xen<impl Conduit>, domain: DomId, reason: u32) -> Result<()> {
    let union = union_of(|u| u.remote_shutdown = xen_dm_op_remote_shutdown { reason });
    let direct = operate(xen, Operation::XEN_DMOP_remote_shutdown, domain, union).map(drop);
    or_else(direct, || {
        // This way does not spare the caller, and who suspends itself has to be prepared.
        let reason = ShutdownReason::new(reason).ok_or(Error::Argument {
            call: Operation::SCHEDOP_remote_shutdown.name(),
            argument: "reason",
            value: reason.into(),
        })?;
        sched_op::remote_shutdown(xen, domain, reason)
    })
}

/// Moves pages of the guest to other frames (`XEN_DMOP_relocate_memory`).
#[doc = gate_row!(XEN_DMOP_relocate_memory)]
///
/// Before Xen 4.11 each page is a `XENMEM_add_to_physmap`.
///
/// # Errors
///
/// [`Error::Refused`] with EPERM, ESRCH, EINVAL; [`Error::PartialBatch`] with how many pages moved before
/// a single call was refused; [`Error::Argument`] for a range that wraps around; [`Error::Unsupported`].
///
/// # Safety
///
/// `domain` is not the caller, and nobody relies on what stands at the frames.
#[doc(alias = "XEN_DMOP_relocate_memory")]
pub unsafe fn relocate_memory(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    from: Gfn,
    to: Gfn,
    pages: u32,
) -> Result<()> {
    let operation = Operation::XEN_DMOP_relocate_memory;
    let call = operation.name();
    let highest = from.get().max(to.get());
    if highest.checked_add(pages.into()).is_none() {
        return Err(Error::Argument {
            call,
            argument: "size",
            value: pages.into(),
        });
    }
    let union = union_of(|u| {
        u.relocate_memory = xen_dm_op_relocate_memory {
            size: pages,
            pad: 0,
            src_gfn: from.get(),
            dst_gfn: to.get(),
        };
    });
    or_else(operate(xen, operation, domain, union).map(drop), || {
        for page in 0..pages {
            let at = |frame: Gfn| Gfn::new(frame.get() + u64::from(page));
            // SAFETY: the caller vouches for the frames.
            let answer = unsafe { add_to_physmap(xen, domain, Space::Gmfn(at(from)), at(to)) };
            answer.map_err(|error| error.after(call, page as usize, pages as usize))?;
        }
        Ok(())
    })
}

/// Pins how pages from `start` to `end`, both included, are cached (`XEN_DMOP_pin_memory_cacheattr`);
/// `kind` is `XEN_DMOP_MEM_CACHEATTR_`, or all ones to undo it.
#[doc = gate_row!(XEN_DMOP_pin_memory_cacheattr)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM, ESRCH, EINVAL, ENOENT; [`Error::Unsupported`] before Xen 4.11, where a
/// toolstack has `XEN_DOMCTL_pin_mem_cacheattr`.
#[doc(alias = "XEN_DMOP_pin_memory_cacheattr")]
pub fn pin_memory_cacheattr(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    start: Gfn,
    end: Gfn,
    kind: u32,
) -> Result<()> {
    let union = union_of(|u| {
        u.pin_memory_cacheattr = xen_dm_op_pin_memory_cacheattr {
            start: start.get(),
            end: end.get(),
            r#type: kind,
            pad: 0,
        };
    });
    let operation = Operation::XEN_DMOP_pin_memory_cacheattr;
    operate(xen, operation, domain, union).map(drop)
}

/// Sets a shared interrupt line of an ARM guest (`XEN_DMOP_set_irq_level`).
#[doc = gate_row!(XEN_DMOP_set_irq_level)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM, ESRCH, EINVAL; [`Error::Unsupported`].
#[doc(alias = "XEN_DMOP_set_irq_level")]
pub fn set_irq_level(xen: &Xen<impl Conduit>, domain: DomId, irq: u32, level: bool) -> Result<()> {
    let union = union_of(|u| {
        u.set_irq_level = xen_dm_op_set_irq_level {
            irq,
            level: level.into(),
            ..xen_dm_op_set_irq_level::ZERO
        };
    });
    operate(xen, Operation::XEN_DMOP_set_irq_level, domain, union).map(drop)
}

/// How many virtual processors the guest has (`XEN_DMOP_nr_vcpus`).
#[doc = gate_row!(XEN_DMOP_nr_vcpus)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM, ESRCH; [`Error::Nonsense`] for none;
/// [`Error::Unsupported`] before Xen 4.15, where a toolstack has `XEN_DOMCTL_getdomaininfo`.
#[doc(alias = "XEN_DMOP_nr_vcpus")]
pub fn nr_vcpus(xen: &Xen<impl Conduit>, domain: DomId) -> Result<u32> {
    let operation = Operation::XEN_DMOP_nr_vcpus;
    let union = union_of(|u| u.nr_vcpus = xen_dm_op_nr_vcpus { vcpus: 0 });
    let found = operate(xen, operation, domain, union)?;
    // SAFETY: all bytes of the union are there, and any bytes are a number.
    match unsafe { found.nr_vcpus.vcpus } {
        0 => Err(nonsense(operation, 0)),
        vcpus => Ok(vcpus),
    }
}
