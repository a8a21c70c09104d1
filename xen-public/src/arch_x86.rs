//! What is particular to x86 (`xen/include/public/arch-x86/`).
