//! PCI devices, as the domain that owns the hardware tells Xen of them.

use xen_public::native::physdev::{
    PCI_DEVICE_RESET_COLD, PCI_DEVICE_RESET_FLR, PCI_DEVICE_RESET_HOT, PCI_DEVICE_RESET_WARM,
    PHYSDEVOP_DBGP_BUS_PCI, PHYSDEVOP_DBGP_BUS_UNKNOWN, PHYSDEVOP_DBGP_RESET_DONE,
    PHYSDEVOP_DBGP_RESET_PREPARE, XEN_PCI_DEV_EXTFN, XEN_PCI_DEV_PXM, XEN_PCI_DEV_VIRTFN,
    XEN_PCI_MMCFG_RESERVED, pci_device_reset as reset_argument, physdev_dbgp_op,
    physdev_manage_pci, physdev_manage_pci_ext, physdev_manage_pci_ext_physfn, physdev_pci_device,
    physdev_pci_device_add, physdev_pci_device_add_physfn, physdev_pci_mmcfg_reserved,
    physdev_restore_msi,
};

use crate::hypercall::{Conduit, Error, Result, Xen};
use crate::version::Operation;

/// A function of a PCI device, by its place.
#[doc(alias = "physdev_pci_device")]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PciDevice {
    /// The segment (also called domain).
    pub segment: u16,
    /// The bus.
    pub bus: u8,
    /// The device in the upper five bits, the function in the lower three.
    pub devfn: u8,
}

impl PciDevice {
    fn raw(self) -> physdev_pci_device {
        physdev_pci_device {
            seg: self.segment,
            bus: self.bus,
            devfn: self.devfn,
        }
    }
}

/// `0000:03:1c.2`
impl core::fmt::Display for PciDevice {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self {
            segment,
            bus,
            devfn,
        } = self;
        let (device, function) = (devfn >> 3, devfn & 7);
        write!(f, "{segment:04x}:{bus:02x}:{device:02x}.{function}")
    }
}

/// What kind of function it is, beside its place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct PciFunction {
    /// Whether it is one of more than eight of its device, with function numbers of eight bits
    /// (`XEN_PCI_DEV_EXTFN`).
    #[doc(alias = "XEN_PCI_DEV_EXTFN")]
    pub extended: bool,
    /// The bus and the device and function of the physical function, if this is a virtual one
    /// (`XEN_PCI_DEV_VIRTFN`).
    #[doc(alias = "XEN_PCI_DEV_VIRTFN")]
    pub physical: Option<(u8, u8)>,
    /// The proximity domain of the firmware's tables that it is near to (`XEN_PCI_DEV_PXM`).
    #[doc(alias = "XEN_PCI_DEV_PXM")]
    pub node: Option<u32>,
}

/// `physdev_pci_device_add` with its one optional parameter.
#[repr(C)]
struct Add {
    fixed: physdev_pci_device_add,
    node: u32,
}

const _: () = assert!(
    core::mem::offset_of!(Add, node) == core::mem::offset_of!(physdev_pci_device_add, optarr)
);

/// Tells Xen of a PCI device (`PHYSDEVOP_pci_device_add`), and returns the operation by which it
/// was told.
///
/// An older Xen is told by `PHYSDEVOP_manage_pci_add_ext`, which does not carry the node, or, if
/// there is nothing special about the function, by `PHYSDEVOP_manage_pci_add`. Both are for segment
/// 0 only.
///
/// For the domain that owns the hardware. Header: `xen/include/public/physdev.h`.
#[doc = gate_row!(PHYSDEVOP_pci_device_add)]
///
/// # Errors
///
/// [`Error::Unsupported`] where Xen can't be told of such a device; on ARM with a Xen that was not
/// started to pass PCI devices through, [`Error::Refused`] with EOPNOTSUPP may say so.
/// [`Error::Refused`] with EPERM for other domains, ENODEV for a device that Xen does not find.
#[doc(alias = "PHYSDEVOP_pci_device_add")]
#[doc(alias = "PHYSDEVOP_manage_pci_add_ext")]
#[doc(alias = "PHYSDEVOP_manage_pci_add")]
#[doc(alias = "physdev_pci_device_add")]
pub fn pci_device_add(
    xen: &Xen<impl Conduit>,
    device: PciDevice,
    function: PciFunction,
) -> Result<Operation> {
    let operation = Operation::PHYSDEVOP_pci_device_add;
    let flag = |set: bool, flag: i32| if set { flag as u32 } else { 0 };
    let (bus, devfn) = function.physical.unwrap_or_default();
    let mut argument = Add {
        fixed: physdev_pci_device_add {
            seg: device.segment,
            bus: device.bus,
            devfn: device.devfn,
            flags: flag(function.extended, XEN_PCI_DEV_EXTFN)
                | flag(function.physical.is_some(), XEN_PCI_DEV_VIRTFN)
                | flag(function.node.is_some(), XEN_PCI_DEV_PXM),
            physfn: physdev_pci_device_add_physfn { bus, devfn },
            ..physdev_pci_device_add::ZERO
        },
        node: function.node.unwrap_or_default(),
    };
    // SAFETY: the call reads one `physdev_pci_device_add` and the parameter behind it, and changes no
    // memory.
    match unsafe { xen.call_with(operation, &mut argument) } {
        Err(missing @ Error::Unsupported(_)) => older_add(xen, device, function, missing),
        result => result.map(|()| operation),
    }
}

/// Tells an older Xen of a device, or returns `missing` where it can't be told.
#[cold]
#[inline(never)]
fn older_add(
    xen: &Xen<impl Conduit>,
    device: PciDevice,
    function: PciFunction,
    missing: Error,
) -> Result<Operation> {
    if device.segment != 0 {
        return Err(missing);
    }
    let operation = Operation::PHYSDEVOP_manage_pci_add_ext;
    let (bus, devfn) = function.physical.unwrap_or_default();
    let mut argument = physdev_manage_pci_ext {
        bus: device.bus,
        devfn: device.devfn,
        is_extfn: function.extended.into(),
        is_virtfn: function.physical.is_some().into(),
        physfn: physdev_manage_pci_ext_physfn { bus, devfn },
        ..physdev_manage_pci_ext::ZERO
    };
    // SAFETY: the call reads one `physdev_manage_pci_ext` and changes no memory.
    match unsafe { xen.call_with(operation, &mut argument) } {
        Err(Error::Unsupported(_)) => {}
        result => return result.map(|()| operation),
    }
    if function.extended || function.physical.is_some() {
        return Err(missing);
    }
    let operation = Operation::PHYSDEVOP_manage_pci_add;
    manage(xen, operation, device, missing).map(|()| operation)
}

/// Tells Xen of a device by bus and function alone.
fn manage(
    xen: &Xen<impl Conduit>,
    operation: Operation,
    device: PciDevice,
    missing: Error,
) -> Result<()> {
    let mut argument = physdev_manage_pci {
        bus: device.bus,
        devfn: device.devfn,
    };
    // SAFETY: the call reads one `physdev_manage_pci` and changes no memory.
    match unsafe { xen.call_with(operation, &mut argument) } {
        Err(Error::Unsupported(_)) => Err(missing),
        result => result,
    }
}

/// Makes a call about a device, of which an older Xen knows those in segment 0 by another.
fn about(xen: &Xen<impl Conduit>, operation: Operation, device: PciDevice) -> Result<()> {
    let mut argument = device.raw();
    // SAFETY: the call reads one `physdev_pci_device` and changes no memory.
    unsafe { xen.call_with(operation, &mut argument) }
}

/// Tells Xen that a PCI device is gone (`PHYSDEVOP_pci_device_remove`). An older Xen is told of one
/// in segment 0 by `PHYSDEVOP_manage_pci_remove`.
///
/// For the domain that owns the hardware. Header: `xen/include/public/physdev.h`.
#[doc = gate_row!(PHYSDEVOP_pci_device_remove)]
///
/// # Errors
///
/// As [`pci_device_add`]; [`Error::Refused`] with EBUSY where the device is in use by another
/// domain.
#[doc(alias = "PHYSDEVOP_pci_device_remove")]
#[doc(alias = "PHYSDEVOP_manage_pci_remove")]
#[doc(alias = "physdev_manage_pci")]
pub fn pci_device_remove(xen: &Xen<impl Conduit>, device: PciDevice) -> Result<()> {
    match about(xen, Operation::PHYSDEVOP_pci_device_remove, device) {
        Err(missing @ Error::Unsupported(_)) if device.segment == 0 => {
            manage(xen, Operation::PHYSDEVOP_manage_pci_remove, device, missing)
        }
        result => result,
    }
}

/// Has Xen write a device's messages again, after it has lost them in its sleep
/// (`PHYSDEVOP_restore_msi_ext`). An older Xen does it in segment 0, by `PHYSDEVOP_restore_msi`.
///
/// For the domain that owns the hardware. Header: `xen/include/public/physdev.h`.
#[doc = gate_row!(PHYSDEVOP_restore_msi_ext)]
///
/// # Errors
///
/// [`Error::Refused`] with ENODEV for a device that Xen does not know; [`Error::Unsupported`] where
/// Xen has no such call for the device's segment.
#[doc(alias = "PHYSDEVOP_restore_msi_ext")]
#[doc(alias = "PHYSDEVOP_restore_msi")]
#[doc(alias = "physdev_restore_msi")]
pub fn restore_msi(xen: &Xen<impl Conduit>, device: PciDevice) -> Result<()> {
    let missing = match about(xen, Operation::PHYSDEVOP_restore_msi_ext, device) {
        Err(missing @ Error::Unsupported(_)) if device.segment == 0 => missing,
        result => return result,
    };
    let mut argument = physdev_restore_msi {
        bus: device.bus,
        devfn: device.devfn,
    };
    // SAFETY: the call reads one `physdev_restore_msi` and changes no memory.
    match unsafe { xen.call_with(Operation::PHYSDEVOP_restore_msi, &mut argument) } {
        Err(Error::Unsupported(_)) => Err(missing),
        result => result,
    }
}

/// Says that the memory of a device's table of messages will not move any more
/// (`PHYSDEVOP_prepare_msix`), so that Xen may keep others from it.
///
/// For the domain that owns the hardware. Header: `xen/include/public/physdev.h`.
#[doc = gate_row!(PHYSDEVOP_prepare_msix)]
///
/// # Errors
///
/// [`Error::Refused`] with ENODEV for a device that Xen does not know or that has no such table,
/// EPERM for other domains.
#[doc(alias = "PHYSDEVOP_prepare_msix")]
pub fn prepare_msix(xen: &Xen<impl Conduit>, device: PciDevice) -> Result<()> {
    about(xen, Operation::PHYSDEVOP_prepare_msix, device)
}

/// Takes [`prepare_msix`] back (`PHYSDEVOP_release_msix`).
///
/// For the domain that owns the hardware. Header: `xen/include/public/physdev.h`.
#[doc = gate_row!(PHYSDEVOP_release_msix)]
///
/// # Errors
///
/// As [`prepare_msix`]; EBUSY while messages of the table are in use.
#[doc(alias = "PHYSDEVOP_release_msix")]
pub fn release_msix(xen: &Xen<impl Conduit>, device: PciDevice) -> Result<()> {
    about(xen, Operation::PHYSDEVOP_release_msix, device)
}

/// How a device was reset.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
#[non_exhaustive]
pub enum Reset {
    /// By taking its power away (`PCI_DEVICE_RESET_COLD`).
    #[doc(alias = "PCI_DEVICE_RESET_COLD")]
    Cold = PCI_DEVICE_RESET_COLD as u8,
    /// With its power on (`PCI_DEVICE_RESET_WARM`).
    #[doc(alias = "PCI_DEVICE_RESET_WARM")]
    Warm = PCI_DEVICE_RESET_WARM as u8,
    /// By its bus or link (`PCI_DEVICE_RESET_HOT`).
    #[doc(alias = "PCI_DEVICE_RESET_HOT")]
    Hot = PCI_DEVICE_RESET_HOT as u8,
    /// The function alone (`PCI_DEVICE_RESET_FLR`).
    #[doc(alias = "PCI_DEVICE_RESET_FLR")]
    Function = PCI_DEVICE_RESET_FLR as u8,
}

/// Tells Xen that a device was reset, so that it forgets what it had noted of its registers
/// (`PHYSDEVOP_pci_device_reset`).
///
/// For the domain that owns the hardware. Header: `xen/include/public/physdev.h`.
#[doc = gate_row!(PHYSDEVOP_pci_device_reset)]
///
/// # Errors
///
/// [`Error::Refused`] with ENODEV for a device that Xen does not know, EPERM for other domains.
#[doc(alias = "PHYSDEVOP_pci_device_reset")]
pub fn pci_device_reset(xen: &Xen<impl Conduit>, device: PciDevice, reset: Reset) -> Result<()> {
    let mut argument = reset_argument {
        dev: device.raw(),
        flags: u32::from(reset as u8),
    };
    // SAFETY: the call reads one `pci_device_reset` and changes no memory.
    unsafe { xen.call_with(Operation::PHYSDEVOP_pci_device_reset, &mut argument) }
}

/// Tells Xen whether the firmware has reserved a stretch of memory-mapped configuration space
/// (`PHYSDEVOP_pci_mmcfg_reserved`). Xen uses only what is reserved.
///
/// `address` is that of bus 0 of the segment, `buses` are the first and the last one. For the
/// domain that owns the hardware. Header: `xen/include/public/physdev.h`.
#[doc = gate_row!(PHYSDEVOP_pci_mmcfg_reserved)]
///
/// # Errors
///
/// [`Error::Refused`] with ENODEV for a stretch that Xen has not found in the firmware's tables,
/// EPERM for other domains.
#[doc(alias = "PHYSDEVOP_pci_mmcfg_reserved")]
#[doc(alias = "physdev_pci_mmcfg_reserved")]
pub fn pci_mmcfg_reserved(
    xen: &Xen<impl Conduit>,
    address: u64,
    segment: u16,
    buses: (u8, u8),
    reserved: bool,
) -> Result<()> {
    let (start_bus, end_bus) = buses;
    let flags = if reserved { XEN_PCI_MMCFG_RESERVED } else { 0 };
    let mut argument = physdev_pci_mmcfg_reserved {
        address,
        segment,
        start_bus,
        end_bus,
        flags: flags as u32,
    };
    // SAFETY: the call reads one `physdev_pci_mmcfg_reserved`; Xen maps the space for itself.
    unsafe { xen.call_with(Operation::PHYSDEVOP_pci_mmcfg_reserved, &mut argument) }
}

/// Which moment of a reset of the debug port it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
#[non_exhaustive]
pub enum DbgpReset {
    /// Before (`PHYSDEVOP_DBGP_RESET_PREPARE`).
    #[doc(alias = "PHYSDEVOP_DBGP_RESET_PREPARE")]
    Prepare = PHYSDEVOP_DBGP_RESET_PREPARE as u8,
    /// After (`PHYSDEVOP_DBGP_RESET_DONE`).
    #[doc(alias = "PHYSDEVOP_DBGP_RESET_DONE")]
    Done = PHYSDEVOP_DBGP_RESET_DONE as u8,
}

/// Where the debug port's controller is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum DbgpBus {
    /// The guest can't tell (`PHYSDEVOP_DBGP_BUS_UNKNOWN`).
    #[doc(alias = "PHYSDEVOP_DBGP_BUS_UNKNOWN")]
    Unknown,
    /// It is this PCI device (`PHYSDEVOP_DBGP_BUS_PCI`).
    #[doc(alias = "PHYSDEVOP_DBGP_BUS_PCI")]
    Pci(PciDevice),
}

/// Tells Xen of a reset of the USB controller whose debug port its console may be on
/// (`PHYSDEVOP_dbgp_op`).
///
/// For the domain that owns the hardware. Header: `xen/include/public/physdev.h`.
#[doc = gate_row!(PHYSDEVOP_dbgp_op)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM for other domains, ENOSYS or EOPNOTSUPP where Xen uses no such
/// port, EINVAL for another controller.
#[doc(alias = "PHYSDEVOP_dbgp_op")]
#[doc(alias = "physdev_dbgp_op")]
pub fn dbgp_op(xen: &Xen<impl Conduit>, reset: DbgpReset, bus: DbgpBus) -> Result<()> {
    let mut argument = physdev_dbgp_op {
        op: reset as u8,
        bus: PHYSDEVOP_DBGP_BUS_UNKNOWN as u8,
        ..physdev_dbgp_op::ZERO
    };
    if let DbgpBus::Pci(device) = bus {
        argument.bus = PHYSDEVOP_DBGP_BUS_PCI as u8;
        argument.u.pci = device.raw();
    }
    // SAFETY: the call reads one `physdev_dbgp_op` and changes no memory.
    unsafe { xen.call_with(Operation::PHYSDEVOP_dbgp_op, &mut argument) }
}
