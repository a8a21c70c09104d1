//! The CPUID leaves in which Xen tells an x86 guest about itself
//! (`xen/include/public/arch-x86/cpuid.h`).
//!
//! The leaves start at `0x4000_0000`, or, where another hypervisor's interface
//! (viridian) is offered as well, at the next free multiple of `0x100`. A guest
//! looks for the signature in EBX, ECX and EDX of each such base and then reads
//! the numbered leaves after it: [`xen_cpuid_leaf`] gives a leaf of the usual
//! base, [`xen_cpuid_leaf_at`] of the base that was found, and [`is_signature`]
//! tells whether a base is Xen's.

use crate::abi::x86_64::arch_x86::cpuid as c;

/// The number of Xen's leaf `index`, counted from the usual base: leaf 0 holds the
/// signature, leaf 1 the version, leaf 2 the hypercall page and the features.
///
/// ```
/// assert_eq!(xen_public::arch_x86::cpuid::xen_cpuid_leaf(2), 0x4000_0002);
/// ```
#[doc(alias = "XEN_CPUID_LEAF")]
pub const fn xen_cpuid_leaf(index: u32) -> u32 {
    xen_cpuid_leaf_at(c::XEN_CPUID_FIRST_LEAF as u32, index)
}

/// The number of Xen's leaf `index` where the signature was found at `base`.
pub const fn xen_cpuid_leaf_at(base: u32, index: u32) -> u32 {
    base.wrapping_add(index)
}

/// Whether a base leaf's EBX, ECX and EDX spell Xen's signature, `XenVMMXenVMM`.
///
/// ```
/// use xen_public::arch_x86::cpuid::is_signature;
/// let [ebx, ecx, edx] = [b"XenV", b"MMXe", b"nVMM"].map(|part| u32::from_le_bytes(*part));
/// assert!(is_signature(ebx, ecx, edx));
/// assert!(!is_signature(ecx, edx, ebx));
/// ```
#[doc(alias = "XEN_CPUID_SIGNATURE_EBX")]
#[doc(alias = "XEN_CPUID_SIGNATURE_ECX")]
#[doc(alias = "XEN_CPUID_SIGNATURE_EDX")]
pub const fn is_signature(ebx: u32, ecx: u32, edx: u32) -> bool {
    ebx == c::XEN_CPUID_SIGNATURE_EBX as u32
        && ecx == c::XEN_CPUID_SIGNATURE_ECX as u32
        && edx == c::XEN_CPUID_SIGNATURE_EDX as u32
}
