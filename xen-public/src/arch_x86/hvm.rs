//! What is particular to hardware-virtualised x86 guests (`xen/include/public/arch-x86/hvm/`).

pub mod start_info;
