//! The core of the guest interface (`xen/include/public/xen.h`).
//!
//! Who is who (domains, virtual processors, virtual interrupts), the frame numbers
//! that all page-granular interfaces speak in, the page that Xen shares with a domain
//! ([`SharedInfoX86_64`] and its kin), the clock in it ([`VcpuTimeInfo`]) and the page
//! that a PV guest finds at start ([`StartInfoX86_64`]).

mod frame;
mod shared_info;
mod start_info;
mod time;
mod uuid;

pub use frame::{FrameTooWide, Gfn, Mfn, PAGE_SHIFT, PAGE_SIZE, Pfn};
pub use shared_info::{
    SharedInfoArm, SharedInfoX86_32, SharedInfoX86_64, VcpuInfoArm, VcpuInfoX86_32, VcpuInfoX86_64,
    WallClock,
};
pub use start_info::{
    BadMagic, MAX_GUEST_CMDLINE, StartConsole, StartFlags, StartInfoX86_32, StartInfoX86_64,
    XenMultibootMod,
};
pub use time::{PvclockFlags, TimeScale, VcpuTimeInfo};
pub use uuid::{ParseUuidError, Uuid};

crate::words::transparent! {
    /// A domain's number. Prints as the plain number, as xenstore paths want it;
    /// debug-prints a reserved one by its name.
    ///
    /// Numbers from [`FIRST_RESERVED`](Self::FIRST_RESERVED) on are never those of an
    /// ordinary domain.
    #[doc(alias = "domid_t")]
    DomId(u16)
}

impl DomId {
    /// The first number that no ordinary domain has.
    #[doc(alias = "DOMID_FIRST_RESERVED")]
    pub const FIRST_RESERVED: Self = Self(0x7ff0);

    /// The calling domain itself, where an interface allows it.
    #[doc(alias = "DOMID_SELF")]
    pub const SELF: Self = Self(0x7ff0);

    /// As the foreign domain of a page table update: maps only I/O memory.
    #[doc(alias = "DOMID_IO")]
    pub const IO: Self = Self(0x7ff1);

    /// As the foreign domain, for privileged callers: the parts of Xen's own memory
    /// that may be mapped.
    #[doc(alias = "DOMID_XEN")]
    pub const XEN: Self = Self(0x7ff2);

    /// The owner of pages shared copy-on-write.
    #[doc(alias = "DOMID_COW")]
    pub const COW: Self = Self(0x7ff3);

    /// No domain: the owner of pages whose owner is not known.
    #[doc(alias = "DOMID_INVALID")]
    pub const INVALID: Self = Self(0x7ff4);

    /// The domain that runs when no other does.
    #[doc(alias = "DOMID_IDLE")]
    pub const IDLE: Self = Self(0x7fff);

    /// The bits that a domain number may have.
    #[doc(alias = "DOMID_MASK")]
    pub const MASK: u16 = 0x7fff;

    /// Wraps the number as it stands in the ABI.
    #[inline]
    pub const fn new(raw: u16) -> Self {
        Self(raw)
    }

    /// The number as it stands in the ABI.
    #[inline]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Whether the number is outside the range of ordinary domains.
    #[inline]
    pub const fn is_reserved(self) -> bool {
        self.0 >= Self::FIRST_RESERVED.0
    }

    /// The C name of a reserved number that has one.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::SELF => Some("DOMID_SELF"),
            Self::IO => Some("DOMID_IO"),
            Self::XEN => Some("DOMID_XEN"),
            Self::COW => Some("DOMID_COW"),
            Self::INVALID => Some("DOMID_INVALID"),
            Self::IDLE => Some("DOMID_IDLE"),
            _ => None,
        }
    }
}

impl core::fmt::Display for DomId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(&self.0, f)
    }
}

impl core::fmt::Debug for DomId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.name() {
            Some(name) => write!(f, "DomId({name})"),
            None => write!(f, "DomId({})", self.0),
        }
    }
}

crate::words::number! {
    /// The number of one of a domain's virtual processors, from 0.
    #[doc(alias = "vcpuid")]
    VcpuId(u32)
}

crate::words::open_enum! {
    /// A virtual interrupt, bound to an event channel by `EVTCHNOP_bind_virq`.
    ///
    /// Per-processor ones can be bound once for each virtual processor, global ones
    /// once, and some of those by privileged domains only.
    #[doc(alias = "VIRQ_")]
    Virq(u32) {
        /// Per processor: the time base was updated or a timer ran out.
        TIMER = 0 => "VIRQ_TIMER",
        /// Per processor: the guest is asked to print its state.
        DEBUG = 1 => "VIRQ_DEBUG",
        /// Global, privileged: the emergency console received bytes.
        CONSOLE = 2 => "VIRQ_CONSOLE",
        /// Global, privileged: something happened to some domain (it died, for one).
        DOM_EXC = 3 => "VIRQ_DOM_EXC",
        /// Global, privileged: the trace buffers hold records.
        TBUF = 4 => "VIRQ_TBUF",
        /// Global, privileged: a domain was paused for its debugger.
        DEBUGGER = 6 => "VIRQ_DEBUGGER",
        /// Per processor: a new profiling sample.
        XENOPROF = 7 => "VIRQ_XENOPROF",
        /// Global, privileged: the console ring received bytes.
        CON_RING = 8 => "VIRQ_CON_RING",
        /// Global, privileged: a physical processor went on or off line.
        PCPU_STATE = 9 => "VIRQ_PCPU_STATE",
        /// Global, privileged: a memory event occurred.
        MEM_EVENT = 10 => "VIRQ_MEM_EVENT",
        /// Global: an Argo message arrived.
        ARGO = 11 => "VIRQ_ARGO",
        /// Global, privileged: the hypervisor is low on memory.
        ENOMEM = 12 => "VIRQ_ENOMEM",
        /// Per processor: a performance counter interrupt.
        XENPMU = 13 => "VIRQ_XENPMU",
        /// First of those that an architecture defines; [`MCA`](Self::MCA) on x86.
        ARCH_0 = 16 => "VIRQ_ARCH_0",
        /// Architecture specific.
        ARCH_1 = 17 => "VIRQ_ARCH_1",
        /// Architecture specific.
        ARCH_2 = 18 => "VIRQ_ARCH_2",
        /// Architecture specific.
        ARCH_3 = 19 => "VIRQ_ARCH_3",
        /// Architecture specific.
        ARCH_4 = 20 => "VIRQ_ARCH_4",
        /// Architecture specific.
        ARCH_5 = 21 => "VIRQ_ARCH_5",
        /// Architecture specific.
        ARCH_6 = 22 => "VIRQ_ARCH_6",
        /// Architecture specific.
        ARCH_7 = 23 => "VIRQ_ARCH_7",
    }
}

impl Virq {
    /// x86: the machine check handler has something to tell. Global, privileged.
    #[doc(alias = "VIRQ_MCA")]
    pub const MCA: Self = Self::ARCH_0;
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::{DomId, Virq};

    #[test]
    fn domains_print_as_numbers_and_debug_as_names() {
        assert_eq!(
            std::format!("/local/domain/{}", DomId::new(7)),
            "/local/domain/7"
        );
        assert_eq!(std::format!("{}", DomId::SELF), "32752");
        assert_eq!(std::format!("{:?}", DomId::SELF), "DomId(DOMID_SELF)");
        assert_eq!(std::format!("{:?}", DomId::new(7)), "DomId(7)");
        assert!(DomId::SELF.is_reserved() && DomId::IDLE.is_reserved());
        assert!(!DomId::new(0x7fef).is_reserved());
    }

    #[test]
    fn unnamed_interrupts_keep_their_number() {
        assert_eq!(std::format!("{:>12}", Virq::TIMER), "  VIRQ_TIMER");
        assert_eq!(std::format!("{:?}", Virq::new(5)), "Virq(5)");
        assert_eq!(u32::from(Virq::from(5)), 5);
    }
}
