//! I/O request servers: who answers for accesses of a guest.

use xen_public::native::hvm::dm_op::{
    xen_dm_op_create_ioreq_server, xen_dm_op_get_ioreq_server_info, xen_dm_op_ioreq_server_range,
};
use xen_public::xen::{DomId, Gfn};

use super::older::{self, ServerInfo};
use super::{nonsense, operate, or_else, union_of};
use crate::hypercall::{Conduit, Result, Xen};
use crate::version::{Operation, Release};

/// The release from which a server may be asked for without its frames.
const WITHOUT_FRAMES: Release = Release::new(4, 11, 0);

/// Creates an I/O request server and tells its number (`XEN_DMOP_create_ioreq_server`). `buffering` is
/// `HVM_IOREQSRV_BUFIOREQ_`: 0 for none, 1 for the old way, 2 with both pointers updated at once.
#[doc = gate_row!(XEN_DMOP_create_ioreq_server)]
///
/// From Xen 4.5 to 4.8 by `HVMOP_create_ioreq_server`.
///
/// # Errors
///
/// [`Error::Refused`](crate::hypercall::Error::Refused) with EPERM, ESRCH, EINVAL, ENOSPC; [`Error::Unsupported`](crate::hypercall::Error::Unsupported).
#[doc(alias = "XEN_DMOP_create_ioreq_server")]
pub fn create_ioreq_server(xen: &Xen<impl Conduit>, domain: DomId, buffering: u8) -> Result<u16> {
    let operation = Operation::XEN_DMOP_create_ioreq_server;
    // No server has it, so it shows whether there was an answer.
    const NONE: u16 = u16::MAX;
    let union = union_of(|u| {
        u.create_ioreq_server = xen_dm_op_create_ioreq_server {
            handle_bufioreq: buffering,
            id: NONE,
            ..xen_dm_op_create_ioreq_server::ZERO
        };
    });
    let direct = operate(xen, operation, domain, union).and_then(|u| {
        // SAFETY: all bytes of the union are there, and any bytes are a number.
        match unsafe { u.create_ioreq_server.id } {
            NONE => Err(nonsense(operation, NONE.into())),
            id => Ok(id),
        }
    });
    or_else(direct, || {
        older::create_ioreq_server(xen, domain, buffering)
    })
}

/// Tells where an I/O request server's pages are and its event channel
/// (`XEN_DMOP_get_ioreq_server_info`). Without `frames` only the event channel is told, and Xen need not
/// put the pages into the guest: for emulators that have them by `XENMEM_acquire_resource`.
#[doc = gate_row!(XEN_DMOP_get_ioreq_server_info)]
///
/// From Xen 4.5 to 4.8 by `HVMOP_get_ioreq_server_info`, which always tells the frames, as 4.9 and 4.10 do.
///
/// # Errors
///
/// [`Error::Refused`](crate::hypercall::Error::Refused) with EPERM, ESRCH, ENOENT; [`Error::Unsupported`](crate::hypercall::Error::Unsupported).
#[doc(alias = "XEN_DMOP_get_ioreq_server_info")]
#[doc(alias = "XEN_DMOP_no_gfns")]
pub fn get_ioreq_server_info(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    id: u16,
    frames: bool,
) -> Result<ServerInfo> {
    const NO_GFNS: u16 = everywhere!(u16, hvm::dm_op::XEN_DMOP_no_gfns);
    let flags = if frames || xen.release().before(WITHOUT_FRAMES) {
        0
    } else {
        NO_GFNS
    };
    let union = union_of(|u| {
        u.get_ioreq_server_info = xen_dm_op_get_ioreq_server_info {
            id,
            flags,
            ..xen_dm_op_get_ioreq_server_info::ZERO
        };
    });
    let direct = operate(
        xen,
        Operation::XEN_DMOP_get_ioreq_server_info,
        domain,
        union,
    )
    .map(|u| {
        // SAFETY: all bytes of the union are there, and any bytes are numbers.
        let found = unsafe { u.get_ioreq_server_info };
        ServerInfo {
            ioreq: Gfn::new(found.ioreq_gfn),
            bufioreq: Gfn::new(found.bufioreq_gfn),
            bufioreq_port: found.bufioreq_port,
        }
    });
    or_else(direct, || older::get_ioreq_server_info(xen, domain, id))
}

/// Accesses that an I/O request server can claim; both ends are included.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum IoRange {
    /// I/O ports.
    #[doc(alias = "XEN_DMOP_IO_RANGE_PORT")]
    Port(u16, u16),
    /// Physical addresses of the guest.
    #[doc(alias = "XEN_DMOP_IO_RANGE_MEMORY")]
    Memory(u64, u64),
    /// PCI functions, packed by [`xen_dmop_pci_sbdf`](xen_public::hvm::dm_op::xen_dmop_pci_sbdf).
    #[doc(alias = "XEN_DMOP_IO_RANGE_PCI")]
    Pci(u32, u32),
}

impl IoRange {
    fn parts(self) -> (u32, u64, u64) {
        match self {
            Self::Port(start, end) => (0, start.into(), end.into()),
            Self::Memory(start, end) => (1, start, end),
            Self::Pci(start, end) => (2, start.into(), end.into()),
        }
    }
}

fn set_range(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    id: u16,
    range: IoRange,
    mapped: bool,
) -> Result<()> {
    let (kind, start, end) = range.parts();
    let argument = xen_dm_op_ioreq_server_range {
        id,
        r#type: kind,
        start,
        end,
        ..xen_dm_op_ioreq_server_range::ZERO
    };
    // Both are the same structure at the same place.
    let union = union_of(|u| u.map_io_range_to_ioreq_server = argument);
    let operation = if mapped {
        Operation::XEN_DMOP_map_io_range_to_ioreq_server
    } else {
        Operation::XEN_DMOP_unmap_io_range_from_ioreq_server
    };
    or_else(operate(xen, operation, domain, union).map(drop), || {
        older::set_io_range(xen, domain, id, (kind, start, end), mapped)
    })
}

/// Has an I/O request server answer for accesses (`XEN_DMOP_map_io_range_to_ioreq_server`).
#[doc = gate_row!(XEN_DMOP_map_io_range_to_ioreq_server)]
///
/// From Xen 4.5 to 4.8 by `HVMOP_map_io_range_to_ioreq_server`.
///
/// # Errors
///
/// [`Error::Refused`](crate::hypercall::Error::Refused) with EPERM, ESRCH, ENOENT, EEXIST; [`Error::Unsupported`](crate::hypercall::Error::Unsupported).
#[doc(alias = "XEN_DMOP_map_io_range_to_ioreq_server")]
pub fn map_io_range_to_ioreq_server(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    id: u16,
    range: IoRange,
) -> Result<()> {
    set_range(xen, domain, id, range, true)
}

/// Takes accesses away from an I/O request server (`XEN_DMOP_unmap_io_range_from_ioreq_server`).
#[doc = gate_row!(XEN_DMOP_unmap_io_range_from_ioreq_server)]
///
/// From Xen 4.5 to 4.8 by `HVMOP_unmap_io_range_from_ioreq_server`.
///
/// # Errors
///
/// [`Error::Refused`](crate::hypercall::Error::Refused) with EPERM, ESRCH, ENOENT; [`Error::Unsupported`](crate::hypercall::Error::Unsupported).
#[doc(alias = "XEN_DMOP_unmap_io_range_from_ioreq_server")]
pub fn unmap_io_range_from_ioreq_server(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    id: u16,
    range: IoRange,
) -> Result<()> {
    set_range(xen, domain, id, range, false)
}
