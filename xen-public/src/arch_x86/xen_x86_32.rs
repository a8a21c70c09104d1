//! Page-table bases of 32-bit x86 PV guests (`xen/include/public/arch-x86/xen-x86_32.h`).
//!
//! A top-level page table may lie above 4 GiB, where its frame number no longer
//! fits the upper 20 bits of a 32-bit `cr3`. Such guests and Xen therefore exchange
//! the frame number rotated left by twelve bits, in `cr3` itself and in
//! `vcpu_guest_context.ctrlreg[3]`.

/// The `cr3` value that names the page table in machine frame `pfn`.
pub const fn xen_pfn_to_cr3(pfn: u32) -> u32 {
    pfn.rotate_left(12)
}

/// The machine frame that holds the page table named by `cr3`.
pub const fn xen_cr3_to_pfn(cr3: u32) -> u32 {
    cr3.rotate_right(12)
}

crate::record::record! {
    /// x86_32's part of a virtual processor's shared record: 24 bytes.
    #[repr(C)]
    #[derive(Debug, PartialEq, Eq)]
    #[doc(alias = "arch_vcpu_info")]
    #[doc(alias = "arch_vcpu_info_t")]
    ArchVcpuInfoX86_32 {
        /// Address of the last page fault of a PV guest, instead of control register 2.
        /// Written by Xen; the guest may write it too.
        cr2: u32,
        /// Hole in the C struct, named there.
        pad: crate::pad::Pad<20>,
    } is arch_x86::xen_x86_32::arch_vcpu_info in x86_32
}
