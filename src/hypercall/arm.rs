//! What both ARM ABIs have: the conduit.
#![allow(unsafe_code)]

use super::Conduit;
use crate::version::Guest;

#[cfg(target_arch = "arm")]
use super::arm32 as cpu;
#[cfg(target_arch = "aarch64")]
use super::arm64 as cpu;

/// Calls with `hvc #0xEA1`.
#[derive(Debug)]
#[doc(alias = "XEN_HYPERCALL_TAG")]
pub struct Hvc(());

impl Hvc {
    /// The way by `hvc`.
    ///
    /// # Safety
    ///
    /// The code runs in the kernel (EL1, or the privileged modes of a 32-bit processor) of a guest of Xen,
    /// and the value stays there. In any other place the instruction leads to another hypervisor or
    /// nowhere.
    pub const unsafe fn new() -> Self {
        Self(())
    }
}

// SAFETY: in the kernel of Xen's guest (which `new` asks for) `hvc` with this tag enters Xen with number
// and arguments as they stand in the registers.
unsafe impl Conduit for Hvc {
    #[inline(always)]
    unsafe fn hypercall(&self, number: u32, arguments: [usize; 5]) -> isize {
        // SAFETY: whoever made `self` vouched for the instruction, and the caller does for the call.
        unsafe { cpu::hvc(number, arguments) }
    }

    fn guest(&self) -> Option<Guest> {
        Some(Guest::Arm)
    }
}
