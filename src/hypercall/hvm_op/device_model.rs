//! What a device model did by `HYPERVISOR_hvm_op` before Xen 4.9.
//!
//! The functions of [`dm_op`](crate::hypercall::dm_op) turn to these where that hypercall is missing; call
//! those. The structures are not in today's headers. They are laid out the same on x86_32 and x86_64: 64-bit
//! words lie at multiples of eight, and holes are bytes that Xen does not look at.
//!
//! Three of them changed. Up to Xen 4.4 a number of pages was 64 bits wide and stood after the first
//! frame in [`track_dirty_vram`] and [`modified_memory`]; both forms are here. [`set_mem_type`] has its
//! form since 4.2, and [`inject_trap`] too: in older releases they are not offered here.

use xen_public::xen::{DomId, Gfn, VcpuId};

use super::MemType;
use crate::hypercall::native::Handle;
use crate::hypercall::{Conduit, Error, Result, Unsupported, Why, Xen};
use crate::version::{Operation, Release, Span};

/// The release that made a number of pages 32 bits wide.
const NARROW: Release = Release::new(4, 5, 0);

/// The release from which the forms of today were kept.
const SETTLED: Release = Release::new(4, 2, 0);

macro_rules! historical {
    ($($(#[$doc:meta])* $name:ident: $size:literal { $($field:ident: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy)]
            #[repr(C, align(8))]
            pub(super) struct $name { $(pub(super) $field: $type,)* }
            const _: () = assert!(size_of::<$name>() == $size);
        )*
    };
}

historical! {
    /// Of 4.5 to 4.8: the domain at 0, the number at 4, the first frame at 8, the bitmap's address at 16.
    TrackVram: 24 { domid: u16, pad: u16, nr: u32, first_pfn: u64, dirty_bitmap: u64, }
    /// Of 3.3 to 4.4: the domain at 0, the first frame at 8, the number at 16, the bitmap's address at 24.
    WideTrackVram: 32 { domid: u16, pad: [u16; 3], first_pfn: u64, nr: u64, dirty_bitmap: u64, }
    /// Of 4.5 to 4.8: the domain at 0, the number at 4, the first frame at 8.
    Modified: 16 { domid: u16, pad: u16, nr: u32, first_pfn: u64, }
    /// Of 3.3 to 4.4: the domain at 0, the first frame at 8, the number at 16.
    WideModified: 24 { domid: u16, pad: [u16; 3], first_pfn: u64, nr: u64, }
    /// Of 4.2 to 4.8: the domain at 0, the type at 2, the number at 4, the first frame at 8.
    SetMemType: 16 { domid: u16, hvmmem_type: u16, nr: u32, first_pfn: u64, }
    /// Of 4.2 to 4.8: the domain at 0, then words of 32 bits from 4 on, the page fault's address at 24.
    InjectTrap: 32 { domid: u16, pad: u16, vcpuid: u32, vector: u32, kind: u32, error_code: u32, insn_len: u32, cr2: u64, }
    /// Of 4.2 to 4.8: the domain at 0, the data at 4, the address at 8.
    InjectMsi: 16 { domid: u16, pad: u16, data: u32, addr: u64, }
    /// Of 4.5 to 4.8: the domain at 0, the server at 2, the port at 4, frames at 8 and 16.
    IoreqServerInfo: 24 { domid: u16, id: u16, bufioreq_port: u32, ioreq_pfn: u64, bufioreq_pfn: u64, }
    /// Of 4.5 to 4.8: the domain at 0, the server at 2, the type at 4, first and last at 8 and 16.
    IoRange: 24 { domid: u16, id: u16, kind: u32, start: u64, end: u64, }
}

/// Of 4.5 to 4.8: six bytes, the domain at 0, the buffering at 2, the server at 4.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct CreateIoreqServer {
    pub(super) domid: u16,
    pub(super) handle_bufioreq: u8,
    pub(super) pad: u8,
    pub(super) id: u16,
}

/// Of 4.5 to 4.8: four bytes, the domain at 0, the server at 2.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct DestroyIoreqServer {
    pub(super) domid: u16,
    pub(super) id: u16,
}

/// Of 4.5 to 4.8: six bytes, the domain at 0, the server at 2, the state at 4.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct SetIoreqServerState {
    pub(super) domid: u16,
    pub(super) id: u16,
    pub(super) enabled: u8,
    pub(super) pad: u8,
}

/// Of 3.0.4 to 4.8: seven bytes and a hole, a byte for each after the domain.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct SetPciIntxLevel {
    pub(super) domid: u16,
    pub(super) domain: u8,
    pub(super) bus: u8,
    pub(super) device: u8,
    pub(super) intx: u8,
    pub(super) level: u8,
    pub(super) pad: u8,
}

/// Of 3.0.4 to 4.8: four bytes, the domain at 0, two more.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct TwoBytes {
    pub(super) domid: u16,
    pub(super) first: u8,
    pub(super) second: u8,
}

const _: () = assert!(size_of::<CreateIoreqServer>() == 6);
const _: () = assert!(size_of::<DestroyIoreqServer>() == 4);
const _: () = assert!(size_of::<SetIoreqServerState>() == 6);
const _: () = assert!(size_of::<SetPciIntxLevel>() == 8);
const _: () = assert!(size_of::<TwoBytes>() == 4);

/// Makes a call whose argument names no other memory.
fn operate<T: Copy>(xen: &Xen<impl Conduit>, operation: Operation, argument: T) -> Result<T> {
    let mut argument = argument;
    // SAFETY: the call reads and writes the structure. What it changes is another domain's.
    unsafe { xen.call_with(operation, &mut argument) }?;
    Ok(argument)
}

/// What is missing where this crate does not speak the form of the running release.
fn settled<C>(xen: &Xen<C>, operation: Operation) -> Result<()> {
    xen.can(operation)?;
    if !xen.release().before(SETTLED) {
        return Ok(());
    }
    Err(Error::Unsupported(Unsupported {
        operation,
        why: Why::Release {
            running: xen.release(),
            guest: xen.guest(),
            span: Span {
                first: SETTLED,
                end: None,
            },
        },
    }))
}

/// Sets a PCI interrupt line of `domain` (`HVMOP_set_pci_intx_level`).
#[doc = gate_row!(HVMOP_set_pci_intx_level)]
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`].
#[doc(alias = "HVMOP_set_pci_intx_level")]
pub fn set_pci_intx_level(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    [segment, bus, device, intx]: [u8; 4],
    level: bool,
) -> Result<()> {
    let argument = SetPciIntxLevel {
        domid: domain.get(),
        domain: segment,
        bus,
        device,
        intx,
        level: level.into(),
        pad: 0,
    };
    operate(xen, Operation::HVMOP_set_pci_intx_level, argument).map(drop)
}

/// Sets an ISA interrupt line of `domain` (`HVMOP_set_isa_irq_level`).
#[doc = gate_row!(HVMOP_set_isa_irq_level)]
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`].
#[doc(alias = "HVMOP_set_isa_irq_level")]
pub fn set_isa_irq_level(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    isa_irq: u8,
    level: bool,
) -> Result<()> {
    let argument = TwoBytes {
        domid: domain.get(),
        first: isa_irq,
        second: level.into(),
    };
    operate(xen, Operation::HVMOP_set_isa_irq_level, argument).map(drop)
}

/// Connects a PCI link of `domain` with an ISA interrupt, 0 for none (`HVMOP_set_pci_link_route`).
#[doc = gate_row!(HVMOP_set_pci_link_route)]
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`].
#[doc(alias = "HVMOP_set_pci_link_route")]
pub fn set_pci_link_route(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    link: u8,
    isa_irq: u8,
) -> Result<()> {
    let argument = TwoBytes {
        domid: domain.get(),
        first: link,
        second: isa_irq,
    };
    operate(xen, Operation::HVMOP_set_pci_link_route, argument).map(drop)
}

/// Which pages of a range were written since the last time, a bit for each (`HVMOP_track_dirty_vram`).
#[doc = gate_row!(HVMOP_track_dirty_vram)]
///
/// # Errors
///
/// [`Error::Argument`] for a bitmap that is too short; [`Error::Refused`], [`Error::Unsupported`].
#[doc(alias = "HVMOP_track_dirty_vram")]
pub fn track_dirty_vram(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    first: Gfn,
    pages: u32,
    bitmap: &mut [u8],
) -> Result<()> {
    let operation = Operation::HVMOP_track_dirty_vram;
    if bitmap.len() < pages.div_ceil(8) as usize {
        return Err(Error::Argument {
            call: operation.name(),
            argument: "nr",
            value: pages.into(),
        });
    }
    let handle = xen_public::handle::Handle64::<u8>::of(bitmap.as_mut_ptr().expose_provenance());
    let (domid, first_pfn, dirty_bitmap) = (domain.get(), first.get(), handle.raw());
    // The bitmap is borrowed here, and is as long as the call may write.
    if xen.release().before(NARROW) {
        let argument = WideTrackVram {
            domid,
            pad: [0; 3],
            first_pfn,
            nr: pages.into(),
            dirty_bitmap,
        };
        operate(xen, operation, argument).map(drop)
    } else {
        let argument = TrackVram {
            domid,
            pad: 0,
            nr: pages,
            first_pfn,
            dirty_bitmap,
        };
        operate(xen, operation, argument).map(drop)
    }
}

/// Tells Xen that the device model has written pages of `domain` (`HVMOP_modified_memory`).
#[doc = gate_row!(HVMOP_modified_memory)]
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`].
#[doc(alias = "HVMOP_modified_memory")]
pub fn modified_memory(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    first: Gfn,
    pages: u32,
) -> Result<()> {
    let operation = Operation::HVMOP_modified_memory;
    let (domid, first_pfn) = (domain.get(), first.get());
    if xen.release().before(NARROW) {
        let argument = WideModified {
            domid,
            pad: [0; 3],
            first_pfn,
            nr: pages.into(),
        };
        operate(xen, operation, argument).map(drop)
    } else {
        let argument = Modified {
            domid,
            pad: 0,
            nr: pages,
            first_pfn,
        };
        operate(xen, operation, argument).map(drop)
    }
}

/// Sets what pages of `domain` are to its processors (`HVMOP_set_mem_type`).
#[doc = gate_row!(HVMOP_set_mem_type)]
///
/// # Errors
///
/// [`Error::Refused`]; [`Error::Unsupported`] also before Xen 4.2.
#[doc(alias = "HVMOP_set_mem_type")]
pub fn set_mem_type(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    first: Gfn,
    pages: u32,
    kind: MemType,
) -> Result<()> {
    let operation = Operation::HVMOP_set_mem_type;
    settled(xen, operation)?;
    let argument = SetMemType {
        domid: domain.get(),
        hvmmem_type: kind.get(),
        nr: pages,
        first_pfn: first.get(),
    };
    operate(xen, operation, argument).map(drop)
}

/// An event for a processor, as [`inject_trap`] and its successor have it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[doc(alias = "xen_hvm_inject_trap")]
#[doc(alias = "xen_dm_op_inject_event")]
pub struct Event {
    /// The processor.
    pub vcpu: VcpuId,
    /// The vector.
    pub vector: u8,
    /// What kind of event it is (`XEN_DMOP_EVENT_`): 0 an external interrupt, 2 an NMI, 3 a hardware
    /// exception, 4 a software interrupt, 5 a privileged software exception, 6 a software exception.
    pub kind: u8,
    /// The length of the instruction, for software interrupts and exceptions.
    pub insn_len: u8,
    /// The error code, if there is one.
    pub error_code: Option<u32>,
    /// The address of a page fault.
    pub cr2: u64,
}

/// Makes an event happen on a processor of `domain` (`HVMOP_inject_trap`).
#[doc = gate_row!(HVMOP_inject_trap)]
///
/// # Errors
///
/// [`Error::Refused`]; [`Error::Unsupported`] also in Xen 4.1.
#[doc(alias = "HVMOP_inject_trap")]
pub fn inject_trap(xen: &Xen<impl Conduit>, domain: DomId, event: Event) -> Result<()> {
    let operation = Operation::HVMOP_inject_trap;
    settled(xen, operation)?;
    let argument = InjectTrap {
        domid: domain.get(),
        pad: 0,
        vcpuid: event.vcpu.get(),
        vector: event.vector.into(),
        kind: event.kind.into(),
        error_code: event.error_code.unwrap_or(u32::MAX),
        insn_len: event.insn_len.into(),
        cr2: event.cr2,
    };
    operate(xen, operation, argument).map(drop)
}

/// Sends a message-signalled interrupt of a device of `domain` (`HVMOP_inject_msi`).
#[doc = gate_row!(HVMOP_inject_msi)]
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`].
#[doc(alias = "HVMOP_inject_msi")]
pub fn inject_msi(xen: &Xen<impl Conduit>, domain: DomId, address: u64, data: u32) -> Result<()> {
    let argument = InjectMsi {
        domid: domain.get(),
        pad: 0,
        data,
        addr: address,
    };
    operate(xen, Operation::HVMOP_inject_msi, argument).map(drop)
}

/// Creates an I/O request server (`HVMOP_create_ioreq_server`) and tells its number; `buffering` is 0
/// for none, 1 for the old way, 2 (from Xen 4.6) with pointers updated at once.
#[doc = gate_row!(HVMOP_create_ioreq_server)]
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`].
#[doc(alias = "HVMOP_create_ioreq_server")]
pub fn create_ioreq_server(xen: &Xen<impl Conduit>, domain: DomId, buffering: u8) -> Result<u16> {
    let argument = CreateIoreqServer {
        domid: domain.get(),
        handle_bufioreq: buffering,
        pad: 0,
        id: 0,
    };
    Ok(operate(xen, Operation::HVMOP_create_ioreq_server, argument)?.id)
}

/// Where an I/O request server's pages are, and its event channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServerInfo {
    /// The frame of the requests, in the guest that is served.
    pub ioreq: Gfn,
    /// The frame of the buffered requests.
    pub bufioreq: Gfn,
    /// The event channel of the buffered requests; 0 without buffering.
    pub bufioreq_port: u32,
}

/// Tells where an I/O request server's pages are (`HVMOP_get_ioreq_server_info`).
#[doc = gate_row!(HVMOP_get_ioreq_server_info)]
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`].
#[doc(alias = "HVMOP_get_ioreq_server_info")]
pub fn get_ioreq_server_info(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    id: u16,
) -> Result<ServerInfo> {
    let argument = IoreqServerInfo {
        domid: domain.get(),
        id,
        bufioreq_port: 0,
        ioreq_pfn: 0,
        bufioreq_pfn: 0,
    };
    let found = operate(xen, Operation::HVMOP_get_ioreq_server_info, argument)?;
    Ok(ServerInfo {
        ioreq: Gfn::new(found.ioreq_pfn),
        bufioreq: Gfn::new(found.bufioreq_pfn),
        bufioreq_port: found.bufioreq_port,
    })
}

/// Gives accesses to an I/O request server, or takes them away (`HVMOP_map_io_range_to_ioreq_server`,
/// `HVMOP_unmap_io_range_from_ioreq_server`): `kind` is 0 for ports, 1 for memory, 2 for PCI functions,
/// the range includes both ends.
#[doc = gate_row!(HVMOP_map_io_range_to_ioreq_server)]
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`].
#[doc(alias = "HVMOP_map_io_range_to_ioreq_server")]
#[doc(alias = "HVMOP_unmap_io_range_from_ioreq_server")]
pub fn set_io_range(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    id: u16,
    (kind, start, end): (u32, u64, u64),
    mapped: bool,
) -> Result<()> {
    let operation = if mapped {
        Operation::HVMOP_map_io_range_to_ioreq_server
    } else {
        Operation::HVMOP_unmap_io_range_from_ioreq_server
    };
    let argument = IoRange {
        domid: domain.get(),
        id,
        kind,
        start,
        end,
    };
    operate(xen, operation, argument).map(drop)
}

/// Starts or stops an I/O request server (`HVMOP_set_ioreq_server_state`).
#[doc = gate_row!(HVMOP_set_ioreq_server_state)]
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`].
#[doc(alias = "HVMOP_set_ioreq_server_state")]
pub fn set_ioreq_server_state(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    id: u16,
    enabled: bool,
) -> Result<()> {
    let argument = SetIoreqServerState {
        domid: domain.get(),
        id,
        enabled: enabled.into(),
        pad: 0,
    };
    operate(xen, Operation::HVMOP_set_ioreq_server_state, argument).map(drop)
}

/// Destroys an I/O request server (`HVMOP_destroy_ioreq_server`).
#[doc = gate_row!(HVMOP_destroy_ioreq_server)]
///
/// # Errors
///
/// [`Error::Refused`], [`Error::Unsupported`].
#[doc(alias = "HVMOP_destroy_ioreq_server")]
pub fn destroy_ioreq_server(xen: &Xen<impl Conduit>, domain: DomId, id: u16) -> Result<()> {
    let argument = DestroyIoreqServer {
        domid: domain.get(),
        id,
    };
    operate(xen, Operation::HVMOP_destroy_ioreq_server, argument).map(drop)
}
