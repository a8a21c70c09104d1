//! Parameters of a translated guest.

use core::fmt;

use xen_public::errno::Errno;
use xen_public::native::hvm::hvm_op::xen_hvm_param;
use xen_public::xen::DomId;

use crate::hypercall::{Conduit, Error, Result, Xen};
use crate::version::{Kind, Operation};

/// A parameter of a translated guest, by its index (`HVM_PARAM_`). Other numbers can be made.
///
/// ```
/// use xen_abi::hypercall::hvm_op::HvmParam;
///
/// assert_eq!(HvmParam::CONSOLE_PFN.index(), 17);
/// assert_eq!(format!("{}", HvmParam::new(17)), "HVM_PARAM_CONSOLE_PFN");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HvmParam(u32);

macro_rules! params {
    ($($(#[$doc:meta])* $name:ident = $row:ident,)*) => {
        impl HvmParam {
            $(
                $(#[$doc])*
                #[doc = gate_row!($row)]
                pub const $name: Self = Self(Operation::$row.number());
            )*
        }
    };
}

params! {
    /// How events reach the guest: a [`CallbackVia`].
    #[doc(alias = "HVM_PARAM_CALLBACK_IRQ")]
    CALLBACK_IRQ = HVM_PARAM_CALLBACK_IRQ,
    /// The frame of the xenstore ring.
    #[doc(alias = "HVM_PARAM_STORE_PFN")]
    STORE_PFN = HVM_PARAM_STORE_PFN,
    /// The event channel of the xenstore ring.
    #[doc(alias = "HVM_PARAM_STORE_EVTCHN")]
    STORE_EVTCHN = HVM_PARAM_STORE_EVTCHN,
    /// Whether the guest has local APICs.
    #[doc(alias = "HVM_PARAM_APIC_ENABLED")]
    APIC_ENABLED = HVM_PARAM_APIC_ENABLED,
    /// Whether the guest may use PAE.
    #[doc(alias = "HVM_PARAM_PAE_ENABLED")]
    PAE_ENABLED = HVM_PARAM_PAE_ENABLED,
    /// The frame of the device model's requests.
    #[doc(alias = "HVM_PARAM_IOREQ_PFN")]
    IOREQ_PFN = HVM_PARAM_IOREQ_PFN,
    /// The frame of the device model's buffered requests.
    #[doc(alias = "HVM_PARAM_BUFIOREQ_PFN")]
    BUFIOREQ_PFN = HVM_PARAM_BUFIOREQ_PFN,
    /// Which of Viridian's interfaces the guest has.
    #[doc(alias = "HVM_PARAM_VIRIDIAN")]
    VIRIDIAN = HVM_PARAM_VIRIDIAN,
    /// What becomes of timer ticks that the guest missed.
    #[doc(alias = "HVM_PARAM_TIMER_MODE")]
    TIMER_MODE = HVM_PARAM_TIMER_MODE,
    /// Whether the guest has an HPET.
    #[doc(alias = "HVM_PARAM_HPET_ENABLED")]
    HPET_ENABLED = HVM_PARAM_HPET_ENABLED,
    /// The address of a page table that maps each address to itself.
    #[doc(alias = "HVM_PARAM_IDENT_PT")]
    IDENT_PT = HVM_PARAM_IDENT_PT,
    /// The domain that runs the device model.
    #[doc(alias = "HVM_PARAM_DM_DOMAIN")]
    DM_DOMAIN = HVM_PARAM_DM_DOMAIN,
    /// The guest's ACPI sleep state.
    #[doc(alias = "HVM_PARAM_ACPI_S_STATE")]
    ACPI_S_STATE = HVM_PARAM_ACPI_S_STATE,
    /// The address of the task state for virtual 8086 mode.
    #[doc(alias = "HVM_PARAM_VM86_TSS")]
    VM86_TSS = HVM_PARAM_VM86_TSS,
    /// To which period timers are aligned.
    #[doc(alias = "HVM_PARAM_VPT_ALIGN")]
    VPT_ALIGN = HVM_PARAM_VPT_ALIGN,
    /// The frame of the console ring.
    #[doc(alias = "HVM_PARAM_CONSOLE_PFN")]
    CONSOLE_PFN = HVM_PARAM_CONSOLE_PFN,
    /// The event channel of the console ring.
    #[doc(alias = "HVM_PARAM_CONSOLE_EVTCHN")]
    CONSOLE_EVTCHN = HVM_PARAM_CONSOLE_EVTCHN,
    /// Where the ACPI ports are.
    #[doc(alias = "HVM_PARAM_ACPI_IOPORTS_LOCATION")]
    ACPI_IOPORTS_LOCATION = HVM_PARAM_ACPI_IOPORTS_LOCATION,
    /// Which writes to CR0 are told.
    #[doc(alias = "HVM_PARAM_MEMORY_EVENT_CR0")]
    MEMORY_EVENT_CR0 = HVM_PARAM_MEMORY_EVENT_CR0,
    /// Which writes to CR3 are told.
    #[doc(alias = "HVM_PARAM_MEMORY_EVENT_CR3")]
    MEMORY_EVENT_CR3 = HVM_PARAM_MEMORY_EVENT_CR3,
    /// Which writes to CR4 are told.
    #[doc(alias = "HVM_PARAM_MEMORY_EVENT_CR4")]
    MEMORY_EVENT_CR4 = HVM_PARAM_MEMORY_EVENT_CR4,
    /// Whether breakpoints are told.
    #[doc(alias = "HVM_PARAM_MEMORY_EVENT_INT3")]
    MEMORY_EVENT_INT3 = HVM_PARAM_MEMORY_EVENT_INT3,
    /// Whether the guest can be a hypervisor itself.
    #[doc(alias = "HVM_PARAM_NESTEDHVM")]
    NESTEDHVM = HVM_PARAM_NESTEDHVM,
    /// Whether single steps are told.
    #[doc(alias = "HVM_PARAM_MEMORY_EVENT_SINGLE_STEP")]
    MEMORY_EVENT_SINGLE_STEP = HVM_PARAM_MEMORY_EVENT_SINGLE_STEP,
    /// The event channel of the device model's buffered requests.
    #[doc(alias = "HVM_PARAM_BUFIOREQ_EVTCHN")]
    BUFIOREQ_EVTCHN = HVM_PARAM_BUFIOREQ_EVTCHN,
    /// The frame of the pager's ring.
    #[doc(alias = "HVM_PARAM_PAGING_RING_PFN")]
    PAGING_RING_PFN = HVM_PARAM_PAGING_RING_PFN,
    /// The frame of the monitor's ring.
    #[doc(alias = "HVM_PARAM_MONITOR_RING_PFN")]
    MONITOR_RING_PFN = HVM_PARAM_MONITOR_RING_PFN,
    /// The frame of the ring of page sharing.
    #[doc(alias = "HVM_PARAM_SHARING_RING_PFN")]
    SHARING_RING_PFN = HVM_PARAM_SHARING_RING_PFN,
    /// Whether writes to model-specific registers are told.
    #[doc(alias = "HVM_PARAM_MEMORY_EVENT_MSR")]
    MEMORY_EVENT_MSR = HVM_PARAM_MEMORY_EVENT_MSR,
    /// What a triple fault means (`SHUTDOWN_`).
    #[doc(alias = "HVM_PARAM_TRIPLE_FAULT_REASON")]
    TRIPLE_FAULT_REASON = HVM_PARAM_TRIPLE_FAULT_REASON,
    /// The first frame for I/O request servers.
    #[doc(alias = "HVM_PARAM_IOREQ_SERVER_PFN")]
    IOREQ_SERVER_PFN = HVM_PARAM_IOREQ_SERVER_PFN,
    /// The number of frames for I/O request servers.
    #[doc(alias = "HVM_PARAM_NR_IOREQ_SERVER_PAGES")]
    NR_IOREQ_SERVER_PAGES = HVM_PARAM_NR_IOREQ_SERVER_PAGES,
    /// The address of the generation number.
    #[doc(alias = "HVM_PARAM_VM_GENERATION_ID_ADDR")]
    VM_GENERATION_ID_ADDR = HVM_PARAM_VM_GENERATION_ID_ADDR,
    /// Who may use alternative views of memory.
    #[doc(alias = "HVM_PARAM_ALTP2M")]
    ALTP2M = HVM_PARAM_ALTP2M,
    /// How wide the floating-point unit's instruction pointer is saved.
    #[doc(alias = "HVM_PARAM_X87_FIP_WIDTH")]
    X87_FIP_WIDTH = HVM_PARAM_X87_FIP_WIDTH,
    /// The address of the task state for virtual 8086 mode, with its size.
    #[doc(alias = "HVM_PARAM_VM86_TSS_SIZED")]
    VM86_TSS_SIZED = HVM_PARAM_VM86_TSS_SIZED,
    /// What the guest has of machine checks.
    #[doc(alias = "HVM_PARAM_MCA_CAP")]
    MCA_CAP = HVM_PARAM_MCA_CAP,
}

impl HvmParam {
    /// The parameter of this index, known or not.
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The index.
    pub const fn index(self) -> u32 {
        self.0
    }

    /// The table's rows of this index: the later name where it had two.
    fn rows(self) -> impl Iterator<Item = Operation> {
        Operation::all().filter(move |row| {
            row.kind() == Kind::Param
                && row.hypercall() == Operation::__HYPERVISOR_hvm_op.hypercall()
                && row.number() == self.0
        })
    }
}

/// The name in the headers, or the index.
impl fmt::Display for HvmParam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rows().last() {
            Some(row) => f.pad(row.name()),
            None => fmt::Display::fmt(&self.0, f),
        }
    }
}

impl fmt::Debug for HvmParam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HvmParam({self})")
    }
}

/// How events reach the first processor of a translated guest, or all of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum CallbackVia {
    /// Not at all.
    None,
    /// By an interrupt line of the platform; not line 0.
    #[doc(alias = "HVM_PARAM_CALLBACK_TYPE_GSI")]
    Gsi(u32),
    /// By an interrupt line of a PCI device.
    #[doc(alias = "HVM_PARAM_CALLBACK_TYPE_PCI_INTX")]
    PciIntx {
        /// The PCI segment.
        domain: u16,
        /// The bus.
        bus: u8,
        /// Device (upper five bits) and function.
        devfn: u8,
        /// The line, 0 (A) to 3 (D).
        intx: u8,
    },
    /// By a vector, on each processor, with `XENFEAT_hvm_callback_vector` (x86).
    #[doc(alias = "HVM_PARAM_CALLBACK_TYPE_VECTOR")]
    Vector(u8),
    /// By a private interrupt of each processor, as the device tree says (ARM, where Xen chooses it).
    #[doc(alias = "HVM_PARAM_CALLBACK_TYPE_PPI")]
    Ppi {
        /// Its number.
        number: u8,
        /// Whether an edge raises it, not a level.
        edge: bool,
        /// Whether low means raised.
        low: bool,
    },
}

impl CallbackVia {
    /// The value of [`HvmParam::CALLBACK_IRQ`].
    pub const fn value(self) -> u64 {
        const TYPE: u32 = 56;
        match self {
            Self::None => 0,
            Self::Gsi(line) => line as u64,
            Self::PciIntx {
                domain,
                bus,
                devfn,
                intx,
            } => {
                1 << TYPE
                    | (domain as u64) << 32
                    | (bus as u64) << 16
                    | (devfn as u64) << 8
                    | (intx & 3) as u64
            }
            Self::Vector(vector) => 2 << TYPE | vector as u64,
            Self::Ppi { number, edge, low } => {
                2 << TYPE | (low as u64) << 9 | (edge as u64) << 8 | number as u64
            }
        }
    }
}

/// The error for a parameter, once Xen's own has come: releases that don't know an index answer EINVAL,
/// as they do to a wrong value.
#[cold]
fn refused<C>(xen: &Xen<C>, param: HvmParam, error: Error) -> Error {
    let Error::Refused { errno, .. } = error else {
        return error;
    };
    let known = param.rows().any(|row| xen.can(row).is_ok());
    match param.rows().last().map(|row| xen.can(row)) {
        Some(Err(unsupported)) if errno == Errno::EINVAL && !known => unsupported.into(),
        _ => error,
    }
}

/// Reads a parameter of a guest (`HVMOP_get_param`). `domain` is [`DomId::SELF`] or one that the caller
/// controls. Header: `xen/include/public/hvm/hvm_op.h`, `params.h`.
#[doc = gate_row!(HVMOP_get_param)]
///
/// # Errors
///
/// [`Error::Refused`] with EPERM for parameters that the guest itself may not read, with EINVAL for a PV
/// guest or an unknown index; [`Error::Unsupported`] also for an index that another release knows.
#[doc(alias = "HVMOP_get_param")]
#[doc(alias = "xen_hvm_param")]
pub fn get_param(xen: &Xen<impl Conduit>, domain: DomId, param: HvmParam) -> Result<u64> {
    let mut argument = xen_hvm_param {
        domid: domain.get(),
        index: param.0,
        ..xen_hvm_param::ZERO
    };
    // SAFETY: the call reads and writes the structure.
    unsafe { xen.call_with(Operation::HVMOP_get_param, &mut argument) }
        .map_err(|error| refused(xen, param, error))?;
    Ok(argument.value)
}

/// Sets a parameter of a guest (`HVMOP_set_param`). `domain` is [`DomId::SELF`] or one that the caller
/// controls. Header: `xen/include/public/hvm/hvm_op.h`, `params.h`.
#[doc = gate_row!(HVMOP_set_param)]
///
/// # Errors
///
/// As [`get_param`]; EEXIST for a parameter that is set once only.
///
/// # Safety
///
/// What the parameter makes Xen do breaks nothing: the memory that it names is given to Xen, the interrupt
/// that it names has a handler.
#[doc(alias = "HVMOP_set_param")]
pub unsafe fn set_param(
    xen: &Xen<impl Conduit>,
    domain: DomId,
    param: HvmParam,
    value: u64,
) -> Result<()> {
    let mut argument = xen_hvm_param {
        domid: domain.get(),
        index: param.0,
        value,
        ..xen_hvm_param::ZERO
    };
    // SAFETY: the call reads the structure; for what Xen does then the caller vouches.
    unsafe { xen.call_with(Operation::HVMOP_set_param, &mut argument) }
        .map_err(|error| refused(xen, param, error))
}
