//! x86's part of the page that Xen shares with a domain
//! (`xen/include/public/arch-x86/xen.h`): where a PV guest keeps its table of machine
//! frames, for the toolstack to find when it saves or migrates the guest. And the
//! flags of a PV guest's trap handlers, as `HYPERVISOR_set_trap_table` takes them.

use crate::record::record;

/// The privilege bits of a trap's flags.
const TI_DPL: u8 = 0b011;
/// The bit of a trap's flags that masks events.
const TI_IF: u8 = 0b100;

record! {
    /// x86_32's part of the shared page: 28 bytes.
    #[repr(C)]
    #[derive(Debug, PartialEq, Eq)]
    #[doc(alias = "arch_shared_info")]
    #[doc(alias = "arch_shared_info_t")]
    ArchSharedInfoX86_32 {
        /// How many frames the table covers. Written by the guest.
        max_pfn: u32,
        /// Machine frame of the root of the three-level table; 0 while there is none,
        /// all ones if there will be none. Written by the guest.
        pfn_to_mfn_frame_list_list: u32,
        /// Why the last non-maskable interrupt came: a bit for each reason. Written by Xen.
        nmi_reason: u32,
        /// Control register 3 of the address space that the linear table is mapped in;
        /// 0 if there is no linear table. Written by the guest.
        p2m_cr3: u32,
        /// Virtual address of the linear table. Written by the guest.
        p2m_vaddr: u32,
        /// Change counter of the linear table's mapping; odd during a change. Written by
        /// the guest.
        p2m_generation: u32,
        /// High 32 bits of the wall clock's seconds. Written by Xen.
        wc_sec_hi: u32,
    } is arch_x86::xen::arch_shared_info in x86_32
}

record! {
    /// x86_64's part of the shared page: 48 bytes.
    #[repr(C, align(8))]
    #[derive(Debug, PartialEq, Eq)]
    #[doc(alias = "arch_shared_info")]
    #[doc(alias = "arch_shared_info_t")]
    ArchSharedInfoX86_64 {
        /// How many frames the table covers. Written by the guest.
        max_pfn: u64,
        /// Machine frame of the root of the three-level table; 0 while there is none,
        /// all ones if there will be none. Written by the guest.
        pfn_to_mfn_frame_list_list: u64,
        /// Why the last non-maskable interrupt came: a bit for each reason. Written by Xen.
        nmi_reason: u64,
        /// Control register 3 of the address space that the linear table is mapped in;
        /// 0 if there is no linear table. Written by the guest.
        p2m_cr3: u64,
        /// Virtual address of the linear table. Written by the guest.
        p2m_vaddr: u64,
        /// Change counter of the linear table's mapping; odd during a change. Written by
        /// the guest.
        p2m_generation: u64,
    } is arch_x86::xen::arch_shared_info in x86_64
}

/// The lowest privilege that may enter a trap by a software interrupt, from the
/// `flags` of its `trap_info`: 0 nobody, 1 and 2 the kernel, 3 everybody.
#[doc(alias = "TI_GET_DPL")]
pub const fn ti_get_dpl(flags: u8) -> u8 {
    flags & TI_DPL
}

/// Whether Xen masks events when it enters a trap, from the `flags` of its `trap_info`.
#[doc(alias = "TI_GET_IF")]
pub const fn ti_get_if(flags: u8) -> bool {
    flags & TI_IF != 0
}

/// The `flags` of a `trap_info` with the privilege `dpl` (0 to 3) added.
///
/// The bits are added to those that are set already, as C does it: start from
/// flags whose privilege is 0. A greater `dpl` sets other flags, as in C.
#[must_use]
#[doc(alias = "TI_SET_DPL")]
pub const fn ti_set_dpl(flags: u8, dpl: u8) -> u8 {
    flags | dpl
}

/// The `flags` of a `trap_info`, with events masked at entry if `mask` is set.
/// They stay masked if they were and `mask` is not set, as in C.
///
/// ```
/// use xen_public::arch_x86::xen::{ti_get_dpl, ti_get_if, ti_set_dpl, ti_set_if};
/// // A breakpoint that user space may raise, handled with events masked.
/// let flags = ti_set_if(ti_set_dpl(0, 3), true);
/// assert_eq!((ti_get_dpl(flags), ti_get_if(flags)), (3, true));
/// ```
#[must_use]
#[doc(alias = "TI_SET_IF")]
pub const fn ti_set_if(flags: u8, mask: bool) -> u8 {
    if mask { flags | TI_IF } else { flags }
}
