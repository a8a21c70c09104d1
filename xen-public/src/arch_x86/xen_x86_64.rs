//! Page-table bases of 64-bit x86 PV guests (`xen/include/public/arch-x86/xen-x86_64.h`).
//!
//! A 64-bit `cr3` is the machine address of the top-level page table, so it is the
//! frame number shifted by the page size; the lowest twelve bits carry no address.

/// The `cr3` value that names the page table in machine frame `pfn`; bits of the
/// frame number above bit 51 are lost.
pub const fn xen_pfn_to_cr3(pfn: u64) -> u64 {
    pfn << 12
}

/// The machine frame that holds the page table named by `cr3`.
pub const fn xen_cr3_to_pfn(cr3: u64) -> u64 {
    cr3 >> 12
}

crate::record::record! {
    /// x86_64's part of a virtual processor's shared record: 16 bytes.
    #[repr(C, align(8))]
    #[derive(Debug, PartialEq, Eq)]
    #[doc(alias = "arch_vcpu_info")]
    #[doc(alias = "arch_vcpu_info_t")]
    ArchVcpuInfoX86_64 {
        /// Address of the last page fault of a PV guest, instead of control register 2.
        /// Written by Xen; the guest may write it too.
        cr2: u64,
        /// Hole in the C struct, named there.
        pad: crate::pad::Pad<8>,
    } is arch_x86::xen_x86_64::arch_vcpu_info in x86_64
}
