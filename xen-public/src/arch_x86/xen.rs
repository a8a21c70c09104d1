//! x86's part of the page that Xen shares with a domain
//! (`xen/include/public/arch-x86/xen.h`): where a PV guest keeps its table of machine
//! frames, for the toolstack to find when it saves or migrates the guest.

use crate::record::record;

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
    }
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
    }
}
