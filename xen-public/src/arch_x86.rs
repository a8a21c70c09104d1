//! What is particular to x86 (`xen/include/public/arch-x86/`).

pub mod cpuid;
pub mod hvm;
pub mod xen;
pub mod xen_mca;
pub mod xen_x86_32;
pub mod xen_x86_64;
